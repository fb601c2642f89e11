//! Writes draws of made-up chains as netCDF-4, for `scripts/arviz.py` and `examples/posterior.py`:
//!
//!     cargo run -p dyne-xpcs-h5 --example posterior_netcdf -- posterior.nc

use std::error::Error;
use std::path::PathBuf;

use dyne_xpcs_h5::{
    Attribute, Coordinate, Dimension, NetcdfFile, NetcdfGroup, Variable, VariableValues,
    write_netcdf,
};

const CHAINS: usize = 4;
const DRAWS: usize = 500;
const BINS: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).map(PathBuf::from);
    let path = path.ok_or("posterior_netcdf: found no argument, expected the name of a file")?;
    let mut normal = Normal(1);
    let file = NetcdfFile {
        attributes: vec![text("title", "Draws of made-up chains")],
        groups: vec![
            posterior(&mut normal),
            sample_stats(&mut normal),
            prior(&mut normal),
            observed_data(&mut normal),
            constant_data(),
        ],
    };
    Ok(write_netcdf(&path, &file)?)
}

/// Correlated normal parameters: D₀ against α as a power law makes them, contrast of three bins.
fn posterior(normal: &mut Normal) -> NetcdfGroup {
    let (mut d0, mut alpha, mut contrast) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..CHAINS * DRAWS {
        let (a, b) = (normal.draw(), normal.draw());
        alpha.push(-0.3 + 0.02 * a);
        d0.push(1000.0 + 20.0 * (0.9 * a + (1.0f64 - 0.81).sqrt() * b));
        contrast.extend((0..BINS).map(|_| 0.2 + 0.004 * normal.draw()));
    }
    let with = |name, values, axes: &[&str], unit| {
        variable(name, axes, VariableValues::Floats(values), vec![text("units", unit)])
    };
    NetcdfGroup {
        name: "posterior".to_owned(),
        dimensions: vec![chain(), draw(), bin()],
        variables: vec![
            with("D0", d0, &["chain", "draw"], "Å²/s^(1+α)"),
            with("alpha", alpha, &["chain", "draw"], ""),
            with("contrast", contrast, &["chain", "draw", "bin"], ""),
        ],
        attributes: vec![
            text("created_at", "2026-01-01T00:00:00+00:00"),
            text("inference_library", "dyne"),
            text("inference_library_version", env!("CARGO_PKG_VERSION")),
            ("sample_dims".to_owned(), Attribute::Texts(vec!["chain".into(), "draw".into()])),
        ],
    }
}

fn sample_stats(normal: &mut Normal) -> NetcdfGroup {
    let n = CHAINS * DRAWS;
    let axes = &["chain", "draw"];
    let mut squares = || (0..n).map(|_| normal.draw().powi(2)).collect::<Vec<f64>>();
    let (energy, twice) = (squares(), squares());
    let list = [
        ("lp", VariableValues::Floats(twice.iter().map(|x| -0.5 * x).collect())),
        ("energy", VariableValues::Floats(energy)),
        ("diverging", VariableValues::Flags((0..n).map(|k| k % 400 == 17).collect())),
        ("n_steps", VariableValues::Integers((0..n).map(|k| [3, 7, 15][k % 3]).collect())),
    ];
    NetcdfGroup {
        name: "sample_stats".to_owned(),
        dimensions: vec![chain(), draw()],
        variables: list.map(|(name, values)| variable(name, axes, values, Vec::new())).into(),
        attributes: Vec::new(),
    }
}

fn prior(normal: &mut Normal) -> NetcdfGroup {
    let alpha = (0..DRAWS).map(|_| normal.draw()).collect();
    let one_chain = Dimension { name: "chain".to_owned(), coordinate: numbers(1) };
    NetcdfGroup {
        name: "prior".to_owned(),
        dimensions: vec![one_chain, draw()],
        variables: vec![variable(
            "alpha",
            &["chain", "draw"],
            VariableValues::Floats(alpha),
            Vec::new(),
        )],
        attributes: Vec::new(),
    }
}

fn observed_data(normal: &mut Normal) -> NetcdfGroup {
    let lags = vec![0.1, 0.2, 0.5, 1.0, 2.0];
    let g2 =
        (0..BINS).flat_map(|_| lags.iter().map(|t| 1.0 + 0.2 * f64::exp(-t)).collect::<Vec<_>>());
    let g2 = g2.map(|value| value + 0.002 * normal.draw()).collect();
    NetcdfGroup {
        name: "observed_data".to_owned(),
        dimensions: vec![
            bin(),
            Dimension { name: "lag".to_owned(), coordinate: Coordinate::Floats(lags) },
        ],
        variables: vec![variable("g2", &["bin", "lag"], VariableValues::Floats(g2), Vec::new())],
        attributes: Vec::new(),
    }
}

fn constant_data() -> NetcdfGroup {
    let names = ["D0", "α", "γ̇₀"].map(str::to_owned).into();
    let floats = |values: &[f64]| VariableValues::Floats(values.to_vec());
    NetcdfGroup {
        name: "constant_data".to_owned(),
        dimensions: vec![
            bin(),
            Dimension { name: "parameter".to_owned(), coordinate: Coordinate::Texts(names) },
        ],
        variables: vec![
            variable("q", &["bin"], floats(&[0.0054; BINS]), vec![text("units", "Å⁻¹")]),
            variable("lower", &["parameter"], floats(&[1.0, -2.0, 0.0]), Vec::new()),
            variable("dt", &[], floats(&[0.1]), vec![text("units", "s")]),
        ],
        attributes: vec![
            ("weight".to_owned(), Attribute::Float(0.25)),
            ("frames".to_owned(), Attribute::Integer(1500)),
            text("note", ""),
        ],
    }
}

fn chain() -> Dimension {
    Dimension { name: "chain".to_owned(), coordinate: numbers(CHAINS) }
}

fn draw() -> Dimension {
    Dimension { name: "draw".to_owned(), coordinate: numbers(DRAWS) }
}

fn bin() -> Dimension {
    let numbers = (1..=BINS as i64).collect();
    Dimension { name: "bin".to_owned(), coordinate: Coordinate::Integers(numbers) }
}

fn numbers(n: usize) -> Coordinate {
    Coordinate::Integers((0..n as i64).collect())
}

fn text(name: &str, value: &str) -> (String, Attribute) {
    (name.to_owned(), Attribute::Text(value.to_owned()))
}

fn variable(
    name: &str,
    axes: &[&str],
    values: VariableValues,
    attributes: Vec<(String, Attribute)>,
) -> Variable {
    let dimensions = axes.iter().map(|axis| (*axis).to_owned()).collect();
    Variable { name: name.to_owned(), dimensions, values, attributes }
}

/// Normal numbers, the same on every run: splitmix64 and the method of Box and Muller.
struct Normal(u64);

impl Normal {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 * f64::powi(2.0, -53)
    }

    fn draw(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}
