//! A rate that follows a power law plus a constant, and its time integral.
//!
//! J(t) = D0·t^alpha + D_offset (transport coefficient) and γ̇(t) = gamma_dot_t0·t^beta +
//! gamma_dot_t_offset (shear rate) of He et al., PNAS 121 (31) e2401162121 (2024),
//! doi:10.1073/pnas.2401162121.

use dyne_math::power_law::powers;
use dyne_math::simd::{Lane8, Level, WIDTH};
use dyne_math::table::Table;
use dyne_math::trapezoid::cumulate;

use crate::grid::TimeGrid;
use crate::scalar::Scalar;

/// Rows a rate takes in a table: the integral and its three derivatives.
pub const ROWS: usize = 4;

/// Where a rate may not go below.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Floor {
    /// Any value is allowed.
    None,
    /// max(f, floor), derivative 0 where the floor holds.
    At(f64),
}

/// Fills rows `first .. first + 4` of `table` with the cumulative integral of
/// f(t) = a·t^b + c and its derivatives by a, b and c.
///
/// **Formula** C₀ = 0, C_{k+1} = C_k + ½ dt (f_k + f_{k+1}); ∂f/∂a = t^b, ∂f/∂b = a t^b ln t,
/// ∂f/∂c = 1, each 0 on frames where the floor holds. **Symbols** `parameters` = (a, b, c):
/// a in u/s^b, c in u; rows have N values in u·s. **Edges** t below dt/2 counts as dt/2.
/// **Cost** one exp and a dozen operations a frame. Returns the number of frames on which the
/// floor holds. **Checked by** `tests/derivatives.rs`, `tests/limits.rs`, `tests/golden.rs`.
pub fn integrate(
    level: Level,
    grid: &TimeGrid,
    parameters: [f64; 3],
    floor: Floor,
    table: &mut Table,
    first: usize,
) -> usize {
    let [a, b, c] = parameters;
    let mut power = vec![Lane8::ZERO; grid.ln_times().len()];
    powers(level, grid.ln_times(), b, &mut power);
    let mut floored = 0;
    for k in 0..grid.frames() {
        let p = power[k / WIDTH].0[k % WIDTH];
        let f = a * p + c;
        let values = match floor {
            Floor::At(least) if f <= least => {
                floored += 1;
                [least, 0.0, 0.0, 0.0]
            }
            _ => [f, p, a * p * grid.ln_time(k), 1.0],
        };
        for (row, value) in values.into_iter().enumerate() {
            table.row_mut(first + row)[k] = value;
        }
    }
    for row in first..first + ROWS {
        cumulate(table.row_mut(row), grid.dt());
    }
    floored
}

/// Values of f(t) = a·t^b + c on the frames and its derivatives by a, b and c, which stand at
/// `first` and after among the parameters: what [`integrate`] integrates.
///
/// **Edges** as there. **Checked by** `tests/it/curves.rs`.
pub fn values_and_slopes(
    grid: &TimeGrid,
    [a, b, c]: [f64; 3],
    floor: Floor,
    first: usize,
) -> (Vec<f64>, Vec<(usize, Vec<f64>)>) {
    let mut columns = [const { Vec::new() }; 4];
    for k in 0..grid.frames() {
        let p = (b * grid.ln_time(k)).exp();
        let f = a * p + c;
        let row = match floor {
            Floor::At(least) if f <= least => [least, 0.0, 0.0, 0.0],
            _ => [f, p, a * p * grid.ln_time(k), 1.0],
        };
        columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
    }
    let [values, by_a, by_b, by_c] = columns;
    (values, vec![(first, by_a), (first + 1, by_b), (first + 2, by_c)])
}

/// Takes the power law as 0 at times t ≤ 0 in rows that [`integrate`] filled, where f(0) is
/// evaluated at dt/2: f(0) = max(c, floor), without derivatives by a and b.
///
/// **Edges** a grid that starts later is left as it is.
/// **Checked by** `tests/it/golden.rs`.
pub fn without_origin(
    grid: &TimeGrid,
    [a, b, c]: [f64; 3],
    floor: Floor,
    table: &mut Table,
    first: usize,
) {
    if grid.times()[0] > 0.0 {
        return;
    }
    let floored = |f: f64, slopes: [f64; 3]| match floor {
        Floor::At(least) if f <= least => [least, 0.0, 0.0, 0.0],
        _ => [f, slopes[0], slopes[1], slopes[2]],
    };
    let p = (b * grid.ln_time(0)).exp();
    let used = floored(a * p + c, [p, a * p * grid.ln_time(0), 1.0]);
    let wanted = floored(c, [0.0, 0.0, 1.0]);
    for (row, (wanted, used)) in wanted.into_iter().zip(used).enumerate() {
        let shift = 0.5 * grid.dt() * (wanted - used);
        table.row_mut(first + row)[1..].iter_mut().for_each(|value| *value += shift);
    }
}

/// Exponents below this are followed straight: there the curve has no direction.
const LEAST_EXPONENT: f64 = 1e-6;

/// Size of the exponent on the other side of a constant rate.
const FAR_EXPONENT: f64 = 0.3;

/// Where a straight step leads: θ + step, and the values at which parameters are held.
pub fn straight(theta: &[f64], step: &[f64], held: &[Option<f64>]) -> Vec<f64> {
    let ends = theta.iter().zip(step).zip(held);
    ends.map(|((value, step), held)| held.unwrap_or(value + step)).collect()
}

/// Replaces `end[first .. first + 3]`, where the straight step ends, by where the step of a rate
/// (a, b, c) leads when its value f and its slope g = df/d(ln t) at a reference time change by what
/// the step says to first order.
///
/// **Formula** with p = t_r^b: f = a p + c, g = a b p, so a = g/(b p), c = f − g/b. In (f, b, g)
/// the rate is f + g·((t/t_r)^b − 1)/b, which stays regular as b → 0, where a → ∞ and c → −∞
/// cancel: the valley that bends in (a, b, c) is straight there. t_r: geometric mean of the
/// times. Parameters that are `held` end where they must, and the rate loses that freedom:
///
/// | held | goes as the step says | follows |
/// |---|---|---|
/// | – or b | f, b, g | a, c as above |
/// | a | f, b | c = f − a p |
/// | c, where it is | ln a, b | |
/// | c, moved there | f, g | b = g/(f − c), a = (f − c)/p |
/// | a and b | f | c = f − a p |
/// | b and c, moved there | f | a = (f − c)/p |
/// | a and c, moved there | f | b = ln((f − c)/a)/ln t_r |
///
/// **Edges** g and b have one sign, that of a. Where a long step would change that of b
/// alone, b goes a quarter of the way to 0; where it would change that of g alone, b goes to the
/// other side, since at g = 0 the rate is constant whatever b. Below |b| = 10⁻⁶, and where an
/// amplitude would change its sign, the step is straight, that of a in its logarithm. Where a floor
/// stands, a positive f falls to no less than a quarter: beyond the floor the data no longer pull
/// the rate back.
/// **Source** Box and Cox, J. R. Stat. Soc. B 26 (1964) 211, for the transformation.
/// **Checked by** `tests::curves_are_steps_to_first_order`,
/// `tests::rates_near_zero_exponent_stay_where_they_were`,
/// `tests::a_rate_keeps_its_value_whatever_is_held`.
pub fn advance(
    grid: &TimeGrid,
    theta: &[f64],
    step: &[f64],
    held: &[Option<f64>],
    floor: Floor,
    end: &mut [f64],
    first: usize,
) {
    let rate = Turning::new(grid, &theta[first..first + 3], &step[first..first + 3], floor);
    let c = rate.from[2];
    let found = match [held[first], held[first + 1], held[first + 2]] {
        [None, b, None] => rate.unhindered(b),
        [Some(a), b, None] => rate.with_prefactor(a, b),
        [None, b, Some(rests)] if rests == c => rate.above(rests, b),
        [None, b, Some(moved)] => rate.onto(moved, b),
        [Some(a), None, Some(c)] if [a, c] != [rate.from[0], rate.from[2]] => rate.between(a, c),
        [Some(_), _, Some(_)] => None,
    };
    if let Some(found) = found.filter(|end| end.iter().all(|value| value.is_finite())) {
        end[first..first + 3].copy_from_slice(&found);
    } else if held[first].is_none() && rate.from[0] > 0.0 {
        end[first] = rate.scaled();
    }
}

/// A rate that takes a step: what the step says of it at the reference time.
struct Turning {
    /// a, b and c before.
    from: [f64; 3],
    /// The step.
    by: [f64; 3],
    /// Logarithm of the reference time.
    ln_reference: f64,
    /// Value after, to first order; above the floor.
    value: f64,
    /// Slope after, to first order.
    slope: f64,
    /// Least value after.
    least: f64,
}

impl Turning {
    fn new(grid: &TimeGrid, theta: &[f64], step: &[f64], floor: Floor) -> Self {
        let ([a, b, c], [da, db, dc]) =
            ([theta[0], theta[1], theta[2]], [step[0], step[1], step[2]]);
        let ln_reference = ln_reference(grid);
        let p = (b * ln_reference).exp();
        let before = a * p + c;
        let least = match floor {
            Floor::At(_) if before > 0.0 => 0.25 * before,
            _ => f64::NEG_INFINITY,
        };
        let after = before + da * p + a * p * ln_reference * db + dc;
        let slope = a * b * p + da * b * p + a * p * (1.0 + b * ln_reference) * db;
        Self {
            from: [a, b, c],
            by: [da, db, dc],
            ln_reference,
            value: after.max(least),
            slope,
            least,
        }
    }

    /// t_r^b.
    fn power(&self, exponent: f64) -> f64 {
        (exponent * self.ln_reference).exp()
    }

    /// The prefactor after a step that is straight in its logarithm.
    fn scaled(&self) -> f64 {
        self.from[0] * (self.by[0] / self.from[0]).exp()
    }

    /// Value and slope go as the step says.
    fn unhindered(&self, held: Option<f64>) -> Option<[f64; 3]> {
        let ([a, b, _], db, g) = (self.from, self.by[1], self.slope);
        let side = |x: f64| x.signum() == (a * g).signum();
        let exponent = match (held, side(b + db), side(b)) {
            (Some(held), ..) => held,
            (None, true, _) => b + db,
            (None, false, true) => 0.25 * b,
            (None, false, false) => (a * g).signum() * (b + db).abs().max(FAR_EXPONENT),
        };
        let amplitude = g / (exponent * self.power(exponent));
        let lost = exponent.abs() <= LEAST_EXPONENT || amplitude * a <= 0.0;
        if held.is_some() && lost {
            return (a > 0.0).then(|| {
                let a = self.scaled();
                [a, exponent, self.value - a * self.power(exponent)]
            });
        }
        let regular = b.abs() > LEAST_EXPONENT && amplitude != 0.0;
        regular.then(|| [amplitude, exponent, self.value - g / exponent])
    }

    /// The prefactor ends at `a`; value and exponent go as the step says.
    fn with_prefactor(&self, a: f64, held: Option<f64>) -> Option<[f64; 3]> {
        let exponent = held.unwrap_or(self.from[1] + self.by[1]);
        Some([a, exponent, self.value - a * self.power(exponent)])
    }

    /// The constant part stays where it is; the logarithm of the prefactor and the exponent go as
    /// the step says, the value not below what a floor allows.
    fn above(&self, c: f64, held: Option<f64>) -> Option<[f64; 3]> {
        if self.from[0] <= 0.0 {
            return None;
        }
        let exponent = held.unwrap_or(self.from[1] + self.by[1]);
        let p = self.power(exponent);
        let least = if c < 0.0 { (self.least - c) / p } else { 0.0 };
        Some([self.scaled().max(least), exponent, c])
    }

    /// Prefactor and constant part end where they must; the value goes as the step says, unless the
    /// exponent hardly changes it.
    fn between(&self, a: f64, c: f64) -> Option<[f64; 3]> {
        let exponent = ((self.value - c) / a).ln() / self.ln_reference;
        (self.ln_reference.abs() > 0.1).then_some([a, exponent, c])
    }

    /// The constant part ends at `c`; value and slope go as the step says.
    fn onto(&self, c: f64, held: Option<f64>) -> Option<[f64; 3]> {
        let power_law = self.value - c;
        let exponent = held.unwrap_or(self.slope / power_law);
        let amplitude = power_law / self.power(exponent);
        (amplitude * self.from[0] > 0.0).then_some([amplitude, exponent, c])
    }
}

/// Logarithm of the reference time of a grid, the geometric mean of its times.
pub fn ln_reference(grid: &TimeGrid) -> f64 {
    (0..grid.frames()).map(|k| grid.ln_time(k)).sum::<f64>() / grid.frames() as f64
}

/// `theta` with the rate (a, b, c) at `first` reversed: a rate with value −f and slope −g at the
/// reference time where this one has f and g.
///
/// **Formula** with p = t_r^b: a' = a p², b' = −b, c' = −f − a p, so f' = −f and
/// g' = a' b' / p = −g, and a' keeps its sign. What depends on the size of the rate alone is the
/// same to second order in b ln(t/t_r).
/// **Checked by** `tests::reversed_rates_are_opposite`.
pub fn reversed(grid: &TimeGrid, theta: &[f64], first: usize) -> Vec<f64> {
    let [a, b, c] = [theta[first], theta[first + 1], theta[first + 2]];
    let p = (b * ln_reference(grid)).exp();
    let mut image = theta.to_vec();
    image[first..first + 3].copy_from_slice(&[a * p * p, -b, -(a * p + c) - a * p]);
    image
}

/// `theta` with the rate (a, b, c) at `first` multiplied to be 1 at the reference time; nothing where
/// it is not positive there.
pub fn of_unit_rate(grid: &TimeGrid, theta: &[f64], first: usize) -> Option<Vec<f64>> {
    let [a, b, c] = [theta[first], theta[first + 1], theta[first + 2]];
    let value = a * (b * ln_reference(grid)).exp() + c;
    (value > 0.0).then(|| {
        let mut unit = theta.to_vec();
        unit[first] /= value;
        unit[first + 2] /= value;
        unit
    })
}

/// `theta` with the rate at `first` 1 at all times.
pub fn constant_rate(theta: &[f64], first: usize) -> Vec<f64> {
    let mut constant = theta.to_vec();
    constant[first..first + 3].copy_from_slice(&[1.0, 0.0, 0.0]);
    constant
}

/// `theta` with the rate (a, b, c) at `first` replaced by others from which a fit may find a deeper
/// minimum: the power law with the same value f and slope g at the reference time, a constant rate,
/// one that rises where this one falls (−g, exponent −b), and the one with another exponent of the
/// same f and g.
///
/// **Edges** none where the rate is not positive at the reference time.
/// **Checked by** `tests::alternatives_keep_their_value`.
pub fn alternatives(grid: &TimeGrid, theta: &[f64], first: usize) -> Vec<Vec<f64>> {
    let [a, b, c] = [theta[first], theta[first + 1], theta[first + 2]];
    let ln_reference = ln_reference(grid);
    let p = (b * ln_reference).exp();
    let (value, slope) = (a * p + c, a * b * p);
    if !(value > 0.0 && a > 0.0) {
        return Vec::new();
    }
    let exponent = (slope / value).clamp(-2.0, 2.0);
    let other = FAR_EXPONENT.copysign(b) * if b.abs() < FAR_EXPONENT { 2.0 } else { 0.25 };
    let rates = [
        [value / (exponent * ln_reference).exp(), exponent, 0.0],
        [value, 0.0, 0.0],
        [a * p * p, -b, c],
        [slope / (other * (other * ln_reference).exp()), other, value - slope / other],
    ];
    let kept = rates.into_iter().filter(|rate| rate[0] > 0.0 && rate[0].is_finite());
    kept.map(|rate| {
        let mut point = theta.to_vec();
        point[first..first + 3].copy_from_slice(&rate);
        point
    })
    .collect()
}

/// `theta` with the rate at `first` replaced by two that change their sign at the reference time, one
/// early and one late, and have the size of this one elsewhere.
pub fn turning(grid: &TimeGrid, theta: &[f64], first: usize) -> [Vec<f64>; 2] {
    let [a, b, c] = [theta[first], theta[first + 1], theta[first + 2]];
    let ln_reference = ln_reference(grid);
    let size = 1.5 * (a * (b * ln_reference).exp() + c).abs().max(1e-3 * a.abs());
    [-0.5, 1.0].map(|exponent: f64| {
        let mut point = theta.to_vec();
        let prefactor = size / (exponent * ln_reference).exp();
        point[first..first + 3].copy_from_slice(&[prefactor, exponent, -size]);
        point
    })
}

/// `theta` with c = 0 where c < 0 pulls the rate (a, b, c) below 0 on more than half of the
/// frames: there no derivative leads out of the floor.
///
/// **Checked by** `tests::rates_below_their_floor_are_freed`.
pub fn freed(grid: &TimeGrid, theta: &[f64], first: usize) -> Option<Vec<f64>> {
    let [a, b, c] = [theta[first], theta[first + 1], theta[first + 2]];
    let below = |k: &usize| a * (b * grid.ln_time(*k)).exp() + c <= 0.0;
    let floored = (0..grid.frames()).filter(below).count();
    (a > 0.0 && 2 * floored > grid.frames()).then(|| {
        let mut image = theta.to_vec();
        image[first + 2] = 0.0;
        image
    })
}

/// The integral of the same rate between frames i ≤ j, as the formula has it: the oracle that
/// tests evaluate with dual numbers.
pub fn integral<T: Scalar>(
    grid: &TimeGrid,
    parameters: [T; 3],
    floor: Floor,
    i: usize,
    j: usize,
) -> T {
    let [a, b, c] = parameters;
    let f = |k: usize| {
        let f = a * (b * T::constant(grid.ln_time(k))).exp() + c;
        match floor {
            Floor::At(least) if f.value() <= least => T::constant(least),
            _ => f,
        }
    };
    let half = T::constant(0.5 * grid.dt());
    (i..j).fold(T::constant(0.0), |sum, k| sum + half * (f(k) + f(k + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(theta: [f64; 3], step: [f64; 3]) -> [f64; 3] {
        let grid = TimeGrid::new(200, 0.1, 0.0);
        let mut end = [0, 1, 2].map(|k| theta[k] + step[k]);
        advance(&grid, &theta, &step, &[None; 3], Floor::At(0.0), &mut end, 0);
        end
    }

    fn end_held(theta: [f64; 3], step: [f64; 3], held: [Option<f64>; 3]) -> [f64; 3] {
        let grid = TimeGrid::new(200, 0.1, 0.0);
        let mut end = straight(&theta, &step, &held);
        advance(&grid, &theta, &step, &held, Floor::At(0.0), &mut end, 0);
        [end[0], end[1], end[2]]
    }

    #[test]
    fn curves_are_steps_to_first_order() {
        let theta = [3000.0, -0.4, 100.0];
        let step = [700.0, 0.15, -300.0];
        let deviation = |h: f64| {
            let e = end(theta, step.map(|s| h * s));
            (0..3).map(|k| ((e[k] - theta[k] - h * step[k]) / theta[k]).abs()).sum::<f64>()
        };
        let ratio = deviation(1e-2) / deviation(1e-3);
        assert!((80.0..120.0).contains(&ratio), "{ratio}");
    }

    /// Along the curve the rate at the reference time and its slope change as the step says,
    /// however far the exponent goes.
    #[test]
    fn rates_near_zero_exponent_stay_where_they_were() {
        let grid = TimeGrid::new(200, 0.1, 0.0);
        let rate = |t: [f64; 3], k: usize| t[0] * (t[1] * grid.ln_time(k)).exp() + t[2];
        let theta: [f64; 3] = [3000.0, -0.4, 100.0];
        let mean = (0..200).map(|k| grid.ln_time(k)).sum::<f64>() / 200.0;
        // The direction in which value and slope at the reference time do not change.
        let p = (theta[1] * mean).exp();
        let db = 0.39;
        let da = -theta[0] * db * (1.0 + theta[1] * mean) / theta[1];
        let dc = -(da * p + theta[0] * p * mean * db);
        let e = end(theta, [da, db, dc]);
        assert!((e[1] + 0.01).abs() < 1e-12);
        assert!(e[0] > 1e4 && e[2] < -1e4, "{e:?}");
        for k in (1..200).step_by(7) {
            let (before, after) = (rate(theta, k), rate(e, k));
            assert!((after / before - 1.0).abs() < 0.6, "frame {k}: {before} and {after}");
        }
    }

    #[test]
    fn a_constant_part_that_rests_is_not_moved() {
        let held = |c| [None, None, Some(c)];
        let theta = [3000.0, -0.4, -100.0];
        assert_eq!(end_held(theta, [0.0; 3], held(-100.0)), theta);
        let [a, b, c] = end_held(theta, [3000.0, 0.1, 0.0], held(-100.0));
        assert!((a / 3000.0 - 1f64.exp()).abs() < 1e-12);
        assert_eq!([b, c], [-0.4 + 0.1, -100.0]);
    }

    /// Whatever is held, the value at the reference time changes as the step says, though the
    /// prefactor is 100 times the value and the exponent changes by half.
    #[test]
    fn a_rate_keeps_its_value_whatever_is_held() {
        let grid = TimeGrid::new(200, 0.1, 0.0);
        let mean = ln_reference(&grid);
        let value = |t: [f64; 3]| t[0] * (t[1] * mean).exp() + t[2];
        let theta = [1e5, -0.02, -97_500.0];
        let p = (theta[1] * mean).exp();
        let start = value(theta);
        let db = -0.01;
        // a held: the step in b and c that leaves the value as it is.
        let dc = -theta[0] * p * mean * db;
        let e = end_held(theta, [0.0, db, dc], [Some(theta[0]), None, None]);
        assert!((value(e) / start - 1.0).abs() < 1e-9, "{e:?}");
        assert_eq!((e[0], e[1]), (1e5, -0.03));
        // c lands on a bound: value and slope stay.
        let [da, db] = [5e4, 0.01];
        let dc = -(da * p + theta[0] * p * mean * db);
        let e = end_held(theta, [da, db, dc], [None, None, Some(-120_000.0)]);
        assert!((value(e) / start - 1.0).abs() < 1e-9, "{e:?}");
        assert_eq!(e[2], -120_000.0);
        // b held.
        let [da, dc] = [-2e5, 2e5 * p];
        let e = end_held(theta, [da, 0.0, dc], [None, Some(theta[1]), None]);
        assert!((value(e) / start - 1.0).abs() < 1e-9 && e[0] > 0.0, "{e:?}");
        // a and b held: c alone.
        let e = end_held(theta, [0.0, 0.0, 10.0], [Some(theta[0]), Some(theta[1]), None]);
        assert!((value(e) - start - 10.0).abs() < 1e-6, "{e:?}");
    }

    #[test]
    fn reversed_rates_are_opposite() {
        let grid = TimeGrid::new(200, 0.1, 0.0);
        let theta = [0.1, -0.02, -0.095];
        let image = reversed(&grid, &theta, 0);
        assert!(image[0] > 0.0, "{image:?}");
        for k in (1..200).step_by(7) {
            let at = |t: &[f64]| t[0] * (t[1] * grid.ln_time(k)).exp() + t[2];
            assert!((at(&theta) + at(&image)).abs() < 1e-3, "frame {k}");
        }
    }

    #[test]
    fn alternatives_keep_their_value() {
        let grid = TimeGrid::new(200, 0.1, 0.0);
        let mean = ln_reference(&grid);
        let value = |t: &[f64]| t[0] * (t[1] * mean).exp() + t[2];
        for theta in [[3000.0, -0.4, 100.0], [9e4, 0.01, -8.8e4], [10.0, 1.5, 0.0]] {
            let found = alternatives(&grid, &theta, 0);
            assert_eq!(found.len(), 4);
            for point in found {
                assert!((value(&point) / value(&theta) - 1.0).abs() < 1e-9, "{point:?}");
            }
        }
    }

    #[test]
    fn rates_below_their_floor_are_freed() {
        let grid = TimeGrid::new(200, 0.1, 0.0);
        assert_eq!(freed(&grid, &[100.0, 0.5, -900.0], 0), Some(vec![100.0, 0.5, 0.0]));
        assert_eq!(freed(&grid, &[100.0, 0.5, -20.0], 0), None);
    }

    #[test]
    fn signs_of_amplitude_are_kept() {
        // The exponent alone would change its sign.
        let [a, b, _] = end([3000.0, -0.1, 5.0], [9000.0, 0.3, 1.0]);
        assert!(a > 0.0 && b == -0.025, "{a} {b}");
        // The slope alone would: a rate that hardly grows is to fall.
        let [a, b, c] = end([7e4, 0.001, -6.9e4], [-1e5, 0.0, 1e5]);
        assert!(a > 0.0 && b == -0.3 && c.abs() < 1.1e3, "{a} {b} {c}");
    }
}
