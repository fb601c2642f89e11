//! Pictures, page and text of a posterior.

use std::collections::BTreeMap;
use std::io::Cursor;

use dyne_xpcs::posterior::report::PosteriorReport;
use dyne_xpcs_plot::{Picture, posterior_html, posterior_pictures, posterior_text};

use crate::page::assert_balanced;
use crate::posterior_specimen::{Size, report, report_with_shards, sample};

const USUAL: Size = Size { parameters: 7, chains: 4, draws: 700, bins: 13 };
const SMALL: Size = Size { parameters: 3, chains: 2, draws: 100, bins: 1 };
const ONE: Size = Size { parameters: 1, chains: 1, draws: 300, bins: 0 };

/// A report in which about everything is missing, constant or not a number.
fn odd() -> PosteriorReport {
    let mut out = report_with_shards(SMALL);
    let headline = &mut out.samples[0];
    headline.trace.values[0][0].fill(2964.0);
    headline.trace.values[1][1].fill(f64::NAN);
    headline.trace.values[2].iter_mut().for_each(|chain| chain.fill(7.0));
    headline.trace.values[0][1][3] = f64::INFINITY;
    headline.trace.energy[0].fill(f64::NAN);
    headline.trace.energy[1].fill(1.0);
    headline.trace.divergent[0].push(100_000);
    headline.energy_fractions = vec![f64::NAN; 2];
    let p = &mut headline.parameters[1];
    (p.r_hat, p.ess_bulk, p.ess_tail, p.mcse_mean) = (f64::NAN, f64::NAN, f64::INFINITY, f64::NAN);
    (p.fit, p.fit_stderr, p.sd_independent) = (f64::NAN, None, f64::NAN);
    p.spread.quantiles = [f64::NAN; 5];
    p.spread.sd = f64::NAN;
    p.prior_draws.clear();
    let (cut, band) = &mut out.predictive[0].cuts[0];
    cut.data.fill(f64::NAN);
    cut.lag_s[0] = 0.0;
    band.quantiles.truncate(5);
    out.rates[0].band.quantiles.iter_mut().for_each(|q| q[4] = f64::INFINITY);
    out.rates[1].fit.clear();
    out.shards.as_mut().unwrap().shards[0].mean.clear();
    out
}

fn names(report: &PosteriorReport) -> Vec<String> {
    posterior_pictures(report).unwrap().into_iter().map(|p| p.name).collect()
}

/// Pixels that are not white, and all.
fn inked(picture: &Picture) -> (usize, usize) {
    let mut reader = png::Decoder::new(Cursor::new(&picture.png)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(info.color_type, png::ColorType::Rgb);
    let white = |rgb: &[u8]| rgb == [255; 3];
    let mut rows = pixels.chunks(3 * info.width as usize);
    assert!(rows.clone().all(|row| white(&row[row.len() - 3..])), "right edge of {}", picture.name);
    assert!(rows.next_back().unwrap().chunks(3).all(white), "lower edge of {}", picture.name);
    let ink = pixels.chunks(3).filter(|rgb| rgb.iter().any(|v| *v < 250)).count();
    (ink, pixels.len() / 3)
}

fn columns(line: &str) -> usize {
    line.chars().filter(|c| !('\u{300}'..='\u{36f}').contains(c)).count()
}

fn without_draws(size: Size) -> PosteriorReport {
    let mut out = report(size);
    out.samples.clear();
    out.predictive.clear();
    out.rates.clear();
    out.warnings.clear();
    out.priors = BTreeMap::new();
    out.converged = false;
    out
}

#[test]
fn every_picture_is_a_file_with_something_on_it() {
    let pictures = posterior_pictures(&report_with_shards(USUAL)).unwrap();
    let names: Vec<&str> = pictures.iter().map(|p| p.name.as_str()).collect();
    let expected = [
        "trace.png",
        "rank.png",
        "pair.png",
        "forest.png",
        "energy.png",
        "predictive.png",
        "posterior_rates.png",
        "shards.png",
        "scaling_posterior.png",
    ];
    assert_eq!(names, expected);
    for picture in pictures.iter().chain(&posterior_pictures(&report(ONE)).unwrap()) {
        let (ink, all) = inked(picture);
        assert!(ink > all / 100 && ink < all / 2, "{}: {ink} of {all}", picture.name);
    }
}

#[test]
fn what_is_not_there_is_not_drawn() {
    let few = ["trace.png", "rank.png", "pair.png", "forest.png", "energy.png"];
    assert_eq!(names(&report(ONE))[..5], few);
    assert_eq!(names(&report(ONE))[5..], ["posterior_rates.png"]);
    let mut combined = report_with_shards(SMALL);
    combined.samples.remove(0);
    assert!(!names(&combined).contains(&"energy.png".to_owned()), "no energies of combined draws");
    assert!(names(&combined).contains(&"trace.png".to_owned()));
    assert!(names(&without_draws(SMALL)).is_empty());
}

#[test]
fn the_page_has_every_section() {
    let page = posterior_html(&report_with_shards(USUAL));
    assert_balanced(&page);
    let sections = [
        "badge good\">converged",
        "the chains agree",
        "1 warning",
        "<h2>Parameters",
        "<h2>Likelihood",
        "<h2>Sampler",
        "<h2>Chains",
        "<h2>Ranks",
        "<h2>Energy",
        "<h2>Parameters in pairs",
        "<h2>Correlations of the draws",
        "<h2>Data and posterior",
        "<h2>Rates over time",
        "<h2>CMC and NUTS",
        "<h2>Shards",
        "<h2>Priors",
        "<h2>Contrast, offset and noise",
    ];
    let mut after = 0;
    for part in sections {
        let at = page.find(part).unwrap_or_else(|| panic!("{part}"));
        assert!(at > after, "{part} comes too early");
        after = at;
    }
}

#[test]
fn the_page_tells_every_number() {
    let page = posterior_html(&report_with_shards(USUAL));
    for part in [
        "sd composite (normal)",
        "sd independent pairs",
        "two modes at",
        "fit ± stderr",
        "2976 ± 43",
        "1.002",
        "0.0432",
        "123\u{202f}456",
        "at gamma_dot_t0 &lt; 2.3e-4 &amp; low alpha",
        "its mean is 5 sd from the others",
        "They were drawn anew in 2 rounds",
        "1 takes pairs as independent",
        "<summary>13 bins</summary>",
        "run&lt;1&gt;.hdf",
        "<h2>Provenance</h2>",
        "× 0.61 to × 1.87",
        "0.93, 0.93, 0.93, 0.93",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let plain = posterior_html(&report(SMALL));
    for absent in ["two modes at", "<h2>Shards", "<h2>CMC and NUTS", " bins</summary>"] {
        assert!(!plain.contains(absent), "{absent}");
    }
}

#[test]
fn the_verdict_is_the_status() {
    let mut report = report(SMALL);
    report.converged = false;
    report.verdict = "the chains disagree <".to_owned();
    let page = posterior_html(&report);
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}"));
    assert!(at("badge poor\">not converged") < at("the chains disagree &lt;"));
    assert!(at("the chains disagree") < at("1 warning"));
    assert!(posterior_text(&report).starts_with("posterior of laminar_flow: NOT CONVERGED\n"));
}

#[test]
fn odd_draws_are_drawn_as_far_as_they_can_be() {
    for report in [odd(), without_draws(SMALL), report(ONE)] {
        posterior_pictures(&report).unwrap();
        let (page, text) = (posterior_html(&report), posterior_text(&report));
        assert_balanced(&page);
        for wrong in ["NaN", "inf\"", ">inf<"] {
            assert!(!page.contains(wrong) && !text.contains(wrong), "{wrong}");
        }
    }
    let mut uneven = report(SMALL);
    uneven.samples[0].trace.values[1][0].truncate(3);
    uneven.samples[0].trace.values[2].clear();
    uneven.samples[0].correlations.clear();
    assert_eq!(names(&uneven).len(), 7);
}

#[test]
fn pages_stay_short_however_long_the_chains() {
    let short = Size { parameters: 14, chains: 8, draws: 1000, bins: 40 };
    let page = posterior_html(&report_with_shards(short));
    assert!(page.len() < 3_500_000, "{} bytes", page.len());
    let mut long = report(Size { draws: 20_000, ..short });
    long.samples[0].trace.divergent = vec![(0..20_000).collect(); 8];
    let page = posterior_html(&long);
    assert!(page.len() < 4_500_000, "{} bytes", page.len());
    for told in [
        "892 of 20000 draws a chain",
        "8 of 14 parameters",
        "600 of 160000 draws",
        "200 of 160000 divergent draws",
        "12 of 40 bins",
    ] {
        assert!(page.contains(told), "{told}");
    }
    let many = Size { parameters: 14, chains: 64, draws: 300, bins: 3 };
    let page = posterior_html(&report(many));
    assert!(page.len() < 4_500_000, "{} bytes", page.len());
}

#[test]
fn the_text_fits_110_columns() {
    for report in [report(ONE), report(SMALL), odd(), report_with_shards(USUAL)] {
        for line in posterior_text(&report).lines() {
            assert!(columns(line) <= 110, "{}: {line}", columns(line));
            assert_eq!(line, line.trim_end());
        }
    }
}

#[test]
fn the_text_tells_what_counts() {
    let text = posterior_text(&report_with_shards(USUAL));
    for part in [
        "! 6 draws diverged [divergences]",
        "mean ± sd",
        "(2.363 ± 0.064)×10⁻⁴",
        "NUTS: 4 chains × 700 draws, 123\u{202f}456 evaluations, 6 divergences",
        "likelihood composite with weight 0.0432",
        "× 0.61 to × 1.87",
        "independent pairs would give sd D0 ",
        "D_offset !",
        "CMC against NUTS: means differ by at most 0.2 sd (phi0), widths by a factor of 1.07 (phi0)",
        "units: D0 Å²/s^(1+α), D_offset Å²/s",
        "the chains agree",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    let small = posterior_text(&report(SMALL));
    assert!(!small.contains("CMC") && !small.contains("units:"), "{small}");
}

#[test]
fn tables_too_wide_for_a_line_are_parted() {
    let mut report = report(USUAL);
    report.samples[0].parameters[0].name = "a_name_that_is_longer_than_any_other".to_owned();
    let text = posterior_text(&report);
    assert!(text.lines().all(|line| columns(line) <= 110), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("name ")).count(), 2, "{text}");
}

#[test]
fn the_sample_of_shards_alone_has_a_page() {
    let mut report = report_with_shards(SMALL);
    report.samples = vec![sample("cmc", SMALL, 4)];
    report.comparison = None;
    let page = posterior_html(&report);
    assert_balanced(&page);
    assert!(page.contains("<h2>Shards") && !page.contains("<h2>Energy"));
}
