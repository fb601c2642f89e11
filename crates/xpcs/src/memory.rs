//! What a fit needs in memory, and where its data are between sweeps.

use dyne_xpcs_data::{Decoding, StripsHeld, Triangle};
use thiserror::Error;

use crate::config::Strategy;
use crate::results::PAIRS_AT_ONCE;
use crate::uncertainty::{BinSize, speckles_of_bin};

/// Where the data are between sweeps. All of them give the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Residency {
    /// Decoded, in memory.
    Resident,
    /// Decoded in a scratch file, read block by block.
    Mapped,
    /// Nowhere: decoded from the data file in every sweep.
    Streamed,
}

impl Residency {
    /// In the order in which they are tried.
    pub const ALL: [Self; 3] = [Self::Resident, Self::Mapped, Self::Streamed];

    /// The name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resident => "resident",
            Self::Mapped => "mapped",
            Self::Streamed => "streamed",
        }
    }

    /// What a configuration asks for; nothing where the memory decides.
    pub const fn of(strategy: Strategy) -> Option<Self> {
        match strategy {
            Strategy::Resident | Strategy::Standard | Strategy::Large | Strategy::Jit => {
                Some(Self::Resident)
            }
            Strategy::Mapped | Strategy::Chunked => Some(Self::Mapped),
            Strategy::Streamed | Strategy::Streaming | Strategy::Sequential => Some(Self::Streamed),
            Strategy::Auto => None,
        }
    }
}

/// The size of a fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Size {
    /// Bins.
    pub bins: u64,
    /// Frames along a side.
    pub frames: u64,
    /// Bytes of a value.
    pub element: u64,
    /// Physical parameters.
    pub parameters: u64,
    /// Components of the field.
    pub components: u64,
    /// Speckles drawn for the error bars, all bins together.
    pub speckles: u64,
    /// Pairs of a block.
    pub block: u64,
    /// Pixels along a side of a map of the report.
    pub pixels: u64,
    /// Worker threads.
    pub lanes: u64,
    /// What decoding the file takes.
    pub decoding: Decoding,
    /// What is written besides the report.
    pub arrays: Arrays,
    /// Whether checkpoints are written.
    pub checkpoints: Checkpoints,
}

/// Whether checkpoints are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checkpoints {
    /// They are.
    Written,
    /// None are.
    None,
}

/// Whether the arrays of all pairs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrays {
    /// As packed triangles, some rows at a time.
    Triangles,
    /// As square matrices, one at a time.
    Squares,
    /// Only the report is.
    None,
}

/// When something is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// From the start of the program, before anything is planned.
    Program,
    /// From beginning to end.
    Always,
    /// While the data are read for the first time.
    Reading,
    /// While the residuals are summed.
    Residuals,
    /// While the error bars are computed.
    ErrorBars,
    /// While arrays are written.
    Writing,
}

/// Something that takes memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// What it is.
    pub name: &'static str,
    /// When it is held.
    pub phase: Phase,
    /// Bytes.
    pub bytes: u64,
}

/// One way of keeping the data, and what it takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The way.
    pub residency: Residency,
    /// What takes memory.
    pub holders: Vec<Holder>,
    /// Bytes of the scratch file.
    pub scratch: u64,
    /// Why it is out of the question whatever the memory.
    pub obstacle: Option<String>,
}

impl Candidate {
    /// Bytes of what is held in one phase.
    fn sum(&self, phase: Phase) -> u64 {
        self.holders.iter().filter(|h| h.phase == phase).map(|h| h.bytes).sum()
    }

    /// Most bytes that are held at a time.
    pub fn peak(&self) -> u64 {
        self.sum(Phase::Program) + self.peak_of_data()
    }

    /// The same without the program itself and its threads.
    pub fn peak_of_data(&self) -> u64 {
        let sum = |phase| self.sum(phase);
        let passing = [Phase::Reading, Phase::Residuals, Phase::ErrorBars, Phase::Writing].map(sum);
        sum(Phase::Always) + passing.into_iter().max().unwrap_or(0)
    }
}

/// How much is done at a time; never what is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Concurrency {
    /// Strips decoded or being decoded.
    pub strips: StripsHeld,
    /// Bins whose error bars are computed, and whose pictures are drawn, side by side.
    pub bins: usize,
}

/// What is held where, and what was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryPlan {
    /// Bytes that may be held.
    pub budget: u64,
    /// The ways of keeping the data, as much side by side as the budget allows.
    pub candidates: Vec<Candidate>,
    /// The way that was chosen.
    pub residency: Residency,
    /// How much is done at a time.
    pub concurrency: Concurrency,
}

/// Why the memory does not do.
#[derive(Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum MemoryError {
    /// The system does not give what the plan needs.
    #[error(
        "memory: {reason} for the {} of this fit, expected them to be free\ntake less data with --frames or --phi, or lower --memory for another way of keeping them", show(*bytes)
    )]
    Refused {
        /// Bytes of the plan.
        bytes: u64,
        /// What the allocator says.
        reason: String,
    },
    /// Too little for any way, or for the one that was asked for.
    #[error(
        "memory: {} ({source_of_budget}); this fit needs at least {} ({})\ngive --memory {} or more, or trim the data: --frames, --phi",
        show(*.budget), show(*.minimum), .residency.name(), show(*.minimum)
    )]
    TooSmall {
        /// Bytes that may be held.
        budget: u64,
        /// Where that number comes from.
        source_of_budget: String,
        /// Bytes that are needed.
        minimum: u64,
        /// The way that needs the least of those allowed.
        residency: Residency,
    },
    /// The way that was asked for is out of the question.
    #[error("performance.strategy_override: {}: {reason}\nleave it out, or choose another", .residency.name())]
    Impossible {
        /// The way.
        residency: Residency,
        /// Why.
        reason: String,
    },
}

/// Bytes in decimal megabytes, rounded up so that what is asked for suffices.
fn show(bytes: u64) -> String {
    format!("{}MB", bytes.div_ceil(1_000_000))
}

/// What the choice may use.
#[derive(Debug, Clone, PartialEq)]
pub struct Allowed {
    /// Bytes that may be held.
    pub budget: u64,
    /// Where that number comes from.
    pub source: String,
    /// Bytes free for a scratch file, or why there may be none.
    pub scratch: Result<u64, String>,
    /// What the configuration asks for.
    pub strategy: Strategy,
}

/// The program, its libraries, the stacks of its threads.
const PROGRAM: u64 = 32_000_000;
/// Fonts and the pages of the report.
const PAGES: u64 = 12_000_000;
/// A picture while it is drawn and packed.
const PICTURE: u64 = 18_000_000;
/// Stack, tile and sums of a lane.
const LANE: u64 = 3_000_000;
/// Coarse sets: half of 48² and of 144² pairs.
const COARSE: u64 = (48 * 48 + 144 * 144) / 2;

impl Size {
    /// Pairs of all bins.
    pub fn pairs(&self) -> u64 {
        self.bins * self.pairs_of_bin()
    }

    /// Blocks of all bins, about.
    pub fn blocks(&self) -> u64 {
        self.bins * (self.pairs() / self.bins.max(1)).div_ceil(self.block.max(1))
    }

    /// What is held however the data are kept.
    fn common(&self) -> Vec<Holder> {
        let mut holders = self.always();
        if self.checkpoints == Checkpoints::Written {
            // The maps of the residuals, in the journal; made of sums that are still there.
            let bytes = self.map_sums();
            holders.push(Holder { name: "checkpoints", phase: Phase::Always, bytes });
        }
        holders
    }

    /// Bytes of the sums behind the maps of the residuals: pairs, data, model, from the diagonal on.
    fn map_sums(&self) -> u64 {
        3 * 8 * self.bins * self.pixels * (self.pixels + 1) / 2
    }

    fn always(&self) -> Vec<Holder> {
        let always = |name, bytes| Holder { name, phase: Phase::Always, bytes };
        let gram = (self.parameters + 3) * (self.parameters + 4) / 2 * 8;
        let levels = u64::from(self.blocks().max(1).ilog2()) + self.lanes + 1;
        let map = self.pixels * self.pixels;
        let lags = self.frames * 8 * levels;
        vec![
            Holder { name: "program", phase: Phase::Program, bytes: PROGRAM },
            Holder { name: "lanes", phase: Phase::Program, bytes: self.lanes * LANE },
            always("tables", 8 * self.frames * (3 * self.parameters + 12)),
            always("coarse sets", self.bins * COARSE * self.element),
            always("sums", gram * (self.bins + levels)),
            // Data, model and residual of each pixel.
            always("maps", self.bins * 3 * 4 * map),
            Holder { name: "residuals", phase: Phase::Residuals, bytes: self.map_sums() + lags },
        ]
    }

    /// What the error bars of one bin take at most, where every frame is a node.
    fn error_bars(&self) -> u64 {
        let (speckles, bins) = (self.speckles as usize, self.bins.max(1) as usize);
        let bin = BinSize {
            frames: self.frames as usize,
            parameters: self.parameters as usize,
            components: self.components as usize,
            speckles: speckles_of_bin(speckles, bins),
        };
        bin.bytes()
    }

    /// What writing the arrays takes.
    fn arrays_bytes(&self) -> Option<u64> {
        // The model in 64 bits, gathered from blocks, and data and values of the file.
        let pair = 3 * 8 + 2 * self.element;
        let rows = pair * self.pairs_of_bin().min(PAIRS_AT_ONCE as u64 + self.frames);
        match self.arrays {
            Arrays::Triangles => Some(rows),
            Arrays::Squares => Some(rows + self.element * self.frames * self.frames),
            Arrays::None => None,
        }
    }

    fn pairs_of_bin(&self) -> u64 {
        Triangle::pairs(self.frames as usize) as u64
    }

    fn candidate(
        &self,
        residency: Residency,
        at_once: Concurrency,
        allowed: &Allowed,
    ) -> Candidate {
        let data = self.pairs() * self.element;
        let decoding = self.decoding;
        let mut holders = self.common();
        let bins = at_once.bins as u64;
        holders.push(Holder {
            name: "error bars",
            phase: Phase::ErrorBars,
            bytes: bins * self.error_bars(),
        });
        if let Some(bytes) = self.arrays_bytes() {
            holders.push(Holder { name: "arrays", phase: Phase::Writing, bytes });
        }
        // As many are drawn at a time as bins are worked on.
        let bytes = PAGES + bins * PICTURE;
        holders.push(Holder { name: "pictures", phase: Phase::Writing, bytes });
        let strips = at_once.strips.0 as u64;
        let one = decoding.strip_bytes + decoding.buffer_bytes;
        let decoders = Holder { name: "decoding", phase: Phase::Reading, bytes: strips * one };
        match residency {
            Residency::Resident => {
                holders.push(Holder { name: "matrices", phase: Phase::Always, bytes: data });
                holders.push(decoders);
            }
            Residency::Mapped => {
                let block = self.block * self.element + self.frames * self.element;
                let blocks = 2 * self.lanes * block;
                holders.push(Holder { name: "blocks", phase: Phase::Always, bytes: blocks });
                holders.push(decoders);
            }
            Residency::Streamed => {
                holders.push(Holder { name: "strips", phase: Phase::Always, ..decoders });
            }
        }
        let scratch = if residency == Residency::Mapped { data } else { 0 };
        let obstacle = match (residency, &allowed.scratch) {
            (Residency::Mapped, Err(reason)) => Some(reason.clone()),
            (Residency::Mapped, Ok(free)) if *free < scratch => {
                Some(format!("the scratch file takes {}, free are {}", show(scratch), show(*free)))
            }
            _ if residency != Residency::Resident && !decoding.again => {
                Some("the file is one stream and cannot be read some rows at a time".to_owned())
            }
            _ => None,
        };
        Candidate { residency, holders, scratch, obstacle }
    }

    /// The candidate with as much side by side as the budget allows, at least one of each.
    fn fitted(&self, residency: Residency, allowed: &Allowed) -> (Candidate, Concurrency) {
        let lanes = self.lanes.max(1) as usize;
        let mut at_once = Concurrency { strips: StripsHeld(lanes + 1), bins: lanes };
        loop {
            let candidate = self.candidate(residency, at_once, allowed);
            if candidate.peak() <= allowed.budget || (at_once.strips.0 == 1 && at_once.bins == 1) {
                return (candidate, at_once);
            }
            let bytes = |name: &str| {
                let own = candidate.holders.iter().filter(|h| h.name == name);
                own.map(|h| h.bytes).sum::<u64>()
            };
            let decoding = bytes("decoding") + bytes("strips");
            let of_bins = bytes("error bars").max(bytes("pictures"));
            match at_once.bins > 1 && (of_bins >= decoding || at_once.strips.0 == 1) {
                true => at_once.bins -= 1,
                false => at_once.strips.0 -= 1,
            }
            if residency == Residency::Streamed {
                // Every bin holds a strip.
                at_once.bins = at_once.bins.min(at_once.strips.0);
            }
        }
    }

    /// Chooses how the data are kept: what is asked for, else the first way that fits.
    ///
    /// # Errors
    /// [`MemoryError`], before any work is done.
    pub fn plan(&self, allowed: &Allowed) -> Result<MemoryPlan, MemoryError> {
        let all: Vec<(Candidate, Concurrency)> =
            Residency::ALL.into_iter().map(|r| self.fitted(r, allowed)).collect();
        let asked = Residency::of(allowed.strategy);
        let mut possible = Vec::new();
        for (candidate, at_once) in &all {
            match (&candidate.obstacle, asked) {
                (Some(reason), Some(asked)) if asked == candidate.residency => {
                    let (residency, reason) = (asked, reason.clone());
                    return Err(MemoryError::Impossible { residency, reason });
                }
                (None, asked) if asked.is_none_or(|r| r == candidate.residency) => {
                    possible.push((candidate, at_once));
                }
                _ => {}
            }
        }
        let fits = possible.iter().find(|(c, _)| c.peak() <= allowed.budget);
        let Some((chosen, at_once)) = fits else {
            let least = possible.iter().map(|(c, _)| c).min_by_key(|c| c.peak());
            let least = least.expect("resident data have no obstacle");
            return Err(MemoryError::TooSmall {
                budget: allowed.budget,
                source_of_budget: allowed.source.clone(),
                minimum: least.peak(),
                residency: least.residency,
            });
        };
        Ok(MemoryPlan {
            budget: allowed.budget,
            residency: chosen.residency,
            concurrency: **at_once,
            candidates: all.iter().map(|(candidate, _)| candidate.clone()).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(frames: u64, lanes: u64) -> Size {
        let pairs = frames * (frames - 1) / 2;
        Size {
            bins: 40,
            frames,
            element: 4,
            parameters: 7,
            components: 1,
            speckles: 1536,
            block: 32_768,
            pixels: 96,
            lanes,
            arrays: Arrays::None,
            checkpoints: Checkpoints::None,
            decoding: Decoding {
                strip_bytes: 4 * pairs,
                buffer_bytes: 3 * 4 * frames * frames,
                again: true,
            },
        }
    }

    fn allowed(budget: u64) -> Allowed {
        let strategy = Strategy::Auto;
        Allowed { budget, source: "--memory".into(), scratch: Ok(u64::MAX), strategy }
    }

    #[test]
    fn less_memory_keeps_less_of_the_data() {
        let residency = |budget: u64| size(5000, 2).plan(&allowed(budget)).map(|p| p.residency);
        assert_eq!(residency(8_000_000_000), Ok(Residency::Resident));
        assert_eq!(residency(1_000_000_000), Ok(Residency::Mapped));
        let mut no_scratch = allowed(1_000_000_000);
        no_scratch.scratch = Err("enable_caching is false".into());
        let plan = size(5000, 2).plan(&no_scratch).unwrap();
        assert_eq!(plan.residency, Residency::Streamed);
        assert!(
            plan.candidates
                .iter()
                .all(|c| c.residency == Residency::Resident || c.peak() <= plan.budget)
        );
    }

    #[test]
    fn the_minimum_is_enough_and_less_is_not() {
        for frames in [200, 1000, 5000] {
            let size = size(frames, 8);
            let error = size.plan(&allowed(1)).unwrap_err();
            let MemoryError::TooSmall { minimum, .. } = error else { panic!("{error}") };
            let plan = size.plan(&allowed(minimum)).unwrap();
            let Concurrency { bins, strips } = plan.concurrency;
            assert!(bins == 1 || strips.0 == 1, "{bins} bins, {strips:?}");
            assert!(size.plan(&allowed(minimum - 1)).is_err());
        }
    }

    #[test]
    fn what_is_asked_for_is_done_or_refused() {
        let size = size(5000, 2);
        for (strategy, residency) in [
            (Strategy::Chunked, Residency::Mapped),
            (Strategy::Sequential, Residency::Streamed),
            (Strategy::Streaming, Residency::Streamed),
        ] {
            let allowed = Allowed { strategy, ..allowed(8_000_000_000) };
            assert_eq!(size.plan(&allowed).unwrap().residency, residency);
        }
        let refused = Allowed { strategy: Strategy::Standard, ..allowed(1_000_000_000) };
        assert!(size.plan(&refused).unwrap_err().to_string().contains("resident"));
        let stream = Size { decoding: Decoding { again: false, ..size.decoding }, ..size };
        let refused = Allowed { strategy: Strategy::Streamed, ..allowed(8_000_000_000) };
        assert!(stream.plan(&refused).unwrap_err().to_string().contains("one stream"));
    }
}
