//! Points that fill the unit cube evenly.

/// Additive recurrence R_d with a random shift.
///
/// **Formula.** $u_k = \mathrm{frac}(s + k\,\alpha)$, $\alpha_i = \varphi_d^{-i}$ for i = 1 … d, with
/// $\varphi_d$ the positive root of $x^{d+1} = x + 1$; the shift s (Cranley and Patterson) comes from
/// the seed. Sums are in 64-bit fixed point, so point k costs the same for every k and has no drift.
///
/// **Symbols.** d: dimension, any; u: in [0, 1)^d.
///
/// **Source.** Roberts, "The unreasonable effectiveness of quasirandom sequences" (2018),
/// extremelearning.com.au; Cranley and Patterson, SIAM J. Numer. Anal. 13 (1976) 904,
/// doi:10.1137/0713071. The shift uses SplitMix64: Steele, Lea and Flood (2014),
/// doi:10.1145/2660193.2660195.
///
/// **Checked by** `cells_are_filled_evenly`, `seeds_shift_and_points_repeat`.
#[derive(Debug, Clone)]
pub(super) struct Sequence {
    alpha: Vec<u64>,
    shift: Vec<u64>,
}

impl Sequence {
    pub(super) fn new(dimension: usize, seed: u64) -> Self {
        let root = generalised_golden_ratio(dimension);
        let mut power = 1.0;
        let alpha = (0..dimension)
            .map(|_| {
                power /= root;
                (power * 2f64.powi(64)) as u64
            })
            .collect();
        let mut state = seed;
        let shift = (0..dimension).map(|_| split_mix(&mut state)).collect();
        Self { alpha, shift }
    }

    /// Point `k`, k = 0, 1, 2, …
    pub(super) fn point(&self, k: u64) -> Vec<f64> {
        self.alpha
            .iter()
            .zip(&self.shift)
            .map(|(alpha, shift)| shift.wrapping_add(alpha.wrapping_mul(k + 1)))
            .map(|fixed| (fixed >> 11) as f64 * 2f64.powi(-53))
            .collect()
    }
}

/// Positive root of x^(d+1) = x + 1, by Newton's method from above.
fn generalised_golden_ratio(dimension: usize) -> f64 {
    let d = i32::try_from(dimension).unwrap_or(i32::MAX - 1);
    let mut x = 2.0f64;
    for _ in 0..64 {
        x -= (x.powi(d + 1) - x - 1.0) / (f64::from(d + 1) * x.powi(d) - 1.0);
    }
    x
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roots_are_golden_and_plastic() {
        assert!((generalised_golden_ratio(1) - 1.618_033_988_749_895).abs() < 1e-15);
        assert!((generalised_golden_ratio(2) - 1.324_717_957_244_746).abs() < 1e-15);
    }

    #[test]
    fn cells_are_filled_evenly() {
        // 256 points on a 4 × 4 grid: 16 a cell; independent points scatter by 4.
        let sequence = Sequence::new(2, 7);
        let mut cells = [0usize; 16];
        for k in 0..256 {
            let u = sequence.point(k);
            assert!(u.iter().all(|u| (0.0..1.0).contains(u)));
            cells[(u[0] * 4.0) as usize * 4 + (u[1] * 4.0) as usize] += 1;
        }
        assert!(cells.iter().all(|count| (13..=19).contains(count)), "{cells:?}");
    }

    #[test]
    fn seeds_shift_and_points_repeat() {
        let (a, b) = (Sequence::new(5, 1), Sequence::new(5, 2));
        assert_eq!(a.point(9), a.point(9));
        assert_ne!(a.point(9), b.point(9));
        assert_eq!(a.point(3).len(), 5);
    }
}
