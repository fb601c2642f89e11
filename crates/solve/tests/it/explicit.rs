//! Objectives whose data and model are held in memory, pair by pair.

use std::sync::atomic::{AtomicU64, Ordering};

use dyne_solve::{
    EvaluationError, Gram, Layout, Loss, NormalEquations, Objective, Robust, Scaling, assemble,
    assemble_robust, gram::packed_len, project,
};

/// Model value and derivatives of pair `k` in bin `bin`.
pub type Model = dyn Fn(&[f64], usize, usize) -> (f64, Vec<f64>) + Sync;

/// Explicit data, one list per bin, and a model.
pub struct Explicit {
    pub shared: usize,
    pub layout: Layout,
    pub data: Vec<Vec<f64>>,
    pub model: Box<Model>,
    pub robust: Robust,
    pub evaluations: AtomicU64,
}

impl Explicit {
    pub fn new(
        shared: usize,
        layout: Layout,
        data: Vec<Vec<f64>>,
        model: impl Fn(&[f64], usize, usize) -> (f64, Vec<f64>) + Sync + 'static,
    ) -> Self {
        Self {
            shared,
            layout,
            data,
            model: Box::new(model),
            robust: Robust { loss: Loss::Linear, f_scale: 1.0 },
            evaluations: AtomicU64::new(0),
        }
    }

    /// A system of `count` residual functions as a problem with constant scaling and zero data.
    pub fn residuals(
        shared: usize,
        count: usize,
        model: impl Fn(&[f64], usize) -> (f64, Vec<f64>) + Sync + 'static,
    ) -> Self {
        let layout = Layout::constant(&[Scaling { contrast: 1.0, offset: 0.0 }]);
        Self::new(shared, layout, vec![vec![0.0; count]], move |t, _, k| model(t, k))
    }

    pub fn with_loss(mut self, loss: Loss, f_scale: f64) -> Self {
        self.robust = Robust { loss, f_scale };
        self
    }

    /// Residual and Jacobian row with respect to (θ, z) of every pair.
    pub fn rows(&self, theta: &[f64], linear: &[f64]) -> Vec<(f64, Vec<f64>)> {
        let mut rows = Vec::new();
        for (bin, data) in self.data.iter().enumerate() {
            let Scaling { contrast, offset } = self.layout.scaling(bin, linear);
            for (k, y) in data.iter().enumerate() {
                let (m, d) = (self.model)(theta, bin, k);
                let mut row: Vec<f64> = d.iter().map(|d| contrast * d).collect();
                for i in 0..linear.len() {
                    let mut unit = vec![0.0; linear.len()];
                    let at_zero = self.layout.scaling(bin, &unit);
                    unit[i] = 1.0;
                    let slope = self.layout.scaling(bin, &unit);
                    row.push(
                        (slope.contrast - at_zero.contrast) * m + slope.offset - at_zero.offset,
                    );
                }
                rows.push((y - offset - contrast * m, row));
            }
        }
        rows
    }

    /// Packed Gram matrices with weight `weight(residual)`, and the robust cost.
    fn grams(&self, theta: &[f64], linear: &[f64], robust: Robust) -> (Vec<Vec<f64>>, f64) {
        let mut cost = 0.0;
        let mut grams = Vec::new();
        for (bin, data) in self.data.iter().enumerate() {
            let Scaling { contrast, offset } = self.layout.scaling(bin, linear);
            let mut packed = vec![0.0; packed_len(self.shared)];
            for (k, y) in data.iter().enumerate() {
                let (m, mut v) = (self.model)(theta, bin, k);
                let residual = y - offset - contrast * m;
                let weight = robust.weight(residual, 1.0);
                cost += robust.cost(residual, 1.0);
                v.extend([m, 1.0, *y]);
                let products = (0..v.len()).flat_map(|i| (i..v.len()).map(move |j| (i, j)));
                for (entry, (i, j)) in packed.iter_mut().zip(products) {
                    *entry += weight * v[i] * v[j];
                }
            }
            grams.push(packed);
        }
        (grams, cost)
    }

    fn views<'a>(&self, grams: &'a [Vec<f64>]) -> Vec<Gram<'a>> {
        grams
            .iter()
            .zip(&self.data)
            .map(|(gram, data)| Gram::try_new(gram, self.shared, data.len() as u64).unwrap())
            .collect()
    }
}

impl Objective for Explicit {
    fn shared(&self) -> usize {
        self.shared
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn project(&self, theta: &[f64]) -> Result<Vec<f64>, EvaluationError> {
        let linear = Robust { loss: Loss::Linear, f_scale: 1.0 };
        let (grams, _) = self.grams(theta, &vec![0.0; self.layout.linear()], linear);
        Ok(project(&self.views(&grams), &self.layout)?.linear)
    }

    fn evaluate(&self, theta: &[f64], linear: &[f64]) -> Result<NormalEquations, EvaluationError> {
        self.evaluations.fetch_add(1, Ordering::Relaxed);
        let (grams, cost) = self.grams(theta, linear, self.robust);
        let views = self.views(&grams);
        if self.robust.loss == Loss::Linear {
            let z = project(&views, &self.layout)?.linear;
            return Ok(assemble(&views, &self.layout, &z)?);
        }
        Ok(assemble_robust(&views, &self.layout, linear, cost)?)
    }
}

/// Solves A x = b by Gaussian elimination with pivoting: independent of the crate.
pub fn solve_dense(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for c in 0..n {
        let pivot = (c..n).max_by(|&i, &j| a[i][c].abs().total_cmp(&a[j][c].abs())).unwrap();
        a.swap(c, pivot);
        b.swap(c, pivot);
        for r in c + 1..n {
            let factor = a[r][c] / a[c][c];
            let pivot_row = a[c].clone();
            a[r].iter_mut().zip(pivot_row).skip(c).for_each(|(x, y)| *x -= factor * y);
            b[r] -= factor * b[c];
        }
    }
    for c in (0..n).rev() {
        let sum: f64 = (c + 1..n).map(|k| a[c][k] * b[k]).sum();
        b[c] = (b[c] - sum) / a[c][c];
    }
    b
}

/// JᵀJ and Jᵀr of explicit rows.
pub fn normal_matrix(rows: &[(f64, Vec<f64>)]) -> (Vec<Vec<f64>>, Vec<f64>) {
    let n = rows[0].1.len();
    let mut a = vec![vec![0.0; n]; n];
    let mut b = vec![0.0; n];
    for (residual, row) in rows {
        for i in 0..n {
            b[i] += row[i] * residual;
            for j in 0..n {
                a[i][j] += row[i] * row[j];
            }
        }
    }
    (a, b)
}

/// Deterministic noise in [−1, 1).
pub fn noise(index: u64) -> f64 {
    let mut z = index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

/// Stretched decays exp(−(q_b r t)^s) with θ = (r, s), q_b = 1 + 0.2 b, t = 0.1 (k + 1).
pub fn decay_model(theta: &[f64], bin: usize, k: usize) -> (f64, Vec<f64>) {
    let (rate, stretch) = (theta[0], theta[1]);
    let u = (1.0 + 0.2 * bin as f64) * rate * 0.1 * (k + 1) as f64;
    let power = u.powf(stretch);
    let m = (-power).exp();
    (m, vec![-m * power * stretch / rate, -m * power * u.ln()])
}

/// Noisy decays of `bins` bins with 40 points each, true θ = (0.8, 1.3).
pub fn decay_data(bins: usize, amplitude: f64) -> Vec<Vec<f64>> {
    (0..bins)
        .map(|bin| {
            (0..40)
                .map(|k| {
                    let (m, _) = decay_model(&[0.8, 1.3], bin, k);
                    let (a, b) = (0.3 + 0.02 * bin as f64, 0.05 - 0.01 * bin as f64);
                    b + a * m + amplitude * noise((bin * 40 + k) as u64)
                })
                .collect()
        })
        .collect()
}
