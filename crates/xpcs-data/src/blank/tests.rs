use dyne_runtime::{Cancel, Lanes, Solo};
use proptest::prelude::*;

use super::*;
use crate::samples::Samples;
use crate::triangle::Triangle;

fn found(matrices: &Matrices, unwritten: &[Vec<Unwritten>]) -> Vec<BinBlanks> {
    let (lanes, cancel) = (Lanes::try_new(2.try_into().unwrap()).unwrap(), Cancel::new());
    let resources = Resources::new(&lanes, &Solo, &cancel);
    blanks(matrices, unwritten, ExcludedRows::default, resources).unwrap()
}

/// A decay with a pattern in place of noise, where `planted` has nothing to say.
fn matrix(n: usize, planted: impl Fn(usize, usize) -> Option<f64>) -> Triangle {
    let value = |i: usize, j: usize| {
        let noise = ((i * 7919 + j * 104_729) % 10_007) as f64 / 10_007.0;
        1.0 + 0.3 * (-((j - i) as f64) / 9.0).exp() + 0.01 * noise
    };
    let one = |i: usize, j: usize| planted(i, j).unwrap_or_else(|| value(i, j)) as f32;
    let packed = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
    Triangle::new(n, Samples::F32(packed.map(|(i, j)| one(i, j)).collect()))
}

fn single(triangle: Triangle) -> BinBlanks {
    found(&Matrices::new(vec![triangle], 0), &[]).remove(0)
}

fn frames(blanks: &BinBlanks) -> Vec<usize> {
    blanks.frames.iter().map(|(k, _)| *k).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn planted_gaps_are_found_exactly(
        n in 12usize..90,
        skip in 0usize..2,
        gaps in prop::collection::vec((0usize..90, 1usize..50, 0usize..3), 0..6),
        fill in prop::sample::select(vec![0.0, -1.0, 9999.0]),
        odd in prop::option::of((0usize..90, 0usize..90)),
    ) {
        let fills = [fill, f64::NAN, f64::INFINITY];
        let mut planted = vec![None; n];
        for (first, length, fill) in gaps {
            for k in first..(first + length).min(n) {
                planted[k] = Some(fills[fill]);
            }
        }
        // Enough is left to be told from what is not there.
        prop_assume!(planted[skip..].iter().filter(|p| p.is_none()).count() >= 5);
        let of = |i: usize, j: usize| match odd {
            // What stands where two bad frames meet is nobody's business.
            Some((a, b)) if (i, j) == (a.min(b), a.max(b)) && planted[i].is_some() && planted[j].is_some() => Some(1.7),
            // A bad value in good frames costs no frame.
            Some((a, b)) if (i, j) == (a.min(b), a.max(b)) => Some(f64::NAN),
            _ => planted[i].or(planted[j]),
        };
        let blanks = found(&Matrices::new(vec![matrix(n, of)], skip), &[]).remove(0);
        let expected: Vec<usize> = (skip..n).filter(|k| planted[*k].is_some()).collect();
        prop_assert_eq!(frames(&blanks), expected);
        prop_assert!(blanks.rows.is_empty() && blanks.whole.is_none());
    }
}

#[test]
fn clean_matrices_have_no_blanks() {
    assert_eq!(single(matrix(80, |_, _| None)), BinBlanks::default());
    // Exact zeros that are data, as few counts make them.
    let sparse = matrix(80, |i, j| ((i * 7919 + j * 104_729) % 10_007 % 7 < 3).then_some(0.0));
    assert_eq!(single(sparse), BinBlanks::default());
}

#[test]
fn the_reason_is_told() {
    let zero = single(matrix(60, |i, j| (i == 7 || j == 7).then_some(0.0)));
    assert_eq!(zero.frames, [(7, Blank::Constant(0.0))]);
    let nan = single(matrix(60, |i, j| (i == 59 || j == 59).then_some(f64::NAN)));
    assert_eq!(nan.frames, [(59, Blank::NotFinite)]);
    let fill = single(matrix(60, |i, j| (i > 20 || j > 20).then_some(-1.0)));
    assert_eq!(frames(&fill), (21..60).collect::<Vec<_>>());
}

#[test]
fn a_matrix_of_one_value_has_no_data() {
    assert_eq!(single(matrix(40, |_, _| Some(1.0))).whole, Some(Blank::Constant(1.0)));
    assert_eq!(single(matrix(40, |_, _| Some(f64::NAN))).whole, Some(Blank::NotFinite));
}

#[test]
fn rows_that_were_never_written_go_as_rows() {
    let n = 60;
    let fill = |fill: f64| matrix(n, move |i, _| (i >= 40).then_some(fill));
    let told = single(fill(0.0));
    assert!(told.frames.is_empty());
    assert_eq!(told.rows.iter().map(|(i, _)| *i).collect::<Vec<_>>(), (40..59).collect::<Vec<_>>());
    assert_eq!(told.rows[3].1, Blank::Constant(0.0));
    let unwritten = vec![vec![[40..60, 0..60]]];
    let told = found(&Matrices::new(vec![fill(f64::NAN)], 0), &unwritten).remove(0);
    assert!(told.frames.is_empty() && told.rows.len() == 19);
    assert!(told.rows.iter().all(|(_, blank)| *blank == Blank::NotWritten));
    // One chunk in the middle: what remains of its rows cannot be fitted without the hole.
    let hole = matrix(n, |i, j| ((10..20).contains(&i) && j >= 50).then_some(f64::NAN));
    let told = found(&Matrices::new(vec![hole], 0), &[vec![[10..20, 50..60]]]).remove(0);
    assert_eq!(told.rows.len(), 10);
}
