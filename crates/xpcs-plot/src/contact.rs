//! Small maps of all bins on one sheet.

use dyne_xpcs::report::{BinPicture, Report};

use crate::axes::{LABEL_SIZE, TICK_SIZE};
use crate::colour::ColourMap;
use crate::map::MapLimits;
use crate::number::significant;
use crate::raster::{self, Limits, Tile};
use crate::svg::{Anchor, Frame, Sampling, Svg, TextStyle};

/// Pixels and px along a side of a small map.
const SIDE: usize = 48;
/// Space between two, with room for the number of the bin.
const GAP: usize = 12;
/// Small maps side by side.
const COLUMNS: usize = 18;
/// Room for the name of a row.
const LEFT: f64 = 96.0;
const TOP: f64 = 44.0;

/// What a sheet shows of each bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The data, each map with the colours of its own limits.
    Data,
    /// Data less fit, all maps with the same colours.
    Residual,
}

/// Small maps of all bins, those of one q in rows of their own, with their bin numbers.
///
/// **Edges.** Maps without pixels stay grey. **Cost.** One image of some 3 kB a bin at most.
pub(crate) fn figure(report: &Report, part: Part) -> Svg {
    let rows = rows(&report.pictures);
    let common = common_limits(&report.pictures);
    let mut tiles: Vec<Option<Tile>> = Vec::new();
    for (_, row) in &rows {
        tiles.extend((0..COLUMNS).map(|k| row.get(k).map(|picture| tile(picture, part, common))));
    }
    let colours = if part == Part::Data { ColourMap::Viridis } else { ColourMap::BlueRed };
    let pitch = (SIDE + GAP) as f64;
    let (width, height) = (COLUMNS as f64 * pitch, rows.len() as f64 * pitch);
    let mut svg = Svg::new(LEFT + width, TOP + height);
    svg.text((0.0, 16.0), TextStyle::new(LABEL_SIZE, Anchor::Start), &title(part, common));
    let png = raster::mosaic(&tiles, COLUMNS, (SIDE, GAP), colours);
    let frame = Frame { x: LEFT, y: TOP, w: width, h: height };
    svg.image(frame, &png, Sampling::Pixelated);
    for (k, (name, row)) in rows.iter().enumerate() {
        let y = TOP + k as f64 * pitch;
        svg.text((0.0, y + pitch / 2.0), TextStyle::new(TICK_SIZE, Anchor::Start), name);
        for (column, picture) in row.iter().enumerate() {
            let x = LEFT + column as f64 * pitch + SIDE as f64 / 2.0;
            let style = TextStyle::new(8.0, Anchor::Middle);
            svg.text((x, y - 2.0), style, &picture.bin.to_string());
        }
    }
    svg
}

fn title(part: Part, common: Limits) -> String {
    match part {
        Part::Data => {
            "data of every bin with its number above, each in colours from its own least to largest"
                .to_owned()
        }
        Part::Residual => format!(
            "residuals of every bin, blue to red from −{0} to {0}",
            significant(common.hi, 2)
        ),
    }
}

/// Rows of at most [`COLUMNS`] bins of one q, the first row of a q with its name.
fn rows(pictures: &[BinPicture]) -> Vec<(String, Vec<&BinPicture>)> {
    let mut groups: Vec<Vec<&BinPicture>> = Vec::new();
    for picture in pictures {
        let same = |group: &&mut Vec<&BinPicture>| {
            group.first().is_some_and(|first| (first.q - picture.q).abs() <= 1e-6 * picture.q)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(picture),
            None => groups.push(vec![picture]),
        }
    }
    groups.sort_by(|a, b| a[0].q.total_cmp(&b[0].q));
    groups.iter().flat_map(|group| named(group)).collect()
}

/// The rows of one q.
fn named<'a>(group: &[&'a BinPicture]) -> Vec<(String, Vec<&'a BinPicture>)> {
    let name = |k: usize| match k {
        0 => format!("{} Å⁻¹", significant(group[0].q, 4)),
        _ => String::new(),
    };
    // Rows of nearly the same length.
    let lines = group.len().div_ceil(COLUMNS).max(1);
    let chunks = group.chunks(group.len().div_ceil(lines).max(1)).enumerate();
    chunks.map(|(k, chunk)| (name(k), chunk.to_vec())).collect()
}

/// Limits of the residual of a bin in the middle of all.
fn common_limits(pictures: &[BinPicture]) -> Limits {
    let mut ends: Vec<f64> =
        pictures.iter().map(|picture| MapLimits::of(&picture.map).residual.hi).collect();
    ends.sort_by(f64::total_cmp);
    let hi = ends.get(ends.len() / 2).copied().unwrap_or(1.0);
    Limits { lo: -hi, hi }
}

fn tile(picture: &BinPicture, part: Part, common: Limits) -> Tile {
    let map = &picture.map;
    let (values, limits) = match part {
        Part::Data => (&map.data, MapLimits::of(map).data),
        Part::Residual => (&map.residual, common),
    };
    raster::tile(values, map.pixels, SIDE, limits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dyne_xpcs::report::MapTriple;

    #[test]
    fn each_q_begins_a_row() {
        let bin = |bin: u32, q: f64| BinPicture {
            bin,
            q,
            phi_deg: f64::from(bin),
            map: MapTriple::default(),
            cuts: Vec::new(),
        };
        let pictures: Vec<_> =
            (0..44).map(|k| bin(k, if k % 2 == 0 { 0.01 } else { 0.002 })).collect();
        let rows = rows(&pictures);
        let found: Vec<_> = rows.iter().map(|(name, row)| (name.as_str(), row.len())).collect();
        assert_eq!(found, [("0.002 Å⁻¹", 11), ("", 11), ("0.01 Å⁻¹", 11), ("", 11)]);
    }
}
