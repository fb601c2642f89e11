//! The group `mask`: frames and bins that are left out.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Frames that are left out of every matrix, and bins that are left out. What has no data is left out
/// by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MaskConfig {
    /// Frames of the file, counted from 1: numbers, and ranges `[first, last]` with both ends.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [[[120, 125], 300]]))]
    pub frames: Vec<MaskEntry>,
    /// Bins that are left out, by their number in the file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [[3, 7]]))]
    pub bins: Vec<u32>,
    /// Whether frames that `dyne inspect --quality` calls outliers in a selected matrix are left
    /// out of all.
    pub auto: bool,
}

/// One frame or a range of frames, counted from 1, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum MaskEntry {
    /// One frame.
    One(usize),
    /// First and last frame.
    Range([usize; 2]),
}

impl MaskEntry {
    /// First and last frame.
    #[must_use]
    pub fn ends(self) -> [usize; 2] {
        match self {
            Self::One(frame) => [frame; 2],
            Self::Range(ends) => ends,
        }
    }
}

impl<'de> Deserialize<'de> for MaskEntry {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> serde::de::Visitor<'de> for EntryVisitor {
    type Value = MaskEntry;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a frame number or a range `[first, last]`")
    }

    fn visit_u64<E: serde::de::Error>(self, frame: u64) -> Result<MaskEntry, E> {
        usize::try_from(frame).map(MaskEntry::One).map_err(E::custom)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<MaskEntry, A::Error> {
        let mut next = |k| -> Result<usize, A::Error> {
            seq.next_element()?.ok_or_else(|| serde::de::Error::invalid_length(k, &self))
        };
        Ok(MaskEntry::Range([next(0)?, next(1)?]))
    }
}

impl JsonSchema for MaskEntry {
    fn schema_name() -> Cow<'static, str> {
        "MaskEntry".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [
            {"type": "integer", "minimum": 1},
            {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 2, "maxItems": 2},
        ]})
    }
}
