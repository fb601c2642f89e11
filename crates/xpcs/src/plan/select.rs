//! Selection of bins, frames and the frame time.

use std::ops::Range;

use dyne_xpcs_data::{Catalog, FrameTime};

use super::PlanError;
use crate::config::{DataConfig, MaskConfig, PhiRange, QSelection};
use crate::report::Warning;

/// Two values of q that differ by less than this fraction are one.
const SAME_Q: f64 = 1e-6;

/// A nearest q farther away than this fraction is worth a warning.
const FAR_Q: f64 = 0.05;

/// A nearest q farther away than this fraction is another one than was meant.
const OTHER_Q: f64 = 0.2;

/// Frame times of configuration and file that differ by more than this fraction contradict each other.
const OTHER_DT: f64 = 0.01;

/// What a configuration selects from a file, where no model is fitted to the pairs.
#[derive(Debug, Clone)]
pub struct Selection {
    /// Positions of the bins in the catalogue.
    pub positions: Vec<usize>,
    /// Frames, 0-based, end exclusive.
    pub frames: Range<usize>,
    /// Frame time.
    pub dt: FrameTime,
    /// What was noticed on the way.
    pub warnings: Vec<Warning>,
}

impl Selection {
    /// Resolves `data` against what the file holds.
    ///
    /// # Errors
    /// [`PlanError`], before any matrix is read.
    pub fn resolve(data: &DataConfig, catalog: &Catalog) -> Result<Self, PlanError> {
        let mut warnings = Vec::new();
        let positions = bins(data, catalog, &mut warnings)?;
        let (frames, dt) = (frames(data, catalog)?, frame_time(data, catalog, &mut warnings)?);
        Ok(Self { positions, frames, dt, warnings })
    }

    /// Indices among [`Self::positions`], those of one q together.
    pub fn by_q(&self, catalog: &Catalog) -> Vec<Vec<usize>> {
        let q = |k: usize| catalog.bins[self.positions[k]].q;
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for k in 0..self.positions.len() {
            match groups.iter_mut().find(|g| (q(g[0]) - q(k)).abs() <= SAME_Q * q(k)) {
                Some(group) => group.push(k),
                None => groups.push(vec![k]),
            }
        }
        groups
    }
}

/// Positions of the selected bins, in the order of the file.
pub(super) fn bins(
    data: &DataConfig,
    catalog: &Catalog,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<usize>, PlanError> {
    let by_q = by_q(data, catalog, warnings)?;
    let Some(ranges) = &data.phi else { return Ok(by_q) };
    let kept: Vec<usize> = by_q
        .iter()
        .copied()
        .filter(|p| ranges.iter().any(|r| contains(*r, catalog.bins[*p].phi_deg)))
        .collect();
    if kept.is_empty() {
        let phi = by_q.iter().map(|p| catalog.bins[*p].phi_deg).collect();
        return Err(PlanError::NoPhi { file: catalog.file.clone(), found: list(phi, "°") });
    }
    let dropped = dropped(&by_q, &kept, catalog);
    if dropped.is_empty() {
        return Ok(kept);
    }
    let q = list(dropped, " Å⁻¹");
    if matches!(data.q, Some(QSelection::List(_))) {
        let phi = by_q.iter().map(|p| catalog.bins[*p].phi_deg).collect();
        return Err(PlanError::QWithoutPhi { file: catalog.file.clone(), q, found: list(phi, "°") });
    }
    let message = format!(
        "no bin of q {q} lies in the ranges of data.phi: these q take no part in the fit, though data.q selects them"
    );
    warnings.push(Warning { code: "q_dropped".into(), message });
    Ok(kept)
}

/// The values of q of which no bin was kept.
fn dropped(by_q: &[usize], kept: &[usize], catalog: &Catalog) -> Vec<f64> {
    let q = |p: &usize| catalog.bins[*p].q;
    let is_kept = |asked: f64| kept.iter().any(|p| (q(p) - asked).abs() <= SAME_Q * asked);
    by_q.iter().map(q).filter(|asked| !is_kept(*asked)).collect()
}

fn by_q(
    data: &DataConfig,
    catalog: &Catalog,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<usize>, PlanError> {
    let all = || (0..catalog.bins.len()).collect::<Vec<usize>>();
    let asked = match &data.q {
        Some(QSelection::All) => return Ok(all()),
        Some(QSelection::Nearest(q)) => vec![*q],
        Some(QSelection::List(list)) => list.clone(),
        None if distinct_q(catalog).len() == 1 => return Ok(all()),
        None => {
            let found = list(distinct_q(catalog), " Å⁻¹");
            return Err(PlanError::SeveralQ { file: catalog.file.clone(), found });
        }
    };
    let mut chosen = vec![false; catalog.bins.len()];
    for q in asked {
        let (centre, tolerance) = match data.q_tolerance {
            Some(tolerance) => (q, tolerance),
            None => (nearest(q, catalog, warnings)?, SAME_Q),
        };
        let inside = |k: &usize| (catalog.bins[*k].q - centre).abs() <= tolerance * centre;
        let found: Vec<usize> = all().into_iter().filter(inside).collect();
        if found.is_empty() {
            let found = list(distinct_q(catalog), " Å⁻¹");
            return Err(PlanError::NoQ { file: catalog.file.clone(), q, tolerance, found });
        }
        found.into_iter().for_each(|k| chosen[k] = true);
    }
    Ok(all().into_iter().filter(|k| chosen[*k]).collect())
}

fn nearest(q: f64, catalog: &Catalog, warnings: &mut Vec<Warning>) -> Result<f64, PlanError> {
    let distance = |a: &f64| (a - q).abs();
    let nearest = distinct_q(catalog)
        .into_iter()
        .min_by(|a, b| distance(a).total_cmp(&distance(b)))
        .expect("a catalogue holds at least one bin");
    if distance(&nearest) > OTHER_Q * q {
        let (file, found) = (catalog.file.clone(), list(distinct_q(catalog), " Å⁻¹"));
        return Err(PlanError::FarQ { file, q, nearest, found });
    }
    if distance(&nearest) > FAR_Q * q {
        let message = format!(
            "data.q asks for {q} Å⁻¹; the nearest bin of the file has {nearest:.6} Å⁻¹ and was taken"
        );
        warnings.push(Warning { code: "q_far".into(), message });
    }
    Ok(nearest)
}

fn distinct_q(catalog: &Catalog) -> Vec<f64> {
    let mut q: Vec<f64> = catalog.bins.iter().map(|b| b.q).collect();
    q.sort_by(f64::total_cmp);
    q.dedup_by(|a, b| (*a - *b).abs() <= SAME_Q * b.abs());
    q
}

/// Whether an angle lies in a range of degrees, both ends included; from > to goes the other
/// way around.
fn contains(range: PhiRange, phi_deg: f64) -> bool {
    let turn = |a: f64| a.rem_euclid(360.0);
    if range.to - range.from >= 360.0 {
        return true;
    }
    let (from, to, phi) = (turn(range.from), turn(range.to), turn(phi_deg));
    if from <= to { (from..=to).contains(&phi) } else { phi >= from || phi <= to }
}

fn list(mut values: Vec<f64>, unit: &str) -> String {
    const SHOWN: usize = 12;
    values.sort_by(f64::total_cmp);
    values.dedup();
    let words: Vec<String> = values.iter().take(SHOWN).map(|v| format!("{v:.6}")).collect();
    let trimmed: Vec<&str> =
        words.iter().map(|w| w.trim_end_matches('0').trim_end_matches('.')).collect();
    let rest = match values.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{unit}{rest}", trimmed.join(", "))
}

/// Frames selected, 0-based and end exclusive.
pub(super) fn frames(data: &DataConfig, catalog: &Catalog) -> Result<Range<usize>, PlanError> {
    let first = data.first_frame();
    let last = data.last_frame().unwrap_or(catalog.frames);
    if first < 1 || last > catalog.frames || last < first + 2 {
        let (file, frames) = (catalog.file.clone(), catalog.frames);
        return Err(PlanError::Frames { file, first, last, frames });
    }
    Ok(first - 1..last)
}

/// Positions in the selection of the frames that the configuration masks, ascending.
pub(super) fn mask(mask: &MaskConfig, frames: &Range<usize>) -> Result<Vec<usize>, PlanError> {
    let mut masked = vec![false; frames.len()];
    for entry in &mask.frames {
        let [first, last] = entry.ends();
        if first <= frames.start || last > frames.end {
            let (from, to) = (frames.start + 1, frames.end);
            return Err(PlanError::MaskFrames { first, last, from, to });
        }
        masked[first - 1 - frames.start..last - frames.start].fill(true);
    }
    Ok((0..frames.len()).filter(|k| masked[*k]).collect())
}

/// Frame time: the configuration's, else the file's.
pub(super) fn frame_time(
    data: &DataConfig,
    catalog: &Catalog,
    warnings: &mut Vec<Warning>,
) -> Result<FrameTime, PlanError> {
    if let Some(seconds) = data.dt {
        if let Some(told) = &catalog.dt
            && (seconds - told.seconds).abs() > OTHER_DT * told.seconds
        {
            let message = format!(
                "data.dt says {seconds} s a frame and the file {} s ({}): data.dt is taken, and every time and rate scales with it",
                told.seconds, told.derivation
            );
            warnings.push(Warning { code: "dt_differs".into(), message });
        }
        return Ok(FrameTime { seconds, derivation: format!("data.dt {seconds} s") });
    }
    catalog.dt.clone().ok_or_else(|| PlanError::FrameTime {
        file: catalog.file.clone(),
        searched: match catalog.dt_searched.is_empty() {
            true => "any place (this layout does not store it)".into(),
            false => catalog.dt_searched.join(", "),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_wrap_around() {
        let range = |from, to| PhiRange { from, to };
        assert!(contains(range(-10.0, 10.0), 350.0));
        assert!(contains(range(-10.0, 10.0), 10.0));
        assert!(!contains(range(-10.0, 10.0), 170.0));
        assert!(contains(range(170.0, -170.0), -175.0));
        assert!(contains(range(170.0, -170.0), 180.0));
        assert!(!contains(range(170.0, -170.0), 0.0));
        assert!(contains(range(-180.0, 180.0), 77.0));
    }

    #[test]
    fn lists_are_short_and_sorted() {
        assert_eq!(list(vec![0.3, 0.1, 0.1], " Å⁻¹"), "0.1, 0.3 Å⁻¹");
        assert!(list((0..20).map(f64::from).collect(), "°").ends_with("° and 8 more"));
    }
}
