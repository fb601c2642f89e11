//! Rows of the matrices dealt out to shards.

use dyne_runtime::{Generator, Stream};
use dyne_xpcs_data::{ExcludedRows, Matrices};

use crate::config::{CmcConfig, ShardStrategy};

/// How many shards so many pairs are dealt out to.
pub(in crate::posterior) fn count(cmc: &CmcConfig, pairs: usize) -> usize {
    cmc.shards.unwrap_or_else(|| pairs.div_ceil(cmc.max_pairs).clamp(2, cmc.max_shards))
}

/// For each shard the rows that it has not.
///
/// **Checked by** `every_row_is_dealt_once`.
pub(in crate::posterior) fn deal(
    matrices: &Matrices,
    strategy: ShardStrategy,
    seed: u64,
    shards: usize,
) -> Vec<ExcludedRows> {
    let stream = Stream::new(seed).split("shards");
    let mut without: Vec<Vec<(usize, usize)>> = vec![matrices.excluded().iter().collect(); shards];
    let last = matrices.frames().saturating_sub(1);
    for bin in 0..matrices.bins() {
        let taken = |row: &usize| !matrices.excluded().contains(bin, *row);
        let rows: Vec<usize> = (matrices.skip()..last).filter(taken).collect();
        let mut random = stream.index(bin as u64).generator();
        let owners = match strategy {
            ShardStrategy::Stratified => stratified(rows.len(), shards, &mut random),
            ShardStrategy::Random => by_lot(rows.len(), shards, &mut random),
            ShardStrategy::Contiguous => contiguous(&rows, last, shards),
        };
        for (row, owner) in rows.iter().zip(owners) {
            for (shard, without) in without.iter_mut().enumerate() {
                if shard != owner {
                    without.push((bin, *row));
                }
            }
        }
    }
    without.into_iter().map(ExcludedRows::new).collect()
}

/// Of as many neighbouring rows as there are shards each shard gets one.
fn stratified(rows: usize, shards: usize, random: &mut Generator) -> Vec<usize> {
    let mut owners = Vec::with_capacity(rows + shards);
    while owners.len() < rows {
        let mut group: Vec<usize> = (0..shards).collect();
        random.shuffle(&mut group);
        owners.extend(group);
    }
    owners.truncate(rows);
    owners
}

fn by_lot(rows: usize, shards: usize, random: &mut Generator) -> Vec<usize> {
    let mut owners: Vec<usize> = (0..rows).map(|k| k % shards).collect();
    random.shuffle(&mut owners);
    owners
}

/// Neighbouring rows with about the same number of pairs; `last` is that of the last frame.
fn contiguous(rows: &[usize], last: usize, shards: usize) -> Vec<usize> {
    let total: usize = rows.iter().map(|row| last - row).sum();
    let mut before = 0;
    let owner = |row: &usize| {
        // By the middle of the row.
        let middle = before + (last - row) / 2;
        before += last - row;
        (middle * shards / total.max(1)).min(shards - 1)
    };
    rows.iter().map(owner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dyne_xpcs_data::{Samples, Triangle};

    fn matrices() -> Matrices {
        let triangle = || {
            let values = vec![1.0f32; Triangle::pairs(60)];
            Triangle::new(60, Samples::F32(values))
        };
        let excluded = ExcludedRows::new([(0, 7), (1, 3)]);
        Matrices::new(vec![triangle(), triangle()], 2).without_rows(excluded)
    }

    #[test]
    fn every_row_is_dealt_once() {
        let all = matrices();
        let pairs = |m: &Matrices| (0..2).map(|bin| m.pairs(bin)).collect::<Vec<_>>();
        for strategy in
            [ShardStrategy::Stratified, ShardStrategy::Random, ShardStrategy::Contiguous]
        {
            let dealt = deal(&all, strategy, 5, 4);
            let own: Vec<Vec<usize>> =
                dealt.iter().map(|rows| pairs(&all.clone().without_rows(rows.clone()))).collect();
            for bin in 0..2 {
                let sum: usize = own.iter().map(|shard| shard[bin]).sum();
                assert_eq!(sum, all.pairs(bin), "{strategy:?}");
                // Balanced over the angles.
                let share = |shard: &Vec<usize>| shard[bin] as f64 / sum as f64;
                let even = own.iter().map(share).all(|share| (share - 0.25).abs() < 0.12);
                assert!(even, "{strategy:?}: {own:?}");
            }
            assert_eq!(dealt, deal(&all, strategy, 5, 4));
        }
        assert!(deal(&all, ShardStrategy::Random, 5, 4) != deal(&all, ShardStrategy::Random, 6, 4));
    }

    #[test]
    fn numbers_of_shards_follow_the_rules() {
        let cmc = CmcConfig { max_pairs: 1000, max_shards: 10, ..CmcConfig::default() };
        assert_eq!([500, 4500, 1_000_000].map(|pairs| count(&cmc, pairs)), [2, 5, 10]);
        assert_eq!(count(&CmcConfig { shards: Some(3), ..cmc }, 1_000_000), 3);
    }
}
