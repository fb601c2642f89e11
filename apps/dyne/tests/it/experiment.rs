//! Simulated experiments that the tests fit.

use crate::command::Folder;

/// Frames of both experiments.
pub(crate) const FRAMES: usize = 60;

/// A sample at rest, three angles; decays within a few frames.
pub(crate) const REST: &str = "\
mode: static
frames: 60
dt: 0.1
q: 0.0054
phi: [0, 45, 90]
parameters: {D0: 20000, alpha: -0.4, D_offset: 0}
contrast: [0.30, 0.28, 0.31]
offset: 1.0
noise: {kind: gaussian, sigma: 0.01, seed: 1}
";

/// A sheared sample, five angles that go around.
pub(crate) const SHEARED: &str = "\
mode: laminar_flow
frames: 60
dt: 0.1
q: 0.0054
gap: 2.0e6
phi: [-170, -88, -5, 30, 175]
parameters: {D0: 3000, alpha: -0.4, D_offset: 100, gamma_dot_t0: 0.002, beta: -0.3, gamma_dot_t_offset: 1e-4, phi0: 4}
contrast: 0.3
offset: 1.0
noise: {kind: gaussian, sigma: 0.01, seed: 2}
";

/// The true values of [`REST`], to start a fit from.
pub(crate) const REST_START: &str = "parameters={D0: 18000, alpha: -0.4, D_offset: {fixed: 0}}";

/// Four angles, long enough to be caught in the middle.
pub(crate) const LONG: &str = "\
mode: static
frames: 400
dt: 0.1
q: 0.0054
phi: [0, 45, 90, 135]
parameters: {D0: 3000, alpha: -0.4, D_offset: 10}
noise: {kind: gaussian, sigma: 0.02, seed: 1}
";

/// Only the numbers, which is quicker than pictures.
pub(crate) const NUMBERS: &str = "output.formats=[json, npz]";

impl Folder {
    /// A folder with `run.hdf`, simulated as `experiment` says.
    pub(crate) fn with(experiment: &str) -> Self {
        let folder = Self::new();
        folder.write("sim.yaml", experiment);
        folder.dyne(&["simulate", "--config", "sim.yaml", "--out", "run.hdf", "-q"]).ends(0);
        folder
    }

    /// A folder with `run.hdf`, the file of this name among the examples of the readers.
    pub(crate) fn with_file(name: &str) -> Self {
        let files = concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/xpcs-h5/tests/files/");
        let folder = Self::new();
        let content =
            std::fs::read(format!("{files}{name}")).unwrap_or_else(|e| panic!("{name}: {e}"));
        folder.write("run.hdf", content);
        folder
    }

    /// Fits `run.hdf` of [`REST`] from near the truth, with these settings besides; the
    /// arguments to hand to the program.
    pub(crate) fn fit_rest<'a>(&self, settings: &[&'a str]) -> Vec<&'a str> {
        let mut arguments = vec!["fit", "run.hdf", "--mode", "static", "--out", "out", "--quiet"];
        for setting in [REST_START, NUMBERS].iter().chain(settings) {
            arguments.extend(["--set", setting]);
        }
        arguments
    }
}
