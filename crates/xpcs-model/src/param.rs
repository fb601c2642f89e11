//! The one table of parameters: names, symbols, units, defaults, bounds, priors.

use serde::Serialize;

/// How a parameter is laid out for the optimiser and the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// The parameter itself.
    Linear,
    /// Its natural logarithm; the lower bound must be positive.
    Log,
}

/// Prior distribution, truncated to the bounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Prior {
    /// Normal with this mean and standard deviation.
    Normal {
        /// Mean, in the parameter's unit.
        mean: f64,
        /// Standard deviation, in the parameter's unit.
        sd: f64,
    },
    /// Log-normal: the decimal logarithm is normal around that of `median`.
    LogNormal {
        /// Median, in the parameter's unit.
        median: f64,
        /// Standard deviation of the decimal logarithm.
        decades: f64,
    },
}

/// One row of the parameter table.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ParameterSpec {
    /// Name in configs and results.
    pub name: &'static str,
    /// Symbol in formulas and pictures.
    pub symbol: &'static str,
    /// Unit; `–` for a pure number.
    pub unit: &'static str,
    /// Value used where nothing else is said.
    pub default: f64,
    /// Lower bound.
    pub lower: f64,
    /// Upper bound.
    pub upper: f64,
    /// Layout for the optimiser.
    pub scale: Scale,
    /// Prior distribution.
    pub prior: Prior,
    /// What it is, one sentence.
    pub about: &'static str,
}

const fn normal(mean: f64, sd: f64) -> Prior {
    Prior::Normal { mean, sd }
}

const fn log_normal(median: f64) -> Prior {
    Prior::LogNormal { median, decades: 1.0 }
}

/// Contrast of an angle; linear, profiled out.
pub const CONTRAST: ParameterSpec = ParameterSpec {
    name: "contrast",
    symbol: "c",
    unit: "–",
    default: 0.5,
    lower: 0.0,
    upper: 1.0,
    scale: Scale::Linear,
    prior: normal(0.5, 0.25),
    about: "height of the decay of c2 at one (q, φ) bin; linear, solved for exactly at every step",
};

/// Offset of an angle; linear, profiled out.
pub const OFFSET: ParameterSpec = ParameterSpec {
    name: "offset",
    symbol: "o",
    unit: "–",
    default: 1.0,
    lower: 0.5,
    upper: 1.5,
    scale: Scale::Linear,
    prior: normal(1.0, 0.25),
    about: "baseline of c2 at one (q, φ) bin; linear, solved for exactly at every step",
};

/// Prefactor of the transport coefficient.
pub const D0: ParameterSpec = ParameterSpec {
    name: "D0",
    symbol: "D₀",
    unit: "Å²/s^(1+α)",
    default: 1e3,
    lower: 1.0,
    upper: 1e7,
    scale: Scale::Log,
    prior: log_normal(1e3),
    about: "prefactor of the transport coefficient J(t) = D0·t^alpha + D_offset; for Brownian motion J = 2D",
};

/// Exponent of the transport coefficient.
pub const ALPHA: ParameterSpec = ParameterSpec {
    name: "alpha",
    symbol: "α",
    unit: "–",
    default: 0.0,
    lower: -2.0,
    upper: 2.0,
    scale: Scale::Linear,
    prior: normal(0.0, 0.5),
    about: "exponent of the transport coefficient; 0 for a stationary sample, negative when it slows down",
};

/// Constant part of the transport coefficient.
pub const D_OFFSET: ParameterSpec = ParameterSpec {
    name: "D_offset",
    symbol: "D_off",
    unit: "Å²/s",
    default: 0.0,
    lower: -1e5,
    upper: 1e5,
    scale: Scale::Linear,
    prior: normal(0.0, 1e3),
    about: "constant part of the transport coefficient; hardly told apart from D0 when alpha is near 0",
};

/// Prefactor of the shear rate.
pub const GAMMA_DOT_T0: ParameterSpec = ParameterSpec {
    name: "gamma_dot_t0",
    symbol: "γ̇₀",
    unit: "s^−(1+β)",
    default: 1e-2,
    lower: 1e-6,
    upper: 1.0,
    scale: Scale::Log,
    prior: log_normal(1e-2),
    about: "prefactor of the shear rate γ̇(t) = gamma_dot_t0·t^beta + gamma_dot_t_offset",
};

/// Exponent of the shear rate.
pub const BETA: ParameterSpec = ParameterSpec {
    name: "beta",
    symbol: "β",
    unit: "–",
    default: 0.0,
    lower: -2.0,
    upper: 2.0,
    scale: Scale::Linear,
    prior: normal(0.0, 0.5),
    about: "exponent of the shear rate (not the contrast, which papers also call β)",
};

/// Constant part of the shear rate.
pub const GAMMA_DOT_T_OFFSET: ParameterSpec = ParameterSpec {
    name: "gamma_dot_t_offset",
    symbol: "γ̇_off",
    unit: "s⁻¹",
    default: 0.0,
    lower: -0.1,
    upper: 0.1,
    scale: Scale::Linear,
    prior: normal(0.0, 0.02),
    about: "constant part of the shear rate",
};

/// Direction of flow.
pub const PHI0: ParameterSpec = ParameterSpec {
    name: "phi0",
    symbol: "φ₀",
    unit: "deg",
    default: 0.0,
    lower: -90.0,
    upper: 90.0,
    scale: Scale::Linear,
    prior: normal(0.0, 10.0),
    about: "angle of the flow direction; the shear phase goes with cos(φ − phi0)",
};

/// Parameters of `static`, in order.
pub const STATIC: [ParameterSpec; 3] = [D0, ALPHA, D_OFFSET];

/// Parameters of `laminar_flow`, in order.
pub const LAMINAR_FLOW: [ParameterSpec; 7] =
    [D0, ALPHA, D_OFFSET, GAMMA_DOT_T0, BETA, GAMMA_DOT_T_OFFSET, PHI0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_lie_inside_bounds_and_log_bounds_are_positive() {
        for spec in LAMINAR_FLOW.iter().chain(&[CONTRAST, OFFSET]) {
            assert!(spec.lower < spec.upper, "{}", spec.name);
            assert!((spec.lower..=spec.upper).contains(&spec.default), "{}", spec.name);
            assert!(spec.scale == Scale::Linear || spec.lower > 0.0, "{}", spec.name);
        }
    }
}
