//! The time between two frames of a matrix, from the detector and the correlation.

use dyne_xpcs_data::{FrameTime, ReadError};

use crate::source::Source;

/// A factor of the frame time and where the file holds it.
pub(crate) struct Factor {
    pub(crate) path: &'static str,
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
}

/// What a file says about its frame time.
pub(crate) struct Found {
    pub(crate) dt: Option<FrameTime>,
    pub(crate) searched: Vec<String>,
}

/// Frame time as the product of `factors`.
///
/// $$ \Delta t = t_\mathrm{frame} \cdot n_\mathrm{stride} \cdot n_\mathrm{avg} $$
///
/// With $t_\mathrm{frame}$ the time from one frame of the detector to the next, s;
/// $n_\mathrm{stride}$ every how many frames one is taken; $n_\mathrm{avg}$ how many are
/// averaged. Where one of them is absent there is no frame time: the product of the
/// others would be a guess.
///
/// # Errors
/// A factor that is not positive and finite, or not one value.
pub(crate) fn read(source: &Source, factors: &[Factor]) -> Result<Found, ReadError> {
    let mut seconds = Some(1.0);
    let mut words = Vec::new();
    let mut searched = Vec::new();
    for factor in factors {
        let expected = format!("a positive {}", factor.name);
        let value = source.optional_scalar(factor.path, &expected)?;
        match value {
            None => searched.push(format!("{}: absent", factor.path)),
            Some(value) if value > 0.0 && value.is_finite() => {
                searched.push(format!("{}: {value}{}", factor.path, factor.unit));
                words.push(format!("{} {value}{}", factor.name, factor.unit));
            }
            Some(value) => {
                let remedy = "correct the dataset; the time axis follows from it";
                return Err(source.error(factor.path, value.to_string(), expected, remedy));
            }
        }
        seconds = seconds.zip(value).map(|(product, value)| product * value);
    }
    let dt = seconds.map(|seconds| FrameTime { seconds, derivation: words.join(" × ") });
    Ok(Found { dt, searched })
}
