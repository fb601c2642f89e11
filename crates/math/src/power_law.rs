//! Powers of the times of a grid, from their logarithms.

use crate::elementary::{EXP_LIMIT, exp};
use crate::simd::{Isa, Kernel, Lane8, Level, WIDTH, dispatch};

/// Writes t^a for every t, given ln t.
///
/// **Formula** t^a = exp(a ln t). **Symbols** `ln_t`: N values; `a` a pure number; the unit of
/// the result is s^a. **Edges** |a ln t| is clamped to 700, where t^a is beyond 10^±304.
/// **Cost** one exp a value; relative error at most (2 + |a ln t|)·1.2·10⁻¹⁶.
/// **Checked by** `tests::agrees_with_powf`.
///
/// # Panics
/// When the lengths differ.
pub fn powers(level: Level, ln_t: &[Lane8], a: f64, out: &mut [Lane8]) {
    assert_eq!(ln_t.len(), out.len(), "length of logarithms and powers");
    dispatch(level, Powers { ln_t, a, out });
}

struct Powers<'a> {
    ln_t: &'a [Lane8],
    a: f64,
    out: &'a mut [Lane8],
}

impl Kernel for Powers<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Isa>(self, s: S) {
        let a = s.splat(self.a);
        let limit = s.splat(EXP_LIMIT);
        for (l, out) in self.ln_t.iter().zip(self.out) {
            for at in (0..WIDTH).step_by(S::LANES) {
                let x = s.max(s.mul(a, s.load8(l, at)), s.splat(-EXP_LIMIT));
                let x = s.select(s.lt(x, limit), x, limit);
                s.store8(exp(s, x), out, at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_powf() {
        let times: [f64; 8] = [5e-4, 0.05, 0.1, 0.9, 1.0, 17.3, 400.0, 1e5];
        for level in Level::available() {
            for a in [-2.0, -1.327, -0.4, 0.0, 0.3, 1.0, 2.0] {
                let mut out = [Lane8::ZERO];
                powers(level, &[Lane8(times.map(f64::ln))], a, &mut out);
                for (t, p) in times.iter().zip(out[0].0) {
                    let exact = t.powf(a);
                    let bound = (2.0 + (a * t.ln()).abs()) * 1.2e-16 * exact;
                    assert!((p - exact).abs() <= bound, "{level} {t}^{a}: {p} and {exact}");
                }
            }
        }
    }
}
