//! What is known of one-time correlation functions: the content of JSON, tables and pictures.

use dyne_runtime::{Observer, Resources, SweepError};
use dyne_xpcs_data::{Bin, Catalog, Matrices, ReadError, relative_pixels};
use serde::Serialize;
use serde_json::json;

use super::cuts::{Curve, Group, curves};
use super::decay::{Decay, DecayFit, fit};
use super::power_law::{PowerLaw, power_laws};
use crate::plan::Selection;
use crate::report::{LeftOut, Warning};

/// What happens to the azimuths of one q.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Angles {
    /// Averaged.
    Averaged,
    /// Each has its curve.
    Each,
}

/// One curve with its fits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AgedCurve {
    /// Wave-vector transfer, Å⁻¹.
    pub q: f64,
    /// Azimuths of the bins, degrees.
    pub phi_deg: Vec<f64>,
    /// Numbers of the bins that are averaged.
    pub bins: Vec<u32>,
    /// Ends of the age window, s.
    pub age: [f64; 2],
    /// Mean lags, s, ascending.
    pub lag: Vec<f64>,
    /// g2, a pure number.
    pub g2: Vec<f64>,
    /// Standard error of g2 from the scatter of the pairs; NaN where there is one pair.
    pub g2_stderr: Vec<f64>,
    /// Pairs averaged, those of all bins.
    pub pairs: Vec<f64>,
    /// Fits.
    pub fits: Vec<DecayFit>,
    /// Reservations against each fit, in words.
    pub reservations: Vec<Vec<&'static str>>,
}

/// Where the numbers come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct G2Provenance {
    /// Version of the program.
    pub version: String,
    /// Revision of its source.
    pub git_revision: String,
    /// Data file.
    pub file: String,
    /// Hash of the file.
    pub file_hash: String,
}

/// All that `dyne g2` found.
#[derive(Debug, Clone, PartialEq)]
pub struct G2Report {
    /// Curves: by q, and by age within it.
    pub curves: Vec<AgedCurve>,
    /// τ against q.
    pub power_laws: Vec<PowerLaw>,
    /// How bins are averaged.
    pub weights: &'static str,
    /// What was noticed.
    pub warnings: Vec<Warning>,
    /// Frames and bins without data.
    pub left_out: LeftOut,
    /// Layout of the file.
    pub layout: String,
    /// First and last frame, counted from 1.
    pub frames: [usize; 2],
    /// Frame time, s.
    pub dt_s: f64,
    /// Where it comes from.
    pub dt_source: String,
    /// Where the numbers come from.
    pub provenance: G2Provenance,
}

/// What is asked of a data set.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Bins, frames and frame time.
    pub selection: &'a Selection,
    /// The catalogue they were selected from.
    pub catalog: &'a Catalog,
    /// What happens to azimuths.
    pub angles: Angles,
    /// Half-open ranges of i + j, from [`Ages::windows`](super::Ages::windows).
    pub windows: &'a [[usize; 2]],
    /// Decays that are fitted.
    pub models: &'a [Decay],
}

impl Request<'_> {
    /// Cuts `matrices`, fits decays to the cuts and power laws to their times.
    ///
    /// # Errors
    /// [`SweepError`]; `Cancelled` also where the end is requested while decays are fitted.
    pub fn report(
        &self,
        matrices: &Matrices,
        resources: Resources<'_>,
        observer: &dyn Observer,
        provenance: G2Provenance,
    ) -> Result<G2Report, SweepError<ReadError>> {
        let groups = self.groups();
        let cut = curves(matrices, &groups, self.windows, resources)?;
        let single = |(group, cut)| std::iter::repeat(group).zip(cut);
        let work: Vec<(&Group, Curve)> = groups.iter().zip(cut).flat_map(single).collect();
        let requested = || resources.cancel.requested();
        let one = |(group, cut): &(&Group, Curve)| {
            (!requested()).then(|| self.curve(group, cut, observer))
        };
        let fitted: Option<Vec<AgedCurve>> = resources.lanes.map(&work, one).into_iter().collect();
        // The request ends a fit where it stands, so that its numbers are not those of a minimum.
        let Some(curves) = fitted.filter(|_| !requested()) else {
            return Err(SweepError::Cancelled);
        };
        let Selection { frames, dt, warnings, left_out, .. } = self.selection;
        Ok(G2Report {
            power_laws: power_laws(&curves, self.angles),
            weights: self.weights(),
            curves,
            warnings: warnings.clone(),
            left_out: left_out.clone(),
            layout: self.catalog.layout.to_string(),
            frames: [frames.start + 1, frames.end],
            dt_s: dt.seconds,
            dt_source: dt.derivation.clone(),
            provenance,
        })
    }

    fn groups(&self) -> Vec<Group> {
        let bins = match self.angles {
            Angles::Averaged => self.selection.by_q(self.catalog),
            Angles::Each => (0..self.selection.positions.len()).map(|k| vec![k]).collect(),
        };
        let group = |bins: Vec<usize>| match relative_pixels(&self.bins(&bins)) {
            Some(weights) => Group::weighted(bins, weights),
            None => Group::equal(bins),
        };
        bins.into_iter().map(group).collect()
    }

    /// Bins at some positions of the selection.
    fn bins(&self, positions: &[usize]) -> Vec<&Bin> {
        positions.iter().map(|k| &self.catalog.bins[self.selection.positions[*k]]).collect()
    }

    /// How the bins of one q are averaged.
    fn weights(&self) -> &'static str {
        let bins = self.selection.positions.iter().map(|k| &self.catalog.bins[*k]);
        let known = bins.filter(|bin| bin.pixels.is_some()).count();
        match known {
            0 => "bins of one q: equal, since the file has no numbers of pixels",
            n if n == self.selection.positions.len() => "bins of one q: numbers of pixels",
            _ => "bins of one q: numbers of pixels where the file has them for all, else equal",
        }
    }

    fn curve(&self, group: &Group, cut: &Curve, observer: &dyn Observer) -> AgedCurve {
        let dt = self.selection.dt.seconds;
        let bins = self.bins(group.bins());
        let fits: Vec<DecayFit> =
            self.models.iter().filter_map(|model| fit(cut, *model, dt, observer)).collect();
        let words = |fit: &DecayFit| fit.flags.iter().map(|flag| flag.words()).collect();
        AgedCurve {
            q: bins.first().map_or(f64::NAN, |bin| bin.q),
            phi_deg: bins.iter().map(|bin| bin.phi_deg).collect(),
            bins: bins.iter().map(|bin| bin.number).collect(),
            age: cut.age.map(|age| age * dt),
            lag: cut.points.iter().map(|p| p.lag * dt).collect(),
            g2: cut.points.iter().map(|p| p.mean).collect(),
            g2_stderr: cut.points.iter().map(|p| p.stderr).collect(),
            // Weights have the mean 1: but for rounding the sum is whole.
            pairs: cut.points.iter().map(|p| p.pairs.round()).collect(),
            reservations: fits.iter().map(words).collect(),
            fits,
        }
    }
}

impl G2Report {
    /// The content of `g2.json`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let mut provenance = json!(self.provenance);
        provenance["layout"] = json!(self.layout);
        provenance["frames"] = json!(self.frames);
        provenance["dt_s"] = json!(self.dt_s);
        provenance["dt_source"] = json!(self.dt_source);
        json!({
            "schema": "dyne-g2/1",
            "convention": "g2 = baseline + contrast*exp(-2*(lag/tau)^exponent)",
            "power_law": "tau = prefactor*q^(-exponent); D0 = 2/(q^2*tau)",
            "units": {
                "q": "1/angstrom", "age": "s", "lag": "s", "tau": "s", "phi": "deg",
                "d0": "angstrom^2/s", "prefactor": "s*angstrom^(-exponent)"
            },
            "errors": "fits: jackknife over blocks of frames; g2: scatter of the pairs",
            "weights": format!("lags: numbers of pairs; {}", self.weights),
            "curves": self.curves,
            "power_laws": self.power_laws,
            "warnings": self.warnings,
            "left_out": self.left_out,
            "provenance": provenance,
        })
    }

    /// Whether every curve has its fits and none of them has a reservation.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        let trusted =
            |c: &AgedCurve| !c.fits.is_empty() && c.fits.iter().all(|fit| fit.flags.is_empty());
        self.curves.iter().all(trusted)
    }
}
