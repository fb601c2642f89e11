//! Places and labels of ticks on linear and logarithmic axes.

use crate::number::{decade, power_of_ten, significant, superscript};

/// One tick; minor ticks have no label.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    /// Where it stands, in the unit of the axis.
    pub(crate) value: f64,
    /// What is written at it; empty for a minor tick.
    pub(crate) label: String,
}

/// Ticks of an axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ticks {
    /// Ascending.
    pub(crate) ticks: Vec<Tick>,
    power: i32,
}

impl Ticks {
    /// What the labels must be multiplied by, as `×10⁻⁶`; empty for one.
    pub(crate) fn factor(&self) -> String {
        if self.power == 0 { String::new() } else { power_of_ten(self.power) }
    }
}

/// Ticks at multiples of 1, 2 or 5 times a power of ten inside a range.
///
/// **Formula.** Of the steps 1, 2, 5 × 10^k the one whose number in the range hi − lo is nearest to `count` by ratio, so
/// there are between count/1.6 − 1 and 1.6·count + 1 ticks. **Edges.** An empty or non-finite range gives no ticks.
/// Values are multiples of the step, so zero is exact. **Checked by** `linear_ticks_are_round_inside_and_even`.
pub(crate) fn linear(lo: f64, hi: f64, count: usize) -> Ticks {
    let range = hi - lo;
    if !range.is_finite() || range <= 0.0 {
        return Ticks { ticks: Vec::new(), power: 0 };
    }
    let raw = range / count.max(1) as f64;
    let power = 10f64.powi(decade(raw));
    let nearer =
        |a: &f64, b: &f64| (a * power / raw).ln().abs().total_cmp(&(b * power / raw).ln().abs());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().min_by(nearer).unwrap_or(1.0) * power;
    let first = (lo / step - 1e-9).ceil() as i64;
    let last = (hi / step + 1e-9).floor() as i64;
    let shared = shared_power(lo.abs().max(hi.abs()));
    let places = usize::try_from(shared - decade(step * 1.000_001)).unwrap_or(0);
    let tick = |k| {
        let value = k as f64 * step;
        Tick {
            value, label: format!("{:.places$}", value / 10f64.powi(shared)).replace('-', "−")
        }
    };
    Ticks { ticks: (first..=last).map(tick).collect(), power: shared }
}

/// Decades with labels between minor ticks at 2 … 9; under two decades 2 and 5 carry labels as well, under one decade 3, and over eight
/// only every other (or third, …) decade does.
///
/// **Edges.** A range that is not positive gives no ticks. **Checked by** `log_ticks_label_decades`,
/// `short_log_ranges_still_have_labels`.
pub(crate) fn logarithmic(lo: f64, hi: f64) -> Ticks {
    if !(lo > 0.0 && hi > lo && hi.is_finite()) {
        return Ticks { ticks: Vec::new(), power: 0 };
    }
    let (first, last) = (lo.log10().floor() as i32, hi.log10().ceil() as i32);
    let decades = (hi / lo).log10();
    let stride = (decades / 8.0).ceil().max(1.0) as i32;
    let plain = lo > 9e-4 && hi < 2e4;
    let inside = |v: &f64| *v >= lo * (1.0 - 1e-9) && *v <= hi * (1.0 + 1e-9);
    let mut ticks = Vec::new();
    for k in first..=last {
        for m in 1..10 {
            let value = f64::from(m) * 10f64.powi(k);
            let labelled = match m {
                1 => k.rem_euclid(stride) == 0,
                2 | 5 => decades < 2.0,
                3 => decades < 1.0,
                _ => decades < 0.5,
            };
            let minor_shown = stride == 1 || m == 1;
            if inside(&value) && (labelled || minor_shown) {
                ticks.push(Tick {
                    value,
                    label: if labelled { log_label(value, m, k, plain) } else { String::new() },
                });
            }
        }
    }
    Ticks { ticks, power: 0 }
}

fn log_label(value: f64, mantissa: i32, exponent: i32, plain: bool) -> String {
    match (plain, mantissa) {
        (true, _) => significant(value, 3),
        (_, 1) => format!("10{}", superscript(exponent)),
        _ => format!("{mantissa}×10{}", superscript(exponent)),
    }
}

/// Decimal power that labels leave out: none for magnitudes from 10⁻³ to 10⁵, whose labels are short.
fn shared_power(largest: f64) -> i32 {
    if (1e-3..1e5).contains(&largest) { 0 } else { decade(largest) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_ticks_are_round_inside_and_even() {
        let ranges =
            [(0.0, 1.0), (-3.2, 7.9), (1.0012, 1.0019), (0.0, 12_000.0), (-2e-7, 3e-7), (1e8, 5e8)];
        for (lo, hi) in ranges {
            let ticks = linear(lo, hi, 5).ticks;
            assert!((2..=9).contains(&ticks.len()), "{lo} {hi} {ticks:?}");
            let step = ticks[1].value - ticks[0].value;
            for pair in ticks.windows(2) {
                assert!((pair[1].value - pair[0].value - step).abs() < 1e-6 * step);
                assert_ne!(pair[0].label, pair[1].label, "labels tell ticks apart");
            }
            assert!(
                ticks[0].value >= lo - 1e-6 * step
                    && ticks.last().unwrap().value <= hi + 1e-6 * step
            );
            let mantissa = step / 10f64.powi(decade(step * 1.000_001));
            assert!([1.0, 2.0, 5.0].iter().any(|m| (m - mantissa).abs() < 1e-6), "{mantissa}");
        }
    }

    #[test]
    fn labels_share_their_decimals() {
        let labels: Vec<_> = linear(-0.5, 0.5, 2).ticks.into_iter().map(|t| t.label).collect();
        assert_eq!(labels, ["−0.5", "0.0", "0.5"]);
    }

    #[test]
    fn small_and_large_values_share_a_power_of_ten() {
        let ticks = linear(0.0, 2.5e-4, 5);
        assert_eq!(ticks.factor(), "×10⁻⁴");
        let labels: Vec<_> = ticks.ticks.into_iter().map(|t| t.label).collect();
        assert_eq!(labels, ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5"]);
        assert_eq!(linear(0.0, 3e6, 3).factor(), "×10⁶");
        assert_eq!(linear(1.0, 1.2, 3).factor(), "");
    }

    #[test]
    fn ranges_without_extent_have_no_ticks() {
        assert!(linear(1.0, 1.0, 5).ticks.is_empty());
        assert!(linear(0.0, f64::NAN, 5).ticks.is_empty());
        assert!(logarithmic(0.0, 1.0).ticks.is_empty());
        assert!(logarithmic(2.0, 1.0).ticks.is_empty());
    }

    #[test]
    fn log_ticks_label_decades() {
        let ticks = logarithmic(0.05, 2000.0).ticks;
        let labels: Vec<_> =
            ticks.iter().filter(|t| !t.label.is_empty()).map(|t| t.label.as_str()).collect();
        assert_eq!(labels, ["0.1", "1", "10", "100", "1000"]);
        let small: Vec<_> = logarithmic(1e-4, 0.1).ticks.into_iter().map(|t| t.label).collect();
        assert_eq!([&small[0], &small[9], &small[18]], ["10⁻⁴", "10⁻³", "10⁻²"]);
        assert_eq!(ticks.iter().filter(|t| t.value < 0.095).count(), 5);
        let wide = logarithmic(1e-9, 1e9).ticks;
        assert!(
            wide.iter().all(|t| t.label.is_empty() || t.label.starts_with("10") || t.value >= 1e-2)
        );
        assert!(wide.iter().filter(|t| !t.label.is_empty()).count() <= 9);
    }

    #[test]
    fn short_log_ranges_still_have_labels() {
        for (lo, hi) in [(3.0, 8.0), (1.1, 1.9e1), (2.1e-5, 9e-4)] {
            let labelled = logarithmic(lo, hi).ticks.iter().filter(|t| !t.label.is_empty()).count();
            assert!(labelled >= 2, "{lo} {hi}");
        }
    }
}
