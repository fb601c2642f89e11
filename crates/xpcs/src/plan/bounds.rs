//! Bounds of the parameters where nobody gives any: what the data can see, with decades to spare.

use dyne_xpcs_model::{ParameterSpec, TimeGrid};

/// A decay by exp(−10) within a frame cannot be told from a faster one.
const FASTEST: f64 = 10.0;

/// A decay by a thousandth over the whole series cannot be told from none.
const SLOWEST: f64 = 1e-3;

/// Phases a frame, rad, far beyond what is told from others.
const TURNS: f64 = 10.0 * std::f64::consts::PI;

/// Room beyond what is seen, as a factor.
const SPARE: f64 = 100.0;

/// What bounds hang on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// Smallest and largest q, Å⁻¹.
    pub(super) q: [f64; 2],
    /// Gap, Å; 0 without shear.
    pub(super) gap: f64,
    /// Time between frames, s.
    pub(super) dt: f64,
    /// From the first frame to the last, s.
    pub(super) duration: f64,
    /// First and last time of the rates, s.
    pub(super) times: [f64; 2],
}

impl Seen {
    /// By bins of these q on a time grid.
    pub(super) fn of(
        q: impl Iterator<Item = f64> + Clone,
        gap: f64,
        grid: &TimeGrid,
        dt: f64,
    ) -> Self {
        let times = grid.times();
        let ends = [times.first(), times.last()].map(|t| t.copied().unwrap_or(dt));
        Self {
            q: [q.clone().fold(f64::INFINITY, f64::min), q.fold(0.0, f64::max)],
            gap,
            dt,
            duration: dt * (times.len().max(2) - 1) as f64,
            times: ends.map(|t| t.max(dt)),
        }
    }

    /// Slowest and fastest value that matters, of a rate that enters as `scale`·rate·time.
    fn visible(&self, [least, largest]: [f64; 2], fastest: f64) -> [f64; 2] {
        [SLOWEST / (largest * self.duration), fastest / (least * self.dt)]
    }
}

/// Lower and upper bound of a parameter.
///
/// **Formula.** J is seen from $10^{-3}/(q_{max}^2T)$ to $10/(q_{min}^2\,dt)$, a shear rate up to the phase
/// $\frac12 q\,h\,\dot\gamma\,dt = 10\pi$, a velocity up to $q\,v\,dt = 10\pi$, both from a phase of $10^{-3}$ over the
/// series. A prefactor has a hundred times as much room on both sides, and more by the first and the last
/// time to the power 1, as it is the rate at 1 s; a constant part lies between plus and minus a
/// hundredth of the fastest.
/// No bound is narrower than that of the table.
///
/// **Symbols.** T: duration of the series; h: gap. **Edges** Without a gap the shear rate keeps the bounds of
/// the table. **Checked by** the tests of this file.
pub(super) fn bounds(spec: &ParameterSpec, seen: &Seen) -> [f64; 2] {
    let [q, most] = seen.q;
    let table = [spec.lower, spec.upper];
    let [slow, fast] = match spec.name {
        "D0" | "D0_ref" | "D0_sample" | "D_offset" | "D_offset_ref" | "D_offset_sample" => {
            seen.visible([q * q, most * most], FASTEST)
        }
        "gamma_dot_t0" | "gamma_dot_t_offset" if seen.gap > 0.0 => {
            seen.visible([q * seen.gap / 2.0, most * seen.gap / 2.0], TURNS)
        }
        "v0" | "v_offset" => seen.visible([q, most], TURNS),
        _ => return table,
    };
    let [lower, upper] = match spec.scale {
        dyne_xpcs_model::Scale::Log => {
            let [first, last] = seen.times;
            [slow / SPARE / last.max(1.0), fast * SPARE / first.min(1.0)]
        }
        // No more room than is of use: prefactor and constant part cancel along a flat valley.
        dyne_xpcs_model::Scale::Linear => [-fast / SPARE, fast / SPARE],
    };
    let [lower, upper] = [lower.min(table[0]), upper.max(table[1])];
    if lower.is_finite() && upper.is_finite() && (lower > 0.0 || table[0] <= 0.0) {
        [lower, upper]
    } else {
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dyne_xpcs_model::param::{ALPHA, D_OFFSET, D0, GAMMA_DOT_T0, V0};

    fn seen(q: f64, dt: f64, frames: usize) -> Seen {
        Seen::of([q, 2.0 * q].into_iter(), 2e6, &TimeGrid::new(frames, dt, 0.0), dt)
    }

    #[test]
    fn bounds_follow_what_can_be_seen() {
        // Latex in water within milliseconds.
        let fast = seen(0.004, 20e-6, 200);
        let [_, upper] = bounds(&D0, &fast);
        assert!(upper > 1e3 * 1.3e9, "{upper}");
        let [lower, upper] = bounds(&D_OFFSET, &fast);
        assert!(upper > 1e8 && lower == -upper, "{upper}");
        // A glass within hours.
        let [lower, _] = bounds(&D0, &seen(0.01, 10.0, 2000));
        let slowest = 1.0 / (0.02f64.powi(2) * 2e4);
        assert!(lower < 1e-3 * slowest, "{lower}");
        assert!(bounds(&V0, &fast)[1] > 1e7);
    }

    #[test]
    fn no_bound_is_narrower_than_the_table() {
        for (q, dt) in [(1e-4, 1e-6), (0.005, 0.1), (0.5, 100.0)] {
            for spec in [D0, ALPHA, D_OFFSET, GAMMA_DOT_T0, V0] {
                let [lower, upper] = bounds(&spec, &seen(q, dt, 50));
                assert!(lower <= spec.lower && upper >= spec.upper, "{}", spec.name);
            }
        }
        let without = Seen { gap: 0.0, ..seen(0.005, 1e-6, 50) };
        assert_eq!(bounds(&GAMMA_DOT_T0, &without), [GAMMA_DOT_T0.lower, GAMMA_DOT_T0.upper]);
    }
}
