//! Kernels against exact values (`reference/math/elementary.txt`, made by
//! `reference/math/elementary.py` with 60 digits).

use dyne_math::elementary::{Function, map};
use dyne_math::simd::{Lane8, Level};

struct Row {
    x: f64,
    y: f64,
    remainder: f64,
}

fn rows(name: &str) -> Vec<Row> {
    let table = include_str!("../../../reference/math/elementary.txt");
    let number = |s: &str| f64::from_bits(u64::from_str_radix(s, 16).unwrap());
    table
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>())
        .filter(|words| words[0] == name)
        .map(|w| Row { x: number(w[1]), y: number(w[2]), remainder: number(w[3]) })
        .collect()
}

fn apply(level: Level, function: Function, x: f64) -> f64 {
    let mut out = [Lane8::ZERO];
    map(level, function, &[Lane8([x; 8])], &mut out);
    assert!(out[0].0.iter().all(|y| y.to_bits() == out[0].0[0].to_bits()), "lanes agree");
    out[0].0[0]
}

fn ulp(y: f64) -> f64 {
    let y = y.abs().max(f64::MIN_POSITIVE);
    f64::from_bits(y.to_bits() + 1) - y
}

/// Largest error in units of the last place of the result, or of `floor` near a zero.
fn worst(function: Function, name: &str, level: Level, floor: f64) -> f64 {
    let rows = rows(name);
    assert!(rows.len() >= 1000, "{name}: {} rows", rows.len());
    rows.iter()
        .map(|r| {
            let error = (apply(level, function, r.x) - r.y) - r.remainder;
            error.abs() / ulp(r.y.abs().max(floor))
        })
        .fold(0.0, f64::max)
}

#[test]
fn exp() {
    for level in Level::available() {
        let error = worst(Function::Exp, "exp", level, 0.0);
        assert!(error <= 1.5, "{level}: {error} ulp");
        assert_eq!(apply(level, Function::Exp, 0.0), 1.0);
        assert_eq!(apply(level, Function::Decay, -1e9), apply(level, Function::Decay, -300.0));
        assert!(apply(level, Function::Decay, -1e9) > 0.0);
    }
}

#[test]
fn ln() {
    for level in Level::available() {
        let error = worst(Function::Ln, "ln", level, 0.0);
        assert!(error <= 2.0, "{level}: {error} ulp");
        assert_eq!(apply(level, Function::Ln, 1.0), 0.0);
    }
}

#[test]
fn sincos() {
    for level in Level::available() {
        for (function, name) in [(Function::Sin, "sin"), (Function::Cos, "cos")] {
            // The portable reduction has 113 bits of π/2 less the bits of k: near a zero of
            // the function at 10⁵ its error is that of a value of 10⁻⁹.
            let floor = if level.to_string() == "portable" { 1e-9 } else { 0.0 };
            let error = worst(function, name, level, floor);
            assert!(error <= 2.0, "{level} {name}: {error} ulp");
        }
    }
}

#[test]
fn sinc() {
    for level in Level::available() {
        // Relative to the envelope 1/x, since sin x / x has zeros that no rounding of x meets.
        for (function, name, bound) in
            [(Function::Sinc, "sinc", 3.0), (Function::SincSlope, "slope", 8.0)]
        {
            let error = rows(name)
                .iter()
                .map(|r| {
                    let error = (apply(level, function, r.x) - r.y) - r.remainder;
                    let scale = if r.x.abs() < 1.0 { r.y.abs() } else { 1.0 / r.x.abs() };
                    error.abs() / ulp(scale)
                })
                .fold(0.0, f64::max);
            assert!(error <= bound, "{level} {name}: {error} ulp");
        }
        assert_eq!(apply(level, Function::Sinc, 0.0), 1.0);
        assert_eq!(apply(level, Function::SincSlope, 0.0), 0.0);
    }
}
