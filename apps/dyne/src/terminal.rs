//! Standard output and standard error.

use std::io::{ErrorKind, Write};

use crate::failure::Failure;

/// Writes to standard output. A reader that has closed it has read enough: that is no failure.
pub(crate) fn show(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Output(error)),
        _ => Ok(()),
    }
}

/// Writes a line to standard error; there is nowhere to tell that it cannot be written.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "dyne: {line}");
}
