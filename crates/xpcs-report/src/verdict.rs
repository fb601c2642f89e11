//! What may be quoted of a fit: its verdict with the reasons.

use serde::{Deserialize, Serialize};

/// What a fit is good for, from best to worst.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictClass {
    /// The model describes the data, and the headline may be quoted as it stands.
    #[default]
    Good,
    /// Something changes what may be quoted; the reasons say what.
    Reservations,
    /// The data determine nothing that the model could be fitted to.
    Undetermined,
    /// The model does not describe the data.
    Misfit,
}

impl VerdictClass {
    /// The verdict in words, for a badge or a first line.
    pub fn about(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Reservations => "reservations",
            Self::Undetermined => "nothing to determine",
            Self::Misfit => "does not describe the data",
        }
    }
}

/// One reason of a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Stable machine-readable code.
    pub code: String,
    /// One or two sentences.
    pub message: String,
}

/// The verdict on a fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Class.
    pub class: VerdictClass,
    /// Why it is not better; empty where it is good.
    pub reasons: Vec<Reason>,
    /// Exit code that follows from it.
    pub exit_code: u8,
}

impl From<&super::Warning> for Reason {
    fn from(warning: &super::Warning) -> Self {
        Self { code: warning.code.clone(), message: warning.message.clone() }
    }
}

impl Verdict {
    /// Adds a reason that makes a good fit one with reservations; a worse class stays.
    pub fn reserve(&mut self, reason: Reason) {
        self.reasons.push(reason);
        if self.class == VerdictClass::Good {
            (self.class, self.exit_code) = (VerdictClass::Reservations, 1);
        }
    }
}

/// A quantity that the data determine, whatever becomes of single parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeadlineQuantity {
    /// Name (`J`, `gamma_dot`, `v`, `mean_J`, …).
    pub name: String,
    /// Symbol for pictures and text.
    pub symbol: String,
    /// What it is, one phrase.
    pub about: String,
    /// Time for which it holds, s; nothing for a mean over the series.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_s: Option<f64>,
    /// Value.
    pub value: f64,
    /// Standard error.
    pub stderr: Option<f64>,
    /// Unit.
    pub unit: String,
    /// Why there is no standard error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr_absent: Option<String>,
}

/// One law of one rate, compared with the others by the same data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LawResult {
    /// Rate (`J`, `gamma_dot`, `v`, `J_ref`, `J_sample`).
    pub rate: String,
    /// `constant`, `power_law` or `power_law_offset`.
    pub law: String,
    /// Composite-likelihood information criterion −2ℓ + 2 tr(H⁻¹B) of the fit with this law, the other
    /// rates following the laws chosen for them; relative to the least of this rate. Nothing where it
    /// was not computed.
    pub clic: Option<f64>,
    /// Probability of a rise of the cost as large as that from the fullest law to this one, if this law
    /// holds. Nothing for the fullest law, or where it was not computed.
    pub p: Option<f64>,
    /// Whether the fit follows this law.
    pub chosen: bool,
}

/// Mean residual in one cell of lag and age of one bin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResidualCell {
    /// Bin number in the file.
    pub bin: u32,
    /// Least and largest lag, s.
    pub lag_s: [f64; 2],
    /// Least and largest age, s.
    pub age_s: [f64; 2],
    /// Mean residual.
    pub mean: f64,
    /// The same in units of the contrast of the bin.
    pub of_contrast: f64,
    /// Over the standard deviation that noise alone would give it.
    pub z: f64,
}

/// What residuals say of one rate at one age.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgedRate {
    /// Name of the rate (`J`, `gamma_dot`, …).
    pub rate: String,
    /// Least and largest age, s.
    pub age_s: [f64; 2],
    /// By how many standard deviations the data ask for more than the law gives (below 0: for less) at these ages.
    pub z: f64,
}

/// Whether the model describes the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LackOfFit {
    /// Probability of what is seen if the model is right: of the less likely of `p_residuals` and `p_rates`, 1 − (1 − p)².
    pub p: f64,
    /// Probability of mean residuals as large as these; nothing in results without it.
    #[serde(default)]
    pub p_residuals: Option<f64>,
    /// Probability of rates that differ from their laws at some age as much as these; nothing in results without it.
    #[serde(default)]
    pub p_rates: Option<f64>,
    /// Sum of squares of the standardised mean residuals of the cells.
    pub statistic: f64,
    /// What is expected of the statistic if the model is right.
    pub expected: f64,
    /// Pixels of a bin on average that the noise was taken from.
    pub pixels: f64,
    /// Where they come from, one phrase.
    pub pixels_source: String,
    /// The cells, bin by bin.
    pub cells: Vec<ResidualCell>,
    /// The rates, age by age.
    #[serde(default)]
    pub rates: Vec<AgedRate>,
}

/// The fit of the fullest laws, where the data support simpler ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FullLaw {
    /// Parameters by name.
    pub parameters: std::collections::BTreeMap<String, FullParameter>,
    /// Sum of squared residuals.
    pub ssr: f64,
}

/// A parameter of the fullest laws.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FullParameter {
    /// Value.
    pub value: f64,
    /// Standard error; nothing where the data do not determine the parameter.
    pub stderr: Option<f64>,
    /// Unit.
    pub unit: String,
    /// Why there is no standard error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr_absent: Option<String>,
}
