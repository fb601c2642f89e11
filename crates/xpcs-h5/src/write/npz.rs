//! NPZ archives for Python.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use dyne_xpcs_data::SimulatedMatrix;
use npyz::WriterBuilder;
use npyz::npz::NpzWriter;
use npyz::zip::CompressionMethod;
use npyz::zip::write::FileOptions;

use super::partial::write_whole;
use super::{Experiment, WriteError, value};

/// Writes an NPZ archive: `c2` (angle, frame, frame), full and symmetric with its
/// diagonal; `phi` (angle), degrees; `t` (frame), s, from 0; `q` (), Å⁻¹; all in 64 bits.
///
/// `matrix` gives the k-th matrix when its turn comes; one at a time is held.
///
/// **Checked by** `tests/it/write.rs`.
///
/// # Errors
/// [`WriteError`]; no file is left, and an earlier one of this name stays as it was.
pub fn write_npz<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    path: &Path,
    experiment: &Experiment,
    mut matrix: impl FnMut(usize) -> Result<SimulatedMatrix, E>,
) -> Result<(), WriteError> {
    experiment.check(path)?;
    let [q] = experiment.q[..] else {
        return Err(WriteError::Experiment {
            file: path.to_owned(),
            found: format!("{} q", experiment.q.len()),
            expected: "one, since an NPZ archive holds one; an HDF5 file holds several".to_owned(),
        });
    };
    let failed = |reason: io::Error| WriteError::File { file: path.to_owned(), reason };
    write_whole(path, |file| {
        let mut archive = NpzWriter::new(BufWriter::new(file));
        let n = experiment.frames;
        let t: Vec<f64> = (0..n).map(|k| k as f64 * experiment.dt_s).collect();
        array(&mut archive, "q", &[], &[q]).map_err(failed)?;
        array(&mut archive, "t", &[n as u64], &t).map_err(failed)?;
        let angles = experiment.phi_deg.len();
        array(&mut archive, "phi", &[angles as u64], &experiment.phi_deg).map_err(failed)?;
        let shape = [angles as u64, n as u64, n as u64];
        let mut c2 = archive
            .array("c2", options())
            .map_err(failed)?
            .default_dtype()
            .shape(&shape)
            .begin_nd()
            .map_err(failed)?;
        for at in 0..angles {
            let found = experiment.fetch(path, at, &mut matrix)?;
            let values = (0..n * n).map(|k| value(&found, k / n, k % n));
            c2.extend(values).map_err(failed)?;
        }
        c2.finish().map_err(failed)?;
        let buffered = archive.zip_writer().finish().map_err(|e| failed(e.into()))?;
        buffered.into_inner().map_err(|e| failed(e.into_error()))
    })
}

/// Stored as they are: noise does not compress, and readers can map what is not packed.
fn options() -> FileOptions {
    FileOptions::default().compression_method(CompressionMethod::Stored).large_file(true)
}

fn array(
    archive: &mut NpzWriter<BufWriter<File>>,
    name: &str,
    shape: &[u64],
    values: &[f64],
) -> io::Result<()> {
    let mut out = archive.array(name, options())?.default_dtype().shape(shape).begin_nd()?;
    out.extend(values.iter().copied())?;
    out.finish()
}
