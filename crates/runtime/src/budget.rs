//! One budget of memory for everything that grows with the data.

mod size;
mod source;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use thiserror::Error;

pub use size::{SizeError, SizeFault, parse_bytes, show_bytes};
pub use source::BudgetSource;

use crate::machine::Machine;

/// Why there is no memory.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum BudgetError {
    /// What is asked for is more than what is free.
    #[error(
        "memory for {holder}: found {} free of the budget of {} ({source}), expected {}\n\
         raise the budget to {} with --memory or performance.memory_limit_gb, or take less data",
        show_bytes(*free), show_bytes(*total), show_bytes(*needed), least(*needed, *free, *total)
    )]
    TooSmall {
        /// Who asks.
        holder: &'static str,
        /// Bytes asked for.
        needed: u64,
        /// Bytes free.
        free: u64,
        /// Bytes in all.
        total: u64,
        /// Where the total comes from. Written raw, it is not taken for the cause of the error.
        r#source: BudgetSource,
    },
    /// A variable of the environment is no size.
    #[error(
        "environment variable {name}: {}, found `{}`, expected a size above zero\n\
         write it as {name}=800MB or 1.5GiB (a number without unit is GB), or unset it",
        size.fault, size.text
    )]
    Variable {
        /// Name of the variable.
        name: &'static str,
        /// What is wrong with it.
        size: SizeError,
    },
    /// Nothing tells how much memory there is.
    #[error(
        "memory budget: the system does not tell how much memory is available, expected a limit\n\
         give one with --memory, performance.memory_limit_gb or DYNE_MEMORY_LIMIT"
    )]
    Unknown,
}

/// The total that would do, rounded up so that it does.
fn least(needed: u64, free: u64, total: u64) -> String {
    let megabytes = (total - free).saturating_add(needed).div_ceil(1_000_000);
    format!("{megabytes}MB")
}

/// Memory that may be used, and who holds how much of it. Clones share one account.
#[derive(Debug, Clone)]
pub struct Budget {
    account: Arc<Account>,
}

#[derive(Debug)]
struct Account {
    total: u64,
    source: BudgetSource,
    /// Bytes by holder, none of them 0; their sum is at most the total.
    held: Mutex<BTreeMap<&'static str, u64>>,
}

impl Account {
    fn held(&self) -> MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.held.lock().expect("nobody panics with the account locked")
    }
}

impl Budget {
    /// A budget of `total` bytes, taken from `source`.
    pub fn new(total: u64, source: BudgetSource) -> Self {
        Self { account: Arc::new(Account { total, source, held: Mutex::default() }) }
    }

    /// The budget for this process: `explicit` (command line or configuration) where there is
    /// one, else the first that is known of: the variables [`crate::machine::MEMORY_LIMITS`],
    /// the limit of the control group, the allocation of the batch system, available memory.
    ///
    /// What a person asks for is taken whole. Of what is measured 80 % are taken, since other
    /// things live in the same memory. A control group that allows more than the machine has
    /// limits nothing and is passed over. A smaller address space takes the place of any.
    ///
    /// # Errors
    /// [`BudgetError::Variable`] where a variable is no size, [`BudgetError::Unknown`] where
    /// nothing is known.
    pub fn resolve(
        explicit: Option<(u64, BudgetSource)>,
        machine: &Machine,
    ) -> Result<Self, BudgetError> {
        let (total, source) = source::resolve(explicit, machine)?;
        Ok(Self::new(total, source))
    }

    /// Takes `bytes` for `holder` until the lease is dropped.
    ///
    /// # Errors
    /// [`BudgetError::TooSmall`] when fewer are free.
    pub fn lease(&self, holder: &'static str, bytes: u64) -> Result<Lease, BudgetError> {
        let mut held = self.account.held();
        let free = self.account.total - held.values().sum::<u64>();
        if bytes > free {
            return Err(BudgetError::TooSmall {
                holder,
                needed: bytes,
                free,
                total: self.account.total,
                source: self.account.source.clone(),
            });
        }
        if bytes > 0 {
            *held.entry(holder).or_default() += bytes;
        }
        Ok(Lease { account: Arc::clone(&self.account), holder, bytes })
    }

    /// Bytes in all.
    pub fn total(&self) -> u64 {
        self.account.total
    }

    /// Bytes on lease.
    pub fn held(&self) -> u64 {
        self.account.held().values().sum()
    }

    /// Bytes that are not on lease.
    pub fn free(&self) -> u64 {
        self.account.total - self.held()
    }

    /// Who holds how many bytes, by name.
    pub fn holders(&self) -> Vec<(&'static str, u64)> {
        self.account.held().iter().map(|(holder, bytes)| (*holder, *bytes)).collect()
    }

    /// Where the total comes from.
    pub fn source(&self) -> &BudgetSource {
        &self.account.source
    }
}

/// Bytes of a [`Budget`] that are taken; dropping it gives them back.
#[derive(Debug)]
#[must_use = "a lease that is dropped gives its bytes back"]
pub struct Lease {
    account: Arc<Account>,
    holder: &'static str,
    bytes: u64,
}

impl Lease {
    /// Who holds it.
    pub fn holder(&self) -> &'static str {
        self.holder
    }

    /// How many bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut held = self.account.held();
        if let Some(bytes) = held.get_mut(self.holder) {
            *bytes -= self.bytes;
            if *bytes == 0 {
                held.remove(self.holder);
            }
        }
    }
}
