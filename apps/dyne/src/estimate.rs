//! `dyne plan`: what a fit of a given size takes, without a file.

use dyne_xpcs::config::{PerformanceConfig, Strategy, StreamingConfig, UncertaintyConfig};
use dyne_xpcs::fit::FitError;
use dyne_xpcs::memory::{Arrays, Checkpoints, Size};
use dyne_xpcs::pace::{Paced, sheared, typical};
use dyne_xpcs_data::{Decoding, Triangle};

use crate::args::PlanArguments;
use crate::failure::{Ending, Failure};
use crate::fit::memory;
use crate::fit::table::{self, Expected};
use crate::{machine, terminal};

pub(crate) fn run(arguments: &PlanArguments) -> Result<Ending, Failure> {
    let lanes = machine::lanes(arguments.threads)?;
    let model = sheared();
    let paced = typical(&*model);
    let size = size(arguments, &paced, lanes.count())?;
    let performance = PerformanceConfig::default();
    let budget = memory::budget(arguments.memory.as_deref(), &performance)?;
    let plan = size.plan(&memory::allowed(&budget, &performance))?;
    let head = format!(
        "points      {:e} of both triangles, {} pairs that are fitted\n\
         fit         {} matrices of {} frames, {} parameters\n\
         jacobian    never formed; it would take {:.1} GB\n",
        arguments.points,
        size.pairs(),
        size.bins,
        size.frames,
        arguments.params,
        size.pairs() as f64 * arguments.params as f64 * 8e-9,
    );
    let pace = paced.pairs_per_s(&lanes, table::MOMENT);
    let expected = Expected {
        sweeps: table::SWEEPS_OF_SEARCH,
        pairs_per_s: pace.map_err(FitError::Evaluation)?,
        decoded_per_s: None,
    };
    let table = table::table(&plan, &size, &budget, Strategy::Auto, expected);
    terminal::show(&format!("{head}{table}"))?;
    Ok(Ending::Converged)
}

/// The size that points and parameters stand for: two parameters a matrix besides those of the model,
/// and square matrices that are one chunk of 32-bit values, shuffled and compressed.
fn size(arguments: &PlanArguments, paced: &Paced<'_>, lanes: usize) -> Result<Size, Failure> {
    let refuse = |what: &str, found: String, expected: &str| {
        Err(Failure::Usage(format!("{what}: found {found}, expected {expected}\ncorrect it")))
    };
    if !(arguments.points >= 1.0 && arguments.points <= 1e15) {
        let expected = "a number of points from 1 to 1e15";
        return refuse("--points", arguments.points.to_string(), expected);
    }
    if arguments.params == 0 || arguments.params > 100_000 {
        return refuse("--params", arguments.params.to_string(), "1 to 100000");
    }
    let physical = paced.model.parameters().len() as u64;
    let of_bins = arguments.bins.unwrap_or(arguments.params.saturating_sub(physical) / 2).max(1);
    let frames = ((arguments.points / of_bins as f64).sqrt().round() as u64).max(3);
    Ok(Size {
        bins: of_bins,
        frames,
        element: 4,
        parameters: arguments.params.min(physical),
        components: paced.model.components() as u64,
        speckles: UncertaintyConfig::default().speckles as u64,
        block: StreamingConfig::default().batch_size as u64,
        pixels: dyne_xpcs_plot::map_pixels(of_bins as usize) as u64,
        lanes: lanes as u64,
        decoding: Decoding {
            strip_bytes: 4 * Triangle::pairs(frames as usize) as u64,
            buffer_bytes: 2 * 4 * frames * frames,
            again: true,
        },
        arrays: Arrays::None,
        checkpoints: Checkpoints::None,
    })
}
