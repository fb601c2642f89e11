//! The APS-U layout, as `boost_corr` writes it.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use dyne_xpcs_data::SimulatedMatrix;

use super::hdf5::{Attribute, Encoder, Object, Shape, Values};
use super::partial::write_whole;
use super::{Experiment, WriteError, upper};

/// Measured on matrices with 2 % noise: levels 2 to 4 take up to a third longer and save
/// one per cent, because the noise in the mantissa does not compress.
const DEFLATE_LEVEL: u32 = 1;
/// HDF5 counts the bytes of a chunk in 32 bits.
const MOST_FRAMES: usize = 32_767;

/// Writes a file in the APS-U layout, one matrix after the other.
///
/// Every matrix is the upper triangle with its diagonal, 32-bit floats, in one chunk,
/// shuffled and deflated. `matrix` gives the k-th of them when its turn comes; one at a
/// time is held, with about three times its bytes for its encoding. Stride and average
/// are 1, so that the frame time of the file is `dt_s`.
///
/// **Checked by** `tests/it/write.rs`; read back with h5py by
/// `reference/hdf5/check_written.py`.
///
/// # Errors
/// [`WriteError`]; no file is left, and an earlier one of this name stays as it was.
pub fn write_aps_u<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    path: &Path,
    experiment: &Experiment,
    mut matrix: impl FnMut(usize) -> Result<SimulatedMatrix, E>,
) -> Result<(), WriteError> {
    experiment.check(path)?;
    if experiment.frames > MOST_FRAMES {
        return Err(WriteError::Experiment {
            file: path.to_owned(),
            found: format!("{} frames", experiment.frames),
            expected: format!("at most {MOST_FRAMES}, the largest chunk of HDF5"),
        });
    }
    let failed = |reason: io::Error| WriteError::File { file: path.to_owned(), reason };
    write_whole(path, |file| {
        let mut encoder = Encoder::new(BufWriter::new(file)).map_err(failed)?;
        let mut matrices = Vec::with_capacity(experiment.matrices());
        for at in 0..experiment.matrices() {
            let values = upper(&experiment.fetch(path, at, &mut matrix)?);
            let side = experiment.frames as u64;
            let object = encoder.matrix(&values, side, DEFLATE_LEVEL).map_err(failed)?;
            matrices.push((format!("c2_{:05}", at + 1), object));
        }
        let root = groups(&mut encoder, experiment, &matrices).map_err(failed)?;
        let buffered = encoder.finish(root).map_err(failed)?;
        buffered.into_inner().map_err(|e| failed(e.into_error()))
    })
}

type Target = Encoder<BufWriter<File>>;

fn groups(
    encoder: &mut Target,
    experiment: &Experiment,
    matrices: &[(String, Object)],
) -> io::Result<Object> {
    let twotime = twotime(encoder, matrices)?;
    let qmap = qmap(encoder, experiment)?;
    let xpcs = encoder.group(&[("qmap", qmap), ("twotime", twotime)], &[])?;
    let frame_time = scalar(encoder, Values::Floats(&[experiment.dt_s]))?;
    let detector = encoder.group(&[("frame_time", frame_time)], &[])?;
    let instrument = encoder.group(&[("detector_1", detector)], &[])?;
    let entry = encoder.group(&[("instrument", instrument)], &[])?;
    encoder.group(&[("entry", entry), ("xpcs", xpcs)], &[])
}

fn twotime(encoder: &mut Target, matrices: &[(String, Object)]) -> io::Result<Object> {
    let members: Vec<(&str, Object)> =
        matrices.iter().map(|(name, object)| (name.as_str(), *object)).collect();
    let map = encoder.group(&members, &[])?;
    let numbers: Vec<i64> = (1..=matrices.len() as i64).collect();
    let processed = list(encoder, Values::Integers(&numbers))?;
    let avg = scalar(encoder, Values::Integers(&[1]))?;
    let stride = scalar(encoder, Values::Integers(&[1]))?;
    let config = encoder.group(&[("avg_frame", avg), ("stride_frame", stride)], &[])?;
    encoder
        .group(&[("config", config), ("correlation_map", map), ("processed_bins", processed)], &[])
}

fn qmap(encoder: &mut Target, experiment: &Experiment) -> io::Result<Object> {
    let grid = [experiment.q.len() as i64, experiment.phi_deg.len() as i64];
    let q = axis(encoder, &experiment.q, "q", "Å⁻¹")?;
    let phi = axis(encoder, &experiment.phi_deg, "phi", "deg")?;
    let natural: Vec<i64> = (0..grid[0] * grid[1]).collect();
    let mapping = list(encoder, Values::Integers(&natural))?;
    let counts = list(encoder, Values::Integers(&grid))?;
    let names = list(encoder, Values::Texts(&["q", "phi"]))?;
    let units = list(encoder, Values::Texts(&["Å⁻¹", "deg"]))?;
    let members = [
        ("dynamic_index_mapping", mapping),
        ("dynamic_num_pts", counts),
        ("dynamic_v_list_dim0", q),
        ("dynamic_v_list_dim1", phi),
        ("map_names", names),
        ("map_units", units),
    ];
    encoder.group(&members, &[])
}

fn list(encoder: &mut Target, values: Values<'_>) -> io::Result<Object> {
    encoder.dataset(values, Shape::List, &[])
}

fn scalar(encoder: &mut Target, values: Values<'_>) -> io::Result<Object> {
    encoder.dataset(values, Shape::Scalar, &[])
}

fn axis(encoder: &mut Target, values: &[f64], name: &str, unit: &str) -> io::Result<Object> {
    encoder.dataset(
        Values::Floats(values),
        Shape::List,
        &[
            Attribute::scalar("name", Values::Texts(&[name])),
            Attribute::scalar("size", Values::Integers(&[values.len() as i64])),
            Attribute::scalar("unit", Values::Texts(&[unit])),
        ],
    )
}
