//! Values and derivatives of a model for the pairs of one row, taken out of a tile.

use dyne_math::gram::Tile;
use dyne_math::simd::Level;
use dyne_xpcs_model::model::KeptFrames;
use dyne_xpcs_model::{Geometry, Model, TimeGrid};

/// m and ∂m/∂θ (row-major, one row a parameter) for j = i+1 .. frames.
pub(crate) fn row(
    model: &dyn Model,
    level: Level,
    theta: &[f64],
    grid: &TimeGrid,
    geometry: &Geometry,
    i: usize,
) -> (Vec<f64>, Vec<Vec<f64>>) {
    let tables = model.tables(level, theta, grid, &KeptFrames::All).unwrap();
    let term = model.bin(theta, geometry, &tables).unwrap();
    let n = grid.frames() - i - 1;
    let nb = model.basis();
    let mut tile = Tile::new(nb + 1);
    let mut segment = tile.segment(n);
    model.fill(level, &tables, &term, i, i + 1, &mut segment);
    let column = |r: usize, k: usize| segment.row(r)[k / 8].0[k % 8];
    let m = (0..n).map(|k| column(nb, k)).collect();
    let derivatives = (0..theta.len())
        .map(|p| {
            (0..n).map(|k| (0..nb).map(|b| term.map[p * nb + b] * column(b, k)).sum()).collect()
        })
        .collect();
    (m, derivatives)
}
