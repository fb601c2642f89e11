//! Figures and the HTML report, drawn from a report alone.
//!
//! [`html`] makes one page that opens without a network, [`text`] the same facts as plain text, [`brief`] the answer in
//! a few lines for a terminal, [`pictures`] the figures as PNG files with the bundled font DejaVu Sans; `g2_…` and `posterior_…` do so for the other reports. Every figure is first an SVG drawing, so the page and the
//! files show the same.

mod axes;
mod brief;
mod cells;
mod colour;
mod contact;
mod correlation;
mod coverage;
mod curves;
mod cuts;
mod error;
mod facts;
mod g2;
mod html;
mod map;
mod notation;
mod number;
mod picture;
mod posterior;
mod ranks;
mod raster;
mod scaling;
mod svg;
mod telling;
mod text;
mod tick;

pub use brief::brief;
pub use coverage::coverage_picture;
pub use error::PlotError;
pub use g2::{g2_html, g2_pictures, g2_text};
pub use html::{html, map_pixels};
pub use number::{significant, value_or_mark, value_with_error};
pub use picture::{Picture, bin_pictures, pictures, summary_pictures};
pub use posterior::{posterior_html, posterior_pictures, posterior_text};
pub use ranks::rank_picture;
pub use telling::telling;
pub use text::{details, text};

/// Name of a bin for titles.
pub(crate) fn caption(phi_deg: f64, q: f64) -> String {
    format!("φ = {}, q = {} Å⁻¹", facts::degrees(phi_deg), number::significant(q, 4))
}
