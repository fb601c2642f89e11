//! The group `data`: which file, which bins, which frames.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// Which file, which bins, which frames.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Data file; a relative path counts from the working directory.
    #[schemars(example = "run.hdf")]
    pub file: PathBuf,
    /// Wave-vector transfer, Å⁻¹: one number or a list of numbers, each meaning the nearest q
    /// in the file, or `all`; may be left out where the file has one q only. Bins of several q
    /// are fitted jointly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 0.0054)]
    pub q: Option<QSelection>,
    /// Relative tolerance of q, a pure number between 0 and 1: takes every bin within this
    /// fraction of a q asked for, instead of the nearest q alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 0.05)]
    pub q_tolerance: Option<f64>,
    /// Ranges of azimuth `[from, to]`, degrees, both ends included; from > to wraps through
    /// ±180; every angle where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [[[-10.0, 10.0]]]))]
    pub phi: Option<Vec<PhiRange>>,
    /// First and last frame, counted from 1, both included; every frame where left out. The
    /// keys `frame_start` and `frame_end` say the same, one at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [[1, 1000]]))]
    pub frames: Option<[usize; 2]>,
    /// First frame, counted from 1; an alternative to `frames`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame_start: Option<usize>,
    /// Last frame, counted from 1, included; an alternative to `frames`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame_end: Option<usize>,
    /// Time between frames, s; overrides what the file says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 0.1)]
    pub dt: Option<f64>,
    /// Takes every n-th frame only, on the time grid of all of them: n² times fewer pairs, for a
    /// first look; 1 takes all.
    #[serde(default = "every")]
    pub stride_coarse: usize,
    /// What becomes of a matrix part of which is not finite or cannot be read.
    #[serde(default)]
    pub on_bad_block: OnBadBlock,
}

/// Every frame.
const fn every() -> usize {
    1
}

/// What becomes of a matrix part of which is not finite or cannot be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum OnBadBlock {
    /// The fit ends and names the place.
    #[default]
    Error,
    /// The rows concerned, each a frame with all later ones, are left out and counted; the fit ends
    /// with reservations.
    Mask,
}

impl DataConfig {
    /// First frame asked for, counted from 1; 1 where nothing is said.
    #[must_use]
    pub fn first_frame(&self) -> usize {
        self.frames.map(|[first, _]| first).or(self.frame_start).unwrap_or(1)
    }

    /// Last frame asked for, counted from 1 and included; none means the last of the file.
    #[must_use]
    pub fn last_frame(&self) -> Option<usize> {
        self.frames.map(|[_, last]| last).or(self.frame_end)
    }
}

/// Which q.
#[derive(Debug, Clone, PartialEq)]
pub enum QSelection {
    /// The q of the file nearest to this, Å⁻¹.
    Nearest(f64),
    /// The q of the file nearest to each of these, Å⁻¹.
    List(Vec<f64>),
    /// Every q of the file.
    All,
}

/// A range of azimuth, degrees, both ends included; from > to wraps through ±180.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "[f64; 2]", into = "[f64; 2]")]
#[schemars(with = "[f64; 2]", inline)]
pub struct PhiRange {
    /// Where it begins, degrees.
    pub from: f64,
    /// Where it ends, degrees.
    pub to: f64,
}

impl From<[f64; 2]> for PhiRange {
    fn from([from, to]: [f64; 2]) -> Self {
        Self { from, to }
    }
}

impl From<PhiRange> for [f64; 2] {
    fn from(range: PhiRange) -> Self {
        [range.from, range.to]
    }
}

impl Serialize for QSelection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nearest(q) => serializer.serialize_f64(*q),
            Self::List(q) => q.serialize(serializer),
            Self::All => serializer.serialize_str("all"),
        }
    }
}

impl<'de> Deserialize<'de> for QSelection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QSelectionVisitor)
    }
}

struct QSelectionVisitor;

impl<'de> Visitor<'de> for QSelectionVisitor {
    type Value = QSelection;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a list of numbers, or `all`")
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<QSelection, E> {
        Ok(QSelection::Nearest(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<QSelection, E> {
        Ok(QSelection::Nearest(value as f64))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<QSelection, E> {
        Ok(QSelection::Nearest(value as f64))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<QSelection, E> {
        match value {
            "all" => Ok(QSelection::All),
            _ => Err(E::invalid_value(Unexpected::Str(value), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<QSelection, A::Error> {
        let mut list = Vec::new();
        while let Some(q) = seq.next_element()? {
            list.push(q);
        }
        Ok(QSelection::List(list))
    }
}

impl JsonSchema for QSelection {
    fn schema_name() -> Cow<'static, str> {
        "QSelection".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [
            {"type": "number"},
            {"type": "array", "items": {"type": "number"}},
            {"const": "all"},
        ]})
    }
}
