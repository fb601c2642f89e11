//! Cumulative trapezoid sums on an even grid.

/// Replaces `f` by its cumulative integral.
///
/// **Formula** C₀ = 0, C_{k+1} = C_k + ½ dt (f_k + f_{k+1}).
/// **Symbols** `f`: N values, unit u; `dt` in s; the result in u·s. **Cost** 2 N additions,
/// in order, so that the result does not depend on the machine.
/// **Checked by** `tests::linear_functions_are_exact`.
pub fn cumulate(f: &mut [f64], dt: f64) {
    let half = 0.5 * dt;
    let mut total = 0.0;
    let Some(first) = f.first_mut() else { return };
    let mut previous = std::mem::replace(first, 0.0);
    for value in &mut f[1..] {
        total += half * (previous + *value);
        previous = std::mem::replace(value, total);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_functions_are_exact() {
        let dt = 0.25;
        let mut f: Vec<f64> = (0..50).map(|k| 3.0 + 2.0 * dt * f64::from(k)).collect();
        cumulate(&mut f, dt);
        for (k, c) in f.iter().enumerate() {
            let t = dt * k as f64;
            assert!((c - (3.0 * t + t * t)).abs() < 1e-12);
        }
        cumulate(&mut [], dt);
    }
}
