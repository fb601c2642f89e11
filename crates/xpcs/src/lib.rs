//! The public API of Dyne: configuration, plan, problem, fit, report.

pub mod config;
pub mod report;
