//! Synthetic reports with noise of a fixed seed.

use std::collections::BTreeMap;

use dyne_xpcs::report::{
    Basin, BinNoise, BinPicture, BoundSide, Cost, Counters, Covariance, CurveResult, Cut,
    HeadlineQuantity, Identifiability, LawResult, MapTriple, NoiseResult, OtherConvention,
    ParameterResult, Profile, ProfileSide, Provenance, Quantity, Reason, Report, ScalingResult,
    Status, Timings, Uncertainty, Verdict, VerdictClass, Warning, Weight,
};

const T_END_S: f64 = 100.0;
const SIGMA: f64 = 0.02;

/// Normal numbers: sums of twelve uniform ones from a linear congruential generator.
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> f64 {
        let mut uniform = || {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 11) as f64 / (1u64 << 53) as f64
        };
        (0..12).map(|_| uniform()).sum::<f64>() - 6.0
    }
}

fn model(t1: f64, t2: f64, phi_deg: f64) -> f64 {
    let tau = (t2 - t1).abs();
    let slowing = 1.0 + (t1 + t2) / T_END_S;
    let shear = 0.35 * tau * phi_deg.to_radians().cos();
    let sinc = if shear.abs() < 1e-6 { 1.0 } else { shear.sin() / shear };
    1.0 + 0.15 * (-tau / (6.0 * slowing)).exp() * sinc * sinc
}

fn parameter(
    name: &str,
    symbol: &str,
    unit: &str,
    value: (f64, f64),
    bounds: (f64, f64),
) -> ParameterResult {
    ParameterResult {
        name: name.to_owned(),
        symbol: symbol.to_owned(),
        value: value.0,
        stderr: Some(value.1),
        unit: unit.to_owned(),
        free: true,
        at_bound: None,
        lower: bounds.0,
        upper: bounds.1,
        stderr_absent: None,
    }
}

/// The seven parameters of laminar flow: one tied, one at its bound, one fixed.
fn parameters() -> Vec<ParameterResult> {
    let mut out = vec![
        parameter("D0", "D₀", "Å²/s^(1+α)", (2964.3, 19.5), (1.0, 1e7)),
        parameter("alpha", "α", "–", (-0.0141, 0.0021), (-2.0, 2.0)),
        parameter("D_offset", "D_off", "Å²/s", (12.3, 40.1), (-1e5, 1e5)),
        parameter("gamma_dot_t0", "γ̇₀", "s^−(1+β)", (2.345e-4, 3.1e-6), (1e-6, 1.0)),
        parameter("beta", "β", "–", (2.0, 0.0), (-2.0, 2.0)),
        parameter("gamma_dot_t_offset", "γ̇_off", "s⁻¹", (0.0, 0.0), (-0.1, 0.1)),
        parameter("phi0", "φ₀", "deg", (-3.42, 0.27), (-90.0, 90.0)),
    ];
    out[4].at_bound = Some(BoundSide::Upper);
    out[4].stderr = None;
    out[4].stderr_absent = Some("at its upper bound".to_owned());
    out[5].free = false;
    out[5].stderr = None;
    out[5].stderr_absent = Some("fixed".to_owned());
    out
}

fn covariance() -> Covariance {
    let names =
        ["D0", "alpha", "D_offset", "gamma_dot_t0", "phi0", "contrast[0]"].map(str::to_owned);
    let deviations = [19.5, 0.0021, 40.1, 3.1e-6, 0.27, 0.001];
    let r = |i: usize, j: usize| match (i.min(j), i.max(j)) {
        (i, j) if i == j => 1.0,
        (0, 1) => -0.62,
        (0, 2) => -0.97,
        (1, 2) => 0.48,
        (3, 4) => 0.31,
        (i, j) => 0.03 * (i as f64 - j as f64 + 2.0),
    };
    let row = |i: usize| (0..6).map(|j| r(i, j) * deviations[i] * deviations[j]).collect();
    Covariance {
        names: names.to_vec(),
        matrix: (0..6).map(row).collect(),
        method: "sandwich, dyadic clustering over frames".to_owned(),
        physical: 5,
    }
}

/// Noisy symmetric maps with a diagonal that is NaN.
fn map(pixels: usize, phi_deg: f64, noise: &mut Noise) -> MapTriple {
    let time = |k: usize| (k as f64 + 0.5) / pixels as f64 * T_END_S;
    let mut map = MapTriple {
        pixels,
        t_start_s: 0.0,
        t_end_s: T_END_S,
        data: vec![f32::NAN; pixels * pixels],
        fit: vec![f32::NAN; pixels * pixels],
        residual: vec![f32::NAN; pixels * pixels],
    };
    for i in 0..pixels {
        for j in 0..i {
            let fit = model(time(j), time(i), phi_deg);
            let residual = SIGMA * noise.next();
            for k in [i * pixels + j, j * pixels + i] {
                map.fit[k] = fit as f32;
                map.residual[k] = residual as f32;
                map.data[k] = (fit + residual) as f32;
            }
        }
    }
    map
}

fn cut(age_s: f64, phi_deg: f64, noise: &mut Noise) -> Cut {
    let longest = 2.0 * age_s.min(T_END_S - age_s);
    let lag_s: Vec<f64> =
        (0..36).map(|k| 0.1 * 1.22f64.powi(k)).filter(|lag| *lag < longest).collect();
    let fit: Vec<f64> =
        lag_s.iter().map(|lag| model(age_s - lag / 2.0, age_s + lag / 2.0, phi_deg)).collect();
    let data_stderr: Vec<f64> =
        (0..lag_s.len()).map(|k| if k == 0 { f64::NAN } else { 0.004 }).collect();
    let data = fit.iter().map(|c2| c2 + 0.004 * noise.next()).collect();
    Cut { age_s, lag_s, data, data_stderr, fit }
}

fn bin(bin: u32, phi_deg: f64, pixels: usize) -> BinPicture {
    let mut noise = Noise::new(u64::from(bin) + 1);
    let map = map(pixels, phi_deg, &mut noise);
    let ages = [5.0, 15.0, 30.0, 55.0, 80.0];
    let cuts = ages.into_iter().map(|age| cut(age, phi_deg, &mut noise)).collect();
    BinPicture { bin, q: 0.005_412, phi_deg, map, cuts }
}

fn scaling(bin: u32, phi_deg: f64) -> ScalingResult {
    let mut noise = Noise::new(u64::from(bin) + 77);
    ScalingResult {
        bin,
        phi_deg,
        q: 0.005_412,
        contrast: 0.1523 + 0.001 * noise.next(),
        contrast_stderr: Some(0.001_24),
        offset: 1.001_72 + 0.0002 * noise.next(),
        offset_stderr: Some(0.000_21),
        residual_rms: SIGMA,
    }
}

pub(crate) fn provenance() -> Provenance {
    Provenance {
        version: "0.1.0".to_owned(),
        git_revision: "0123456789ab".to_owned(),
        file: "/data/2024-3/A015_<creep>&\"rest\"_Aq0.3_fc0.5.hdf".to_owned(),
        file_hash: "blake3:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
            .to_owned(),
        layout: "aps_u".to_owned(),
        dt_s: 0.1,
        dt_source: "t0 × stride of the file".to_owned(),
        host_cores: 16,
        simd: "avx512".to_owned(),
        threads: 8,
        plan: serde_json::json!({
            "data": {"file": "A015_<creep>.hdf", "start_frame": 0, "end_frame": 1000},
            "model": {"mode": "laminar_flow", "shear": "published"},
            "fit": {"loss": "linear", "tolerance": 1e-8}
        }),
    }
}

fn noise(bin: u32) -> BinNoise {
    BinNoise {
        bin,
        sigma: SIGMA,
        lag_s: vec![0.1, 1.0, 10.0],
        sigma_by_lag: vec![0.021, 0.02, 0.019],
        along_row: vec![Some(0.012), None],
        along_age: Some(0.4),
    }
}

fn rate(name: &str, unit: &str, size: f64) -> CurveResult {
    let t_s: Vec<f64> = (1..=50).map(|k| f64::from(k) * T_END_S / 50.0).collect();
    let value: Vec<f64> = t_s.iter().map(|t| size * t.powf(-0.4)).collect();
    CurveResult {
        name: name.to_owned(),
        symbol: name.to_owned(),
        unit: unit.to_owned(),
        stderr: Some(value.iter().map(|v| 0.1 * v).collect()),
        stderr_absent: None,
        t_s,
        value,
    }
}

fn identifiability() -> Option<Identifiability> {
    Some(Identifiability {
        singular_values: vec![0.02, 0.7, 1.4],
        condition: Some(70.0),
        weakest: vec![Weight { name: "D0".to_owned(), weight: 0.71 }],
        floored_frames: 0,
        clipped_frames: 0,
        findings: vec!["D0 and alpha are correlated by 0.981 (beyond 0.95).".to_owned()],
    })
}

fn quantities() -> Vec<Quantity> {
    vec![Quantity {
        name: "strain".to_owned(),
        about: "∫gamma_dot dt over the series".to_owned(),
        value: 0.1234,
        stderr: Some(0.0021),
        unit: "–".to_owned(),
        stderr_absent: None,
    }]
}

fn noise_of(bins: u32) -> NoiseResult {
    NoiseResult {
        model: "global".to_owned(),
        weighted: false,
        chi2: 11_488_449.0,
        chi2_about: "by construction".to_owned(),
        distances_s: vec![0.1, 0.2],
        bins: (0..bins).map(noise).collect(),
    }
}

fn uncertainty() -> Option<Uncertainty> {
    Some(Uncertainty {
        method: "speckle".to_owned(),
        about: "score covariance of simulated speckles".to_owned(),
        instead_of: None,
        pixels: Some(512.3),
        pixels_source: "from the residuals".to_owned(),
        map_pixels: Some(600.0),
        counts: vec![Some(0.05), None],
        counts_source: "read off the diagonal".to_owned(),
        bins: Vec::new(),
        alternatives: Vec::new(),
        notes: Vec::new(),
        information: BTreeMap::from([("D0".to_owned(), 1.5)]),
    })
}

const AT_BOUND: &str = "beta lies on its upper bound 2: the data ask for a value beyond it, or do not \
                        determine it at all. Widen the bound or fix the parameter.";

fn headline() -> Vec<HeadlineQuantity> {
    let one = |name: &str, at_s, value, unit: &str| HeadlineQuantity {
        name: name.to_owned(),
        symbol: name.to_owned(),
        about: "a rate".to_owned(),
        at_s,
        value,
        stderr: Some(0.01 * value),
        unit: unit.to_owned(),
        stderr_absent: None,
    };
    vec![
        one("J", Some(30.0), 1234.0, "Å²/s"),
        one("gamma_dot", Some(30.0), 2.3e-3, "s⁻¹"),
        one("mean_J", None, 1300.0, "Å²/s"),
        one("mean_gamma_dot", None, 2.1e-3, "s⁻¹"),
    ]
}

fn law(rate: &str, law: &str) -> LawResult {
    LawResult {
        rate: rate.to_owned(),
        law: law.to_owned(),
        clic: Some(3.2),
        p: Some(0.02),
        chosen: false,
    }
}

fn profile() -> Profile {
    Profile {
        name: "alpha".to_owned(),
        unit: "–".to_owned(),
        values: vec![-0.5, -0.4, -0.3],
        deviations: vec![-1.2, 0.0, 1.1],
        interval68: [Some(-0.48), Some(-0.31)],
        interval95: [None, None],
        ends: [false, false].map(|closed| ProfileSide {
            closed,
            code: "flat".to_owned(),
            held_by: None,
        }),
        deeper: false,
    }
}

fn other_conventions() -> Vec<OtherConvention> {
    let one =
        |(name, rate_factor): (&str, f64)| OtherConvention { name: name.to_owned(), rate_factor };
    let factors = [2.221_441_469, std::f64::consts::FRAC_1_SQRT_2];
    ["homodyne-2", "homodyne-analysis"].into_iter().zip(factors).map(one).collect()
}

fn verdict() -> Verdict {
    Verdict {
        class: VerdictClass::Reservations,
        reasons: vec![Reason { code: "at_bound".to_owned(), message: AT_BOUND.to_owned() }],
        exit_code: 1,
    }
}

/// A fit of so many azimuths from −90° to 90° with maps of so many pixels a side.
pub(crate) fn report(bins: u32, pixels: usize) -> Report {
    let phi =
        |k: u32| if bins == 1 { 12.5 } else { -90.0 + 180.0 * f64::from(k) / f64::from(bins - 1) };
    Report {
        verdict: verdict(),
        headline: headline(),
        laws: vec![law("J", "constant"), LawResult { chosen: true, ..law("J", "power_law") }],
        lack_of_fit: Err("not computed".to_owned()),
        full_law: None,
        status: Status::NotConverged,
        termination:
            "the limit of 50 sweeps was reached before the relative reduction fell below 1e-8"
                .to_owned(),
        mode: "laminar_flow".to_owned(),
        other_conventions: other_conventions(),
        convention: BTreeMap::from([("shear".to_owned(), "published".to_owned())]),
        parameters: parameters(),
        scaling: (0..bins).map(|k| scaling(k, phi(k))).collect(),
        covariance: Ok(covariance()),
        uncertainty: uncertainty(),
        basins: vec![Basin {
            cost: 2296.6,
            level: 2,
            starts: 7,
            parameters: BTreeMap::from([("D0".to_owned(), 1234.5)]),
        }],
        profiles: vec![profile()],
        minima: Vec::new(),
        choice: None,
        identifiability: identifiability(),
        curves: vec![rate("J", "Å²/s", 1200.0), rate("gamma_dot", "s⁻¹", 2e-3)],
        quantities: quantities(),
        noise: noise_of(bins),
        mask: Default::default(),
        left_out: Default::default(),
        cost: Cost {
            ssr: 4593.2718,
            robust: None,
            sigma: 0.02,
            n_pairs: 11_488_500,
            n_parameters: 51,
        },
        warnings: vec![Warning { code: "at_bound".to_owned(), message: AT_BOUND.to_owned() }],
        counters: Counters {
            full_sweeps: 50,
            coarse_sweeps: 412,
            starts: 32,
            refused_steps: 1,
            non_finite_steps: 0,
        },
        timings: Timings { read_s: 0.154, fit_s: 1.234, report_s: 0.4, wall_time_seconds: 1.81 },
        peak_rss_bytes: 213_000_000,
        work: Default::default(),
        provenance: provenance(),
        pictures: (0..bins).map(|k| bin(k, phi(k), pixels)).collect(),
    }
}
