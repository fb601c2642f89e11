//! Maps and cuts on the page.

use dyne_xpcs::report::{BinPicture, Report};

use super::sections::{drawing, figure, folded};
use super::tables;
use crate::contact::{self, Part};
use crate::facts::{self, Fact};
use crate::number::significant;
use crate::{caption, cells, cuts, map};

/// More bins than this get an index.
const INDEX_FROM: usize = 4;

/// The bin that tells most, in full.
pub(super) fn first(report: &Report, telling: &[&BinPicture]) -> String {
    let Some(picture) = telling.first() else { return String::new() };
    let which = match report.pictures.len() {
        1 => "",
        _ => ", the one that tells most",
    };
    format!(
        "<section class=\"bin\" id=\"bin-{bin}\">\n<h2>{caption} <small>bin {bin}{which}</small></h2>\n{maps}</section>\n",
        bin = picture.bin,
        caption = caption(picture.phi_deg, picture.q),
        maps = maps(report, picture)
    )
}

/// Cuts of the first bin, then the others with a sheet of all where they are many.
pub(super) fn others(report: &Report, telling: &[&BinPicture]) -> String {
    let Some((first, rest)) = telling.split_first() else { return String::new() };
    let mut out = format!(
        "<section class=\"bin\">\n<h2>Cuts <small>{}, bin {}</small></h2>\n{}</section>\n",
        caption(first.phi_deg, first.q),
        first.bin,
        below(report, first)
    );
    if report.pictures.len() > telling.len() {
        let sheets = [Part::Data, Part::Residual];
        let sheets = sheets.map(|part| figure(&contact::figure(report, part), "maps of all bins"));
        out.push_str(&format!(
            "<section class=\"whole\">\n<h2>All {} bins</h2>\n{}</section>\n",
            report.pictures.len(),
            sheets.concat()
        ));
    }
    let mut rest = rest.to_vec();
    if report.pictures.len() == telling.len() {
        let place = |p: &&BinPicture| report.pictures.iter().position(|other| other.bin == p.bin);
        rest.sort_by_key(place);
        if telling.len() > INDEX_FROM {
            out.push_str(&index(report));
        }
    }
    out.extend(rest.iter().map(|picture| bin(report, picture)));
    out
}

/// Links to the bins, by φ, grouped by q.
fn index(report: &Report) -> String {
    let mut out = String::from("<nav aria-label=\"bins\">\n");
    let mut last_q = String::new();
    for picture in &report.pictures {
        let q = significant(picture.q, 4);
        if q != last_q {
            out.push_str(&format!("<span>q = {q} Å⁻¹, φ:</span>\n"));
            last_q = q;
        }
        let degrees = facts::degrees(picture.phi_deg);
        out.push_str(&format!("<a href=\"#bin-{}\">{degrees}</a>\n", picture.bin));
    }
    out.push_str("</nav>\n");
    out
}

/// One of the further bins, folded; a link to it opens it.
fn bin(report: &Report, picture: &BinPicture) -> String {
    let content = format!(
        "<section class=\"bin inside\" id=\"bin-{}\">\n{}{}</section>\n",
        picture.bin,
        maps(report, picture),
        below(report, picture)
    );
    folded(&format!("{}, bin {}", caption(picture.phi_deg, picture.q), picture.bin), &content)
}

fn maps(report: &Report, picture: &BinPicture) -> String {
    let names = ["data", "fit", "residual"];
    let panels = map::panels(&picture.map);
    let mut panels: String =
        panels.iter().zip(names).map(|(svg, name)| drawing(svg, name)).collect();
    if let Some(svg) = cells::panel(report, picture.bin) {
        panels.push_str(&drawing(&svg, "mean residual over its error by lag and age"));
    }
    format!("<div class=\"maps\">\n{panels}</div>\n")
}

fn below(report: &Report, picture: &BinPicture) -> String {
    format!(
        "<div class=\"below\">\n{}{}</div>\n",
        figure(&cuts::figure(&picture.cuts), "cuts against lag"),
        tables::facts(&bin_facts(report, picture))
    )
}

fn bin_facts(report: &Report, picture: &BinPicture) -> Vec<Fact> {
    let mut out = Vec::new();
    if let Some(s) = report.scaling.iter().find(|s| s.bin == picture.bin) {
        out.push(("contrast", facts::contrast(s)));
        out.push(("offset", facts::offset(s)));
        out.push(("residual rms", significant(s.residual_rms, 3)));
    }
    let map = &picture.map;
    let limits = map::MapLimits::of(map);
    let pixel = (map.t_end_s - map.t_start_s) / map.pixels.max(1) as f64;
    out.push(("pixel of the maps", format!("{} s", significant(pixel, 3))));
    let (lo, hi) = (significant(limits.data.lo, 5), significant(limits.data.hi, 5));
    out.push(("colours of data and fit", format!("{lo} to {hi}")));
    out.push(("colours of the residual", format!("± {}", significant(limits.residual.hi, 3))));
    out
}
