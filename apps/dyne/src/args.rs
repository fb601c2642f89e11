//! What is typed.

mod calibrate;
mod selection;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use calibrate::CalibrateArguments;
pub(crate) use selection::{Masked, Selected};

/// Fits physical models to two-time correlation matrices of X-ray photon correlation
/// spectroscopy (XPCS).
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 good, 1 finished with reservations (0 with --accept \
reservations), or the model does not describe the data, 2 usage or configuration, 3 data, 4 numerical, 5 resources, 75 interrupted and resumable, 130 \
interrupted.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Fit a file: `dyne fit run.hdf --mode laminar_flow --gap 2e6 --out results`
    Fit(Box<FitCommand>),
    /// Sample the posterior: the fit, then chains about it: `dyne sample run.hdf --mode static --out results`
    Sample(Box<SampleArguments>),
    /// One-time correlation functions by age with KWW or exponential fits
    G2(G2Arguments),
    /// Which model describes the data: each fitted and compared, `dyne models run.hdf`
    Models(ModelsArguments),
    /// What a fit of a given size takes in memory, without a file: `dyne plan --points 1e9 --params 53`
    Plan(PlanArguments),
    /// Show what a file holds: layout, q, φ, frames, frame time, value range, bad values
    Inspect(InspectArguments),
    /// Simulate an experiment with known truth
    Simulate(SimulateArguments),
    /// Write, check or explain a configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Simulate speckle data many times, fit them, and tabulate how often the error bars hold
    Calibrate(CalibrateArguments),
    /// Show what machine and allocation offer: CPUs, memory, limits, and what a fit takes of them
    System(SystemArguments),
    /// Measure what block sizes and ways of keeping the data cost on this machine
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Simulate an experiment, fit it and write demo/report.html; needs nothing else
    Demo(DemoArguments),
}

#[derive(Debug, Args)]
pub(crate) struct FitArguments {
    /// Data file (APS-U or APS-old HDF5, homodyne NPZ cache); a .yaml file is taken as --config
    #[arg(required_unless_present = "config")]
    pub(crate) file: Option<PathBuf>,
    /// Configuration, or the result.json of an earlier fit; flags and --set override it
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Model: static, laminar_flow, two_component, kww, two_decays, static_ref or static_both
    #[arg(long)]
    pub(crate) mode: Option<String>,
    /// Gap between the plates, Å (laminar_flow)
    #[arg(long, value_name = "Å", allow_hyphen_values = true)]
    pub(crate) gap: Option<String>,
    #[command(flatten)]
    pub(crate) selected: Selected,
    /// Take every K-th frame only: K² times fewer pairs, for a first look
    #[arg(long, value_name = "K")]
    pub(crate) stride_coarse: Option<std::num::NonZeroUsize>,
    /// Folder for the results
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Override a key of the configuration, e.g. fit.loss=huber; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Search the whole range of the parameters even where starting values are given
    #[arg(long)]
    pub(crate) global: bool,
    /// Free parameters whose profile likelihood is computed, separated by commas
    #[arg(long, value_name = "NAMES")]
    pub(crate) profile: Option<String>,
    /// Worker threads; if absent DYNE_THREADS or the physical cores, see `dyne system`
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<std::num::NonZeroUsize>,
    /// Bind worker threads to CPUs: auto, none, cores or numa
    #[arg(long, value_name = "HOW")]
    pub(crate) pin: Option<String>,
    /// Memory the process may take, e.g. 128MB, 1.5GiB; see `dyne system` for what decides without it
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<String>,
    /// Where the data are between sweeps: auto, resident, mapped or streamed; the result is the same
    #[arg(long, value_name = "WAY")]
    pub(crate) residency: Option<String>,
    /// Folder for checkpoints, from which a killed fit goes on
    #[arg(long, value_name = "DIR")]
    pub(crate) checkpoint_dir: Option<PathBuf>,
    /// Go on from the newest checkpoint of this fit
    #[arg(long)]
    pub(crate) resume: bool,
    /// Write what each thread did when to FILE, for chrome://tracing or Perfetto
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
    /// Show the plan with its table of memory and end before the matrices are read
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the whole report instead of the answer in a few lines
    #[arg(long, short, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
    /// End with exit code 0 where the verdict is this; it says so all the same
    #[arg(long, value_enum, value_name = "VERDICT")]
    pub(crate) accept: Option<Accepted>,
    #[command(flatten)]
    pub(crate) telling: Telling,
}

/// A verdict that need not stop a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Accepted {
    /// Something changes what may be quoted; the reasons say what
    Reservations,
}

/// `dyne fit`.
#[derive(Debug, Args)]
pub(crate) struct FitCommand {
    #[command(flatten)]
    pub(crate) fit: FitArguments,
    /// What comes after the fit, into the same folder
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) then: Option<Then>,
}

/// What comes after a fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Then {
    /// Sample the posterior, as `dyne sample` with the group `posterior` of the configuration
    Sample,
}

/// `dyne sample`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct SampleArguments {
    #[command(subcommand)]
    pub(crate) command: Option<SampleCommand>,
    #[command(flatten)]
    pub(crate) fit: FitArguments,
    /// Which data a chain looks at: nuts (all), cmc (those of a shard) or both
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,
    /// Chains
    #[arg(long, value_name = "N")]
    chains: Option<String>,
    /// Draws of each chain in which the sampler adapts; they are not kept
    #[arg(long, value_name = "N")]
    warmup: Option<String>,
    /// Draws of each chain that are kept
    #[arg(long, value_name = "N")]
    draws: Option<String>,
    /// End when every parameter has so many effective draws
    #[arg(long, value_name = "N")]
    min_effective: Option<String>,
    /// Seed of the chains
    #[arg(long, value_name = "N")]
    seed: Option<String>,
    /// How much the likelihood counts: composite or independent
    #[arg(long, value_name = "KIND")]
    likelihood: Option<String>,
    /// Shards of the data for cmc
    #[arg(long, value_name = "N")]
    shards: Option<String>,
    /// Sample shard I of N alone, for `dyne sample combine` later
    #[arg(long, value_name = "I/N", conflicts_with_all = ["shards", "method"])]
    pub(crate) shard: Option<OneShard>,
}

impl SampleArguments {
    /// What is set by flags, by key of the configuration.
    pub(crate) fn set(&self) -> Vec<(&'static str, String)> {
        let text = |key, value: &Option<String>| value.clone().map(|value| (key, value));
        let mut set: Vec<_> = [
            text("posterior.method", &self.method),
            text("posterior.chains", &self.chains),
            text("posterior.warmup", &self.warmup),
            text("posterior.draws", &self.draws),
            text("posterior.min_effective", &self.min_effective),
            text("posterior.seed", &self.seed),
            text("posterior.likelihood", &self.likelihood),
            text("posterior.cmc.shards", &self.shards),
        ]
        .into_iter()
        .flatten()
        .collect();
        if let Some(shard) = self.shard {
            set.push(("posterior.method", "cmc".to_owned()));
            set.push(("posterior.cmc.shards", shard.of.to_string()));
        }
        set
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum SampleCommand {
    /// Combine shards that were sampled one by one: `dyne sample combine results`
    Combine(CombineArguments),
}

#[derive(Debug, Args)]
pub(crate) struct CombineArguments {
    /// Folder of the results, with the shards in DIR/shards
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Data file, where it is not where the shards had it
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) telling: Telling,
}

/// One of some shards, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OneShard {
    pub(crate) number: usize,
    pub(crate) of: usize,
}

impl std::str::FromStr for OneShard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/');
        let parts = parts.and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match parts {
            Some((number, of)) if (1..=of).contains(&number) => Ok(Self { number, of }),
            _ => Err("expected I/N with I from 1 to N, e.g. 3/8".to_owned()),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    /// Points of all matrices, both triangles, e.g. 23e6
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) points: f64,
    /// Parameters of the fit, contrasts and offsets included
    #[arg(long, value_name = "N")]
    pub(crate) params: u64,
    /// Matrices; half of the parameters beyond seven if absent
    #[arg(long, value_name = "N")]
    pub(crate) bins: Option<u64>,
    /// Memory the process may take, e.g. 128MB
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<String>,
    /// Worker threads; if absent DYNE_THREADS or the physical cores, see `dyne system`
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<std::num::NonZeroUsize>,
}

#[derive(Debug, Args)]
pub(crate) struct G2Arguments {
    /// Data file (APS-U or APS-old HDF5, homodyne NPZ cache)
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) selected: Selected,
    /// Equal slices of age
    #[arg(long, value_name = "N", conflicts_with_all = ["window", "step"])]
    pub(crate) partials: Option<usize>,
    /// Width of a sliding window of age, frames
    #[arg(long, value_name = "FRAMES", requires = "step")]
    pub(crate) window: Option<usize>,
    /// Distance from one window to the next, frames
    #[arg(long, value_name = "FRAMES", requires = "window")]
    pub(crate) step: Option<usize>,
    /// Decay: kww, exponential or both
    #[arg(long, value_parser = ["kww", "exponential", "both"], default_value = "kww")]
    pub(crate) model: String,
    /// A curve for each angle instead of their average at each q
    #[arg(long)]
    pub(crate) each_angle: bool,
    /// Folder for g2.html, g2.csv, fits.csv, power_law.csv, g2.json and pictures
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// The JSON on standard output instead of the table
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) telling: Telling,
}

#[derive(Debug, Args)]
pub(crate) struct ModelsArguments {
    /// Data file (APS-U or APS-old HDF5, homodyne NPZ cache)
    pub(crate) file: PathBuf,
    /// Configuration, whose mode is of no effect; flags and --set override it
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) selected: Selected,
    /// Gap between the plates, Å; without it laminar_flow is not tried
    #[arg(long, value_name = "Å", allow_hyphen_values = true)]
    pub(crate) gap: Option<String>,
    /// Override a key of the configuration, e.g. noise.model=per_angle; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Worker threads; if absent DYNE_THREADS or the physical cores, see `dyne system`
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<std::num::NonZeroUsize>,
    /// Memory the process may take, e.g. 128MB, 1.5GiB; see `dyne system` for what decides without it
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<String>,
    /// The comparison as JSON on standard output
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) telling: Telling,
}

#[derive(Debug, Args)]
pub(crate) struct Telling {
    /// No progress and no report on the terminal
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Write events to FILE as lines of JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) events: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// Data file
    pub(crate) file: PathBuf,
    /// Only what the headers tell; no matrix is read
    #[arg(long)]
    pub(crate) headers: bool,
    /// Quality of each matrix before any model: outlier frames, baseline, contrast, ageing
    #[arg(long, conflicts_with = "headers")]
    pub(crate) quality: bool,
    #[command(flatten)]
    pub(crate) masked: Masked,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SimulateArguments {
    /// Description of the experiment
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// File to write: NPZ where it ends in .npz, APS-U HDF5 otherwise
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Override a key, e.g. noise.seed=7; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Worker threads; if absent DYNE_THREADS or the physical cores, see `dyne system`
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<std::num::NonZeroUsize>,
    /// Say nothing
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print a commented configuration
    New {
        /// Model: static, laminar_flow, two_component, kww, two_decays, static_ref or static_both
        #[arg(long)]
        mode: String,
        /// For `dyne simulate` instead of `dyne fit`
        #[arg(long)]
        simulation: bool,
    },
    /// Check a configuration
    Check {
        /// The file
        file: PathBuf,
        /// For `dyne simulate` instead of `dyne fit`
        #[arg(long)]
        simulation: bool,
    },
    /// Explain a key (fit.loss) or a parameter (D0)
    Explain {
        /// Key or parameter
        key: String,
    },
    /// Print the JSON schema
    Schema,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Time and memory of a fit over sizes of blocks: `dyne bench blocks run.hdf -- --mode static`
    Blocks(BenchBlocksArguments),
    /// Time and memory of fits of several sizes in memory, from scratch, and streamed
    Strategies(BenchStrategiesArguments),
}

#[derive(Debug, Args)]
pub(crate) struct BenchBlocksArguments {
    /// Data file
    pub(crate) file: PathBuf,
    /// Pairs of a block, separated by commas
    #[arg(
        long,
        value_name = "N,…",
        value_delimiter = ',',
        default_value = "2000,8192,16384,32768,65536,131072,524288"
    )]
    pub(crate) sizes: Vec<usize>,
    /// Arguments of `dyne fit`, behind `--`
    #[arg(last = true, value_name = "FIT ARGUMENTS")]
    pub(crate) fit: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct BenchStrategiesArguments {
    /// Points of all matrices, both triangles, separated by commas
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1e6,1e7,1e8")]
    pub(crate) points: Vec<f64>,
    /// Worker threads; if absent DYNE_THREADS or the physical cores, see `dyne system`
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<std::num::NonZeroUsize>,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// Folder for data and results
    #[arg(long, value_name = "DIR", default_value = "demo")]
    pub(crate) out: PathBuf,
    /// No progress and no report on the terminal
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SystemArguments {
    /// As JSON
    #[arg(long, conflicts_with = "export")]
    pub(crate) json: bool,
    /// Lines for a shell: eval "$(dyne system --export)"
    #[arg(long)]
    pub(crate) export: bool,
    /// Kind of work for which threads and memory are shared out over tasks
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) mode: Work,
}

/// Kinds of work that run tasks side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Work {
    /// One fit with all threads
    Nlsq,
    /// Four chains side by side
    Cmc,
    /// A task for each NUMA node, with its cores as threads
    CmcHpc,
    /// nlsq on fewer than 8 cores, cmc on one NUMA node, cmc-hpc on several
    Auto,
}
