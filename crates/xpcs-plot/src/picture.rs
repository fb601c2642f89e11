//! The figures as PNG files.

use std::io::Write;
use std::sync::{Arc, LazyLock};

use dyne_xpcs::report::{BinPicture, Report};
use png::{BitDepth, ColorType, Compression, Encoder, EncodingError};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, fontdb::Database};

use crate::svg::{FONT, Svg};
use crate::{PlotError, contact, correlation, curves, cuts, map, scaling, telling};

/// Pixels of the file for one px of the drawing.
const ENLARGEMENT: f64 = 2.0;

/// Name of the sheet of small maps.
const SHEET: &str = "sheet.png";

static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    fonts.load_font_data(include_bytes!("../fonts/DejaVuSans.ttf").to_vec());
    Arc::new(fonts)
});

/// One picture as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// File name (`map_003.png`).
    pub name: String,
    /// Content of the file.
    pub png: Vec<u8>,
}

/// Draws all pictures of a report: [`bin_pictures`] of every bin, then [`summary_pictures`].
///
/// **Cost.** About 80 ms a bin; bins are independent, so a caller with several cores maps [`bin_pictures`] over them.
///
/// **Errors.** [`PlotError`] where the renderer refuses a drawing.
pub fn pictures(report: &Report) -> Result<Vec<Picture>, PlotError> {
    let mut out = Vec::new();
    for picture in &report.pictures {
        out.extend(bin_pictures(picture)?);
    }
    out.extend(summary_pictures(report)?);
    Ok(out)
}

/// Draws the pictures of one bin: `map_<bin>.png` with data, fit and residual, and `cuts_<bin>.png`; the bin number of
/// the file has at least three digits.
///
/// **Errors.** [`PlotError`] where the renderer refuses a drawing.
pub fn bin_pictures(picture: &BinPicture) -> Result<[Picture; 2], PlotError> {
    let map = rasterise(format!("map_{:03}.png", picture.bin), &map::triptych(picture))?;
    let cuts = rasterise(format!("cuts_{:03}.png", picture.bin), &cuts::titled_figure(picture))?;
    Ok([map, cuts])
}

/// Draws the pictures of the fit as a whole: `correlation.png` where there is a covariance, `scaling.png` for three or
/// more azimuths, `rates.png` of the functions of time, `profiles.png` where profiles were asked for, `sheet.png` with
/// small maps of all bins where there are more than 12.
///
/// **Errors.** [`PlotError`] where the renderer refuses a drawing.
pub fn summary_pictures(report: &Report) -> Result<Vec<Picture>, PlotError> {
    let figures = [
        ("correlation.png", correlation::figure(report)),
        ("scaling.png", scaling::figure(report)),
        ("rates.png", curves::figure(report)),
        ("profiles.png", curves::profiles(report)),
        (SHEET, sheet(report)),
    ];
    let drawn = figures.into_iter().filter_map(|(name, svg)| svg.map(|svg| (name.to_owned(), svg)));
    drawn.map(|(name, svg)| rasterise(name, &svg)).collect()
}

/// Small maps of all bins, data above residuals, where there are too many for maps of their own.
fn sheet(report: &Report) -> Option<Svg> {
    (report.pictures.len() > telling::ALL_UP_TO).then(|| {
        let parts = [contact::Part::Data, contact::Part::Residual];
        let [data, residual] = parts.map(|part| contact::figure(report, part));
        Svg::tiled(&[data, residual], 1, (0.0, 0.0))
    })
}

pub(crate) fn rasterise(name: String, svg: &Svg) -> Result<Picture, PlotError> {
    let options =
        usvg::Options { font_family: FONT.to_owned(), fontdb: FONTS.clone(), ..Default::default() };
    let tree = usvg::Tree::from_str(&svg.document(), &options)
        .map_err(|e| PlotError::Drawing { picture: name.clone(), reason: e.to_string() })?;
    let (width, height) = (device_pixels(svg.width), device_pixels(svg.height));
    let mut pixmap = Pixmap::new(width, height).ok_or_else(|| PlotError::Canvas {
        picture: name.clone(),
        width,
        height,
    })?;
    let scale = ENLARGEMENT as f32;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
    // Small maps have pixels of many px, which pack well.
    let compression = if name == SHEET { Compression::Balanced } else { Compression::Fast };
    match encode(&pixmap, compression) {
        Ok(png) => Ok(Picture { name, png }),
        Err(e) => Err(PlotError::Encoding { picture: name, reason: e.to_string() }),
    }
}

/// Drawings have an opaque ground, so the fourth channel says nothing and is left out.
fn encode(pixmap: &Pixmap, compression: Compression) -> Result<Vec<u8>, EncodingError> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, pixmap.width(), pixmap.height());
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(compression);
    let mut header = encoder.write_header()?;
    // Row by row, as another copy of a picture is large.
    let mut rows = header.stream_writer()?;
    let mut rgb = Vec::new();
    for row in pixmap.pixels().chunks(pixmap.width() as usize) {
        rgb.clear();
        rgb.extend(row.iter().flat_map(|p| [p.red(), p.green(), p.blue()]));
        rows.write_all(&rgb)?;
    }
    rows.finish()?;
    drop(header);
    Ok(out)
}

fn device_pixels(length: f64) -> u32 {
    (length * ENLARGEMENT).ceil() as u32
}
