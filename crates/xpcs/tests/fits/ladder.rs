//! The ladder of models on simulated speckle.

use dyne_runtime::{Cancel, Lanes, Resources, Silent, Solo};
use dyne_xpcs::config::FitConfig;
use dyne_xpcs::fit::Data;
use dyne_xpcs::ladder::{Compared, Ladder, ladder};
use dyne_xpcs::simulate::simulated_catalog;

use crate::experiment::{case, sim_config};

const SPECKLE: &str = "noise: {kind: speckle, pixels: 2000, seed: 11}\n";

/// The models compared on what `sim` describes.
fn climbed(sim: &str, more: &str) -> Ladder {
    let yaml = format!("mode: static\ndata: {{file: x, q: all}}\n{more}");
    let simulated = case(sim, &yaml);
    let lanes = Lanes::solo();
    let cancel = Cancel::new();
    let resources = Resources::new(&lanes, &Solo, &cancel);
    let data = Data::survey(&simulated.plan, simulated.matrices.clone(), resources).unwrap();
    let config = FitConfig::from_yaml(&yaml, "fit.yaml", &[]).unwrap();
    let catalog = simulated_catalog(&sim_config(sim));
    let compared = Compared { config: &config, catalog: &catalog, data: &data, resources };
    ladder(&compared, &Silent).unwrap()
}

fn value(ladder: &Ladder, name: &str) -> f64 {
    let best = ladder.best().unwrap();
    best.parameters.iter().find(|p| p.name == name).unwrap().value
}

#[test]
fn a_constant_diffusion_is_named_as_such() {
    let sim = format!(
        "mode: static\nframes: 120\ndt: 0.1\nq: 0.0054\nphi: [0]\nparameters: {{D0: 40000}}\n\
         contrast: 0.3\n{SPECKLE}"
    );
    let found = climbed(&sim, "");
    let best = found.best().unwrap();
    assert_eq!(best.model, "constant J", "{found:#?}");
    assert_eq!(best.settings, ["parameters.alpha.fixed=0", "parameters.D_offset.fixed=0"]);
    // One bin: nothing that needs several azimuths or q.
    assert_eq!(found.rungs.len() + found.unfitted.len(), 5);
    assert!(found.rungs.iter().all(|rung| rung.effective_parameters >= best.effective_parameters));
    assert!(found.rungs.iter().all(|rung| rung.delta_clic.unwrap() >= 0.0));
}

#[test]
fn a_stretched_decay_is_named_kww() {
    let sim = format!(
        "mode: kww\nframes: 120\ndt: 0.1\nq: 0.0054\nphi: [0]\nparameters: {{D0: 40000, gamma: 0.7}}\n\
         contrast: 0.3\n{SPECKLE}"
    );
    let found = climbed(&sim, "");
    assert_eq!(found.best().unwrap().mode, "kww", "{found:#?}");
    assert!((value(&found, "gamma") - 0.7).abs() < 0.05);
}

#[test]
fn ballistic_rates_are_named_over_q() {
    let sim = format!(
        "mode: static\nframes: 120\ndt: 0.1\nq: [0.003, 0.005, 0.008]\nphi: [0]\n\
         physics: {{q_dependence: power}}\nparameters: {{D0: 40000, n: 1}}\ncontrast: 0.3\n{SPECKLE}"
    );
    // These matrices have no diagonal that would tell that there is no shot noise.
    let found = climbed(&sim, "uncertainty: {counts: 1000}\n");
    let best = found.best().unwrap();
    assert_eq!(best.settings[0], "physics.q_dependence=power", "{found:#?}");
    assert_eq!(best.mode, "static");
    assert!((value(&found, "n") - 1.0).abs() < 0.1);
}
