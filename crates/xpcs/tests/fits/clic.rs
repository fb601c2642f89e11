//! The information criterion on speckle data, whose pairs are not independent.

use dyne_runtime::Lanes;
use dyne_xpcs::clic::clic_of;

use crate::experiment::case;

const SIM: &str = "mode: kww\nframes: 120\ndt: 0.1\nq: 0.0054\nphi: [0]\n\
    parameters: {D0: 40000, gamma: 1.0}\ncontrast: 0.3\n\
    noise: {kind: speckle, pixels: 2000, seed: 4}\n";
const HELD: &str = "alpha: {fixed: 0}, D_offset: {fixed: 0}";

fn criterion(sim: &str, mode: &str, held: &str) -> (f64, f64) {
    let fit = format!("mode: {mode}\ndata: {{file: x}}\nparameters: {{{held}}}\n");
    let fitted = case(sim, &fit).fit(&Lanes::solo());
    let penalty = fitted.covariance.as_ref().unwrap().effective_parameters().unwrap();
    (clic_of(&fitted).unwrap(), penalty)
}

#[test]
fn the_simpler_of_two_right_models_is_preferred() {
    let (constant, penalty) = criterion(SIM, "static", HELD);
    let (law, penalty_of_law) = criterion(SIM, "static", "D_offset: {fixed: 0}");
    // Three parameters of independent pairs would count as 3; speckle makes many times that.
    assert!(penalty > 10.0 && penalty_of_law > penalty, "{penalty} and {penalty_of_law}");
    assert!(constant < law, "{constant} and {law}");
    let (stretched, _) = criterion(SIM, "kww", HELD);
    assert!(constant < stretched, "{constant} and {stretched}");
}

#[test]
fn the_right_model_is_preferred_to_a_wrong_one() {
    let sim = SIM.replace("gamma: 1.0", "gamma: 0.7");
    let (right, _) = criterion(&sim, "kww", HELD);
    let (wrong, _) = criterion(&sim, "static", HELD);
    assert!(right + 100.0 < wrong, "{right} and {wrong}");
}
