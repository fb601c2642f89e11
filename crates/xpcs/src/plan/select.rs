//! Selection of bins, frames and the frame time.

use std::ops::Range;

use dyne_xpcs_data::{Bin, Catalog, FrameTime};

use super::PlanError;
use crate::config::{DataConfig, MaskConfig, PhiRange, QSelection};
use crate::gaps::{Gaps, left_out as left_out_bin};
use crate::report::{LeftOut, LeftOutBin, Warning};

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
    /// Positions in the selection of the frames that the configuration masks, ascending.
    pub masked: Vec<usize>,
    /// What was noticed on the way.
    pub warnings: Vec<Warning>,
    /// Bins that are left out before any matrix is read.
    pub left_out: LeftOut,
}

impl Selection {
    /// Resolves `data` without what `masks` names against what the file holds.
    ///
    /// # Errors
    /// [`PlanError`], before any matrix is read.
    pub fn resolve(
        data: &DataConfig,
        masks: &MaskConfig,
        catalog: &Catalog,
    ) -> Result<Self, PlanError> {
        let mut warnings = Vec::new();
        let Chosen { positions, left_out } = bins(data, masks, catalog, &mut warnings)?;
        let (frames, dt) = (frames(data, catalog)?, frame_time(data, catalog, &mut warnings)?);
        let masked = mask(masks, &frames)?;
        Ok(Self { positions, frames, dt, masked, warnings, left_out })
    }

    /// What is left out of a whole file before any matrix is read: bins without q, and those that `masks`
    /// names.
    ///
    /// # Errors
    /// [`PlanError::MaskBins`] for a bin that is not in the file.
    pub fn left_out_of(masks: &MaskConfig, catalog: &Catalog) -> Result<LeftOut, PlanError> {
        let mut left_out = LeftOut::default();
        let bad = |bin: &&Bin| !has_q(bin);
        left_out.add_bins(catalog.bins.iter().filter(bad).map(no_q));
        check_numbers(masks, catalog)?;
        let masked = |bin: &&Bin| has_q(bin) && masks.bins.contains(&bin.number);
        left_out.add_bins(catalog.bins.iter().filter(masked).map(by_mask));
        Ok(left_out)
    }

    /// Leaves out bins, by their place among [`Self::positions`].
    pub fn leave_out(&mut self, gaps: &Gaps) {
        let mut place = 0..;
        self.positions.retain(|_| !place.next().is_some_and(|k| gaps.bins.contains(&k)));
        self.left_out.add_bins(gaps.left_out.bins.iter().cloned());
        self.left_out.frames.extend(gaps.left_out.frames.iter().cloned());
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

/// Bins that take part, and those that would but for what they are.
pub(super) struct Chosen {
    /// Positions in the catalogue, in the order of the file.
    pub(super) positions: Vec<usize>,
    pub(super) left_out: LeftOut,
}

/// The selected bins.
pub(super) fn bins(
    data: &DataConfig,
    masks: &MaskConfig,
    catalog: &Catalog,
    warnings: &mut Vec<Warning>,
) -> Result<Chosen, PlanError> {
    let (usable, bad): (Vec<usize>, Vec<usize>) =
        (0..catalog.bins.len()).partition(|k| has_q(&catalog.bins[*k]));
    if usable.is_empty() {
        let found: Vec<String> = bad.iter().map(|k| catalog.bins[*k].q.to_string()).collect();
        let (file, found) = (catalog.file.clone(), found.join(", "));
        return Err(PlanError::BadQ { file, found });
    }
    let of_q = by_q(data, catalog, &usable, warnings)?;
    let mut positions = by_phi(data, catalog, of_q, warnings)?;
    let mut left_out = LeftOut::default();
    if matches!(data.q, Some(QSelection::All) | None) {
        left_out.add_bins(bad.iter().map(|k| no_q(&catalog.bins[*k])));
    }
    let numbers =
        |positions: &[usize]| positions.iter().map(|k| catalog.bins[*k].number).collect::<Vec<_>>();
    let asked = numbers(&positions);
    check_numbers(masks, catalog)?;
    let (masked, left) = positions
        .drain(..)
        .partition::<Vec<_>, _>(|k| masks.bins.contains(&catalog.bins[*k].number));
    if left.is_empty() {
        return Err(PlanError::MaskAllBins { found: ranges(&asked) });
    }
    left_out.add_bins(masked.iter().map(|k| by_mask(&catalog.bins[*k])));
    Ok(Chosen { positions: left, left_out })
}

/// Refuses bins to mask that are not in the file.
fn check_numbers(masks: &MaskConfig, catalog: &Catalog) -> Result<(), PlanError> {
    let known: Vec<u32> = catalog.bins.iter().map(|bin| bin.number).collect();
    match masks.bins.iter().find(|bin| !known.contains(bin)) {
        Some(bin) => Err(PlanError::MaskBins { bin: *bin, found: ranges(&known) }),
        None => Ok(()),
    }
}

fn no_q(bin: &Bin) -> LeftOutBin {
    left_out_bin(bin, format!("its q is {} Å⁻¹, expected a positive number", bin.q))
}

fn by_mask(bin: &Bin) -> LeftOutBin {
    left_out_bin(bin, "named by mask.bins".to_owned())
}

/// Whether a bin says where in reciprocal space it lies.
fn has_q(bin: &Bin) -> bool {
    bin.q.is_finite() && bin.q > 0.0
}

/// Numbers, neighbours as ranges.
fn ranges(numbers: &[u32]) -> String {
    let mut runs: Vec<[u32; 2]> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some(run) if run[1] + 1 == *number => run[1] = *number,
            _ => runs.push([*number; 2]),
        }
    }
    let words = runs.iter().map(|[first, last]| match first == last {
        true => first.to_string(),
        false => format!("{first} to {last}"),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// Those of some bins whose angle is asked for.
fn by_phi(
    data: &DataConfig,
    catalog: &Catalog,
    by_q: Vec<usize>,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<usize>, PlanError> {
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
        return Err(PlanError::QWithoutPhi {
            file: catalog.file.clone(),
            q,
            found: list(phi, "°"),
        });
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
    usable: &[usize],
    warnings: &mut Vec<Warning>,
) -> Result<Vec<usize>, PlanError> {
    let all = || usable.to_vec();
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
        .expect("some bin has a q");
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
    let mut q: Vec<f64> = catalog.bins.iter().filter(|b| has_q(b)).map(|b| b.q).collect();
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

/// Geometric mean of the wave-vector transfers of some bins, Å⁻¹.
pub(super) fn mean_q(bins: &[Bin]) -> f64 {
    let ln_q: f64 = bins.iter().map(|b| b.q.ln()).sum();
    (ln_q / bins.len() as f64).exp()
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
