//! Draws in the layout of ArviZ's InferenceData.

use dyne_xpcs::posterior::report::{PosteriorReport, SampleReport};
use dyne_xpcs_h5::{
    Attribute, Coordinate, Dimension, NetcdfFile, NetcdfGroup, Variable, VariableValues,
};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Outcome;

/// The content of `posterior.nc`: the headline draws, what the sampler noted, the prior, the cuts of the data,
/// and what is constant; draws by shards in `posterior_cmc` where both were made.
pub(super) fn of(report: &PosteriorReport, outcome: &Outcome) -> NetcdfFile {
    let head = &report.samples[0];
    let mut groups = vec![posterior("posterior", head), sample_stats(head), prior(head)];
    groups.extend(observed_data(report));
    groups.push(constant_data(report, outcome));
    groups.extend(report.samples.get(1).map(|sample| posterior("posterior_cmc", sample)));
    let text = |text: &str| Attribute::Text(text.to_owned());
    let mut attributes = vec![
        ("title".to_owned(), text("Posterior of a two-time correlation experiment")),
        ("mode".to_owned(), text(&report.mode)),
        ("likelihood".to_owned(), text(&report.likelihood.kind)),
        ("likelihood_weight".to_owned(), Attribute::Float(report.likelihood.weight)),
        ("verdict".to_owned(), text(&report.verdict)),
    ];
    if let Some(own) = &report.provenance {
        attributes.push(("file".to_owned(), text(&own.file)));
        attributes.push(("file_hash".to_owned(), text(&own.file_hash)));
    }
    NetcdfFile { attributes, groups }
}

fn numbers(name: &str, count: usize) -> Dimension {
    let numbers = (0..count as i64).collect();
    Dimension { name: name.to_owned(), coordinate: Coordinate::Integers(numbers) }
}

fn variable(name: &str, axes: &[&str], values: VariableValues, unit: &str) -> Variable {
    let units = ("units".to_owned(), Attribute::Text(unit.to_owned()));
    Variable {
        name: name.to_owned(),
        dimensions: axes.iter().map(|axis| (*axis).to_owned()).collect(),
        values,
        attributes: if unit.is_empty() || unit == "–" { Vec::new() } else { vec![units] },
    }
}

/// (bin, chain, draw) as (chain, draw, bin).
fn by_draw(values: &[Vec<Vec<f64>>]) -> VariableValues {
    let (chains, draws) = (values[0].len(), values[0][0].len());
    let places = (0..chains).flat_map(|chain| (0..draws).map(move |draw| (chain, draw)));
    let of = |(chain, draw): (usize, usize)| values.iter().map(move |bin| bin[chain][draw]);
    VariableValues::Floats(places.flat_map(of).collect())
}

fn posterior(name: &str, sample: &SampleReport) -> NetcdfGroup {
    let trace = &sample.trace;
    let axes = ["chain", "draw"];
    let parameter =
        |(p, values): (&dyne_xpcs::posterior::report::ParameterPosterior, &Vec<Vec<f64>>)| {
            let values = values.iter().flatten().copied().collect();
            variable(&p.name, &axes, VariableValues::Floats(values), &p.unit)
        };
    let mut variables: Vec<Variable> =
        sample.parameters.iter().zip(&trace.values).map(parameter).collect();
    for (name, values) in
        [("contrast", &trace.contrast), ("offset", &trace.offset), ("sigma", &trace.sigma)]
    {
        variables.push(variable(name, &["chain", "draw", "bin"], by_draw(values), ""));
    }
    let text = |text: &str| Attribute::Text(text.to_owned());
    let created = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
    NetcdfGroup {
        name: name.to_owned(),
        dimensions: vec![
            numbers("chain", sample.chains),
            numbers("draw", sample.draws),
            numbers("bin", trace.contrast.len()),
        ],
        variables,
        attributes: vec![
            ("created_at".to_owned(), text(&created)),
            ("inference_library".to_owned(), text("dyne")),
            ("inference_library_version".to_owned(), text(env!("CARGO_PKG_VERSION"))),
            ("sampling_method".to_owned(), text(&sample.method)),
            (
                "sample_dims".to_owned(),
                Attribute::Texts(vec!["chain".to_owned(), "draw".to_owned()]),
            ),
        ],
    }
}

fn sample_stats(sample: &SampleReport) -> NetcdfGroup {
    let trace = &sample.trace;
    let axes = ["chain", "draw"];
    let floats =
        |values: &[Vec<f64>]| VariableValues::Floats(values.iter().flatten().copied().collect());
    let mut flags = vec![false; sample.chains * sample.draws];
    for (chain, draws) in trace.divergent.iter().enumerate() {
        draws.iter().for_each(|draw| flags[chain * sample.draws + draw] = true);
    }
    let mut variables = vec![variable("diverging", &axes, VariableValues::Flags(flags), "")];
    if !trace.energy.is_empty() {
        let depth = trace.depth.iter().flatten().map(|depth| *depth as i64).collect();
        variables.push(variable("lp", &axes, floats(&trace.log_density), ""));
        variables.push(variable("energy", &axes, floats(&trace.energy), ""));
        variables.push(variable("tree_depth", &axes, VariableValues::Integers(depth), ""));
        let steps: Vec<Vec<f64>> =
            trace.step_size.iter().map(|step| vec![*step; sample.draws]).collect();
        variables.push(variable("step_size", &axes, floats(&steps), ""));
    }
    NetcdfGroup {
        name: "sample_stats".to_owned(),
        dimensions: vec![numbers("chain", sample.chains), numbers("draw", sample.draws)],
        variables,
        attributes: Vec::new(),
    }
}

fn prior(sample: &SampleReport) -> NetcdfGroup {
    let draws = sample.parameters[0].prior_draws.len();
    let one = |p: &dyne_xpcs::posterior::report::ParameterPosterior| {
        let values = VariableValues::Floats(p.prior_draws.clone());
        variable(&p.name, &["chain", "draw"], values, &p.unit)
    };
    NetcdfGroup {
        name: "prior".to_owned(),
        dimensions: vec![numbers("chain", 1), numbers("draw", draws)],
        variables: sample.parameters.iter().map(one).collect(),
        attributes: Vec::new(),
    }
}

/// A summary of the data: means of c2 along cuts, at each bin that is drawn.
fn observed_data(report: &PosteriorReport) -> Option<NetcdfGroup> {
    let cuts = || {
        let bins = report.predictive.iter();
        bins.flat_map(|bin| bin.cuts.iter().map(move |(cut, band)| (bin, cut, band)))
    };
    let points: usize = cuts().map(|(_, cut, _)| cut.lag_s.len()).sum();
    if points == 0 {
        return None;
    }
    type Of<'r> = &'r dyn Fn(
        &dyne_xpcs::posterior::report::PredictiveCuts,
        &dyne_xpcs::report::Cut,
        usize,
    ) -> f64;
    let column = |of: Of<'_>| {
        let values = cuts().flat_map(|(bin, cut, _)| {
            (0..cut.lag_s.len()).map(|k| of(bin, cut, k)).collect::<Vec<_>>()
        });
        VariableValues::Floats(values.collect())
    };
    let list = [
        ("c2", column(&|_, cut, k| cut.data[k]), ""),
        ("c2_stderr", column(&|_, cut, k| cut.data_stderr[k]), ""),
        ("lag", column(&|_, cut, k| cut.lag_s[k]), "s"),
        ("age", column(&|_, cut, _| cut.age_s), "s"),
        ("bin_number", column(&|bin, _, _| f64::from(bin.bin)), ""),
    ];
    Some(NetcdfGroup {
        name: "observed_data".to_owned(),
        dimensions: vec![numbers("point", points)],
        variables: list.map(|(name, values, unit)| variable(name, &["point"], values, unit)).into(),
        attributes: Vec::new(),
    })
}

fn constant_data(report: &PosteriorReport, outcome: &Outcome) -> NetcdfGroup {
    let head = &report.samples[0];
    let (plan, bins) = (&outcome.plan, &head.bins);
    let of = |f: &dyn Fn(&dyne_xpcs::posterior::report::BinPosterior) -> f64| {
        VariableValues::Floats(bins.iter().map(f).collect())
    };
    let names = head.parameters.iter().map(|p| p.name.clone()).collect();
    let fit = head.parameters.iter().map(|p| p.fit).collect();
    let one = |value: f64| VariableValues::Floats(vec![value]);
    NetcdfGroup {
        name: "constant_data".to_owned(),
        dimensions: vec![
            numbers("matrix", bins.len()),
            Dimension { name: "parameter".to_owned(), coordinate: Coordinate::Texts(names) },
        ],
        variables: vec![
            variable("q", &["matrix"], of(&|bin| bin.q), "1/angstrom"),
            variable("phi", &["matrix"], of(&|bin| bin.phi_deg), "degree"),
            variable("fit", &["parameter"], VariableValues::Floats(fit), ""),
            variable("dt", &[], one(plan.dt.seconds), "s"),
            variable("pairs", &[], one(report.likelihood.pairs as f64), ""),
            variable("likelihood_weight", &[], one(report.likelihood.weight), ""),
        ],
        attributes: Vec::new(),
    }
}
