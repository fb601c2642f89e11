//! Checks of values and of their agreement, after parsing.

mod parameters;
mod posterior;
mod uncertainty;

use super::FitConfig;
use super::data::{DataConfig, QSelection};
use super::error::{ConfigError, Fault};
use super::fit::{LeastSquaresConfig, TimeConfig, TimeOrigin};
use super::keys::number;
use super::mask::MaskConfig;
use super::parameters::PerBin;
use super::simulate::{NoiseConfig, NoiseKind, SimConfig};
use dyne_xpcs_model::Mode;
use parameters::{Chosen, check_parameters, check_scaling, known_parameter};
use posterior::check_posterior;
use uncertainty::check_uncertainty;

type Checked = Result<(), ConfigError>;

/// A configuration that can tell whether it makes sense.
pub(super) trait Check {
    /// The first fault, if there is one.
    fn check(&self) -> Checked;
}

impl Check for FitConfig {
    fn check(&self) -> Checked {
        check_data(&self.data)?;
        check_mask(&self.mask)?;
        check_gap(self.mode, self.geometry.gap, "geometry.gap")?;
        check_origin(&self.time)?;
        let chosen = Chosen { mode: self.mode, physics: self.physics.conventions() };
        check_parameters(chosen, &self.parameters)?;
        check_scaling(&self.fit, &self.parameters)?;
        check_fit(&self.fit)?;
        check_posterior(&self.posterior)?;
        check_uncertainty(chosen, &self.uncertainty, &self.parameters)?;
        if self.search.starts == 0 {
            return Err(Fault::new("search.starts", "0")
                .expected("at least 1")
                .remedy("give a positive number, e.g. 64")
                .value());
        }
        check_resources(self)?;
        check_output(self)
    }
}

impl Check for SimConfig {
    fn check(&self) -> Checked {
        if self.frames < 2 {
            return Err(Fault::new("frames", self.frames.to_string())
                .expected("at least 2 frames")
                .remedy("give the number of frames, e.g. 1000")
                .value());
        }
        positive("dt", self.dt, "s")?;
        not_empty("q", self.q.values().len(), "q, Å⁻¹")?;
        self.q.values().iter().try_for_each(|q| positive("q", *q, "Å⁻¹"))?;
        check_gap(self.mode, self.gap, "gap")?;
        not_empty("phi", self.phi.len(), "azimuth, degrees")?;
        for (i, phi) in self.phi.iter().enumerate() {
            finite(&format!("phi[{i}]"), *phi)?;
        }
        check_origin(&self.time)?;
        let chosen = Chosen { mode: self.mode, physics: self.physics.conventions() };
        for (name, value) in &self.parameters {
            let key = format!("parameters.{name}");
            known_parameter(chosen, name, &key, &[])?;
            finite(&key, *value)?;
        }
        per_angle("contrast", &self.contrast, self.bins().len())?;
        per_angle("offset", &self.offset, self.bins().len())?;
        check_noise(&self.noise)
    }
}

fn positive(key: &str, value: f64, unit: &str) -> Checked {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    let fault = Fault::new(key, number(value)).expected("a positive, finite number");
    let unit = if unit.is_empty() { String::new() } else { format!(" in {unit}") };
    Err(fault.remedy(format!("give a number above 0{unit}")).value())
}

fn finite(key: &str, value: f64) -> Checked {
    if value.is_finite() {
        return Ok(());
    }
    let fault = Fault::new(key, format!("{value}")).expected("a finite number");
    Err(fault.remedy("give a plain number such as 1.5 or 1e-3").value())
}

fn not_empty(key: &str, length: usize, item: &str) -> Checked {
    if length > 0 {
        return Ok(());
    }
    let fault = Fault::new(key, "an empty list").expected(format!("at least one {item}"));
    Err(fault.remedy("fill the list, or delete the key to take its default").value())
}

fn check_data(data: &DataConfig) -> Checked {
    if data.file.as_os_str().is_empty() {
        let fault = Fault::new("data.file", "an empty text").expected("the path of a data file");
        return Err(fault.remedy("give the path, e.g. run.hdf").value());
    }
    check_q(data)?;
    if data.stride_coarse == 0 {
        let fault = Fault::new("data.stride_coarse", "0").expected("at least 1");
        return Err(fault.remedy("give 1 to take every frame").value());
    }
    if let Some(ranges) = &data.phi {
        not_empty("data.phi", ranges.len(), "range `[from, to]`, degrees")?;
        for (i, range) in ranges.iter().enumerate() {
            finite(&format!("data.phi[{i}][0]"), range.from)?;
            finite(&format!("data.phi[{i}][1]"), range.to)?;
        }
    }
    check_frames(data)?;
    data.dt.map_or(Ok(()), |dt| positive("data.dt", dt, "s"))
}

fn check_q(data: &DataConfig) -> Checked {
    match &data.q {
        Some(QSelection::Nearest(q)) => positive("data.q", *q, "Å⁻¹")?,
        Some(QSelection::List(list)) => {
            not_empty("data.q", list.len(), "q, Å⁻¹")?;
            for (i, q) in list.iter().enumerate() {
                positive(&format!("data.q[{i}]"), *q, "Å⁻¹")?;
            }
        }
        Some(QSelection::All) | None => {}
    }
    let Some(tolerance) = data.q_tolerance else { return Ok(()) };
    let fault = Fault::new("data.q_tolerance", format!("{tolerance}"));
    if !(tolerance > 0.0 && tolerance < 1.0) {
        let fault = fault.expected("a fraction above 0 and below 1");
        return Err(fault.remedy("give for example 0.05 for ±5 % of q").value());
    }
    if matches!(data.q, Some(QSelection::All) | None) {
        let fault = fault.expected("a q that the tolerance belongs to");
        return Err(fault
            .remedy("give data.q as a number or a list, or delete q_tolerance")
            .value());
    }
    Ok(())
}

fn check_frames(data: &DataConfig) -> Checked {
    if data.frames.is_some() && (data.frame_start.is_some() || data.frame_end.is_some()) {
        let other = if data.frame_start.is_some() { "frame_start" } else { "frame_end" };
        return Err(Fault::new(format!("data.{other}"), format!("`{other}` beside `frames`"))
            .expected("one of the two forms")
            .remedy("keep `frames: [first, last]`, or `frame_start` and `frame_end`")
            .value());
    }
    let [first_key, last_key] = match data.frames {
        Some(_) => ["data.frames[0]", "data.frames[1]"],
        None => ["data.frame_start", "data.frame_end"],
    };
    let (first, last) = (data.first_frame(), data.last_frame());
    if first < 1 {
        return Err(Fault::new(first_key, format!("{first}"))
            .expected("at least 1")
            .remedy("count frames from 1: the first frame of a file is 1")
            .value());
    }
    match last {
        Some(last) if last <= first => Err(Fault::new(last_key, format!("{last}"))
            .expected(format!("more than the first frame {first}"))
            .remedy("give the first and the last frame, both included, in this order")
            .value()),
        _ => Ok(()),
    }
}

fn check_mask(mask: &MaskConfig) -> Checked {
    for (k, entry) in mask.frames.iter().enumerate() {
        let [first, last] = entry.ends();
        let key = format!("mask.frames[{k}]");
        if first < 1 {
            return Err(Fault::new(key, format!("frame {first}"))
                .expected("at least 1")
                .remedy("count frames from 1: the first frame of a file is 1")
                .value());
        }
        if last < first {
            return Err(Fault::new(key, format!("[{first}, {last}]"))
                .expected("the first frame before the last one")
                .remedy("give the first and the last frame, both included, in this order")
                .value());
        }
    }
    Ok(())
}

fn check_gap(mode: Mode, gap: Option<f64>, key: &str) -> Checked {
    match gap {
        None if mode.has_gap() => {
            let fault = Fault::new(key, "nothing")
                .expected("the gap of the shear cell, which `laminar_flow` needs")
                .remedy(format!("give {key} in Å, e.g. 2.0e6 for 200 µm"));
            Err(ConfigError::MissingKey(Box::new(fault)))
        }
        None => Ok(()),
        Some(gap) => positive(key, gap, "Å"),
    }
}

fn check_origin(time: &TimeConfig) -> Checked {
    match time.origin {
        TimeOrigin::Seconds(t) if !(t.is_finite() && t >= 0.0) => {
            let fault = Fault::new("time.origin", format!("{t}")).expected("0 or more seconds");
            Err(fault.remedy("give `first_frame`, `acquisition` or a time in s").value())
        }
        _ => Ok(()),
    }
}

fn check_fit(fit: &LeastSquaresConfig) -> Checked {
    positive("fit.f_scale", fit.f_scale, "c2")?;
    for (key, value) in [("ftol", fit.ftol), ("xtol", fit.xtol), ("gtol", fit.gtol)] {
        if !(value > 0.0 && value < 1.0) {
            return Err(Fault::new(format!("fit.{key}"), format!("{value}"))
                .expected("a number above 0 and below 1")
                .remedy("give for example 1e-8")
                .value());
        }
    }
    if fit.max_sweeps > 0 {
        return Ok(());
    }
    let fault = Fault::new("fit.max_sweeps", "0").expected("at least 1");
    Err(fault.remedy("give a positive number, e.g. 200").value())
}

fn check_resources(config: &FitConfig) -> Checked {
    if let Some(limit) = config.performance.memory_limit_gb {
        positive("performance.memory_limit_gb", limit, "GB")?;
    }
    positive("checkpoint.after_seconds", config.checkpoint.after_seconds, "s")?;
    positive("checkpoint.every_seconds", config.checkpoint.every_seconds, "s")?;
    let counts = [
        ("streaming.batch_size", config.streaming.batch_size),
        ("checkpoint.keep", config.checkpoint.keep),
    ];
    if let Some((key, _)) = counts.into_iter().find(|(_, count)| *count == 0) {
        return Err(Fault::new(key, "0")
            .expected("at least 1")
            .remedy("give a positive whole number, or leave the key out")
            .value());
    }
    Ok(())
}

fn check_output(config: &FitConfig) -> Checked {
    if config.output.dir.as_ref().is_some_and(|dir| dir.as_os_str().is_empty()) {
        let fault = Fault::new("output.dir", "an empty text").expected("the path of a folder");
        return Err(fault.remedy("give a folder, e.g. results").value());
    }
    let log = &config.logging.performance;
    if !(log.threshold_seconds >= 0.0 && log.threshold_seconds.is_finite()) {
        let found = number(log.threshold_seconds);
        return Err(Fault::new("logging.performance.threshold_seconds", found)
            .expected("a finite number, 0 or more")
            .remedy("give for example 0.1")
            .value());
    }
    not_empty("output.formats", config.output.formats.len(), "format")
}

fn per_angle(key: &str, value: &PerBin, angles: usize) -> Checked {
    for number in value.values() {
        finite(key, *number)?;
    }
    match value {
        PerBin::Each(values) if values.len() != angles => {
            Err(Fault::new(key, format!("a list of {}", values.len()))
                .expected(format!(
                    "one number for each angle of `phi` at each q, of which there are {angles}"
                ))
                .remedy("give one number for all angles, or as many as there are")
                .value())
        }
        _ => Ok(()),
    }
}

fn check_noise(noise: &NoiseConfig) -> Checked {
    if noise.kind == NoiseKind::Gaussian || !noise.sigma.is_finite() {
        positive("noise.sigma", noise.sigma, "c2")?;
    }
    if noise.pixels == 0 {
        let fault = Fault::new("noise.pixels", "0").expected("at least 1 pixel");
        return Err(fault.remedy("give the number of pixels, e.g. 500").value());
    }
    if noise.pixels_per_speckle == 0 {
        let fault = Fault::new("noise.pixels_per_speckle", "0").expected("at least 1 pixel");
        return Err(fault.remedy("give the pixels that see one speckle, or 1").value());
    }
    noise.counts.map_or(Ok(()), |counts| positive("noise.counts", counts, "photons"))
}
