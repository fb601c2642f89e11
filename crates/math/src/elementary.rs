//! Exponential, logarithm, sine with cosine, and sin x / x with its derivative, lane by lane.
//!
//! Accuracy is stated in ulp and checked against a table of 50-digit values
//! (`tests/elementary.rs`, `reference/elementary.json`).

use crate::simd::{Isa, Kernel, Lane8, Level, WIDTH, dispatch};

/// Adding and subtracting it rounds to an integer, whose low bits then stand in the pattern.
const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5 · 2^52

/// Arguments of [`exp`] lie within ± this.
pub const EXP_LIMIT: f64 = 700.0;

/// Arguments of [`sincos`] within ± this keep the stated accuracy.
pub const SINCOS_LIMIT: f64 = 1e5;

/// e^x for |x| ≤ [`EXP_LIMIT`], within 1.5 ulp.
///
/// **Formula** x = k ln 2 + r, |r| ≤ ½ ln 2, e^x = 2^k (1 + r + r² q(r)), q of degree 9.
/// **Edges** outside the range the result is meaningless: callers clamp. NaN gives garbage.
/// **Cost** about 20 operations. **Source** argument reduction after Cody and Waite (1980);
/// coefficients: minimax fit on |r| ≤ 0.3466. **Checked by** `tests/elementary.rs::exp`.
#[inline(always)]
pub fn exp<S: Isa>(s: S, x: S::V) -> S::V {
    const Q: [f64; 10] = [
        0.5000000000000001,
        0.16666666666666669,
        0.04166666666662399,
        0.008333333333330051,
        0.0013888888917281794,
        0.00019841269863105968,
        2.480152119021773e-05,
        2.7557268378684192e-06,
        2.7620138719732994e-07,
        2.5100424157005067e-08,
    ];
    // The bias of the exponent rides on the rounding constant.
    let t = s.fma(x, s.splat(std::f64::consts::LOG2_E), s.splat(ROUND + 1023.0));
    let k = s.sub(t, s.splat(ROUND + 1023.0));
    let r = if S::FUSED {
        let r = s.fnma(k, s.splat(std::f64::consts::LN_2), x);
        s.fnma(k, s.splat(2.319_046_813_846_299_6e-17), r)
    } else {
        // A short high part makes k · high exact without a fused operation.
        let r = s.sub(x, s.mul(k, s.splat(6.931_471_803_691_238e-1)));
        s.sub(r, s.mul(k, s.splat(1.908_214_929_270_587_7e-10)))
    };
    let r2 = s.mul(r, r);
    let r4 = s.mul(r2, r2);
    let pair = |i: usize| s.fma(r, s.splat(Q[2 * i + 1]), s.splat(Q[2 * i]));
    let low = s.fma(r2, pair(1), pair(0));
    let high = s.fma(r4, pair(4), s.fma(r2, pair(3), pair(2)));
    let q = s.fma(r4, high, low);
    let p = s.add(s.splat(1.0), s.fma(r2, q, r));
    s.mul(p, s.bits_shl::<52>(t))
}

/// e^x for x ≤ 0, floored at e^−300 ≈ 5·10⁻¹³¹.
///
/// The floor keeps products of two such values and a derivative clear of subnormal numbers,
/// which cost a hundred times an ordinary operation; it is far below any rounding of c2.
/// **Checked by** `tests/elementary.rs::exp`.
#[inline(always)]
pub fn decay<S: Isa>(s: S, x: S::V) -> S::V {
    exp(s, s.max(x, s.splat(-300.0)))
}

/// ln x for normal x > 0, within 2 ulp.
///
/// **Formula** x = 2^k m, √½ ≤ m < √2, r = (m − 1)/(m + 1), ln x = k ln 2 + 2 artanh r with ten
/// terms of the series (|r| ≤ 0.172, truncation under 10⁻¹⁷). **Edges** at 0, below, for subnormal
/// numbers and NaN the result is meaningless: callers clamp. **Cost** about 25 operations and a
/// division. **Checked by** `tests/elementary.rs::ln`.
#[inline(always)]
pub fn ln<S: Isa>(s: S, x: S::V) -> S::V {
    /// 1/(2k + 3): artanh r = r + r³/3 + r⁵/5 + …
    const SERIES: [f64; 10] = [
        1.0 / 3.0,
        1.0 / 5.0,
        1.0 / 7.0,
        1.0 / 9.0,
        1.0 / 11.0,
        1.0 / 13.0,
        1.0 / 15.0,
        1.0 / 17.0,
        1.0 / 19.0,
        1.0 / 21.0,
    ];
    /// Pattern of 2^52, in whose low bits an integer becomes a number.
    const INTEGER: u64 = 0x4330_0000_0000_0000;
    const BIAS: f64 = 1023.0;
    let biased = s.bits_add(s.bits_shr::<52>(x), INTEGER);
    let k = s.sub(biased, s.splat(4_503_599_627_370_496.0 + BIAS));
    let inverse = s.bits_shl::<52>(s.sub(s.splat(ROUND + BIAS), k));
    let m = s.mul(x, inverse);
    let high = s.lt(s.splat(std::f64::consts::SQRT_2), m);
    let m = s.select(high, s.mul(m, s.splat(0.5)), m);
    let k = s.select(high, s.add(k, s.splat(1.0)), k);
    let r = s.div(s.sub(m, s.splat(1.0)), s.add(m, s.splat(1.0)));
    let z = s.mul(r, r);
    let twice = s.add(r, r);
    let low = s.fma(
        k,
        s.splat(1.908_214_929_270_587_7e-10),
        s.mul(s.mul(twice, z), horner(s, z, &SERIES)),
    );
    // The short high part of ln 2 makes k · high exact.
    s.fma(k, s.splat(6.931_471_803_691_238e-1), s.add(twice, low))
}

/// (sin x, cos x), each within 2 ulp for |x| ≤ [`SINCOS_LIMIT`].
///
/// **Formula** x = k π/2 + r, |r| ≤ π/4; odd and even polynomials in r of degree 13 and 14,
/// exchanged and signed by k mod 4.
/// **Edges** beyond the limit the absolute error grows as |x|·2⁻⁶⁰ up to |x| = 2^31 and the
/// values stay bounded; NaN gives NaN. **Cost** about 30 operations.
/// **Source** reduction after Cody and Waite (1980), coefficients of the fdlibm kernels
/// (Sun Microsystems 1993). **Checked by** `tests/elementary.rs::sincos`.
#[inline(always)]
pub fn sincos<S: Isa>(s: S, x: S::V) -> (S::V, S::V) {
    let t = s.fma(x, s.splat(std::f64::consts::FRAC_2_PI), s.splat(ROUND));
    let k = s.sub(t, s.splat(ROUND));
    let r = if S::FUSED { reduce_fused(s, x, k) } else { reduce_split(s, x, k) };
    let z = s.mul(r, r);
    let z2 = s.mul(z, z);
    let z4 = s.mul(z2, z2);
    let sin_r = s.fma(s.mul(z, r), estrin(s, [z, z2, z4], &SIN), r);
    let cos_r = s.fma(z2, estrin(s, [z, z2, z4], &COS), s.fnma(z, s.splat(0.5), s.splat(1.0)));
    let odd = s.bit_set(t, 0);
    let sin = s.select(odd, cos_r, sin_r);
    let cos = s.select(odd, sin_r, cos_r);
    (s.negate_if_bit1(sin, t), s.negate_if_bit1(cos, s.bits_add(t, 1)))
}

/// x − k π/2 with π/2 in three parts of 53 bits. The first difference is exact, since both
/// terms are multiples of 2⁻⁵³ and it is below 1; the others round relative to the result.
#[inline(always)]
fn reduce_fused<S: Isa>(s: S, x: S::V, k: S::V) -> S::V {
    let r = s.fnma(k, s.splat(std::f64::consts::FRAC_PI_2), x);
    let r = s.fnma(k, s.splat(6.123_233_995_736_766e-17), r);
    s.fma(k, s.splat(1.497_384_904_859_183_3e-33), r)
}

/// x − k π/2 with π/2 in three parts of 33 bits: k times the first two is exact for |k| < 2^20.
#[inline(always)]
fn reduce_split<S: Isa>(s: S, x: S::V, k: S::V) -> S::V {
    let r = s.sub(x, s.mul(k, s.splat(1.570_796_326_734_125_6)));
    let r = s.sub(r, s.mul(k, s.splat(6.077_100_506_303_966e-11)));
    s.sub(r, s.mul(k, s.splat(2.022_266_248_795_950_6e-21)))
}

/// (sin r − r)/r³ in powers of r².
const SIN: [f64; 6] = [
    -1.666_666_666_666_663_2e-1,
    8.333_333_333_322_49e-3,
    -1.984_126_982_985_795e-4,
    2.755_731_370_707_006_8e-6,
    -2.505_076_025_340_686_3e-8,
    1.589_690_995_211_55e-10,
];

/// (cos r − 1 + r²/2)/r⁴ in powers of r².
const COS: [f64; 6] = [
    4.166_666_666_666_66e-2,
    -1.388_888_888_887_411e-3,
    2.480_158_728_947_673e-5,
    -2.755_731_435_139_066_3e-7,
    2.087_572_321_298_175e-9,
    -1.135_964_755_778_819_5e-11,
];

/// A polynomial of six coefficients from z, z², z⁴: half as deep as Horner's scheme, so that
/// a processor finds enough to do while it waits for a result.
#[inline(always)]
fn estrin<S: Isa>(s: S, [z, z2, z4]: [S::V; 3], c: &[f64; 6]) -> S::V {
    let pair = |k: usize| s.fma(z, s.splat(c[k + 1]), s.splat(c[k]));
    s.fma(z4, pair(4), s.fma(z2, pair(2), pair(0)))
}

#[inline(always)]
fn horner<S: Isa, const N: usize>(s: S, z: S::V, coefficients: &[f64; N]) -> S::V {
    let mut p = s.splat(coefficients[N - 1]);
    for k in (0..N - 1).rev() {
        p = s.fma(p, z, s.splat(coefficients[k]));
    }
    p
}

/// (sin x / x, its derivative) for |x| ≤ [`SINCOS_LIMIT`]: within 3 ulp and 8 ulp away from
/// their zeros, and within as many ulp of 1 near them.
///
/// **Edges** below |x| = 1 both come from their Taylor series (ten terms, truncation under
/// 10⁻¹⁸), since (cos x − sin x / x)/x cancels like x²/3 there; S(0) = 1, S'(0) = 0.
/// **Cost** 20 operations when all lanes are below 1, about 48 when none is, both otherwise.
/// **Checked by** `tests/elementary.rs::sinc`.
#[inline(always)]
pub fn sinc<S: Isa>(s: S, x: S::V) -> (S::V, S::V) {
    let z = s.mul(x, x);
    let small = s.lt(z, s.splat(1.0));
    if s.all(small) {
        return sinc_series(s, x, z);
    }
    let (sin, cos) = sincos(s, x);
    let inverse = s.div(s.splat(1.0), x);
    let value = s.mul(sin, inverse);
    let slope = s.mul(s.sub(cos, value), inverse);
    if s.any(small) {
        let (near, near_slope) = sinc_series(s, x, z);
        return (s.select(small, near, value), s.select(small, near_slope, slope));
    }
    (value, slope)
}

#[inline(always)]
fn sinc_series<S: Isa>(s: S, x: S::V, z: S::V) -> (S::V, S::V) {
    // (−1)^k / (2k+1)!  and  (−1)^k 2k / (2k+1)! for the derivative over x.
    const VALUE: [f64; 10] = [
        1.0,
        -1.0 / 6.0,
        1.0 / 120.0,
        -1.0 / 5040.0,
        1.0 / 362_880.0,
        -1.0 / 39_916_800.0,
        1.0 / 6_227_020_800.0,
        -1.0 / 1_307_674_368_000.0,
        1.0 / 355_687_428_096_000.0,
        -1.0 / 121_645_100_408_832_000.0,
    ];
    const SLOPE: [f64; 9] = [
        -2.0 / 6.0,
        4.0 / 120.0,
        -6.0 / 5040.0,
        8.0 / 362_880.0,
        -10.0 / 39_916_800.0,
        12.0 / 6_227_020_800.0,
        -14.0 / 1_307_674_368_000.0,
        16.0 / 355_687_428_096_000.0,
        -18.0 / 121_645_100_408_832_000.0,
    ];
    (horner(s, z, &VALUE), s.mul(x, horner(s, z, &SLOPE)))
}

/// Function applied by [`map`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// [`exp`]
    Exp,
    /// [`decay`]
    Decay,
    /// [`ln`]
    Ln,
    /// Sine of [`sincos`].
    Sin,
    /// Cosine of [`sincos`].
    Cos,
    /// Value of [`sinc`].
    Sinc,
    /// Derivative of [`sinc`].
    SincSlope,
}

/// Applies `function` to every element of `x`, which must hold whole vectors.
///
/// # Panics
/// When the lengths differ.
pub fn map(level: Level, function: Function, x: &[Lane8], out: &mut [Lane8]) {
    assert_eq!(x.len(), out.len(), "length of input and output");
    dispatch(level, Map { function, x, out });
}

struct Map<'a> {
    function: Function,
    x: &'a [Lane8],
    out: &'a mut [Lane8],
}

impl Kernel for Map<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Isa>(self, s: S) {
        for (x, out) in self.x.iter().zip(self.out) {
            for at in (0..WIDTH).step_by(S::LANES) {
                let v = s.load8(x, at);
                let y = match self.function {
                    Function::Exp => exp(s, v),
                    Function::Decay => decay(s, v),
                    Function::Ln => ln(s, v),
                    Function::Sin => sincos(s, v).0,
                    Function::Cos => sincos(s, v).1,
                    Function::Sinc => sinc(s, v).0,
                    Function::SincSlope => sinc(s, v).1,
                };
                s.store8(y, out, at);
            }
        }
    }
}
