//! A small writer of SVG: the marks that the figures need and no more.

use std::fmt::{self, Display, Write};

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::colour::{INK, Rgb};
use crate::notation;

/// Font of every text; the bundled one where pixels are made, the reader's where a browser draws.
pub(crate) const FONT: &str = "DejaVu Sans";

/// A drawing under construction; lengths in px, y downwards.
#[derive(Debug, Clone)]
pub(crate) struct Svg {
    /// Width of the canvas.
    pub(crate) width: f64,
    /// Height of the canvas.
    pub(crate) height: f64,
    body: String,
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stroke {
    /// Colour.
    pub(crate) colour: Rgb,
    /// Width, px.
    pub(crate) width: f64,
    /// Dash pattern of SVG; empty for a full line.
    pub(crate) dash: &'static str,
}

impl Stroke {
    /// A full line.
    pub(crate) fn solid(colour: Rgb, width: f64) -> Self {
        Self { colour, width, dash: "" }
    }
}

/// Which point of a text is put at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// Left end.
    Start,
    /// Middle.
    Middle,
    /// Right end.
    End,
}

/// How a text is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextStyle {
    /// Size, px.
    pub(crate) size: f64,
    /// Point put at the place.
    pub(crate) anchor: Anchor,
    /// Colour.
    pub(crate) colour: Rgb,
}

impl TextStyle {
    /// Text in the ink colour.
    pub(crate) fn new(size: f64, anchor: Anchor) -> Self {
        Self { size, anchor, colour: INK }
    }
}

/// A rectangle in px.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    /// Left edge.
    pub(crate) x: f64,
    /// Upper edge.
    pub(crate) y: f64,
    /// Width.
    pub(crate) w: f64,
    /// Height.
    pub(crate) h: f64,
}

/// How an image is enlarged or reduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sampling {
    /// Every pixel keeps hard edges.
    Pixelated,
    /// Pixels are averaged.
    Smooth,
}

impl Svg {
    /// An empty drawing.
    pub(crate) fn new(width: f64, height: f64) -> Self {
        Self { width, height, body: String::new() }
    }

    /// The drawing as a document that fills the width it is given, with a name for screen readers.
    pub(crate) fn inline(&self, label: &str) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\" \
             font-family=\"{FONT}, sans-serif\">{}</svg>",
            Px(self.width),
            Px(self.height),
            notation::escape(label),
            self.body
        )
    }

    /// The drawing as a document of fixed size on white ground.
    pub(crate) fn document(&self) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
             font-family=\"{FONT}\"><rect width=\"{w}\" height=\"{h}\" fill=\"#fff\"/>{body}</svg>",
            w = Px(self.width),
            h = Px(self.height),
            body = self.body
        )
    }

    /// Panels of one size in rows of so many, with room above and below.
    pub(crate) fn tiled(panels: &[Self], columns: usize, (above, below): (f64, f64)) -> Self {
        let (width, height) = panels.first().map_or((0.0, 0.0), |p| (p.width, p.height));
        let (across, rows) = (panels.len().min(columns), panels.len().div_ceil(columns));
        let mut svg = Self::new(width * across as f64, above + height * rows as f64 + below);
        for (k, panel) in panels.iter().enumerate() {
            let (column, row) = ((k % columns) as f64, (k / columns) as f64);
            svg.place((column * width, above + row * height), panel);
        }
        svg
    }

    /// Puts another drawing with its upper left corner at a point.
    pub(crate) fn place(&mut self, (x, y): (f64, f64), other: &Self) {
        self.push(format_args!(
            "<g transform=\"translate({} {})\">{}</g>",
            Px(x),
            Px(y),
            other.body
        ));
    }

    /// Puts another drawing over this one, at the same place, so that what lies below shows through.
    pub(crate) fn veil(&mut self, opacity: f64, other: &Self) {
        if !other.body.is_empty() {
            self.push(format_args!("<g opacity=\"{opacity}\">{}</g>", other.body));
        }
    }

    /// An unfilled path from path data.
    pub(crate) fn path(&mut self, data: &str, stroke: Stroke) {
        let dash = match stroke.dash {
            "" => String::new(),
            dash => format!(" stroke-dasharray=\"{dash}\""),
        };
        self.push(format_args!(
            "<path d=\"{data}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"{dash}/>",
            Hex(stroke.colour),
            Px(stroke.width)
        ));
    }

    /// The inside of a closed outline.
    pub(crate) fn area(&mut self, data: &str, colour: Rgb, opacity: f64) {
        if !data.is_empty() {
            self.push(format_args!(
                "<path d=\"{data}Z\" fill=\"{}\" fill-opacity=\"{opacity}\" stroke=\"none\"/>",
                Hex(colour)
            ));
        }
    }

    /// Filled discs of one radius: strokes with round ends and next to no length, the shortest form there is.
    pub(crate) fn discs(&mut self, centres: &[(f64, f64)], radius: f64, colour: Rgb) {
        let mut data = String::new();
        for &(x, y) in centres {
            append(&mut data, format_args!("M{} {}h.01", Px(x), Px(y)));
        }
        self.push(format_args!(
            "<path d=\"{data}\" stroke=\"{}\" stroke-width=\"{}\" stroke-linecap=\"round\"/>",
            Hex(colour),
            Px(2.0 * radius)
        ));
    }

    /// A filled rectangle.
    pub(crate) fn fill(&mut self, frame: Frame, colour: Rgb) {
        let Frame { x, y, w, h } = frame;
        self.push(format_args!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>",
            Px(x),
            Px(y),
            Px(w),
            Px(h),
            Hex(colour)
        ));
    }

    /// The outline of a rectangle.
    pub(crate) fn outline(&mut self, Frame { x, y, w, h }: Frame, stroke: Stroke) {
        let data = format!("M{} {}h{}v{}h{}z", Px(x), Px(y), Px(w), Px(h), Px(-w));
        self.path(&data, stroke);
    }

    /// A PNG stretched over a rectangle.
    pub(crate) fn image(&mut self, Frame { x, y, w, h }: Frame, png: &[u8], sampling: Sampling) {
        let rendering = match sampling {
            Sampling::Pixelated => " image-rendering=\"pixelated\"",
            Sampling::Smooth => "",
        };
        self.push(format_args!(
            "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\"{rendering} \
             href=\"data:image/png;base64,{}\"/>",
            Px(x),
            Px(y),
            Px(w),
            Px(h),
            BASE64_STANDARD.encode(png)
        ));
    }

    /// A text, taken as it stands.
    pub(crate) fn text(&mut self, at: (f64, f64), style: TextStyle, content: &str) {
        self.text_element(
            &format!("x=\"{}\" y=\"{}\"", Px(at.0), Px(at.1)),
            style,
            &notation::escape(content),
        );
    }

    /// A symbol, whose `_` and `^` become sub- and superscripts.
    pub(crate) fn symbol(&mut self, at: (f64, f64), style: TextStyle, content: &str) {
        self.text_element(
            &format!("x=\"{}\" y=\"{}\"", Px(at.0), Px(at.1)),
            style,
            &notation::svg(content),
        );
    }

    /// A text that reads upwards.
    pub(crate) fn text_upwards(&mut self, at: (f64, f64), style: TextStyle, content: &str) {
        let place = format!("transform=\"translate({} {}) rotate(-90)\"", Px(at.0), Px(at.1));
        self.text_element(&place, style, &notation::escape(content));
    }

    /// A symbol that reads upwards.
    pub(crate) fn symbol_upwards(&mut self, at: (f64, f64), style: TextStyle, content: &str) {
        let place = format!("transform=\"translate({} {}) rotate(-90)\"", Px(at.0), Px(at.1));
        self.text_element(&place, style, &notation::svg(content));
    }

    fn text_element(&mut self, place: &str, style: TextStyle, escaped: &str) {
        if escaped.is_empty() {
            return;
        }
        let anchor = match style.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        self.push(format_args!(
            "<text {place} font-size=\"{}\" fill=\"{}\"{anchor}>{escaped}</text>",
            Px(style.size),
            Hex(style.colour)
        ));
    }

    fn push(&mut self, piece: fmt::Arguments) {
        append(&mut self.body, piece);
    }
}

/// Appends formatted text.
pub(crate) fn append(out: &mut String, piece: fmt::Arguments) {
    out.write_fmt(piece).expect("writing into a string cannot fail");
}

/// Path data of a polyline; points that are not finite break it.
pub(crate) fn polyline(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    let mut out = String::new();
    let mut command = 'M';
    for (x, y) in points {
        if x.is_finite() && y.is_finite() {
            append(&mut out, format_args!("{command}{} {}", Px(x), Px(y)));
            command = 'L';
        } else {
            command = 'M';
        }
    }
    out
}

/// A length with at most two decimals.
#[derive(Clone, Copy)]
pub(crate) struct Px(pub(crate) f64);

impl Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = (self.0 * 100.0).round() as i64;
        let sign = if hundredths < 0 { "-" } else { "" };
        let (whole, part) = (hundredths.abs() / 100, hundredths.abs() % 100);
        match part {
            0 => write!(f, "{sign}{whole}"),
            p if p % 10 == 0 => write!(f, "{sign}{whole}.{}", p / 10),
            p => write!(f, "{sign}{whole}.{p:02}"),
        }
    }
}

struct Hex(Rgb);

impl Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [r, g, b] = self.0;
        write!(f, "#{r:02x}{g:02x}{b:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_short() {
        let texts: Vec<_> =
            [1.0, -0.5, 2.346, -0.001, 10.05].iter().map(|v| Px(*v).to_string()).collect();
        assert_eq!(texts, ["1", "-0.5", "2.35", "0", "10.05"]);
    }

    #[test]
    fn missing_points_break_a_line() {
        let points = [(0.0, 0.0), (1.0, 1.0), (2.0, f64::NAN), (3.0, 3.0), (4.0, 4.0)];
        assert_eq!(polyline(points), "M0 0L1 1M3 3L4 4");
    }
}
