//! The report as one HTML page that needs no network.

mod bins;
mod sections;
mod tables;

use dyne_xpcs::report::Report;

use crate::facts;
use crate::notation::escape;
use crate::raster::{NOISE_BYTES, SMOOTH_BYTES};
use crate::telling::telling;

pub(crate) use sections::{figure as drawing_in, warning_list};
pub(crate) use tables::{facts, table};

/// Bytes of a page that do not depend on the number of bins, with room for a long plan.
const PAGE_BYTES: usize = 100_000;
/// Bytes of the drawings and tables of one bin without its maps.
const BIN_BYTES: usize = 32_000;
/// Bytes of noisy data, smooth fit and noisy residual per pixel of one map, in base64.
const PIXEL_BYTES: f64 = (2.0 * NOISE_BYTES + SMOOTH_BYTES) * 4.0 / 3.0;
/// What a page of any number of bins aims to stay under, bytes.
const AIM: usize = 4_500_000;

/// Writes the report as one self-contained HTML page.
///
/// The first screen holds the verdict with its reasons, the maps of the bin that tells most, the headline and the
/// parameters; then come the rates, the other bins (above 12 a sheet of small maps and four in full), and, folded, all
/// that the numbers rest on. **Edges.** Absent covariance, cuts and maps are said to be absent, with the reason where the
/// report has one; NaN pixels are grey. **Cost.** About 7 ms a bin shown with maps of 200 × 200 pixels; see
/// [`map_pixels`] for the bytes. **Checked by** the tests in `tests/it/page.rs`.
pub fn html(report: &Report) -> String {
    let telling = telling(report);
    let mut page = String::with_capacity(1 << 20);
    page.push_str(&sections::heading(report));
    page.push_str(&bins::first(report, &telling));
    page.push_str(&sections::headline(report));
    page.push_str(&sections::parameters(report));
    page.push_str(&sections::others(report));
    page.push_str(&sections::mask(report));
    page.push_str(&sections::rates(report));
    page.push_str(&bins::others(report, &telling));
    page.push_str(&sections::scaling(report));
    page.push_str(&sections::lack_of_fit(report));
    page.push_str(&sections::error_bars(report));
    page.push_str(&sections::identifiability(report));
    page.push_str(&sections::correlation(report));
    page.push_str(&sections::basins(report));
    page.push_str(&sections::noise(report));
    page.push_str(&sections::provenance(report));
    document(&title(report), &page)
}

/// A page around its content.
pub(crate) fn document(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        escape(title),
        include_str!("html/page.css")
    )
}

/// Pixels along a side of each map so that the page of so many bins stays under 4.5 MB even where data and
/// residual are pure noise.
///
/// **Formula.** √((4.5 MB − page − bins · drawings)/(bins · bytes a pixel of three maps)), held in 64 … 512, rounded
/// down to a multiple of 4. **Edges.** Above about 100 bins the lower end holds and the page may grow beyond.
/// **Checked by** `map_pixels_fall_with_the_bins` and `noise_at_the_chosen_resolution_fits` in `tests/it/page.rs`.
pub fn map_pixels(bins: usize) -> usize {
    let bins = bins.max(1);
    let room = AIM.saturating_sub(PAGE_BYTES + bins * BIN_BYTES) as f64;
    let side = (room / (bins as f64 * PIXEL_BYTES)).sqrt() as usize;
    side.clamp(64, 512) / 4 * 4
}

fn title(report: &Report) -> String {
    format!(
        "{}, {}, {}",
        report.mode,
        facts::q_range(report),
        facts::file_name(&report.provenance.file)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn map_pixels_fall_with_the_bins() {
        assert_eq!(map_pixels(0), 512);
        assert_eq!(map_pixels(1), 512);
        assert!((240..=256).contains(&map_pixels(23)), "{}", map_pixels(23));
        assert_eq!(map_pixels(10_000), 64);
        assert!((1..200).all(|n| map_pixels(n + 1) <= map_pixels(n)));
    }
}
