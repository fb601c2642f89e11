//! Fits of simulated experiments: recovery of the truth, path invariance, contracts.

mod experiment;
mod mask;
mod paths;
mod recovery;
