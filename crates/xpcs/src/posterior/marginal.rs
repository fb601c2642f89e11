//! What one bin adds to the log likelihood: contrast, offset and noise integrated out, or given.

use dyne_math::gram::packed_index;
use dyne_solve::Gram;

use crate::problem::BinSums;

/// Contrast and offset of a bin where they are given, and the logarithm of its noise where that is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Given {
    pub(super) line: Option<Line>,
    pub(super) ln_sigma: Option<f64>,
}

/// Contrast and offset of a bin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    pub(super) contrast: f64,
    pub(super) offset: f64,
}

/// What one bin adds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Term {
    pub(super) value: f64,
    /// By the parameters of the model.
    pub(super) by_theta: Vec<f64>,
    /// By contrast and offset, at fixed θ.
    pub(super) by_line: [f64; 2],
    /// By the logarithm of the noise.
    pub(super) by_ln_sigma: f64,
}

/// Normal prior of contrast and offset, for a noise of the size that the fit has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinePrior {
    /// Mean and standard deviation of the contrast.
    pub contrast: [f64; 2],
    /// Mean and standard deviation of the offset.
    pub offset: [f64; 2],
}

/// Adds a prior of contrast and offset to sums, as pairs that nobody measured.
///
/// **Formula** the prior is $c \sim N(\mu_c, s_c^2\sigma^2/\hat\sigma^2)$, o likewise, which is conjugate to the Gaussian
/// likelihood: with $\Lambda = k\hat\sigma^2/(\lambda s^2)$ it adds $\Lambda_c$ to mm, $\Lambda_c\mu_c$ to my and
/// $\Lambda_c\mu_c^2$ to yy, and the same for 1 and o. **Symbols** σ̂: noise at the fit; λ: weight of the likelihood;
/// k: power of the prior.
pub(super) fn add_prior(sums: &mut BinSums, p: usize, prior: LinePrior, strength: f64, shift: f64) {
    let mut add = |a: usize, b: usize, by: f64| sums.gram[packed_index(p + 3, a, b)] += by;
    let (m, one, y) = (p, p + 1, p + 2);
    let offset = [prior.offset[0] - shift, prior.offset[1]];
    for (row, [mean, sd]) in [(m, prior.contrast), (one, offset)] {
        let precision = strength / (sd * sd);
        add(row, row, precision);
        add(row, y, precision * mean);
        add(y, y, precision * mean * mean);
    }
}

/// Best line of a bin and what it leaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Best {
    pub(super) line: Line,
    /// Determinant of M = (mm, m1; m1, n).
    pub(super) determinant: f64,
    /// Sum of squared residuals.
    pub(super) rest: f64,
}

/// The best line; nothing where m is constant or nothing is left.
pub(super) fn best(gram: &Gram<'_>) -> Option<Best> {
    let (mm, m1, my, n, y1) = (gram.mm(), gram.m1(), gram.my(), gram.n1(), gram.y1());
    let determinant = mm * n - m1 * m1;
    let contrast = (n * my - m1 * y1) / determinant;
    let offset = (mm * y1 - m1 * my) / determinant;
    let line = Line { contrast, offset };
    let rest = gram.yy() - contrast * my - offset * y1;
    (determinant > 0.0 && rest > 0.0).then_some(Best { line, determinant, rest })
}

/// The log likelihood of a bin whose likelihood counts `weight`-fold, with the prior of its line that is in the
/// sums to the power `power`.
///
/// **Formula** with S(c, o) = Σ w (y − c m − o)² of pairs and prior, Ŝ its minimum, M = (mm, m1; m1, n), n pairs of
/// weight λ, N = λn + 2k and k the power: both given −N ln σ − λS/2σ²; noise integrated out under the prior 1/σ:
/// −(N/2) ln S; line integrated out: (2 − N) ln σ − λŜ/2σ² − ½ ln det M; both: −((N − 2)/2) ln Ŝ − ½ ln det M.
/// **Edges** nothing where the line is not determined or S is 0. **Checked by**
/// `integrals_are_those_of_the_given`, `tests/fits/posterior.rs`.
pub(super) fn term(gram: &Gram<'_>, weight: f64, power: f64, given: Given) -> Option<Term> {
    let best = best(gram)?;
    let n = weight * gram.pairs() as f64 + 2.0 * power;
    let (line, rest) = match given.line {
        Some(line) => (line, squares(gram, line)),
        None => (best.line, best.rest),
    };
    let line_freedom = if given.line.is_some() { 0.0 } else { 2.0 };
    // The value as −k S or −k ln S; the slope of either by S, with the sign.
    let (value, slope, by_ln_sigma) = match given.ln_sigma {
        Some(ln_sigma) => {
            let precision = (-2.0 * ln_sigma).exp();
            let half = 0.5 * weight * precision;
            let power = line_freedom - n;
            (power * ln_sigma - half * rest, -half, power + 2.0 * half * rest)
        }
        None => {
            let power = 0.5 * (n - line_freedom);
            (-power * rest.ln(), -power / rest, 0.0)
        }
    };
    let Line { contrast: c, offset: o } = line;
    let of_determinant = given.line.is_none();
    let by = |a: usize| {
        let (dm, d1) = (gram.dm(a), gram.d1(a));
        let of_rest = slope * -2.0 * c * (gram.dy(a) - c * dm - o * d1);
        match of_determinant {
            true => of_rest - (gram.n1() * dm - gram.m1() * d1) / best.determinant,
            false => of_rest,
        }
    };
    let of_line = [
        -2.0 * slope * (gram.my() - c * gram.mm() - o * gram.m1()),
        -2.0 * slope * (gram.y1() - c * gram.m1() - o * gram.n1()),
    ];
    Some(Term {
        value: value - if of_determinant { 0.5 * best.determinant.ln() } else { 0.0 },
        by_theta: (0..gram.shared()).map(by).collect(),
        by_line: of_line,
        by_ln_sigma,
    })
}

/// Σ w (y − c m − o)².
fn squares(gram: &Gram<'_>, Line { contrast: c, offset: o }: Line) -> f64 {
    gram.yy() - 2.0 * (c * gram.my() + o * gram.y1())
        + c * c * gram.mm()
        + 2.0 * c * o * gram.m1()
        + o * o * gram.n1()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gram sums of one parameter whose derivative is a column of its own.
    fn packed() -> Vec<f64> {
        let columns: Vec<[f64; 4]> = (0..40)
            .map(|k| {
                let t = f64::from(k) / 40.0;
                let m = (-3.0 * t).exp();
                [-t * m, m, 1.0, 0.3 * m + 0.02 + 0.05 * (17.0 * t).sin()]
            })
            .collect();
        let mut packed = Vec::new();
        for a in 0..4 {
            for b in a..4 {
                packed.push(columns.iter().map(|c| c[a] * c[b]).sum());
            }
        }
        packed
    }

    /// ln ∫ exp f over [low, high] by the trapezoidal rule.
    fn ln_integral(f: impl Fn(f64) -> f64, low: f64, high: f64) -> f64 {
        let n = 800;
        let at: Vec<f64> =
            (0..=n).map(|k| f(low + (high - low) * f64::from(k) / f64::from(n))).collect();
        let top = at.iter().copied().fold(f64::MIN, f64::max);
        (at.iter().map(|v| (v - top).exp()).sum::<f64>() * (high - low) / f64::from(n)).ln() + top
    }

    #[test]
    fn integrals_are_those_of_the_given() {
        let (packed, weight) = (packed(), 0.4);
        let gram = Gram::try_new(&packed, 1, 40).unwrap();
        let value = |line: Option<Line>, ln_sigma: Option<f64>| {
            term(&gram, weight, 0.3, Given { line, ln_sigma }).unwrap().value
        };
        let Line { contrast, offset } = best(&gram).unwrap().line;
        // Differences between noises tell the integral over lines apart from constants.
        let over_lines = |ln_sigma: f64| {
            ln_integral(
                |c| {
                    let line = |o| Some(Line { contrast: c, offset: o });
                    ln_integral(|o| value(line(o), Some(ln_sigma)), offset - 0.5, offset + 0.5)
                },
                contrast - 0.8,
                contrast + 0.8,
            )
        };
        let (a, b) = (-3.2, -2.8);
        let expected = over_lines(a) - over_lines(b);
        assert!((value(None, Some(a)) - value(None, Some(b)) - expected).abs() < 1e-6);
        // The noise integrated out, with lines given.
        let at = |o: f64| Line { contrast, offset: offset + o };
        let over_noise = |o: f64| ln_integral(|s| value(Some(at(o)), Some(s)), -6.0, 3.0);
        let found = value(Some(at(0.0)), None) - value(Some(at(0.03)), None);
        assert!((found - (over_noise(0.0) - over_noise(0.03))).abs() < 1e-6);
    }

    #[test]
    fn a_prior_counts_as_pairs() {
        let mut sums = BinSums { bin: 0, gram: packed(), cost: 0.0, pairs: 40 };
        let value = |sums: &BinSums, c: f64, o: f64| {
            let gram = Gram::try_new(&sums.gram, 1, 40).unwrap();
            squares(&gram, Line { contrast: c, offset: o })
        };
        let before = |c, o| value(&sums, c, o);
        let expected = |c: f64, o: f64| {
            before(c, o) + 0.7 * (((c - 0.4) / 0.1).powi(2) + ((o - 0.05) / 0.2).powi(2))
        };
        let points = [(0.3, 0.0), (0.5, 0.1), (-0.2, 0.3)];
        let expected = points.map(|(c, o)| expected(c, o));
        let prior = LinePrior { contrast: [0.4, 0.1], offset: [1.05, 0.2] };
        add_prior(&mut sums, 1, prior, 0.7, 1.0);
        for ((c, o), expected) in points.into_iter().zip(expected) {
            assert!((value(&sums, c, o) - expected).abs() < 1e-9);
        }
    }

    #[test]
    fn slopes_are_those_of_the_values() {
        let (packed, weight) = (packed(), 0.7);
        let gram = Gram::try_new(&packed, 1, 40).unwrap();
        let line = Line { contrast: 0.28, offset: 0.03 };
        let at = |dc: f64, d_o: f64, ds: f64| {
            let line = Line { contrast: line.contrast + dc, offset: line.offset + d_o };
            let given = Given { line: Some(line), ln_sigma: Some(-3.0 + ds) };
            term(&gram, weight, 0.3, given).unwrap()
        };
        let (here, h) = (at(0.0, 0.0, 0.0), 1e-6);
        let difference = |up: Term, down: Term| (up.value - down.value) / (2.0 * h);
        for (found, expected) in [
            (here.by_line[0], difference(at(h, 0.0, 0.0), at(-h, 0.0, 0.0))),
            (here.by_line[1], difference(at(0.0, h, 0.0), at(0.0, -h, 0.0))),
            (here.by_ln_sigma, difference(at(0.0, 0.0, h), at(0.0, 0.0, -h))),
        ] {
            assert!(
                (found - expected).abs() < 1e-4 * (1.0 + expected.abs()),
                "{found}, {expected}"
            );
        }
    }
}
