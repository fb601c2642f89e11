use proptest::prelude::*;

use super::*;

/// Autoregressive chains from a linear congruential generator, the same in any language.
pub(super) fn chains(seed: u64, count: usize, length: usize, rho: f64, shift: f64) -> Draws {
    let mut state = seed;
    let mut one = |chain: usize| {
        let mut x = 0.0;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let u = (state >> 11) as f64 / (1u64 << 53) as f64;
            x = rho * x + (u - 0.5);
            x + shift * chain as f64
        };
        (0..length).map(|_| next()).collect()
    };
    Draws::new((0..count).map(&mut one).collect())
}

pub(super) fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-9 * expected.abs(), "{found} instead of {expected}");
}

/// Seed, chains, draws, correlation of neighbours, shift from chain to chain; and what ArviZ 0.23.4 makes of
/// them: rhat, ess of bulk, tail and mean, mcse of the mean, and numpy.quantile at 0.1.
type Case = ((u64, usize, usize, f64, f64), [f64; 6]);

const CASES: [Case; 5] = [
    (
        (1, 4, 200, 0.0, 0.0),
        [
            1.003904800816306,
            897.3046976292507,
            811.8685625317896,
            920.7286593129754,
            0.009493448104182161,
            -0.402635426233504,
        ],
    ),
    (
        (2, 4, 200, 0.9, 0.0),
        [
            1.1000350905311718,
            29.72592386149018,
            61.28040624795979,
            30.31009441796363,
            0.12529586690665986,
            -0.7587342643113834,
        ],
    ),
    (
        (3, 2, 101, 0.5, 0.3),
        [
            1.1265234029138775,
            15.425443963376777,
            43.064702806549604,
            15.210960579592847,
            0.09374694497182962,
            -0.2843951957156032,
        ],
    ),
    (
        (5, 4, 40, -0.5, 0.0),
        [
            0.9952018258332443,
            352.6591972249479,
            181.7348842926262,
            352.6591972249479,
            0.01900210450241695,
            -0.4819128510711837,
        ],
    ),
    (
        (6, 3, 12, 0.99, 1.0),
        [
            2.245008083435956,
            10.40240565213443,
            17.60869565217391,
            9.566385932516974,
            0.2794118635330446,
            -0.01224105849606405,
        ],
    ),
];

#[test]
fn values_are_those_of_arviz() {
    for ((seed, count, length, rho, shift), expected) in CASES {
        let draws = chains(seed, count, length, rho, shift);
        let found = [
            draws.r_hat(),
            draws.bulk_ess(),
            draws.tail_ess(),
            draws.mean_ess(),
            draws.mean_error(),
            draws.quantile(0.1),
        ];
        found.iter().zip(expected).for_each(|(found, expected)| close(*found, expected));
    }
}

#[test]
fn one_chain_is_split_too() {
    let draws = chains(4, 1, 60, 0.3, 0.0);
    close(draws.bulk_ess(), 38.438683082745726);
    close(draws.tail_ess(), 64.42853616391015);
    assert!(draws.r_hat().is_finite());
}

#[test]
fn equal_draws_have_no_r_hat() {
    let draws = Draws::new(vec![vec![2.0; 10]; 2]);
    assert!(draws.r_hat().is_nan());
    assert_eq!((draws.mean(), draws.bulk_ess()), (2.0, 20.0));
}

#[test]
fn chains_apart_are_effective_by_themselves() {
    let apart = chains(2, 4, 500, 0.5, 20.0);
    assert!(apart.mean_ess() < 10.0 && apart.within_ess() > 300.0, "{}", apart.within_ess());
    let alone = chains(2, 1, 500, 0.5, 0.0);
    close(alone.within_ess(), alone.mean_ess());
    assert_eq!(Draws::new(vec![vec![2.0; 10]; 3]).within_ess(), 3.0);
}

#[test]
fn independent_energies_have_a_fraction_of_two() {
    let draws = chains(7, 1, 20_000, 0.0, 0.0);
    let energies: Vec<f64> = draws.all().collect();
    assert!((energy_fraction(&energies) - 2.0).abs() < 0.05);
    let walk: Vec<f64> = energies
        .iter()
        .scan(0.0, |x, e| {
            *x += e;
            Some(*x)
        })
        .collect();
    assert!(energy_fraction(&walk) < 0.01);
}

proptest! {
    #[test]
    fn diagnostics_do_not_hang_on_units(scale in 0.1f64..100.0, shift in -5.0f64..5.0) {
        let draws = chains(11, 3, 50, 0.4, 0.1);
        let moved = Draws::new(
            draws.0.iter().map(|c| c.iter().map(|x| scale * x + shift).collect()).collect(),
        );
        prop_assert!((moved.r_hat() - draws.r_hat()).abs() < 1e-6);
        prop_assert!((moved.mean_ess() / draws.mean_ess() - 1.0).abs() < 1e-6);
        prop_assert!((moved.mean_error() / draws.mean_error() / scale - 1.0).abs() < 1e-6);
    }
}
