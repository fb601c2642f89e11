//! A simulated experiment in memory, and its fit.

use std::path::PathBuf;

use dyne_runtime::{Cancel, Lanes, Resources, Silent, Solo};
use dyne_xpcs::config::{FitConfig, SimConfig};
use dyne_xpcs::fit::{Fitted, fit};
use dyne_xpcs::plan::Plan;
use dyne_xpcs::residuals::PictureSize;
use dyne_xpcs::simulate::Experiment;
use dyne_xpcs_data::{Bin, Catalog, Element, FrameTime, Layout, Matrices};

pub(crate) const PICTURES: PictureSize = PictureSize { pixels: 64 };

/// The catalogue of an experiment as if it were a file.
pub(crate) fn catalog(sim: &SimConfig) -> Catalog {
    let bin = |(k, (q, phi_deg)): (usize, (f64, f64))| Bin {
        number: k as u32 + 1,
        q,
        phi_deg,
        path: format!("bin {k}"),
        pixels: None,
    };
    Catalog {
        file: PathBuf::from("simulated"),
        layout: Layout::Simulated,
        bins: sim.bins().into_iter().enumerate().map(bin).collect(),
        frames: sim.frames,
        element: Element::F32,
        dt: Some(FrameTime { seconds: sim.dt, derivation: "simulated".into() }),
        dt_searched: Vec::new(),
        notes: Vec::new(),
    }
}

pub(crate) struct Case {
    pub(crate) plan: Plan,
    pub(crate) matrices: Matrices,
    pub(crate) truth: Vec<f64>,
    pub(crate) contrast: Vec<f64>,
}

pub(crate) fn sim_config(yaml: &str) -> SimConfig {
    SimConfig::from_yaml(yaml, "sim.yaml", &[]).unwrap()
}

/// Simulates `sim` and plans the fit that `yaml` asks for.
pub(crate) fn case(sim: &str, yaml: &str) -> Case {
    let sim = sim_config(sim);
    let config = FitConfig::from_yaml(yaml, "fit.yaml", &[]).unwrap();
    let plan = Plan::resolve(config, &catalog(&sim)).unwrap();
    let experiment = Experiment::try_new(sim.clone()).unwrap();
    let lanes = Lanes::solo();
    let matrix = |bin: &usize| experiment.matrix(*bin, &lanes).unwrap().triangle;
    let triangles = plan.positions.iter().map(matrix).collect();
    let matrices = Matrices::new(triangles, plan.skip());
    let given = sim.contrast.values();
    let contrast = (0..sim.phi.len()).map(|k| given[k.min(given.len() - 1)]).collect();
    Case { plan, matrices, truth: sim.parameter_values(), contrast }
}

impl Case {
    pub(crate) fn fit(&self, lanes: &Lanes) -> Fitted {
        let cancel = Cancel::new();
        let resources = Resources { lanes, comm: &Solo, cancel: &cancel };
        fit(&self.plan, &self.matrices, resources, resources, PICTURES, &Silent).unwrap()
    }
}
