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
    for (frames, d0, noise) in [
        (80, 20000.0, "kind: speckle, pixels: 600"),
        (80, 20000.0, "kind: speckle, pixels: 600, counts: 0.3"),
        (200, 8000.0, "kind: speckle, pixels: 600, counts: 0.3"),
    ] {
        let (scatter, claimed) = scatter(frames, d0, noise, 120);
        assert!((claimed / scatter - 1.0).abs() < 0.25, "{noise}: {claimed} claimed, {scatter}");
    }
}

#[test]
fn pixels_and_counts_are_found_again() {
    let case = with_diagonal(&simulated("kind: speckle, pixels: 900, counts: 0.25, seed: 4"), FIT);
    let uncertainty = case.fit(&Lanes::solo()).uncertainty.unwrap();
    assert_eq!(uncertainty.method, UncertaintyMethod::Speckle);
    let (pixels, _) = uncertainty.pixels.unwrap();
    assert!((pixels / 900.0 - 1.0).abs() < 0.1, "{pixels} pixels");
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
    let case = crate::experiment::case(&simulated("kind: gaussian, sigma: 0.02, seed: 1"), FIT);
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
