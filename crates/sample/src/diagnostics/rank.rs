//! Ranks of draws, and their normal scores.

use super::normal::quantile;

/// Each draw replaced by the normal quantile of its rank r among all S: (r − 3/8)/(S + 1/4).
pub(super) fn normalised(chains: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let total = chains.iter().map(Vec::len).sum::<usize>() as f64;
    let mut ranks = ranks(chains);
    for rank in ranks.iter_mut().flatten() {
        *rank = quantile((*rank - 0.375) / (total + 0.25));
    }
    ranks
}

/// Ranks of the draws among those of all chains, from 1; equal draws share their mean rank.
pub(super) fn ranks(chains: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let all: Vec<f64> = chains.iter().flatten().copied().collect();
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by(|a, b| all[*a].total_cmp(&all[*b]));
    let mut ranks = vec![0.0; all.len()];
    let mut start = 0;
    while start < order.len() {
        let value = all[order[start]];
        let end = start + order[start..].iter().take_while(|k| all[**k] == value).count().max(1);
        // Ranks start + 1 to end.
        let rank = 0.5 * (start + 1 + end) as f64;
        order[start..end].iter().for_each(|k| ranks[*k] = rank);
        start = end;
    }
    ranks.chunks(chains[0].len()).map(<[f64]>::to_vec).collect()
}

/// Distances from the median of all draws.
pub(super) fn folded(chains: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut all: Vec<f64> = chains.iter().flatten().copied().collect();
    all.sort_by(f64::total_cmp);
    let half = all.len() / 2;
    let median =
        if all.len().is_multiple_of(2) { 0.5 * (all[half - 1] + all[half]) } else { all[half] };
    let fold = |chain: &Vec<f64>| chain.iter().map(|x| (x - median).abs()).collect();
    chains.iter().map(fold).collect()
}
