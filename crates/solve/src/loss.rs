//! Loss functions of the residuals, as SciPy defines them.

/// A loss ρ(z) of the squared scaled residual z.
///
/// **Formula.**
///
/// | loss | ρ(z) | ρ'(z) |
/// |---|---|---|
/// | linear | z | 1 |
/// | soft_l1 | 2(√(1+z) − 1) | 1/√(1+z) |
/// | huber | z for z ≤ 1, else 2√z − 1 | 1 for z ≤ 1, else 1/√z |
/// | cauchy | ln(1+z) | 1/(1+z) |
/// | arctan | arctan z | 1/(1+z²) |
///
/// **Symbols.** z ≥ 0, pure number.
///
/// **Edges.** All are z + O(z²) at 0 and are computed without cancellation there. Every ρ is concave
/// in z, so a step with fixed weights ρ' never raises the cost of a linear problem.
///
/// **Source.** SciPy, `scipy.optimize.least_squares`, parameter `loss`; no deviation.
///
/// **Checked by** `values_and_weights_are_those_of_scipy`, `weights_are_derivatives`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loss {
    /// Ordinary least squares.
    Linear,
    /// Smooth approximation of the absolute value.
    SoftL1,
    /// Quadratic in the middle, absolute value outside.
    Huber,
    /// Grows with the logarithm.
    Cauchy,
    /// Bounded: an outlier costs at most π/2.
    Arctan,
}

impl Loss {
    /// ρ(z).
    #[inline]
    pub fn rho(self, z: f64) -> f64 {
        match self {
            Self::Linear => z,
            Self::SoftL1 => 2.0 * z / ((1.0 + z).sqrt() + 1.0),
            Self::Huber if z <= 1.0 => z,
            Self::Huber => 2.0 * z.sqrt() - 1.0,
            Self::Cauchy => z.ln_1p(),
            Self::Arctan => z.atan(),
        }
    }

    /// ρ'(z).
    #[inline]
    pub fn weight(self, z: f64) -> f64 {
        match self {
            Self::Linear => 1.0,
            Self::SoftL1 => (1.0 + z).sqrt().recip(),
            Self::Huber if z <= 1.0 => 1.0,
            Self::Huber => z.sqrt().recip(),
            Self::Cauchy => (1.0 + z).recip(),
            Self::Arctan => (1.0 + z * z).recip(),
        }
    }
}

/// A loss with the residual at which it begins to differ from least squares.
///
/// **Formula.** Cost $\frac12 f^2 \sum_k \rho(w_k r_k^2/f^2)$; the weight that enters the Gram matrix is
/// $w_k\,\rho'(w_k r_k^2/f^2)$.
///
/// **Symbols.** r: residual, pure number; w: weight of the pair, 1 where nothing else is said;
/// f: `f_scale`, in the unit of √w·r, positive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Robust {
    /// The loss.
    pub loss: Loss,
    /// Residual f at which it begins to differ from least squares; positive.
    pub f_scale: f64,
}

impl Robust {
    /// Cost ½ f² ρ(w r²/f²) of one pair.
    #[inline]
    pub fn cost(self, residual: f64, weight: f64) -> f64 {
        0.5 * self.f_scale * self.f_scale * self.loss.rho(self.argument(residual, weight))
    }

    /// Weight w ρ'(w r²/f²) of one pair in the Gram matrix.
    #[inline]
    pub fn weight(self, residual: f64, weight: f64) -> f64 {
        weight * self.loss.weight(self.argument(residual, weight))
    }

    fn argument(self, residual: f64, weight: f64) -> f64 {
        let scaled = residual / self.f_scale;
        weight * scaled * scaled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOSSES: [Loss; 5] = [Loss::Linear, Loss::SoftL1, Loss::Huber, Loss::Cauchy, Loss::Arctan];

    #[test]
    #[expect(clippy::approx_constant, reason = "the numbers are quoted as SciPy printed them")]
    fn values_and_weights_are_those_of_scipy() {
        // SciPy 1.17.1, reference/solve/least_squares.py: (ρ, ρ') at z.
        let z = [0.0, 0.25, 1.0, 4.0, 100.0];
        let soft_l1 = [
            (0.0, 1.0),
            (0.2360679774997898, 0.8944271909999159),
            (0.8284271247461903, 0.7071067811865476),
            (2.4721359549995796, 0.4472135954999579),
            (18.09975124224178, 0.09950371902099892),
        ];
        let huber = [(0.0, 1.0), (0.25, 1.0), (1.0, 1.0), (3.0, 0.5), (19.0, 0.1)];
        let cauchy = [
            (0.0, 1.0),
            (0.22314355131420976, 0.8),
            (0.6931471805599453, 0.5),
            (1.6094379124341003, 0.2),
            (4.61512051684126, 0.009900990099009901),
        ];
        let arctan = [
            (0.0, 1.0),
            (0.24497866312686414, 0.9411764705882353),
            (0.7853981633974483, 0.5),
            (1.3258176636680326, 0.058823529411764705),
            (1.5607966601082315, 9.999000099990002e-05),
        ];
        for (loss, table) in LOSSES[1..].iter().zip([soft_l1, huber, cauchy, arctan]) {
            for (z, (rho, weight)) in z.iter().zip(table) {
                assert!((loss.rho(*z) - rho).abs() <= 4e-15 * (1.0 + rho), "{loss:?} {z}");
                assert!((loss.weight(*z) - weight).abs() <= 1e-15, "{loss:?} {z}");
            }
        }
    }

    #[test]
    fn small_arguments_do_not_cancel() {
        for loss in LOSSES {
            assert!((loss.rho(1e-20) / 1e-20 - 1.0).abs() < 1e-15, "{loss:?}");
        }
    }

    #[test]
    fn weights_are_derivatives() {
        for loss in LOSSES {
            for z in [1e-3, 0.3, 0.999, 1.5, 7.0, 300.0] {
                let h = 1e-5 * z;
                let slope = (loss.rho(z + h) - loss.rho(z - h)) / (2.0 * h);
                assert!((slope - loss.weight(z)).abs() < 1e-9 * (1.0 + slope), "{loss:?} {z}");
            }
        }
    }

    #[test]
    fn the_scale_enters_cost_and_weight() {
        let robust = Robust { loss: Loss::Cauchy, f_scale: 0.5 };
        // w r²/f² = 2·1/0.25 = 8.
        assert!((robust.cost(1.0, 2.0) - 0.125 * 9f64.ln()).abs() < 1e-15);
        assert!((robust.weight(-1.0, 2.0) - 2.0 / 9.0).abs() < 1e-15);
    }
}
