//! The `dyne` program.

fn main() {}
