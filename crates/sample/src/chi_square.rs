//! The χ² distribution: its upper tail and the quantiles of it.

/// Chance that a χ² variable of some degrees of freedom exceeds `x`.
///
/// **Formula** $Q(n/2, x/2)$, the regularised upper incomplete gamma function: below $x/2 = n/2 + 1$ the series of
/// $P = 1 - Q$, $P(a, y) = \frac{y^a e^{-y}}{\Gamma(a)} \sum_k \frac{y^k}{a(a+1)\cdots(a+k)}$; above it the continued
/// fraction $Q(a, y) = \frac{y^a e^{-y}}{\Gamma(a)} \frac{1}{y+1-a-} \frac{1(1-a)}{y+3-a-} \frac{2(2-a)}{y+5-a-}\cdots$.
/// Relative error some 1e-16·(n + x), from the exponent; below 1e-12 up to a thousand degrees.
///
/// | symbol | meaning |
/// |---|---|
/// | x | value of the variable, no unit |
/// | n | degrees of freedom, at least 1 |
///
/// **Edges** 1 at and below 0, 0 at ∞, NaN for NaN. **Cost** terms of the order of 10·√n at most.
/// **Source** NIST Handbook of Mathematical Functions (2010), equation 8.7.1 and the even part of 8.9.2. **Checked by**
/// `tails_are_those_of_scipy`.
///
/// # Panics
/// With 0 degrees.
#[track_caller]
pub fn upper_tail(x: f64, degrees: usize) -> f64 {
    tails(x, degrees).upper
}

/// Value that a χ² variable of some degrees of freedom exceeds with chance `p`.
///
/// **Formula** the root of [`upper_tail`] = p, bisected to the last bit; above p = 1/2 of the lower tail, so that
/// neither end loses digits. **Symbols** as there; p in 0 to 1. **Edges** 0 at p = 1, ∞ at p = 0, NaN outside.
/// **Cost** some 60 tails, more where the root is far below 1. **Checked by** `quantiles_are_those_of_scipy`.
///
/// # Panics
/// With 0 degrees.
#[track_caller]
pub fn upper_quantile(p: f64, degrees: usize) -> f64 {
    assert!(degrees > 0, "at least one degree of freedom");
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p == 0.0 {
        return f64::INFINITY;
    }
    let is_below = |x: f64| {
        let tails = tails(x, degrees);
        if p > 0.5 { tails.lower < 1.0 - p } else { tails.upper > p }
    };
    let (mut low, mut high) = (0.0, degrees as f64);
    while is_below(high) {
        (low, high) = (high, 2.0 * high);
    }
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return if p == 1.0 { 0.0 } else { high };
        }
        if is_below(middle) { low = middle } else { high = middle }
    }
}

/// Both tails, each with its own digits where it is the small one.
struct Tails {
    lower: f64,
    upper: f64,
}

#[track_caller]
fn tails(x: f64, degrees: usize) -> Tails {
    assert!(degrees > 0, "at least one degree of freedom");
    let (a, y) = (0.5 * degrees as f64, 0.5 * x);
    if y.is_nan() {
        return Tails { lower: f64::NAN, upper: f64::NAN };
    }
    if y <= 0.0 {
        return Tails { lower: 0.0, upper: 1.0 };
    }
    if y == f64::INFINITY {
        return Tails { lower: 1.0, upper: 0.0 };
    }
    let front = (a * y.ln() - y - ln_gamma(a)).exp();
    if y < a + 1.0 {
        let lower = (front * series(a, y)).min(1.0);
        Tails { lower, upper: 1.0 - lower }
    } else {
        let upper = (front * fraction(a, y)).min(1.0);
        Tails { lower: 1.0 - upper, upper }
    }
}

/// Σ yᵏ/(a(a+1)…(a+k)). The terms fall faster than any power as soon as k > y − a.
fn series(a: f64, y: f64) -> f64 {
    let (mut term, mut sum, mut n) = (a.recip(), a.recip(), a);
    while term > f64::EPSILON * sum {
        n += 1.0;
        term *= y / n;
        sum += term;
    }
    sum
}

/// The continued fraction by the method of Lentz. All its denominators are positive for y > a + 1.
fn fraction(a: f64, y: f64) -> f64 {
    // More than any case in reach needs; it bounds the loop where rounding would not let it settle.
    const MOST: u32 = 1_000_000;
    let mut b = y + 1.0 - a;
    let (mut c, mut d) = (f64::MAX, b.recip());
    let mut value = d;
    for k in 1..MOST {
        let k = f64::from(k);
        let numerator = -k * (k - a);
        b += 2.0;
        d = (numerator * d + b).recip();
        c = b + numerator / c;
        let factor = c * d;
        value *= factor;
        if (factor - 1.0).abs() < 4.0 * f64::EPSILON {
            break;
        }
    }
    value
}

/// Logarithm of the gamma function for x > 0.
///
/// **Formula** Stirling's series to $x^{-13}$, $(x - \frac12)\ln x - x + \frac12\ln 2\pi + \sum_k c_k x^{1-2k}$, for x ≥ 10, where the
/// first term left out is below 3e-17; below it $\Gamma(x) = \Gamma(x + n)/(x(x+1)\cdots)$. **Source** NIST Handbook, 5.11.1.
/// **Checked by** `gamma_functions_are_factorials`.
pub(crate) fn ln_gamma(x: f64) -> f64 {
    const TERMS: [f64; 7] = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1260.0,
        -1.0 / 1680.0,
        1.0 / 1188.0,
        -691.0 / 360_360.0,
        1.0 / 156.0,
    ];
    let (mut x, mut product) = (x, 1.0);
    while x < 10.0 {
        product *= x;
        x += 1.0;
    }
    let square = (x * x).recip();
    let sum = TERMS.iter().rev().fold(0.0, |sum, c| sum * square + c) / x;
    let half_ln_tau = 0.5 * std::f64::consts::TAU.ln();
    (x - 0.5) * x.ln() - x + half_ln_tau + sum - f64::ln(product)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64, tolerance: f64) {
        let error = (found - expected).abs();
        assert!(error <= tolerance * expected.abs(), "{found} instead of {expected}");
    }

    #[test]
    fn tails_are_those_of_scipy() {
        // SciPy 1.17.1: scipy.stats.chi2.sf(x, n).
        for (x, n, upper) in [
            (0.5, 1, 0.47950012218695337),
            (10.0, 3, 0.01856613546304325),
            (1e-3, 2, 0.9995001249791693),
            (19.0, 19, 0.45683612559196224),
            (60.0, 19, 3.869826300664181e-06),
            (250.0, 60, 4.901747961563307e-25),
            (40.0, 60, 0.9781817824744425),
            (700.0, 5, 4.911986103573117e-149),
            (1000.0, 999, 0.48513148927490146),
        ] {
            close(upper_tail(x, n), upper, 1e-12);
        }
        // scipy.stats.chi2.cdf: the lower tail where the upper one is 1 to all digits.
        close(tails(5.0, 200).lower, 5.612332736244265e-120, 1e-12);
        assert_eq!((upper_tail(0.0, 4), upper_tail(f64::INFINITY, 4)), (1.0, 0.0));
        assert!(upper_tail(f64::NAN, 4).is_nan());
    }

    #[test]
    fn quantiles_are_those_of_scipy() {
        // SciPy 1.17.1: scipy.stats.chi2.isf(p, n).
        for (p, n, x) in [
            (0.5, 1, 0.4549364231195724),
            (1e-4, 3, 21.10751346616021),
            (1e-4 / 8.0, 3, 25.438687199573376),
            (1e-4 / 8.0, 60, 117.72929635501052),
            (0.999, 10, 1.4787434638356654),
            (0.999999999, 2, 1.999999944436134e-09),
            (1e-200, 4, 933.3295406707144),
            (0.05, 1000, 1074.679448803441),
        ] {
            close(upper_quantile(p, n), x, 1e-12);
        }
        assert_eq!((upper_quantile(1.0, 3), upper_quantile(0.0, 3)), (0.0, f64::INFINITY));
        assert!(upper_quantile(1.1, 3).is_nan() && upper_quantile(f64::NAN, 3).is_nan());
    }

    #[test]
    fn gamma_functions_are_factorials() {
        let mut factorial = 0.0;
        for n in 1..200 {
            // Γ(n) = (n − 1)!; near its zeros at 1 and 2 the error is absolute.
            let error = ln_gamma(f64::from(n)) - factorial;
            assert!(error.abs() < 5e-15 * f64::max(factorial, 1.0), "{n}: {error}");
            factorial += f64::from(n).ln();
        }
        close(ln_gamma(0.5), 0.5 * std::f64::consts::PI.ln(), 1e-14);
    }
}
