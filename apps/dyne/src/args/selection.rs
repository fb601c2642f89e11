//! What is taken from a file, and what is left out of it.

use clap::Args;
use dyne_xpcs::config::Override;

use crate::failure::Failure;

/// What is taken from the file.
#[derive(Debug, Args)]
pub(crate) struct Selected {
    /// Wave-vector transfer, Å⁻¹ (nearest), a list `[0.003, 0.005]`, or all
    #[arg(long, value_name = "Å⁻¹", allow_hyphen_values = true)]
    pub(crate) q: Option<String>,
    /// Range of angles FROM:TO in degrees, inclusive; may be repeated
    #[arg(long, value_name = "FROM:TO", allow_hyphen_values = true)]
    pub(crate) phi: Vec<String>,
    /// Frames FIRST:LAST, counted from 1, inclusive
    #[arg(long, value_name = "FIRST:LAST")]
    pub(crate) frames: Option<String>,
    /// Time between frames, s; only where the file does not tell
    #[arg(long, value_name = "s", allow_hyphen_values = true)]
    pub(crate) dt: Option<String>,
    #[command(flatten)]
    pub(crate) masked: Masked,
}

/// What is left out of what is taken.
#[derive(Debug, Args)]
pub(crate) struct Masked {
    /// Bins to leave out, by their number in the file, e.g. 3,7
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    pub(crate) exclude_bins: Vec<u32>,
    /// Frames to leave out, counted from 1, e.g. 40,120:125
    #[arg(long, value_name = "N|FIRST:LAST,…", value_delimiter = ',')]
    pub(crate) mask_frames: Vec<String>,
    /// Leave out the frames that `dyne inspect --quality` calls outliers
    #[arg(long)]
    pub(crate) mask_auto: bool,
}

impl Masked {
    /// As overrides of a configuration.
    pub(crate) fn overrides(&self) -> Result<Vec<Override>, Failure> {
        let mut list = Vec::new();
        if !self.exclude_bins.is_empty() {
            list.push(Override::parse(&format!("mask.bins={:?}", self.exclude_bins))?);
        }
        if !self.mask_frames.is_empty() {
            let entry = |text: &String| if text.contains(':') { pair(text) } else { text.clone() };
            let entries: Vec<String> = self.mask_frames.iter().map(entry).collect();
            list.push(Override::parse(&format!("mask.frames=[{}]", entries.join(", ")))?);
        }
        if self.mask_auto {
            list.push(Override::parse("mask.auto=true")?);
        }
        Ok(list)
    }
}

impl Selected {
    /// As overrides of a configuration.
    pub(crate) fn overrides(&self) -> Result<Vec<Override>, Failure> {
        let phi: Result<Vec<String>, Failure> =
            self.phi.iter().map(|range| angles(range)).collect();
        let phi = phi?;
        let given = [
            ("data.q", self.q.clone()),
            ("data.dt", self.dt.clone()),
            ("data.frames", self.frames.as_ref().map(|range| frames(range)).transpose()?),
            ("data.phi", (!phi.is_empty()).then(|| format!("[{}]", phi.join(", ")))),
        ];
        let texts = given.into_iter().filter_map(|(key, value)| Some(format!("{key}={}", value?)));
        let mut list: Vec<Override> =
            texts.map(|text| Ok(Override::parse(&text)?)).collect::<Result<_, Failure>>()?;
        list.extend(self.masked.overrides()?);
        Ok(list)
    }
}

/// `A:B` as a YAML list of two.
fn pair(range: &str) -> String {
    format!("[{}]", range.replacen(':', ", ", 1))
}

/// A range of angles as a YAML list of two.
fn angles(range: &str) -> Result<String, Failure> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|v| v.is_finite());
    if let Some((from, to)) = range.split_once(':')
        && number(from).is_some()
        && number(to).is_some()
    {
        return Ok(format!("[{from}, {to}]"));
    }
    let example = number(range).map_or_else(
        || "--phi FROM:TO, e.g. --phi 40:50".to_owned(),
        |phi| {
            format!("--phi FROM:TO, for an angle near {phi} e.g. --phi {}:{}", phi - 5.0, phi + 5.0)
        },
    );
    Err(Failure::Usage(format!(
        "--phi {range}: expected two angles in degrees with a colon between them\nwrite {example}"
    )))
}

/// Frames as a YAML list of two.
fn frames(range: &str) -> Result<String, Failure> {
    let ends = |by: char| {
        let (first, last) = range.split_once(by)?;
        Some((first.trim().parse::<usize>().ok()?, last.trim().parse::<usize>().ok()?))
    };
    if let Some((first, last)) = ends(':') {
        return Ok(format!("[{first}, {last}]"));
    }
    let example = ends('-').or_else(|| ends(',')).map_or_else(
        || "--frames FIRST:LAST, e.g. --frames 1:100".to_owned(),
        |(first, last)| format!("--frames {first}:{last}"),
    );
    Err(Failure::Usage(format!(
        "--frames {range}: expected the numbers of two frames with a colon between them\nwrite {example}"
    )))
}
