//! The plan: a configuration and the catalogue of a file resolved into what will be done.
//! Nothing after it reads the configuration or a default.

mod bounds;
mod error;
mod notice;
mod select;

use dyne_solve::{
    Layout, Options, Robust, Scaling, SearchOptions, Slot, Transform, fixed_values, held_inside,
};
use dyne_xpcs_data::{Bin, BlockPairs, Catalog, FrameTime, Triangle};
use dyne_xpcs_model::param::CONTRAST;
use dyne_xpcs_model::{Geometry, Mode, Model, ParameterSpec, Scale, ScatteringWindow, TimeGrid};

use crate::config::{self, FitConfig, PerBin, TimeOrigin};
use crate::gaps::Gaps;
use crate::report::{LeftOut, Warning};

use bounds::{Seen, bounds};

pub use error::PlanError;
pub use select::Selection;

/// Least and largest contrast where it is fitted: it is never negative, and above 1 where the mean is over few
/// pixels. Without an end a decay within a frame is fitted by a contrast of any size.
const CONTRASTS: [f64; 2] = [CONTRAST.lower, 10.0 * CONTRAST.upper];

/// What will be done to which data.
pub struct Plan {
    /// The configuration, for the report.
    pub config: FitConfig,
    /// Mode.
    pub mode: Mode,
    /// The model under its conventions.
    pub model: Box<dyn Model>,
    /// Positions of the selected bins in the catalogue.
    pub positions: Vec<usize>,
    /// The selected bins.
    pub bins: Vec<Bin>,
    /// Selected frames, 0-based, end exclusive.
    pub frames: std::ops::Range<usize>,
    /// Positions in the selection of the frames that the configuration masks, ascending.
    pub masked: Vec<usize>,
    /// Positions in the selection of the frames without data, ascending; known once the matrices are.
    pub absent: Vec<usize>,
    /// What is left out beside masked frames.
    pub left_out: LeftOut,
    /// Place of each bin among those selected at first, and their number.
    places: (Vec<usize>, usize),
    /// Frame time.
    pub dt: FrameTime,
    /// Time grid of the selected frames.
    pub grid: TimeGrid,
    /// Geometry of each bin.
    pub geometries: Vec<Geometry>,
    /// Free, fixed and tied parameters.
    pub transform: Transform,
    /// The same with what the configuration fixes set free, where that leaves so many free that a search should begin
    /// there.
    pub released: Option<Transform>,
    /// Starting values; `None` where none was given and the search finds them.
    pub start: Option<Vec<f64>>,
    /// Loss of the residuals.
    pub robust: Robust,
    /// Options of search and fit; no starts where the starting values are to serve alone.
    pub search: SearchOptions,
    /// What was noticed on the way.
    pub warnings: Vec<Warning>,
}

impl Plan {
    /// Resolves `config` against what the file holds.
    ///
    /// # Errors
    /// [`PlanError`], before any matrix is read.
    pub fn resolve(config: FitConfig, catalog: &Catalog) -> Result<Self, PlanError> {
        let mut warnings = Vec::new();
        let chosen = select::bins(&config.data, &config.mask, catalog, &mut warnings)?;
        let select::Chosen { positions, left_out } = chosen;
        let bins: Vec<Bin> = positions.iter().map(|p| catalog.bins[*p].clone()).collect();
        let frames = select::frames(&config.data, catalog)?;
        let masked = select::mask(&config.mask, &frames)?;
        let dt = select::frame_time(&config.data, catalog, &mut warnings)?;
        let origin = match config.time.origin {
            TimeOrigin::FirstFrame => config.physics.first_time(config.mode, dt.seconds),
            TimeOrigin::Acquisition => frames.start as f64 * dt.seconds,
            TimeOrigin::Seconds(seconds) => seconds,
        };
        let grid = TimeGrid::new(frames.len(), dt.seconds, origin);
        // A model without shear does not look at the gap.
        let gap = config.geometry.gap.unwrap_or(0.0);
        let geometries =
            bins.iter().map(|b| Geometry { q: b.q, phi_deg: b.phi_deg, gap }).collect();
        let seen = Seen::of(bins.iter().map(|b| b.q), gap, &grid, dt.seconds);
        let transform = Transform::try_new(&slots(&config, &seen)).map_err(PlanError::Solve)?;
        let mut plan = Self {
            mode: config.mode,
            model: config.physics.conventions().model(config.mode, select::mean_q(&bins)),
            start: start(&config, &seen),
            robust: Robust { loss: loss(config.fit.loss), f_scale: config.fit.f_scale },
            search: search_options(&config, &transform),
            released: released(&config, &seen, &transform)?,
            places: ((0..bins.len()).collect(), bins.len()),
            positions,
            bins,
            frames,
            masked,
            absent: Vec::new(),
            left_out,
            dt,
            grid,
            geometries,
            transform,
            warnings,
            config,
        };
        plan.check_pairs()?;
        notice::aliasing(&plan)?;
        notice::fraction(&plan)?;
        // Refuses a scaling that does not suit the bins before their matrices are read.
        plan.layout(0.0)?;
        plan.warnings.extend(notice::gap(&plan));
        plan.warnings.extend(notice::one_angle(&plan));
        plan.warnings.extend(notice::held(&plan));
        Ok(plan)
    }

    /// Place of a bin among those that were selected before any matrix was read.
    pub fn place(&self, bin: usize) -> usize {
        self.places.0[bin]
    }

    /// Leaves out what has no data; `positions` are those on the time grid of the frames along a side
    /// of the matrices in which it was found.
    ///
    /// # Errors
    /// [`PlanError::NoData`] where nothing is left, [`PlanError::Pairs`] where too little is.
    pub fn leave_out(&mut self, gaps: &Gaps, positions: &[usize]) -> Result<(), PlanError> {
        let mut left_out = self.left_out.clone();
        left_out.frames.extend(gaps.left_out.frames.iter().cloned());
        left_out.add_bins(gaps.left_out.bins.iter().cloned());
        let kept: Vec<usize> = (0..self.bins.len()).filter(|k| !gaps.bins.contains(k)).collect();
        self.absent = gaps.frames.iter().map(|k| positions[*k]).collect();
        if kept.is_empty() || positions.len() < 3 + self.absent.len() {
            let found = left_out.sentences().join("; ");
            return Err(PlanError::NoData { file: self.config.data.file.clone(), found });
        }
        self.left_out = left_out;
        if kept.len() < self.bins.len() {
            self.positions = kept.iter().map(|k| self.positions[*k]).collect();
            self.geometries = kept.iter().map(|k| self.geometries[*k]).collect();
            self.places.0 = kept.iter().map(|k| self.places.0[*k]).collect();
            self.bins = kept.iter().map(|k| self.bins[*k].clone()).collect();
            self.warnings.retain(|warning| warning.code != notice::ONE_ANGLE);
            self.warnings.extend(notice::one_angle(self));
            self.layout(0.0)?;
        }
        self.check_pairs()
    }

    /// Starting value of a parameter, where one is given.
    pub(crate) fn start_of(&self, spec: &ParameterSpec) -> Option<f64> {
        settings(&self.config, spec).start
    }

    /// Prior of a parameter.
    pub(crate) fn prior_of(&self, spec: &ParameterSpec) -> dyne_xpcs_model::Prior {
        settings(&self.config, spec).prior(spec)
    }

    /// Range over which the search looks for parameter `k`, the others in the middle of theirs, in the
    /// variable that is fitted.
    pub fn searched_of(&self, k: usize) -> f64 {
        let specs = self.model.parameters();
        let at = |u: f64| {
            let mut cube = vec![0.5; specs.len()];
            cube[k] = u;
            let value = self.model.start(&cube, &self.window())[k];
            if specs[k].scale == Scale::Log { value.ln() } else { value }
        };
        (at(1.0) - at(0.0)).abs()
    }

    /// [`Plan::searched_of`] every free parameter.
    pub fn searched(&self) -> Vec<f64> {
        self.transform.free().iter().map(|k| self.searched_of(*k)).collect()
    }

    /// Whether the rates follow the simplest laws that the data support.
    pub fn simplest_laws(&self) -> bool {
        self.config.fit.law == config::LawChoice::Simplest
    }

    /// How many pairs a block holds.
    pub fn block(&self) -> BlockPairs {
        BlockPairs(self.config.streaming.batch_size)
    }

    /// Frames at the start that take no part.
    pub fn skip(&self) -> usize {
        self.config.fit.skip_frames
    }

    /// Pairs that take part, all bins together.
    pub fn pairs(&self) -> usize {
        self.pairs_without(&self.masked)
    }

    /// Whether the frame at position `k` of the selection has data.
    fn is_there(&self, k: usize) -> bool {
        self.absent.binary_search(&k).is_err()
    }

    /// Pairs that take part without the frames at the positions `masked`, all bins together.
    pub fn pairs_without(&self, masked: &[usize]) -> usize {
        let out = masked.iter().filter(|k| self.takes(**k)).count();
        let frames = (0..self.frames.len()).filter(|k| self.takes(*k)).count();
        self.bins.len() * Triangle::pairs(frames - out)
    }

    /// Whether the frame at position `k` of the selection takes part where it is not masked.
    fn takes(&self, k: usize) -> bool {
        let strided = |k: usize| k.is_multiple_of(self.config.data.stride_coarse);
        self.is_there(k) && k.checked_sub(self.skip()).is_some_and(strided)
    }

    /// Positions in the selection of the frames that the stride leaves out; none where it is 1.
    pub fn strided(&self) -> Vec<usize> {
        match self.config.data.stride_coarse {
            1 => Vec::new(),
            stride => {
                let takes = |k: usize| k.checked_sub(self.skip()).is_some_and(|k| k % stride == 0);
                (0..self.frames.len()).filter(|k| !takes(*k)).collect()
            }
        }
    }

    /// Free parameters, those of contrast and offset included.
    pub(crate) fn free_parameters(&self) -> usize {
        let linear = match self.config.fit.scaling {
            config::Scaling::Individual => 2 * self.bins.len(),
            config::Scaling::Averaged => 2,
            config::Scaling::Constant => 0,
            config::Scaling::Fourier(order) => 2 * (2 * order + 1),
        };
        self.transform.free().len() + linear
    }

    fn check_pairs(&self) -> Result<(), PlanError> {
        let (pairs, parameters) = (self.pairs(), self.free_parameters());
        let frames = self.frames.len();
        if pairs > parameters {
            return Ok(());
        }
        match self.masked.len() {
            0 => Err(PlanError::Pairs { pairs, parameters, frames }),
            masked => Err(PlanError::MaskPairs { pairs, parameters, masked, frames }),
        }
    }

    /// What the data can resolve, for starting values.
    pub fn window(&self) -> ScatteringWindow {
        let dt = self.dt.seconds;
        ScatteringWindow {
            q: select::mean_q(&self.bins),
            gap: self.config.geometry.gap.unwrap_or(0.0),
            dt,
            duration: dt * (self.frames.len() - 1) as f64,
            last_time: *self.grid.times().last().expect("a plan has at least two frames"),
        }
    }

    /// A starting point from a point of the unit cube of the free parameters: that of the
    /// model, its rates moved onto fixed values, and evenly inside the bounds where the model's lies
    /// outside.
    pub fn from_cube(&self, u: &[f64]) -> Vec<f64> {
        self.start_in_cube(&self.transform, u)
    }

    /// The same for other slots than those of the plan.
    pub(crate) fn start_in_cube(&self, transform: &Transform, u: &[f64]) -> Vec<f64> {
        let mut cube = vec![0.5; self.model.parameters().len()];
        for (slot, u) in transform.free().iter().zip(u) {
            cube[*slot] = *u;
        }
        let slots = transform.slots();
        let mut theta = self.onto_slots(slots, self.model.start(&cube, &self.window()));
        for ((value, slot), u) in theta.iter_mut().zip(slots).zip(&cube) {
            match *slot {
                Slot::Fixed(fixed) => *value = fixed,
                Slot::Free { scale, lower, upper } if !(lower..=upper).contains(value) => {
                    *value = match scale {
                        dyne_solve::Scale::Linear => lower + u * (upper - lower),
                        dyne_solve::Scale::Log => lower * (upper / lower).powf(*u),
                    };
                }
                _ => {}
            }
        }
        theta
    }

    /// `theta` with its rates moved onto fixed values: at the reference time they keep their value
    /// and, as far as what is free allows it, their slope. Without this a rate of which one parameter
    /// is fixed far from where a start has it would be off by orders of magnitude.
    pub(crate) fn onto_fixed(&self, theta: Vec<f64>) -> Vec<f64> {
        self.onto_slots(self.transform.slots(), theta)
    }

    fn onto_slots(&self, slots: &[Slot], theta: Vec<f64>) -> Vec<f64> {
        let held = fixed_values(slots);
        let of_rates: Vec<usize> =
            self.model.rates().iter().flat_map(|first| *first..first + 3).collect();
        if of_rates.iter().all(|k| held[*k].is_none()) {
            return theta;
        }
        let rest = vec![0.0; theta.len()];
        let advance = |held: &[Option<f64>]| self.model.advance(&theta, &rest, held, &self.grid);
        let moved = advance(&held);
        held_inside(slots, &of_rates, held, moved, advance)
    }

    /// How contrast and offset hang on the linear parameters, offsets counted from `shift`.
    ///
    /// # Errors
    /// [`PlanError`] where there are fewer angles than Fourier coefficients or lists of
    /// contrasts that do not match the bins.
    pub fn layout(&self, shift: f64) -> Result<Layout, PlanError> {
        let bins = self.bins.len();
        match self.config.fit.scaling {
            config::Scaling::Individual => {
                Ok(Layout::individual(bins).with_contrast_between(CONTRASTS))
            }
            config::Scaling::Averaged => {
                Ok(Layout::averaged(bins).with_contrast_between(CONTRASTS))
            }
            config::Scaling::Fourier(order) => {
                let phi: Vec<f64> = self.bins.iter().map(|b| b.phi_deg.to_radians()).collect();
                Layout::fourier(order, &phi).map_err(PlanError::Solve)
            }
            config::Scaling::Constant => {
                let contrast = self.fixed_scaling("contrast")?;
                let offset = self.fixed_scaling("offset")?;
                let values: Vec<Scaling> = contrast
                    .into_iter()
                    .zip(offset)
                    .map(|(contrast, offset)| Scaling { contrast, offset: offset - shift })
                    .collect();
                Ok(Layout::constant(&values))
            }
        }
    }

    /// One value a bin of a contrast or offset that the configuration fixes.
    fn fixed_scaling(&self, name: &'static str) -> Result<Vec<f64>, PlanError> {
        let bins = self.bins.len();
        let given = self.config.parameters.get(name).and_then(|p| p.fixed.as_ref());
        match given.expect("the configuration was checked: constant scaling gives both values") {
            PerBin::One(value) => Ok(vec![*value; bins]),
            PerBin::Each(values) if values.len() == self.places.1 => {
                Ok(self.places.0.iter().map(|place| values[*place]).collect())
            }
            PerBin::Each(values) => {
                Err(PlanError::PerBin { name, found: values.len(), expected: self.places.1 })
            }
        }
    }
}

fn settings(config: &FitConfig, spec: &ParameterSpec) -> config::ParameterConfig {
    config.parameters.get(spec.name).cloned().unwrap_or_default()
}

/// Bounds of a parameter: those given, else those that follow from what the data can see.
fn bounds_of(given: &config::ParameterConfig, spec: &ParameterSpec, seen: &Seen) -> [f64; 2] {
    let [lower, upper] = bounds(spec, seen);
    let [lower, upper] = [given.min.unwrap_or(lower), given.max.unwrap_or(upper)];
    // One that is given beyond the other has the room of the table.
    if lower < upper { [lower, upper] } else { [given.lower(spec), given.upper(spec)] }
}

fn slots(config: &FitConfig, seen: &Seen) -> Vec<Slot> {
    let specs = config.physics.conventions().parameters(config.mode);
    specs
        .iter()
        .map(|spec| {
            let given = settings(config, spec);
            if let Some(value) = given.fixed_value() {
                return Slot::Fixed(value);
            }
            if let (Some(value), true) = (config.mode.held(spec), given == Default::default()) {
                return Slot::Fixed(value);
            }
            if let Some(tie) = &given.tied {
                let to = specs
                    .iter()
                    .position(|s| s.name == tie.to)
                    .expect("the configuration was checked: ties name a parameter of the mode");
                return Slot::Tied { to, factor: tie.factor };
            }
            let scale = match spec.scale {
                Scale::Linear => dyne_solve::Scale::Linear,
                Scale::Log => dyne_solve::Scale::Log,
            };
            let [lower, upper] = bounds_of(&given, spec, seen);
            Slot::Free { scale, lower, upper }
        })
        .collect()
}

/// The slots with what the configuration fixes set free, where many parameters are then free and starts are tried.
fn released(
    config: &FitConfig,
    seen: &Seen,
    transform: &Transform,
) -> Result<Option<Transform>, PlanError> {
    let mut freed = config.clone();
    freed
        .parameters
        .values_mut()
        .filter(|p| p.fixed_value().is_some())
        .for_each(|p| p.fixed = None);
    let slots = slots(&freed, seen);
    let whole = Transform::try_new(&slots).map_err(PlanError::Solve)?;
    let [own, all] = [transform, &whole].map(|of| of.free().len());
    let starts = search_options(config, transform).starts;
    Ok((own > FEW_PARAMETERS && all > own && starts > 0).then_some(whole))
}

/// Starting values where at least one is given: the others take the table's default, moved
/// onto their bounds.
fn start(config: &FitConfig, seen: &Seen) -> Option<Vec<f64>> {
    let specs = config.physics.conventions().parameters(config.mode);
    specs.iter().any(|s| settings(config, s).start.is_some()).then(|| {
        specs
            .iter()
            .map(|spec| {
                let given = settings(config, spec);
                let held = config.mode.held(spec).unwrap_or(spec.default);
                let value = given.fixed_value().or(given.start).unwrap_or(held);
                let [lower, upper] = bounds_of(&given, spec, seen);
                value.clamp(lower, upper)
            })
            .collect()
    })
}

fn loss(loss: config::Loss) -> dyne_solve::Loss {
    match loss {
        config::Loss::Linear => dyne_solve::Loss::Linear,
        config::Loss::SoftL1 => dyne_solve::Loss::SoftL1,
        config::Loss::Huber => dyne_solve::Loss::Huber,
        config::Loss::Cauchy => dyne_solve::Loss::Cauchy,
        config::Loss::Arctan => dyne_solve::Loss::Arctan,
    }
}

/// More free parameters than this have so many minima that a search must look more widely.
const FEW_PARAMETERS: usize = 8;

/// Points that are screened for each one that the configuration asks for.
const WIDER: usize = 8;

/// Starting points that are screened, how many of them are refined, and how many basins go on: many
/// parameters have many minima, and the cost of a start tells less of its basin.
fn breadth(starts: usize, free: usize) -> SearchOptions {
    let default = SearchOptions::default();
    let refine = default.refine.max(4 * free.saturating_sub(4));
    if free > FEW_PARAMETERS {
        let (refine, promote) = (4 * refine, 2 * default.promote);
        SearchOptions { starts: WIDER * starts, refine, promote, ..default }
    } else {
        SearchOptions { starts, refine, ..default }
    }
}

/// Options of the search. No points are tried besides the starting values where every free
/// parameter has one, unless the configuration asks for them.
fn search_options(config: &FitConfig, transform: &Transform) -> SearchOptions {
    let specs = config.physics.conventions().parameters(config.mode);
    let given = |slot: &usize| settings(config, &specs[*slot]).start.is_some();
    let free = transform.free();
    let local = !config.search.global && !free.is_empty() && free.iter().all(given);
    let fit = Options {
        ftol: config.fit.ftol,
        xtol: config.fit.xtol,
        gtol: config.fit.gtol,
        max_evaluations: config.fit.max_sweeps as u64,
        ..Options::default()
    };
    let search = SearchOptions {
        method: match config.search.method {
            config::SearchMethod::Starts => dyne_solve::SearchMethod::Starts,
            config::SearchMethod::Cmaes => dyne_solve::SearchMethod::Cmaes,
        },
        seed: config.search.seed,
        fit,
        ..breadth(config.search.starts, free.len())
    };
    if local { SearchOptions { starts: 0, refine: 0, ..search } } else { search }
}
