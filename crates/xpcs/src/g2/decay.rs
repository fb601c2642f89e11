//! Decays fitted to one-time correlation functions.

use dyne_runtime::Observer;
use dyne_solve::{
    EvaluationError, Fit, Gram, Layout, NormalEquations, Objective, Options, Scale, Slot,
    Transform, assemble, gram::packed_len, minimise, project,
};
use serde::Serialize;

use super::cuts::{BLOCKS, Curve};

/// Range of the exponent.
const EXPONENT: [f64; 2] = [0.1, 3.0];

/// Form of the decay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// Kohlrausch-Williams-Watts, with a free exponent.
    Kww,
    /// Exponent 1.
    Exponential,
}

impl Decay {
    /// Its name in tables and files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kww => "kww",
            Self::Exponential => "exponential",
        }
    }
}

/// A number with its standard error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Value {
    /// The value.
    pub value: f64,
    /// Standard error; nothing where the value is fixed or the jackknife fails.
    pub stderr: Option<f64>,
}

/// Why a fit is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Flag {
    /// No test for a minimum was met.
    NotConverged,
    /// τ is above half the longest lag, or over 5 % of the contrast is left there.
    DecayNotCompleted,
    /// Less than 5 % of the contrast is left at the first lag.
    DecayOverAtFirstLag,
    /// Fewer than 8 lags.
    TooFewLags,
    /// The exponent lies on a bound.
    ExponentAtBound,
    /// The contrast is not in (0, 1].
    ContrastOutOfRange,
    /// The standard error of τ or of the contrast is not below the value.
    Undetermined,
    /// Refits without a block of frames fail, so there is no error.
    NoError,
}

impl Flag {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::NotConverged => "not converged",
            Self::DecayNotCompleted => "decay not completed in the window",
            Self::DecayOverAtFirstLag => "decay over at the first lag",
            Self::TooFewLags => "too few lags",
            Self::ExponentAtBound => "exponent at bound",
            Self::ContrastOutOfRange => "contrast not in (0, 1]",
            Self::Undetermined => "tau or contrast not determined: error not below the value",
            Self::NoError => "no error: refits without a block of frames fail",
        }
    }
}

/// One fit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DecayFit {
    /// Form.
    pub model: Decay,
    /// Contrast, a pure number.
    pub contrast: Value,
    /// τ, s.
    pub tau: Value,
    /// Exponent, a pure number.
    pub exponent: Value,
    /// Baseline, a pure number.
    pub baseline: Value,
    /// Why it is not trusted; empty where it is.
    pub flags: Vec<Flag>,
}

impl DecayFit {
    /// Reservations against it in words.
    #[must_use]
    pub fn reservations(&self) -> String {
        self.flags.iter().map(|flag| flag.words()).collect::<Vec<_>>().join("; ")
    }

    /// g2 of the fit at a lag, s.
    #[must_use]
    pub fn at(&self, lag: f64) -> f64 {
        let power = 2.0 * (lag / self.tau.value).powf(self.exponent.value);
        self.baseline.value + self.contrast.value * (-power).exp()
    }
}

/// Lags (s), c2 − 1 and pairs.
struct Data {
    rows: Vec<[f64; 3]>,
    layout: Layout,
}

impl Data {
    fn gram(&self, theta: &[f64]) -> Vec<f64> {
        let mut packed = vec![0.0; packed_len(2)];
        for [t, y, weight] in &self.rows {
            let u = t / theta[0];
            let power = 2.0 * u.powf(theta[1]);
            let m = (-power).exp();
            let v = [m * power * theta[1] / theta[0], -m * power * u.ln(), m, 1.0, *y];
            let products = (0..5).flat_map(|i| (i..5).map(move |j| (i, j)));
            for (entry, (i, j)) in packed.iter_mut().zip(products) {
                *entry += weight * v[i] * v[j];
            }
        }
        packed
    }
}

impl Objective for Data {
    fn shared(&self) -> usize {
        2
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn project(&self, _theta: &[f64]) -> Result<Vec<f64>, EvaluationError> {
        Ok(vec![0.0; 2])
    }

    fn evaluate(&self, theta: &[f64], _linear: &[f64]) -> Result<NormalEquations, EvaluationError> {
        let packed = self.gram(theta);
        let grams = [Gram::try_new(&packed, 2, self.rows.len() as u64)?];
        let z = project(&grams, &self.layout)?.linear;
        Ok(assemble(&grams, &self.layout, &z)?)
    }
}

/// Fits a decay to a curve.
///
/// **Formula.** g2 = baseline + contrast·exp(−2(t/τ)^exponent), least squares with the number of
/// pairs as weight: a point that averages n pairs has the variance σ²/n. Standard errors by the jackknife over blocks of frames: with θ_b the fit
/// without the pairs that touch block b, variance = (B − 1)/B · Σ_b (θ_b − θ̄)², over the B blocks
/// that the window touches. Pairs that share a frame are correlated; leaving frames out keeps
/// that in the error, the scatter of neighbouring lags would not.
///
/// **Symbols.** t and τ in s; contrast, exponent and baseline are pure numbers. The field decays as
/// exp(−(t/τ)^exponent), so τ is 1/Γ of the beamlines' `β·exp(−2(Γt)^α) + g∞`.
///
/// **Edges.** Contrast and exponent below 1 are strongly correlated: the contrast is what the curve
/// would reach at a lag below the first. Nothing is returned for fewer than five lags or where no start can be evaluated.
pub fn fit(curve: &Curve, model: Decay, dt: f64, observer: &dyn Observer) -> Option<DecayFit> {
    let rows = |pick: &dyn Fn(usize) -> (f64, f64)| -> Vec<[f64; 3]> {
        let each = curve.points.iter().enumerate().map(|(k, point)| {
            let (pairs, mean) = pick(k);
            [point.lag * dt, mean - 1.0, pairs]
        });
        each.filter(|row| row[2] > 0.0).collect()
    };
    let all = rows(&|k| (curve.points[k].pairs, curve.points[k].mean));
    let (first, last) = (all.first()?[0], all.last()?[0]);
    if all.len() < 5 {
        return None;
    }
    let starts: Vec<f64> = (0..6).map(|k| first * (last / first).powf(k as f64 / 5.0)).collect();
    let bounds = [first / 100.0, last * 100.0];
    let run = |rows: &[[f64; 3]], start: &[f64; 2]| minimum(rows, model, bounds, start, observer);
    let found = starts.iter().filter_map(|tau| run(&all, &[*tau, 1.0]));
    let best = found.min_by(|a, b| a.cost().total_cmp(&b.cost()))?;
    let values = numbers(&best);
    let touched = (0..BLOCKS).filter(|b| curve.points.iter().any(|p| p.without[*b].0 < p.pairs));
    let refits: Option<Vec<[f64; 4]>> = touched
        .map(|b| {
            let rows = rows(&|k| curve.points[k].without[b]);
            (rows.len() >= 5).then(|| run(&rows, &[values[1], values[2]]))?.map(|f| numbers(&f))
        })
        .collect();
    let refits = refits.filter(|refits| refits.len() > 1);
    let value = |k: usize| Value {
        value: values[k],
        stderr: match (k, model) {
            (2, Decay::Exponential) => None,
            _ => refits.as_ref().map(|refits| jackknife(refits, k)),
        },
    };
    let mut flags = flags(&values, [first, last], all.len());
    if !best.termination.is_converged() {
        flags.push(Flag::NotConverged);
    }
    if refits.is_none() {
        flags.push(Flag::NoError);
    }
    let loose = |v: Value| v.stderr.is_some_and(|stderr| stderr >= v.value.abs());
    if [value(0), value(1)].into_iter().any(loose) {
        flags.push(Flag::Undetermined);
    }
    let (contrast, tau, exponent, baseline) = (value(0), value(1), value(2), value(3));
    Some(DecayFit { model, contrast, tau, exponent, baseline, flags })
}

fn minimum(
    rows: &[[f64; 3]],
    model: Decay,
    [lower, upper]: [f64; 2],
    start: &[f64; 2],
    observer: &dyn Observer,
) -> Option<Fit> {
    let exponent = match model {
        Decay::Kww => Slot::Free { scale: Scale::Linear, lower: EXPONENT[0], upper: EXPONENT[1] },
        Decay::Exponential => Slot::Fixed(1.0),
    };
    let tau = Slot::Free { scale: Scale::Log, lower, upper };
    let transform = Transform::try_new(&[tau, exponent]).ok()?;
    let data = Data { rows: rows.to_vec(), layout: Layout::individual(1) };
    minimise(&data, &transform, start, &Options::default(), observer).ok()
}

/// Contrast, τ, exponent, baseline.
fn numbers(fit: &Fit) -> [f64; 4] {
    [fit.linear()[0], fit.theta[0], fit.theta[1], 1.0 + fit.linear()[1]]
}

fn jackknife(refits: &[[f64; 4]], k: usize) -> f64 {
    let count = refits.len() as f64;
    let mean = refits.iter().map(|r| r[k]).sum::<f64>() / count;
    let squares: f64 = refits.iter().map(|r| (r[k] - mean).powi(2)).sum();
    ((count - 1.0) / count * squares).sqrt()
}

fn flags(
    [contrast, tau, exponent, _]: &[f64; 4],
    [first, last]: [f64; 2],
    lags: usize,
) -> Vec<Flag> {
    let left = |t: f64| (-2.0 * (t / tau).powf(*exponent)).exp();
    let on = |bound: f64| (exponent - bound).abs() < 1e-6;
    let tests = [
        (Flag::DecayNotCompleted, *tau > last / 2.0 || left(last) > 0.05),
        (Flag::DecayOverAtFirstLag, left(first) < 0.05),
        (Flag::TooFewLags, lags < 8),
        (Flag::ExponentAtBound, EXPONENT.into_iter().any(on)),
        (Flag::ContrastOutOfRange, !(*contrast > 0.0 && *contrast <= 1.0)),
    ];
    tests.into_iter().filter(|(_, holds)| *holds).map(|(flag, _)| flag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_objective_keeps_its_contract() {
        let rows = (1..30).map(|k| {
            let t = 0.1 * f64::from(k);
            [t, 0.02 + 0.3 * (-2.0 * (t / 0.7).powf(0.8)).exp() + 0.001 * f64::from(k % 3), 3.0]
        });
        let data = Data { rows: rows.collect(), layout: Layout::individual(1) };
        dyne_solve::contract::check(&data, &[0.6, 0.9], 1e-5, 1e-6).unwrap();
    }

    #[test]
    fn flags_tell_what_cannot_be_trusted() {
        assert!(flags(&[0.3, 1.0, 1.0, 1.0], [0.1, 10.0], 20).is_empty());
        assert_eq!(flags(&[0.3, 8.0, 1.0, 1.0], [0.1, 10.0], 20), [Flag::DecayNotCompleted]);
        assert_eq!(flags(&[1.3, 1.0, 3.0, 1.0], [0.1, 10.0], 20).len(), 2);
    }
}
