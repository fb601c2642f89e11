use super::*;
use crate::stream::Stream;

/// Three coordinates, the shards of which know different directions well: their precision is the sum of
/// a common part and one along a direction of their own.
fn precision(shard: usize) -> Mat<f64> {
    let angle = 0.7 * shard as f64;
    let own = [angle.cos(), angle.sin(), 0.5 - 0.1 * shard as f64];
    let common = |i, j| if i == j { 1.0 } else { 0.3 };
    Mat::from_fn(3, 3, |i: usize, j: usize| common(i, j) + 4.0 * own[i] * own[j])
}

fn centre(shard: usize) -> [f64; 3] {
    let k = shard as f64;
    [2.0 + 0.3 * (1.3 * k).sin(), -1.0 + 0.3 * (2.1 * k).cos(), 0.3 * (0.9 * k).sin()]
}

/// Draws of a normal density: centre + lower factor of the covariance times a standard normal vector, chains of
/// 1000 draws.
fn shard(position: usize, shift: f64, scale: [f64; 3]) -> ShardDraws {
    let covariance = moments::inverse(&precision(position)).unwrap();
    let lower = covariance.llt(faer::Side::Lower).unwrap().L().to_owned();
    let mut stream = Stream::new(100 + position as u64);
    let mut draw = || {
        let z = [0; 3].map(|_| stream.normal());
        let value = |i: usize| {
            let spread: f64 = (0..=i).map(|j| lower[(i, j)] * z[j]).sum();
            scale[i] * (centre(position)[i] + shift + spread)
        };
        (0..3).map(value).collect::<Vec<f64>>()
    };
    ShardDraws { chains: (0..4).map(|_| (0..1000).map(|_| draw()).collect()).collect() }
}

fn shards(count: usize) -> Vec<ShardDraws> {
    (0..count).map(|k| shard(k, 0.0, [1.0; 3])).collect()
}

/// Mean and covariance of the product of the first `count` densities.
fn product(count: usize) -> (Col<f64>, Mat<f64>) {
    let (mut weight, mut weighted) = (Mat::<f64>::zeros(3, 3), Col::<f64>::zeros(3));
    for k in 0..count {
        weight += precision(k);
        weighted += precision(k) * Col::from_fn(3, |i| centre(k)[i]);
    }
    let covariance = moments::inverse(&weight).unwrap();
    (&covariance * weighted, covariance)
}

#[test]
fn normal_shards_give_the_posterior_of_all() {
    let (mean, covariance) = product(8);
    for combination in [Combination::Consensus, Combination::Robust] {
        let found = combine(&shards(8), combination).unwrap();
        assert!(found.left_out.is_empty(), "{:?}", found.distances);
        for i in 0..3 {
            // 4000 draws; the weights are estimates too.
            let error = (found.mean[i] - mean[i]) / (covariance[(i, i)] / 4000.0).sqrt();
            assert!(error.abs() < 4.0, "coordinate {i} is {error} errors off");
            for j in 0..3 {
                let unit = (covariance[(i, i)] * covariance[(j, j)]).sqrt();
                let error = (found.covariance[3 * i + j] - covariance[(i, j)]) / unit;
                assert!(error.abs() < 0.1, "covariance {i}, {j} is off by {error}");
            }
        }
        assert_eq!((found.draws.len(), found.draws[3].len()), (4, 1000));
        assert!(found.between_shard_distance() < found.cut_off);
    }
}

#[test]
fn weights_of_single_coordinates_would_not_do() {
    // The correlations of the shards differ: what each coordinate would say by itself is another mean.
    let (mean, covariance) = product(8);
    let alone = |i: usize| {
        let of = |k: usize| moments::inverse(&precision(k)).unwrap()[(i, i)].recip();
        (0..8).map(|k| of(k) * centre(k)[i]).sum::<f64>() / (0..8).map(of).sum::<f64>()
    };
    let error = |i: usize| (alone(i) - mean[i]).abs() / (covariance[(i, i)] / 4000.0).sqrt();
    assert!((0..3).any(|i| error(i) > 8.0), "{:?}", [0, 1, 2].map(error));
}

/// Draws of one coordinate with exactly this mean and variance.
fn exact(mean: f64, variance: f64) -> ShardDraws {
    // Four at either side: the variance has 7 in its denominator.
    let side = (variance * 7.0 / 8.0).sqrt();
    let draw = |s: usize| vec![if s.is_multiple_of(2) { mean - side } else { mean + side }];
    ShardDraws { chains: vec![(0..8).map(draw).collect()] }
}

#[test]
fn distances_are_those_from_the_others() {
    let all = [exact(0.0, 1.0), exact(1.0, 4.0), exact(5.0, 2.0)];
    let found = combine(&all, Combination::Consensus).unwrap();
    // Of the last: the others have weights 1 and 1/4, so mean 0.2 and variance 0.8.
    let last = 4.8 / 2.8f64.sqrt();
    // Of the first: weights 1/4 and 1/2, mean 11/3, variance 4/3.
    let first = 11.0 / 3.0 / (7.0f64 / 3.0).sqrt();
    assert!((found.distances[2] - last).abs() < 1e-12, "{:?}", found.distances);
    assert!((found.distances[0] - first).abs() < 1e-12, "{:?}", found.distances);
    assert_eq!(found.between_shard_distance(), found.distances[2]);
    // Weights 4, 1 and 2 in sevenths.
    assert!((found.mean[0] - 11.0 / 7.0).abs() < 1e-12);
}

#[test]
fn the_cut_off_is_a_quantile_of_chi_square() {
    let found = combine(&shards(8), Combination::Consensus).unwrap();
    // SciPy 1.17.1: sqrt(scipy.stats.chi2.isf(1e-4 / 8, 3) / 3).
    assert!((found.cut_off - (25.438687199573376f64 / 3.0).sqrt()).abs() < 1e-12);
}

#[test]
fn a_shard_apart_is_left_out() {
    let mut all = shards(8);
    all[2] = shard(2, 6.0, [1.0; 3]);
    let robust = combine(&all, Combination::Robust).unwrap();
    assert_eq!(robust.left_out, [2]);
    assert!(robust.distances[2] > robust.cut_off);
    assert_eq!(robust.between_shard_distance(), robust.distances[2]);
    let kept: Vec<ShardDraws> = (0..8).filter(|k| *k != 2).map(|k| all[k].clone()).collect();
    let without = combine(&kept, Combination::Consensus).unwrap();
    for i in 0..3 {
        assert!((robust.mean[i] - without.mean[i]).abs() < 1e-9);
    }
    let plain = combine(&all, Combination::Consensus).unwrap();
    assert!(plain.left_out.is_empty() && plain.distances[2] > plain.cut_off);
    assert!((plain.mean[0] - robust.mean[0]).abs() > 0.1);
}

#[test]
fn shards_that_disagree_as_a_whole_are_named() {
    let all: Vec<ShardDraws> = (0..4).map(|k| shard(k, 20.0 * k as f64, [1.0; 3])).collect();
    let error = combine(&all, Combination::Robust).unwrap_err();
    let ConsensusError::Disagree { shards, of: 4 } = &error else { panic!("{error}") };
    assert_eq!(shards.len(), 2);
    let said = error.to_string();
    assert!(said.contains(&format!("(shards {}, {})", shards[0] + 1, shards[1] + 1)), "{said}");
    // Of two nobody can tell which is wrong.
    let two = [shard(0, 0.0, [1.0; 3]), shard(1, 20.0, [1.0; 3])];
    let error = combine(&two, Combination::Robust).unwrap_err();
    assert_eq!(error, ConsensusError::Disagree { shards: vec![0, 1], of: 2 });
    assert!(combine(&two, Combination::Consensus).is_ok());
}

#[test]
fn the_order_of_shards_is_free() {
    let mut all = shards(6);
    all[1] = shard(1, 6.0, [1.0; 3]);
    let before = combine(&all, Combination::Robust).unwrap();
    all.reverse();
    let after = combine(&all, Combination::Robust).unwrap();
    assert_eq!((&before.left_out[..], &after.left_out[..]), (&[1][..], &[4][..]));
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-11 * a.abs().max(1.0), "{a} {b}");
    for (a, b) in before.draws.iter().flatten().zip(after.draws.iter().flatten()) {
        a.iter().zip(b).for_each(|(a, b)| close(*a, *b));
    }
    for (a, b) in before.distances.iter().zip(after.distances.iter().rev()) {
        close(*a, *b);
    }
}

#[test]
fn scales_may_differ() {
    let scale = [1e-8, 1.0, 1e8];
    let scaled: Vec<ShardDraws> = (0..5).map(|k| shard(k, 0.0, scale)).collect();
    let (found, plain) = (
        combine(&scaled, Combination::Robust).unwrap(),
        combine(&shards(5), Combination::Robust).unwrap(),
    );
    for i in 0..3 {
        assert!((found.mean[i] / scale[i] - plain.mean[i]).abs() < 1e-9);
        for j in 0..3 {
            let unscaled = found.covariance[3 * i + j] / scale[i] / scale[j];
            assert!((unscaled - plain.covariance[3 * i + j]).abs() < 1e-9);
        }
    }
    for (a, b) in found.distances.iter().zip(&plain.distances) {
        assert!((a - b).abs() < 1e-9);
    }
}

#[test]
fn sixty_coordinates_are_combined() {
    let mut stream = Stream::new(9);
    let mut shard = || {
        let mut draw = |_| {
            // Neighbours share what comes before them.
            let mut x = 0.0;
            let mut next = || {
                x = 0.8 * x + stream.normal();
                x
            };
            (0..60).map(|_| next()).collect::<Vec<f64>>()
        };
        ShardDraws { chains: vec![(0..2000).map(&mut draw).collect()] }
    };
    let all: Vec<ShardDraws> = (0..6).map(|_| shard()).collect();
    let found = combine(&all, Combination::Robust).unwrap();
    assert!(found.left_out.is_empty(), "{:?}", found.distances);
    // The variance far from the first coordinate is 1/(1 − 0.64), a sixth of it with six shards.
    let expected = (1.0 - 0.64f64).recip() / 6.0;
    let mean: f64 = (30..60).map(|i| found.covariance[61 * i]).sum::<f64>() / 30.0;
    assert!((mean / expected - 1.0).abs() < 0.1, "{mean} {expected}");
}

#[test]
fn what_has_no_consensus_is_refused() {
    let of = |all: &[ShardDraws]| combine(all, Combination::Consensus).unwrap_err();
    let good = shards(3);
    assert_eq!(of(&good[..1]), ConsensusError::TooFewShards { found: 1 });
    let few = |k: usize| ShardDraws { chains: vec![good[k].chains[0][..4].to_vec()] };
    let error = of(&[few(0), few(1)]);
    assert_eq!(error, ConsensusError::TooFewDraws { shard: 0, found: 4, expected: 5 });
    let changed = |change: &dyn Fn(&mut Vec<f64>)| {
        let mut all = good.clone();
        all[1].chains.iter_mut().flatten().for_each(change);
        of(&all)
    };
    let still = changed(&|draw| draw[2] = 0.1);
    assert_eq!(still, ConsensusError::NoSpread { shard: 1, coordinate: 2 });
    assert!(still.to_string().contains("shard 2: coordinate 3 has no spread"), "{still}");
    let tied = changed(&|draw| draw[2] = 3.0 * draw[0] - draw[1]);
    assert_eq!(tied, ConsensusError::Singular { shard: 1 });
    let nearly = changed(&|draw| draw[2] = 3.0 * draw[0] + 3e-7 * (1e3 * draw[1]).sin());
    assert_eq!(nearly, ConsensusError::Singular { shard: 1 });
    let broken = changed(&|draw| draw[0] = f64::NAN);
    assert_eq!(broken, ConsensusError::NonFinite { shard: 1, coordinate: 0 });
    let longer = changed(&|draw| draw.push(0.0));
    let what = "coordinates of a draw";
    assert_eq!(longer, ConsensusError::Unequal { shard: 1, what, found: 4, expected: 3 });
    let mut shorter = good.clone();
    shorter[2].chains[3].pop();
    let what = "draws in a chain";
    let expected = ConsensusError::Unequal { shard: 2, what, found: 999, expected: 1000 };
    assert_eq!(of(&shorter), expected);
    let none = ShardDraws { chains: vec![vec![Vec::new(); 9]] };
    assert_eq!(of(&[none.clone(), none]), ConsensusError::Empty { shard: 0 });
}
