//! Fits of simulated experiments: recovery of the truth, path invariance, contracts.

mod clic;
mod decays;
mod derived;
mod experiment;
mod lack_of_fit;
mod ladder;
mod laws;
mod mask;
mod minima;
mod nested;
mod noise;
mod paths;
mod posterior;
mod recovery;
mod uncertainty;
