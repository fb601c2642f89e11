//! The public API of Dyne: configuration, plan, problem, fit, report.

pub use dyne_xpcs_config as config;
pub use dyne_xpcs_report as report;

pub mod account;
pub mod calibrate;
pub mod clic;
pub mod fit;
pub mod g2;
pub mod gaps;
pub mod ladder;
pub mod laws;
pub mod mask;
pub mod memory;
pub mod minima;
pub mod misfit;
pub mod noise;
pub mod pace;
pub mod plan;
pub mod posterior;
pub mod problem;
mod released;
pub mod residuals;
pub mod results;
pub mod simulate;
pub mod survey;
pub mod truth;
pub mod uncertainty;
pub mod work;
