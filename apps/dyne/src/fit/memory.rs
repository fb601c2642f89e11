//! How much memory a fit may take, and how it is planned.

use std::path::{Path, PathBuf};

use dyne_runtime::budget::{Budget, BudgetSource, parse_bytes};
use dyne_runtime::machine::Machine;
use dyne_xpcs::config::{Format, NpzLayout, PerformanceConfig};
pub(crate) use dyne_xpcs::memory::Phase;
use dyne_xpcs::memory::{Allowed, Arrays, Checkpoints, MemoryPlan, Size};
use dyne_xpcs::plan::Plan;
use dyne_xpcs_data::Reader;

use super::checkpoints::Written;
use crate::failure::Failure;

/// The budget of this process: the size typed with `--memory`, that of the configuration, else what
/// environment and machine say.
pub(crate) fn budget(
    typed: Option<&str>,
    performance: &PerformanceConfig,
) -> Result<Budget, Failure> {
    let typed = typed.map(parse_bytes).transpose();
    let typed = typed.map_err(|e| Failure::Usage(format!("--memory: {e}")))?;
    let config = performance.memory_limit_gb.map(|gb| ((gb * 1e9) as u64, BudgetSource::Config));
    let explicit = typed.map(|bytes| (bytes, BudgetSource::CommandLine)).or(config);
    Ok(Budget::resolve(explicit, &Machine::read())?)
}

/// What the choice of the residency may use.
pub(crate) fn allowed(budget: &Budget, performance: &PerformanceConfig) -> Allowed {
    let scratch = match performance.memory_optimization.enable_caching {
        true => {
            let dir = scratch_dir(performance);
            free_bytes(&dir).map_err(|e| format!("{}: {e}", dir.display()))
        }
        false => Err("performance.memory_optimization.enable_caching is false".to_owned()),
    };
    Allowed {
        budget: budget.total(),
        source: budget.source().to_string(),
        scratch,
        strategy: performance.strategy_override,
    }
}

/// Folder of scratch files.
pub(crate) fn scratch_dir(performance: &PerformanceConfig) -> PathBuf {
    performance.scratch_dir.clone().unwrap_or_else(std::env::temp_dir)
}

#[cfg(unix)]
fn free_bytes(dir: &Path) -> std::io::Result<u64> {
    let found = rustix::fs::statvfs(dir)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(dir: &Path) -> std::io::Result<u64> {
    // The system is not asked; a full disk is told when it is.
    std::fs::metadata(dir).map(|_| u64::MAX)
}

/// The size of the fit that `plan` makes.
fn size(plan: &Plan, reader: &dyn Reader, budget: &Budget, lanes: usize) -> Result<Size, Failure> {
    let output = &plan.config.output;
    let arrays = match output.npz_layout {
        _ if !output.formats.contains(&Format::Npz) => Arrays::None,
        NpzLayout::Upper => Arrays::Triangles,
        NpzLayout::Full => Arrays::Squares,
    };
    let stride = plan.config.data.stride_coarse as u64;
    let mut decoding = reader.decoding(&plan.positions, plan.frames.clone())?;
    if stride > 1 {
        // The rows of all frames are decoded, and those of some are picked from them.
        decoding.buffer_bytes += decoding.strip_bytes;
        decoding.strip_bytes = decoding.strip_bytes.div_ceil(stride);
    }
    Ok(Size {
        bins: plan.bins.len() as u64,
        frames: (plan.frames.len() - plan.strided().len()) as u64,
        element: reader.catalog().element.bytes() as u64,
        parameters: plan.model.parameters().len() as u64,
        components: plan.model.components() as u64,
        speckles: plan.config.uncertainty.speckles as u64,
        block: plan.config.streaming.batch_size as u64,
        pixels: dyne_xpcs_plot::map_pixels(plan.bins.len()) as u64,
        lanes: lanes as u64,
        decoding,
        arrays,
        checkpoints: match Written::of(&plan.config.checkpoint, budget) {
            Written::Throughout | Written::Late => Checkpoints::Written,
            Written::Never => Checkpoints::None,
        },
    })
}

/// The plan for memory, or why there is none.
pub(crate) fn plan(
    plan: &Plan,
    reader: &dyn Reader,
    budget: &Budget,
    lanes: usize,
) -> Result<(MemoryPlan, Size), Failure> {
    let size = size(plan, reader, budget, lanes)?;
    Ok((size.plan(&allowed(budget, &plan.config.performance))?, size))
}
