//! Four lanes in plain Rust. Fused where the target has it at compile time (aarch64), two
//! roundings elsewhere, since a fused operation without hardware is a library call.

use super::{Isa, Lane8};

/// Token of the instruction set; needs nothing of the machine.
#[derive(Clone, Copy)]
pub(super) struct Portable;

type V = [f64; 4];

#[inline(always)]
fn zip(a: V, b: V, f: impl Fn(f64, f64) -> f64) -> V {
    [f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3])]
}

impl Isa for Portable {
    type V = V;
    type M = [bool; 4];
    const LANES: usize = 4;
    const FUSED: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));
    const REGISTERS: usize = 16;

    #[inline(always)]
    fn splat(self, x: f64) -> V {
        [x; 4]
    }
    #[inline(always)]
    fn load(self, source: &[f64], at: usize) -> V {
        let s = &source[at..at + 4];
        [s[0], s[1], s[2], s[3]]
    }
    #[inline(always)]
    fn load8(self, source: &Lane8, at: usize) -> V {
        self.load(&source.0, at)
    }
    #[inline(always)]
    fn store8(self, v: V, target: &mut Lane8, at: usize) {
        target.0[at..at + 4].copy_from_slice(&v);
    }
    #[inline(always)]
    fn widen(self, source: &[f32], at: usize) -> V {
        let s = &source[at..at + 4];
        [f64::from(s[0]), f64::from(s[1]), f64::from(s[2]), f64::from(s[3])]
    }
    #[inline(always)]
    fn prefetch(self, _source: &[f32], _at: usize) {}
    #[inline(always)]
    fn add(self, a: V, b: V) -> V {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: V, b: V) -> V {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: V, b: V) -> V {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, a: V, b: V) -> V {
        zip(a, b, |a, b| a / b)
    }
    #[inline(always)]
    fn fma(self, a: V, b: V, c: V) -> V {
        if Self::FUSED {
            let f = |k: usize| a[k].mul_add(b[k], c[k]);
            [f(0), f(1), f(2), f(3)]
        } else {
            self.add(self.mul(a, b), c)
        }
    }
    #[inline(always)]
    fn fnma(self, a: V, b: V, c: V) -> V {
        if Self::FUSED {
            let f = |k: usize| (-a[k]).mul_add(b[k], c[k]);
            [f(0), f(1), f(2), f(3)]
        } else {
            self.sub(c, self.mul(a, b))
        }
    }
    #[inline(always)]
    fn max(self, a: V, b: V) -> V {
        zip(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn sqrt(self, a: V) -> V {
        a.map(f64::sqrt)
    }
    #[inline(always)]
    fn lt(self, a: V, b: V) -> [bool; 4] {
        [a[0] < b[0], a[1] < b[1], a[2] < b[2], a[3] < b[3]]
    }
    #[inline(always)]
    fn select(self, mask: [bool; 4], yes: V, no: V) -> V {
        let f = |k: usize| if mask[k] { yes[k] } else { no[k] };
        [f(0), f(1), f(2), f(3)]
    }
    #[inline(always)]
    fn all(self, mask: [bool; 4]) -> bool {
        mask[0] & mask[1] & mask[2] & mask[3]
    }
    #[inline(always)]
    fn any(self, mask: [bool; 4]) -> bool {
        mask[0] | mask[1] | mask[2] | mask[3]
    }
    #[inline(always)]
    fn bit_set(self, a: V, bit: u32) -> [bool; 4] {
        a.map(|x| x.to_bits() >> bit & 1 == 1)
    }
    #[inline(always)]
    fn bits_add(self, a: V, by: u64) -> V {
        a.map(|x| f64::from_bits(x.to_bits().wrapping_add(by)))
    }
    #[inline(always)]
    fn bits_shl<const N: u32>(self, a: V) -> V {
        a.map(|x| f64::from_bits(x.to_bits() << N))
    }
    #[inline(always)]
    fn bits_shr<const N: u32>(self, a: V) -> V {
        a.map(|x| f64::from_bits(x.to_bits() >> N))
    }
    #[inline(always)]
    fn negate_if_bit1(self, a: V, q: V) -> V {
        zip(a, q, |a, q| f64::from_bits(a.to_bits() ^ (q.to_bits() & 2) << 62))
    }
}
