//! Coverage and pulls from the trials, as tables.

use std::fmt::Write;

use super::{Cell, Pull, Trial};
use crate::uncertainty::BENT;

/// Normal quantiles of the nominal 68 % and 95 % intervals.
const NOMINAL: [f64; 2] = [0.994_457_883_209_753, 1.959_963_984_540_054];

/// A parameter whose expected standard error is larger, in the range that the search looks over,
/// does not count as identifiable.
const SHARE: f64 = 0.03;

/// Nor any in an experiment that determines less than this share of its parameters.
const LEAST: f64 = 0.5;

/// Whether a parameter is expected to be known well, and the cost is a parabola over its error.
fn alone(pull: &Pull) -> bool {
    pull.expected.is_some_and(|s| s <= SHARE) && pull.bent <= BENT
}

/// The parameter of a trial, where it counts as identifiable; it hangs on the truth alone.
fn identifiable(trial: &Trial, k: usize) -> Option<&Pull> {
    let known = trial.pulls.iter().filter(|pull| alone(pull)).count();
    let enough = known as f64 >= LEAST * trial.pulls.len() as f64;
    trial.pulls.get(k).filter(|pull| enough && alone(pull))
}

/// How often intervals held in one cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Coverage {
    /// The cell.
    pub cell: Cell,
    /// Parameter.
    pub parameter: String,
    /// Trials in which the parameter was identifiable.
    pub trials: usize,
    /// Trials of the cell.
    pub of: usize,
    /// Speckle (the headline), dyadic, information, and information with both triangles
    /// counted: shares inside the nominal 68 % and 95 % intervals, and mean
    /// and standard deviation of the pulls. Not a number where the kind gave nothing.
    pub kinds: [KindCoverage; 4],
    /// Shares of trials inside the central 68 % and 95 % of the draws of the composite posterior; nothing where
    /// none was sampled.
    pub posterior: Option<[f64; 2]>,
}

/// One kind of error bars in one cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KindCoverage {
    /// Share of trials inside the nominal 68 % interval.
    pub inside68: f64,
    /// Share inside the nominal 95 % interval.
    pub inside95: f64,
    /// Mean of (estimate − truth)/standard error.
    pub pull_mean: f64,
    /// Its standard deviation.
    pub pull_sd: f64,
}

/// Coverage of every parameter in every cell, cells and parameters in the order they come.
pub fn coverage(trials: &[Trial]) -> Vec<Coverage> {
    let mut rows: Vec<Coverage> = Vec::new();
    let mut cells: Vec<Cell> = Vec::new();
    for trial in trials {
        if !cells.contains(&trial.cell) {
            cells.push(trial.cell);
        }
    }
    for cell in cells {
        let own: Vec<&Trial> = trials.iter().filter(|t| t.cell == cell).collect();
        let names = own[0].pulls.iter().map(|p| p.name.clone());
        for (k, parameter) in names.enumerate() {
            let pulls: Vec<&Pull> = own.iter().filter_map(|t| identifiable(t, k)).collect();
            let kinds = std::array::from_fn(|kind| kind_coverage(&pulls, kind));
            let (trials, of, posterior) = (pulls.len(), own.len(), posterior_coverage(&pulls));
            rows.push(Coverage { cell, parameter, trials, of, kinds, posterior });
        }
    }
    rows
}

/// Central intervals of the draws.
fn posterior_coverage(pulls: &[&Pull]) -> Option<[f64; 2]> {
    let shares: Vec<f64> = pulls.iter().filter_map(|pull| pull.posterior).collect();
    let inside = |level: f64| {
        let held = shares.iter().filter(|share| (*share - 0.5).abs() <= 0.5 * level).count();
        held as f64 / shares.len() as f64
    };
    (!shares.is_empty()).then(|| [inside(0.68), inside(0.95)])
}

fn stderr(pull: &Pull, kind: usize) -> Option<f64> {
    match kind {
        0 => pull.speckle,
        1 => pull.dyadic,
        2 => pull.information,
        // Both triangles counted as data: twice the pairs, the same scatter.
        _ => pull.information.map(|s| s / std::f64::consts::SQRT_2),
    }
}

fn kind_coverage(pulls: &[&Pull], kind: usize) -> KindCoverage {
    let in_errors = |pull: &&Pull| stderr(pull, kind).map(|s| pull.error / s);
    interval_coverage(&pulls.iter().map(in_errors).collect::<Vec<_>>())
}

/// Coverage of the nominal intervals from pulls. An interval that does not exist does not hold.
pub(super) fn interval_coverage(pulls: &[Option<f64>]) -> KindCoverage {
    let found: Vec<f64> = pulls.iter().flatten().copied().collect();
    let inside = |z: f64| found.iter().filter(|p| p.abs() <= z).count() as f64 / pulls.len() as f64;
    let mean = found.iter().sum::<f64>() / found.len() as f64;
    let variance =
        found.iter().map(|p| (p - mean) * (p - mean)).sum::<f64>() / (found.len() as f64 - 1.0);
    KindCoverage {
        inside68: inside(NOMINAL[0]),
        inside95: inside(NOMINAL[1]),
        pull_mean: mean,
        pull_sd: variance.sqrt(),
    }
}

/// The table as Markdown, one line a parameter and cell.
pub fn markdown(rows: &[Coverage]) -> String {
    let mut out = String::from(
        "| mode | pixels | counts | parameter | trials | pull mean | pull sd | speckle 68 / 95 | \
         dyadic 68 / 95 | information 68 / 95 | double counting 68 / 95 | posterior 68 / 95 |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let counts = row.cell.counts.map_or_else(|| "∞".to_owned(), |n| n.to_string());
        let _ = write!(
            out,
            "| {} | {} | {counts} | {} | {} of {} |",
            row.cell.mode, row.cell.pixels, row.parameter, row.trials, row.of,
        );
        // One trial has no scatter.
        if row.trials < 2 {
            out.push_str(&" – |".repeat(3 + row.kinds.len()));
        } else {
            let [headline, ..] = row.kinds;
            let _ = write!(out, " {:+.2} | {:.2} |", headline.pull_mean, headline.pull_sd);
            for kind in row.kinds {
                let (inside68, inside95) = (100.0 * kind.inside68, 100.0 * kind.inside95);
                let _ = write!(out, " {inside68:.1} / {inside95:.1} |");
            }
            let _ = match row.posterior {
                Some([a, b]) => write!(out, " {:.1} / {:.1} |", 100.0 * a, 100.0 * b),
                None => write!(out, " – |"),
            };
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Mode;

    fn trial(bent: [f64; 3], error: f64) -> Trial {
        let pull = |(k, bent): (usize, f64)| Pull {
            name: format!("p{k}"),
            error,
            speckle: Some(1.0),
            dyadic: Some(0.5),
            information: None,
            expected: Some(0.01),
            bent,
            posterior: Some(0.5 + 0.3 * error),
        };
        let cell = Cell { mode: Mode::Static, pixels: 500, counts: None };
        let pulls = bent.into_iter().enumerate().map(pull).collect();
        Trial { cell, number: 0, converged: true, pixels: None, pulls }
    }

    #[test]
    fn what_the_truth_does_not_determine_does_not_count() {
        let trials = [
            trial([0.0, 0.0, 0.2], 0.5),
            trial([0.0, 0.0, 0.0], 1.5),
            // One of three: the experiment determines too little of its model.
            trial([0.0, 0.2, 0.2], 9.0),
        ];
        let rows = coverage(&trials);
        let counted: Vec<usize> = rows.iter().map(|row| row.trials).collect();
        assert_eq!(counted, [2, 2, 1]);
        assert!(rows.iter().all(|row| row.of == 3));
        let [speckle, dyadic, information, _] = rows[0].kinds;
        assert_eq!((speckle.inside68, speckle.inside95), (0.5, 1.0));
        assert_eq!((dyadic.inside68, dyadic.inside95), (0.0, 0.5));
        assert_eq!(information.inside95, 0.0, "an interval that does not exist does not hold");
        assert_eq!(rows[0].posterior, Some([0.5, 1.0]));
        let table = markdown(&rows);
        assert!(table.contains("| p0 | 2 of 3 | +1.00 | 0.71 | 50.0 / 100.0 |"), "{table}");
        assert!(table.contains("| p2 | 1 of 3 | – | – | – |"), "{table}");
    }
}
