//! From a square matrix as stored to the packed triangle of its pairs, and to a summary.

use dyne_xpcs_data::{Samples, StoredTriangle, Triangle};

/// Largest difference of the two triangles, relative to the larger value.
const SYMMETRY: f64 = 1e-3;

/// A value of a matrix.
pub(crate) trait Value: Copy + Default + PartialEq + Into<f64> + Send + Sync {}
impl Value for f32 {}
impl Value for f64 {}

/// What makes a matrix unusable; rows and columns count from 0 within the window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Defect {
    /// Both triangles are stored and differ.
    Asymmetric { row: usize, column: usize, above: f64, below: f64 },
}

/// Packs the `n` × `n` matrix in `samples`; values that are not finite stay as they are.
pub(crate) fn pack(samples: Samples, n: usize) -> Result<Triangle, Defect> {
    let (samples, diagonal) = match samples {
        Samples::F32(values) => {
            let diagonal = diagonal(&values, n);
            (Samples::F32(packed(values, n)?), diagonal)
        }
        Samples::F64(values) => {
            let diagonal = diagonal(&values, n);
            (Samples::F64(packed(values, n)?), diagonal)
        }
    };
    Ok(Triangle::new(n, samples).with_diagonal(diagonal))
}

fn diagonal<T: Value>(values: &[T], n: usize) -> Vec<f64> {
    values.iter().step_by(n + 1).map(|v| (*v).into()).collect()
}

/// Numbers of a matrix over its pairs i < j.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Statistics {
    pub(crate) stored: StoredTriangle,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) mean: f64,
    pub(crate) not_finite: usize,
    pub(crate) zeros: usize,
    pub(crate) negatives: usize,
}

/// Counts and bounds of the `n` × `n` matrix in `samples`. Of two triangles that differ
/// the upper one counts.
pub(crate) fn statistics(samples: &Samples, n: usize) -> Statistics {
    match samples {
        Samples::F32(values) => describe(values, n),
        Samples::F64(values) => describe(values, n),
    }
}

/// Which triangle holds values, and the first pair that contradicts symmetry.
fn stored<T: Value>(values: &[T], n: usize) -> (StoredTriangle, Option<Defect>) {
    let zero = |row: &[T]| row.iter().all(|v| *v == T::default());
    let lower_zero = (1..n).all(|i| zero(&values[i * n..i * n + i]));
    let upper_zero = (0..n).all(|i| zero(&values[i * n + i + 1..(i + 1) * n]));
    match (lower_zero, upper_zero) {
        (true, true) => (StoredTriangle::Neither, None),
        (true, false) => (StoredTriangle::Upper, None),
        (false, true) => (StoredTriangle::Lower, None),
        (false, false) => match asymmetry(values, n) {
            None => (StoredTriangle::Full, None),
            found => (StoredTriangle::Asymmetric, found),
        },
    }
}

fn asymmetry<T: Value>(values: &[T], n: usize) -> Option<Defect> {
    for row in 0..n {
        for column in row + 1..n {
            let above: f64 = values[row * n + column].into();
            let below: f64 = values[column * n + row].into();
            if disagree(above, below) {
                return Some(Defect::Asymmetric { row, column, above, below });
            }
        }
    }
    None
}

/// Whether the two values of a pair contradict symmetry; one that is not finite does not.
pub(crate) fn disagree(above: f64, below: f64) -> bool {
    let agree = (above - below).abs() <= SYMMETRY * above.abs().max(below.abs());
    !agree && above.is_finite() && below.is_finite()
}

fn packed<T: Value>(mut values: Vec<T>, n: usize) -> Result<Vec<T>, Defect> {
    let (triangle, defect) = stored(&values, n);
    if let Some(defect) = defect {
        return Err(defect);
    }
    if triangle == StoredTriangle::Lower {
        values = flipped(&values, n);
    } else {
        pack_in_place(&mut values, n);
    }
    Ok(values)
}

/// Moves the upper triangle to the front: no row starts later packed than stored.
fn pack_in_place<T: Value>(values: &mut Vec<T>, n: usize) {
    for i in 0..n {
        values.copy_within(i * n + i + 1..(i + 1) * n, Triangle::row_start(n, i));
    }
    values.truncate(Triangle::pairs(n));
    values.shrink_to_fit();
}

/// The lower triangle in the packed order of the upper one.
fn flipped<T: Value>(values: &[T], n: usize) -> Vec<T> {
    let mut out = Vec::with_capacity(Triangle::pairs(n));
    for i in 0..n {
        out.extend((i + 1..n).map(|j| values[j * n + i]));
    }
    out
}

fn describe<T: Value>(values: &[T], n: usize) -> Statistics {
    let (triangle, _) = stored(values, n);
    let lower = triangle == StoredTriangle::Lower;
    let (mut min, mut max, mut sum) = (f64::INFINITY, f64::NEG_INFINITY, 0.0);
    let (mut not_finite, mut zeros, mut negatives) = (0, 0, 0);
    for i in 0..n {
        let row =
            if lower { &values[i * n..i * n + i] } else { &values[i * n + i + 1..][..n - i - 1] };
        let mut row_sum = 0.0;
        for &value in row {
            let value: f64 = value.into();
            if !value.is_finite() {
                not_finite += 1;
                continue;
            }
            (min, max, row_sum) = (min.min(value), max.max(value), row_sum + value);
            zeros += usize::from(value == 0.0);
            negatives += usize::from(value < 0.0);
        }
        sum += row_sum;
    }
    let finite = Triangle::pairs(n) - not_finite;
    if finite == 0 {
        (min, max) = (f64::NAN, f64::NAN);
    }
    let mean = sum / finite as f64;
    Statistics { stored: triangle, min, max, mean, not_finite, zeros, negatives }
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: usize = 9;

    fn value(i: usize, j: usize) -> f64 {
        1.0 + (i.min(j) * 10 + i.max(j)) as f64 / 64.0
    }

    fn matrix(keep: impl Fn(usize, usize) -> bool) -> Vec<f64> {
        (0..N * N)
            .map(|k| (k / N, k % N))
            .map(|(i, j)| if keep(i, j) { value(i, j) } else { 0.0 })
            .collect()
    }

    fn expected() -> Triangle {
        let pairs = (0..N).flat_map(|i| (i + 1..N).map(move |j| value(i, j)));
        Triangle::new(N, Samples::F64(pairs.collect()))
    }

    #[test]
    fn all_three_forms_give_the_same_pairs() {
        for (kept, form) in [
            (matrix(|i, j| i <= j), StoredTriangle::Upper),
            (matrix(|i, j| i >= j), StoredTriangle::Lower),
            (matrix(|_, _| true), StoredTriangle::Full),
        ] {
            assert_eq!(pack(Samples::F64(kept.clone()), N).unwrap(), expected());
            let single = kept.iter().map(|&v| v as f32).collect();
            assert_eq!(pack(Samples::F32(single), N).unwrap().get(2, 5), value(2, 5));
            assert_eq!(statistics(&Samples::F64(kept), N).stored, form);
        }
    }

    #[test]
    fn the_diagonal_is_not_data() {
        let mut kept = matrix(|i, j| i <= j);
        kept[4 * N + 4] = f64::NAN;
        let packed = pack(Samples::F64(kept.clone()), N).unwrap();
        let diagonal = packed.diagonal().unwrap();
        assert!(diagonal[4].is_nan() && diagonal[3] == value(3, 3));
        assert_eq!(pack(Samples::F64(kept), N).unwrap(), expected());
    }

    #[test]
    fn defects_are_named() {
        let diagonal = matrix(|i, j| i == j);
        assert!(!pack(Samples::F64(diagonal), N).unwrap().samples().all().any_not_zero());

        let mut half = matrix(|i, j| i <= j);
        half[3 * N + 7] = f64::INFINITY;
        let found = pack(Samples::F64(half.clone()), N).unwrap().first_not_finite();
        assert_eq!(found, Some((3, 7)));
        let counts = statistics(&Samples::F64(half), N);
        assert_eq!((counts.not_finite, counts.zeros, counts.negatives), (1, 0, 0));
        assert!(counts.max.is_finite());

        let mut full = matrix(|_, _| true);
        full[5 * N + 2] *= 1.01;
        assert!(matches!(
            pack(Samples::F64(full), N),
            Err(Defect::Asymmetric { row: 2, column: 5, .. })
        ));
    }

    #[test]
    fn statistics_are_over_pairs() {
        let mut half = matrix(|i, j| i <= j);
        half[1] = -2.0;
        half[2] = 0.0;
        let counts = statistics(&Samples::F64(half.clone()), N);
        let pairs: Vec<f64> =
            (0..N).flat_map(|i| half[i * N + i + 1..(i + 1) * N].to_vec()).collect();
        let mean = pairs.iter().sum::<f64>() / pairs.len() as f64;
        assert!((counts.mean - mean).abs() < 1e-14);
        assert_eq!((counts.min, counts.max), (-2.0, value(7, 8)));
        assert_eq!((counts.zeros, counts.negatives), (1, 1));
    }
}
