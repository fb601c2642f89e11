//! A request to end, from the terminal or a scheduler.

use dyne_runtime::Cancel;

use crate::failure::Ending;

/// The flag that the first interrupt raises; the second one ends the program.
pub(crate) fn cancel() -> &'static Cancel {
    static CANCEL: Cancel = Cancel::new();
    // Where no handler can be set, an interrupt ends the program at once, as it does by default.
    let _ = ctrlc::set_handler(|| {
        if CANCEL.requested() {
            std::process::exit(Ending::Interrupted as i32);
        }
        CANCEL.request();
    });
    &CANCEL
}
