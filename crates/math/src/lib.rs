//! Pure numerics on slices: vector kernels with run-time dispatch, cumulative integrals,
//! power laws, and the blocked Gram sum that every fit rests on. No input, output, clock,
//! thread or random number; no other crate of the project.

pub mod elementary;
pub mod gram;
pub mod power_law;
pub mod simd;
pub mod table;
pub mod trapezoid;
