//! The program as its users meet it: every test runs the binary in a folder of its own and
//! looks at its output, its exit code and its files.

mod architecture;
mod calibrate;
mod checkpoint;
mod command;
mod config;
mod demo;
mod errors;
mod errors_config;
mod experiment;
mod faults;
mod fit;
mod g2;
mod gaps;
mod inspect;
mod interrupt;
mod mask;
mod memory;
mod models;
mod record;
mod result;
mod sample;
mod sample_trouble;
mod selection;
mod simulate;
mod system;
mod two_component;
mod work;
