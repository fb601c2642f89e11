//! Correlations of the physical parameters.

use dyne_xpcs::report::{Covariance, ParameterResult, Report};

use crate::axes::{LABEL_SIZE, TICK_SIZE};
use crate::colour::{ColourMap, INK, PAPER, is_light};
use crate::map::draw_bar;
use crate::raster::Limits;
use crate::svg::{Anchor, Frame, Stroke, Svg, TextStyle};

const CELL: f64 = 46.0;
const TOP: f64 = 8.0;
const RIGHT: f64 = 76.0;
const BOTTOM: f64 = 26.0;
/// Room that the colour bar needs whatever the number of cells.
const LEAST_HEIGHT: f64 = 120.0;

/// Correlation matrix of the leading physical parameters, row-major, unit-free.
///
/// **Formula.** r_ij = V_ij / √(V_ii V_jj). **Edges.** NaN where a variance is not positive or an element is absent;
/// 1 on the diagonal otherwise. **Checked by** `correlations_from_covariance`.
pub(crate) fn correlations(covariance: &Covariance) -> Vec<Vec<f64>> {
    let n = covariance.physical.min(covariance.names.len());
    let element = |i: usize, j: usize| {
        covariance.matrix.get(i).and_then(|row| row.get(j)).copied().unwrap_or(f64::NAN)
    };
    let deviation: Vec<f64> =
        (0..n).map(|i| element(i, i)).map(|v| if v > 0.0 { v.sqrt() } else { f64::NAN }).collect();
    (0..n)
        .map(|i| (0..n).map(|j| element(i, j) / (deviation[i] * deviation[j])).collect())
        .collect()
}

/// The matrix as coloured cells with numbers; absent where there is no covariance or no free physical parameter.
pub(crate) fn figure(report: &Report) -> Option<Svg> {
    let covariance = report.covariance.as_ref().ok().filter(|c| c.physical > 0)?;
    let matrix = correlations(covariance);
    let symbols: Vec<_> =
        covariance.names.iter().map(|name| symbol(&report.parameters, name)).collect();
    Some(cells(&matrix, &symbols[..matrix.len()]))
}

/// Any square matrix of correlations as coloured cells, a symbol a row.
pub(crate) fn cells(matrix: &[Vec<f64>], symbols: &[&str]) -> Svg {
    let side = CELL * matrix.len() as f64;
    let left = label_room(symbols);
    let mut svg = Svg::new(left + side + RIGHT, (TOP + side + BOTTOM).max(LEAST_HEIGHT));
    for (i, row) in matrix.iter().enumerate() {
        let middle = (i as f64 + 0.5) * CELL;
        svg.symbol(
            (left - 9.0, TOP + middle + 4.0),
            TextStyle::new(LABEL_SIZE, Anchor::End),
            symbols[i],
        );
        svg.symbol(
            (left + middle, TOP + side + 18.0),
            TextStyle::new(LABEL_SIZE, Anchor::Middle),
            symbols[i],
        );
        for (j, value) in row.iter().enumerate() {
            draw_cell(&mut svg, (left + j as f64 * CELL, TOP + i as f64 * CELL), *value);
        }
    }
    svg.outline(Frame { x: left, y: TOP, w: side, h: side }, Stroke::solid(INK, 1.0));
    let bar =
        Frame { x: left + side + 16.0, y: TOP, w: 12.0, h: side.max(LEAST_HEIGHT - 2.0 * TOP) };
    draw_bar(&mut svg, bar, Limits { lo: -1.0, hi: 1.0 }, ColourMap::BlueRed);
    svg
}

fn draw_cell(svg: &mut Svg, (x, y): (f64, f64), value: f64) {
    let colour = ColourMap::BlueRed.at((value + 1.0) / 2.0);
    svg.fill(Frame { x, y, w: CELL, h: CELL }, colour);
    let ink = if is_light(colour) { INK } else { PAPER };
    let style = TextStyle { size: TICK_SIZE, anchor: Anchor::Middle, colour: ink };
    svg.text((x + CELL / 2.0, y + CELL / 2.0 + 4.0), style, &number(value));
}

/// A correlation with two decimals, or three where two would make it one that it is not.
fn number(value: f64) -> String {
    let text = match value {
        v if v.is_nan() => "–".to_owned(),
        v if v.abs() < 0.995 || v.abs() > 1.0 - 1e-9 => format!("{v:.2}"),
        v => format!("{:.3}", v.signum() * (v.abs() * 1e3).floor() / 1e3),
    };
    text.replace('-', "−")
}

/// Room for the labels of rows, from their longest.
fn label_room(symbols: &[&str]) -> f64 {
    let longest = symbols.iter().map(|s| s.chars().count()).max().unwrap_or(0);
    (24.0 + 0.7 * LABEL_SIZE * longest as f64).round()
}

fn symbol<'a>(parameters: &'a [ParameterResult], name: &'a str) -> &'a str {
    parameters.iter().find(|p| p.name == name).map_or(name, |p| &p.symbol)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_printed_as_one() {
        let texts = [-0.998, 0.9996, 1.0, -0.62, f64::NAN].map(number);
        assert_eq!(texts, ["−0.998", "0.999", "1.00", "−0.62", "–"]);
    }

    #[test]
    fn correlations_from_covariance() {
        let covariance = Covariance {
            names: ["a", "b", "c", "contrast[0]"].map(str::to_owned).to_vec(),
            matrix: vec![
                vec![4.0, -3.0, 0.0, 1.0],
                vec![-3.0, 9.0, 0.0, 1.0],
                vec![0.0, 0.0, 0.0, 0.0],
                vec![1.0, 1.0, 0.0, 1.0],
            ],
            method: "sandwich".to_owned(),
            physical: 3,
        };
        let r = correlations(&covariance);
        assert_eq!(r.len(), 3, "scaling is left out");
        assert_eq!((r[0][0], r[0][1], r[1][0]), (1.0, -0.5, -0.5));
        assert!(
            r[2][2].is_nan() && r[0][2].is_nan(),
            "a parameter without variance has no correlation"
        );
    }
}
