//! The fraction of the field that the moving component scatters, as a function of time.
//!
//! xs(t) = clip(f0·exp(f1 (t − f2)) + f3, 0, 1), xr = 1 − xs: He et al., PNAS 121 (31) e2401162121
//! (2024), doi:10.1073/pnas.2401162121.

use dyne_math::table::Table;

use crate::grid::TimeGrid;
use crate::model::Curve;
use crate::scalar::Scalar;

/// Rows a fraction takes in a table: cos χ, sin χ, and the derivatives of χ by f0, f1, f3.
pub const ROWS: usize = 5;

/// Largest exponent.
const EXPONENT_LIMIT: f64 = 500.0;

/// Sharpness of the soft clip.
const SHARPNESS: f64 = 50.0;

/// How a fraction is kept between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clip {
    /// clip(x, 0, 1), derivative 0 outside.
    Hard,
    /// 1 − s(1 − s(x)), s(x) = ln(1 + e^{50 x})/50, what heterodyne 2.0 computes.
    Soft,
}

impl Clip {
    /// Fraction and its derivative.
    fn at(self, x: f64) -> (f64, f64) {
        match self {
            Self::Hard if x < 0.0 => (0.0, 0.0),
            Self::Hard if x > 1.0 => (1.0, 0.0),
            Self::Hard => (x, 1.0),
            Self::Soft => {
                let (y, inner) = softplus(x);
                let (z, outer) = softplus(1.0 - y);
                (1.0 - z, outer * inner)
            }
        }
    }
}

/// ln(1 + e^{kx})/k and its derivative.
fn softplus(x: f64) -> (f64, f64) {
    let z = SHARPNESS * x;
    let slope = if z >= 0.0 { 1.0 / (1.0 + (-z).exp()) } else { z.exp() / (1.0 + z.exp()) };
    ((z.max(0.0) + (-z.abs()).exp().ln_1p()) / SHARPNESS, slope)
}

/// xs at a time and its derivatives by f0, f1 and f3.
///
/// **Edges** the exponent is clamped to ±500; the derivative by f2 is −f0·f1 times that by f0.
pub fn fraction([f0, f1, f2, f3]: [f64; 4], clip: Clip, t: f64) -> (f64, [f64; 3]) {
    let e = (f1 * (t - f2)).clamp(-EXPONENT_LIMIT, EXPONENT_LIMIT).exp();
    let (xs, slope) = clip.at(f0 * e + f3);
    // 0 times an exponential that overflows the slope of a clipped frame would not be 0.
    let by = |x: f64| if slope == 0.0 { 0.0 } else { slope * x };
    (xs, [by(e), by(f0 * (t - f2) * e), by(1.0)])
}

/// xs on the frames and its derivatives by f0, f1, f2 and f3, which stand at `first` and after
/// among the parameters.
///
/// **Checked by** `tests/it/curves.rs`.
pub fn curve(grid: &TimeGrid, parameters: [f64; 4], clip: Clip, first: usize) -> Curve {
    let mut columns = [const { Vec::new() }; 5];
    for t in grid.times() {
        let (xs, [by_f0, by_f1, by_f3]) = fraction(parameters, clip, *t);
        let by_f2 = -parameters[0] * parameters[1] * by_f0;
        let row = [xs, by_f0, by_f1, by_f2, by_f3];
        columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
    }
    let [values, slopes @ ..] = columns;
    let slopes = slopes.into_iter().enumerate().map(|(k, s)| (first + k, s)).collect();
    Curve { name: "xs", symbol: "xs", unit: "–", integral: None, values, slopes }
}

/// Height of a transient that a fit may begin from,
const TRANSIENT: f64 = 0.4;
/// and its times, as parts of the series.
const TRANSIENT_PARTS: [f64; 2] = [4.0, 20.0];

/// `theta` with the fraction (f0, f1, f2, f3) at `first` replaced by others of the same mean from which a
/// fit may find a deeper minimum: a constant one, ones that fall at the beginning of the series, and
/// ones that rise at its end, over a quarter and a twentieth of it.
///
/// **Checked by** `tests::alternatives_have_the_same_mean`.
pub fn alternatives(grid: &TimeGrid, theta: &[f64], first: usize) -> Vec<Vec<f64>> {
    let times = grid.times();
    let (Some(begin), Some(end)) = (times.first(), times.last()) else { return Vec::new() };
    let own = [theta[first], theta[first + 1], theta[first + 2], theta[first + 3]];
    let sum: f64 = times.iter().map(|t| fraction(own, Clip::Hard, *t).0).sum();
    let mean = (sum / times.len() as f64).clamp(0.05, 0.95);
    let onset = own[2];
    let transients = TRANSIENT_PARTS.into_iter().flat_map(|parts| {
        let rate = parts / (end - begin);
        [(-rate, *begin), (rate, *end)].map(|(f1, peak)| {
            let f3 = (mean - TRANSIENT / parts).max(0.0);
            [TRANSIENT * (f1 * (onset - peak)).exp(), f1, onset, f3]
        })
    });
    let all = std::iter::once([mean, 0.0, onset, 0.0]).chain(transients);
    let kept = all.filter(|own| own.iter().all(|value| value.is_finite()));
    kept.map(|own| {
        let mut point = theta.to_vec();
        point[first..first + 4].copy_from_slice(&own);
        point
    })
    .collect()
}

/// Fills rows `first .. first + 5` of `table`: cos χ = xr/n, sin χ = xs/n, n² = xs² + xr², and
/// the derivatives of χ by f0, f1 and f3.
///
/// **Formula** dχ/dxs = 1/n². **Symbols** all without unit but the second, 1/s⁻¹; N values each.
/// **Cost** one exp a frame. Returns the number of frames outside [0, 1] before the clip.
/// **Checked by** `tests/it/derivatives.rs`, `tests/it/golden.rs`.
pub fn fill(
    grid: &TimeGrid,
    parameters: [f64; 4],
    clip: Clip,
    table: &mut Table,
    first: usize,
) -> usize {
    let mut clipped = 0;
    for (k, t) in grid.times().iter().enumerate() {
        let (xs, slopes) = fraction(parameters, clip, *t);
        let [f0, f1, f2, f3] = parameters;
        let e = (f1 * (t - f2)).clamp(-EXPONENT_LIMIT, EXPONENT_LIMIT).exp();
        clipped += usize::from(!(0.0..=1.0).contains(&(f0 * e + f3)));
        let xr = 1.0 - xs;
        let n2 = xs * xs + xr * xr;
        let n = n2.sqrt();
        let values = [xr / n, xs / n, slopes[0] / n2, slopes[1] / n2, slopes[2] / n2];
        for (row, value) in values.into_iter().enumerate() {
            table.row_mut(first + row)[k] = value;
        }
    }
    clipped
}

/// The hard-clipped fraction as the formula has it, for tests with dual numbers.
pub fn hard<T: Scalar>([f0, f1, f2, f3]: [T; 4], t: f64) -> T {
    let x = f0 * (f1 * (T::constant(t) - f2)).exp() + f3;
    match x.value() {
        v if v < 0.0 => T::constant(0.0),
        v if v > 1.0 => T::constant(1.0),
        _ => x,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_clip_has_its_known_values() {
        for (x, expected) in [(0.0, 0.013_862_9), (0.05, 0.051_577_8)] {
            assert!((Clip::Soft.at(x).0 - expected).abs() < 2e-5, "{x}: {}", Clip::Soft.at(x).0);
        }
        assert!((Clip::Soft.at(1.0).0 - 0.986_14).abs() < 1e-5);
        assert!((Clip::Soft.at(0.5).0 - 0.5).abs() < 1e-9);
    }

    #[test]
    fn alternatives_have_the_same_mean() {
        let grid = TimeGrid::new(200, 0.1, 0.0);
        let mean = |own: &[f64]| {
            let own = [own[1], own[2], own[3], own[4]];
            let sum: f64 = grid.times().iter().map(|t| fraction(own, Clip::Hard, *t).0).sum();
            sum / 200.0
        };
        let theta = [7.0, 0.5, -0.05, 0.0, 0.2, 9.0];
        let others = alternatives(&grid, &theta, 1);
        assert_eq!(others.len(), 5);
        for other in others {
            assert_eq!((other[0], other[5]), (7.0, 9.0));
            assert!((mean(&other) - mean(&theta)).abs() < 0.02, "{other:?}");
        }
    }

    #[test]
    fn slopes_are_those_of_differences() {
        let f = [0.4, 0.3, 0.2, 0.1];
        for clip in [Clip::Hard, Clip::Soft] {
            let (_, slopes) = fraction(f, clip, 1.7);
            for (slope, k) in slopes.into_iter().zip([0, 1, 3]) {
                let at = |h: f64| {
                    let mut f = f;
                    f[k] += h;
                    fraction(f, clip, 1.7).0
                };
                let difference = (at(1e-6) - at(-1e-6)) / 2e-6;
                assert!((slope - difference).abs() < 1e-8, "{clip:?} {k}");
            }
        }
    }

    #[test]
    fn an_overflowing_exponent_is_a_clipped_fraction() {
        assert_eq!(fraction([0.5, 10.0, 0.0, 0.0], Clip::Hard, 1e4), (1.0, [0.0; 3]));
    }
}
