//! Verdicts, laws and coverage of the trials, as tables.

use std::fmt::Write;

use super::{Cell, End, Found, Naming, Told, Trial};
use crate::calibrate::table::{KindCoverage, interval_coverage};
use crate::report::VerdictClass;

/// How often intervals held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Held {
    /// Trials that count.
    pub trials: usize,
    /// Shares inside the nominal intervals, and the pulls.
    pub coverage: KindCoverage,
}

/// One quantity of one cell.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantityTally {
    /// Name of a rate of the headline, or of a parameter.
    pub name: String,
    /// Among trials whose verdict is good.
    pub good: Held,
    /// Among all trials that have the quantity.
    pub all: Held,
}

/// One cell of the tables.
#[derive(Debug, Clone, PartialEq)]
pub struct CellTally {
    /// The cell.
    pub cell: Cell,
    /// Its trials.
    pub trials: usize,
    /// Trials by verdict: good, reservations, misfit, undetermined.
    pub verdicts: [usize; 4],
    /// Trials without a report.
    pub failures: usize,
    /// Trials in which all laws were named right, the worst one was simpler than the truth, or fuller.
    pub naming: [usize; 3],
    /// The headline.
    pub headline: Vec<QuantityTally>,
    /// Parameters, in the trials that named the law right which they belong to.
    pub parameters: Vec<QuantityTally>,
}

/// Counts the trials, cells and quantities in the order they come.
pub fn tally(trials: &[Trial]) -> Vec<CellTally> {
    let mut cells: Vec<Cell> = Vec::new();
    for trial in trials {
        if !cells.contains(&trial.cell) {
            cells.push(trial.cell);
        }
    }
    cells.into_iter().map(|cell| of_cell(cell, trials)).collect()
}

fn of_cell<'a>(cell: Cell, trials: &'a [Trial]) -> CellTally {
    let own: Vec<&Trial> = trials.iter().filter(|trial| trial.cell == cell).collect();
    let report = |trial: &&'a Trial| match &trial.end {
        End::Report(found) => Some(found),
        End::Failure(_) => None,
    };
    let found: Vec<&Found> = own.iter().filter_map(report).collect();
    let of_class = |class| found.iter().filter(|found| found.verdict == class).count();
    let of_naming = |naming| found.iter().filter(|found| worst(found) == naming).count();
    CellTally {
        cell,
        trials: own.len(),
        verdicts: CLASSES.map(of_class),
        failures: own.len() - found.len(),
        naming: [Naming::Right, Naming::Simpler, Naming::Fuller].map(of_naming),
        headline: quantities(&found, |found| found.headline.iter().collect()),
        parameters: quantities(&found, |found| {
            found.parameters.iter().filter(|told| told.right_law).collect()
        }),
    }
}

/// Classes of a verdict in the order of the table.
const CLASSES: [VerdictClass; 4] = [
    VerdictClass::Good,
    VerdictClass::Reservations,
    VerdictClass::Misfit,
    VerdictClass::Undetermined,
];

fn worst(found: &Found) -> Naming {
    found.laws.iter().map(|named| named.naming).max().unwrap_or(Naming::Right)
}

fn quantities<'a>(
    found: &[&'a Found],
    of: impl Fn(&'a Found) -> Vec<&'a Told>,
) -> Vec<QuantityTally> {
    let all: Vec<(bool, &Told)> = found
        .iter()
        .flat_map(|found| {
            of(found).into_iter().map(|told| (found.verdict == VerdictClass::Good, told))
        })
        .collect();
    let mut names: Vec<&str> = Vec::new();
    for (_, told) in &all {
        if !names.contains(&told.name.as_str()) {
            names.push(&told.name);
        }
    }
    let one = |name: &str| {
        let own = || all.iter().filter(|(_, told)| told.name == name);
        QuantityTally {
            name: name.to_owned(),
            good: held(own().filter(|(good, _)| *good).map(|(_, told)| *told)),
            all: held(own().map(|(_, told)| *told)),
        }
    };
    names.into_iter().map(one).collect()
}

fn held<'a>(told: impl Iterator<Item = &'a Told>) -> Held {
    let pull = |told: &Told| {
        let stderr = told.stderr.filter(|stderr| *stderr > 0.0)?;
        Some((told.value - told.truth) / stderr)
    };
    let pulls: Vec<Option<f64>> = told.map(pull).collect();
    Held { trials: pulls.len(), coverage: interval_coverage(&pulls) }
}

/// The tables as Markdown: verdicts and laws by cell, then coverage by cell and quantity.
pub fn markdown(cells: &[CellTally]) -> String {
    let mut out = format!(
        "| {CELL_HEAD} | trials | good | reservations | misfit | undetermined | failed | \
         law right | simpler | fuller |\n|{}\n",
        "---|".repeat(CELL_COLUMNS + 9)
    );
    for own in cells {
        let numbers = own.verdicts.iter().chain([&own.failures]).chain(&own.naming);
        let numbers: Vec<String> = numbers.map(ToString::to_string).collect();
        let _ = writeln!(
            out,
            "| {} | {} | {} |",
            cell_words(&own.cell),
            own.trials,
            numbers.join(" | ")
        );
    }
    let _ = write!(
        out,
        "\n| {CELL_HEAD} | quantity | good | 68 / 95 | pull mean | pull sd | all | 68 / 95 | \
         pull mean | pull sd |\n|{}\n",
        "---|".repeat(CELL_COLUMNS + 9)
    );
    for own in cells {
        for row in own.headline.iter().chain(&own.parameters) {
            let (good, all) = (held_words(row.good), held_words(row.all));
            let _ = writeln!(out, "| {} | {} | {good} | {all} |", cell_words(&own.cell), row.name);
        }
    }
    out
}

/// Columns that tell a cell.
const CELL_HEAD: &str = "mode | ageing | bins | frames | pixels | a speckle | counts";
const CELL_COLUMNS: usize = 7;

fn cell_words(cell: &Cell) -> String {
    let counts = cell.counts.map_or_else(|| "∞".to_owned(), |n| n.to_string());
    let frames = match cell.frames {
        [least, most] if least == most => least.to_string(),
        [least, most] => format!("{least}…{most}"),
    };
    let Cell { mode, ageing, bins, pixels, speckle, .. } = cell;
    let (ageing, bins) = (ageing.name(), bins.name());
    format!("{mode} | {ageing} | {bins} | {frames} | {pixels} | {speckle} | {counts}")
}

/// One trial has no scatter.
fn held_words(held: Held) -> String {
    let Held { trials, coverage } = held;
    if trials < 2 {
        return format!("{trials} | – | – | –");
    }
    let (inside68, inside95) = (100.0 * coverage.inside68, 100.0 * coverage.inside95);
    format!(
        "{trials} | {inside68:.1} / {inside95:.1} | {:+.2} | {:.2}",
        coverage.pull_mean, coverage.pull_sd
    )
}

#[cfg(test)]
mod tests {
    use super::super::Named;
    use super::super::tests::CELL;
    use super::*;

    fn trial(verdict: VerdictClass, pull: f64, naming: Naming) -> Trial {
        let told = |name: &str| Told {
            name: name.to_owned(),
            value: 10.0 + 2.0 * pull,
            stderr: Some(2.0),
            truth: 10.0,
            right_law: naming == Naming::Right,
        };
        let found = Found {
            verdict,
            reasons: Vec::new(),
            p: Some(0.5),
            pixels: None,
            laws: vec![Named {
                rate: "J".to_owned(),
                chosen: "power_law".to_owned(),
                truth: "constant".to_owned(),
                naming,
            }],
            headline: vec![told("J")],
            parameters: vec![told("D0")],
            sweeps: 20,
        };
        Trial { cell: CELL, number: 0, frames: 50, end: End::Report(found) }
    }

    #[test]
    fn good_fits_are_counted_apart_from_all() {
        let failed = Trial { end: End::Failure("no data".to_owned()), ..trials()[0].clone() };
        let cells = tally(&[trials(), vec![failed]].concat());
        let [own] = &cells[..] else { panic!("{cells:?}") };
        assert_eq!((own.trials, own.failures), (4, 1));
        assert_eq!((own.verdicts, own.naming), ([2, 0, 1, 0], [2, 0, 1]));
        let (good, all) = (own.headline[0].good, own.headline[0].all);
        assert_eq!((good.trials, good.coverage.inside68, good.coverage.inside95), (2, 0.5, 1.0));
        assert_eq!((all.trials, all.coverage.inside95), (3, 2.0 / 3.0));
        assert_eq!(own.parameters[0].all.trials, 2, "a parameter of a wrong law has no truth");
        let table = markdown(&cells);
        let line =
            "| static | none | equal | 40…60 | 400 | 1 | 1 | 4 | 2 | 0 | 1 | 0 | 1 | 2 | 0 | 1 |";
        assert!(table.contains(line), "{table}");
        assert!(table.contains("| J | 2 | 50.0 / 100.0 | +1.00 | 0.71 | 3 |"), "{table}");
        for line in table.lines().filter(|line| !line.is_empty()) {
            assert_eq!(line.matches('|').count(), 17, "{line}");
        }
    }

    fn trials() -> Vec<Trial> {
        vec![
            trial(VerdictClass::Good, 0.5, Naming::Right),
            trial(VerdictClass::Good, 1.5, Naming::Right),
            trial(VerdictClass::Misfit, 9.0, Naming::Fuller),
        ]
    }
}
