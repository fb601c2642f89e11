//! Contrast, offset and noise of each bin at a draw of the parameters.

use dyne_runtime::{Generator, Lanes, Stream};
use dyne_sample::DensityError;
use dyne_solve::Gram;

use super::marginal::{Line, best};
use super::{Posterior, gram, no_likelihood};

/// Contrast, offset and noise of a group of bins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BinDraw {
    /// Contrast.
    pub contrast: f64,
    /// Offset, as in the data.
    pub offset: f64,
    /// Standard deviation of the noise of a pair.
    pub sigma: f64,
}

impl Posterior<'_> {
    /// Contrast, offset and noise of each group of bins at the variables `z`, drawn from what they have given
    /// the parameters where they are integrated out.
    ///
    /// **Formula** with the symbols of the likelihood: λŜ/σ² is a χ² number with λn + 2k − 2 degrees of freedom, by
    /// the cube root of Wilson and Hilferty, Proc. Natl. Acad. Sci. 17 (1931) 684, doi:10.1073/pnas.17.12.684;
    /// (c, o) is normal about the best line with covariance σ²M⁻¹/λ. **Cost** one sweep. **Checked by**
    /// `tests/fits/posterior.rs`.
    ///
    /// # Errors
    /// [`DensityError`].
    pub fn bins_at(&self, z: &[f64], stream: &Stream) -> Result<Vec<BinDraw>, DensityError> {
        let place = self.coordinates.place(z);
        let theta = self.belief.transform.theta(&place.x);
        let extra = self.coordinates.extra(&place);
        let sums = self.sums(&theta)?;
        let mut random = stream.generator();
        let one = |(index, own): (usize, &crate::problem::BinSums)| {
            let gram = gram(own, theta.len())?;
            let given = self.belief.bins.given(extra, index);
            let drawn = drawn(&gram, self.belief.weight, self.belief.prior_power, &mut random);
            let drawn = drawn.ok_or_else(|| no_likelihood(own.bin))?;
            let sigma = given.ln_sigma.map_or(drawn.sigma, f64::exp);
            let line = given.line.unwrap_or_else(|| drawn.line(sigma));
            let offset = line.offset + self.problem.shift;
            Ok(BinDraw { contrast: line.contrast, offset, sigma })
        };
        sums.iter().enumerate().map(one).collect()
    }
}

impl Posterior<'_> {
    /// [`Posterior::bins_at`] many points, each with a stream of its own.
    ///
    /// # Errors
    /// [`DensityError`].
    pub(super) fn bins_at_all(
        &self,
        draws: &[Vec<f64>],
        stream: &Stream,
        lanes: &Lanes,
    ) -> Result<Vec<Vec<BinDraw>>, DensityError> {
        let numbered: Vec<(usize, &Vec<f64>)> = draws.iter().enumerate().collect();
        let drawn = lanes.map(&numbered, |(k, z)| self.bins_at(z, &stream.index(*k as u64)));
        drawn.into_iter().collect()
    }
}

/// What is drawn of a bin before it is known what is given.
struct Drawn {
    best: Line,
    /// Covariance of contrast and offset for a noise of 1: of c, of c and o, of o.
    covariance: [f64; 3],
    sigma: f64,
    normal: [f64; 2],
}

impl Drawn {
    fn line(&self, sigma: f64) -> Line {
        let [cc, co, oo] = self.covariance;
        let [a, b] = self.normal;
        let contrast = sigma * cc.sqrt() * a;
        let rest = (oo - co * co / cc).max(0.0).sqrt();
        let offset = co / cc * contrast + sigma * rest * b;
        Line { contrast: self.best.contrast + contrast, offset: self.best.offset + offset }
    }
}

fn drawn(gram: &Gram<'_>, weight: f64, prior_power: f64, random: &mut Generator) -> Option<Drawn> {
    let best = best(gram)?;
    let normal = [random.normal(), random.normal()];
    let freedom = (weight * gram.pairs() as f64 + 2.0 * prior_power - 2.0).max(1.0);
    let width = 2.0 / (9.0 * freedom);
    let root = 1.0 - width + random.normal() * width.sqrt();
    let chi_square = freedom * root.max(1e-3).powi(3);
    let scale = weight * best.determinant;
    Some(Drawn {
        best: best.line,
        covariance: [gram.n1() / scale, -gram.m1() / scale, gram.mm() / scale],
        sigma: (weight * best.rest / chi_square).sqrt(),
        normal,
    })
}
