//! Vectors of f64 and the choice of the instruction set at run time.
//!
//! A kernel is one generic body over [`Isa`]; [`dispatch`] runs it compiled for the best
//! instruction set of the machine. The token of an instruction set can only be had inside
//! `dispatch`, after the processor was asked, so that its methods are safe to call.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use std::fmt;
use std::sync::OnceLock;

/// Number of f64 in a [`Lane8`], the unit in which tiles are laid out. Every instruction
/// set's vector divides it.
pub const WIDTH: usize = 8;

/// Eight f64 on one cache line.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub struct Lane8(pub [f64; WIDTH]);

impl Lane8 {
    /// Eight zeros.
    pub const ZERO: Self = Self([0.0; WIDTH]);
}

/// An instruction set: a token with the operations on its vectors.
///
/// All operations are lane-wise and IEEE 754 in round to nearest; `fma` rounds once where
/// [`Isa::FUSED`] is true and twice otherwise.
pub trait Isa: Copy {
    /// A vector of [`Isa::LANES`] f64.
    type V: Copy;
    /// One truth value a lane.
    type M: Copy;
    /// Lanes of a vector; divides [`WIDTH`].
    const LANES: usize;
    /// Whether `fma` is fused.
    const FUSED: bool;
    /// Vector registers.
    const REGISTERS: usize;

    /// `x` in every lane.
    fn splat(self, x: f64) -> Self::V;
    /// The `LANES` values from `source[at]` on.
    ///
    /// # Panics
    /// When they reach past the end.
    fn load(self, source: &[f64], at: usize) -> Self::V;
    /// The `LANES` values of `source` from lane `at` on, `at` a multiple of `LANES`.
    fn load8(self, source: &Lane8, at: usize) -> Self::V;
    /// Writes to lane `at` of `target` on, `at` a multiple of `LANES`.
    fn store8(self, v: Self::V, target: &mut Lane8, at: usize);
    /// The `LANES` 32-bit values from `source[at]` on, widened.
    ///
    /// # Panics
    /// When they reach past the end.
    fn widen(self, source: &[f32], at: usize) -> Self::V;
    /// Asks for the cache line of `source[at]`, which may lie past the end.
    fn prefetch(self, source: &[f32], at: usize);
    /// `a + b`
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a − b`
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a · b`
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a / b`
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a · b + c`
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `c − a · b`
    fn fnma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The greater of both; `b` where `a` is not a number.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// Square root.
    fn sqrt(self, a: Self::V) -> Self::V;
    /// `a < b`
    fn lt(self, a: Self::V, b: Self::V) -> Self::M;
    /// `yes` where the mask holds, else `no`.
    fn select(self, mask: Self::M, yes: Self::V, no: Self::V) -> Self::V;
    /// Whether the mask holds in every lane.
    fn all(self, mask: Self::M) -> bool;
    /// Whether the mask holds in any lane.
    fn any(self, mask: Self::M) -> bool;
    /// Whether bit `bit` of the 64-bit pattern is set.
    fn bit_set(self, a: Self::V, bit: u32) -> Self::M;
    /// Adds `by` to the 64-bit pattern, wrapping.
    fn bits_add(self, a: Self::V, by: u64) -> Self::V;
    /// Shifts the 64-bit pattern left by `N`.
    fn bits_shl<const N: u32>(self, a: Self::V) -> Self::V;
    /// Shifts the 64-bit pattern right by `N`, zeros coming in.
    fn bits_shr<const N: u32>(self, a: Self::V) -> Self::V;
    /// `a` with its sign changed where bit 1 of the pattern of `q` is set.
    fn negate_if_bit1(self, a: Self::V, q: Self::V) -> Self::V;
}

/// A computation with one body for all instruction sets. Implementations of `run` must be
/// `#[inline(always)]`, and so must everything in it that takes the token.
pub trait Kernel {
    /// What it returns.
    type Output;
    /// The body.
    fn run<S: Isa>(self, isa: S) -> Self::Output;
}

/// An instruction set that this machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level(Set);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
}

impl Level {
    /// The best instruction set of this machine.
    pub fn best() -> Self {
        static BEST: OnceLock<Level> = OnceLock::new();
        *BEST.get_or_init(|| Self::available()[0])
    }

    /// All instruction sets of this machine that have kernels, best first.
    pub fn available() -> Vec<Self> {
        let mut levels = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if avx512::detected() {
                levels.push(Self(Set::Avx512));
            }
            if avx2::detected() {
                levels.push(Self(Set::Avx2));
            }
        }
        levels.push(Self(Set::Portable));
        levels
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => "avx2+fma",
            Set::Portable => "portable",
        })
    }
}

/// Runs `kernel` compiled for the instruction set of `level`.
#[inline]
pub fn dispatch<K: Kernel>(level: Level, kernel: K) -> K::Output {
    match level.0 {
        #[cfg(target_arch = "x86_64")]
        Set::Avx512 => avx512::run(kernel),
        #[cfg(target_arch = "x86_64")]
        Set::Avx2 => avx2::run(kernel),
        Set::Portable => kernel.run(portable::Portable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sum<'a>(&'a [f64]);
    impl Kernel for Sum<'_> {
        type Output = f64;
        #[inline(always)]
        fn run<S: Isa>(self, s: S) -> f64 {
            let mut total = s.splat(0.0);
            for at in (0..self.0.len()).step_by(S::LANES) {
                total = s.add(total, s.load(self.0, at));
            }
            let mut out = Lane8::ZERO;
            s.store8(total, &mut out, 0);
            out.0.iter().sum()
        }
    }

    #[test]
    fn every_level_computes() {
        let x: Vec<f64> = (0..64).map(f64::from).collect();
        for level in Level::available() {
            assert_eq!(dispatch(level, Sum(&x)), 2016.0, "{level}");
        }
    }

    struct Bits;
    impl Kernel for Bits {
        type Output = Vec<f64>;
        #[inline(always)]
        fn run<S: Isa>(self, s: S) -> Vec<f64> {
            let mut out = Lane8::ZERO;
            let one = s.splat(1.0);
            let two = s.bits_add(s.splat(f64::from_bits(1)), 1);
            let cases = [
                s.negate_if_bit1(one, two),
                s.negate_if_bit1(one, s.splat(f64::from_bits(5))),
                s.select(s.bit_set(two, 1), one, s.splat(2.0)),
                s.select(s.bit_set(two, 0), one, s.splat(2.0)),
                s.bits_shl::<52>(s.splat(f64::from_bits(1023))),
                s.bits_shl::<52>(s.bits_shr::<52>(s.splat(8.5))),
                s.max(s.splat(f64::NAN), one),
                s.widen(&[1.5; 8], 0),
                s.fnma(one, s.splat(3.0), s.splat(5.0)),
                s.sqrt(s.splat(9.0)),
                s.div(one, s.splat(4.0)),
            ];
            cases
                .iter()
                .map(|v| {
                    s.store8(*v, &mut out, 0);
                    out.0[S::LANES - 1]
                })
                .collect()
        }
    }

    #[test]
    fn every_level_agrees_on_bit_operations() {
        for level in Level::available() {
            let expected = [-1.0, 1.0, 1.0, 2.0, 1.0, 8.0, 1.0, 1.5, 2.0, 3.0, 0.25];
            assert_eq!(dispatch(level, Bits), expected, "{level}");
        }
    }
}
