//! The simplest laws that the data support.

use dyne_runtime::{Observer, Silent};
use dyne_sample::chi_square::upper_tail;
use dyne_solve::{Fit, Termination, Transform, minimise};

use super::judge::{HeldParameter, Judged, NextLaw, judge};
use super::{Family, Law, restricted};
use crate::clic::{BinSsr, clic};
use crate::fit::FitError;
use crate::plan::Plan;
use crate::problem::Problem;
use crate::residuals::PictureSize;

/// Level of the tests of a law: so often a law that holds is given up.
const LEVEL: f64 = 0.01;

/// One law of a function, compared with the others.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// The law.
    pub law: Law,
    /// −2ℓ + 2 tr(H⁻¹B), less the least of this function.
    pub clic: f64,
    /// Probability of such a rise of the cost above that of the fullest laws if this law holds.
    pub p: Option<f64>,
}

/// The law of a function, and how the others compare.
#[derive(Debug, Clone, PartialEq)]
pub struct FamilyLaws {
    /// The function.
    pub family: Family,
    /// The law that the fit follows.
    pub law: Law,
    /// The laws compared, from simple to full; none where there was no choice.
    pub compared: Vec<Compared>,
}

/// The fit that follows the laws chosen.
pub struct Chosen {
    /// Laws, one entry a function.
    pub laws: Vec<FamilyLaws>,
    /// Free, fixed and tied parameters under them.
    pub transform: Transform,
    /// The fit.
    pub fit: Fit,
    /// Its error bars.
    pub judged: Judged,
    /// The fit of the fullest laws; it may lie deeper than the one that was handed in.
    pub full: Fit,
}

impl Chosen {
    /// Laws that are fuller: of one function each, then of all.
    pub fn fuller(&self) -> Vec<Vec<Law>> {
        let own: Vec<Law> = self.laws.iter().map(|own| own.law).collect();
        let one = |(at, laws): (usize, &FamilyLaws)| with_next(&laws.family, &own, at);
        let mut all: Vec<Vec<Law>> = self.laws.iter().enumerate().filter_map(one).collect();
        let fullest: Vec<Law> = self.laws.iter().map(|own| own.family.fullest()).collect();
        if fullest != own && !all.contains(&fullest) {
            all.push(fullest);
        }
        all
    }

    /// The fit of the same data under other laws.
    ///
    /// # Errors
    /// [`FitError`].
    pub fn under(
        &self,
        laws: Vec<Law>,
        (plan, problem): (&Plan, Problem<'_>),
        pictures: PictureSize,
        observer: &dyn Observer,
    ) -> Result<Self, FitError> {
        let families: Vec<Family> = self.laws.iter().map(|own| own.family.clone()).collect();
        let (full, families) = (self.full.clone(), &families[..]);
        let mut whole = Level { plan, problem, families, pictures, observer, full, round: 0 };
        let candidate = whole.candidate(laws, None)?;
        let compared = self.laws.iter().map(|own| own.compared.clone()).collect();
        Ok(whole.chosen(candidate, compared))
    }
}

/// A fit of the fullest laws on some level of the data.
struct Level<'a> {
    plan: &'a Plan,
    problem: Problem<'a>,
    families: &'a [Family],
    pictures: PictureSize,
    observer: &'a dyn Observer,
    full: Fit,
    /// Error bars computed so far.
    round: u64,
}

/// A fit that follows some laws.
struct Candidate {
    laws: Vec<Law>,
    transform: Transform,
    fit: Fit,
    judged: Judged,
}

impl Candidate {
    fn clic(&self) -> f64 {
        let residuals = &self.judged.settled.residuals;
        let bins = residuals.iter().map(|r| BinSsr { pairs: r.pairs, ssr: r.ssr });
        clic(&bins.collect::<Vec<_>>(), self.judged.penalty)
    }
}

/// The simplest laws that the data support, and the fit that follows them.
///
/// **Method.** All functions begin constant. Laws pass where the rise of the cost above that of the fullest
/// laws, 2ΔC/s² over the mean excess of the variances of what they hold, is no larger than χ² of as many
/// degrees allows at 1 %, and no score test rejects at 1 % over their number: of a held parameter with all freed,
/// and of what the next law of one function frees alone.
/// Where they fail the function whose next parameter pulls most gets its next law. What was promoted is
/// then tried without its last parameter again. On long series all this is done on the finest coarse set of
/// frames, and the laws found there are tested on all pairs and promoted further where they fail.
///
/// **Why so.** A criterion such as CLIC takes a law too many in one case of six by design; a headline that is
/// to say "constant" of a Brownian sample needs a test with a stated level. The excess is that of the
/// sandwich V = H⁻¹BH⁻¹ over s²H⁻¹, so the tests hold for correlated noise.
///
/// **Symbols** C: cost; s²: variance of a residual; H, B: information and covariance of the score.
/// **Source** Kent, Biometrika 69 (1982) 19, doi:10.1093/biomet/69.1.19, for the likelihood ratio under
/// a wrong likelihood; Varin and Vidoni, Biometrika 92 (2005) 519, doi:10.1093/biomet/92.3.519, for CLIC.
/// **Checked by** `tests/fits/laws.rs`, and docs/calibration.md.
///
/// # Errors
/// [`FitError`].
pub fn choose(
    plan: &Plan,
    problem: Problem<'_>,
    coarse: Option<Problem<'_>>,
    full: Fit,
    pictures: PictureSize,
    observer: &dyn Observer,
) -> Result<Chosen, FitError> {
    let families = Family::all(plan);
    let fullest: Vec<Law> = families.iter().map(Family::fullest).collect();
    let has_choice = families.iter().any(|family| family.choices.len() > 1);
    let mut whole =
        Level { plan, problem, families: &families, pictures, observer, full, round: 0 };
    if !has_choice || !plan.simplest_laws() || whole.full.termination == Termination::Stopped {
        let candidate = whole.candidate(fullest, None)?;
        return Ok(whole.chosen(candidate, Vec::new()));
    }
    let Some(coarse) = coarse else {
        let candidate = whole.simplest()?;
        let compared = whole.compared(&candidate)?;
        return Ok(whole.chosen(candidate, compared));
    };
    let theta = &whole.full.theta;
    let full = minimise(&coarse, &plan.transform, theta, &plan.search.fit, &Silent)?;
    let pixel = PictureSize { pixels: 1 };
    let mut level = Level {
        plan,
        problem: coarse,
        families: &families,
        pictures: pixel,
        observer: &Silent,
        full,
        round: 0,
    };
    let found = level.simplest()?;
    let compared = level.compared(&found)?;
    let start = found.fit.theta.clone();
    let candidate = whole.candidate(found.laws, Some(&start))?;
    let candidate = whole.promoted(candidate)?;
    Ok(whole.chosen(candidate, compared))
}

impl Level<'_> {
    /// The fit that follows `laws`, begun at `start`, else at the nearest point to the fullest fit.
    fn fitted(&self, laws: &[Law], start: Option<&[f64]>) -> Result<(Transform, Fit), FitError> {
        let Level { plan, problem, families, full, .. } = self;
        let transform = restricted(plan, families, laws)?;
        if transform == plan.transform {
            return Ok((transform, full.clone()));
        }
        let mut theta = start.unwrap_or(&full.theta).to_vec();
        if start.is_none() {
            for (family, law) in families.iter().zip(laws).filter(|(f, law)| **law < f.fullest()) {
                family.nearest(*law, &mut theta, &plan.grid);
            }
        }
        let theta = transform.clamped(&theta)?;
        let fit = minimise(problem, &transform, &theta, &plan.search.fit, self.observer)?;
        Ok((transform, fit))
    }

    /// The fit that follows `laws`, with its error bars.
    fn candidate(&mut self, laws: Vec<Law>, start: Option<&[f64]>) -> Result<Candidate, FitError> {
        let (transform, fit) = self.fitted(&laws, start)?;
        self.deepen(&fit)?;
        let round = self.round;
        self.round += 1;
        let pictures = self.pictures;
        let next = self.next_of_each(&laws)?;
        let free = (&transform, &next[..]);
        let judged = judge(self.plan, &self.problem, &fit, free, (pictures, round), self.observer)?;
        Ok(Candidate { laws, transform, fit, judged })
    }

    /// Fits the fullest laws again from a point of simpler ones that lies deeper than they do.
    fn deepen(&mut self, fit: &Fit) -> Result<(), FitError> {
        if fit.cost() < self.full.cost() {
            let Level { plan, problem, .. } = self;
            let options = &plan.search.fit;
            let deeper = minimise(problem, &plan.transform, &fit.theta, options, self.observer)?;
            if deeper.cost() < self.full.cost() {
                self.full = deeper;
            }
        }
        Ok(())
    }

    /// Rise of the cost above that of a fuller fit, in variances of a residual.
    fn rise(&self, fit: &Fit, fuller: &Fit) -> f64 {
        let pairs = self.full.equations.pairs() as f64;
        let s2 = 2.0 * self.full.cost() / (pairs - self.full.x.len() as f64).max(1.0);
        if s2 > 0.0 { (2.0 * (fit.cost() - fuller.cost()) / s2).max(0.0) } else { 0.0 }
    }

    /// Probability of the rise of a candidate above the fullest laws; nothing where it holds nothing.
    fn p(&self, candidate: &Candidate) -> Option<f64> {
        let held = self.full.x.len().checked_sub(candidate.fit.x.len()).filter(|k| *k > 0)?;
        let rise = self.rise(&candidate.fit, &self.full);
        Some(upper_tail(rise / mean_excess(&candidate.judged), held))
    }

    fn passes(&self, candidate: &Candidate) -> bool {
        let held = &candidate.judged.held;
        let single = LEVEL / held.len().max(1) as f64;
        let kept = |h: &HeldParameter| upper_tail(h.pull * h.pull, 1) >= single;
        let pulls = &candidate.judged.pulls;
        let each = LEVEL / pulls.iter().filter(|pull| **pull > 0.0).count().max(1) as f64;
        self.p(candidate).is_none_or(|p| p >= LEVEL)
            && held.iter().all(kept)
            && pulls.iter().all(|pull| upper_tail(pull * pull, 1) >= each)
    }

    /// What the next law of each function would free.
    fn next_of_each(&self, laws: &[Law]) -> Result<Vec<Option<NextLaw>>, FitError> {
        let slots = self.plan.transform.slots();
        let one = |at: usize| {
            let family = &self.families[at];
            let Some(fuller) = with_next(family, laws, at) else { return Ok(None) };
            let kept = family.held(fuller[at], slots);
            let mut freed = family.held(laws[at], slots);
            freed.retain(|k| !kept.contains(k));
            let transform = restricted(self.plan, self.families, &fuller)?;
            Ok(Some(NextLaw { freed, transform }))
        };
        (0..laws.len()).map(one).collect()
    }

    /// The simplest laws that pass, from below.
    fn simplest(&mut self) -> Result<Candidate, FitError> {
        let simplest = self.families.iter().map(|f| f.choices[0]).collect();
        let begun = self.candidate(simplest, None)?;
        let promoted = self.promoted(begun)?;
        self.demoted(promoted)
    }

    /// Promotes laws until they pass.
    fn promoted(&mut self, mut candidate: Candidate) -> Result<Candidate, FitError> {
        while !self.passes(&candidate) {
            let Some(laws) = self.next_laws(&candidate) else { break };
            candidate = self.candidate(laws, None)?;
        }
        Ok(candidate)
    }

    /// The laws of a candidate with the next one for the function that asks for it most.
    fn next_laws(&self, candidate: &Candidate) -> Option<Vec<Law>> {
        let pull = |at: usize| candidate.judged.pulls.get(at).copied().unwrap_or(0.0);
        let asked =
            self.families.iter().enumerate().filter_map(|(at, family)| {
                Some((with_next(family, &candidate.laws, at)?, pull(at)))
            });
        asked.max_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(laws, _)| laws)
    }

    /// Takes back what single functions were promoted by, where the data do without it.
    fn demoted(&mut self, mut candidate: Candidate) -> Result<Candidate, FitError> {
        for at in 0..self.families.len() {
            loop {
                let family = &self.families[at];
                let lower = family.choices.iter().rev().find(|law| **law < candidate.laws[at]);
                let Some(lower) = lower.copied() else { break };
                let mut laws = candidate.laws.clone();
                laws[at] = lower;
                let simpler = self.candidate(laws, None)?;
                let freed = candidate.fit.x.len() - simpler.fit.x.len();
                let rise = self.rise(&simpler.fit, &candidate.fit);
                let single = upper_tail(rise / mean_excess(&simpler.judged), freed.max(1));
                if single < LEVEL || !self.passes(&simpler) {
                    break;
                }
                candidate = simpler;
            }
        }
        Ok(candidate)
    }

    /// All laws of every function that has a choice, the others as in the candidate.
    fn compared(&mut self, candidate: &Candidate) -> Result<Vec<Vec<Compared>>, FitError> {
        let mut all = Vec::new();
        for at in 0..self.families.len() {
            let mut compared = Vec::new();
            let choices = self.families[at].choices.clone();
            for law in choices.iter().copied().filter(|_| choices.len() > 1) {
                let mut laws = candidate.laws.clone();
                laws[at] = law;
                let (clic, p) = if laws == candidate.laws {
                    (candidate.clic(), self.p(candidate))
                } else {
                    let other = self.candidate(laws, None)?;
                    (other.clic(), self.p(&other))
                };
                compared.push(Compared { law, clic, p });
            }
            let least = compared.iter().map(|c| c.clic).fold(f64::INFINITY, f64::min);
            compared.iter_mut().for_each(|c| c.clic -= least);
            all.push(compared);
        }
        Ok(all)
    }

    fn chosen(self, candidate: Candidate, compared: Vec<Vec<Compared>>) -> Chosen {
        let mut compared = compared.into_iter();
        let laws = self.families.iter().zip(candidate.laws).map(|(family, law)| FamilyLaws {
            family: family.clone(),
            law,
            compared: compared.next().unwrap_or_default(),
        });
        Chosen {
            laws: laws.collect(),
            transform: candidate.transform,
            fit: candidate.fit,
            judged: candidate.judged,
            full: self.full,
        }
    }
}

/// `laws` with the next one of the function `family` at `at`.
fn with_next(family: &Family, laws: &[Law], at: usize) -> Option<Vec<Law>> {
    let mut fuller = laws.to_vec();
    fuller[at] = family.next(laws[at])?;
    Some(fuller)
}

/// Mean excess of the variances of what a fit holds; 1 where the data determine none of it.
fn mean_excess(judged: &Judged) -> f64 {
    let held = &judged.held;
    let sum: f64 = held.iter().map(|h| h.excess).sum();
    if held.is_empty() { judged.typical_excess } else { (sum / held.len() as f64).max(1e-3) }
}
