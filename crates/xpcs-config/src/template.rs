//! A commented configuration to edit, generated from the documentation of the types.

use dyne_xpcs_model::{Mode, ParameterSpec};
use schemars::JsonSchema;

use super::FitConfig;
use super::keys::{KeyDoc, key_docs, number, plain};
use super::simulate::SimConfig;

/// Keys that say again what another key says.
const ALTERNATIVES: [&str; 2] = ["data.frame_start", "data.frame_end"];
/// Column of the comments behind keys.
const COLUMN: usize = 40;
/// Width of the text.
const WIDTH: usize = 100;

/// A complete `fit.yaml` for a mode: the essential keys with examples, every other key as a
/// comment with its default or an example, its unit and its meaning.
#[must_use]
pub fn template(mode: Mode) -> String {
    let gap = mode.has_gap().then_some("geometry.gap");
    let essential: Vec<&str> = ["mode", "data.file", "data.q"].into_iter().chain(gap).collect();
    let parameters = |spec: &ParameterSpec| {
        let [start, min, max] = [spec.default, spec.lower, spec.upper].map(number);
        format!("{{start: {start}, min: {min}, max: {max}}}")
    };
    render::<FitConfig>(mode, &essential, &parameters)
}

/// A complete `sim.yaml` for a mode, like [`template`].
#[must_use]
pub fn simulation_template(mode: Mode) -> String {
    let gap = mode.has_gap().then_some("gap");
    let essential: Vec<&str> =
        ["mode", "frames", "dt", "q", "phi", "noise.kind"].into_iter().chain(gap).collect();
    render::<SimConfig>(mode, &essential, &|spec| number(spec.default))
}

fn render<T: JsonSchema>(
    mode: Mode,
    essential: &[&str],
    parameter: &dyn Fn(&ParameterSpec) -> String,
) -> String {
    let mut text = Text::default();
    text.prose("Lines that begin with `# ` are keys left at their default (or absent, with an");
    text.prose("example): delete the `# ` to set them. Numbers carry the unit named beside them.");
    for doc in key_docs::<T>() {
        if ALTERNATIVES.contains(&doc.path.as_str()) {
            continue;
        }
        let (group, key) = doc.path.rsplit_once('.').unwrap_or(("", &doc.path));
        if group == "parameters.<name>" {
            text.prose(&format!("  {key}: {}", doc.about));
            continue;
        }
        let inside = format!("{}.", doc.path);
        let active = essential.iter().any(|path| *path == doc.path || path.starts_with(&inside));
        let open = essential.iter().any(|path| path.starts_with(&format!("{group}.")));
        let margin = if active { "" } else { "# " };
        let (before, indent) = match (group.is_empty(), open) {
            (true, _) => (String::new(), String::new()),
            (false, true) => ("  ".to_owned(), String::new()),
            (false, false) => (String::new(), "  ".repeat(group.split('.').count())),
        };
        let lead = format!("{before}{margin}{indent}");
        if doc.path == "parameters" {
            text.entry("# ", "parameters:", &doc.about);
            for spec in mode.parameters() {
                let about = format!("{}; {}", spec.unit.replace('–', "pure number"), spec.about);
                text.entry("#   ", &format!("{}: {}", spec.name, parameter(spec)), &about);
            }
        } else if doc.group {
            text.entry(&lead, &format!("{key}:"), &doc.about);
        } else {
            text.entry(&lead, &format!("{key}: {}", value(&doc, mode)), &about(&doc));
        }
    }
    text.0
}

/// The value a key is shown with.
fn value(doc: &KeyDoc, mode: Mode) -> String {
    if doc.path == "mode" {
        return mode.name().to_owned();
    }
    let shown = doc.default.as_ref().or(doc.example.as_ref());
    plain(shown.expect("every key without a default has an example, by the tests below"))
}

/// Doc comment, with the words to choose from.
fn about(doc: &KeyDoc) -> String {
    let words: Vec<&str> = doc.choices.iter().map(|(word, _)| word.as_str()).collect();
    match words.as_slice() {
        [] => doc.about.clone(),
        words => format!("{}: {}", doc.about.trim_end_matches('.'), words.join(", ")),
    }
}

/// The text under way.
#[derive(Default)]
struct Text(String);

impl Text {
    /// A line that stays a comment when keys are uncommented.
    fn prose(&mut self, line: &str) {
        for (i, part) in wrap(line, WIDTH - 8).into_iter().enumerate() {
            let hang = if i == 0 { "" } else { "    " };
            self.0.push_str(&format!("## {hang}{part}\n"));
        }
    }

    /// A key with its comment behind it, wrapped into a column.
    fn entry(&mut self, lead: &str, key: &str, comment: &str) {
        let head = format!("{lead}{key}");
        let length = head.chars().count();
        let mut parts = wrap(comment, WIDTH - COLUMN).into_iter();
        let continued = format!("{:COLUMN$}", if lead.starts_with('#') { "# " } else { "" });
        if length >= COLUMN {
            self.0.push_str(&format!("{head}\n"));
        } else if let Some(first) = parts.next() {
            self.0.push_str(&format!("{head}{}# {first}\n", " ".repeat(COLUMN - length)));
        }
        for part in parts {
            self.0.push_str(&format!("{continued}# {part}\n"));
        }
    }
}

/// Breaks a line at spaces; a word longer than the width stays whole. Leading spaces stay.
fn wrap(line: &str, width: usize) -> Vec<String> {
    let indent = line.len() - line.trim_start().len();
    let mut lines = vec![line[..indent].to_owned()];
    for word in line.split_whitespace() {
        let current = lines.last_mut().expect("there is always a line");
        if current.trim().is_empty() {
            current.push_str(word);
        } else if current.chars().count() + 1 + word.chars().count() <= width {
            current.push(' ');
            current.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODES: [Mode; 7] = Mode::ALL;

    fn uncommented(template: &str) -> String {
        template
            .lines()
            .map(|line| match line.find("# ") {
                Some(at) if at < COLUMN && line[..at].trim().is_empty() => {
                    line.replacen("# ", "", 1)
                }
                _ => line.to_owned(),
            })
            .fold(String::new(), |text, line| text + &line + "\n")
    }

    #[test]
    fn templates_load_as_they_are_and_with_every_key() {
        for mode in MODES {
            let text = template(mode);
            let config = FitConfig::from_yaml(&text, "template", &[]).expect("valid");
            assert_eq!(config.mode, mode);
            let full = FitConfig::from_yaml(&uncommented(&text), "template", &[]).expect("valid");
            assert_eq!(full.parameters.len(), mode.parameters().len());
            assert!(full.data.dt.is_some() && full.geometry.gap.is_some());
            assert_eq!(full.fit, config.fit);
            let text = simulation_template(mode);
            SimConfig::from_yaml(&text, "template", &[]).expect("valid");
            let full = SimConfig::from_yaml(&uncommented(&text), "template", &[]).expect("valid");
            assert_eq!(full.parameters.len(), mode.parameters().len());
        }
    }

    #[test]
    fn the_essential_part_is_short_and_lines_fit_the_page() {
        for text in MODES.into_iter().flat_map(|mode| [template(mode), simulation_template(mode)]) {
            let keys = text.lines().filter(|line| !line.trim_start().starts_with('#'));
            assert!(keys.count() < 20, "{text}");
            let longest = text.lines().map(|line| line.chars().count()).max();
            assert!(longest <= Some(WIDTH + 2), "{text}");
        }
    }
}
