//! Panels under a legend, with notes below: the frame of every figure of a posterior.

use super::legend::Legend;
use crate::axes::{LABEL_SIZE, TICK_SIZE};
use crate::svg::{Anchor, Frame, Svg, TextStyle};

/// Width of a figure, px.
pub(super) const WIDTH: f64 = 860.0;
/// Left edge of legend and notes.
const MARGIN: f64 = 24.0;
/// Height of a line of notes.
const LINE: f64 = 16.0;
/// Characters of a note that fit in a line.
const CHARACTERS: f64 = 6.4;

/// Extent of a panel and the room around its data, px.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) left: f64,
    pub(super) bottom: f64,
}

/// Room above and to the right of the data.
const TOP: f64 = 30.0;
const RIGHT: f64 = 16.0;

/// A panel of half the width.
pub(super) const HALF: Size = Size { width: WIDTH / 2.0, height: 262.0, left: 78.0, bottom: 46.0 };

impl Size {
    /// Where the data go.
    pub(super) fn frame(&self) -> Frame {
        let (w, h) = (self.width - self.left - RIGHT, self.height - TOP - self.bottom);
        Frame { x: self.left, y: TOP, w, h }
    }

    /// An empty panel.
    pub(super) fn blank(&self) -> Svg {
        Svg::new(self.width, self.height)
    }
}

/// The title of a panel, which may be a symbol, over the middle of its data.
pub(super) fn title(svg: &mut Svg, frame: Frame, text: &str) {
    let at = (frame.x + frame.w / 2.0, frame.y - 9.0);
    svg.symbol(at, TextStyle::new(LABEL_SIZE, Anchor::Middle), text);
}

/// Panels in rows of so many between a legend and notes; absent without panels.
pub(super) fn grid(
    panels: &[Svg],
    columns: usize,
    legend: &Legend,
    notes: &[String],
) -> Option<Svg> {
    let width = panels.first()?.width * panels.len().min(columns) as f64;
    let room = width - 2.0 * MARGIN;
    let lines: Vec<String> = notes.iter().flat_map(|note| wrapped(note, room)).collect();
    let below = if lines.is_empty() { 0.0 } else { 12.0 + LINE * lines.len() as f64 };
    let above = legend.height(room);
    let mut svg = Svg::tiled(panels, columns, (above, below));
    // A part of a px at the edge would be a dark line in the file.
    (svg.width, svg.height) = (svg.width.ceil(), svg.height.ceil());
    legend.draw(&mut svg, (MARGIN, 0.0), room);
    for (k, line) in lines.iter().rev().enumerate() {
        let at = (MARGIN, svg.height - 10.0 - LINE * k as f64);
        svg.symbol(at, TextStyle::new(TICK_SIZE, Anchor::Start), line);
    }
    Some(svg)
}

fn wrapped(note: &str, room: f64) -> Vec<String> {
    let most = ((room / CHARACTERS) as usize).max(20);
    let mut lines = vec![String::new()];
    for word in note.split_whitespace() {
        let last = lines.len() - 1;
        let length = lines[last].chars().count();
        if length > 0 && length + 1 + word.chars().count() > most {
            lines.push(word.to_owned());
        } else {
            lines[last].push_str(if length > 0 { " " } else { "" });
            lines[last].push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_broken_at_spaces() {
        let lines = wrapped(&"word ".repeat(40), 400.0);
        assert!(lines.len() > 1 && lines.iter().all(|line| line.len() <= 62));
        assert_eq!(lines.join(" "), ["word"; 40].join(" "));
    }
}
