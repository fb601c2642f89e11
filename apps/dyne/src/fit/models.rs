//! `dyne models`: which model describes the data, each fitted from no start and compared.

use std::fmt::Write;

use dyne_runtime::{Resources, Solo};
use dyne_xpcs::config::{FitConfig, Override};
use dyne_xpcs::ladder::{Compared, Comparison, Estimate, Ladder, ladder};
use dyne_xpcs::plan::Plan;
use serde_json::json;

use super::data::{self, Means};
use super::memory;
use crate::args::ModelsArguments;
use crate::failure::{Ending, Failure};
use crate::progress::Progress;
use crate::{interrupt, machine, provenance, terminal};

pub(crate) fn run(arguments: &ModelsArguments) -> Result<Ending, Failure> {
    let config = config(arguments)?;
    let found = compared(arguments, config)?;
    if arguments.json {
        let mut told = json!(found);
        told["file"] = json!(arguments.file);
        told["best"] = json!(found.best().map(|best| &best.model));
        told["command"] = json!(found.best().map(|best| command(arguments, best)));
        terminal::show(&format!("{told:#}\n"))?;
    } else if !arguments.telling.quiet {
        terminal::show(&text(arguments, &found))?;
    }
    let open = found.best().is_none_or(|best| !best.converged);
    Ok(if open { Ending::Reservations } else { Ending::Converged })
}

fn config(arguments: &ModelsArguments) -> Result<FitConfig, Failure> {
    // The ladder sets the mode of each fit; one stands here because a configuration has one.
    let mut list = vec![Override::parse("mode=static")?];
    list.push(Override::text("data.file", &arguments.file.to_string_lossy())?);
    list.extend(arguments.selected.overrides()?);
    if let Some(gap) = &arguments.gap {
        list.push(Override::parse(&format!("geometry.gap={gap}"))?);
    }
    for text in &arguments.set {
        list.push(Override::parse(text)?);
    }
    Ok(match &arguments.config {
        Some(path) => FitConfig::load(path, &list)?,
        None => FitConfig::from_overrides(&list)?,
    })
}

fn compared(arguments: &ModelsArguments, config: FitConfig) -> Result<Ladder, Failure> {
    let threads = std::num::NonZeroUsize::new(config.performance.threads);
    let lanes = machine::pinned(arguments.threads.or(threads), config.performance.pin)?;
    let budget = memory::budget(arguments.memory.as_deref(), &config.performance)?;
    let cancel = interrupt::cancel();
    let progress = Progress::new(&arguments.telling, cancel)?;
    let resources = Resources::new(&lanes, &Solo, cancel).with_observer(&progress);
    let reader = dyne_xpcs_h5::open(&config.data.file)?;
    let mut plan = Plan::resolve(config, reader.catalog())?;
    let hash = provenance::hash(&plan.config.data.file);
    let stamp = provenance::stamp(&plan.config.data.file, &hash);
    let selection = data::selection(&stamp, &plan);
    let means = Means { budget: &budget, resources, selection, observer: &progress };
    let kept = data::kept(&mut plan, &*reader, means)?;
    let _error_bars = kept.lease(&budget, dyne_xpcs::memory::Phase::ErrorBars)?;
    let catalog = reader.catalog();
    let compared = Compared { config: &plan.config, catalog, data: &kept.data, resources };
    let found = ladder(&compared, &progress);
    progress.clear();
    Ok(found?)
}

/// The command that fits `model` alone.
fn command(arguments: &ModelsArguments, model: &Comparison) -> String {
    let mut text = format!("dyne fit {} --mode {}", arguments.file.display(), model.mode);
    let selected = &arguments.selected;
    let flags = [
        ("config", arguments.config.as_ref().map(|path| path.display().to_string())),
        ("q", selected.q.clone()),
        ("frames", selected.frames.clone()),
        ("dt", selected.dt.clone()),
        ("gap", arguments.gap.clone()),
    ];
    let phi = selected.phi.iter().map(|range| ("phi", range.clone()));
    let set = arguments.set.iter().chain(&model.settings).map(|key| ("set", key.clone()));
    let given = flags.into_iter().filter_map(|(flag, value)| Some((flag, value?)));
    for (flag, value) in given.chain(phi).chain(set) {
        // Writing to a string cannot fail.
        let _ = match value.contains([' ', '[', '{', '*', '$']) {
            true => write!(text, " --{flag} '{value}'"),
            false => write!(text, " --{flag} {value}"),
        };
    }
    text
}

fn text(arguments: &ModelsArguments, found: &Ladder) -> String {
    let width = found.rungs.iter().map(|r| r.model.chars().count()).max().unwrap_or(5).max(5);
    let tested = found.rungs.iter().any(|rung| rung.lack_of_fit.is_some());
    let p_head = if tested { format!(" {:>9}", "fit p") } else { String::new() };
    let mut out = format!(
        "  {:<width$} {:>4} {:>9} {:>11}{p_head}  parameters\n",
        "model", "free", "eff.", "ΔCLIC"
    );
    for (k, rung) in found.rungs.iter().enumerate() {
        let mark = if found.best == Some(k) { '*' } else { ' ' };
        let number = |x: Option<f64>| x.map_or_else(|| "–".to_owned(), |x| format!("{x:.1}"));
        let p = match (tested, rung.lack_of_fit) {
            (false, _) => String::new(),
            (true, Some(p)) => format!(" {p:>9.2e}"),
            (true, None) => format!(" {:>9}", "–"),
        };
        let estimates: Vec<String> = rung.parameters.iter().map(estimate).collect();
        let open = if rung.converged { "" } else { " (not converged)" };
        let _ = writeln!(
            out,
            "{mark} {:<width$} {:>4} {:>9} {:>11}{p}  {}{open}",
            rung.model,
            rung.free,
            number(rung.effective_parameters),
            number(rung.delta_clic),
            estimates.join(", ")
        );
    }
    for none in &found.unfitted {
        let reason = none.reason.lines().next().unwrap_or_default();
        let _ = writeln!(out, "  {:<width$} not fitted: {reason}", none.model);
    }
    out.push_str(
        "eff.: parameters as the correlated noise counts them, tr(H⁻¹B)/s²; ΔCLIC: −2ℓ + 2·eff. above the\n\
         least; * named best: the least −2ℓ + 6.63·eff., which takes a needless parameter in 1 % of cases\n",
    );
    if let Some(best) = found.best() {
        let _ = writeln!(out, "best: {}\n{}", best.model, command(arguments, best));
    }
    out
}

fn estimate(e: &Estimate) -> String {
    let unit = if e.unit == "–" { String::new() } else { format!(" {}", e.unit) };
    let absent = e.stderr_absent.as_deref().unwrap_or_default();
    // Which direction is flat is a matter of the fit, whose report tells it.
    let absent = absent.split(':').next().unwrap_or_default();
    match e.stderr {
        Some(error) => format!("{} {:.4} ± {:.2}{unit}", e.name, Short(e.value), Short(error)),
        None => format!("{} {:.4}{unit} ({absent})", e.name, Short(e.value)),
    }
}

/// A number with so many digits, without an exponent where it is of ordinary size.
struct Short(f64);

impl std::fmt::Display for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = f.precision().unwrap_or(4);
        let size = if self.0 == 0.0 { 0 } else { self.0.abs().log10().floor() as i32 };
        let after = (digits as i32 - 1 - size).max(0) as usize;
        match size {
            -4..=6 => write!(f, "{:.after$}", self.0),
            _ => write!(f, "{:.*e}", digits - 1, self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (x, expected) in [
            (0.0, "0.000"),
            (42867.2, "42867"),
            (0.70512, "0.7051"),
            (1.5e-6, "1.500e-6"),
            (1.3e9, "1.300e9"),
        ] {
            assert_eq!(format!("{:.4}", Short(x)), expected);
        }
    }
}
