//! The relaxation time against the wave-vector transfer.

use serde::Serialize;

use super::decay::{Decay, Value};
use super::report::AgedCurve;

/// Fewest wave-vector transfers that a power law is fitted to: with two it goes through both.
pub const FEWEST_Q: usize = 3;

/// Standard deviations beyond which a deviation is told.
const FAR: f64 = 2.0;

/// Standard deviations of χ² beyond its expectation that the scatter may have.
const SCATTER: f64 = 3.0;

/// What the points say of a law.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LawFlag {
    /// n differs from 2 by more than two standard errors.
    NotDiffusive,
    /// χ² of the power law is above its expectation by more than three standard deviations.
    Scattered,
}

impl LawFlag {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::NotDiffusive => {
                "n is not 2 within two standard errors: D0 is no property of the sample"
            }
            Self::Scattered => "the points scatter more than their errors allow",
        }
    }
}

/// Relaxation time at one wave-vector transfer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RatePoint {
    /// Wave-vector transfer, Å⁻¹.
    pub q: f64,
    /// τ, s.
    pub tau: Value,
    /// 2/(q²τ), Å²/s.
    pub d0: Value,
    /// Whether the law rests on it: fits with reservations or without error are left out.
    pub used: bool,
}

/// A power law through the points.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Law {
    /// n, a pure number.
    pub exponent: Value,
    /// a, s·Å⁻ⁿ.
    pub prefactor: Value,
    /// The wave-vector transfer at which the errors of τ and n are independent, Å⁻¹.
    pub q_ref: f64,
    /// τ there, s.
    pub tau_ref: Value,
    /// χ² of the power law, with free n.
    pub chi2: f64,
    /// Points less two.
    pub degrees_of_freedom: usize,
    /// D0 of the law with n = 2, Å²/s.
    pub d0: Value,
    /// χ² of the law with n = 2.
    pub d0_chi2: f64,
    /// Points less one.
    pub d0_degrees_of_freedom: usize,
    /// What is to be said of it.
    pub flags: Vec<LawFlag>,
}

/// τ(q) of one model, age window and azimuth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PowerLaw {
    /// Form of the decays.
    pub model: Decay,
    /// Ends of the age window, s.
    pub age: [f64; 2],
    /// Azimuth, degrees; nothing where the azimuths of a q are averaged.
    pub phi_deg: Option<f64>,
    /// Every q, ascending.
    pub points: Vec<RatePoint>,
    /// Points that the law rests on.
    pub used: usize,
    /// Points left out.
    pub left_out: usize,
    /// The law.
    pub law: Option<Law>,
    /// Why there is none.
    pub law_absent: Option<String>,
}

/// Power laws of curves, by model, azimuth and age; none where the curves have fewer than three q.
///
/// With [`Angles::Each`](super::Angles::Each) the curves of one azimuth belong together, else all
/// of one age.
pub(super) fn power_laws(curves: &[AgedCurve], angles: super::Angles) -> Vec<PowerLaw> {
    let phi = |curve: &AgedCurve| match angles {
        super::Angles::Averaged => None,
        super::Angles::Each => curve.phi_deg.first().copied(),
    };
    let mut laws: Vec<PowerLaw> = Vec::new();
    for curve in curves {
        for fit in &curve.fits {
            let (model, age, phi_deg) = (fit.model, curve.age, phi(curve));
            let point = point(curve.q, fit.tau, fit.flags.is_empty());
            let same = |l: &&mut PowerLaw| l.model == model && l.age == age && l.phi_deg == phi_deg;
            match laws.iter_mut().find(same) {
                Some(law) => law.points.push(point),
                None => laws.push(PowerLaw {
                    model,
                    age,
                    phi_deg,
                    points: vec![point],
                    used: 0,
                    left_out: 0,
                    law: None,
                    law_absent: None,
                }),
            }
        }
    }
    laws.retain(|law| law.points.len() >= FEWEST_Q);
    laws.iter_mut().for_each(complete);
    laws
}

fn point(q: f64, tau: Value, trusted: bool) -> RatePoint {
    let d0 = 2.0 / (q * q * tau.value);
    let stderr = tau.stderr.map(|stderr| d0 * stderr / tau.value);
    let used = trusted && tau.stderr.is_some_and(|stderr| stderr > 0.0);
    RatePoint { q, tau, d0: Value { value: d0, stderr }, used }
}

fn complete(law: &mut PowerLaw) {
    law.points.sort_by(|a, b| a.q.total_cmp(&b.q));
    law.used = law.points.iter().filter(|p| p.used).count();
    law.left_out = law.points.len() - law.used;
    law.law = regress(&law.points);
    if law.law.is_none() {
        law.law_absent = Some(format!(
            "{} of {} q have a fit without reservations, a power law needs {FEWEST_Q}",
            law.used,
            law.points.len()
        ));
    }
}

/// Fits τ = a·q⁻ⁿ and τ = 2/(D0·q²).
///
/// **Formula.** y = ln τ against x = ln q by least squares with the weights w = (τ/σ_τ)², since
/// σ_τ/τ is the error of ln τ: n = −Σw(x − x̄)y/S, S = Σw(x − x̄)², σ_n = S^(−1/2);
/// ln τ_ref = ȳ at q_ref = e^x̄, σ = (Σw)^(−1/2), independent of n; ln a = ȳ + n·x̄. With n = 2,
/// ln D0 = ȳ' of y' = ln 2/(q²τ) with the same weights and error. Both χ² are Σw r².
///
/// **Symbols.** τ (s) is that of `g2 = baseline + contrast·exp(−2(t/τ)^exponent)`, q in Å⁻¹, D0 in
/// Å²/s. The static model has m = exp(−q²∫J dt) with J = D0·t^alpha + D_offset; for constant J
/// that is exp(−2t/τ) with τ = 2/(q²J), so D0 here is J, the `D0` of `dyne fit --mode static` with
/// alpha and D_offset 0. The diffusion coefficient of Brownian motion is half of it. With an
/// exponent other than 1, D0 is J of the exponential that has fallen as far at t = τ.
///
/// **Edges.** Nothing for fewer than three used points. Errors are those of τ, not widened by χ².
/// The average over ln D0 has no bias from errors that grow with the value, which the average over
/// D0 has.
///
/// **Source.** P. R. Bevington and D. K. Robinson, Data Reduction and Error Analysis, 3rd ed.
/// (2003), ch. 6. **Checked by** `a_law_is_recovered`, `a_wrong_power_is_told` and
/// `apps/dyne/tests/it/g2.rs`.
fn regress(points: &[RatePoint]) -> Option<Law> {
    let rows: Vec<[f64; 3]> = points.iter().filter_map(logarithms).collect();
    if rows.len() < FEWEST_Q {
        return None;
    }
    let sum = |f: &dyn Fn(&[f64; 3]) -> f64| rows.iter().map(|row| row[2] * f(row)).sum::<f64>();
    let total = sum(&|_| 1.0);
    let (x, y) = (sum(&|r| r[0]) / total, sum(&|r| r[1]) / total);
    let spread = sum(&|r| (r[0] - x).powi(2));
    let n = -sum(&|r| (r[0] - x) * (r[1] - y)) / spread;
    let (n_error, y_error) = (spread.sqrt().recip(), total.sqrt().recip());
    let chi2 = |power: f64| sum(&|r| (r[1] - y + power * (r[0] - x)).powi(2));
    let of_log = |log: f64, error: f64| Value { value: log.exp(), stderr: Some(log.exp() * error) };
    let degrees = rows.len() - 2;
    let tests = [
        (LawFlag::NotDiffusive, (n - 2.0).abs() > FAR * n_error),
        (LawFlag::Scattered, chi2(n) > degrees as f64 + SCATTER * (2.0 * degrees as f64).sqrt()),
    ];
    Some(Law {
        exponent: Value { value: n, stderr: Some(n_error) },
        prefactor: of_log(y + n * x, y_error.hypot(x * n_error)),
        q_ref: x.exp(),
        tau_ref: of_log(y, y_error),
        chi2: chi2(n),
        degrees_of_freedom: degrees,
        d0: of_log(2f64.ln() - y - 2.0 * x, y_error),
        d0_chi2: chi2(2.0),
        d0_degrees_of_freedom: degrees + 1,
        flags: tests.into_iter().filter(|(_, holds)| *holds).map(|(flag, _)| flag).collect(),
    })
}

/// ln q, ln τ and the weight of a point that is used.
fn logarithms(point: &RatePoint) -> Option<[f64; 3]> {
    let stderr = point.tau.stderr.filter(|_| point.used)?;
    let weight = (point.tau.value / stderr).powi(2);
    Some([point.q.ln(), point.tau.value.ln(), weight])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(power: f64, stray: f64) -> Vec<RatePoint> {
        let one = |k: i32| {
            let q = 0.002 * 1.3f64.powi(k);
            let tau = 3.0e-5 * q.powf(-power) * (stray * f64::from(k % 2)).exp();
            let error = 0.02 * tau * f64::from(1 + k);
            point(q, Value { value: tau, stderr: Some(error) }, k != 3)
        };
        (0..6).map(one).collect()
    }

    fn near(value: f64, expected: f64) {
        assert!((value / expected - 1.0).abs() < 1e-9, "{value} {expected}");
    }

    #[test]
    fn a_law_is_recovered() {
        let law = regress(&points(2.0, 0.0)).unwrap();
        near(law.exponent.value, 2.0);
        near(law.prefactor.value, 3.0e-5);
        near(law.d0.value, 2.0 / 3.0e-5);
        near(law.tau_ref.value, 3.0e-5 / law.q_ref.powi(2));
        assert!(law.chi2 < 1e-18 && law.d0_chi2 < 1e-18 && law.flags.is_empty());
        assert_eq!((law.degrees_of_freedom, law.d0_degrees_of_freedom), (3, 4));
        // Five points with the relative errors 0.02·(1, 2, 3, 5, 6).
        let weight: f64 = [1.0, 2.0, 3.0, 5.0, 6.0].iter().map(|k| (0.02f64 * k).powi(-2)).sum();
        near(law.d0.stderr.unwrap(), law.d0.value / weight.sqrt());
    }

    #[test]
    fn a_wrong_power_is_told() {
        let law = regress(&points(3.0, 0.0)).unwrap();
        near(law.exponent.value, 3.0);
        assert_eq!(law.flags, [LawFlag::NotDiffusive]);
        assert!(law.d0_chi2 > 100.0);
        assert!(regress(&points(2.0, 0.5)).unwrap().flags.contains(&LawFlag::Scattered));
    }

    #[test]
    fn two_points_make_no_law() {
        let mut law = PowerLaw {
            model: Decay::Kww,
            age: [0.0, 1.0],
            phi_deg: None,
            points: points(2.0, 0.0)[1..4].to_vec(),
            used: 0,
            left_out: 0,
            law: None,
            law_absent: None,
        };
        complete(&mut law);
        assert_eq!((law.used, law.left_out, law.law), (2, 1, None));
        let reason = law.law_absent.unwrap();
        assert!(reason.starts_with("2 of 3 q"), "{reason}");
    }
}
