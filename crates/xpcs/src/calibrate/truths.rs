//! The truths that a calibration simulates.

use std::f64::consts::PI;

use dyne_runtime::Stream;
use dyne_runtime::random::Generator;
use dyne_xpcs_model::Mode;
use serde::{Deserialize, Serialize};

use super::Setting;

/// Wave-vector transfer, Å⁻¹.
pub const Q: f64 = 0.0054;
/// Time between frames, s.
pub const FRAME_TIME: f64 = 0.1;
/// Gap between the surfaces, Å.
pub const GAP: f64 = 2.0e6;

/// Azimuths of a mode, degrees.
pub fn azimuths(mode: Mode) -> &'static [f64] {
    match mode {
        Mode::Static | Mode::Kww | Mode::TwoDecays => &[0.0],
        Mode::LaminarFlow => &[0.0, 30.0, 60.0, 90.0],
        _ => &[0.0, 45.0, 90.0],
    }
}

/// How the rates and fractions of a truth change with age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ageing {
    /// Not at all: every exponent is 0.
    None,
    /// By exponents drawn for each trial.
    Drawn,
}

impl Ageing {
    /// Both, with their names.
    pub const ALL: [(&'static str, Self); 2] = [("none", Self::None), ("drawn", Self::Drawn)];

    /// The name.
    pub fn name(self) -> &'static str {
        let named = Self::ALL.into_iter().find(|(_, own)| *own == self);
        named.map_or("drawn", |(name, _)| name)
    }
}

/// Parameters that the fits hold at 0, their true value.
pub(super) const HELD: [&str; 9] = [
    "D_offset",
    "gamma_dot_t_offset",
    "D_offset_ref",
    "D_offset_sample",
    "D_offset_fast",
    "D_offset_slow",
    "v_offset",
    "f2",
    "f3",
];

/// Ratio of the correlation times of two components: closer ones cannot be told apart by name.
const APART: f64 = 3.0;

/// Parameters of trial `number` of a mode, whose rates age as `ageing` says.
///
/// **Rule.** Correlation times τ (m falls to 1/e in the middle of the series) are log-uniform from
/// 2 frames to a quarter of the series, for each rate on its own. J(t) has that rate in the middle;
/// its exponent is uniform in ±0.5, its constant part 0. `laminar_flow`: Φ along the flow reaches π
/// within a time drawn like τ; beta uniform in ±0.5, phi0 uniform in ±10°. `two_component`: the
/// reference is the slower component, by a factor of 3 or more; the phase Ψ along the flow turns once within 6 frames to half the series; f0 from 0.3 to 0.6, f1 ±1
/// over the series, phi0 as above. `kww`: gamma uniform from 0.6 to 1.6. `two_decays`: rates like those
/// of `two_component`, a from 0.3 to 0.7. The constant parts ([`HELD`]) are held at 0 in the fits: next to
/// a free prefactor and exponent such data do not determine them. Without ageing exponents and f1 are 0, and all else
/// is as with it.
pub fn truth(mode: Mode, ageing: Ageing, setting: Setting, number: u64) -> Vec<f64> {
    let stream = Stream::new(setting.seed).split(mode.name()).split("truth").index(number);
    let mut draw = Draw { generator: stream.generator(), frames: setting.frames as f64, ageing };
    match mode {
        Mode::Static => draw.transport().to_vec(),
        Mode::LaminarFlow => {
            let mut theta = draw.transport().to_vec();
            let period = draw.time(2.0, 0.25);
            theta.extend(draw.rate(2.0 * PI / (Q * GAP * period)));
            theta.push(draw.uniform(-10.0, 10.0));
            theta
        }
        Mode::Kww => {
            let mut theta = draw.transport().to_vec();
            theta.push(draw.uniform(0.6, 1.6));
            theta
        }
        Mode::TwoDecays => {
            let [slow, fast] = draw.apart();
            let mut theta = draw.rate(1.0 / (Q * Q * fast)).to_vec();
            theta.extend(draw.rate(1.0 / (Q * Q * slow)));
            theta.push(draw.uniform(0.3, 0.7));
            theta
        }
        _ => {
            let [slow, fast] = draw.apart();
            let mut theta = draw.rate(1.0 / (Q * Q * slow)).to_vec();
            theta.extend(draw.rate(1.0 / (Q * Q * fast)));
            let period = draw.time(6.0, 0.5);
            theta.extend(draw.rate(2.0 * PI / (Q * period)));
            let duration = draw.frames * FRAME_TIME;
            theta.extend([draw.uniform(0.3, 0.6), draw.exponent(1.0) / duration]);
            theta.extend([0.0, 0.0, draw.uniform(-10.0, 10.0)]);
            theta
        }
    }
}

struct Draw {
    generator: Generator,
    frames: f64,
    ageing: Ageing,
}

impl Draw {
    fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.generator.uniform()
    }

    /// A time, s, log-uniform from a number of frames to a share of the series.
    fn time(&mut self, frames: f64, share: f64) -> f64 {
        let ratio = share * self.frames / frames;
        FRAME_TIME * frames * ratio.powf(self.generator.uniform())
    }

    /// An exponent of up to this size either way; drawn in any case, so that what is drawn next is the same.
    fn exponent(&mut self, most: f64) -> f64 {
        let drawn = self.uniform(-most, most);
        match self.ageing {
            Ageing::None => 0.0,
            Ageing::Drawn => drawn,
        }
    }

    /// Prefactor, exponent and constant part (none) of a rate of this size in the middle of the
    /// series.
    fn rate(&mut self, size: f64) -> [f64; 3] {
        let exponent = self.exponent(0.5);
        let middle = 0.5 * self.frames * FRAME_TIME;
        [size / middle.powf(exponent), exponent, 0.0]
    }

    /// Two times at least [`APART`] times different, the longer one first.
    fn apart(&mut self) -> [f64; 2] {
        loop {
            let (a, b) = (self.time(2.0, 0.25), self.time(2.0, 0.25));
            if a.max(b) >= APART * a.min(b) {
                return [a.max(b), a.min(b)];
            }
        }
    }

    fn transport(&mut self) -> [f64; 3] {
        let time = self.time(2.0, 0.25);
        self.rate(1.0 / (Q * Q * time))
    }
}
