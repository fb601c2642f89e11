//! The fit as a table, and the configuration that makes it again.

use std::path::Path;

use dyne_xpcs::config::{FitConfig, PosteriorConfig, differing_settings};
use dyne_xpcs::report::{BoundSide, HeadlineQuantity, LawResult, ParameterResult, Report};
use dyne_xpcs::results::{Earlier, ResultFolder};

use crate::failure::Failure;

const HEAD: &str = "kind,name,symbol,value,stderr,unit,at_s,free,at_bound,law,note";

/// What a fit or a sampling leaves besides the record of how it was made, folders without what is in them.
const FILES: [&str; 13] = [
    RECORD,
    "result.json",
    "result.npz",
    "report.txt",
    "report.html",
    "fit.csv",
    "pictures",
    "posterior.json",
    "posterior.npz",
    "posterior_cmc.npz",
    "posterior.nc",
    "posterior.txt",
    "posterior.html",
];

/// How the record begins.
const FIRST_LINE: &str = "# the same again: dyne fit --config this file";

/// The file that tells how a run was made.
const RECORD: &str = "fit.yaml";

/// How a run was made: the configuration that makes it again.
pub(super) struct Made<'a> {
    config: &'a FitConfig,
    /// Program and data, one line.
    with: String,
}

impl<'a> Made<'a> {
    pub(super) fn of(config: &'a FitConfig, data_hash: &str) -> Self {
        let (version, revision) = (env!("CARGO_PKG_VERSION"), env!("DYNE_GIT_REVISION"));
        Self { config, with: format!("# dyne {version} ({revision}), data {data_hash}") }
    }

    /// Writes `fit.yaml`: only what differs from the defaults; not where `dir` has a file of that name that
    /// is somebody else's.
    pub(super) fn write(&self, folder: &ResultFolder, dir: &Path) -> Result<(), Failure> {
        let theirs = std::fs::read_to_string(dir.join(RECORD));
        if theirs.is_ok_and(|text| !text.starts_with(FIRST_LINE)) {
            return Ok(());
        }
        let plan = serde_json::to_value(self.config).unwrap_or_default();
        let settings = differing_settings(&plan);
        let text = format!(
            "{FIRST_LINE}, from the folder where it was run\n\
             # keys that are not here are as by default\n{}\n{settings}",
            self.with
        );
        Ok(folder.write(RECORD, text.as_bytes())?)
    }

    /// What becomes of earlier results in `dir` that this run does not write: those of the same fit
    /// stay beside it, all others go. A folder that is none of results keeps what it has.
    pub(super) fn earlier(&self, dir: &Path) -> Earlier<'static> {
        let path = dir.join(RECORD);
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        if !(text.starts_with(FIRST_LINE) || holds_results(dir)) {
            return Earlier::Keep;
        }
        let of_fit = |config: &FitConfig| FitConfig {
            posterior: PosteriorConfig::default(),
            ..config.of_result()
        };
        let same =
            FitConfig::load(&path, &[]).is_ok_and(|config| of_fit(&config) == of_fit(self.config));
        match same && text.lines().any(|line| line == self.with) {
            true => Earlier::Keep,
            false if text.is_empty() || text.starts_with(FIRST_LINE) => Earlier::Remove(&FILES),
            // The record is somebody else's.
            false => Earlier::Remove(&FILES[1..]),
        }
    }
}

/// Whether a folder has the numbers of a fit or of a posterior.
fn holds_results(dir: &Path) -> bool {
    ["result.json", "posterior.json"].iter().any(|name| {
        std::fs::read_to_string(dir.join(name))
            .is_ok_and(|text| text.contains("\"schema\": \"dyne-"))
    })
}

/// One row a parameter, then one a quantity of the headline.
pub(super) fn table(report: &Report) -> String {
    let parameters = report.parameters.iter().map(|p| parameter(report, p));
    let headline = report.headline.iter().map(|q| quantity(report, q));
    let is_headline = |name: &str| report.headline.iter().any(|q| q.name == name);
    let derived = report.quantities.iter().filter(|q| !is_headline(&q.name)).map(|q| {
        row([
            "derived",
            &q.name,
            "",
            &number(Some(q.value)),
            &number(q.stderr),
            &q.unit,
            "",
            "",
            "",
            "",
            q.stderr_absent.as_deref().unwrap_or_default(),
        ])
    });
    let rows: String = parameters.chain(headline).chain(derived).collect();
    format!("{HEAD}\n{rows}")
}

fn parameter(report: &Report, p: &ParameterResult) -> String {
    let bound = match p.at_bound {
        Some(BoundSide::Lower) => "lower",
        Some(BoundSide::Upper) => "upper",
        None => "",
    };
    let of = |law: &&LawResult| law.chosen && rates_of(&p.name).contains(&law.rate.as_str());
    let law = report.laws.iter().find(of);
    row([
        "parameter",
        &p.name,
        &p.symbol,
        &number(Some(p.value)),
        &number(p.stderr),
        &p.unit,
        "",
        if p.free { "true" } else { "false" },
        bound,
        law.map_or("", |law| &law.law),
        p.stderr_absent.as_deref().unwrap_or_default(),
    ])
}

/// The rates, of one model each, whose law a parameter may belong to.
fn rates_of(parameter: &str) -> &'static [&'static str] {
    match parameter {
        "D0" | "alpha" | "D_offset" => &["J"],
        "gamma_dot_t0" | "gamma_dot_t_offset" => &["gamma_dot"],
        "beta" => &["gamma_dot", "v"],
        "D0_ref" | "alpha_ref" | "D_offset_ref" => &["J_ref"],
        "D0_sample" | "alpha_sample" | "D_offset_sample" => &["J_sample"],
        "v0" | "v_offset" => &["v"],
        _ => &[],
    }
}

fn quantity(report: &Report, q: &HeadlineQuantity) -> String {
    let of = |law: &&LawResult| law.chosen && q.name.trim_start_matches("mean_") == law.rate;
    row([
        "headline",
        &q.name,
        &q.symbol,
        &number(Some(q.value)),
        &number(q.stderr),
        &q.unit,
        &number(q.at_s),
        "",
        "",
        report.laws.iter().find(of).map_or("", |law| &law.law),
        q.stderr_absent.as_deref().unwrap_or_default(),
    ])
}

/// Nothing for what is absent or not a number; otherwise every digit.
fn number(value: Option<f64>) -> String {
    value.filter(|v| v.is_finite()).map_or_else(String::new, |v| v.to_string())
}

fn row(cells: [&str; 11]) -> String {
    cells.map(quoted).join(",") + "\n"
}

/// A cell by the rules of RFC 4180.
fn quoted(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        assert_eq!(quoted("a, \"b\""), "\"a, \"\"b\"\"\"");
        assert_eq!(quoted("J"), "J");
        assert_eq!(number(Some(f64::NAN)), "");
    }
}
