//! Sizes of memory as people write them.

use std::fmt;

use thiserror::Error;

/// A text that is no size.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "size of memory: {fault}, found `{text}`, expected a number above zero and a unit\n\
     write it like 800MB, 1.5GiB or 512k"
)]
pub struct SizeError {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub fault: SizeFault,
}

/// What is wrong with a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SizeFault {
    /// There is no number.
    NotANumber,
    /// It is below zero.
    Negative,
    /// It is less than one byte.
    Zero,
    /// The unit is unknown.
    Unit,
    /// It is more than 2⁶⁴ − 1 bytes.
    TooLarge,
}

impl fmt::Display for SizeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotANumber => "no number",
            Self::Negative => "negative",
            Self::Zero => "less than one byte",
            Self::Unit => "unknown unit (known are B, kB, MB, GB, TB, KiB, MiB, GiB, TiB)",
            Self::TooLarge => "more than 2^64 bytes",
        })
    }
}

/// Bytes of a size such as `128MB` (10⁶ bytes), `1.5 GiB` (2³⁰ bytes), `512k` or `2e9`. A number
/// without unit is in bytes; upper and lower case mean the same; fractions of a byte are cut.
///
/// # Errors
/// [`SizeError`] for what is no number above zero with a known unit below 2⁶⁴ bytes.
pub fn parse_bytes(text: &str) -> Result<u64, SizeError> {
    parse(text, 1)
}

/// The same for a limit of memory, where a number without unit is in GB.
pub(super) fn parse_memory(text: &str) -> Result<u64, SizeError> {
    parse(text, 1_000_000_000)
}

fn parse(text: &str, plain: u64) -> Result<u64, SizeError> {
    let trimmed = text.trim();
    let number = trimmed.trim_end_matches(char::is_alphabetic);
    let bytes = unit(&trimmed[number.len()..], plain).map_or_else(
        || Err(if number.is_empty() { SizeFault::NotANumber } else { SizeFault::Unit }),
        |unit| bytes(number.trim_end(), unit),
    );
    bytes.map_err(|fault| SizeError { text: text.to_owned(), fault })
}

fn unit(name: &str, plain: u64) -> Option<u64> {
    Some(match name.to_ascii_lowercase().as_str() {
        "" => plain,
        "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "ki" | "kib" => 1 << 10,
        "mi" | "mib" => 1 << 20,
        "gi" | "gib" => 1 << 30,
        "ti" | "tib" => 1 << 40,
        _ => return None,
    })
}

fn bytes(number: &str, unit: u64) -> Result<u64, SizeFault> {
    // Whole numbers stay exact where f64 would round them.
    let whole = number.parse::<u64>().ok();
    if let Some(bytes) = whole.and_then(|number| number.checked_mul(unit)) {
        return if bytes == 0 { Err(SizeFault::Zero) } else { Ok(bytes) };
    }
    let value: f64 = number.parse().map_err(|_| SizeFault::NotANumber)?;
    let value = value * unit as f64;
    // 2⁶⁴ is the first f64 that no u64 holds.
    match value {
        v if v.is_nan() => Err(SizeFault::NotANumber),
        v if v < 0.0 => Err(SizeFault::Negative),
        v if v < 1.0 => Err(SizeFault::Zero),
        v if v >= 18_446_744_073_709_551_616.0 => Err(SizeFault::TooLarge),
        v => Ok(v as u64),
    }
}

/// Bytes in a unit of powers of ten with three significant digits, e.g. `1.50 GB`.
pub fn show_bytes(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1e3;
    let mut units = ["kB", "MB", "GB", "TB", "PB", "EB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    // From 999.5 on three digits would read 1000.
    while value >= 999.5 {
        let Some(larger) = units.next() else { break };
        unit = larger;
        value /= 1e3;
    }
    let decimals = match value {
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {unit}")
}
