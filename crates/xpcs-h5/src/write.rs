//! Writing of two-time files, and of draws.

mod aps_u;
mod hdf5;
mod netcdf;
mod npz;
mod partial;

use std::io;
use std::path::{Path, PathBuf};

use dyne_xpcs_data::{Samples, SimulatedMatrix, Triangle};
use thiserror::Error;

pub use aps_u::write_aps_u;
pub use netcdf::{
    Attribute, Coordinate, Dimension, NetcdfFault, NetcdfFile, NetcdfGroup, Variable,
    VariableValues, write_netcdf,
};
pub use npz::write_npz;

/// What the matrices of a file have in common. There is one matrix for each angle of the first q,
/// then one for each angle of the next.
#[derive(Debug, Clone, PartialEq)]
pub struct Experiment {
    /// Wave-vector transfers, Å⁻¹.
    pub q: Vec<f64>,
    /// Azimuths at each of them, degrees.
    pub phi_deg: Vec<f64>,
    /// Time from one frame to the next, s.
    pub dt_s: f64,
    /// Frames along a side of every matrix.
    pub frames: usize,
}

/// Why a file was not written. Nothing is left behind.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The file cannot be created or written.
    #[error("writing {}: {reason}, expected a writable file\ncheck the folder, its permissions and its free space", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// The experiment cannot be written.
    #[error("writing {}: found {found}, expected {expected}\ncorrect the experiment", file.display())]
    Experiment {
        /// The file.
        file: PathBuf,
        /// What was found.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// Groups, dimensions or variables that netCDF cannot hold.
    #[error("writing {}: {place}: {fault}", file.display())]
    Netcdf {
        /// The file.
        file: PathBuf,
        /// Path inside the file; an attribute stands behind `@`.
        place: String,
        /// What is wrong.
        #[source]
        fault: NetcdfFault,
    },
    /// The source of the matrices failed.
    #[error("writing {}: matrix {matrix} (counted from 1): {reason}", file.display())]
    Matrix {
        /// The file.
        file: PathBuf,
        /// 1-based position of the matrix.
        matrix: usize,
        /// What the source says.
        #[source]
        reason: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Experiment {
    /// Number of matrices.
    fn matrices(&self) -> usize {
        self.q.len() * self.phi_deg.len()
    }

    fn check(&self, file: &Path) -> Result<(), WriteError> {
        let refuse = |found: String, expected: &str| {
            Err(WriteError::Experiment {
                file: file.to_owned(),
                found,
                expected: expected.to_owned(),
            })
        };
        if let Some(q) = self.q.iter().find(|q| !(**q > 0.0 && q.is_finite())) {
            return refuse(format!("q {q} Å⁻¹"), "a positive q");
        }
        if self.q.is_empty() {
            return refuse("no q".to_owned(), "at least one q");
        }
        if !(self.dt_s > 0.0 && self.dt_s.is_finite()) {
            return refuse(format!("a frame time of {} s", self.dt_s), "a positive frame time");
        }
        if let Some(phi) = self.phi_deg.iter().find(|phi| !phi.is_finite()) {
            return refuse(format!("phi {phi}"), "finite angles");
        }
        if self.phi_deg.is_empty() {
            return refuse("no angle".to_owned(), "at least one angle");
        }
        if self.frames < 2 {
            return refuse(format!("{} frames", self.frames), "at least two frames");
        }
        Ok(())
    }

    /// Matrix `at` from `matrix`, checked against the number of frames.
    fn fetch<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
        &self,
        file: &Path,
        at: usize,
        matrix: &mut impl FnMut(usize) -> Result<SimulatedMatrix, E>,
    ) -> Result<SimulatedMatrix, WriteError> {
        let found = matrix(at).map_err(|reason| WriteError::Matrix {
            file: file.to_owned(),
            matrix: at + 1,
            reason: reason.into(),
        })?;
        let (frames, diagonal) = (found.triangle.frames(), found.diagonal.len());
        if frames == self.frames && diagonal == self.frames {
            return Ok(found);
        }
        Err(WriteError::Experiment {
            file: file.to_owned(),
            found: format!("matrix {} of {frames} frames with {diagonal} on its diagonal", at + 1),
            expected: format!("{} of both", self.frames),
        })
    }
}

/// Value at (i, j), i ≤ j, in 64 bits.
fn value(matrix: &SimulatedMatrix, i: usize, j: usize) -> f64 {
    if i == j { matrix.diagonal[i] } else { matrix.triangle.get(i.min(j), i.max(j)) }
}

/// Upper triangle with its diagonal, zeros below, in 32 bits.
fn upper(matrix: &SimulatedMatrix) -> Vec<f32> {
    let n = matrix.triangle.frames();
    let mut out = vec![0.0; n * n];
    for (i, row) in out.chunks_exact_mut(n).enumerate() {
        row[i] = matrix.diagonal[i] as f32;
        let packed = Triangle::row_start(n, i)..Triangle::row_start(n, i) + n - i - 1;
        match matrix.triangle.samples() {
            Samples::F32(v) => row[i + 1..].copy_from_slice(&v[packed]),
            Samples::F64(v) => {
                for (to, from) in row[i + 1..].iter_mut().zip(&v[packed]) {
                    *to = *from as f32;
                }
            }
        }
    }
    out
}
