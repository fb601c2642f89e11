//! What follows from the parameters: functions of time and single quantities.

use serde::Serialize;

/// A function of time with its band.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CurveResult {
    /// Name (`J`, `gamma_dot`, `v`, `xs`, …).
    pub name: String,
    /// Symbol for pictures.
    #[serde(skip)]
    pub symbol: String,
    /// Unit.
    pub unit: String,
    /// Times, s.
    pub t_s: Vec<f64>,
    /// Values.
    pub value: Vec<f64>,
    /// Standard errors by the delta method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr: Option<Vec<f64>>,
    /// Why there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr_absent: Option<String>,
}

/// A quantity that follows from the parameters.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quantity {
    /// Name.
    pub name: String,
    /// What it is, one phrase.
    pub about: String,
    /// Value.
    pub value: f64,
    /// Standard error by the delta method.
    pub stderr: Option<f64>,
    /// Unit.
    pub unit: String,
    /// Why there is no standard error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr_absent: Option<String>,
}
