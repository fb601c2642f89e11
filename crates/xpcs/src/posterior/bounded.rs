//! A variable without bounds for one with bounds.

/// Width of the ends of an interval, as a share of its length.
const END: f64 = 1.0 / 40.0;

/// An interval (l, h) as the image of all numbers: nearly the identity inside, and bent towards the bounds near
/// them, so that what is straight in x is straight in v.
///
/// **Formula** $x = l + s\,[\mathrm{sp}((v - l)/s) - \mathrm{sp}((v - h)/s)]$ with $\mathrm{sp}(a) = \ln(1 + e^a)$ and
/// s a fortieth of h − l; the inverse is in closed form. **Edges** x is inside the interval for any v, but for
/// rounding. **Checked by** `values_come_back`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bounded {
    pub(super) low: f64,
    pub(super) high: f64,
}

fn softplus(a: f64) -> f64 {
    a.max(0.0) + (-a.abs()).exp().ln_1p()
}

fn logistic(a: f64) -> f64 {
    let e = (-a.abs()).exp();
    if a > 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) }
}

impl Bounded {
    fn end(self) -> f64 {
        (self.high - self.low) * END
    }

    /// Distances of v from the bounds in widths of an end.
    fn distances(self, v: f64) -> (f64, f64) {
        ((v - self.low) / self.end(), (v - self.high) / self.end())
    }

    pub(super) fn x(self, v: f64) -> f64 {
        let (a, b) = self.distances(v);
        // From the nearer bound, where a difference would lose the digits.
        match a + b < 0.0 {
            true => self.low + self.end() * (softplus(a) - softplus(b)),
            false => self.high - self.end() * (softplus(-b) - softplus(-a)),
        }
    }

    /// v of an x; one on a bound or beyond counts as a ten-thousandth of the interval inside.
    pub(super) fn v(self, x: f64) -> f64 {
        let all = 1.0 / END;
        let y = ((x - self.low) / self.end()).clamp(1e-4 * all, (1.0 - 1e-4) * all);
        let a = y + (-(-y).exp()).ln_1p() - (-(y - all).exp()).ln_1p();
        self.low + self.end() * a
    }

    /// dx/dv.
    pub(super) fn slope(self, v: f64) -> f64 {
        self.ln_slope(v).0.exp()
    }

    /// ln dx/dv and its derivative by v.
    pub(super) fn ln_slope(self, v: f64) -> (f64, f64) {
        let (a, b) = self.distances(v);
        let length = (-(-1.0 / END).exp()).ln_1p();
        (length - softplus(-a) - softplus(b), (logistic(-a) - logistic(b)) / self.end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn values_come_back(u in 0.001f64..0.999, low in -1e5f64..1e5, length in 1e-3f64..1e6) {
            let bounded = Bounded { low, high: low + length };
            let x = low + u * length;
            let v = bounded.v(x);
            prop_assert!((bounded.x(v) - x).abs() < 1e-9 * length, "{}", bounded.x(v));
            let h = 1e-4 * length;
            let difference = (bounded.x(v + h) - bounded.x(v - h)) / (2.0 * h);
            prop_assert!((bounded.slope(v) - difference).abs() < 1e-4);
            let (up, down) = (bounded.ln_slope(v + h).0, bounded.ln_slope(v - h).0);
            let difference = (up - down) / (2.0 * h) * length;
            let found = bounded.ln_slope(v).1 * length;
            prop_assert!((found - difference).abs() < 1e-3 * (1.0 + difference.abs()));
        }
    }

    #[test]
    fn the_inside_is_straight_and_the_outside_stays_inside() {
        let bounded = Bounded { low: -2.0, high: 2.0 };
        for v in [-1.0, 0.0, 0.3, 1.2] {
            assert!((bounded.x(v) - v).abs() < 1e-4, "{}", bounded.x(v));
        }
        assert!(bounded.x(-40.0) >= -2.0 && bounded.x(40.0) <= 2.0);
        assert!(bounded.x(-2.2) > -2.0 && bounded.ln_slope(-50.0).0 < -400.0);
        assert!(bounded.ln_slope(1e300).0 < -1e200);
    }
}
