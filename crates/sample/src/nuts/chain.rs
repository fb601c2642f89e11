//! One chain, as the library draws it.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use dyne_runtime::{Event, Flow, Observer, Records};
use nuts_rs::rand::SeedableRng;
use nuts_rs::rand::rngs::ChaCha8Rng;
use nuts_rs::{
    Chain as _, CpuLogpFunc, CpuMath, CpuMathError, HasDims, LogpError, LowRankNutsSettings,
    Settings,
};
use thiserror::Error;

use super::saved::{SavedChains, question, told};
use super::{Chain, ChainOptions, SampleError};
use crate::density::{DensityError, LogDensity};

type Drawn<'a> = <LowRankNutsSettings as Settings>::Chain<CpuMath<Adapted<'a>>>;

/// A chain under way.
pub(super) struct Running<'a> {
    number: usize,
    density: &'a dyn LogDensity,
    sampler: Drawn<'a>,
    last: LastError,
    records: SharedRecords,
    /// Evaluations so far, those before the first draw included.
    asked: Arc<AtomicU64>,
    pub(super) found: Chain,
}

impl<'a> Running<'a> {
    pub(super) fn try_new(
        density: &'a dyn LogDensity,
        number: usize,
        start: &[f64],
        options: ChainOptions,
        saved: Option<&SavedChains>,
    ) -> Result<Self, SampleError> {
        let records = saved.map(|saved| saved.records(number, density.dimension())).transpose()?;
        let records = Arc::new(Mutex::new(records));
        let last = Arc::default();
        let asked = Arc::new(AtomicU64::new(0));
        let mut adapted = Adapted {
            density,
            last: Arc::clone(&last),
            records: Arc::clone(&records),
            asked: Arc::clone(&asked),
        };
        check_start(&mut adapted, number, start)?;
        let mut settings = LowRankNutsSettings {
            num_tune: options.warmup,
            num_draws: options.draws,
            maxdepth: options.max_depth,
            ..LowRankNutsSettings::default()
        };
        settings.adapt_options.step_size_settings.target_accept = options.target_accept;
        let mut random = ChaCha8Rng::seed_from_u64(options.seed);
        random.set_stream(number as u64);
        let sampler = settings.new_chain(number as u64, CpuMath::new(adapted), &mut random);
        let sampler = sampler.map_err(|e| failed(number, &e, &last))?;
        let found = Chain::default();
        let mut made = Self { number, density, sampler, last, records, asked, found };
        let placed = made.sampler.set_position(start);
        placed.map_err(|e| failed(number, &e, &made.last))?;
        Ok(made)
    }

    /// Makes one draw, and keeps it if it comes after the warm-up.
    pub(super) fn draw(&mut self, kept: bool, observer: &dyn Observer) -> Result<(), SampleError> {
        let drawn = self.sampler.expanded_draw();
        let (position, _, told, progress) =
            drawn.map_err(|e| failed(self.number, &e, &self.last))?;
        let found = &mut self.found;
        found.evaluations = self.asked.load(Ordering::Relaxed);
        found.step_size = progress.step_size;
        if kept {
            if progress.diverging {
                found.divergent.push(found.draws.len());
            }
            found.quantities.push(self.density.quantities(&position));
            found.draws.push(position.into_vec());
            found.log_density.push(told.point.logp);
            found.energy.push(told.point.energy);
            found.depth.push(told.depth);
        }
        match observer.event(&Event::Drawn) {
            Flow::Stop => Err(SampleError::Interrupted),
            Flow::Continue => Ok(()),
        }
    }

    /// Hands what is recorded to the system.
    pub(super) fn flush(&self) -> Result<(), SampleError> {
        let mut records = self.records.lock().expect("nobody panics with the lock held");
        records.as_mut().map_or(Ok(()), Records::flush).map_err(SampleError::Records)
    }
}

fn check_start(adapted: &mut Adapted<'_>, number: usize, start: &[f64]) -> Result<(), SampleError> {
    let mut gradient = vec![0.0; adapted.density.dimension()];
    let refused = |reason: String| SampleError::Start { chain: number + 1, reason };
    match adapted.density.evaluate(start, &mut gradient) {
        Ok(value) if value.is_finite() => Ok(()),
        Ok(value) => Err(refused(value.to_string())),
        Err(DensityError::Interrupted) => Err(SampleError::Interrupted),
        Err(error) => Err(refused(error.to_string())),
    }
}

/// Why a chain ended early: what the density said that the library does not go on after, else what the
/// library says.
fn failed(chain: usize, said: &dyn fmt::Display, last: &LastError) -> SampleError {
    match last.lock().expect("nobody panics with the lock held").take() {
        Some(Ended::Density(DensityError::Interrupted)) => SampleError::Interrupted,
        Some(Ended::Density(error)) => {
            SampleError::Failed { chain: chain + 1, reason: error.to_string() }
        }
        Some(Ended::Records(error)) => SampleError::Records(error),
        None => {
            // The library adds a trace of its own to what it says.
            let text = said.to_string();
            let reason = text.lines().next().unwrap_or_default().to_owned();
            SampleError::Failed { chain: chain + 1, reason }
        }
    }
}

/// The error after which a chain does not go on.
type LastError = Arc<Mutex<Option<Ended>>>;

type SharedRecords = Arc<Mutex<Option<Records>>>;

enum Ended {
    Density(DensityError),
    Records(dyne_runtime::RecordsError),
}

/// A density as the library asks for it.
struct Adapted<'a> {
    density: &'a dyn LogDensity,
    last: LastError,
    records: SharedRecords,
    asked: Arc<AtomicU64>,
}

impl Adapted<'_> {
    /// The density at a point, from what is saved where it is known.
    fn ask(&self, position: &[f64], gradient: &mut [f64]) -> Result<f64, Ended> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut records = self.records.lock().expect("nobody panics with the lock held");
        let Some(records) = &mut *records else {
            return self.density.evaluate(position, gradient).map_err(Ended::Density);
        };
        let question = question(position);
        if let Some(answer) = records.next(question).map_err(Ended::Records)? {
            return told(&answer, gradient).map_err(Ended::Density);
        }
        let found = self.density.evaluate(position, gradient);
        let value = match &found {
            Ok(value) => *value,
            Err(DensityError::NonFinite { .. }) => f64::NAN,
            Err(_) => return found.map_err(Ended::Density),
        };
        let answer: Vec<f64> = std::iter::once(value).chain(gradient.iter().copied()).collect();
        records.push(question, &answer).map_err(Ended::Records)?;
        found.map_err(Ended::Density)
    }
}

/// What the library is told of an error: whether to count a divergence and go on.
#[derive(Debug, Error)]
enum Told {
    #[error("no finite value")]
    GoOn,
    #[error("no value at all")]
    End,
}

impl LogpError for Told {
    fn is_recoverable(&self) -> bool {
        matches!(self, Self::GoOn)
    }
}

impl HasDims for Adapted<'_> {
    fn dim_sizes(&self) -> HashMap<String, u64> {
        HashMap::from([("unconstrained_parameter".to_owned(), self.density.dimension() as u64)])
    }
}

impl CpuLogpFunc for Adapted<'_> {
    type LogpError = Told;
    type FlowParameters = ();
    type ExpandedVector = ();

    fn dim(&self) -> usize {
        self.density.dimension()
    }

    fn logp(&mut self, position: &[f64], gradient: &mut [f64]) -> Result<f64, Told> {
        match self.ask(position, gradient) {
            Ok(value) if value.is_finite() && gradient.iter().all(|g| g.is_finite()) => Ok(value),
            Ok(_) | Err(Ended::Density(DensityError::NonFinite { .. })) => Err(Told::GoOn),
            Err(error) => {
                *self.last.lock().expect("nobody panics with the lock held") = Some(error);
                Err(Told::End)
            }
        }
    }

    fn expand_vector<R: nuts_rs::rand::Rng + ?Sized>(
        &mut self,
        _random: &mut R,
        _position: &[f64],
    ) -> Result<(), CpuMathError> {
        Ok(())
    }
}
