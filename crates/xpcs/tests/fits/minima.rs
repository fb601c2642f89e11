//! Rival minima, fixed parameters and profiles of flat valleys.

use dyne_runtime::Lanes;
use dyne_solve::ProfileEnd;
use dyne_xpcs::report::MinimumKind;

use crate::experiment::case;

fn two_azimuths(setting: &str) -> (String, String) {
    let sim = "mode: laminar_flow\nframes: 120\ndt: 0.1\nq: 0.0054\ngap: 2.0e6\nphi: [0, 60]\n\
         parameters: {D0: 3000, alpha: 0, D_offset: 0, gamma_dot_t0: 0.0015, beta: 0, \
         gamma_dot_t_offset: 0, phi0: 3}\ncontrast: 0.3\n\
         noise: {kind: gaussian, sigma: 0.02, seed: 4}\n";
    let fit = format!(
        "mode: laminar_flow\ndata: {{file: x}}\ngeometry: {{gap: 2.0e6}}\n\
         uncertainty: {{method: information}}\nparameters: {{D_offset: {{fixed: 0}}, \
         gamma_dot_t0: {{start: 0.0015}}, \
         gamma_dot_t_offset: {{fixed: 0}}{setting}}}\n"
    );
    (sim.to_owned(), fit)
}

#[test]
fn both_directions_of_two_azimuths_are_reported() {
    for (setting, chosen, other, code) in
        [("", 3.0, -50.4, "prior"), (", phi0: {start: -45}", -50.4, 3.0, "start")]
    {
        let (sim, fit) = two_azimuths(setting);
        let fitted = case(&sim, &fit).fit(&Lanes::solo());
        let list = &fitted.minima.list;
        assert!(list.len() >= 2, "{list:?}");
        assert!((list[0].theta[6] - chosen).abs() < 1.0, "{list:?}");
        let twin = list.iter().find(|rival| rival.kind == MinimumKind::Twin).unwrap();
        assert!((twin.theta[6] - other).abs() < 1.0, "{list:?}");
        assert!((twin.rise - list[0].rise).abs() < 1e-3, "{list:?}");
        assert_eq!(fitted.minima.choice.as_ref().unwrap().code, code);
        assert_eq!(fitted.outcome.fit.theta, list[0].theta);
    }
}

const BROWNIAN: &str = "mode: static\nframes: 120\ndt: 0.1\nq: 0.0054\nphi: [0]\n\
    parameters: {D0: 20000, alpha: 0, D_offset: 0}\ncontrast: 0.3\n";
const FREE: &str = "mode: static\ndata: {file: x}\nuncertainty: {method: information}\n";

/// The three parameters of a constant rate trade off without end; one of them fixed at its
/// best value leaves the minimum where it is.
#[test]
fn a_parameter_fixed_at_its_best_value_changes_nothing() {
    for seed in 1..=4 {
        let sim = format!("{BROWNIAN}noise: {{kind: gaussian, sigma: 0.02, seed: {seed}}}\n");
        let free = case(&sim, FREE).fit(&Lanes::solo());
        let fit = &free.outcome.fit;
        for (k, name) in ["D0", "alpha", "D_offset"].into_iter().enumerate() {
            let setting = format!("{FREE}parameters: {{{name}: {{fixed: {:e}}}}}\n", fit.theta[k]);
            let fixed = case(&sim, &setting).fit(&Lanes::solo());
            let rise = (fixed.outcome.fit.cost() - fit.cost()) / 4e-4;
            assert!(rise < 0.1, "seed {seed}, {name}: {rise}, {:?}", fixed.outcome.fit.theta);
        }
    }
}

/// With thirteen parameters free a fixed one is released at first, so that the search ends in the same minimum.
#[test]
fn a_parameter_fixed_among_many_leaves_the_minimum_where_it_is() {
    let sim = "mode: two_component\nframes: 100\ndt: 0.1\nq: 0.0054\nphi: [0, 45, 90]\n\
        parameters: {D0_ref: 4000, alpha_ref: 0, D_offset_ref: 0, D0_sample: 25000, \
        alpha_sample: -0.2, D_offset_sample: 0, v0: 1500, beta: 0, v_offset: 0, f0: 0.6, f1: 0, \
        f2: 0, f3: 0, phi0: 5}\ncontrast: 0.3\nnoise: {kind: gaussian, sigma: 0.01, seed: 6}\n";
    let fit = "mode: two_component\ndata: {file: x}\nuncertainty: {method: information}\n\
        search: {starts: 16}\n";
    let free = case(sim, fit);
    assert!(free.plan.released.is_none());
    let best = free.fit(&Lanes::solo()).outcome.fit;
    let beta = best.theta[7];
    let fixed = case(sim, &format!("{fit}parameters: {{beta: {{fixed: {beta:e}}}}}\n"));
    let released = fixed.plan.released.as_ref().unwrap();
    assert_eq!(released.free().len(), fixed.plan.transform.free().len() + 1);
    let rise = (fixed.fit(&Lanes::solo()).outcome.fit.cost() - best.cost()) / 1e-4;
    assert!(rise < 1.0, "{rise}");
}

#[test]
fn the_profile_along_a_flat_valley_holds_the_truth_or_is_open() {
    let mut profiles = 0;
    for seed in 1..=6 {
        let sim = format!("{BROWNIAN}noise: {{kind: gaussian, sigma: 0.02, seed: {seed}}}\n");
        let setting = FREE.replace("information", "information, profile: [D0]");
        let fitted = case(&sim, &setting).fit(&Lanes::solo());
        for (_, profile) in &fitted.profiles {
            profiles += 1;
            let [low, high] = profile.interval(1.96);
            assert!(low.is_none_or(|low| low < 20_000.0), "seed {seed}: {profile:?}");
            assert!(high.is_none_or(|high| high > 20_000.0), "seed {seed}: {profile:?}");
            assert!(
                high.is_some() || profile.ends[1] != ProfileEnd::Closed,
                "seed {seed}: {profile:?}"
            );
            // Away from the minimum the cost does not fall.
            let pairs = profile.points.windows(2);
            assert!(pairs.clone().all(|p| p[0].z <= p[1].z + 0.05), "seed {seed}: {profile:?}");
        }
    }
    assert!(profiles > 0);
}
