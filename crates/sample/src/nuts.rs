//! Chains of the no-U-turn sampler.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use dyne_runtime::{Event, Flow, Lanes, Observer};
use nuts_rs::rand::SeedableRng;
use nuts_rs::rand::rngs::ChaCha8Rng;
use nuts_rs::{
    Chain as _, CpuLogpFunc, CpuMath, CpuMathError, HasDims, LogpError, LowRankNutsSettings,
    Settings,
};
use thiserror::Error;

use crate::density::{DensityError, LogDensity};

/// How chains are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChainOptions {
    /// Draws in which step size and mass matrix are adapted; they are not kept.
    pub warmup: u64,
    /// Draws that are kept.
    pub draws: u64,
    /// Most doublings of a trajectory.
    pub max_depth: u64,
    /// Seed; every chain has its own stream.
    pub seed: u64,
}

impl Default for ChainOptions {
    fn default() -> Self {
        Self { warmup: 300, draws: 500, max_depth: 10, seed: 0 }
    }
}

/// One chain.
#[derive(Debug, Clone, PartialEq)]
pub struct Chain {
    /// Draws in the variables of the density, one after the other.
    pub draws: Vec<Vec<f64>>,
    /// Draws whose trajectory diverged.
    pub divergent: Vec<usize>,
    /// Evaluations of the density, those of the warm-up included.
    pub evaluations: u64,
    /// Step size at the end.
    pub step_size: f64,
}

/// Why there is no chain.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SampleError {
    /// The density has no value where a chain begins.
    #[error(
        "chain {chain}: no log density at its start: {reason}\nstart it elsewhere, or widen the prior that excludes it"
    )]
    Start {
        /// Number of the chain, counted from 1.
        chain: usize,
        /// Which term.
        reason: String,
    },
    /// The end was requested.
    #[error("the sampling was interrupted")]
    Interrupted,
    /// An evaluation failed.
    #[error("chain {chain}: {reason}")]
    Failed {
        /// Number of the chain, counted from 1.
        chain: usize,
        /// What the sampler or the density says.
        reason: String,
    },
}

/// Draws a chain from each start, the chains spread over `lanes`.
///
/// **Method.** NUTS with a low-rank mass matrix adapted in the warm-up; nuts-rs. Chain k has the
/// stream k of the seed, so the draws do not depend on the lanes. **Source.** Hoffman and Gelman, J. Mach.
/// Learn. Res. 15 (2014) 1593. **Cost.** Some evaluations to some tens a draw. **Checked by**
/// `a_correlated_normal_is_recovered`.
///
/// **Edges** A start at which the gradient is exactly zero is refused, as the library scales its first
/// step by it.
///
/// # Errors
/// [`SampleError`]; of several chains that fail, the first.
pub fn sample(
    density: &dyn LogDensity,
    starts: &[Vec<f64>],
    options: ChainOptions,
    lanes: &Lanes,
    observer: &dyn Observer,
) -> Result<Vec<Chain>, SampleError> {
    let numbered: Vec<(usize, &Vec<f64>)> = starts.iter().enumerate().collect();
    let chains = lanes.map(&numbered, |(k, start)| one(density, *k, start, options, observer));
    chains.into_iter().collect()
}

fn one(
    density: &dyn LogDensity,
    chain: usize,
    start: &[f64],
    options: ChainOptions,
    observer: &dyn Observer,
) -> Result<Chain, SampleError> {
    let mut gradient = vec![0.0; density.dimension()];
    match density.evaluate(start, &mut gradient) {
        Ok(value) if value.is_finite() => {}
        Ok(value) => {
            return Err(SampleError::Start { chain: chain + 1, reason: value.to_string() });
        }
        Err(DensityError::Interrupted) => return Err(SampleError::Interrupted),
        Err(error) => {
            return Err(SampleError::Start { chain: chain + 1, reason: error.to_string() });
        }
    }
    let settings = LowRankNutsSettings {
        num_tune: options.warmup,
        num_draws: options.draws,
        maxdepth: options.max_depth,
        ..LowRankNutsSettings::default()
    };
    let mut random = ChaCha8Rng::seed_from_u64(options.seed);
    random.set_stream(chain as u64);
    let last = Arc::default();
    let math = CpuMath::new(Adapted { density, last: Arc::clone(&last) });
    let failed = |said: &dyn fmt::Display| failed(chain, said, &last);
    let sampler = settings.new_chain(chain as u64, math, &mut random);
    let mut sampler = sampler.map_err(|e| failed(&e))?;
    sampler.set_position(start).map_err(|e| failed(&e))?;
    let mut found =
        Chain { draws: Vec::new(), divergent: Vec::new(), evaluations: 1, step_size: 0.0 };
    let total = options.warmup + options.draws;
    for draw in 0..total {
        let (position, progress) = sampler.draw().map_err(|e| failed(&e))?;
        found.evaluations += progress.num_gradients;
        found.step_size = progress.step_size;
        if draw >= options.warmup {
            if progress.diverging {
                found.divergent.push(found.draws.len());
            }
            found.draws.push(position.into_vec());
        }
        let event = Event::Progress { phase: "sample", done: draw + 1, total: Some(total) };
        if observer.event(&event) == Flow::Stop {
            return Err(SampleError::Interrupted);
        }
    }
    Ok(found)
}

/// Why a chain ended early: what the density said that the library does not go on after, else what the
/// library says.
fn failed(chain: usize, said: &dyn fmt::Display, last: &LastError) -> SampleError {
    match last.lock().expect("nobody panics with the lock held").take() {
        Some(DensityError::Interrupted) => SampleError::Interrupted,
        Some(error) => SampleError::Failed { chain: chain + 1, reason: error.to_string() },
        None => {
            // The library adds a trace of its own to what it says.
            let text = said.to_string();
            let reason = text.lines().next().unwrap_or_default().to_owned();
            SampleError::Failed { chain: chain + 1, reason }
        }
    }
}

/// The error of a density after which a chain does not go on.
type LastError = Arc<Mutex<Option<DensityError>>>;

/// A density as the library asks for it.
struct Adapted<'a> {
    density: &'a dyn LogDensity,
    last: LastError,
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
    type ExpandedVector = Vec<f64>;

    fn dim(&self) -> usize {
        self.density.dimension()
    }

    fn logp(&mut self, position: &[f64], gradient: &mut [f64]) -> Result<f64, Told> {
        match self.density.evaluate(position, gradient) {
            Ok(value) if value.is_finite() && gradient.iter().all(|g| g.is_finite()) => Ok(value),
            Ok(_) | Err(DensityError::NonFinite { .. }) => Err(Told::GoOn),
            Err(error) => {
                *self.last.lock().expect("nobody panics with the lock held") = Some(error);
                Err(Told::End)
            }
        }
    }

    fn expand_vector<R: nuts_rs::rand::Rng + ?Sized>(
        &mut self,
        _random: &mut R,
        position: &[f64],
    ) -> Result<Vec<f64>, CpuMathError> {
        Ok(position.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Draws;
    use dyne_runtime::Silent;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A normal density with precision matrix [[a, b], [b, c]] around a centre.
    struct Normal;

    const CENTRE: [f64; 2] = [3.0, -200.0];
    /// Standard deviations 0.5 and 40, correlation 0.9.
    const SCALE: [f64; 2] = [0.5, 40.0];
    const CORRELATION: f64 = 0.9;

    impl LogDensity for Normal {
        fn dimension(&self) -> usize {
            2
        }
        fn evaluate(&self, x: &[f64], gradient: &mut [f64]) -> Result<f64, DensityError> {
            let z = [0, 1].map(|i| (x[i] - CENTRE[i]) / SCALE[i]);
            let k = (1.0 - CORRELATION * CORRELATION).recip();
            for i in 0..2 {
                gradient[i] = -k * (z[i] - CORRELATION * z[1 - i]) / SCALE[i];
            }
            Ok(-0.5 * k * (z[0] * z[0] + z[1] * z[1] - 2.0 * CORRELATION * z[0] * z[1]))
        }
    }

    fn chains(lanes: usize) -> Vec<Chain> {
        let starts =
            vec![vec![3.1, -190.0], vec![2.5, -230.0], vec![4.0, -150.0], vec![3.0, -201.0]];
        let options = ChainOptions { warmup: 300, draws: 800, seed: 5, ..ChainOptions::default() };
        let lanes = Lanes::try_new(lanes.try_into().unwrap()).unwrap();
        sample(&Normal, &starts, options, &lanes, &Silent).unwrap()
    }

    #[test]
    fn a_correlated_normal_is_recovered() {
        crate::density::check(&Normal, &[3.3, -180.0], 1e-5, 1e-6);
        let chains = chains(2);
        let of = |i: usize| {
            let one = |chain: &Chain| chain.draws.iter().map(|draw| draw[i]).collect();
            Draws::new(chains.iter().map(one).collect())
        };
        for i in 0..2 {
            let draws = of(i);
            assert!(draws.r_hat() < 1.01 && draws.bulk_ess() > 400.0, "{}", draws.bulk_ess());
            assert!((draws.mean() - CENTRE[i]).abs() < 4.0 * draws.mean_error());
            let relative = draws.standard_deviation() / SCALE[i];
            assert!((relative - 1.0).abs() < 0.1, "{relative}");
        }
        assert!(chains.iter().all(|chain| chain.divergent.is_empty() && chain.draws.len() == 800));
        assert!(chains[0].draws != chains[1].draws);
    }

    #[test]
    fn draws_do_not_hang_on_lanes() {
        assert_eq!(chains(1), chains(3));
    }

    #[test]
    fn an_interruption_within_an_evaluation_is_one_of_the_sampling() {
        struct Short(AtomicUsize);
        impl LogDensity for Short {
            fn dimension(&self) -> usize {
                2
            }
            fn evaluate(&self, x: &[f64], gradient: &mut [f64]) -> Result<f64, DensityError> {
                match self.0.fetch_add(1, Ordering::Relaxed) {
                    0..200 => Normal.evaluate(x, gradient),
                    _ => Err(DensityError::Interrupted),
                }
            }
        }
        let (starts, options) = ([vec![3.1, -190.0]], ChainOptions::default());
        let ended = sample(&Short(0.into()), &starts, options, &Lanes::solo(), &Silent);
        assert!(matches!(ended, Err(SampleError::Interrupted)));
    }

    #[test]
    fn a_start_without_a_value_is_named() {
        struct Empty;
        impl LogDensity for Empty {
            fn dimension(&self) -> usize {
                1
            }
            fn evaluate(&self, _: &[f64], _: &mut [f64]) -> Result<f64, DensityError> {
                Err(DensityError::NonFinite { term: "prior of D0".into() })
            }
        }
        let starts = [vec![0.0]];
        let error = sample(&Empty, &starts, ChainOptions::default(), &Lanes::solo(), &Silent);
        let said = error.unwrap_err().to_string();
        assert!(said.contains("chain 1") && said.contains("prior of D0"), "{said}");
    }
}
