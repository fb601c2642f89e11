//! Colour maps.

/// Red, green, blue, each 0 … 255.
pub(crate) type Rgb = [u8; 3];

/// Text, axes and lines.
pub(crate) const INK: Rgb = [34, 34, 34];
/// Secondary lines.
pub(crate) const FAINT: Rgb = [150, 150, 150];
/// Pixels without a value.
pub(crate) const MISSING: Rgb = [217, 217, 217];
/// Ground of every figure.
pub(crate) const PAPER: Rgb = [255, 255, 255];

/// A named map from 0 … 1 to colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColourMap {
    /// Perceptually uniform, dark blue to yellow: data and model.
    Viridis,
    /// Blue through white to red: quantities with a meaningful zero at 0.5.
    BlueRed,
}

/// Source: viridis of S. van der Walt and N. Smith (2015, CC0), every eighth of 256 entries; between them the linear
/// interpolation departs from the full table by at most 3 of 255 steps.
const VIRIDIS: [Rgb; 33] = [
    [68, 1, 84],
    [71, 13, 96],
    [72, 24, 106],
    [72, 35, 116],
    [71, 45, 123],
    [69, 55, 129],
    [66, 64, 134],
    [62, 73, 137],
    [59, 82, 139],
    [55, 91, 141],
    [51, 99, 141],
    [47, 107, 142],
    [44, 114, 142],
    [41, 122, 142],
    [38, 130, 142],
    [35, 137, 142],
    [33, 145, 140],
    [31, 152, 139],
    [31, 160, 136],
    [34, 167, 133],
    [40, 174, 128],
    [50, 182, 122],
    [63, 188, 115],
    [78, 195, 107],
    [94, 201, 98],
    [112, 207, 87],
    [132, 212, 75],
    [152, 216, 62],
    [173, 220, 48],
    [194, 223, 35],
    [216, 226, 25],
    [236, 229, 27],
    [253, 231, 37],
];

/// Source: the eleven-class RdBu scheme of C. Brewer, colorbrewer2.org (Apache-2.0), reversed.
const BLUE_RED: [Rgb; 11] = [
    [5, 48, 97],
    [33, 102, 172],
    [67, 147, 195],
    [146, 197, 222],
    [209, 229, 240],
    [247, 247, 247],
    [253, 219, 199],
    [244, 165, 130],
    [214, 96, 77],
    [178, 24, 43],
    [103, 0, 31],
];

impl ColourMap {
    /// Colour at a fraction of the range; fractions outside 0 … 1 take the end colours, NaN the colour of missing
    /// values. **Checked by** `ends_and_middle`, `viridis_grows_lighter`.
    pub(crate) fn at(self, fraction: f64) -> Rgb {
        let anchors: &[Rgb] = match self {
            Self::Viridis => &VIRIDIS,
            Self::BlueRed => &BLUE_RED,
        };
        if fraction.is_nan() {
            return MISSING;
        }
        let place = fraction.clamp(0.0, 1.0) * (anchors.len() - 1) as f64;
        let below = (place as usize).min(anchors.len() - 2);
        let part = place - below as f64;
        let mix = |k: usize| {
            let (a, b) = (f64::from(anchors[below][k]), f64::from(anchors[below + 1][k]));
            (a + (b - a) * part).round() as u8
        };
        [mix(0), mix(1), mix(2)]
    }
}

/// Whether black text reads better than white on a colour: luma of ITU-R BT.601 above 140 of 255.
pub(crate) fn is_light(rgb: Rgb) -> bool {
    luma(rgb) > 140.0
}

fn luma([r, g, b]: Rgb) -> f64 {
    0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_middle() {
        assert_eq!(ColourMap::Viridis.at(0.0), [68, 1, 84]);
        assert_eq!(ColourMap::Viridis.at(1.0), [253, 231, 37]);
        assert_eq!(ColourMap::Viridis.at(7.0), [253, 231, 37]);
        assert_eq!(ColourMap::BlueRed.at(-1.0), [5, 48, 97]);
        assert_eq!(ColourMap::BlueRed.at(0.5), [247, 247, 247]);
        assert_eq!(ColourMap::BlueRed.at(1.0), [103, 0, 31]);
        assert_eq!(ColourMap::BlueRed.at(f64::NAN), MISSING);
    }

    #[test]
    fn viridis_grows_lighter() {
        let lumas: Vec<f64> =
            (0..=100).map(|k| luma(ColourMap::Viridis.at(f64::from(k) / 100.0))).collect();
        assert!(lumas.windows(2).all(|w| w[1] > w[0] - 0.5));
    }

    #[test]
    fn text_on_yellow_is_black_and_on_blue_white() {
        assert!(is_light(ColourMap::Viridis.at(1.0)));
        assert!(!is_light(ColourMap::Viridis.at(0.0)));
    }
}
