//! A request to end, from the terminal or a scheduler.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use dyne_runtime::Cancel;

use crate::failure::{Ending, Failure};
use crate::terminal;

static CANCEL: Cancel = Cancel::new();
static LISTENING: Once = Once::new();

/// The flag that the first request raises: an interrupt from the terminal, the end that a scheduler
/// asks for, or its warning (SIGUSR1, SIGUSR2). A second interrupt ends the program at once.
pub(crate) fn cancel() -> &'static Cancel {
    // A second listener would take the first interrupt for the second one.
    LISTENING.call_once(listen);
    &CANCEL
}

/// How long a request to end is given where nothing can be saved.
const PATIENCE: Duration = Duration::from_millis(1500);

/// What a program leaves that ends on the way.
struct Left {
    /// Results that have to go.
    unfinished: PathBuf,
    /// Where checkpoints may be.
    checkpoints: PathBuf,
    /// The newest that another run left there.
    earlier: Option<OsString>,
}

impl Left {
    /// Whether this run has saved a checkpoint.
    fn is_saved(&self) -> bool {
        newest(&self.checkpoints).is_some_and(|name| Some(name) != self.earlier)
    }
}

/// Name of the newest checkpoint in a folder.
fn newest(dir: &Path) -> Option<OsString> {
    let files = std::fs::read_dir(dir).ok()?.filter_map(|entry| Some(entry.ok()?.file_name()));
    files.filter(|name| Path::new(name).extension().is_some_and(|e| e == "checkpoint")).max()
}

/// What the end on the way leaves; nothing where the end must be waited for.
static LEFT: Mutex<Option<Left>> = Mutex::new(None);

/// From now on a request to end is obeyed after two seconds at the latest, whatever the program is at;
/// the folder `unfinished` goes with it. Nothing that others see but checkpoints may change until [`wait`].
pub(crate) fn hurry(unfinished: &Path, checkpoints: &Path) {
    let [unfinished, checkpoints] = [unfinished, checkpoints].map(Path::to_owned);
    let earlier = newest(&checkpoints);
    *lock() = Some(Left { unfinished, checkpoints, earlier });
}

/// From now on the program ends when it has come to an end, as something is written that must be whole.
pub(crate) fn wait() {
    *lock() = None;
}

fn lock() -> MutexGuard<'static, Option<Left>> {
    LEFT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says what the first request does, and sees to it that it is done in time.
fn tell() {
    if CANCEL.requested() {
        return;
    }
    terminal::complain("stopping; press Ctrl-C again to end at once");
    std::thread::spawn(|| {
        std::thread::sleep(PATIENCE);
        // The lock is not given back, so nothing begins to be written any more.
        let left = lock();
        if let Some(left) = left.as_ref() {
            let _ = std::fs::remove_dir_all(&left.unfinished);
            let suspended = || Failure::Suspended(left.checkpoints.clone()).to_string();
            let (message, ending) = match left.is_saved() {
                true => (suspended(), Ending::Suspended),
                false => ("interrupted; nothing was written".to_owned(), Ending::Interrupted),
            };
            terminal::complain(&message);
            std::process::exit(ending as i32);
        }
    });
}

#[cfg(unix)]
fn listen() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
    // Where no handler can be set, a signal ends the program at once, as it does by default.
    let signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2]);
    let Ok(mut signals) = signals else { return };
    std::thread::spawn(move || {
        for signal in signals.forever() {
            if CANCEL.requested() && signal == SIGINT {
                std::process::exit(Ending::Interrupted as i32);
            }
            tell();
            CANCEL.request();
        }
    });
}

#[cfg(not(unix))]
fn listen() {
    // As above.
    let _ = ctrlc::set_handler(|| {
        if CANCEL.requested() {
            std::process::exit(Ending::Interrupted as i32);
        }
        tell();
        CANCEL.request();
    });
}
