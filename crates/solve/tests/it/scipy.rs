//! Agreement with `scipy.optimize.least_squares`, method trf with bounds, every loss.
//!
//! The numbers come from reference/solve/least_squares.py with SciPy 1.17.1. SciPy stops with a
//! parameter a little inside its bound and works with numerical derivatives, hence 2e-6 for the
//! parameters; costs agree to 1e-9 because they are stationary.

use dyne_runtime::Silent;
use dyne_solve::{Layout, Loss, Options, Scale, Slot, Transform, minimise};

use crate::explicit::{Explicit, decay_data, decay_model};

/// Cost, rate, stretch, contrast[0], offset[0].
type Row = [f64; 5];

/// For each loss: with the stretch free up to 3, and with its upper bound 1.1 active.
#[rustfmt::skip]
const REFERENCE: [(Loss, Row, Row); 5] = [
    (Loss::Linear,
     [0.050955669850193265, 0.763122476874716, 1.4100193517260464, 0.2893434473297573, 0.05827285705589974],
     [0.052412789254205366, 0.8004056321846749, 1.1, 0.33029801916306983, 0.04734207646024581]),
    (Loss::SoftL1,
     [0.021378279557667485, 0.7912829882166614, 1.2953053785803883, 0.3016464448398181, 0.05262202672937804],
     [0.021790904409033203, 0.821811382168047, 1.1, 0.3280357298645197, 0.045718493231633836]),
    (Loss::Huber,
     [0.02367216975067493, 0.793492630545562, 1.301064941038491, 0.3000302064944013, 0.05277365676456053],
     [0.02424391439400862, 0.8266102571196191, 1.1, 0.32850789525467744, 0.045752575644935]),
    (Loss::Cauchy,
     [0.011685470013853741, 0.8018652395670883, 1.242570121550062, 0.3079242994118214, 0.049952226084291625],
     [0.01185238657311673, 0.8249497987384216, 1.1, 0.32650458844842206, 0.04486145144159091]),
    (Loss::Arctan,
     [0.009279608449516967, 0.8079375266346019, 1.222679895833407, 0.3101377065046619, 0.04939410505656199],
     [0.009410903642734692, 0.8258826254145296, 1.1, 0.32486267743147884, 0.04489922722596811]),
];

fn data() -> Vec<Vec<f64>> {
    let mut data = decay_data(3, 0.02);
    for bin in &mut data {
        bin.iter_mut().skip(5).step_by(13).for_each(|y| *y += 0.1);
    }
    data
}

fn compare(loss: Loss, top: f64, reference: Row) {
    let problem =
        Explicit::new(2, Layout::individual(3), data(), decay_model).with_loss(loss, 0.02);
    let transform = Transform::try_new(&[
        Slot::Free { scale: Scale::Log, lower: 0.01, upper: 100.0 },
        Slot::Free { scale: Scale::Linear, lower: 0.2, upper: top },
    ])
    .unwrap();
    let options = Options { ftol: 1e-14, xtol: 1e-12, gtol: 1e-10, ..Options::default() };
    let fit = minimise(&problem, &transform, &[1.0, 1.0], &options, &Silent).unwrap();
    assert!(fit.termination.is_converged(), "{loss:?} {top}: {:?}", fit.termination);
    let got = [fit.cost(), fit.theta[0], fit.theta[1], fit.linear()[0], fit.linear()[1]];
    for (i, (got, expected)) in got.into_iter().zip(reference).enumerate() {
        let tolerance = if i == 0 { 1e-9 } else { 2e-6 };
        assert!(
            (got / expected - 1.0).abs() < tolerance,
            "{loss:?} up to {top}, number {i}: {got} against {expected}"
        );
    }
    if top < 3.0 {
        assert_eq!(fit.theta[1], top);
    }
}

#[test]
fn minima_are_those_of_scipy() {
    for (loss, free, _) in REFERENCE {
        compare(loss, 3.0, free);
    }
}

#[test]
fn minima_on_a_bound_are_those_of_scipy() {
    for (loss, _, held) in REFERENCE {
        compare(loss, 1.1, held);
    }
}
