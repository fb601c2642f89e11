//! Which shard is sampled when.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::{ShardResult, ShardsError};

/// Shards of which a failure is looked at for an early end.
const LOOKED_AT: usize = 10;

/// Expected cost of a shard: its pairs, up to twofold for the noisiest.
///
/// **Formula** $n\,(1 + (\sigma - \sigma_{min})/(\sigma_{max} - \sigma_{min}))$; n: pairs, σ: noise of the shard at the
/// fit. **Edges** where all noises are equal, its pairs.
pub(in crate::posterior) fn cost(pairs: &[u64], noise: &[f64]) -> Vec<f64> {
    let least = noise.iter().copied().fold(f64::INFINITY, f64::min);
    let most = noise.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let share = |s: f64| if most > least { (s - least) / (most - least) } else { 0.0 };
    pairs.iter().zip(noise).map(|(n, s)| *n as f64 * (1.0 + share(*s))).collect()
}

/// Runs `work` for every shard, `workers` at a time, the most expensive first; results by shard.
///
/// # Errors
/// The first error of `work`; [`ShardsError::Aborted`] where more than `abort_share` of the first ten shards
/// failed.
pub(in crate::posterior) fn run(
    costs: &[f64],
    workers: NonZeroUsize,
    abort_share: f64,
    work: impl Fn(usize) -> Result<ShardResult, ShardsError> + Sync,
) -> Result<Vec<ShardResult>, ShardsError> {
    let mut order: Vec<usize> = (0..costs.len()).collect();
    order.sort_by(|a, b| costs[*b].total_cmp(&costs[*a]).then(a.cmp(b)));
    let (next, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let done: Mutex<Vec<ShardResult>> = Mutex::default();
    let error: Mutex<Option<ShardsError>> = Mutex::default();
    let end = |why: ShardsError| {
        over.store(true, Ordering::SeqCst);
        error.lock().expect("no worker panics with the lock held").get_or_insert(why);
    };
    thread::scope(|scope| {
        for _ in 0..workers.get().min(costs.len()) {
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    let Some(shard) = order.get(next.fetch_add(1, Ordering::SeqCst)) else {
                        return;
                    };
                    match work(*shard) {
                        Err(why) => end(why),
                        Ok(result) => {
                            let mut done =
                                done.lock().expect("no worker panics with the lock held");
                            done.push(result);
                            if let Some(why) = hopeless(&done, costs.len(), abort_share) {
                                end(why);
                            }
                        }
                    }
                }
            });
        }
    });
    if let Some(why) = error.into_inner().expect("no worker panics with the lock held") {
        return Err(why);
    }
    let mut done = done.into_inner().expect("no worker panics with the lock held");
    done.sort_by_key(|result| result.shard);
    Ok(done)
}

/// Why it is no use to go on.
fn hopeless(done: &[ShardResult], shards: usize, abort_share: f64) -> Option<ShardsError> {
    let of = shards.min(LOOKED_AT);
    let mut failures = done.iter().take(of).filter_map(|result| result.failure.as_ref());
    let failed = failures.clone().count();
    if failed as f64 <= abort_share * of as f64 {
        return None;
    }
    let first = failures.next().cloned().unwrap_or_default();
    Some(ShardsError::Aborted { failed, of, first })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: NonZeroUsize = NonZeroUsize::new(2).expect("2 is not 0");

    fn result(shard: usize) -> ShardResult {
        ShardResult { failure: None, ..ShardResult::failed(shard, 1, String::new()) }
    }

    #[test]
    fn the_most_expensive_come_first_and_results_by_number() {
        assert_eq!(cost(&[10, 10, 20], &[1.0, 2.0, 1.5]), [10.0, 20.0, 30.0]);
        assert_eq!(cost(&[10, 30], &[1.0, 1.0]), [10.0, 30.0]);
        let begun = Mutex::new(Vec::new());
        let work = |shard| {
            begun.lock().unwrap().push(shard);
            Ok(result(shard))
        };
        let one = NonZeroUsize::MIN;
        let done = run(&[1.0, 5.0, 3.0], one, 0.5, work).unwrap();
        assert_eq!(*begun.lock().unwrap(), [1, 2, 0]);
        assert_eq!(done.iter().map(|r| r.shard).collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn too_many_failures_end_the_run() {
        let counted = AtomicUsize::new(0);
        let work = |shard| {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(ShardResult::failed(shard, 1, "no density".into()))
        };
        let ended = run(&[1.0; 40], TWO, 0.5, work);
        let Err(ShardsError::Aborted { failed, of, first }) = ended else { panic!("{ended:?}") };
        assert!(failed >= 6 && of == 10 && first == "no density");
        assert!(counted.into_inner() <= 8);
        let one_fails = |shard| match shard {
            3 => Ok(ShardResult::failed(shard, 1, "late".into())),
            _ => Ok(result(shard)),
        };
        assert_eq!(run(&[1.0; 5], TWO, 0.5, one_fails).unwrap().len(), 5);
    }
}
