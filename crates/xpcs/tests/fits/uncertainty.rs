//! Error bars from simulated speckles, against repeated simulated experiments.

use dyne_runtime::Lanes;
use dyne_xpcs::config::UncertaintyMethod;
use dyne_xpcs::simulate::Experiment;
use dyne_xpcs::uncertainty::CountsSource;
use dyne_xpcs_data::{Counts, Matrices};

use crate::experiment::{Case, case, sim_config};

const FIT: &str = "mode: static\ndata: {file: x}\n\
    parameters: {D0: {start: 20000}, alpha: {fixed: 0}, D_offset: {fixed: 0}}\n";

fn simulated(noise: &str) -> String {
    experiment(80, 20000.0, noise)
}

fn experiment(frames: usize, d0: f64, noise: &str) -> String {
    format!(
        "mode: static\nframes: {frames}\ndt: 0.1\nq: 0.0054\nphi: [0]\n\
         parameters: {{D0: {d0}, alpha: 0, D_offset: 0}}\ncontrast: 0.5\nnoise: {{{noise}}}\n"
    )
}

/// The case with the diagonal that a detector measures.
fn with_diagonal(simulated: &str, fit: &str) -> Case {
    let mut case = case(simulated, fit);
    let experiment = Experiment::try_new(sim_config(simulated)).unwrap();
    let matrix = experiment.matrix(0, &Lanes::solo()).unwrap();
    let triangle = matrix.triangle.with_diagonal(matrix.diagonal);
    case.matrices = Matrices::new(vec![triangle], case.plan.skip());
    case
}

/// Standard deviation of the estimates of many experiments, and the mean of their error bars.
fn scatter(frames: usize, d0: f64, noise: &str, repeats: u64) -> (f64, f64) {
    let lanes = Lanes::solo();
    let runs: Vec<(f64, f64)> = (0..repeats)
        .map(|seed| {
            let case =
                with_diagonal(&experiment(frames, d0, &format!("{noise}, seed: {seed}")), FIT);
            let fitted = case.fit(&lanes);
            let covariance = fitted.covariance.as_ref().unwrap();
            (fitted.outcome.fit.theta[0], covariance.stderr(0).unwrap())
        })
        .collect();
    let n = runs.len() as f64;
    let mean = runs.iter().map(|r| r.0).sum::<f64>() / n;
    let variance = runs.iter().map(|r| (r.0 - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (variance.sqrt(), runs.iter().map(|r| r.1).sum::<f64>() / n)
}

#[test]
fn error_bars_are_the_scatter_of_repeated_experiments() {
    // The standard deviation of 120 estimates is known to 6.5 %.
    // So few photons on so few frames do not tell speckles of one pixel from larger ones, which widens error bars.
    for (frames, d0, noise, within) in [
        (80, 20000.0, "kind: speckle, pixels: 600", 0.25),
        (80, 20000.0, "kind: speckle, pixels: 600, counts: 0.3", 0.4),
        (200, 8000.0, "kind: speckle, pixels: 600, counts: 0.3", 0.4),
        (120, 20000.0, "kind: speckle, pixels: 2400, pixels_per_speckle: 4, counts: 1", 0.25),
    ] {
        let (scatter, claimed) = scatter(frames, d0, noise, 120);
        assert!((claimed / scatter - 1.0).abs() < within, "{noise}: {claimed} claimed, {scatter}");
    }
}

#[test]
fn pixels_and_counts_are_found_again() {
    let case = with_diagonal(&simulated("kind: speckle, pixels: 900, counts: 0.25, seed: 4"), FIT);
    let uncertainty = case.fit(&Lanes::solo()).uncertainty.unwrap();
    assert_eq!(uncertainty.method, UncertaintyMethod::Speckle);
    // So short a series leaves open how many pixels a speckle covers.
    let [factors] = uncertainty.factors[..] else { panic!("one bin") };
    let pixels = factors.pixels().unwrap();
    assert!((pixels / 900.0 - 1.0).abs() < 0.1, "{pixels} pixels");
    assert!((200.0..1000.0).contains(&factors.speckles()), "{} speckles", factors.speckles());
    let [Counts::Mean(counts)] = uncertainty.counts[..] else { panic!("one mean count") };
    assert!((counts / 0.25 - 1.0).abs() < 0.05, "{counts} counts");
    // Without a diagonal the residuals tell.
    let plain = crate::experiment::case(
        &simulated("kind: speckle, pixels: 900, counts: 0.25, seed: 4"),
        FIT,
    );
    let uncertainty = plain.fit(&Lanes::solo()).uncertainty.unwrap();
    let [Counts::Mean(counts)] = uncertainty.counts[..] else { panic!("one mean count") };
    assert!((counts / 0.25 - 1.0).abs() < 0.2, "{counts} counts");
    assert_eq!(uncertainty.counts_source, CountsSource::Residuals);
    // Bright speckles are not taken for shot noise.
    let bright = crate::experiment::case(&simulated("kind: speckle, pixels: 900, seed: 4"), FIT);
    let uncertainty = bright.fit(&Lanes::solo()).uncertainty.unwrap();
    assert_eq!(uncertainty.counts[..], [Counts::Infinite]);
}

#[test]
fn independent_noise_has_the_error_bars_of_independent_pairs() {
    let case = crate::experiment::case(
        &experiment(160, 20000.0, "kind: gaussian, sigma: 0.02, seed: 1"),
        FIT,
    );
    let fitted = case.fit(&Lanes::solo());
    let headline = fitted.covariance.as_ref().unwrap().stderr(0).unwrap();
    let uncertainty = fitted.uncertainty.unwrap();
    assert_eq!(uncertainty.method, UncertaintyMethod::Speckle);
    let independent = uncertainty.information.stderr(0).unwrap();
    assert!((headline / independent - 1.0).abs() < 0.15, "{headline} and {independent}");
}

#[test]
fn a_robust_loss_falls_back_and_says_so() {
    let fit = format!("{FIT}fit: {{loss: huber}}\n");
    let case = with_diagonal(&simulated("kind: speckle, pixels: 900, seed: 4"), &fit);
    let uncertainty = case.fit(&Lanes::solo()).uncertainty.unwrap();
    assert_eq!(uncertainty.method, UncertaintyMethod::Information);
    assert!(uncertainty.instead_of.unwrap().contains("robust loss"));
}

#[test]
fn a_speckle_over_several_pixels_is_noticed() {
    // 1/P_c of one series is known to a third.
    let mut inverse = Vec::new();
    for seed in 0..12 {
        let noise = format!(
            "kind: speckle, pixels: 3600, pixels_per_speckle: 9, counts: 0.5, seed: {seed}"
        );
        let case = with_diagonal(&experiment(160, 20000.0, &noise), FIT);
        let uncertainty = case.fit(&Lanes::solo()).uncertainty.unwrap();
        let [factors] = uncertainty.factors[..] else { panic!("one bin") };
        assert!((factors.counts().unwrap() / 0.5 - 1.0).abs() < 0.1);
        inverse.push(factors.correlated);
    }
    let mean = inverse.iter().sum::<f64>() / inverse.len() as f64;
    assert!((mean * 400.0 - 1.0).abs() < 0.35, "{} speckles", mean.recip());
}

#[test]
fn four_pixels_a_speckle_at_few_photons_are_not_taken_for_one() {
    let speckles = |pixels: usize, covered: usize| {
        let mut inverse: Vec<f64> = (0..15)
            .map(|seed| {
                let noise = format!(
                    "kind: speckle, pixels: {pixels}, pixels_per_speckle: {covered}, counts: 0.2, seed: {seed}"
                );
                let case = with_diagonal(&experiment(200, 42867.0, &noise), FIT);
                case.fit(&Lanes::solo()).uncertainty.unwrap().factors[0].correlated
            })
            .collect();
        inverse.sort_by(f64::total_cmp);
        inverse[7].recip()
    };
    let few = speckles(3600, 4);
    assert!((600.0..1400.0).contains(&few), "{few} of 900 speckles");
    let single = speckles(2000, 1);
    assert!((1300.0..2050.0).contains(&single), "{single} of 2000 speckles");
}

#[test]
fn every_bin_has_its_own_pixels() {
    let sim = |pixels: usize| {
        simulated(&format!("kind: speckle, pixels: {pixels}, counts: 0.5, seed: 8"))
            .replace("phi: [0]", "phi: [0, 90]")
    };
    let (mut case, many) = (case(&sim(300), FIT), case(&sim(4800), FIT));
    let triangles = [case.matrices.triangle(0).unwrap(), many.matrices.triangle(1).unwrap()];
    case.matrices = Matrices::new(triangles.map(|t| t.into_owned()).to_vec(), case.plan.skip());
    let fitted = case.fit(&Lanes::solo());
    assert!(fitted.weights.is_some(), "bins of unequal noise weigh unequally by default");
    let factors = fitted.uncertainty.unwrap().factors;
    let ratio = factors[0].correlated / factors[1].correlated;
    assert!((ratio / 16.0 - 1.0).abs() < 0.35, "{ratio}");
}

#[test]
fn residuals_decide_against_a_raised_diagonal() {
    let mut case = crate::experiment::case(
        &experiment(160, 20000.0, "kind: gaussian, sigma: 0.02, seed: 1"),
        FIT,
    );
    let triangle = case.matrices.triangle(0).unwrap().into_owned();
    case.matrices = Matrices::new(vec![triangle.with_diagonal(vec![1.9; 160])], case.plan.skip());
    let fitted = case.fit(&Lanes::solo());
    let headline = fitted.covariance.as_ref().unwrap().stderr(0).unwrap();
    let uncertainty = fitted.uncertainty.unwrap();
    assert_eq!(uncertainty.counts_source, CountsSource::Contradicted);
    let independent = uncertainty.information.stderr(0).unwrap();
    assert!((headline / independent - 1.0).abs() < 0.3, "{headline} and {independent}");
    let [diagonal, residuals] = &uncertainty.alternatives[..] else { panic!("two readings") };
    assert_eq!(residuals.1.stderr(0).unwrap(), headline);
    assert!(diagonal.1.stderr(0).unwrap() > 2.0 * headline);
}
