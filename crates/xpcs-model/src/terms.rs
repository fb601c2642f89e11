//! Terms: one published group of formulas a file.

pub mod power_rate;
pub mod shear;
