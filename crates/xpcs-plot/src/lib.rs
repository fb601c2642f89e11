//! Figures and the HTML report, drawn from a report alone.
