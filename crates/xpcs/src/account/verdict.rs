//! The verdict on a fit.

use crate::report::{Reason, Status, Verdict, VerdictClass, Warning};

/// Warnings that change what may be quoted.
const RESERVATIONS: [&str; 5] =
    ["at_bound", "undetermined", "scaling_range", "profile", "masked_rows"];

/// What may be quoted of a fit that ended as `status` with these warnings.
pub(super) fn verdict(status: Status, warnings: &[Warning]) -> Verdict {
    let reserved = warnings.iter().filter(|w| RESERVATIONS.contains(&w.code.as_str()));
    let mut reasons: Vec<Reason> =
        reserved.map(|w| Reason { code: w.code.clone(), message: w.message.clone() }).collect();
    if status != Status::Converged {
        let message = "the fit has not converged".to_owned();
        reasons.insert(0, Reason { code: "not_converged".to_owned(), message });
    }
    let class = match reasons.is_empty() {
        true => VerdictClass::Good,
        false => VerdictClass::Reservations,
    };
    Verdict { class, exit_code: u8::from(class != VerdictClass::Good), reasons }
}
