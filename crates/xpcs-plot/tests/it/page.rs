//! The HTML page.

use dyne_xpcs::report::{LackOfFit, ResidualCell, Status, VerdictClass};
use dyne_xpcs_plot::{html, map_pixels};

use crate::specimen;

/// Checks that every tag is closed in order, attributes are quoted and no bare `&` or `<` remains.
pub(crate) fn assert_balanced(page: &str) {
    let body = page.strip_prefix("<!DOCTYPE html>").expect("the page starts with its type");
    let mut open = Vec::new();
    for piece in body.split('<').skip(1) {
        let (tag, text) =
            piece.split_once('>').unwrap_or_else(|| panic!("unclosed tag <{piece:.60}"));
        assert_eq!(tag.matches('"').count() % 2, 0, "quotes in <{tag:.80}>");
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop().as_deref(), Some(name), "closing tag"),
            None if tag.ends_with('/') => {}
            None => open.push(tag.split_whitespace().next().unwrap().to_owned()),
        }
        for entity in text.split('&').skip(1) {
            let name = entity.split(';').next().unwrap();
            assert!(["amp", "lt", "gt", "quot", "#39"].contains(&name), "&{entity:.20}");
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
}

fn without_images(page: &str) -> String {
    let mut pieces = page.split("base64,");
    let first = pieces.next().unwrap_or_default();
    let rests = pieces.map(|piece| piece.split_once('"').expect("an image ends with a quote").1);
    std::iter::once(first).chain(rests).collect::<Vec<_>>().join("\"")
}

#[test]
fn tags_balance() {
    assert_balanced(&html(&specimen::report(6, 24)));
}

#[test]
fn every_number_and_unit_is_there() {
    let page = html(&specimen::report(5, 16));
    let expected = [
        "2964 ± 20",
        "-0.0141 ± 0.0021",
        "(2.345 ± 0.031)×10⁻⁴",
        "Å²/s<sup>1+α</sup>",
        "s<sup>−(1+β)</sup>",
        "D<sub>off</sub>",
        "[1, 1e7]",
        "at upper bound",
        "fixed",
        "0.005412",
        "4593.27",
        "11\u{202f}488\u{202f}500",
        "sandwich, dyadic clustering over frames",
        "avx512",
        "8 of 16 CPUs",
        "0.1 s, t0 × stride of the file",
        "213 MB",
        "full sweeps",
        "blake3:9f86d081",
        "tolerance: 1e-8",
        "t₁ (s)",
        "t₂ (s)",
        "age (s)",
        "lag τ = t₂ − t₁ (s)",
    ];
    for text in expected {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn the_verdict_with_its_reasons_comes_first() {
    let mut report = specimen::report(2, 8);
    let page = html(&report);
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}"));
    assert!(at("badge cut\">reservations") < at("beta lies on its upper bound"));
    assert!(at("beta lies on its upper bound") < at("<h2>What the data determine"));
    assert!(at("id=\"bin-") < at("<h2>Parameters"));
    assert_eq!(page.matches("beta lies on its upper bound").count(), 1);
    assert!(page.contains("J follows a power law."));
    for (class, badge) in [
        (VerdictClass::Good, "badge good\">good"),
        (VerdictClass::Misfit, "badge poor\">does not describe the data"),
        (VerdictClass::Undetermined, "badge none\">nothing to determine"),
    ] {
        report.verdict.class = class;
        assert!(html(&report).contains(badge));
    }
    report.status = Status::Interrupted;
    assert!(html(&report).contains("badge cut\">interrupted"));
}

#[test]
fn no_sentence_denies_another() {
    let mut report = specimen::report(1, 8);
    report.warnings.clear();
    assert!(!html(&report).contains("No warnings"));
    if let Ok(covariance) = &mut report.covariance {
        covariance.physical = 0;
    }
    let page = html(&report);
    assert!(
        page.contains("none of the free parameters") && !page.contains("No physical parameter")
    );
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    let page = without_images(&html(&specimen::report(5, 16)))
        .replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    for address in ["http:", "https:", "//cdn", "<script", "<link", "@import", "url("] {
        assert!(!page.contains(address), "{address}");
    }
    for link in page.split("href=\"").skip(1) {
        assert!(
            link.starts_with('#') || link.starts_with("data:") || link.starts_with('/'),
            "{link:.40}"
        );
    }
}

#[test]
fn file_names_are_escaped() {
    let page = html(&specimen::report(1, 8));
    assert!(page.contains("A015_&lt;creep&gt;&amp;&quot;rest&quot;_Aq0.3_fc0.5.hdf"));
    assert!(!page.contains("<creep>"));
    assert_balanced(&page);
}

#[test]
fn absent_covariance_shows_its_reason() {
    let mut report = specimen::report(1, 8);
    report.covariance = Err("the information matrix is singular in D0 & D_offset".to_owned());
    let page = html(&report);
    assert!(page.contains(
        "There is no covariance: the information matrix is singular in D0 &amp; D_offset."
    ));
    assert!(!page.contains("correlation matrix"));
    assert_balanced(&page);
}

#[test]
fn one_bin_has_neither_index_nor_figure_of_scaling() {
    let page = html(&specimen::report(1, 8));
    assert!(!page.contains("<nav") && !page.contains("contrast and offset against φ"));
    assert!(page.contains("1 bin ·") && page.contains("id=\"bin-0\""));
}

#[test]
fn many_bins_have_an_index_and_a_figure_of_scaling() {
    let page = html(&specimen::report(6, 8));
    assert!(page.contains("<nav") && page.contains("contrast and offset against φ"));
    for bin in 0..6 {
        assert!(
            page.contains(&format!("href=\"#bin-{bin}\""))
                && page.contains(&format!("id=\"bin-{bin}\""))
        );
    }
}

#[test]
fn gaps_never_reach_the_drawing_as_numbers() {
    let mut report = specimen::report(1, 8);
    report.pictures[0].map.data.fill(f32::NAN);
    report.pictures[0].map.residual.clear();
    report.pictures[0].cuts[0].data.fill(f64::NAN);
    report.scaling[0].residual_rms = f64::NAN;
    let page = without_images(&html(&report));
    assert!(!page.contains("NaN") && !page.contains(">inf"));
    assert_balanced(&page);
}

#[test]
fn rates_are_named_in_other_conventions() {
    let mut report = specimen::report(1, 8);
    let told = "gamma_dot_t0 = 2.345×10⁻⁴ would be 5.209×10⁻⁴ under homodyne-2, 1.658×10⁻⁴ under homodyne-analysis";
    assert!(html(&report).contains(told));
    report.other_conventions.clear();
    report.convention.clear();
    assert!(!html(&report).contains("shear convention"), "it decides no number");
}

#[test]
fn noise_at_the_chosen_resolution_fits() {
    let mut report = specimen::report(12, map_pixels(12));
    for picture in &mut report.pictures {
        picture.map.data.clone_from(&picture.map.residual);
    }
    let page = html(&report);
    assert!(page.len() < 4_500_000, "{} bytes", page.len());
    assert!(page.len() > 3_500_000, "{} bytes: the resolution could be higher", page.len());
}

#[test]
fn many_bins_are_a_sheet_of_small_maps_and_a_few_in_full() {
    let mut report = specimen::report(90, map_pixels(90));
    // The bin that decays most.
    report.pictures[33].map.fit.iter_mut().for_each(|v| *v = 1.0 + 5.0 * (*v - 1.0));
    let page = html(&report);
    assert!(page.len() < 3_000_000, "{} bytes", page.len());
    assert_eq!(page.matches("id=\"bin-").count(), 4);
    assert!(!page.contains("<nav") && page.contains("All 90 bins"));
    let first = page.split("id=\"").nth(1).unwrap();
    assert!(first.starts_with("bin-33\""), "{first:.20}");
    assert_balanced(&page);
}

#[test]
fn cells_of_the_test_of_fit_stand_beside_the_residual() {
    let mut report = specimen::report(1, 8);
    let cell =
        |lag_s, age_s, z| ResidualCell { bin: 0, lag_s, age_s, mean: 0.01, of_contrast: 0.1, z };
    report.lack_of_fit = Ok(LackOfFit {
        p: 0.003,
        p_residuals: None,
        p_rates: None,
        statistic: 78.0,
        expected: 30.0,
        pixels: 512.0,
        pixels_source: "from the map".to_owned(),
        cells: vec![
            cell([0.1, 1.0], [0.0, 50.0], -6.25),
            cell([1.0, 10.0], [0.0, 50.0], 0.5),
            cell([0.1, 10.0], [50.0, 100.0], f64::NAN),
        ],
        rates: Vec::new(),
    });
    let page = html(&report);
    assert!(page.contains("mean residual over its error") && page.contains(">−6.2<"));
    assert!(page.contains("78 where 30 are expected"));
    assert!(!without_images(&page).contains("NaN"));
    assert_balanced(&page);
}
