//! Directions of flow that data at one azimuth or two cannot tell apart.
//!
//! Shear and interference see the direction phi0 through |cos(φ_k − phi0)| times a rate alone, as
//! sin²Φ/Φ² and cos Ψ are even.

/// Azimuths closer than this, degrees, count as one.
const SAME: f64 = 1e-6;

/// Another direction with the same |cos(φ_k − phi0)|·rate at every azimuth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Twin {
    /// Direction, degrees, within ±90.
    pub phi0_deg: f64,
    /// Factor on the rate.
    pub rate: f64,
}

/// The twin of the direction `phi0_deg` at the azimuths `phi_deg`, where there is one.
///
/// **Formula** cos²(φ − p') = λ⁻² cos²(φ − p) is linear in (cos 2φ, sin 2φ), so it holds at two azimuths
/// (modulo a half turn) at most. At one: p' = 2φ₁ − p, λ = 1. At two, with c_k = cos(φ_k − p): c₁'c₂ + c₁c₂' = 0,
/// tan p' = −(c₂ cos φ₁ + c₁ cos φ₂)/(c₂ sin φ₁ + c₁ sin φ₂), λ = |c_k/c_k'|. **Edges** none at three
/// azimuths or more, and none where it is the same direction: at two azimuths along or across one of
/// them, at one along or across it. **Checked by** `tests::twins_have_the_same_projections`.
pub fn twin(phi_deg: impl Iterator<Item = f64>, phi0_deg: f64) -> Option<Twin> {
    let mut distinct: Vec<f64> = Vec::new();
    for phi in phi_deg {
        if distinct.iter().all(|other| half_turn(phi - other).abs() > SAME) {
            distinct.push(phi);
        }
    }
    let along = |phi: f64, direction: f64| (phi - direction).to_radians().cos();
    let found = match distinct[..] {
        [only] => Twin { phi0_deg: half_turn(2.0 * only - phi0_deg), rate: 1.0 },
        [first, second] => {
            let (c1, c2) = (along(first, phi0_deg), along(second, phi0_deg));
            let (phi1, phi2) = (first.to_radians(), second.to_radians());
            let x = c2 * phi1.cos() + c1 * phi2.cos();
            let y = c2 * phi1.sin() + c1 * phi2.sin();
            let other = half_turn((-x).atan2(y).to_degrees());
            let (phi, c) = if c1.abs() > c2.abs() { (first, c1) } else { (second, c2) };
            Twin { phi0_deg: other, rate: (c / along(phi, other)).abs() }
        }
        _ => return None,
    };
    let differs = half_turn(found.phi0_deg - phi0_deg).abs() > SAME;
    (differs && found.rate.is_finite()).then_some(found)
}

/// `phi` within ±90° by half turns.
pub fn half_turn(phi: f64) -> f64 {
    phi - 180.0 * (phi / 180.0).round()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twins_have_the_same_projections() {
        let along = |phi: f64, p: f64| (phi - p).to_radians().cos().abs();
        for azimuths in [&[0.0, 60.0][..], &[10.0, -55.0], &[-30.0, 90.0, 150.0], &[40.0]] {
            for p in [-88.0, -50.4, -3.0, 3.0, 17.0, 72.0] {
                let found = twin(azimuths.iter().copied(), p).unwrap();
                for phi in azimuths {
                    let (a, b) = (along(*phi, p), found.rate * along(*phi, found.phi0_deg));
                    assert!((a - b).abs() < 1e-12, "{azimuths:?} {p} {found:?}");
                }
                let back = twin(azimuths.iter().copied(), found.phi0_deg).unwrap();
                assert!((back.phi0_deg - p).abs() < 1e-9);
                assert!((back.rate * found.rate - 1.0).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn the_referee_s_twin_of_three_degrees() {
        let found = twin([0.0, 60.0].into_iter(), 3.0).unwrap();
        assert!(
            (found.phi0_deg + 50.4).abs() < 0.05 && (found.rate * 1.5e-3 - 2e-3).abs() < 5e-4,
            "{found:?}"
        );
    }

    #[test]
    fn three_azimuths_and_symmetric_directions_have_none() {
        assert_eq!(twin([0.0, 45.0, 90.0].into_iter(), 10.0), None);
        assert_eq!(twin([0.0, 180.0].into_iter(), 0.0), None);
        assert_eq!(twin([0.0, 60.0].into_iter(), 90.0), None);
    }
}
