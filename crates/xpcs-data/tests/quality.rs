//! The quality of simulated experiments.

use std::ops::Range;

use dyne_runtime::Lanes;
use dyne_xpcs_data::quality::{Quality, outliers};
use dyne_xpcs_data::{Counts, Element, Noise, Simulation, Truth, simulate_bin};

/// A decay whose rate goes with a power of the age.
struct Decay {
    exponent: f64,
}

impl Decay {
    fn g1(&self, i: usize, j: usize) -> f64 {
        let integral = |k: usize| (k as f64 + 0.5).powf(1.0 + self.exponent);
        (-0.05 * (integral(j) - integral(i)).abs()).exp()
    }
}

impl Truth for Decay {
    fn frames(&self) -> usize {
        160
    }

    fn correlation(&self, _: usize, i: usize, columns: Range<usize>, out: &mut [f64]) {
        out.iter_mut().zip(columns).for_each(|(m, j)| *m = self.g1(i, j).powi(2));
    }

    fn field(&self, _: usize, _: usize, i: usize, columns: Range<usize>, out: &mut [f64]) {
        out.iter_mut().zip(columns).for_each(|(g1, j)| *g1 = self.g1(i, j));
    }
}

#[test]
fn clean_speckles_have_no_outliers() {
    for seed in 0..20 {
        let truth = Decay { exponent: if seed % 2 == 0 { 0.0 } else { -0.4 } };
        let counts = if seed % 4 < 2 { Counts::Infinite } else { Counts::Mean(0.5) };
        let spec = Simulation {
            noise: Noise::Speckle { pixels: 500, speckle: 1, counts },
            contrast: 0.3,
            offset: 1.0,
            element: Element::F32,
            seed,
        };
        let found = simulate_bin(&truth, 0, &spec, &Lanes::solo()).unwrap().triangle;
        let outliers = outliers(&found);
        assert!(outliers.is_empty(), "seed {seed}: {outliers:?}");
        let quality = Quality::of(&found);
        let near = (quality.contrast - 0.3).abs() < 0.08;
        assert!(near || !quality.baseline_reached, "seed {seed}: {quality:?}");
    }
}
