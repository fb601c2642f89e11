//! Fits of simulated experiments: recovery of the truth, path invariance, contracts.

mod experiment;
mod paths;
mod recovery;
