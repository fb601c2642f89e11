//! Four lanes with AVX2 and FMA.

use std::arch::x86_64::*;

use super::{Isa, Kernel, Lane8};

/// Whether this processor has the instructions.
pub(super) fn detected() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

/// Runs `kernel` compiled for AVX2 and FMA. Only called by `dispatch`, with a level that
/// `detected` has allowed.
pub(super) fn run<K: Kernel>(kernel: K) -> K::Output {
    #[target_feature(enable = "avx2,fma")]
    fn compiled<K: Kernel>(kernel: K) -> K::Output {
        kernel.run(Avx2(()))
    }
    // SAFETY: a `Level` of this set exists only where `detected` returned true.
    unsafe { compiled(kernel) }
}

/// Token of the instruction set; made in `run` only.
#[derive(Clone, Copy)]
pub(super) struct Avx2(());

/// One intrinsic. Every call stands in a method of the token, whose existence proves that
/// the processor has the instructions.
macro_rules! intrinsic {
    ($name:ident($($argument:expr),*)) => {
        // SAFETY: the token exists only inside `run`, after detection.
        unsafe { $name($($argument),*) }
    };
}

impl Isa for Avx2 {
    type V = __m256d;
    type M = __m256d;
    const LANES: usize = 4;
    const FUSED: bool = true;
    const REGISTERS: usize = 16;

    #[inline(always)]
    fn splat(self, x: f64) -> __m256d {
        intrinsic!(_mm256_set1_pd(x))
    }
    #[inline(always)]
    fn load(self, source: &[f64], at: usize) -> __m256d {
        let four = &source[at..at + 4];
        intrinsic!(_mm256_loadu_pd(four.as_ptr()))
    }
    #[inline(always)]
    fn load8(self, source: &Lane8, at: usize) -> __m256d {
        self.load(&source.0, at)
    }
    #[inline(always)]
    fn store8(self, v: __m256d, target: &mut Lane8, at: usize) {
        let four = &mut target.0[at..at + 4];
        intrinsic!(_mm256_storeu_pd(four.as_mut_ptr(), v));
    }
    #[inline(always)]
    fn widen(self, source: &[f32], at: usize) -> __m256d {
        let four = &source[at..at + 4];
        // SAFETY: the slice holds four f32; the token proves the instructions.
        unsafe { _mm256_cvtps_pd(_mm_loadu_ps(four.as_ptr())) }
    }
    #[inline(always)]
    fn prefetch(self, source: &[f32], at: usize) {
        // SAFETY: a prefetch is a hint that reads nothing and faults nowhere.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(source.as_ptr().wrapping_add(at).cast()) }
    }
    #[inline(always)]
    fn add(self, a: __m256d, b: __m256d) -> __m256d {
        intrinsic!(_mm256_add_pd(a, b))
    }
    #[inline(always)]
    fn sub(self, a: __m256d, b: __m256d) -> __m256d {
        intrinsic!(_mm256_sub_pd(a, b))
    }
    #[inline(always)]
    fn mul(self, a: __m256d, b: __m256d) -> __m256d {
        intrinsic!(_mm256_mul_pd(a, b))
    }
    #[inline(always)]
    fn div(self, a: __m256d, b: __m256d) -> __m256d {
        intrinsic!(_mm256_div_pd(a, b))
    }
    #[inline(always)]
    fn fma(self, a: __m256d, b: __m256d, c: __m256d) -> __m256d {
        intrinsic!(_mm256_fmadd_pd(a, b, c))
    }
    #[inline(always)]
    fn fnma(self, a: __m256d, b: __m256d, c: __m256d) -> __m256d {
        intrinsic!(_mm256_fnmadd_pd(a, b, c))
    }
    #[inline(always)]
    fn max(self, a: __m256d, b: __m256d) -> __m256d {
        intrinsic!(_mm256_max_pd(a, b))
    }
    #[inline(always)]
    fn sqrt(self, a: __m256d) -> __m256d {
        intrinsic!(_mm256_sqrt_pd(a))
    }
    #[inline(always)]
    fn lt(self, a: __m256d, b: __m256d) -> __m256d {
        // SAFETY: the token exists only inside `run`, after detection.
        unsafe { _mm256_cmp_pd::<_CMP_LT_OQ>(a, b) }
    }
    #[inline(always)]
    fn select(self, mask: __m256d, yes: __m256d, no: __m256d) -> __m256d {
        intrinsic!(_mm256_blendv_pd(no, yes, mask))
    }
    #[inline(always)]
    fn all(self, mask: __m256d) -> bool {
        intrinsic!(_mm256_movemask_pd(mask)) == 0xf
    }
    #[inline(always)]
    fn any(self, mask: __m256d) -> bool {
        intrinsic!(_mm256_movemask_pd(mask)) != 0
    }
    #[inline(always)]
    fn bit_set(self, a: __m256d, bit: u32) -> __m256d {
        // SAFETY: the token exists only inside `run`, after detection.
        unsafe {
            let one = _mm256_set1_epi64x(1 << bit);
            let bits = _mm256_and_si256(_mm256_castpd_si256(a), one);
            _mm256_castsi256_pd(_mm256_cmpeq_epi64(bits, one))
        }
    }
    #[inline(always)]
    fn bits_add(self, a: __m256d, by: u64) -> __m256d {
        let by = by.cast_signed();
        // SAFETY: the token exists only inside `run`, after detection.
        unsafe {
            _mm256_castsi256_pd(_mm256_add_epi64(_mm256_castpd_si256(a), _mm256_set1_epi64x(by)))
        }
    }
    #[inline(always)]
    fn bits_shl<const N: u32>(self, a: __m256d) -> __m256d {
        let count = i64::from(N);
        // SAFETY: the token exists only inside `run`, after detection.
        unsafe {
            _mm256_castsi256_pd(_mm256_sll_epi64(_mm256_castpd_si256(a), _mm_cvtsi64_si128(count)))
        }
    }
    #[inline(always)]
    fn bits_shr<const N: u32>(self, a: __m256d) -> __m256d {
        let count = i64::from(N);
        // SAFETY: the token exists only inside `run`, after detection.
        unsafe {
            _mm256_castsi256_pd(_mm256_srl_epi64(_mm256_castpd_si256(a), _mm_cvtsi64_si128(count)))
        }
    }
    #[inline(always)]
    fn negate_if_bit1(self, a: __m256d, q: __m256d) -> __m256d {
        // SAFETY: the token exists only inside `run`, after detection.
        unsafe {
            let sign = _mm256_slli_epi64::<62>(_mm256_castpd_si256(q));
            let sign = _mm256_and_pd(_mm256_castsi256_pd(sign), _mm256_set1_pd(-0.0));
            _mm256_xor_pd(a, sign)
        }
    }
}
