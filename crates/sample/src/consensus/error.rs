//! What stands in the way of a consensus.

use thiserror::Error;

/// Why shards have no consensus.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConsensusError {
    /// A consensus needs several shards.
    #[error(
        "consensus: number of shards {found}, expected at least 2\nsplit the data into more shards"
    )]
    TooFewShards {
        /// Shards given.
        found: usize,
    },
    /// Draws of a shard have no coordinates.
    #[error("consensus, shard {}: draws without coordinates\nsample at least one parameter", shard + 1)]
    Empty {
        /// Position of the shard.
        shard: usize,
    },
    /// A covariance cannot be estimated from so few draws.
    #[error(
        "consensus, shard {}: {found} draws, expected at least {expected}, two more than coordinates\n\
         draw longer chains",
        shard + 1
    )]
    TooFewDraws {
        /// Position of the shard.
        shard: usize,
        /// Draws of all its chains.
        found: usize,
        /// Draws needed.
        expected: usize,
    },
    /// Shards are not of one shape.
    #[error(
        "consensus, shard {}: {found} {what}, expected {expected} as in the first shard\n\
         sample all shards with the same parameters and options",
        shard + 1
    )]
    Unequal {
        /// Position of the shard.
        shard: usize,
        /// What is counted.
        what: &'static str,
        /// Count found.
        found: usize,
        /// Count of the first shard.
        expected: usize,
    },
    /// A draw is NaN or infinite.
    #[error(
        "consensus, shard {}: coordinate {} of a draw is not finite, expected finite draws\n\
         sample the shard again",
        shard + 1,
        coordinate + 1
    )]
    NonFinite {
        /// Position of the shard.
        shard: usize,
        /// Position of the coordinate.
        coordinate: usize,
    },
    /// A coordinate has the same value in all draws of a shard.
    #[error(
        "consensus, shard {}: coordinate {} has no spread, expected draws that move\n\
         draw longer chains, or fix the parameter in all shards",
        shard + 1,
        coordinate + 1
    )]
    NoSpread {
        /// Position of the shard.
        shard: usize,
        /// Position of the coordinate.
        coordinate: usize,
    },
    /// The covariance of a shard has no inverse to the digits it has.
    #[error(
        "consensus, shard {}: its covariance is not positive definite, expected draws that spread in all \
         directions\ndraw longer chains, or fix one of the parameters that depend on each other",
        shard + 1
    )]
    Singular {
        /// Position of the shard.
        shard: usize,
    },
    /// Half of the shards or more would have to be left out.
    #[error(
        "consensus: {} of {of} shards lie too far from the others (shards {}), expected fewer than half\n\
         combine none of them: look for what changed between the shards, or sample each by itself",
        shards.len(),
        numbers(shards)
    )]
    Disagree {
        /// Positions of the shards that would have to be left out, ascending; all where no two agree.
        shards: Vec<usize>,
        /// Shards given.
        of: usize,
    },
}

/// Numbers of shards, counted from 1.
fn numbers(shards: &[usize]) -> String {
    let numbers: Vec<String> = shards.iter().map(|shard| (shard + 1).to_string()).collect();
    numbers.join(", ")
}
