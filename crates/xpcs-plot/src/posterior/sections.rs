//! Sections of the page, top to bottom.

use dyne_xpcs::posterior::report::{
    BinPosterior, ParameterPosterior, PosteriorReport, SampleReport, ShardReport,
};

use super::cells::{self, CHAINS_MEANING, VALUES_MEANING, WEIGHT_MEANING};
use super::{COMBINED, Figure, combined, headline};
use crate::correlation;
use crate::facts::{self, Fact, degrees};
use crate::html::{drawing_in, facts, table};
use crate::notation::{self, escape};
use crate::number::{count, duration, significant};

/// More bins than this are folded.
const BINS: usize = 8;

/// One of the figures by name; nothing where it was not drawn.
pub(super) fn drawing(figures: &[Figure], name: &str, label: &str) -> String {
    let found = figures.iter().find(|figure| figure.name == name);
    found.map_or_else(String::new, |figure| drawing_in(&figure.svg, label))
}

/// The two tables of the parameters, and their intervals.
pub(super) fn parameters(report: &PosteriorReport, forest: &str) -> String {
    let Some(sample) = headline(report) else {
        return whole("Parameters", "<p>There are no draws.</p>\n");
    };
    let content = format!(
        "{}{}<p></p>\n{}{}{forest}",
        values(&sample.parameters),
        quiet(VALUES_MEANING),
        widths(&sample.parameters),
        quiet(CHAINS_MEANING),
    );
    let others = combined(report).filter(|other| other.method != sample.method);
    let others = others.map_or_else(String::new, |other| {
        let tables = format!("{}<p></p>\n{}", values(&other.parameters), widths(&other.parameters));
        details("parameters by the draws that were combined from shards (CMC)", &tables)
    });
    section("Parameters", &(content + &others))
}

fn values(parameters: &[ParameterPosterior]) -> String {
    let head = ["name", "symbol", "#mean ± sd", "#68 %", "#95 %", "#fit ± stderr", "unit"];
    let row = |p: &ParameterPosterior| {
        let name = escape(&p.name);
        vec![
            name,
            notation::html(&p.symbol),
            cells::spread(&p.spread),
            cells::middle(&p.spread),
            cells::most(&p.spread),
            cells::fit(p),
            notation::html(cells::unit(&p.unit)),
        ]
    };
    rows(&head, parameters.iter().map(row))
}

fn widths(parameters: &[ParameterPosterior]) -> String {
    let mut head = vec![
        "name",
        "#sd",
        "#sd composite (normal)",
        "#sd independent pairs",
        "#contraction",
        "#R̂",
        "#bulk ESS",
        "#tail ESS",
        "#MCSE",
    ];
    let split = parameters.iter().any(|p| p.two_modes.is_some());
    head.extend(split.then_some("two modes at"));
    let row = |p: &ParameterPosterior| {
        let mut cells = vec![
            escape(&cells::name(p)),
            significant(p.spread.sd, 3),
            significant(p.sd_composite, 3),
            significant(p.sd_independent, 3),
            cells::contraction(p.contraction),
            cells::r_hat(p.r_hat),
            cells::effective(p.ess_bulk),
            cells::effective(p.ess_tail),
            significant(p.mcse_mean, 2),
        ];
        cells.extend(split.then(|| cells::modes(p)));
        cells
    };
    rows(&head, parameters.iter().map(row))
}

/// How much the likelihood counts.
pub(super) fn likelihood(report: &PosteriorReport) -> String {
    let found = &report.likelihood;
    let list: Vec<Fact> = vec![
        ("kind", found.kind.clone()),
        ("weight", significant(found.weight, 3)),
        ("adjustment of widths", cells::width_factors(found)),
        ("pairs", count(found.pairs)),
    ];
    section("Likelihood", &format!("{}{}", facts(&list), quiet(WEIGHT_MEANING)))
}

/// What the sampler did.
pub(super) fn sampler(report: &PosteriorReport) -> String {
    let head = [
        "method",
        "#chains",
        "#draws a chain",
        "#evaluations",
        "#divergences",
        "E-BFMI",
        "#deepest tree",
        "#draws at the depth limit",
        "#time",
    ];
    let row = |s: &SampleReport| {
        let trees = [s.deepest.to_string(), s.at_depth_limit.to_string()];
        let [deepest, limit] =
            if s.method == COMBINED { [(); 2].map(|()| "–".to_owned()) } else { trees };
        vec![
            cells::method(&s.method).to_owned(),
            s.chains.to_string(),
            s.draws.to_string(),
            count(s.evaluations),
            s.divergences.to_string(),
            cells::energy_fractions(s),
            deepest,
            limit,
            duration(s.seconds),
        ]
    };
    let table = rows(&head, report.samples.iter().map(row));
    let places = report.samples.iter().filter(|s| !s.divergences_at.is_empty());
    let places: String = places
        .map(|s| {
            let name = cells::method(&s.method);
            format!("<p>Divergences ({name}): {}</p>\n", escape(&s.divergences_at))
        })
        .collect();
    whole("Sampler", &(table + &places))
}

/// Courses, ranks and energies.
pub(super) fn chains(trace: &str, rank: &str, energy: &str) -> String {
    if trace.is_empty() && rank.is_empty() && energy.is_empty() {
        return String::new();
    }
    let titled = |title: &str, drawing: &str| match drawing {
        "" => String::new(),
        drawing => format!("<h2>{title}</h2>\n{drawing}"),
    };
    let parts = [titled("Chains", trace), titled("Ranks", rank), titled("Energy", energy)];
    format!("<section>\n{}</section>\n", parts.concat())
}

/// Parameters against each other, and their correlations.
pub(super) fn pairs(report: &PosteriorReport, pair: &str) -> String {
    let Some(sample) = headline(report) else { return String::new() };
    let symbols: Vec<&str> = sample.parameters.iter().map(|p| p.symbol.as_str()).collect();
    let n = symbols.len();
    let square = sample.correlations.len() == n && sample.correlations.iter().all(|r| r.len() == n);
    let matrix = match n > 1 && square {
        true => {
            let cells = correlation::cells(&sample.correlations, &symbols);
            format!("<h2>Correlations of the draws</h2>\n{}", drawing_in(&cells, "correlations"))
        }
        false => String::new(),
    };
    if pair.is_empty() && matrix.is_empty() {
        return String::new();
    }
    section("Parameters in pairs", &format!("{pair}{matrix}"))
}

/// Cuts with bands.
pub(super) fn predictive(drawing: &str) -> String {
    if drawing.is_empty() { String::new() } else { section("Data and posterior", drawing) }
}

/// Functions of time with bands.
pub(super) fn rates(drawing: &str) -> String {
    if drawing.is_empty() { String::new() } else { section("Rates over time", drawing) }
}

/// How the draws of shards and of all data differ; nothing with one sample.
pub(super) fn comparison(report: &PosteriorReport) -> String {
    let Some(found) = &report.comparison else { return String::new() };
    let head = ["name", "#shift of the mean (sd)", "#ratio of the sd"];
    let row = |(name, shift): (&String, &f64)| {
        let ratio = found.sd_ratio.get(name).copied().unwrap_or(f64::NAN);
        vec![escape(name), significant(*shift, 2), significant(ratio, 3)]
    };
    let largest = significant(found.correlation_difference, 2);
    let told = format!(
        "CMC less NUTS, in standard deviations of NUTS, and CMC over NUTS. Correlations differ by at \
         most {largest}."
    );
    let table = rows(&head, found.mean_shift.iter().map(row));
    whole("CMC and NUTS", &format!("{table}{}", quiet(&told)))
}

/// Shards one by one; nothing without any.
pub(super) fn shards(report: &PosteriorReport, drawing: &str) -> String {
    let Some(found) = &report.shards else { return String::new() };
    let head = ["#shard", "#pairs", "#R̂", "#ESS", "#divergences", "#distance", "left out"];
    let row = |s: &ShardReport| {
        vec![
            s.shard.to_string(),
            count(s.pairs),
            cells::r_hat(s.r_hat),
            cells::effective(s.ess),
            s.divergences.to_string(),
            significant(s.distance.unwrap_or(f64::NAN), 3),
            escape(s.left_out.as_deref().unwrap_or("")),
        ]
    };
    let weighted = found.effective_share.map_or_else(String::new, |share| {
        let percent = significant(100.0 * share, 2);
        let anew = match found.rounds {
            Some(rounds) if rounds > 0 => {
                let plural = if rounds == 1 { "" } else { "s" };
                format!(
                    " They were drawn anew in {rounds} round{plural} from what their weights told, \
                     as too few of the consensus were."
                )
            }
            _ => String::new(),
        };
        format!(" Weighted by all data, {percent} % of the combined draws are in effect.{anew}")
    });
    let told = format!(
        "Pairs dealt out: {}; draws combined: {}. Distance: of a shard from the consensus of the \
         others, per root of the number of parameters; the largest is {}.{weighted}",
        found.strategy,
        found.combination,
        significant(found.largest_distance, 3)
    );
    let table = rows(&head, found.shards.iter().map(row));
    section("Shards", &format!("{table}{}{drawing}", quiet(&told)))
}

/// Priors in words.
pub(super) fn priors(report: &PosteriorReport) -> String {
    let row = |(name, prior): (&String, &String)| vec![escape(name), escape(prior)];
    whole("Priors", &rows(&["name", "prior"], report.priors.iter().map(row)))
}

/// Contrast, offset and noise of every bin, folded where there are many.
pub(super) fn bins(report: &PosteriorReport, drawing: &str) -> String {
    let Some(sample) = headline(report).filter(|s| !s.bins.is_empty()) else {
        return String::new();
    };
    let head = ["#bin", "#φ", "#q (Å⁻¹)", "#contrast", "#offset", "#sigma"];
    let row = |b: &BinPosterior| {
        vec![
            b.bin.to_string(),
            degrees(b.phi_deg),
            significant(b.q, 4),
            cells::spread(&b.contrast),
            cells::spread(&b.offset),
            cells::spread(&b.sigma),
        ]
    };
    let table = rows(&head, sample.bins.iter().map(row));
    let table = match sample.bins.len() {
        n if n > BINS => details(&format!("{n} bins"), &table),
        _ => table,
    };
    let told = quiet("Mean ± sd; sigma is the standard deviation of the noise of a pair.");
    section("Contrast, offset and noise", &format!("{drawing}{table}{told}"))
}

/// A table; headings that begin with `#` stand over numbers, which are put to the right.
/// Where the numbers come from; nothing where that is not known.
pub(super) fn provenance(report: &PosteriorReport) -> String {
    let Some(own) = &report.provenance else { return String::new() };
    let plan = format!("<pre>{}</pre>\n", escape(&format!("{:#}", own.plan)));
    let content = format!("{}{}", facts(&facts::provenance(own)), details("plan", &plan));
    section("Provenance", &content)
}

fn rows(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let class = |k: usize| {
        let number = head.get(k).is_some_and(|h| h.starts_with('#'));
        if number { " class=\"n\"" } else { "" }
    };
    let heads = head
        .iter()
        .enumerate()
        .map(|(k, text)| format!("<th{}>{}</th>", class(k), escape(text.trim_start_matches('#'))));
    let body = rows.map(|row| {
        let cells = row.iter().enumerate();
        let cells = cells.map(|(k, text)| format!("<td{}>{text}</td>", class(k)));
        format!("<tr>{}</tr>\n", cells.collect::<String>())
    });
    table(&format!("<tr>{}</tr>", heads.collect::<String>()), &body.collect::<String>())
}

fn quiet(text: &str) -> String {
    format!("<p class=\"quiet\">{}</p>\n", escape(text))
}

fn details(summary: &str, content: &str) -> String {
    format!("<details>\n<summary>{}</summary>\n{content}</details>\n", escape(summary))
}

fn section(title: &str, content: &str) -> String {
    format!("<section>\n<h2>{title}</h2>\n{content}</section>\n")
}

/// A section that is not broken over printed pages.
fn whole(title: &str, content: &str) -> String {
    format!("<section class=\"whole\">\n<h2>{title}</h2>\n{content}</section>\n")
}
