//! The one table of parameters: names, symbols, units, defaults, bounds, priors.

use serde::Serialize;

use crate::prior::Prior;

/// How a parameter is laid out for the optimiser and the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// The parameter itself.
    Linear,
    /// Its natural logarithm; the lower bound must be positive.
    Log,
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
    /// Whether it is fitted where nothing else is said; else it is held at its default.
    pub fitted: bool,
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
    fitted: true,
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
    fitted: true,
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
    fitted: true,
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
    fitted: true,
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
    fitted: true,
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
    fitted: true,
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
    fitted: true,
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
    fitted: true,
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
    fitted: true,
    about: "angle of the flow direction; the shear phase goes with cos(φ − phi0)",
};

/// Parameters of `static`, in order.
pub const STATIC: [ParameterSpec; 3] = [D0, ALPHA, D_OFFSET];

/// Parameters of `laminar_flow`, in order.
pub const LAMINAR_FLOW: [ParameterSpec; 7] =
    [D0, ALPHA, D_OFFSET, GAMMA_DOT_T0, BETA, GAMMA_DOT_T_OFFSET, PHI0];

/// Exponent of the stretched or compressed exponential.
pub const GAMMA: ParameterSpec = ParameterSpec {
    name: "gamma",
    symbol: "γ",
    unit: "–",
    default: 1.0,
    lower: 0.1,
    upper: 3.0,
    scale: Scale::Linear,
    prior: normal(1.0, 0.3),
    fitted: true,
    about: "exponent of exp(−(q²∫J dt)^gamma): 1 for diffusion, below stretched, above compressed",
};

/// Parameters of `kww`, in order.
pub const KWW: [ParameterSpec; 4] = [D0, ALPHA, D_OFFSET, GAMMA];

const fn transport(name: &'static str, symbol: &'static str, about: &'static str) -> ParameterSpec {
    ParameterSpec { name, symbol, default: 1e4, prior: log_normal(1e4), about, ..D0 }
}

const fn exponent(name: &'static str, symbol: &'static str, about: &'static str) -> ParameterSpec {
    ParameterSpec { name, symbol, prior: normal(0.0, 1.0), about, ..ALPHA }
}

/// Exponent of the velocity.
pub const VELOCITY_BETA: ParameterSpec =
    exponent("beta", "β", "exponent of the velocity (v_beta in xpcsjax)");

/// Prefactor of the velocity.
pub const V0: ParameterSpec = ParameterSpec {
    name: "v0",
    symbol: "v₀",
    unit: "Å/s^(1+β)",
    default: 1e3,
    lower: 1e-6,
    upper: 1e5,
    scale: Scale::Log,
    prior: log_normal(1e3),
    fitted: true,
    about: "prefactor of the velocity v(t) = v0·t^beta + v_offset of the sample",
};

/// Constant part of the velocity.
pub const V_OFFSET: ParameterSpec = ParameterSpec {
    name: "v_offset",
    symbol: "v_off",
    unit: "Å/s",
    default: 0.0,
    lower: -1e3,
    upper: 1e3,
    scale: Scale::Linear,
    prior: normal(0.0, 25.0),
    fitted: true,
    about: "constant part of the velocity, may be negative",
};

/// Amplitude of the fraction.
pub const F0: ParameterSpec = ParameterSpec {
    name: "f0",
    symbol: "f₀",
    unit: "–",
    default: 0.5,
    lower: 0.0,
    upper: 1.0,
    scale: Scale::Linear,
    prior: normal(0.5, 0.25),
    fitted: true,
    about: "amplitude of the sample fraction xs(t) = f0·exp(f1 (t − f2)) + f3",
};

/// Rate of the fraction.
pub const F1: ParameterSpec = ParameterSpec {
    name: "f1",
    symbol: "f₁",
    unit: "s⁻¹",
    default: 0.0,
    lower: -10.0,
    upper: 10.0,
    scale: Scale::Linear,
    prior: normal(0.0, 5.0),
    fitted: true,
    about: "rate at which the sample fraction grows, negative when it shrinks; at 0 f0 and f3 cannot be told apart",
};

/// Onset of the fraction.
pub const F2: ParameterSpec = ParameterSpec {
    name: "f2",
    symbol: "f₂",
    unit: "s",
    default: 0.0,
    lower: -1e4,
    upper: 1e4,
    scale: Scale::Linear,
    prior: normal(0.0, 1e3),
    fitted: false,
    about: "time at which the exponential of the sample fraction is 1; held at 0, as f0·exp(−f1·f2) is one number",
};

/// Constant part of the fraction.
pub const F3: ParameterSpec = ParameterSpec {
    name: "f3",
    symbol: "f₃",
    unit: "–",
    default: 0.0,
    lower: -1.0,
    upper: 1.0,
    scale: Scale::Linear,
    prior: normal(0.0, 0.5),
    fitted: true,
    about: "constant part of the sample fraction",
};

/// Parameters of `two_component`, in order.
pub const TWO_COMPONENT: [ParameterSpec; 14] = [
    transport("D0_ref", "D₀ʳ", "prefactor of the transport coefficient of the reference"),
    exponent("alpha_ref", "αʳ", "exponent of the transport coefficient of the reference"),
    ParameterSpec {
        name: "D_offset_ref",
        symbol: "D_offʳ",
        about: "constant part of the transport coefficient of the reference",
        ..D_OFFSET
    },
    transport("D0_sample", "D₀ˢ", "prefactor of the transport coefficient of the sample"),
    exponent("alpha_sample", "αˢ", "exponent of the transport coefficient of the sample"),
    ParameterSpec {
        name: "D_offset_sample",
        symbol: "D_offˢ",
        about: "constant part of the transport coefficient of the sample",
        ..D_OFFSET
    },
    V0,
    VELOCITY_BETA,
    V_OFFSET,
    F0,
    F1,
    F2,
    F3,
    ParameterSpec {
        about: "angle of the flow direction; the phase of the velocity goes with cos(φ − phi0)",
        ..PHI0
    },
];

/// Parameters of `two_decays`, in order.
pub const TWO_DECAYS: [ParameterSpec; 7] = [
    transport("D0_fast", "D₀ᶠ", "prefactor of the transport coefficient of the faster decay"),
    exponent("alpha_fast", "αᶠ", "exponent of the transport coefficient of the faster decay"),
    ParameterSpec {
        name: "D_offset_fast",
        symbol: "D_offᶠ",
        about: "constant part of the transport coefficient of the faster decay",
        ..D_OFFSET
    },
    transport("D0_slow", "D₀ˡ", "prefactor of the transport coefficient of the slower decay"),
    exponent("alpha_slow", "αˡ", "exponent of the transport coefficient of the slower decay"),
    ParameterSpec {
        name: "D_offset_slow",
        symbol: "D_offˡ",
        about: "constant part of the transport coefficient of the slower decay",
        ..D_OFFSET
    },
    ParameterSpec {
        name: "a",
        symbol: "a",
        unit: "–",
        default: 0.5,
        lower: 0.0,
        upper: 1.0,
        scale: Scale::Linear,
        prior: normal(0.5, 0.25),
        fitted: true,
        about: "share of the field that decays fast; the slower decay has 1 − a",
    },
];

/// Exponent of q in the rates of diffusion.
pub const Q_EXPONENT: ParameterSpec = ParameterSpec {
    name: "n",
    symbol: "n",
    unit: "–",
    default: 2.0,
    lower: 0.0,
    upper: 4.0,
    scale: Scale::Linear,
    prior: normal(2.0, 0.5),
    fitted: true,
    about: "exponent of q in the rates, J·(q/q_ref)^(n − 2): 2 for diffusion, 1 for ballistic motion",
};

/// `specs` with [`Q_EXPONENT`] behind them.
const fn with_q_exponent<const P: usize, const Q: usize>(
    specs: &[ParameterSpec; P],
) -> [ParameterSpec; Q] {
    let mut all = [Q_EXPONENT; Q];
    let mut k = 0;
    while k < P {
        all[k] = specs[k];
        k += 1;
    }
    all
}

/// [`STATIC`] with an exponent of q.
pub const STATIC_OVER_Q: [ParameterSpec; 4] = with_q_exponent(&STATIC);
/// [`LAMINAR_FLOW`] with an exponent of q.
pub const LAMINAR_FLOW_OVER_Q: [ParameterSpec; 8] = with_q_exponent(&LAMINAR_FLOW);
/// [`TWO_COMPONENT`] with an exponent of q.
pub const TWO_COMPONENT_OVER_Q: [ParameterSpec; 15] = with_q_exponent(&TWO_COMPONENT);
/// [`KWW`] with an exponent of q.
pub const KWW_OVER_Q: [ParameterSpec; 5] = with_q_exponent(&KWW);
/// [`TWO_DECAYS`] with an exponent of q.
pub const TWO_DECAYS_OVER_Q: [ParameterSpec; 8] = with_q_exponent(&TWO_DECAYS);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_lie_inside_bounds_and_log_bounds_are_positive() {
        for spec in LAMINAR_FLOW
            .iter()
            .chain(&TWO_COMPONENT)
            .chain(&KWW)
            .chain(&TWO_DECAYS)
            .chain(&[CONTRAST, OFFSET])
        {
            assert!(spec.lower < spec.upper, "{}", spec.name);
            assert!((spec.lower..=spec.upper).contains(&spec.default), "{}", spec.name);
            assert!(spec.scale == Scale::Linear || spec.lower > 0.0, "{}", spec.name);
        }
    }
}
