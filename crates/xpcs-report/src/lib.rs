//! The report: everything a fit tells. The only thing the figures are drawn from.

mod derived;
mod identifiability;
pub mod left_out;
mod mask;
mod minima;
mod noise;
pub mod posterior;
mod verdict;
mod work;

use std::collections::BTreeMap;

use serde::Serialize;

pub use derived::{CurveResult, Quantity};
pub use identifiability::{Identifiability, Weight};
pub use left_out::{LeftOut, LeftOutBin, LeftOutFrames};
pub use mask::{Mask, MaskReason, MaskedFrames, MaskedRows};
pub use minima::{Choice, MinimumKind, ProfileSide, RivalMinimum};
pub use noise::{Alternative, BinNoise, NoisePixels, NoiseResult};
pub use verdict::{
    AgedRate, FullLaw, FullParameter, HeadlineQuantity, LackOfFit, LawResult, Reason, ResidualCell,
    Verdict, VerdictClass,
};
pub use work::{BlockWork, CheckpointWork, PhaseWork, SweepWork, Work};

/// How the fit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A termination test of the optimiser was met.
    Converged,
    /// The limit of sweeps was reached, or no step helped.
    NotConverged,
    /// The user stopped it.
    Interrupted,
}

/// Which end of its range a parameter came to lie on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BoundSide {
    /// The lower bound.
    Lower,
    /// The upper bound.
    Upper,
}

/// One physical parameter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParameterResult {
    /// Name; the key of the JSON object.
    #[serde(skip)]
    pub name: String,
    /// Symbol for pictures.
    #[serde(skip)]
    pub symbol: String,
    /// Fitted, fixed or tied value.
    pub value: f64,
    /// Standard error; absent for a fixed parameter or where it cannot be computed.
    pub stderr: Option<f64>,
    /// Unit.
    pub unit: String,
    /// Whether it was fitted.
    pub free: bool,
    /// The bound it lies on, if any.
    pub at_bound: Option<BoundSide>,
    /// Lower bound used.
    pub lower: f64,
    /// Upper bound used.
    pub upper: f64,
    /// Why there is no standard error (`fixed`, `tied to D0`, `at its lower bound`, …).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr_absent: Option<String>,
}

/// Contrast and offset of one bin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScalingResult {
    /// Bin number in the file.
    pub bin: u32,
    /// Azimuth, degrees.
    pub phi_deg: f64,
    /// Wave-vector transfer, Å⁻¹.
    pub q: f64,
    /// Contrast.
    pub contrast: f64,
    /// Its standard error.
    pub contrast_stderr: Option<f64>,
    /// Offset.
    pub offset: f64,
    /// Its standard error.
    pub offset_stderr: Option<f64>,
    /// Root mean square of the residuals of this bin.
    pub residual_rms: f64,
}

/// Covariance of the free parameters and the scaling.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Covariance {
    /// Names along both axes: free parameters, then scaling (`contrast[0]`, `offset[0]`, …).
    pub names: Vec<String>,
    /// Rows.
    pub matrix: Vec<Vec<f64>>,
    /// How it was computed.
    pub method: String,
    /// Number of leading names that are physical parameters.
    #[serde(skip)]
    pub physical: usize,
}

/// Cost and noise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cost {
    /// Sum of squared residuals.
    pub ssr: f64,
    /// Robust cost, where a loss other than linear was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub robust: Option<f64>,
    /// Standard deviation of the residuals.
    pub sigma: f64,
    /// Pairs i < j that were fitted.
    pub n_pairs: u64,
    /// Free parameters including scaling.
    pub n_parameters: usize,
}

/// What the standard errors rest on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Uncertainty {
    /// Kind of covariance behind every standard error (`speckle`, `dyadic`, `information`).
    pub method: String,
    /// What that kind is, one sentence.
    pub about: String,
    /// Why it is not the kind that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
    /// Independent pixels a bin on average.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pixels: Option<f64>,
    /// Where that number comes from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pixels_source: String,
    /// Pixels of the detector a bin on average, where the file has the map.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub map_pixels: Option<f64>,
    /// Mean counts per pixel and frame, one a bin; null without shot noise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<Option<f64>>,
    /// Where the counts come from.
    pub counts_source: String,
    /// Independent speckles, pixels and counts, one entry a bin.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bins: Vec<NoisePixels>,
    /// Standard errors under each reading of data that contradict one another.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Alternative>,
    /// What was noticed about the noise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Warning>,
    /// Standard errors that independent pairs would have, by parameter, for comparison.
    pub information: BTreeMap<String, f64>,
}

/// The profile likelihood of one parameter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Profile {
    /// Parameter.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// Values of the parameter, ascending.
    pub values: Vec<f64>,
    /// Deviation at each value, in standard deviations of the headline kind.
    pub deviations: Vec<f64>,
    /// Ends of the 68 % interval; null where the profile ends before it or closes only because
    /// another parameter rests on its bound.
    pub interval68: [Option<f64>; 2],
    /// Ends of the 95 % interval.
    pub interval95: [Option<f64>; 2],
    /// How it ends below and above.
    pub ends: [ProfileSide; 2],
    /// Whether a lower cost than that of the fit was met on the way; then it is the profile around
    /// that deeper minimum.
    pub deeper: bool,
}

/// One minimum that the search met.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Basin {
    /// Cost, half the sum of squared residuals, on the pairs of its level.
    pub cost: f64,
    /// Level of the search at which it was left: 0 is the coarsest.
    pub level: usize,
    /// Refined starts that ended there; 0 where only a mirror image led there.
    pub starts: usize,
    /// Parameters by name.
    pub parameters: BTreeMap<String, f64>,
}

/// Something the user ought to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// Stable machine-readable code.
    pub code: String,
    /// One or two sentences.
    pub message: String,
}

/// Work done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Sweeps over all pairs.
    pub full_sweeps: u64,
    /// Sweeps over coarse grids.
    pub coarse_sweeps: u64,
    /// Starting points tried.
    pub starts: u64,
    /// Steps of the last fit that were refused and tried again shorter.
    pub refused_steps: u64,
    /// Those among them where the model or the sums were not finite.
    pub non_finite_steps: u64,
}

/// Wall times in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Timings {
    /// Opening, reading and decoding.
    pub read_s: f64,
    /// Search and fit.
    pub fit_s: f64,
    /// Residual pass, figures and files.
    pub report_s: f64,
    /// From the start of the process to the writing of the result.
    pub wall_time_seconds: f64,
}

/// Where the numbers come from.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Provenance {
    /// Program version.
    pub version: String,
    /// Git revision of the build, or `unknown`.
    pub git_revision: String,
    /// Data file.
    pub file: String,
    /// Hash of the file, with the name of the algorithm.
    pub file_hash: String,
    /// Layout of the file.
    pub layout: String,
    /// Frame time, s.
    pub dt_s: f64,
    /// How the frame time was derived.
    pub dt_source: String,
    /// CPUs the process may use.
    pub host_cores: usize,
    /// Instruction set of the kernels.
    pub simd: String,
    /// Worker threads.
    pub threads: usize,
    /// The configuration after defaults and overrides.
    pub plan: serde_json::Value,
}

/// Data, fit and residual of one bin on a square pixel grid, averaged over pixels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MapTriple {
    /// Pixels along a side.
    pub pixels: usize,
    /// Time at the outer edge of the first pixel, s.
    pub t_start_s: f64,
    /// Time at the outer edge of the last pixel, s.
    pub t_end_s: f64,
    /// Mean c2 per pixel, row = t2, column = t1, symmetric; NaN where no pair falls.
    pub data: Vec<f32>,
    /// Mean model per pixel.
    pub fit: Vec<f32>,
    /// Mean of data minus model per pixel.
    pub residual: Vec<f32>,
}

/// One cut at (nearly) constant age, averaged over a band of ages, on log-spaced lags.
#[derive(Debug, Clone, PartialEq)]
pub struct Cut {
    /// Mean age (t1 + t2)/2 of the band, s.
    pub age_s: f64,
    /// Lags t2 − t1, s, ascending.
    pub lag_s: Vec<f64>,
    /// Mean c2 per lag.
    pub data: Vec<f64>,
    /// Standard error of that mean from the scatter in the band; NaN for a single pair.
    pub data_stderr: Vec<f64>,
    /// Mean model per lag.
    pub fit: Vec<f64>,
}

/// What the figures of one bin need.
#[derive(Debug, Clone, PartialEq)]
pub struct BinPicture {
    /// Bin number in the file.
    pub bin: u32,
    /// Wave-vector transfer, Å⁻¹.
    pub q: f64,
    /// Azimuth, degrees.
    pub phi_deg: f64,
    /// The three maps.
    pub map: MapTriple,
    /// Cuts at several ages, young to old.
    pub cuts: Vec<Cut>,
}

/// What a shear rate would be called under another named convention.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OtherConvention {
    /// Name of the convention.
    pub name: String,
    /// Factor on gamma_dot_t0 and gamma_dot_t_offset, from the expansion at small phase.
    pub rate_factor: f64,
}

/// Everything a fit tells. [`Report::to_json`] writes the schema `dyne-result/1`.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// What may be quoted of it.
    pub verdict: Verdict,
    /// What the data determine, first things first.
    pub headline: Vec<HeadlineQuantity>,
    /// Laws of the rates that were compared; none where no rate had a choice.
    pub laws: Vec<LawResult>,
    /// Whether the model describes the data, or why that is not known.
    pub lack_of_fit: Result<LackOfFit, String>,
    /// The fit of the fullest laws, where the fit follows simpler ones.
    pub full_law: Option<FullLaw>,
    /// How it ended.
    pub status: Status,
    /// Which test ended it, in words.
    pub termination: String,
    /// Model (`static`, `laminar_flow`).
    pub mode: String,
    /// Named conventions (`shear` → `published`).
    pub convention: BTreeMap<String, String>,
    /// What a shear rate would be called under the other named conventions.
    pub other_conventions: Vec<OtherConvention>,
    /// Physical parameters in the order of the model.
    pub parameters: Vec<ParameterResult>,
    /// Contrast and offset per bin, in the order of the fit.
    pub scaling: Vec<ScalingResult>,
    /// Covariance, or why there is none.
    pub covariance: Result<Covariance, String>,
    /// What the standard errors rest on; nothing where there are none.
    pub uncertainty: Option<Uncertainty>,
    /// Minima that the search met, that of the fit first.
    pub basins: Vec<Basin>,
    /// Minima that the noise cannot tell from the deepest one, the chosen one first.
    pub minima: Vec<RivalMinimum>,
    /// How the first of several minima was chosen; nothing where there is one.
    pub choice: Option<Choice>,
    /// Profiles that were asked for.
    pub profiles: Vec<Profile>,
    /// What the data determine; nothing where there is no covariance.
    pub identifiability: Option<Identifiability>,
    /// Functions of time behind the parameters.
    pub curves: Vec<CurveResult>,
    /// Quantities that follow from the parameters.
    pub quantities: Vec<Quantity>,
    /// What the residuals tell of the noise.
    pub noise: NoiseResult,
    /// Frames left out; no frame where none is masked.
    pub mask: Mask,
    /// Frames and bins that have no data, or tell nothing.
    pub left_out: LeftOut,
    /// Cost and noise.
    pub cost: Cost,
    /// Warnings.
    pub warnings: Vec<Warning>,
    /// Work done.
    pub counters: Counters,
    /// Wall times.
    pub timings: Timings,
    /// Largest resident memory of the process, bytes; 0 where the system does not tell.
    pub peak_rss_bytes: u64,
    /// What the work took, in detail.
    pub work: Work,
    /// Provenance.
    pub provenance: Provenance,
    /// Figures' data, one entry a bin; not in the JSON.
    pub pictures: Vec<BinPicture>,
}

/// Name of the schema that [`Report::to_json`] writes.
pub const SCHEMA: &str = "dyne-result/1";

impl Report {
    /// The report as JSON, schema `dyne-result/1`. Keys are added, never renamed. Numbers that
    /// are not finite become `null`.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::{Map, Value, json};
        let parameters: Map<String, Value> =
            self.parameters.iter().map(|p| (p.name.clone(), json!(p))).collect();
        let covariance = match &self.covariance {
            Ok(covariance) => json!(covariance),
            Err(reason) => json!({ "names": [], "matrix": [], "method": "none", "absent": reason }),
        };
        let lack_of_fit = match &self.lack_of_fit {
            Ok(found) => json!(found),
            Err(reason) => json!({ "p": null, "absent": reason }),
        };
        json!({
            "schema": SCHEMA,
            "verdict": self.verdict,
            "headline": self.headline,
            "laws": self.laws,
            "lack_of_fit": lack_of_fit,
            "full_law": self.full_law,
            "status": self.status,
            "termination": self.termination,
            "mode": self.mode,
            "convention": self.convention,
            "other_conventions": self.other_conventions,
            "parameters": parameters,
            "scaling": self.scaling,
            "covariance": covariance,
            "uncertainty": self.uncertainty,
            "basins": self.basins,
            "minima": self.minima,
            "minima_choice": self.choice,
            "profiles": self.profiles,
            "identifiability": self.identifiability,
            "curves": self.curves,
            "quantities": self.quantities,
            "noise": self.noise,
            "mask": self.mask,
            "left_out": self.left_out,
            "cost": self.cost,
            "warnings": self.warnings,
            "counters": self.counters,
            "timings": self.timings,
            "peak_rss_bytes": self.peak_rss_bytes,
            "work": self.work,
            "provenance": self.provenance,
        })
    }
}
