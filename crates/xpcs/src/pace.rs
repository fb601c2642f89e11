//! How fast this machine fits and decodes, measured in a moment.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dyne_math::simd::Level;
use dyne_runtime::{Cancel, Lanes, Resources, Solo};
use dyne_solve::{EvaluationError, Layout, Loss, Objective, Robust};
use dyne_xpcs_data::{BlockPairs, Matrices, ReadError, RowSource, Samples, Triangle, decode_all};
use dyne_xpcs_model::{Geometry, Mode, Model, Physics, TimeGrid};

use crate::noise::Weights;
use crate::plan::Plan;
use crate::problem::{Checks, Problem};

/// Frames of the matrices that are swept for a measurement.
const FRAMES: usize = 600;

/// A model at a point, for which sweeps are timed.
pub struct Paced<'a> {
    /// The model.
    pub model: &'a dyn Model,
    /// Its parameters.
    pub theta: Vec<f64>,
    /// Frame time, s.
    pub dt: f64,
    /// Geometry of a bin.
    pub geometry: Geometry,
}

impl<'a> Paced<'a> {
    /// What `plan` fits, where its search begins.
    pub fn of(plan: &'a Plan) -> Self {
        let middle = || plan.from_cube(&vec![0.5; plan.transform.free().len()]);
        Self {
            model: &*plan.model,
            theta: plan.start.clone().unwrap_or_else(middle),
            dt: plan.dt.seconds,
            geometry: plan.geometries[0],
        }
    }

    /// Pairs that a sweep covers in a second where the data are in memory; sweeps for `time`, at least
    /// once after a first one that does not count.
    ///
    /// **Checked by** `a_pace_is_a_positive_number`.
    ///
    /// # Errors
    /// Where the model has no value at the point.
    pub fn pairs_per_s(&self, lanes: &Lanes, time: Duration) -> Result<f64, EvaluationError> {
        let bins = 2 * lanes.count();
        let value = |k: usize| 1.05 + 0.1 * ((k * 7919) % 1024) as f32 / 1024.0;
        let values: Vec<f32> = (0..Triangle::pairs(FRAMES)).map(value).collect();
        let triangle = Triangle::new(FRAMES, Samples::F32(values));
        let matrices = Matrices::new(vec![triangle; bins], 0);
        let geometries = vec![self.geometry; bins];
        let grid = TimeGrid::new(FRAMES, self.dt, self.dt);
        let layout = Layout::individual(bins);
        let (cancel, sweeps) = (Cancel::new(), AtomicU64::new(0));
        let problem = Problem {
            model: self.model,
            grid: &grid,
            geometries: &geometries,
            matrices: &matrices,
            layout: &layout,
            robust: Robust { loss: Loss::Linear, f_scale: 1.0 },
            weights: Weights::Equal,
            shift: 1.1,
            block: BlockPairs::default(),
            level: Level::best(),
            resources: Resources::new(lanes, &Solo, &cancel),
            bins_at_once: 1,
            checks: Checks::Blocks,
            sweeps: &sweeps,
        };
        let linear = vec![0.0; layout.linear()];
        problem.evaluate(&self.theta, &linear)?;
        let (began, mut count) = (Instant::now(), 0);
        while count == 0 || began.elapsed() < time {
            problem.evaluate(&self.theta, &linear)?;
            count += 1;
        }
        let pairs = count * bins * Triangle::pairs(FRAMES);
        Ok(pairs as f64 / began.elapsed().as_secs_f64())
    }
}

/// The model of the sheared sample with the values its table proposes.
pub fn typical(model: &dyn Model) -> Paced<'_> {
    let theta = model.parameters().iter().map(|spec| spec.default).collect();
    Paced { model, theta, dt: 0.1, geometry: Geometry { q: 0.0054, phi_deg: 0.0, gap: 2e6 } }
}

/// The model that [`typical`] is meant for.
pub fn sheared() -> Box<dyn Model> {
    Mode::LaminarFlow.model(Physics::default())
}

/// Pairs that are decoded in a second when nothing else is done, from the first strips on: for `time`,
/// at least one strip.
///
/// # Errors
/// Where a strip cannot be read.
pub fn decoded_per_s(
    rows: &dyn RowSource,
    lanes: &Lanes,
    time: Duration,
) -> Result<f64, ReadError> {
    let (cancel, pairs, began) = (Cancel::new(), AtomicUsize::new(0), Instant::now());
    let counted = decode_all(rows, lanes, &cancel, |_, _, samples| {
        pairs.fetch_add(samples.len(), Ordering::Relaxed);
        if began.elapsed() >= time {
            cancel.request();
        }
        Ok(())
    });
    match counted {
        Ok(()) | Err(ReadError::Interrupted) => {
            Ok(pairs.into_inner() as f64 / began.elapsed().as_secs_f64())
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_a_positive_number() {
        let model = sheared();
        let pace = typical(&*model).pairs_per_s(&Lanes::solo(), Duration::ZERO).unwrap();
        assert!(pace.is_finite() && pace > 0.0);
    }
}
