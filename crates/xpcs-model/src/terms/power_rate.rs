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
