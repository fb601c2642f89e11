//! A simulated experiment in memory, and its fit.

use dyne_runtime::{Cancel, Lanes, Resources, Silent, Solo};
use dyne_xpcs::config::{FitConfig, Override, SimConfig};
use dyne_xpcs::fit::{Data, Fitted, fit};
use dyne_xpcs::plan::Plan;
use dyne_xpcs::residuals::PictureSize;
use dyne_xpcs::simulate::{Experiment, simulated_catalog};
use dyne_xpcs_data::Matrices;

pub(crate) const PICTURES: PictureSize = PictureSize { pixels: 64 };

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
    // Truths with constant parts that the data hardly show are to be found as they are.
    case_with(&sim, yaml, &[Override::parse("fit.law=full").unwrap()])
}

/// The same with the laws that a user gets.
pub(crate) fn case_of_simplest_laws(sim: &str, yaml: &str) -> Case {
    case_with(&sim_config(sim), yaml, &[])
}

fn case_with(sim: &SimConfig, yaml: &str, overrides: &[Override]) -> Case {
    let config = FitConfig::from_yaml(yaml, "fit.yaml", overrides).unwrap();
    let plan = Plan::resolve(config, &simulated_catalog(sim)).unwrap();
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
        let resources = Resources::new(lanes, &Solo, &cancel);
        let data = Data::survey(&self.plan, self.matrices.clone(), resources).unwrap();
        fit(&self.plan, &data, resources, PICTURES, &Silent).unwrap()
    }
}
