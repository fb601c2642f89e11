//! Weights of the modes that together give one pixel its contrast.

/// Weights w of the independent modes of a pixel whose intensity I = Σ_k w_k |E_k|² has the
/// contrast `contrast`.
///
/// **Formula** Σ w = 1 and Σ w² = c with K = ⌈1/c⌉ modes: K − 1 weights of 1/K + d and one
/// of 1/K − (K − 1) d, where d = √((c − 1/K) / (K (K − 1))).
/// **Symbols** c: contrast, in (0, 1]; K: number of modes.
/// **Edges** c = 1/K: all weights are equal; c = 1: one mode. The last weight is at least 0
/// because c ≤ 1/(K − 1).
/// **Source** ⟨I²⟩ = 1 + Σ w² for circular Gaussian fields of unit variance; Goodman,
/// *Speckle Phenomena in Optics* (2007), sums of independent speckle patterns.
/// **Checked by** `weights_give_the_contrast`, `an_inverse_integer_gives_equal_weights`.
pub(super) fn mode_weights(contrast: f64) -> Vec<f64> {
    let count = (1.0 / contrast).ceil();
    if count <= 1.0 {
        return vec![1.0];
    }
    let excess = (contrast - 1.0 / count).max(0.0);
    let shift = (excess / (count * (count - 1.0))).sqrt();
    let mut weights = vec![1.0 / count + shift; count as usize];
    let last = (1.0 / count - (count - 1.0) * shift).max(0.0);
    *weights.last_mut().expect("a contrast below 1 needs two modes or more") = last;
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_give_the_contrast() {
        for contrast in [1.0, 0.999, 0.7, 0.5001, 0.5, 0.37, 0.3, 1.0 / 3.0, 0.1, 0.0123] {
            let weights = mode_weights(contrast);
            let sum: f64 = weights.iter().sum();
            let squares: f64 = weights.iter().map(|w| w * w).sum();
            assert!((sum - 1.0).abs() < 1e-12, "sum of weights at contrast {contrast}: {sum}");
            assert!((squares - contrast).abs() < 1e-12, "contrast {contrast}: {squares}");
            assert!(weights.iter().all(|w| *w >= 0.0));
        }
    }

    #[test]
    fn an_inverse_integer_gives_equal_weights() {
        assert_eq!(mode_weights(1.0), [1.0]);
        assert_eq!(mode_weights(0.25), [0.25; 4]);
    }
}
