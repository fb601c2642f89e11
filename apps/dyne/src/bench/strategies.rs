//! The same fits in memory, from a scratch file, and from the data file.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use dyne_runtime::Lanes;
use dyne_xpcs::config::SimConfig;
use dyne_xpcs::memory::Residency;
use dyne_xpcs::pace::decoded_per_s;

use super::child::{Measured, fit};
use crate::args::BenchStrategiesArguments;
use crate::failure::{Ending, Failure};
use crate::{machine, simulate, terminal};

/// Angles of the files.
const ANGLES: usize = 4;

/// Simulates a file of each size and fits it in every way.
pub(super) fn run(arguments: &BenchStrategiesArguments) -> Result<Ending, Failure> {
    let lanes = machine::lanes(arguments.threads)?;
    let folder = std::env::temp_dir().join(format!("dyne-strategies-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(Failure::Output)?;
    let done = sizes(arguments, &folder, &lanes);
    // What stays is in the folder for such things.
    let _ = std::fs::remove_dir_all(&folder);
    done.map(|()| Ending::Converged)
}

fn sizes(
    arguments: &BenchStrategiesArguments,
    folder: &Path,
    lanes: &Lanes,
) -> Result<(), Failure> {
    let head = format!(
        "{:>10} {:<9} {:<22} {:>7} {:>7} {:>9} {:>10} {:>8}  {}\n",
        "points",
        "data",
        "older names",
        "wall s",
        "sweeps",
        "sweep ms",
        "Mpoints/s",
        "peak MB",
        "bits"
    );
    terminal::show(&head)?;
    for points in &arguments.points {
        let file = folder.join("bench.hdf");
        let frames = (points / ANGLES as f64).sqrt().round().max(16.0) as usize;
        simulate::write(experiment(frames)?, &file, lanes)?;
        let mut first: Option<String> = None;
        for residency in Residency::ALL {
            let mut flags: Vec<OsString> = vec![file.clone().into()];
            let residency = residency.name();
            let fixed = ["--mode", "laminar_flow", "--gap", "2e6", "--residency", residency];
            flags.extend(fixed.map(OsString::from));
            flags.extend(["--threads".into(), lanes.count().to_string().into()]);
            let found = fit(&flags)?;
            let same = first.get_or_insert_with(|| found.parameters.clone()) == &found.parameters;
            terminal::show(&line((ANGLES * frames * frames) as f64, residency, &found, same))?;
        }
        let rate = 1e-6 * decoding(&file, lanes)?;
        terminal::show(&format!("{:>10} decoding the file alone: {rate:.0} Mpoints/s\n", ""))?;
    }
    Ok(())
}

fn line(points: f64, residency: &str, found: &Measured, same: bool) -> String {
    let older = match residency {
        "resident" => "standard, large, jit",
        "mapped" => "chunked",
        _ => "streaming, sequential",
    };
    format!(
        "{points:>10.2e} {residency:<9} {older:<22} {:>7.2} {:>7} {:>9.2} {:>10.0} {:>8.0}  {}\n",
        found.wall_s,
        found.sweeps,
        1e3 * found.sweep_s / found.sweeps.max(1) as f64,
        1e-6 * found.points_per_s(),
        1e-6 * found.peak_bytes as f64,
        if same { "same" } else { "DIFFERENT" }
    )
}

/// A sheared sample whose decay the frames resolve.
fn experiment(frames: usize) -> Result<SimConfig, Failure> {
    let text = format!(
        "mode: laminar_flow\nframes: {frames}\ndt: 0.1\nq: 0.0054\ngap: 2.0e6\n\
         phi: [-45, 0, 45, 90]\nparameters: {{D0: 1000, alpha: -0.3, D_offset: 10, gamma_dot_t0: 3e-4, \
         beta: 0.2, gamma_dot_t_offset: 1e-5, phi0: 10}}\ncontrast: 0.2\n\
         noise: {{kind: gaussian, sigma: 0.02, seed: 1}}\n"
    );
    Ok(SimConfig::from_yaml(&text, "the experiment of the bench", &[])?)
}

/// Points, both triangles, that are decoded in a second when nothing else is done.
fn decoding(file: &Path, lanes: &Lanes) -> Result<f64, Failure> {
    let reader = dyne_xpcs_h5::open(file)?;
    let frames = reader.catalog().frames;
    let rows = reader.rows(&(0..ANGLES).collect::<Vec<_>>(), 0..frames, lanes)?;
    // Both triangles count, as in the other lines.
    Ok(2.0 * decoded_per_s(&*rows, lanes, Duration::MAX)?)
}
