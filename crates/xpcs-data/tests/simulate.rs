//! Simulated matrices have the mean, the spread and the correlations that physics says.

use std::num::NonZeroUsize;
use std::ops::Range;

use dyne_runtime::Lanes;
use dyne_xpcs_data::{
    Counts, Element, Noise, SimulateError, SimulatedMatrix, Simulation, Triangle, Truth,
    simulate_bin, simulate_counts,
};

/// One field component with covariance `g1(bin, i, j)`.
struct Homodyne<F> {
    frames: usize,
    g1: F,
}

impl<F: Fn(usize, usize, usize) -> f64 + Sync> Truth for Homodyne<F> {
    fn frames(&self) -> usize {
        self.frames
    }

    fn correlation(&self, bin: usize, i: usize, columns: Range<usize>, out: &mut [f64]) {
        out.iter_mut().zip(columns).for_each(|(m, j)| *m = (self.g1)(bin, i, j).powi(2));
    }

    fn field(&self, bin: usize, _: usize, i: usize, columns: Range<usize>, out: &mut [f64]) {
        out.iter_mut().zip(columns).for_each(|(g1, j)| *g1 = (self.g1)(bin, i, j));
    }
}

fn decay(frames: usize, tau: f64) -> Homodyne<impl Fn(usize, usize, usize) -> f64 + Sync> {
    Homodyne { frames, g1: move |_, i: usize, j| (-(i.abs_diff(j) as f64) / tau).exp() }
}

/// A decaying and a frozen component, the decaying one with a phase of `omega` a frame.
struct Beat {
    frames: usize,
    omega: f64,
}

impl Beat {
    const SHARE: [f64; 2] = [0.4, 0.6];

    fn covariance(component: usize, i: usize, j: usize) -> f64 {
        let decay = if component == 0 { (-(i.abs_diff(j) as f64) / 20.0).exp() } else { 1.0 };
        Self::SHARE[component] * decay
    }
}

impl Truth for Beat {
    fn frames(&self) -> usize {
        self.frames
    }

    fn components(&self) -> usize {
        2
    }

    fn correlation(&self, _: usize, i: usize, columns: Range<usize>, out: &mut [f64]) {
        for (m, j) in out.iter_mut().zip(columns) {
            let (a, b) = (Self::covariance(0, i, j), Self::covariance(1, i, j));
            *m = a * a + b * b + 2.0 * a * b * (self.omega * (j - i) as f64).cos();
        }
    }

    fn field(&self, _: usize, component: usize, i: usize, columns: Range<usize>, out: &mut [f64]) {
        out.iter_mut().zip(columns).for_each(|(k, j)| *k = Self::covariance(component, i, j));
    }

    fn phase(&self, _: usize, component: usize, out: &mut [f64]) {
        let omega = if component == 0 { self.omega } else { 0.0 };
        out.iter_mut().enumerate().for_each(|(i, phase)| *phase = omega * i as f64);
    }
}

fn spec(noise: Noise, contrast: f64) -> Simulation {
    Simulation { noise, contrast, offset: 1.0, element: Element::F64, seed: 17 }
}

fn speckle(pixels: usize, counts: Counts) -> Noise {
    Noise::Speckle { pixels, speckle: 1, counts }
}

fn simulate(truth: &dyn Truth, bin: usize, spec: &Simulation) -> SimulatedMatrix {
    simulate_bin(truth, bin, spec, &Lanes::solo()).unwrap()
}

fn correlation(truth: &dyn Truth, i: usize, j: usize) -> f64 {
    let mut m = [0.0];
    truth.correlation(0, i, j..j + 1, &mut m);
    m[0]
}

/// c2 less the truth, square, zero at i ≥ j.
fn residuals(truth: &dyn Truth, spec: &Simulation, c2: &Triangle) -> Vec<Vec<f64>> {
    let n = truth.frames();
    let residual = |i, j| c2.get(i, j) - spec.offset - spec.contrast * correlation(truth, i, j);
    (0..n).map(|i| (0..n).map(|j| if i < j { residual(i, j) } else { 0.0 }).collect()).collect()
}

/// Correlation coefficient of the residuals at (i, j) and (i, j + lag), j − i ≥ `from`.
fn row_correlation(residuals: &[Vec<f64>], from: usize, lag: usize) -> f64 {
    let n = residuals.len();
    let (mut product, mut square) = (0.0, 0.0);
    for (i, row) in residuals.iter().enumerate() {
        for j in i + from..n.saturating_sub(lag) {
            product += row[j] * row[j + lag];
            square += 0.5 * (row[j] * row[j] + row[j + lag] * row[j + lag]);
        }
    }
    product / square
}

#[test]
fn without_noise_the_values_are_those_of_the_truth() {
    let g1 = |bin: usize, i: usize, j: usize| 0.9_f64.powi(((bin + 1) * (j - i)) as i32);
    let truth = Homodyne { frames: 33, g1 };
    for element in [Element::F64, Element::F32] {
        let spec = Simulation { offset: 1.02, element, ..spec(Noise::None, 0.3) };
        let made = simulate(&truth, 2, &spec);
        for i in 0..33 {
            assert_eq!(made.diagonal[i], 1.02 + 0.3);
            for j in i + 1..33 {
                let exact = 1.02 + 0.3 * g1(2, i, j).powi(2);
                match element {
                    Element::F64 => assert_eq!(made.triangle.get(i, j), exact),
                    Element::F32 => assert_eq!(made.triangle.get(i, j) as f32, exact as f32),
                }
            }
        }
    }
}

#[test]
fn gaussian_noise_is_normal_and_independent() {
    let (n, sigma) = (300, 0.04);
    let truth = decay(n, 15.0);
    let spec = spec(Noise::Gaussian { sigma }, 0.25);
    let noise = |bin| residuals(&truth, &spec, &simulate(&truth, bin, &spec).triangle);
    let (first, second) = (noise(0), noise(1));
    let upper = |r: &[Vec<f64>]| -> Vec<f64> {
        (0..n).flat_map(|i| r[i][i + 1..].iter().map(|v| v / sigma).collect::<Vec<_>>()).collect()
    };
    let (a, b) = (upper(&first), upper(&second));
    let mean = |f: &dyn Fn(usize) -> f64| (0..a.len()).map(f).sum::<f64>() / a.len() as f64;
    let error = 1.0 / (a.len() as f64).sqrt();
    assert!(mean(&|k| a[k]).abs() < 4.0 * error);
    assert!((mean(&|k| a[k] * a[k]) - 1.0).abs() < 4.0 * 2.0_f64.sqrt() * error);
    assert!((mean(&|k| a[k].powi(4)) - 3.0).abs() < 4.0 * 96.0_f64.sqrt() * error);
    assert!(mean(&|k| a[k] * b[k]).abs() < 4.0 * error, "two bins share noise");
    assert!(row_correlation(&first, 1, 1).abs() < 4.0 * error);
    let columns: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| first[n - 1 - j][n - 1 - i]).collect()).collect();
    assert!(row_correlation(&columns, 1, 1).abs() < 4.0 * error, "along columns");
}

/// Mean c2 of `repeats` matrices less offset + contrast·m, in standard errors of the mean.
fn deviations(truth: &dyn Truth, spec: &Simulation, repeats: u64) -> Vec<f64> {
    let n = truth.frames();
    let (mut sum, mut square) = (vec![0.0; n * n], vec![0.0; n * n]);
    for seed in 0..repeats {
        let spec = Simulation { seed, ..spec.clone() };
        let residuals = residuals(truth, &spec, &simulate(truth, 0, &spec).triangle);
        for (k, r) in residuals.iter().flatten().enumerate() {
            sum[k] += r;
            square[k] += r * r;
        }
    }
    let count = repeats as f64;
    let pairs = (0..n * n).filter(|k| k / n < k % n);
    pairs
        .map(|k| {
            let mean = sum[k] / count;
            let variance = (square[k] / count - mean * mean) / (count - 1.0);
            mean / variance.sqrt()
        })
        .collect()
}

fn assert_unbiased(deviations: &[f64]) {
    let square = deviations.iter().map(|z| z * z).sum::<f64>() / deviations.len() as f64;
    assert!((0.3..2.0).contains(&square), "mean square deviation {square}");
    let worst = deviations.iter().fold(0.0_f64, |worst, z| worst.max(z.abs()));
    assert!(worst < 5.5, "largest deviation {worst} standard errors");
}

#[test]
fn speckle_has_the_mean_of_the_truth() {
    let spec = Simulation { offset: 1.05, ..spec(speckle(4000, Counts::Infinite), 0.37) };
    assert_unbiased(&deviations(&decay(24, 6.0), &spec, 40));
}

#[test]
fn a_moving_component_beats() {
    let truth = Beat { frames: 24, omega: 0.5 };
    assert_unbiased(&deviations(&truth, &spec(speckle(4000, Counts::Infinite), 1.0), 40));
    let m: Vec<f64> = (1..24).map(|j| correlation(&truth, 0, j)).collect();
    assert!(m[11] > m[5] + 0.2, "the correlation of this truth oscillates");
}

#[test]
fn shear_may_turn_the_sign_of_the_field() {
    let g1 = |_, i: usize, j: usize| {
        let phase = 0.4 * i.abs_diff(j) as f64;
        if i == j { 1.0 } else { phase.sin() / phase * (-0.02 * i.abs_diff(j) as f64).exp() }
    };
    let truth = Homodyne { frames: 24, g1 };
    assert!(g1(0, 0, 10) < -0.1);
    assert_unbiased(&deviations(&truth, &spec(speckle(4000, Counts::Infinite), 0.5), 40));
}

#[test]
fn contrast_need_not_be_an_inverse_integer() {
    let truth = Homodyne { frames: 2, g1: |_, _, _| 1.0 };
    let pixels = 100_000;
    for contrast in [0.9, 0.62, 0.37, 0.5] {
        let made = simulate(&truth, 0, &spec(speckle(pixels, Counts::Infinite), contrast));
        let found = made.triangle.get(0, 1) - 1.0;
        let error = 2.0 * contrast / (pixels as f64).sqrt();
        assert!((found - contrast).abs() < 4.0 * error, "contrast {contrast}: {found}");
        assert!((made.diagonal[0] - 1.0 - found).abs() < 1e-4, "a frozen field");
    }
}

#[test]
fn shot_noise_raises_the_diagonal_by_one_over_the_counts() {
    let (truth, contrast, counts) = (decay(100, 5.0), 0.4, 0.25);
    let ideal = simulate(&truth, 0, &spec(speckle(4000, Counts::Infinite), contrast));
    let counted = spec(speckle(4000, Counts::Mean(counts)), contrast);
    let shot = simulate(&truth, 0, &counted);
    let mean = |diagonal: &[f64]| diagonal.iter().sum::<f64>() / diagonal.len() as f64;
    assert!((mean(&ideal.diagonal) - 1.0 - contrast).abs() < 0.02);
    let excess = mean(&shot.diagonal) - mean(&ideal.diagonal);
    assert!((excess - 1.0 / counts).abs() < 0.1, "excess {excess}");
    let bias: f64 = residuals(&truth, &counted, &shot.triangle).iter().flatten().sum();
    let bias = bias / Triangle::pairs(100) as f64;
    assert!(bias.abs() < 0.004, "shot noise leaves the pairs in the mean: {bias}");
}

#[test]
fn many_counts_approach_the_intensity() {
    let truth = decay(20, 5.0);
    let ideal = simulate(&truth, 0, &spec(speckle(200, Counts::Infinite), 0.3));
    let shot = simulate(&truth, 0, &spec(speckle(200, Counts::Mean(1e9)), 0.3));
    for i in 0..20 {
        for j in i + 1..20 {
            assert!((ideal.triangle.get(i, j) - shot.triangle.get(i, j)).abs() < 1e-4);
        }
    }
    assert_ne!(ideal, shot);
}

/// Residuals of a row at two far columns correlate as the intensities there do: by m,
/// less where shot noise adds to the variance.
#[test]
fn speckle_noise_is_correlated_along_rows() {
    let truth = decay(240, 10.0);
    for (counts, share) in [(Counts::Infinite, 1.0), (Counts::Mean(2.0), 0.4 / (0.4 + 0.5))] {
        let speckled = spec(speckle(1000, counts), 0.4);
        let noise = residuals(&truth, &speckled, &simulate(&truth, 0, &speckled).triangle);
        for lag in [1, 5] {
            let found = row_correlation(&noise, 60, lag);
            let expected = share * correlation(&truth, 0, lag);
            assert!((found - expected).abs() < 0.08, "lag {lag}: {found}, expected {expected}");
        }
    }
}

/// Far pairs spread by (contrast + 1/counts)/√pixels.
#[test]
fn the_spread_follows_pixels_and_counts() {
    let truth = decay(120, 3.0);
    for (pixels, counts, single) in [
        (300, Counts::Infinite, 0.4),
        (3000, Counts::Infinite, 0.4),
        (3000, Counts::Mean(0.5), 0.4 + 2.0),
    ] {
        let spec = spec(speckle(pixels, counts), 0.4);
        let residuals = residuals(&truth, &spec, &simulate(&truth, 0, &spec).triangle);
        let far: Vec<f64> = (0..100).flat_map(|i| residuals[i][i + 15..].to_vec()).collect();
        let variance = far.iter().map(|r| r * r).sum::<f64>() / far.len() as f64;
        let scaled = variance * pixels as f64 / (single * single);
        assert!((scaled - 1.0).abs() < 0.15, "{pixels} pixels, {counts:?}: {scaled}");
    }
}

#[test]
fn several_mean_counts_share_their_speckles() {
    let truth = decay(40, 8.0);
    let counts = [Counts::Infinite, Counts::Mean(0.5)];
    let lanes = Lanes::solo();
    let together =
        simulate_counts(&truth, 1, &spec(speckle(70, counts[1]), 0.4), &counts, &lanes).unwrap();
    for (found, counts) in together.iter().zip(counts) {
        assert_eq!(*found, simulate(&truth, 1, &spec(speckle(70, counts), 0.4)));
    }
    let none = simulate_counts(&truth, 1, &spec(Noise::None, 0.4), &counts, &lanes);
    assert!(matches!(none, Err(SimulateError::Pixels)));
}

#[test]
fn any_number_of_lanes_gives_the_same_bits() {
    let noises = [
        Noise::None,
        Noise::Gaussian { sigma: 0.1 },
        speckle(33, Counts::Infinite),
        speckle(2090, Counts::Mean(3.0)),
    ];
    for frames in [2, 64, 65, 131] {
        for noise in noises {
            let made = |count| {
                let lanes = Lanes::try_new(NonZeroUsize::new(count).unwrap()).unwrap();
                simulate_bin(&decay(frames, 9.0), 3, &spec(noise, 0.7), &lanes).unwrap()
            };
            let solo = made(1);
            assert_eq!(solo, made(2), "{frames} frames, {noise:?}");
            assert_eq!(solo, made(7), "{frames} frames, {noise:?}");
        }
    }
}

#[test]
fn seeds_and_bins_differ() {
    let truth = decay(10, 4.0);
    for noise in [Noise::Gaussian { sigma: 0.1 }, speckle(40, Counts::Infinite)] {
        let spec = spec(noise, 0.5);
        let other = Simulation { seed: 18, ..spec.clone() };
        let made = simulate(&truth, 0, &spec);
        assert_eq!(made, simulate(&truth, 0, &spec));
        assert_ne!(made, simulate(&truth, 0, &other));
        assert_ne!(made, simulate(&truth, 1, &spec));
    }
}

#[test]
fn a_smooth_field_is_simulated() {
    let g1 = |_, i: usize, j: usize| (-(i.abs_diff(j) as f64 / 80.0).powi(2)).exp();
    let made =
        simulate(&Homodyne { frames: 300, g1 }, 0, &spec(speckle(2000, Counts::Infinite), 1.0));
    assert!((made.triangle.get(150, 151) - 2.0).abs() < 0.25);
    assert!((made.triangle.get(0, 299) - 1.0).abs() < 0.15);
}

fn refusal(truth: &dyn Truth, spec: &Simulation) -> SimulateError {
    simulate_bin(truth, 4, spec, &Lanes::solo()).unwrap_err()
}

#[test]
fn settings_out_of_range_are_refused() {
    let truth = decay(5, 2.0);
    for contrast in [0.0, -0.1, 1.1, f64::NAN] {
        let error = refusal(&truth, &spec(Noise::None, contrast));
        assert!(matches!(error, SimulateError::Contrast { .. }), "{error}");
    }
    let infinite = Simulation { offset: f64::INFINITY, ..spec(Noise::None, 0.5) };
    assert_eq!(refusal(&truth, &infinite), SimulateError::Offset { value: f64::INFINITY });
    for sigma in [-0.1, f64::NAN] {
        let error = refusal(&truth, &spec(Noise::Gaussian { sigma }, 0.5));
        assert!(matches!(error, SimulateError::Sigma { .. }), "{error}");
    }
    let none = spec(speckle(0, Counts::Infinite), 0.5);
    assert_eq!(refusal(&truth, &none), SimulateError::Pixels);
    for counts in [0.0, -1.0, 1e13, f64::NAN] {
        let error = refusal(&truth, &spec(speckle(10, Counts::Mean(counts)), 0.5));
        assert!(matches!(error, SimulateError::Counts { .. }), "{error}");
    }
    let short = SimulateError::Frames { bin: 4, frames: 1 };
    assert_eq!(refusal(&decay(1, 2.0), &spec(Noise::None, 0.5)), short);
}

#[test]
fn an_impossible_field_is_refused() {
    let g1 = |_, i: usize, j: usize| if i == j { 1.0 } else { -0.6 };
    let error = refusal(&Homodyne { frames: 5, g1 }, &spec(speckle(9, Counts::Infinite), 0.5));
    assert_eq!(error, SimulateError::NotPositiveDefinite { bin: 4, component: 0, frame: 2 });
    assert_eq!(
        error.to_string().lines().next().unwrap(),
        "simulating bin 4: the covariance of field component 0 is not positive definite, \
         shown at frame 3; expected a covariance"
    );
}

#[test]
fn a_field_that_is_not_the_root_of_the_correlation_is_refused() {
    struct Squared;
    impl Truth for Squared {
        fn frames(&self) -> usize {
            6
        }
        fn correlation(&self, _: usize, i: usize, columns: Range<usize>, out: &mut [f64]) {
            out.iter_mut().zip(columns).for_each(|(m, j)| *m = 0.5_f64.powi((j - i) as i32));
        }
        fn field(&self, _: usize, _: usize, i: usize, columns: Range<usize>, out: &mut [f64]) {
            out.iter_mut().zip(columns).for_each(|(g1, j)| *g1 = 0.5_f64.powi((j - i) as i32));
        }
    }
    let error = refusal(&Squared, &spec(speckle(9, Counts::Infinite), 0.5));
    let (field, correlation) = (0.25, 0.5);
    assert_eq!(
        error,
        SimulateError::FieldMismatch { bin: 4, row: 0, column: 1, field, correlation }
    );
    let twice = Homodyne { frames: 3, g1: |_, i, j| if i == j { 2.0 } else { 0.5 } };
    let error = refusal(&twice, &spec(speckle(9, Counts::Infinite), 0.5));
    let (field, correlation) = (4.0, 1.0);
    assert_eq!(
        error,
        SimulateError::FieldMismatch { bin: 4, row: 0, column: 0, field, correlation }
    );
}

#[test]
fn values_that_are_not_finite_are_refused() {
    let g1 = |_, i: usize, j: usize| if (i, j) == (1, 3) { f64::NAN } else { 1.0 };
    let truth = Homodyne { frames: 4, g1 };
    for (noise, quantity) in [(Noise::None, "correlation"), (speckle(5, Counts::Infinite), "field")]
    {
        match refusal(&truth, &spec(noise, 0.5)) {
            SimulateError::NotFinite { quantity: found, row: 1, column: 3, value, .. } => {
                assert!(value.is_nan());
                assert_eq!(found, quantity);
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_frame_without_a_photon_is_refused() {
    let error = refusal(&decay(50, 3.0), &spec(speckle(3, Counts::Mean(0.01)), 0.5));
    assert!(matches!(error, SimulateError::DarkFrame { bin: 4, .. }), "{error}");
}
