//! Time of each kernel on one tile, by instruction set: `cargo bench -p dyne-math`.
//!
//! Every case works on memory of the first-level cache, so arithmetic bounds it: operations a
//! value are about 20 for exp, 30 for sincos, n(n+1)/2 for the Gram sum of n rows.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dyne_math::elementary::{Function, map};
use dyne_math::gram::{Accumulator, TILE, Tile, widen_shifted};
use dyne_math::simd::{Lane8, Level, WIDTH};

fn ramp(chunks: usize, step: f64) -> Vec<Lane8> {
    (0..chunks)
        .map(|c| Lane8(std::array::from_fn(|k| step * (c * WIDTH + k) as f64 - 3.0)))
        .collect()
}

fn elementary(c: &mut Criterion) {
    let x = ramp(TILE / WIDTH, 0.02);
    let mut out = vec![Lane8::ZERO; x.len()];
    let cases = [("exp", Function::Exp), ("sin", Function::Sin), ("sinc", Function::Sinc)];
    for (name, function) in cases {
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Elements(TILE as u64));
        for level in Level::available() {
            group.bench_function(level.to_string(), |b| {
                b.iter(|| map(level, function, black_box(&x), &mut out));
            });
        }
    }
}

fn gram(c: &mut Criterion) {
    for rows in [9, 15] {
        let mut tile = Tile::new(rows);
        let mut segment = tile.segment(TILE);
        for row in 0..rows {
            segment.row_mut(row).copy_from_slice(&ramp(TILE / WIDTH, 0.01 * (row + 1) as f64));
        }
        segment.end();
        let mut sums = Accumulator::new(rows);
        let mut group = c.benchmark_group(format!("gram of {rows} rows"));
        group.throughput(Throughput::Elements(TILE as u64));
        for level in Level::available() {
            group.bench_function(level.to_string(), |b| {
                b.iter(|| sums.add(level, black_box(&tile)));
            });
        }
    }
}

fn widen(c: &mut Criterion) {
    let source = vec![1.25f32; TILE];
    let mut out = vec![Lane8::ZERO; TILE / WIDTH];
    let mut group = c.benchmark_group("widen");
    group.throughput(Throughput::Elements(TILE as u64));
    for level in Level::available() {
        group.bench_function(level.to_string(), |b| {
            b.iter(|| widen_shifted(level, black_box(&source), 1.1, &mut out));
        });
    }
}

criterion_group!(kernels, elementary, gram, widen);
criterion_main!(kernels);
