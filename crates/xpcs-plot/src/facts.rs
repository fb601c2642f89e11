//! What both the page and the text report say, in words.

use dyne_xpcs::report::{
    Basin, BoundSide, Identifiability, LackOfFit, MaskReason, ParameterResult, Profile, Provenance,
    Report, ScalingResult, Status, Warning,
};

use crate::number::{compact, count, duration, memory, significant, value_with_error};

/// Status for readers.
pub(crate) fn status(status: Status) -> &'static str {
    match status {
        Status::Converged => "converged",
        Status::NotConverged => "not converged",
        Status::Interrupted => "interrupted",
    }
}

/// How the fit ended, with the test that ended it.
pub(crate) fn termination(report: &Report) -> String {
    let status = status(report.status);
    match report.termination.starts_with(status) {
        true => report.termination.clone(),
        false => format!("{status}: {}", report.termination),
    }
}

/// The verdict in words; an interrupted fit has none.
pub(crate) fn verdict(report: &Report) -> &'static str {
    match report.status {
        Status::Interrupted => "interrupted",
        _ => report.verdict.class.about(),
    }
}

/// Warnings that are no reason of the verdict.
pub(crate) fn other_warnings(report: &Report) -> Vec<&Warning> {
    let is_reason = |w: &&Warning| report.verdict.reasons.iter().any(|r| r.message == w.message);
    report.warnings.iter().filter(|w| !is_reason(w)).collect()
}

/// One phrase a rate: the law that it follows.
pub(crate) fn laws(report: &Report) -> Vec<String> {
    let chosen = report.laws.iter().filter(|law| law.chosen);
    chosen.map(|law| format!("{} {}", law.rate, law_phrase(&law.law))).collect()
}

fn law_phrase(law: &str) -> String {
    match law {
        "constant" => "is constant".to_owned(),
        law => format!("follows {}", law_words(law)),
    }
}

/// A law in words.
pub(crate) fn law_words(law: &str) -> &str {
    match law {
        "constant" => "a constant",
        "power_law" => "a power law",
        "power_law_offset" => "a power law + constant",
        other => other,
    }
}

/// Whether the data leave a free parameter open.
pub(crate) fn is_open(report: &Report, p: &ParameterResult) -> bool {
    p.free && p.stderr.is_none() && report.covariance.is_ok()
}

/// Value with its error, or that the data do not determine it.
pub(crate) fn number(report: &Report, p: &ParameterResult) -> String {
    match is_open(report, p) {
        true => "not determined".to_owned(),
        false => value(p.value, p.stderr),
    }
}

/// The same with the unit, and with the bound that it lies on.
pub(crate) fn determined(report: &Report, p: &ParameterResult) -> String {
    let number = number(report, p);
    let unit = if is_open(report, p) { "" } else { p.unit.trim_matches('–') };
    let bound = match at_bound(p) {
        "" => String::new(),
        bound => format!("({bound} {})", compact(p.value, 4)),
    };
    let parts = [number.as_str(), unit, &bound];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// File name without its folders.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or(path)
}

/// Range of the wave-vector transfer over the bins, Å⁻¹.
pub(crate) fn q_range(report: &Report) -> String {
    let lo = report.scaling.iter().map(|s| s.q).fold(f64::INFINITY, f64::min);
    let hi = report.scaling.iter().map(|s| s.q).fold(f64::NEG_INFINITY, f64::max);
    match (lo <= hi, significant(lo, 4), significant(hi, 4)) {
        (false, ..) => "no bins".to_owned(),
        (_, lo, hi) if lo == hi => format!("q = {lo} Å⁻¹"),
        (_, lo, hi) => format!("q = {lo} to {hi} Å⁻¹"),
    }
}

/// An azimuth with a typographic minus sign.
pub(crate) fn degrees(phi_deg: f64) -> String {
    format!("{}°", significant(phi_deg, 4)).replace('-', "−")
}

/// `1 bin`, `23 bins`.
pub(crate) fn bins(report: &Report) -> String {
    match report.scaling.len() {
        1 => "1 bin".to_owned(),
        n => format!("{n} bins"),
    }
}

/// Value with its error where there is one.
pub(crate) fn value(value: f64, stderr: Option<f64>) -> String {
    match stderr {
        Some(stderr) => value_with_error(value, stderr),
        None => significant(value, 6),
    }
}

/// How a parameter was treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// Fitted.
    Free,
    /// Held at its value.
    Fixed,
    /// Computed from another one.
    Tied,
}

impl Treatment {
    /// A parameter that is not free is tied where the reason for its missing error says so, fixed otherwise.
    pub(crate) fn of(parameter: &ParameterResult) -> Self {
        let tied = parameter.stderr_absent.as_deref().is_some_and(|r| r.starts_with("tied"));
        match (parameter.free, tied) {
            (true, _) => Self::Free,
            (false, true) => Self::Tied,
            (false, false) => Self::Fixed,
        }
    }

    /// For readers.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Fixed => "fixed",
            Self::Tied => "tied",
        }
    }
}

/// Bound that a parameter lies on, for readers; empty where it lies on none.
pub(crate) fn at_bound(parameter: &ParameterResult) -> &'static str {
    match parameter.at_bound {
        Some(BoundSide::Lower) => "at lower bound",
        Some(BoundSide::Upper) => "at upper bound",
        None => "",
    }
}

/// Why a parameter has no standard error, where its treatment alone does not tell.
pub(crate) fn note(parameter: &ParameterResult) -> Option<&str> {
    let plain = Treatment::of(parameter) == Treatment::Fixed;
    parameter.stderr_absent.as_deref().filter(|reason| !(plain && *reason == "fixed"))
}

/// Lower and upper bound.
pub(crate) fn bounds(parameter: &ParameterResult) -> String {
    format!("[{}, {}]", compact(parameter.lower, 4), compact(parameter.upper, 4))
}

/// What the data determine and what not, less what the warnings say already.
pub(crate) fn findings(report: &Report) -> Vec<&str> {
    let Some(found) = &report.identifiability else { return Vec::new() };
    let is_told = |finding: &str| {
        let of_parameter = |p: &ParameterResult| {
            let absent = p.stderr_absent.as_deref();
            absent.is_some_and(|reason| finding.contains(reason)) && is_warned(report, p)
        };
        let correlated = report.warnings.iter().any(|w| w.code == "correlated");
        report.parameters.iter().any(of_parameter)
            || (correlated && finding.contains(" are correlated by "))
    };
    found.findings.iter().map(String::as_str).filter(|finding| !is_told(finding)).collect()
}

/// Whether a warning says why a parameter has no error.
pub(crate) fn is_warned(report: &Report, p: &ParameterResult) -> bool {
    let Some(reason) = &p.stderr_absent else { return false };
    let names = |w: &Warning| w.message.split_whitespace().next() == Some(p.name.as_str());
    let tells = |w: &&Warning| w.code == "at_bound" || w.message.contains(reason.as_str());
    report.warnings.iter().filter(|w| names(w)).any(|w| tells(&w))
}

/// Contrast and offset as text.
pub(crate) fn contrast(scaling: &ScalingResult) -> String {
    value(scaling.contrast, scaling.contrast_stderr)
}

/// See [`contrast`].
pub(crate) fn offset(scaling: &ScalingResult) -> String {
    value(scaling.offset, scaling.offset_stderr)
}

/// A name and what is to be said under it.
pub(crate) type Fact = (&'static str, String);

/// What the standard errors rest on.
pub(crate) fn error_bars(report: &Report) -> Vec<Fact> {
    let Some(uncertainty) = &report.uncertainty else { return Vec::new() };
    let mut out = vec![("kind", format!("{}: {}", uncertainty.method, uncertainty.about))];
    out.extend(uncertainty.instead_of.as_ref().map(|reason| ("instead of", reason.clone())));
    out.extend(uncertainty.pixels.map(|pixels| {
        (
            "pixels",
            format!(
                "{} independent ones a bin, {}",
                significant(pixels, 3),
                uncertainty.pixels_source
            ),
        )
    }));
    out.extend(uncertainty.map_pixels.map(|map| {
        let share = uncertainty.pixels.map_or_else(String::new, |pixels| {
            format!(", {} independent ones each", significant(pixels / map, 3))
        });
        ("pixels in the map", format!("{} a bin{share}", significant(map, 4)))
    }));
    let counts: Vec<f64> = uncertainty.counts.iter().flatten().copied().collect();
    let (lo, hi) = (
        counts.iter().fold(f64::INFINITY, |a, b| a.min(*b)),
        counts.iter().fold(0.0, |a: f64, b| a.max(*b)),
    );
    let range = match counts.len() {
        0 => String::new(),
        _ if lo == hi => format!("{} per pixel and frame, ", significant(lo, 3)),
        _ => format!("{} to {} per pixel and frame, ", significant(lo, 3), significant(hi, 3)),
    };
    if !uncertainty.counts.is_empty() {
        out.push(("counts", format!("{range}{}", uncertainty.counts_source)));
    }
    let ratios: Vec<String> = report
        .parameters
        .iter()
        .filter_map(|p| {
            let independent = uncertainty.information.get(&p.name)?;
            let ratio = p.stderr? / independent;
            (ratio.is_finite() && ratio != 1.0).then(|| format!("{} {ratio:.1}", p.name))
        })
        .collect();
    if !ratios.is_empty() {
        out.push(("times those of independent pairs", ratios.join(", ")));
    }
    out
}

/// Singular values and the weakest direction.
pub(crate) fn identifiability(found: &Identifiability) -> Vec<Fact> {
    let values: Vec<String> = found.singular_values.iter().map(|s| significant(*s, 2)).collect();
    let terms: Vec<String> =
        found.weakest.iter().map(|w| format!("{:+.2}·{}", w.weight, w.name)).collect();
    let condition = found.condition.map_or_else(|| "infinite".to_owned(), |c| significant(c, 3));
    let mut out = vec![("singular values", values.join(", ")), ("condition number", condition)];
    if !terms.is_empty() {
        out.push(("weakest direction", terms.join(" ")));
    }
    out
}

/// Noise model, χ² and what that means.
pub(crate) fn noise(report: &Report) -> Vec<Fact> {
    let noise = &report.noise;
    let weights = match (noise.model.as_str(), noise.weighted) {
        ("global", _) => "all pairs weigh the same",
        (_, true) => "pairs weigh by the inverse of their variance",
        (_, false) => "no weights: the residuals of some class are 0",
    };
    vec![
        ("noise model", format!("{}: {weights}", noise.model)),
        ("χ² = Σr²/σ̂²", format!("{}, {}", significant(noise.chi2, 6), noise.chi2_about)),
        ("correlation of residuals", "at one lag between neighbouring ages, then along a row at the distances that the columns name".to_owned()),
    ]
}

/// Noise of every bin as rows of text, a heading first: σ̂, its range over lags, correlations of the
/// residuals.
pub(crate) fn noise_rows(report: &Report) -> Vec<Vec<String>> {
    let noise = &report.noise;
    let number = |r: Option<f64>| r.map_or_else(|| "–".to_owned(), |r| format!("{r:+.3}"));
    let mut head = ["bin", "σ̂", "σ̂ by lag", "same lag"].map(str::to_owned).to_vec();
    head.extend(noise.distances_s.iter().map(|d| format!("{} s", significant(*d, 3))));
    let row = |bin: &dyne_xpcs::report::BinNoise| {
        let (lo, hi) = bin
            .sigma_by_lag
            .iter()
            .fold((f64::INFINITY, 0.0f64), |(lo, hi), s| (lo.min(*s), hi.max(*s)));
        let range = format!("{}…{}", significant(lo, 2), significant(hi, 2));
        let mut row =
            vec![bin.bin.to_string(), significant(bin.sigma, 3), range, number(bin.along_age)];
        row.extend(bin.along_row.iter().map(|r| number(*r)));
        row
    };
    std::iter::once(head).chain(noise.bins.iter().map(row)).collect()
}

/// One profile in words.
pub(crate) fn profile(profile: &Profile) -> String {
    let end = |value: Option<f64>| value.map_or_else(|| "open".to_owned(), |v| significant(v, 5));
    let range = |ends: [Option<f64>; 2]| format!("{} to {}", end(ends[0]), end(ends[1]));
    let held: Vec<String> = profile
        .ends
        .iter()
        .zip(["below", "above"])
        .filter_map(|(end, side)| {
            let name = end.held_by.as_ref()?;
            Some(format!("; it closes {side} only because {name} rests on its bound"))
        })
        .collect();
    format!(
        "68 %: {}, 95 %: {} {}{}",
        range(profile.interval68),
        range(profile.interval95),
        profile.unit,
        held.concat()
    )
}

/// Most basins that are listed.
const MOST_BASINS: usize = 8;

/// Minima that were left at one level of the search, whose costs can be compared.
pub(crate) struct Level {
    /// What the level is, one sentence.
    pub(crate) about: String,
    /// Cost, starts, parameters.
    pub(crate) rows: Vec<[String; 3]>,
}

/// Minima of the search, those of each level apart, since a level has pairs of its own.
pub(crate) fn basins(report: &Report) -> Vec<Level> {
    let shown = &report.basins[..report.basins.len().min(MOST_BASINS)];
    let mut levels: Vec<usize> = shown.iter().map(|basin| basin.level).collect();
    levels.sort_unstable_by(|a, b| b.cmp(a));
    levels.dedup();
    let of = |level: usize| Level {
        about: match level {
            0 => "on the coarsest set of frames:".to_owned(),
            _ => format!("on level {level}, whose costs compare with no other level's:"),
        },
        rows: shown.iter().filter(|b| b.level == level).map(|b| basin(report, b)).collect(),
    };
    levels.into_iter().map(of).collect()
}

fn basin(report: &Report, basin: &Basin) -> [String; 3] {
    let named = report.parameters.iter().filter(|p| p.free).filter_map(|p| {
        basin.parameters.get(&p.name).map(|v| format!("{} {}", p.name, significant(*v, 4)))
    });
    [significant(basin.cost, 6), basin.starts.to_string(), named.collect::<Vec<_>>().join(", ")]
}

/// Whether the model describes the data.
pub(crate) fn lack_of_fit(report: &Report) -> Vec<Fact> {
    match &report.lack_of_fit {
        Err(reason) => vec![("not tested", reason.clone())],
        Ok(found) => vec![
            ("probability of what is seen if it does", probabilities(found)),
            (
                "sum of squares of the mean residuals",
                format!(
                    "{} where {} are expected, in {} cells of lag and age",
                    significant(found.statistic, 4),
                    significant(found.expected, 4),
                    found.cells.len()
                ),
            ),
            (
                "noise",
                format!(
                    "of {} pixels a bin, {}",
                    significant(found.pixels, 3),
                    found.pixels_source
                ),
            ),
        ],
    }
}

fn probabilities(found: &LackOfFit) -> String {
    let all = significant(found.p, 2);
    match (found.p_residuals, found.p_rates) {
        (Some(residuals), Some(rates)) => format!(
            "{all} (mean residuals {}, rates at each age {})",
            significant(residuals, 2),
            significant(rates, 2)
        ),
        _ => all,
    }
}

/// Cost, noise and size of the fit.
pub(crate) fn cost(report: &Report) -> Vec<Fact> {
    let cost = &report.cost;
    let mut out = vec![
        ("pairs fitted", count(cost.n_pairs)),
        ("parameters with scaling", cost.n_parameters.to_string()),
        ("sum of squared residuals", significant(cost.ssr, 6)),
        ("standard deviation of residuals", significant(cost.sigma, 4)),
    ];
    if let Some(robust) = cost.robust {
        out.push(("robust cost", significant(robust, 6)));
    }
    out
}

/// Frames that are masked; nothing where none is.
pub(crate) fn mask(report: &Report) -> Vec<Fact> {
    let mask = &report.mask;
    if mask.n_frames == 0 {
        return Vec::new();
    }
    let list = |reason: MaskReason| {
        let ranges = mask.frames.iter().filter(|run| run.reason == reason);
        let words = ranges.map(|run| match run.first == run.last {
            true => run.first.to_string(),
            false => format!("{} to {}", run.first, run.last),
        });
        words.collect::<Vec<_>>().join(", ")
    };
    let named = |name, reason| Some((name, list(reason))).filter(|(_, text)| !text.is_empty());
    let mut out = vec![
        ("masked frames", mask.n_frames.to_string()),
        ("pairs left out", count(mask.n_pairs as u64)),
    ];
    out.extend(named("by mask.frames", MaskReason::Config));
    out.extend(named("outliers, by mask.auto", MaskReason::Auto));
    out
}

/// Work done, wall times and memory.
pub(crate) fn work(report: &Report) -> Vec<Fact> {
    let (counters, timings) = (report.counters, report.timings);
    vec![
        ("full sweeps", count(counters.full_sweeps)),
        ("coarse sweeps", count(counters.coarse_sweeps)),
        ("starting points", count(counters.starts)),
        ("time to read", duration(timings.read_s)),
        ("time to fit", duration(timings.fit_s)),
        ("time to report", duration(timings.report_s)),
        ("wall time", duration(timings.wall_time_seconds)),
        ("peak memory", memory(report.peak_rss_bytes)),
    ]
}

/// Where the numbers come from.
pub(crate) fn provenance(p: &Provenance) -> Vec<Fact> {
    vec![
        ("program", format!("dyne {} ({})", p.version, p.git_revision)),
        ("file", p.file.clone()),
        ("hash", p.file_hash.clone()),
        ("layout", p.layout.clone()),
        ("frame time", format!("{} s, {}", significant(p.dt_s, 8), p.dt_source)),
        ("threads", format!("{} of {} CPUs", p.threads, p.host_cores)),
        ("instruction set", p.simd.clone()),
    ]
}

/// One line a convention; the shear convention also says what the fitted rate is called elsewhere.
pub(crate) fn conventions(report: &Report) -> Vec<String> {
    let line = |(name, value): (&String, &String)| match name.as_str() {
        "shear" => format!("shear convention: {value}{}", shear_elsewhere(report)),
        _ => format!("{} convention: {value}", name.replace('_', " ")),
    };
    report.convention.iter().map(line).collect()
}

/// What the fitted shear rate is called under the other conventions.
fn shear_elsewhere(report: &Report) -> String {
    let rate = report.parameters.iter().find(|p| p.name == "gamma_dot_t0");
    let others = &report.other_conventions;
    let Some(rate) = rate.filter(|_| !others.is_empty()) else { return String::new() };
    let called: Vec<String> = others
        .iter()
        .map(|o| format!("{} under {}", significant(rate.value * o.rate_factor, 4), o.name))
        .collect();
    format!("; gamma_dot_t0 = {} would be {}", significant(rate.value, 4), called.join(", "))
}
