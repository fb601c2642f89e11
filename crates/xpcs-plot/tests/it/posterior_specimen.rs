//! A synthetic posterior with draws of a fixed seed.

use dyne_xpcs::posterior::report::{
    Band, BinPosterior, Comparison, LikelihoodReport, ParameterPosterior, PosteriorReport,
    PredictiveCuts, RateBand, SCHEMA, SampleReport, ShardReport, ShardsReport, Spread, Trace,
};
use dyne_xpcs::report::{Cut, Warning};

use crate::specimen::{Noise, provenance};

/// How large a report is.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) parameters: usize,
    pub(crate) chains: usize,
    pub(crate) draws: usize,
    pub(crate) bins: usize,
}

/// Name, symbol, unit, centre, standard deviation, standard deviation of the prior.
const TABLE: [(&str, &str, &str, f64, f64, f64); 7] = [
    ("D0", "D₀", "Å²/s^(1+α)", 2964.0, 41.0, 900.0),
    ("alpha", "α", "–", -0.0141, 0.0043, 0.5),
    ("D_offset", "D_off", "Å²/s", -83.2, 44.0, 60.0),
    ("gamma_dot_t0", "γ̇₀", "s^−(1+β)", 2.345e-4, 6.1e-6, 4e-5),
    ("beta", "β", "–", 0.312, 0.011, 0.5),
    ("gamma_dot_t_offset", "γ̇_off", "s⁻¹", -1.3e-5, 4.2e-6, 0.02),
    ("phi0", "φ₀", "deg", -5.83, 0.21, 10.0),
];

fn quantile(sorted: &[f64], level: f64) -> f64 {
    sorted[(level * (sorted.len() - 1) as f64).round() as usize]
}

pub(crate) fn spread(draws: &[f64]) -> Spread {
    let mut sorted = draws.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let mean = sorted.iter().sum::<f64>() / n;
    let sd = (sorted.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    Spread { mean, sd, quantiles: [0.025, 0.16, 0.5, 0.84, 0.975].map(|q| quantile(&sorted, q)) }
}

/// Chains whose standardised draws are correlated along a chain and between parameters.
fn values(size: Size, noise: &mut Noise) -> Vec<Vec<Vec<f64>>> {
    let mut out = vec![vec![Vec::with_capacity(size.draws); size.chains]; size.parameters];
    for chain in 0..size.chains {
        let mut state = vec![0.0; size.parameters];
        for _ in 0..size.draws {
            let shared = noise.next();
            for (k, state) in state.iter_mut().enumerate() {
                let mix = [0.0, 0.85, -0.7, 0.3][k % 4];
                let kick = mix * shared + (1.0 - mix * mix).sqrt() * noise.next();
                *state = 0.5 * *state + 0.75f64.sqrt() * kick;
                let (.., centre, sd, _) = TABLE[k % TABLE.len()];
                // Skewed a little, as posteriors of rates are.
                let z = *state + if k % 3 == 0 { 0.12 * (*state * *state - 1.0) } else { 0.0 };
                out[k][chain].push(centre + sd * z);
            }
        }
    }
    out
}

fn parameter(k: usize, chains: &[Vec<f64>], noise: &mut Noise) -> ParameterPosterior {
    let (name, symbol, unit, centre, sd, prior) = TABLE[k % TABLE.len()];
    let again = if k < TABLE.len() { "" } else { "_s" };
    let pooled = chains.concat();
    ParameterPosterior {
        name: format!("{name}{again}"),
        symbol: format!("{symbol}{}", if again.is_empty() { "" } else { "ˢ" }),
        unit: unit.to_owned(),
        spread: spread(&pooled),
        mcse_mean: sd / 30.0,
        r_hat: 1.0023,
        ess_bulk: 1234.4,
        ess_tail: 987.0,
        contraction: 1.0 - (sd / prior).powi(2),
        two_modes: (k == 6).then_some([centre - sd, centre + sd]),
        sd_composite: 0.98 * sd,
        sd_independent: 0.21 * sd,
        fit: centre + 0.3 * sd,
        fit_stderr: Some(1.05 * sd),
        converged: k != 2,
        prior_draws: (0..1000).map(|_| centre + prior * noise.next()).collect(),
    }
}

fn bin(k: usize, noise: &mut Noise) -> BinPosterior {
    let phi_deg = -90.0 + 15.0 * k as f64;
    let mut around = |centre: f64, sd: f64| {
        spread(&(0..200).map(|_| centre + sd * noise.next()).collect::<Vec<_>>())
    };
    BinPosterior {
        bin: k as u32,
        q: 0.005_412,
        phi_deg,
        contrast: around(0.15 + 0.01 * phi_deg.to_radians().cos(), 0.002),
        offset: around(1.0, 0.0004),
        sigma: around(0.02, 1e-5),
    }
}

pub(crate) fn sample(method: &str, size: Size, seed: u64) -> SampleReport {
    let mut noise = Noise::new(seed);
    let values = values(size, &mut noise);
    let parameters = values.iter().enumerate().map(|(k, c)| parameter(k, c, &mut noise)).collect();
    let nuts = method == "nuts";
    let mut energy = vec![vec![0.0; size.draws]; if nuts { size.chains } else { 0 }];
    for chain in &mut energy {
        let mut state = 0.0;
        chain.iter_mut().for_each(|e| {
            state = 0.45 * state + noise.next();
            *e = 5000.0 + 3.0 * state + 0.2 * state * state;
        });
    }
    let correlation = |i: usize, j: usize| if i == j { 1.0 } else { 0.6 - 0.2 * (i + j) as f64 };
    let row = |i| (0..size.parameters).map(|j| correlation(i, j).max(-0.9)).collect();
    SampleReport {
        method: method.to_owned(),
        chains: size.chains,
        draws: size.draws,
        evaluations: 123_456,
        seconds: 83.0,
        divergences: if nuts { 6 } else { 0 },
        divergences_at: if nuts {
            "at gamma_dot_t0 < 2.3e-4 & low alpha".into()
        } else {
            "".into()
        },
        energy_fractions: if nuts { vec![0.93; size.chains] } else { Vec::new() },
        deepest: 5,
        at_depth_limit: 0,
        bins: (0..size.bins).map(|k| bin(k, &mut noise)).collect(),
        correlations: (0..size.parameters).map(row).collect(),
        trace: Trace {
            values,
            log_density: energy.iter().map(|c| c.iter().map(|e| -e).collect()).collect(),
            depth: vec![vec![4; size.draws]; energy.len()],
            step_size: vec![0.4; energy.len()],
            divergent: (0..energy.len())
                .map(|c| if c % 2 == 0 { vec![7, 300, 640] } else { vec![] })
                .collect(),
            energy,
            ..Trace::default()
        },
        parameters,
    }
}

fn band(at: impl Fn(usize) -> f64, width: f64, count: usize) -> Band {
    let levels = |k: usize| [-1.96, -0.994, 0.0, 0.994, 1.96].map(|z| at(k) * (1.0 + width * z));
    Band { quantiles: (0..count).map(levels).collect() }
}

fn cuts(k: usize, noise: &mut Noise) -> PredictiveCuts {
    let bin = bin(k, noise);
    let mut cut = |age_s: f64| {
        let lag_s: Vec<f64> = (0..34).map(|k| 0.1 * 1.2f64.powi(k)).collect();
        let slow = 4.0 * (1.0 + age_s / 30.0) / (1.0 + bin.phi_deg.to_radians().cos().powi(2));
        let fit: Vec<f64> = lag_s.iter().map(|t| 1.0 + 0.15 * (-2.0 * t / slow).exp()).collect();
        let error = |t: &f64| 0.0008 * t.sqrt().max(0.5);
        let data = fit.iter().zip(&lag_s).map(|(v, t)| v + error(t) * noise.next()).collect();
        let band = band(|k| fit[k], 0.0016, fit.len());
        (Cut { age_s, data_stderr: lag_s.iter().map(error).collect(), lag_s, data, fit }, band)
    };
    let cuts = vec![cut(5.0), cut(25.0), cut(50.0), cut(75.0)];
    PredictiveCuts { bin: bin.bin, q: bin.q, phi_deg: bin.phi_deg, cuts }
}

fn rate(name: &str, symbol: &str, unit: &str, of: impl Fn(f64) -> f64) -> RateBand {
    let t_s: Vec<f64> = (0..900).map(|k| 0.1 * f64::from(k + 1)).collect();
    RateBand {
        name: name.to_owned(),
        symbol: symbol.to_owned(),
        unit: unit.to_owned(),
        band: band(|k| of(t_s[k]), 0.02, t_s.len()),
        fit: t_s.iter().map(|t| 1.01 * of(*t)).collect(),
        t_s,
    }
}

fn shards(sample: &SampleReport, noise: &mut Noise) -> ShardsReport {
    let shard = |k: usize| {
        let outlier = k == 5;
        let away = if outlier { 5.0 } else { 0.0 };
        let sd: Vec<f64> = sample.parameters.iter().map(|p| 2.8 * p.spread.sd).collect();
        let mean = sample.parameters.iter().zip(&sd);
        let mean = mean.map(|(p, sd)| p.spread.mean + sd * (away + 0.4 * noise.next())).collect();
        ShardReport {
            shard: k,
            pairs: 1_234_000,
            r_hat: 1.004,
            ess: 512.3,
            divergences: 0,
            distance: (!outlier).then_some(0.4),
            left_out: outlier.then(|| "its mean is 5 sd from the others".to_owned()),
            mean,
            sd,
        }
    };
    ShardsReport {
        strategy: "stratified".to_owned(),
        combination: "robust".to_owned(),
        shards: (1..=8).map(shard).collect(),
        largest_distance: 5.1,
        effective_share: Some(0.62),
        rounds: Some(2),
    }
}

/// A posterior by NUTS.
pub(crate) fn report(size: Size) -> PosteriorReport {
    let mut noise = Noise::new(11);
    let sample = sample("nuts", size, 3);
    let priors =
        sample.parameters.iter().map(|p| (p.name.clone(), format!("normal({}, 1)", p.fit)));
    PosteriorReport {
        schema: SCHEMA,
        mode: "laminar_flow".to_owned(),
        file: "/data/run<1>.hdf".to_owned(),
        provenance: Some(provenance()),
        likelihood: LikelihoodReport {
            kind: "composite".to_owned(),
            weight: 0.0432,
            width_factors: Some([0.61, 1.87]),
            pairs: 11_488_500,
        },
        priors: priors.collect(),
        shards: None,
        comparison: None,
        minima_not_visited: Vec::new(),
        warnings: vec![Warning {
            code: "divergences".to_owned(),
            message: "6 draws diverged".to_owned(),
        }],
        verdict: "the chains agree: R̂ at most 1.002, at least 987 effective draws".to_owned(),
        converged: true,
        rates: vec![
            rate("transport", "J(t)", "Å²/s", |t| 2964.0 * t.powf(-0.0141) - 83.0),
            rate("shear_rate", "γ̇(t)", "s⁻¹", |t| 2.345e-4 * t.powf(0.312) + 1e-5),
        ],
        predictive: (0..size.bins).map(|k| cuts(k, &mut noise)).collect(),
        samples: vec![sample],
    }
}

/// The same with draws by shards beside it.
pub(crate) fn report_with_shards(size: Size) -> PosteriorReport {
    let mut out = report(size);
    let combined = sample("cmc", size, 4);
    out.shards = Some(shards(&combined, &mut Noise::new(12)));
    let names = || combined.parameters.iter().map(|p| p.name.clone());
    out.comparison = Some(Comparison {
        mean_shift: names().enumerate().map(|(k, n)| (n, 0.05 * k as f64 - 0.1)).collect(),
        sd_ratio: names().enumerate().map(|(k, n)| (n, 0.95 + 0.02 * k as f64)).collect(),
        correlation_difference: 0.04,
    });
    out.samples.push(combined);
    out
}
