//! What can go wrong when pictures are made.

/// A picture could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// The drawing was refused by the renderer.
    #[error(
        "drawing of {picture}: the renderer refused the drawing ({reason}), expected valid SVG\n\
         use the HTML report and report the fault"
    )]
    Drawing {
        /// Name of the picture.
        picture: String,
        /// The renderer's words.
        reason: String,
    },
    /// The pixels could not be allocated.
    #[error(
        "canvas of {picture}: {width} × {height} pixels could not be allocated, expected 1 to 32767 a side\n\
         reduce the number of free parameters or of bins in one report"
    )]
    Canvas {
        /// Name of the picture.
        picture: String,
        /// Width, px.
        width: u32,
        /// Height, px.
        height: u32,
    },
    /// The pixels could not be written as PNG.
    #[error(
        "encoding of {picture}: the encoder refused the pixels ({reason})\nuse the HTML report and report the fault"
    )]
    Encoding {
        /// Name of the picture.
        picture: String,
        /// The encoder's words.
        reason: String,
    },
}
