//! What `dyne calibrate` is told.

use std::path::PathBuf;

use clap::Args;
use dyne_xpcs::calibrate::Ageing;
use dyne_xpcs::calibrate::defaults::Bins;

use super::Telling;

#[derive(Debug, Args)]
pub(crate) struct CalibrateArguments {
    /// Folder for the record of trials and the table; a record that is there is gone on with
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Models, separated by commas [with --sbc static,laminar_flow]
    #[arg(long, value_delimiter = ',', default_value = "static,laminar_flow,two_component")]
    #[arg(default_value_if("sbc", "true", "static,laminar_flow"))]
    pub(crate) mode: Vec<String>,
    /// Simulation-based calibration of posteriors instead: truths from the prior, and their ranks among the
    /// draws of their posteriors
    #[arg(long, conflicts_with_all = ["posterior", "pixels", "speckle_pixels", "counts", "contrast"])]
    pub(crate) sbc: bool,
    /// What a user of the defaults quotes instead: nothing held and no starting value, the simplest laws, and the
    /// headline under the verdict of the report
    #[arg(long, conflicts_with_all = ["sbc", "posterior", "noise"])]
    pub(crate) defaults: bool,
    /// How true rates change with age, separated by commas: none, or by drawn exponents; with --defaults
    #[arg(long, value_delimiter = ',', default_value = "none,drawn", requires = "defaults")]
    #[arg(value_parser = ageing)]
    pub(crate) ageing: Vec<Ageing>,
    /// Pixel numbers of the bins, separated by commas: equal, or doubling from bin to bin; with --defaults
    #[arg(long, value_delimiter = ',', default_value = "equal", requires = "defaults")]
    #[arg(value_parser = bins)]
    pub(crate) bins: Vec<Bins>,
    /// Sample the composite posterior of every trial too, and tabulate how often its intervals hold
    #[arg(long)]
    pub(crate) posterior: bool,
    /// Pixels of a bin, of the first one with --bins doubling, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "500,20000")]
    #[arg(default_value_if("defaults", "true", "3600"))]
    pub(crate) pixels: Vec<usize>,
    /// Neighbouring pixels that see one speckle, each with shot noise of its own; several, separated by commas, with --defaults
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "1")]
    pub(crate) speckle_pixels: Vec<usize>,
    /// Mean counts per pixel and frame, separated by commas; inf for no shot noise
    #[arg(long, value_delimiter = ',', default_value = "inf,0.5,0.05")]
    #[arg(default_value_if("defaults", "true", "inf,1,0.2"))]
    pub(crate) counts: Vec<String>,
    /// Fits of each model in each regime of noise
    #[arg(long, value_name = "N", default_value_t = 400)]
    #[arg(default_value_if("sbc", "true", "200"))]
    pub(crate) fits: u64,
    /// Frames of a series; LEAST..MOST with --defaults, both inclusive: every trial draws its own
    #[arg(long, value_name = "N", default_value = "200", value_parser = frames)]
    #[arg(default_value_if("sbc", "true", "60"))]
    pub(crate) frames: [usize; 2],
    /// Standard deviation of the noise of a pair with --sbc
    #[arg(long, default_value_t = 0.05)]
    pub(crate) noise: f64,
    /// Contrast
    #[arg(long, default_value_t = 0.5)]
    pub(crate) contrast: f64,
    /// Seed of truths and noise
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Worker threads; if absent DYNE_THREADS or the physical cores, see `dyne system`
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<std::num::NonZeroUsize>,
    #[command(flatten)]
    pub(crate) telling: Telling,
}

/// Least and largest number of frames of a range, or twice the number.
fn frames(text: &str) -> Result<[usize; 2], String> {
    let (least, most) = text.split_once("..").unwrap_or((text, text));
    match (least.parse(), most.parse()) {
        (Ok(least), Ok(most)) if least <= most => Ok([least, most]),
        _ => Err("expected a number N, or a range LEAST..MOST".to_owned()),
    }
}

fn ageing(text: &str) -> Result<Ageing, String> {
    named(&Ageing::ALL, text)
}

fn bins(text: &str) -> Result<Bins, String> {
    named(&Bins::ALL, text)
}

fn named<T: Copy>(all: &[(&str, T)], text: &str) -> Result<T, String> {
    let found = all.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        format!("expected {}", names.join(" or "))
    })
}
