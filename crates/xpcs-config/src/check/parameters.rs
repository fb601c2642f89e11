//! Checks of the group `parameters`, and of the scaling that leans on it.

use dyne_xpcs_model::param::Q_EXPONENT;
use dyne_xpcs_model::{Mode, ParameterSpec, Physics};

use super::super::error::{ConfigError, Fault};
use super::super::fit::{LeastSquaresConfig, Scaling};
use super::super::keys::number;
use super::super::nearest::{choices, nearest};
use super::super::parameters::{ParameterConfig, Parameters, PerBin, follows_data, is_logarithmic};
use super::{Checked, finite, not_empty};

/// What decides which parameters there are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chosen {
    pub(super) mode: Mode,
    pub(super) physics: Physics,
}

impl Chosen {
    fn parameters(self) -> &'static [ParameterSpec] {
        self.physics.parameters(self.mode)
    }
}

/// The table row of a name that may stand under `parameters`.
pub(super) fn known_parameter(
    chosen: Chosen,
    name: &str,
    key: &str,
    others: &[&str],
) -> Result<Option<&'static ParameterSpec>, ConfigError> {
    let Chosen { mode, .. } = chosen;
    if let Some(spec) = chosen.parameters().iter().find(|spec| spec.name == name) {
        return Ok(Some(spec));
    }
    if others.contains(&name) {
        return Ok(None);
    }
    let own = chosen.parameters().iter().map(|spec| spec.name);
    let names: Vec<&str> = own.chain(others.iter().copied()).collect();
    let has = |other: &Mode| other.parameters().iter().any(|spec| spec.name == name);
    let elsewhere = Mode::ALL.into_iter().find(has);
    let remedy = match (elsewhere, nearest(name, names.iter().copied())) {
        _ if name == Q_EXPONENT.name => "set `physics.q_dependence: power`".to_owned(),
        (Some(other), _) => format!("delete it, or set `mode: {}`", other.name()),
        (None, Some(word)) => format!("write `{word}`?"),
        (None, None) => "choose one of the parameters named above".to_owned(),
    };
    let fault = Fault::new(key, format!("`{name}`"))
        .expected(format!("{}, the parameters of mode `{}`", choices(&names), mode.name()))
        .remedy(remedy);
    Err(ConfigError::UnknownKey(Box::new(fault)))
}

pub(super) fn check_parameters(chosen: Chosen, parameters: &Parameters) -> Checked {
    for (name, parameter) in parameters {
        let key = format!("parameters.{name}");
        match known_parameter(chosen, name, &key, &["contrast", "offset"])? {
            Some(spec) => {
                check_bounds(&key, parameter, spec)?;
                check_start(&key, parameter, spec)?;
                check_fixed(&key, parameter)?;
                check_prior(&key, parameter, spec)?;
                check_tie(chosen, &key, name, parameters)?;
            }
            None => check_linear(&key, parameter)?,
        }
    }
    Ok(())
}

fn check_bounds(key: &str, parameter: &ParameterConfig, spec: &ParameterSpec) -> Checked {
    for (bound, value) in [("min", parameter.min), ("max", parameter.max)] {
        value.map_or(Ok(()), |value| finite(&format!("{key}.{bound}"), value))?;
    }
    let (lower, upper) = (parameter.lower(spec), parameter.upper(spec));
    if is_logarithmic(spec) && lower <= 0.0 {
        return Err(Fault::new(format!("{key}.min"), number(lower))
            .expected(format!("a number above 0: {} is on a logarithmic scale", spec.name))
            .remedy(format!("give a small positive bound such as {}", number(spec.lower)))
            .value());
    }
    if lower < upper {
        return Ok(());
    }
    let (bound, found, expected) = match parameter.min {
        Some(_) => ("min", lower, format!("less than max, {}", number(upper))),
        None => ("max", upper, format!("more than min, {}", number(lower))),
    };
    Err(Fault::new(format!("{key}.{bound}"), number(found))
        .expected(expected)
        .remedy("exchange or widen the bounds, or hold the parameter with `fixed`")
        .value())
}

fn check_start(key: &str, parameter: &ParameterConfig, spec: &ParameterSpec) -> Checked {
    let Some(start) = parameter.start else { return Ok(()) };
    // Bounds that are not given follow from the data.
    let least = if is_logarithmic(spec) { f64::MIN_POSITIVE } else { f64::NEG_INFINITY };
    let open = follows_data(spec);
    let lower = parameter.min.unwrap_or(if open { least } else { spec.lower });
    let upper = parameter.max.unwrap_or(if open { f64::INFINITY } else { spec.upper });
    if (lower..=upper).contains(&start) {
        return Ok(());
    }
    Err(Fault::new(format!("{key}.start"), number(start))
        .expected(
            match (lower.is_finite() && lower != f64::MIN_POSITIVE, upper.is_finite()) {
                (true, true) => {
                    format!("between {} and {} {}", number(lower), number(upper), spec.unit)
                }
                (false, true) => format!("at most {} {}", number(upper), spec.unit),
                (true, false) => format!("at least {} {}", number(lower), spec.unit),
                (false, false) => format!("a positive number {}", spec.unit),
            }
            .trim_end_matches(" –"),
        )
        .remedy("move the starting value, or widen `min` and `max`")
        .value())
}

fn check_prior(key: &str, parameter: &ParameterConfig, spec: &ParameterSpec) -> Checked {
    let prior = parameter.prior(spec);
    let (form, _) = prior.numbers();
    if let Some((name, value)) = prior.nonsense() {
        let key = format!("{key}.prior.{form}.{name}");
        let fault = Fault::new(key, format!("{value}")).expected("a finite number above 0");
        return Err(fault.remedy("give the width or centre of the prior in its unit").value());
    }
    let (lower, upper) = (parameter.lower(spec), parameter.upper(spec));
    if prior.support(lower, upper).is_some() {
        return Ok(());
    }
    Err(Fault::new(format!("{key}.prior"), format!("`{form}`"))
        .expected(format!(
            "one with room between the bounds {} and {}",
            number(lower),
            number(upper)
        ))
        .remedy("move the bounds, or choose another prior")
        .value())
}

/// Only bounds that are written out hold for a fixed value: those of the table guide the search.
fn check_fixed(key: &str, parameter: &ParameterConfig) -> Checked {
    let key = format!("{key}.fixed");
    let value = match &parameter.fixed {
        None => return Ok(()),
        Some(PerBin::One(value)) => *value,
        Some(PerBin::Each(values)) => {
            return Err(Fault::new(key, format!("a list of {}", values.len()))
                .expected("one number: all bins share a physical parameter")
                .remedy("give a single number; lists are for `contrast` and `offset`")
                .value());
        }
    };
    finite(&key, value)?;
    let lower = parameter.min.unwrap_or(f64::NEG_INFINITY);
    let upper = parameter.max.unwrap_or(f64::INFINITY);
    if (lower..=upper).contains(&value) {
        return Ok(());
    }
    Err(Fault::new(key, number(value))
        .expected(format!("between {} and {}", number(lower), number(upper)))
        .remedy("move the value, or delete `min` and `max`, which a fixed parameter does not need")
        .value())
}

fn check_tie(chosen: Chosen, key: &str, name: &str, parameters: &Parameters) -> Checked {
    let parameter = &parameters[name];
    let Some(tie) = &parameter.tied else { return Ok(()) };
    let key = format!("{key}.tied");
    for (other, given) in [
        ("fixed", parameter.fixed.is_some()),
        ("start", parameter.start.is_some()),
        ("min", parameter.min.is_some()),
        ("max", parameter.max.is_some()),
        ("prior", parameter.prior.is_some()),
    ] {
        if given {
            return Err(Fault::new(key, format!("`tied` beside `{other}`"))
                .expected("a tied parameter to have no other key: it follows from the other one")
                .remedy(format!("delete `tied` or `{other}`"))
                .value());
        }
    }
    known_parameter(chosen, &tie.to, &key, &[]).map_err(|error| match error {
        ConfigError::UnknownKey(fault) => ConfigError::UnknownChoice(fault),
        other => other,
    })?;
    let found = format!("`{}`", tie.to);
    if tie.to == name {
        let fault = Fault::new(key, found).expected("another parameter than itself");
        return Err(fault.remedy("name another parameter, or delete `tied`").value());
    }
    if parameters.get(&tie.to).is_some_and(|other| other.tied.is_some()) {
        return Err(Fault::new(key, format!("{found}, which is tied itself"))
            .expected("a parameter that is not tied")
            .remedy("tie both to the same free parameter")
            .value());
    }
    if tie.factor.is_finite() && tie.factor != 0.0 {
        return Ok(());
    }
    Err(Fault::new(format!("{key}.factor"), format!("{}", tie.factor))
        .expected("a finite number other than 0")
        .remedy("give the multiple, e.g. 2.0; to hold a parameter at 0 write `fixed: 0`")
        .value())
}

/// Contrast and offset are linear: solved for at every step, or held.
fn check_linear(key: &str, parameter: &ParameterConfig) -> Checked {
    for (other, given) in [
        ("start", parameter.start.is_some()),
        ("min", parameter.min.is_some()),
        ("max", parameter.max.is_some()),
        ("tied", parameter.tied.is_some()),
    ] {
        if given {
            return Err(Fault::new(format!("{key}.{other}"), format!("`{other}`"))
                .expected(
                    "`fixed` alone: contrast and offset are linear and need no start or bound",
                )
                .remedy(format!("delete `{other}`, or write `fixed` with `fit.scaling: constant`"))
                .value());
        }
    }
    if let Some(prior) = parameter.prior {
        let (form, _) = prior.numbers();
        if form != "normal" || prior.nonsense().is_some() {
            return Err(Fault::new(format!("{key}.prior"), format!("`{form}`"))
                .expected("`normal` with an sd above 0: contrast and offset are integrated out")
                .remedy("write e.g. {normal: {mean: 0.3, sd: 0.1}}")
                .value());
        }
    }
    let Some(fixed) = &parameter.fixed else { return Ok(()) };
    not_empty(&format!("{key}.fixed"), fixed.values().len(), "number")?;
    fixed.values().iter().try_for_each(|value| finite(&format!("{key}.fixed"), *value))
}

pub(super) fn check_scaling(fit: &LeastSquaresConfig, parameters: &Parameters) -> Checked {
    for name in ["contrast", "offset"] {
        let key = format!("parameters.{name}.fixed");
        let held = parameters.get(name).is_some_and(|parameter| parameter.fixed.is_some());
        if held && fit.scaling != Scaling::Constant {
            return Err(Fault::new(key, "a value")
                .expected("no value unless `fit.scaling` is `constant`")
                .remedy(format!("set `fit.scaling: constant`, or delete `{name}`"))
                .value());
        }
        if !held && fit.scaling == Scaling::Constant {
            let fault = Fault::new(&key, "nothing")
                .expected("a value, which `fit.scaling: constant` needs")
                .remedy(format!("give {key}, or choose another `fit.scaling`"));
            return Err(ConfigError::MissingKey(Box::new(fault)));
        }
    }
    if fit.scaling == Scaling::Fourier(0) {
        return Err(Fault::new("fit.scaling.fourier", "0")
            .expected("an order of at least 1")
            .remedy("give the order, or write `averaged` for one contrast and offset")
            .value());
    }
    Ok(())
}
