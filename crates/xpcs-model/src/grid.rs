//! The time grid of the frames.

use dyne_math::simd::{Lane8, WIDTH};

/// Times t_k = origin + k·dt of the selected frames, with their logarithms.
///
/// Times below dt/2 (in practice t = 0) are evaluated at dt/2, where a power law has a value.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeGrid {
    dt: f64,
    times: Vec<f64>,
    ln_times: Vec<Lane8>,
}

impl TimeGrid {
    /// Grid of `frames` frames.
    ///
    /// # Panics
    /// When `dt` is not positive and finite or `origin` is negative or not finite.
    #[track_caller]
    pub fn new(frames: usize, dt: f64, origin: f64) -> Self {
        assert!(dt > 0.0 && dt.is_finite(), "frame time {dt} s is positive");
        assert!(origin >= 0.0 && origin.is_finite(), "time origin {origin} s is not negative");
        let times: Vec<f64> = (0..frames).map(|k| origin + k as f64 * dt).collect();
        let mut ln_times = vec![Lane8([(0.5 * dt).ln(); WIDTH]); frames.div_ceil(WIDTH)];
        for (k, t) in times.iter().enumerate() {
            ln_times[k / WIDTH].0[k % WIDTH] = t.max(0.5 * dt).ln();
        }
        Self { dt, times, ln_times }
    }

    /// Frame time, s.
    pub fn dt(&self) -> f64 {
        self.dt
    }

    /// Number of frames.
    pub fn frames(&self) -> usize {
        self.times.len()
    }

    /// Times as the axis shows them, s.
    pub fn times(&self) -> &[f64] {
        &self.times
    }

    /// ln of the time at which frame `k` is evaluated.
    pub fn ln_time(&self, k: usize) -> f64 {
        self.ln_times[k / WIDTH].0[k % WIDTH]
    }

    /// The logarithms in vectors; lanes beyond the last frame hold ln(dt/2).
    pub fn ln_times(&self) -> &[Lane8] {
        &self.ln_times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_evaluated_at_half_a_frame() {
        let grid = TimeGrid::new(10, 0.2, 0.0);
        assert_eq!(grid.ln_time(0), 0.1f64.ln());
        assert_eq!(grid.ln_time(9), grid.times()[9].ln());
        assert_eq!(TimeGrid::new(2, 0.2, 4.0).times(), [4.0, 4.2]);
    }
}
