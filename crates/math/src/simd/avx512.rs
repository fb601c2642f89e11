//! Eight lanes with AVX-512 F and DQ.

use std::arch::x86_64::*;

use super::{Isa, Kernel, Lane8};

/// Whether this processor has the instructions.
pub(super) fn detected() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
}

/// Runs `kernel` compiled for AVX-512. Only called by `dispatch`, with a level that
/// `detected` has allowed.
pub(super) fn run<K: Kernel>(kernel: K) -> K::Output {
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx2,fma")]
    fn compiled<K: Kernel>(kernel: K) -> K::Output {
        kernel.run(Avx512(()))
    }
    // SAFETY: a `Level` of this set exists only where `detected` returned true.
    unsafe { compiled(kernel) }
}

/// Token of the instruction set; made in `run` only.
#[derive(Clone, Copy)]
pub(super) struct Avx512(());

/// One intrinsic. Every call stands in a method of the token, whose existence proves that
/// the processor has the instructions.
macro_rules! intrinsic {
    ($name:ident($($argument:expr),*)) => {
        // SAFETY: the token exists only inside `run`, after detection.
        unsafe { $name($($argument),*) }
    };
}

impl Isa for Avx512 {
    type V = __m512d;
    type M = __mmask8;
    const LANES: usize = 8;
    const FUSED: bool = true;
    const REGISTERS: usize = 32;

    #[inline(always)]
    fn splat(self, x: f64) -> __m512d {
        intrinsic!(_mm512_set1_pd(x))
    }
    #[inline(always)]
    fn load(self, source: &[f64], at: usize) -> __m512d {
        let eight = &source[at..at + 8];
        intrinsic!(_mm512_loadu_pd(eight.as_ptr()))
    }
    #[inline(always)]
    fn load8(self, source: &Lane8, _at: usize) -> __m512d {
        intrinsic!(_mm512_load_pd(source.0.as_ptr()))
    }
    #[inline(always)]
    fn store8(self, v: __m512d, target: &mut Lane8, _at: usize) {
        intrinsic!(_mm512_store_pd(target.0.as_mut_ptr(), v));
    }
    #[inline(always)]
    fn widen(self, source: &[f32], at: usize) -> __m512d {
        let eight = &source[at..at + 8];
        // SAFETY: the slice holds eight f32; the token proves the instructions.
        unsafe { _mm512_cvtps_pd(_mm256_loadu_ps(eight.as_ptr())) }
    }
    #[inline(always)]
    fn prefetch(self, source: &[f32], at: usize) {
        // SAFETY: a prefetch is a hint that reads nothing and faults nowhere.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(source.as_ptr().wrapping_add(at).cast()) }
    }
    #[inline(always)]
    fn add(self, a: __m512d, b: __m512d) -> __m512d {
        intrinsic!(_mm512_add_pd(a, b))
    }
    #[inline(always)]
    fn sub(self, a: __m512d, b: __m512d) -> __m512d {
        intrinsic!(_mm512_sub_pd(a, b))
    }
    #[inline(always)]
    fn mul(self, a: __m512d, b: __m512d) -> __m512d {
        intrinsic!(_mm512_mul_pd(a, b))
    }
    #[inline(always)]
    fn div(self, a: __m512d, b: __m512d) -> __m512d {
        intrinsic!(_mm512_div_pd(a, b))
    }
    #[inline(always)]
    fn fma(self, a: __m512d, b: __m512d, c: __m512d) -> __m512d {
        intrinsic!(_mm512_fmadd_pd(a, b, c))
    }
    #[inline(always)]
    fn fnma(self, a: __m512d, b: __m512d, c: __m512d) -> __m512d {
        intrinsic!(_mm512_fnmadd_pd(a, b, c))
    }
    #[inline(always)]
    fn max(self, a: __m512d, b: __m512d) -> __m512d {
        intrinsic!(_mm512_max_pd(a, b))
    }
    #[inline(always)]
    fn sqrt(self, a: __m512d) -> __m512d {
        intrinsic!(_mm512_sqrt_pd(a))
    }
    #[inline(always)]
    fn lt(self, a: __m512d, b: __m512d) -> __mmask8 {
        // SAFETY: the token exists only inside `run`, after detection.
        unsafe { _mm512_cmp_pd_mask::<_CMP_LT_OQ>(a, b) }
    }
    #[inline(always)]
    fn select(self, mask: __mmask8, yes: __m512d, no: __m512d) -> __m512d {
        intrinsic!(_mm512_mask_blend_pd(mask, no, yes))
    }
    #[inline(always)]
    fn all(self, mask: __mmask8) -> bool {
        mask == 0xff
    }
    #[inline(always)]
    fn any(self, mask: __mmask8) -> bool {
        mask != 0
    }
    #[inline(always)]
    fn bit_set(self, a: __m512d, bit: u32) -> __mmask8 {
        // SAFETY: the token exists only inside `run`, after detection.
        unsafe { _mm512_test_epi64_mask(_mm512_castpd_si512(a), _mm512_set1_epi64(1 << bit)) }
    }
    #[inline(always)]
    fn bits_add(self, a: __m512d, by: u64) -> __m512d {
        let by = by.cast_signed();
        // SAFETY: the token exists only inside `run`, after detection.
        unsafe {
            _mm512_castsi512_pd(_mm512_add_epi64(_mm512_castpd_si512(a), _mm512_set1_epi64(by)))
        }
    }
    #[inline(always)]
    fn bits_shl<const N: u32>(self, a: __m512d) -> __m512d {
        // SAFETY: the token exists only inside `run`, after detection.
        unsafe { _mm512_castsi512_pd(_mm512_slli_epi64::<N>(_mm512_castpd_si512(a))) }
    }
    #[inline(always)]
    fn bits_shr<const N: u32>(self, a: __m512d) -> __m512d {
        // SAFETY: the token exists only inside `run`, after detection.
        unsafe { _mm512_castsi512_pd(_mm512_srli_epi64::<N>(_mm512_castpd_si512(a))) }
    }
    #[inline(always)]
    fn negate_if_bit1(self, a: __m512d, q: __m512d) -> __m512d {
        // SAFETY: the token exists only inside `run`, after detection.
        unsafe {
            // a ^ (sign & top) in one operation: 0x78 is the truth table of a ^ (b & c).
            let sign = _mm512_slli_epi64::<62>(_mm512_castpd_si512(q));
            let top = _mm512_set1_epi64(i64::MIN);
            _mm512_castsi512_pd(_mm512_ternarylogic_epi64::<0x78>(
                _mm512_castpd_si512(a),
                sign,
                top,
            ))
        }
    }
}
