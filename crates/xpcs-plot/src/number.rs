//! Numbers as a reader expects them: rounded to what the error supports.

/// Magnitudes from here up to [`PLAIN_BELOW`] are written without a power of ten.
const PLAIN_FROM: f64 = 1e-3;
/// See [`PLAIN_FROM`].
const PLAIN_BELOW: f64 = 1e6;

/// Writes a value with its standard error, both rounded to the second significant digit of the error.
///
/// **Formula.** With e = ⌊log₁₀ σ⌋ the last digit kept stands at 10^(e−1); where rounding σ carries into the next
/// decade, e grows by one, so that the error always shows two digits.
///
/// **Edges.** Magnitudes max(|value|, σ) outside 10⁻³ … 10⁶ share a power of ten: `(1.235 ± 0.020)×10⁻⁵`. An error that
/// is zero, negative or not finite is left out and the value gets six significant digits.
///
/// **Checked by** `errors_show_two_digits`, `powers_of_ten_are_shared`.
pub fn value_with_error(value: f64, stderr: f64) -> String {
    if !value.is_finite() || !stderr.is_finite() || stderr <= 0.0 {
        return significant(value, 6);
    }
    let magnitude = value.abs().max(stderr);
    let last = last_place(stderr);
    if (PLAIN_FROM..PLAIN_BELOW).contains(&magnitude) {
        return format!("{} ± {}", at_place(value, last), at_place(stderr, last));
    }
    let exponent = decade(magnitude);
    let (v, s) = (shift(value, -exponent), shift(stderr, -exponent));
    let last = last - exponent;
    format!("({} ± {}){}", at_place(v, last), at_place(s, last), power_of_ten(exponent))
}

/// Writes the ends of an interval to the digits that [`value_with_error`] would give its middle.
///
/// **Edges.** Large and small ends share a power of ten; an error that says nothing leaves six
/// significant digits. **Checked by** `ends_are_rounded_alike`.
pub(crate) fn interval([lower, upper]: [f64; 2], error: f64) -> String {
    if !(lower.is_finite() && upper.is_finite() && error.is_finite() && error > 0.0) {
        return format!("{} to {}", significant(lower, 6), significant(upper, 6));
    }
    let magnitude = lower.abs().max(upper.abs()).max(error);
    let last = last_place(error);
    if (PLAIN_FROM..PLAIN_BELOW).contains(&magnitude) {
        return format!("{} to {}", at_place(lower, last), at_place(upper, last));
    }
    let exponent = decade(magnitude);
    let end = |value| at_place(shift(value, -exponent), last - exponent);
    format!("({} to {}){}", end(lower), end(upper), power_of_ten(exponent))
}

/// Writes a quantity that has no natural zero, such as a time: as [`value_with_error`] does while the
/// error is below the value; else both with two significant digits and a mark, `83 ± 330 ?`, since
/// rounding to the digits of the error would leave nothing of the value.
///
/// **Checked by** `values_below_their_error_are_marked`.
pub fn value_or_mark(value: f64, stderr: f64) -> String {
    match stderr.is_finite() && stderr >= value.abs() {
        true => format!("{} ± {} ?", significant(value, 2), significant(stderr, 2)),
        false => value_with_error(value, stderr),
    }
}

/// Writes a number with at most so many significant digits and no trailing zeros.
///
/// **Edges.** Magnitudes outside 10⁻³ … 10⁶ get a power of ten; NaN becomes `–`, infinities `∞` and `-∞`.
///
/// **Checked by** `significant_digits_without_trailing_zeros`.
pub fn significant(value: f64, digits: i32) -> String {
    if value.is_nan() {
        return "–".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞" } else { "-∞" }.to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let exponent = decade(round_to(value, decade(value) - digits + 1));
    if (PLAIN_FROM..PLAIN_BELOW).contains(&10f64.powi(exponent)) {
        return trimmed(at_place(value, exponent - digits + 1));
    }
    let mantissa = trimmed(at_place(shift(value, -exponent), 1 - digits));
    format!("{mantissa}{}", power_of_ten(exponent))
}

/// Writes a number as configurations do, by whichever of `100000` and `1e5` is shorter.
pub(crate) fn compact(value: f64, digits: usize) -> String {
    let plain = significant(value, digits as i32);
    if !value.is_finite() || value == 0.0 {
        return plain;
    }
    let scientific = format!("{value:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').expect("the exponent form contains an e");
    let scientific = format!("{}e{exponent}", trimmed(mantissa.to_owned()));
    if plain.contains('×') || scientific.len() < plain.len() { scientific } else { plain }
}

/// Writes a duration with a unit that keeps it readable.
pub(crate) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{} µs", significant(s * 1e6, 3)),
        s if s < 1.0 => format!("{} ms", significant(s * 1e3, 3)),
        s if s < 120.0 => format!("{} s", significant(s, 3)),
        s if s < 7200.0 => format!("{} min", significant(s / 60.0, 3)),
        s => format!("{} h", significant(s / 3600.0, 3)),
    }
}

/// Writes a count with thin gaps between groups of three digits.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// Writes a number of bytes in MB; absent where the system does not tell.
pub(crate) fn memory(bytes: u64) -> String {
    match bytes {
        0 => "not told by the system".to_owned(),
        _ => format!("{:.0} MB", bytes as f64 / 1e6),
    }
}

/// `×10⁻⁵` and the like.
pub(crate) fn power_of_ten(exponent: i32) -> String {
    format!("×10{}", superscript(exponent))
}

/// An integer in superscript digits.
pub(crate) fn superscript(exponent: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let digit = |c: char| c.to_digit(10).map_or('⁻', |d| DIGITS[d as usize]);
    exponent.to_string().chars().map(digit).collect()
}

/// Decimal place of the second significant digit of an error, after rounding.
fn last_place(stderr: f64) -> i32 {
    let e = decade(stderr);
    if round_to(stderr, e - 1) >= 10f64.powi(e + 1) { e } else { e - 1 }
}

/// ⌊log₁₀|value|⌋, exact at powers of ten.
pub(crate) fn decade(value: f64) -> i32 {
    let text = format!("{:e}", value.abs());
    let (_, exponent) = text.split_once('e').expect("the exponent form contains an e");
    exponent.parse().unwrap_or(0)
}

fn round_to(value: f64, place: i32) -> f64 {
    shift(shift(value, -place).round(), place)
}

/// value · 10^power, dividing for negative powers so that decimal inputs stay exact where they can.
fn shift(value: f64, power: i32) -> f64 {
    if power >= 0 { value * 10f64.powi(power) } else { value / 10f64.powi(-power) }
}

fn at_place(value: f64, place: i32) -> String {
    let rounded = round_to(value, place);
    let rounded = if rounded == 0.0 { 0.0 } else { rounded };
    format!("{rounded:.*}", usize::try_from(-place).unwrap_or(0).min(15))
}

fn trimmed(text: String) -> String {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_show_two_digits() {
        assert_eq!(value_with_error(2964.3, 19.5), "2964 ± 20");
        assert_eq!(value_with_error(2964.3, 1.951), "2964.3 ± 2.0");
        assert_eq!(value_with_error(0.153_62, 0.000_996), "0.1536 ± 0.0010");
        assert_eq!(value_with_error(-0.014, 0.25), "-0.01 ± 0.25");
        assert_eq!(value_with_error(-0.001, 0.25), "0.00 ± 0.25");
        assert_eq!(value_with_error(123_456.0, 1950.0), "123500 ± 2000");
        assert_eq!(value_with_error(1.0, 0.1), "1.00 ± 0.10");
    }

    #[test]
    fn values_below_their_error_are_marked() {
        assert_eq!(value_or_mark(83.2, 330.0), "83 ± 330 ?");
        assert_eq!(value_or_mark(0.83, 330.0), "0.83 ± 330 ?");
        assert_eq!(value_or_mark(2.0, 2.0), "2 ± 2 ?");
        assert_eq!(value_or_mark(2.0, 0.3), "2.00 ± 0.30");
        assert_eq!(value_or_mark(2.0, f64::NAN), "2");
    }

    #[test]
    fn ends_are_rounded_alike() {
        assert_eq!(interval([2925.31, 3003.34], 19.5), "2925 to 3003");
        assert_eq!(interval([-0.0182, 0.01], 0.0021), "-0.0182 to 0.0100");
        assert_eq!(interval([1.1949e-5, 1.2749e-5], 2.04e-7), "(1.195 to 1.275)×10⁻⁵");
        assert_eq!(interval([1.0, 1.0], 0.0), "1 to 1");
        assert_eq!(interval([f64::NAN, 1.0], 0.1), "– to 1");
    }

    #[test]
    fn powers_of_ten_are_shared() {
        assert_eq!(value_with_error(1.2349e-5, 2.04e-7), "(1.235 ± 0.020)×10⁻⁵");
        assert_eq!(value_with_error(2.5e9, 3.1e7), "(2.500 ± 0.031)×10⁹");
        assert_eq!(value_with_error(1e-7, 4e-5), "(0.0 ± 4.0)×10⁻⁵");
        assert_eq!(value_with_error(1e-300, 1e-302), "(1.000 ± 0.010)×10⁻³⁰⁰");
    }

    #[test]
    fn errors_that_say_nothing_are_left_out() {
        assert_eq!(value_with_error(1.5, 0.0), "1.5");
        assert_eq!(value_with_error(1.5, f64::NAN), "1.5");
        assert_eq!(value_with_error(f64::NAN, 1.0), "–");
    }

    #[test]
    fn significant_digits_without_trailing_zeros() {
        assert_eq!(significant(0.005_4, 4), "0.0054");
        assert_eq!(significant(1234.567, 6), "1234.57");
        assert_eq!(significant(1e7, 6), "1×10⁷");
        assert_eq!(significant(-1e-6, 3), "-1×10⁻⁶");
        assert_eq!(significant(9.9996, 4), "10");
        assert_eq!(significant(100.0, 3), "100");
        assert_eq!(significant(0.0, 3), "0");
        assert_eq!(significant(f64::NEG_INFINITY, 3), "-∞");
    }

    #[test]
    fn bounds_take_the_shorter_form() {
        let texts: Vec<_> =
            [1e7, -1e5, 0.01, 1e-6, 90.0, 1000.0, 0.0].iter().map(|v| compact(*v, 4)).collect();
        assert_eq!(texts, ["1e7", "-1e5", "0.01", "1e-6", "90", "1e3", "0"]);
        assert_eq!(compact(f64::INFINITY, 4), "∞");
        assert_eq!(compact(-123_456.0, 4), "-123500");
    }

    #[test]
    fn counts_are_grouped_in_threes() {
        assert_eq!(count(11_488_500), "11\u{202f}488\u{202f}500");
        assert_eq!(count(999), "999");
    }

    #[test]
    fn durations_pick_their_unit() {
        assert_eq!(duration(0.2514), "251 ms");
        assert_eq!(duration(7.0), "7 s");
        assert_eq!(duration(600.0), "10 min");
        assert_eq!(duration(7200.0), "2 h");
    }
}
