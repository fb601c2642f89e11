//! Where a budget comes from.

use std::fmt;

use super::size::parse_memory;
use super::{BudgetError, show_bytes};
use crate::machine::{MEMORY_LIMITS, Machine, Scheduler};

/// Who decided how large a budget is. Displayed, it says so in a phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BudgetSource {
    /// `--memory`.
    CommandLine,
    /// `performance.memory_limit_gb` of the configuration.
    Config,
    /// A variable of the environment.
    Variable(&'static str),
    /// The limit of the control group.
    ControlGroup {
        /// The whole limit, bytes.
        limit: u64,
    },
    /// The allocation of a batch system.
    Allocation {
        /// The batch system.
        scheduler: Scheduler,
        /// The whole allocation, bytes.
        memory: u64,
    },
    /// The memory that is available.
    Available {
        /// All of it, bytes.
        memory: u64,
    },
    /// The limit of the address space, which is smaller than what another source gives.
    AddressSpace {
        /// The whole limit, bytes.
        limit: u64,
        /// The source that gives more.
        over: Box<BudgetSource>,
    },
}

impl BudgetSource {
    /// Whether a person has asked for the number.
    pub const fn is_asked(&self) -> bool {
        matches!(self, Self::CommandLine | Self::Config | Self::Variable(_))
    }
}

impl fmt::Display for BudgetSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandLine => f.write_str("--memory"),
            Self::Config => f.write_str("performance.memory_limit_gb"),
            Self::Variable(name) => f.write_str(name),
            Self::ControlGroup { limit } => {
                write!(f, "80 % of {} that the control group allows", show_bytes(*limit))
            }
            Self::Allocation { scheduler, memory } => {
                write!(f, "80 % of {} that {scheduler} gives to a task", show_bytes(*memory))
            }
            Self::Available { memory } => {
                write!(f, "80 % of {} of available memory", show_bytes(*memory))
            }
            Self::AddressSpace { limit, over } => {
                let part = if over.is_asked() { "" } else { "80 % of " };
                let limit = show_bytes(*limit);
                write!(f, "{part}the address space of {limit} (ulimit -v), below {over}")
            }
        }
    }
}

pub(super) fn resolve(
    explicit: Option<(u64, BudgetSource)>,
    machine: &Machine,
) -> Result<(u64, BudgetSource), BudgetError> {
    let asked = match explicit {
        Some(asked) => Some(asked),
        None => variable(machine)?,
    };
    let (mut whole, mut source) =
        asked.or_else(|| measured(machine)).ok_or(BudgetError::Unknown)?;
    let share = if source.is_asked() { |bytes| bytes } else { four_fifths };
    if let Some(limit) = machine.limits.address_space.filter(|limit| *limit < whole) {
        whole = limit;
        source = BudgetSource::AddressSpace { limit, over: Box::new(source) };
    }
    Ok((share(whole), source))
}

fn variable(machine: &Machine) -> Result<Option<(u64, BudgetSource)>, BudgetError> {
    let set = MEMORY_LIMITS
        .into_iter()
        .find_map(|name| machine.variables.get(name).map(|text| (name, text)));
    let Some((name, text)) = set else { return Ok(None) };
    let bytes = parse_memory(text).map_err(|size| BudgetError::Variable { name, size })?;
    Ok(Some((bytes, BudgetSource::Variable(name))))
}

fn measured(machine: &Machine) -> Option<(u64, BudgetSource)> {
    let memory = machine.memory;
    let binds = |limit: &u64| memory.total.is_none_or(|total| *limit < total);
    let group = machine.limits.memory.filter(binds);
    let group = group.map(|limit| (limit, BudgetSource::ControlGroup { limit }));
    let given = || {
        let allocation = machine.allocation.as_ref()?;
        let (scheduler, memory) = (allocation.scheduler, allocation.memory?);
        Some((memory, BudgetSource::Allocation { scheduler, memory }))
    };
    let free = || memory.available.map(|memory| (memory, BudgetSource::Available { memory }));
    group.or_else(given).or_else(free)
}

fn four_fifths(bytes: u64) -> u64 {
    (u128::from(bytes) * 4 / 5) as u64
}
