//! The `dyne` program: what is typed becomes a plan, the libraries do the work, and what
//! they tell becomes text, files and an exit code.

// They panic where the reader of a pipe has gone: `terminal` writes instead.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod bench;
mod calibrate;
mod config;
mod demo;
mod estimate;
mod failure;
mod fit;
mod g2;
mod inspect;
mod interrupt;
mod machine;
mod progress;
mod provenance;
mod quality;
mod simulate;
mod system;
mod terminal;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

use args::{Arguments, Command};
use failure::{Ending, Failure};

fn main() -> ExitCode {
    let started = Instant::now();
    // Where it is not to be had, memory comes and goes.
    dyne_runtime::machine::keep_memory();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are asked for and go to standard output; the rest is usage.
            let ending = if error.use_stderr() { Ending::Usage } else { Ending::Converged };
            let _ = error.print();
            return ending.into();
        }
    };
    match run(arguments.command, started) {
        Ok(ending) => ending.into(),
        Err(failure) => {
            terminal::complain(&failure.to_string());
            failure.ending().into()
        }
    }
}

fn run(command: Command, started: Instant) -> Result<Ending, Failure> {
    match command {
        Command::Fit(arguments) => fit::run(&arguments, started),
        Command::Sample(arguments) => fit::sample::run(&arguments, started),
        Command::G2(arguments) => g2::run(&arguments),
        Command::Models(arguments) => fit::models::run(&arguments),
        Command::Plan(arguments) => estimate::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Config(command) => config::run(&command),
        Command::Calibrate(arguments) => calibrate::run(&arguments),
        Command::System(arguments) => system::run(&arguments),
        Command::Bench(command) => bench::run(&command),
        Command::Demo(arguments) => demo::run(&arguments, started),
    }
}
