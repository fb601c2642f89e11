//! Terms: one published group of formulas a file.

pub mod direction;
pub mod fraction;
pub mod power_rate;
pub mod shear;
