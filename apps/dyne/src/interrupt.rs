//! A request to end, from the terminal or a scheduler.

use std::sync::Once;

use dyne_runtime::Cancel;

use crate::failure::Ending;

static CANCEL: Cancel = Cancel::new();
static LISTENING: Once = Once::new();

/// The flag that the first request raises: an interrupt from the terminal, the end that a scheduler
/// asks for, or its warning (SIGUSR1, SIGUSR2). A second interrupt ends the program at once.
pub(crate) fn cancel() -> &'static Cancel {
    // A second listener would take the first interrupt for the second one.
    LISTENING.call_once(listen);
    &CANCEL
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
        CANCEL.request();
    });
}
