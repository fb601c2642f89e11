//! Weights of the modes that together give one pixel its contrast.

/// Most modes of a pixel.
const MOST: usize = 64;

/// Independent modes of a pixel: its intensity is I = background + Σ_k w_k |E_k|², of mean 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Modes {
    /// Weights w, none negative.
    pub(super) weights: Vec<f64>,
    /// What does not fluctuate.
    pub(super) background: f64,
}

/// The modes of a pixel whose intensity has the contrast `contrast`.
///
/// **Formula** Σ w = 1 and Σ w² = c with K = ⌈1/c⌉ modes: K − 1 weights of 1/K + d and one
/// of 1/K − (K − 1) d, where d = √((c − 1/K) / (K (K − 1))). No more than 64 modes are taken: below c = 1/64
/// each has the weight √(c/64), and the rest of the intensity is constant. Moments beyond the second differ
/// by terms of the order c^½ from those of more modes.
/// **Symbols** c: contrast, in [0, 1]; K: number of modes.
/// **Edges** c = 1/K: all weights are equal; c = 1: one mode. The last weight is at least 0
/// because c ≤ 1/(K − 1).
/// **Source** ⟨I²⟩ = 1 + Σ w² for circular Gaussian fields of unit variance; Goodman,
/// *Speckle Phenomena in Optics* (2007), sums of independent speckle patterns.
/// **Checked by** `weights_give_the_contrast`, `an_inverse_integer_gives_equal_weights`,
/// `a_faint_contrast_takes_no_more_modes`.
pub(super) fn modes(contrast: f64) -> Modes {
    let count = (1.0 / contrast).ceil();
    if count <= 1.0 {
        return Modes { weights: vec![1.0], background: 0.0 };
    }
    if count > MOST as f64 {
        let weight = (contrast.max(0.0) / MOST as f64).sqrt();
        let background = 1.0 - weight * MOST as f64;
        return Modes { weights: vec![weight; MOST], background };
    }
    let excess = (contrast - 1.0 / count).max(0.0);
    let shift = (excess / (count * (count - 1.0))).sqrt();
    let mut weights = vec![1.0 / count + shift; count as usize];
    let last = (1.0 / count - (count - 1.0) * shift).max(0.0);
    *weights.last_mut().expect("a contrast below 1 needs two modes or more") = last;
    Modes { weights, background: 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_give_the_contrast() {
        for contrast in [1.0, 0.999, 0.7, 0.5001, 0.5, 0.37, 0.3, 1.0 / 3.0, 0.1, 0.0123, 1e-9] {
            let Modes { weights, background } = modes(contrast);
            let sum: f64 = background + weights.iter().sum::<f64>();
            let squares: f64 = weights.iter().map(|w| w * w).sum();
            assert!((sum - 1.0).abs() < 1e-12, "sum of weights at contrast {contrast}: {sum}");
            assert!((squares - contrast).abs() < 1e-12, "contrast {contrast}: {squares}");
            assert!(weights.iter().all(|w| *w >= 0.0));
        }
    }

    #[test]
    fn an_inverse_integer_gives_equal_weights() {
        assert_eq!(modes(1.0).weights, [1.0]);
        assert_eq!(modes(0.25).weights, [0.25; 4]);
    }

    #[test]
    fn a_faint_contrast_takes_no_more_modes() {
        for contrast in [0.0, 1e-300, 1e-9, 1e-4, 0.015] {
            let Modes { weights, background } = modes(contrast);
            assert!(weights.len() == MOST && (0.0..=1.0).contains(&background));
        }
    }
}
