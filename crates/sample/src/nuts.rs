//! Chains of the no-U-turn sampler.

mod chain;
mod saved;

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Instant;

use dyne_runtime::{Event, Observer, RecordsError};
use thiserror::Error;

use crate::density::LogDensity;
use crate::diagnostics::Draws;
use chain::Running;

pub use saved::SavedChains;

/// How chains are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChainOptions {
    /// Draws in which step size and mass matrix are adapted; they are not kept.
    pub warmup: u64,
    /// Draws of a chain that are kept, at most.
    pub draws: u64,
    /// Most doublings of a trajectory.
    pub max_depth: u64,
    /// Share of a trajectory that is to be accepted: the nearer to 1, the shorter the steps.
    pub target_accept: f64,
    /// When chains end before all draws are made.
    pub enough: Enough,
    /// Seed; every chain has its own stream.
    pub seed: u64,
}

/// When chains end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Enough {
    /// After all draws.
    AllDraws,
    /// After the round in which every quantity has this effective number of draws, for centre and tails.
    Effective(f64),
}

impl Default for ChainOptions {
    fn default() -> Self {
        Self {
            warmup: 300,
            draws: 500,
            max_depth: 10,
            target_accept: 0.9,
            enough: Enough::AllDraws,
            seed: 0,
        }
    }
}

/// One chain.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chain {
    /// Draws in the variables of the density, one after the other.
    pub draws: Vec<Vec<f64>>,
    /// What the density tells of each draw.
    pub quantities: Vec<Vec<f64>>,
    /// Log density of each draw.
    pub log_density: Vec<f64>,
    /// Energy of each draw, that of the momentum included.
    pub energy: Vec<f64>,
    /// Doublings of the trajectory of each draw.
    pub depth: Vec<u64>,
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
    /// What is saved of a chain cannot be used.
    #[error(transparent)]
    Records(#[from] RecordsError),
}

/// Draws of a chain between two looks at how all of them mix.
const ROUND: u64 = 50;

/// Draws a chain from each start, `threads` of them at a time.
///
/// **Method.** NUTS with a low-rank mass matrix adapted in the warm-up; nuts-rs. Chain k has the
/// stream k of the seed, and chains go on in rounds of 50 draws, so the draws do not depend on the threads.
/// With `saved` every evaluation is kept in a file; chains begun again take from it what it knows, and arrive at
/// the same draws to the bit. **Source.** Hoffman and Gelman, J. Mach. Learn. Res. 15 (2014) 1593. **Cost.**
/// Some evaluations to some tens a draw. **Checked by** `a_correlated_normal_is_recovered`,
/// `chains_begun_again_are_the_same`.
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
    saved: Option<&SavedChains>,
    threads: NonZeroUsize,
    observer: &dyn Observer,
) -> Result<Vec<Chain>, SampleError> {
    let drawing = Drawing {
        density,
        options,
        saved,
        observer,
        began: Instant::now(),
        chains: starts.iter().map(|_| Mutex::new(Ok(Chain::default()))).collect(),
        met: Barrier::new(starts.len()),
        permits: Permits::new(threads.get()),
        over: AtomicBool::new(false),
    };
    // A chain of the library stays on the thread that began it.
    thread::scope(|scope| {
        for (number, start) in starts.iter().enumerate() {
            let drawing = &drawing;
            scope.spawn(move || drawing.draw(number, start));
        }
    });
    let chains = drawing.chains.into_iter();
    chains.map(|c| c.into_inner().expect("no thread panics while it holds its chain")).collect()
}

/// Chains that are drawn at the same time, as many as there are permits.
struct Drawing<'a> {
    density: &'a dyn LogDensity,
    options: ChainOptions,
    saved: Option<&'a SavedChains>,
    observer: &'a dyn Observer,
    began: Instant,
    chains: Vec<Mutex<Result<Chain, SampleError>>>,
    /// Where chains meet after each round.
    met: Barrier,
    permits: Permits,
    over: AtomicBool,
}

impl Drawing<'_> {
    /// Draws one chain, round by round, until all are over.
    fn draw(&self, number: usize, start: &[f64]) {
        let begin = || Running::try_new(self.density, number, start, self.options, self.saved);
        let mut running = guarded(number, || self.permits.with(begin));
        let total = self.options.warmup + self.options.draws;
        let mut done = 0;
        loop {
            let next = if done < self.options.warmup { self.options.warmup } else { total };
            let round = (next - done).min(ROUND);
            let kept = done >= self.options.warmup;
            running = guarded(number, || {
                let mut chain = running?;
                for _ in 0..round {
                    self.permits.with(|| chain.draw(kept, self.observer))?;
                }
                chain.flush().map(|()| chain)
            });
            done += round;
            running = match running {
                Ok(chain) => {
                    *self.lock(number) = Ok(chain.found.clone());
                    Ok(chain)
                }
                Err(error) => {
                    *self.lock(number) = Err(error);
                    Err(SampleError::Interrupted)
                }
            };
            if self.met.wait().is_leader() {
                let over = done >= total || self.ends(done);
                self.over.store(over, Ordering::SeqCst);
            }
            self.met.wait();
            if self.over.load(Ordering::SeqCst) {
                return;
            }
        }
    }

    fn lock(&self, number: usize) -> MutexGuard<'_, Result<Chain, SampleError>> {
        self.chains[number].lock().expect("no thread panics while it holds its chain")
    }

    /// Whether chains that have `done` draws each end here; tells how they mix.
    fn ends(&self, done: u64) -> bool {
        let chains: Vec<_> = (0..self.chains.len()).map(|k| self.lock(k)).collect();
        let Ok(chains) =
            chains.iter().map(|c| c.as_ref().map_err(|_| ())).collect::<Result<Vec<_>, ()>>()
        else {
            return true;
        };
        let (count, total) = (chains.len() as u64, self.options.warmup + self.options.draws);
        let effective = effective(&chains);
        let event = Event::Sampling {
            done: done * count,
            total: total * count,
            effective,
            divergences: chains.iter().map(|chain| chain.divergent.len() as u64).sum(),
            seconds: self.began.elapsed().as_secs_f64(),
            shard: None,
        };
        self.observer.event(&event);
        match (self.options.enough, effective) {
            (Enough::Effective(enough), Some(n)) => n >= enough,
            _ => false,
        }
    }
}

/// Works on a chain; a panic of the density, which must not keep the other chains waiting, is an error of it.
fn guarded<R>(
    number: usize,
    work: impl FnOnce() -> Result<R, SampleError>,
) -> Result<R, SampleError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let reason = "the density panicked; see the message above".to_owned();
        Err(SampleError::Failed { chain: number + 1, reason })
    })
}

/// The least effective number of draws of a quantity, for centre and tails, once chains have some.
fn effective(chains: &[&Chain]) -> Option<f64> {
    let first = &chains.first()?.quantities;
    if first.len() < ROUND as usize {
        return None;
    }
    let of = |k: usize| {
        let one = |chain: &&Chain| chain.quantities.iter().map(|q| q[k]).collect();
        let draws = Draws::new(chains.iter().map(one).collect());
        draws.bulk_ess().min(draws.tail_ess())
    };
    (0..first[0].len()).map(of).reduce(f64::min)
}

/// How many threads may work at a time.
struct Permits {
    free: Mutex<usize>,
    given: Condvar,
}

impl Permits {
    fn new(count: usize) -> Self {
        Self { free: Mutex::new(count), given: Condvar::new() }
    }

    /// Works when a permit is free.
    fn with<R>(&self, work: impl FnOnce() -> R) -> R {
        let free = self.free.lock().expect("nobody panics with the count held");
        let mut free =
            self.given.wait_while(free, |free| *free == 0).expect("nobody panics with it held");
        *free -= 1;
        drop(free);
        let result = catch_unwind(AssertUnwindSafe(work));
        *self.free.lock().expect("nobody panics with the count held") += 1;
        self.given.notify_one();
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::density::DensityError;
    use dyne_runtime::{Begin, Silent};
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

    const ONE: NonZeroUsize = NonZeroUsize::MIN;

    fn chains(threads: usize) -> Vec<Chain> {
        let starts =
            vec![vec![3.1, -190.0], vec![2.5, -230.0], vec![4.0, -150.0], vec![3.0, -201.0]];
        let options = ChainOptions { warmup: 300, draws: 800, seed: 5, ..ChainOptions::default() };
        sample(&Normal, &starts, options, None, threads.try_into().unwrap(), &Silent).unwrap()
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
    fn draws_do_not_hang_on_threads() {
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
        let ended = sample(&Short(0.into()), &starts, options, None, ONE, &Silent);
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
        let options = ChainOptions::default();
        let error = sample(&Empty, &starts, options, None, ONE, &Silent);
        let said = error.unwrap_err().to_string();
        assert!(said.contains("chain 1") && said.contains("prior of D0"), "{said}");
    }

    #[test]
    fn chains_begun_again_are_the_same() {
        /// Fails after some evaluations, as a kill would.
        struct Killed(AtomicUsize, usize);
        impl LogDensity for Killed {
            fn dimension(&self) -> usize {
                2
            }
            fn evaluate(&self, x: &[f64], gradient: &mut [f64]) -> Result<f64, DensityError> {
                match self.0.fetch_add(1, Ordering::Relaxed) < self.1 {
                    true => Normal.evaluate(x, gradient),
                    false => Err(DensityError::Interrupted),
                }
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let starts = [vec![3.1, -190.0], vec![2.5, -230.0]];
        let options = ChainOptions { warmup: 100, draws: 100, seed: 5, ..ChainOptions::default() };
        let saved = |begin| SavedChains { dir: folder.path().to_owned(), identity: [3; 32], begin };
        let whole = sample(&Normal, &starts, options, None, ONE, &Silent).unwrap();
        let mut asked = 0;
        for most in [300, 500, 1 << 40] {
            let density = Killed(0.into(), most);
            let saved = saved(if asked == 0 { Begin::Afresh } else { Begin::GoOn });
            let ended = sample(&density, &starts, options, Some(&saved), ONE, &Silent);
            asked += density.0.into_inner().min(most);
            match ended {
                Ok(chains) => assert_eq!(chains, whole),
                Err(error) => assert!(most < 1 << 40 && matches!(error, SampleError::Interrupted)),
            }
        }
        // Nothing was asked twice, but each start is looked at once before its chain is asked.
        let all: u64 = whole.iter().map(|chain| chain.evaluations).sum();
        assert!((asked as u64).abs_diff(all) <= 6, "{asked} and {all}");
    }

    #[test]
    fn a_panic_of_the_density_ends_all_chains() {
        struct Broken(AtomicUsize);
        impl LogDensity for Broken {
            fn dimension(&self) -> usize {
                2
            }
            fn evaluate(&self, x: &[f64], gradient: &mut [f64]) -> Result<f64, DensityError> {
                assert!(self.0.fetch_add(1, Ordering::Relaxed) < 400, "broken on purpose");
                Normal.evaluate(x, gradient)
            }
        }
        let starts = [vec![3.1, -190.0], vec![2.5, -230.0]];
        let options = ChainOptions::default();
        let ended = sample(&Broken(0.into()), &starts, options, None, ONE, &Silent);
        let Err(SampleError::Failed { reason, .. }) = ended else { panic!("{ended:?}") };
        assert!(reason.contains("panicked"), "{reason}");
    }

    #[test]
    fn chains_end_when_there_is_enough() {
        let starts = vec![vec![3.1, -190.0], vec![2.5, -230.0]];
        let enough = Enough::Effective(150.0);
        let options = ChainOptions { draws: 5000, enough, ..ChainOptions::default() };
        let chains = sample(&Normal, &starts, options, None, ONE, &Silent).unwrap();
        let length = chains[0].draws.len();
        assert!(length < 2000 && length.is_multiple_of(50), "{length}");
        assert_eq!(chains[0].energy.len(), length);
    }
}
