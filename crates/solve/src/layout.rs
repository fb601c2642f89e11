//! How contrast and offset of every bin hang on the linear parameters.

use crate::error::SolveError;
use crate::symmetric::dot;

/// Contrast and offset of one bin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scaling {
    /// Contrast a, pure number.
    pub contrast: f64,
    /// Offset b, pure number.
    pub offset: f64,
}

/// Covariance of contrast and offset of one bin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScalingCovariance {
    /// Variance of the contrast.
    pub contrast: f64,
    /// Variance of the offset.
    pub offset: f64,
    /// Covariance of the two.
    pub cross: f64,
}

/// One bin's rows of the linear map.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BinMap {
    /// Group whose linear parameters this bin uses.
    pub(crate) group: usize,
    /// Row of B that gives the contrast.
    pub(crate) contrast: Vec<f64>,
    /// Row of B that gives the offset.
    pub(crate) offset: Vec<f64>,
    /// What is added to B z.
    pub(crate) shift: Scaling,
}

/// Linear map from the linear parameters z to contrast and offset of every bin.
///
/// **Formula.** $(a_\beta, b_\beta)^T = B_\beta z_{g(\beta)} + s_\beta$ for bin β in group g(β).
/// Groups share no linear parameter: the linear part of the normal equations is block diagonal,
/// and together with the shared parameters it has the shape of an arrow.
///
/// | layout | groups | linear parameters per group |
/// |---|---|---|
/// | [`Layout::individual`] | one per bin | contrast, offset |
/// | [`Layout::averaged`] | one | contrast, offset |
/// | [`Layout::constant`] | none with parameters | none |
/// | [`Layout::fourier`] | one | 2·(2·order + 1) coefficients in φ |
///
/// **Checked by** the tests of this file and `layouts_agree_with_dense_least_squares`.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    bins: Vec<BinMap>,
    /// Where the parameters of each group begin in z; one more entry closes the last group.
    starts: Vec<usize>,
    names: Vec<String>,
    /// Least and largest contrast where contrast is itself a linear parameter.
    contrasts: [f64; 2],
}

impl Layout {
    /// Contrast and offset of their own for each of `bins` bins.
    pub fn individual(bins: usize) -> Self {
        let map = |group| BinMap {
            group,
            contrast: vec![1.0, 0.0],
            offset: vec![0.0, 1.0],
            shift: Scaling { contrast: 0.0, offset: 0.0 },
        };
        Self {
            bins: (0..bins).map(map).collect(),
            starts: (0..=bins).map(|group| 2 * group).collect(),
            names: (0..bins)
                .flat_map(|bin| [format!("contrast[{bin}]"), format!("offset[{bin}]")])
                .collect(),
            contrasts: [f64::NEG_INFINITY, f64::INFINITY],
        }
    }

    /// One contrast and one offset for all of `bins` bins.
    pub fn averaged(bins: usize) -> Self {
        let map = BinMap {
            group: 0,
            contrast: vec![1.0, 0.0],
            offset: vec![0.0, 1.0],
            shift: Scaling { contrast: 0.0, offset: 0.0 },
        };
        Self {
            bins: vec![map; bins],
            starts: vec![0, 2],
            names: vec!["contrast".into(), "offset".into()],
            contrasts: [f64::NEG_INFINITY, f64::INFINITY],
        }
    }

    /// Given contrast and offset for every bin; nothing linear is fitted.
    pub fn constant(values: &[Scaling]) -> Self {
        let map = |shift: &Scaling| BinMap {
            group: 0,
            contrast: Vec::new(),
            offset: Vec::new(),
            shift: *shift,
        };
        Self {
            bins: values.iter().map(map).collect(),
            starts: vec![0, 0],
            names: Vec::new(),
            contrasts: [f64::NEG_INFINITY, f64::INFINITY],
        }
    }

    /// Contrast and offset as Fourier series in the azimuth of the bins.
    ///
    /// **Formula.** $a(\varphi) = a_0 + \sum_{k=1}^{K} (a_k^c \cos k\varphi + a_k^s \sin k\varphi)$, and
    /// the same for the offset.
    ///
    /// **Symbols.** `order` K; `phi_rad` azimuth of every bin, rad, any finite value.
    ///
    /// **Edges.** Azimuths that coincide (or differ by 2π) can leave coefficients undetermined; the
    /// rank decision of [`crate::project`] then reports the group.
    ///
    /// # Errors
    /// [`SolveError::FourierOrder`] with fewer bins than 2·order + 1, [`SolveError::Azimuth`] for an
    /// azimuth that is not finite.
    pub fn fourier(order: usize, phi_rad: &[f64]) -> Result<Self, SolveError> {
        let needed = 2 * order + 1;
        if phi_rad.len() < needed {
            return Err(SolveError::FourierOrder { order, bins: phi_rad.len(), needed });
        }
        if let Some(bin) = phi_rad.iter().position(|phi| !phi.is_finite()) {
            return Err(SolveError::Azimuth { bin, phi_rad: phi_rad[bin] });
        }
        let map = |phi: &f64| {
            let series = fourier_row(order, *phi);
            let zeros = vec![0.0; needed];
            BinMap {
                group: 0,
                contrast: [series.clone(), zeros.clone()].concat(),
                offset: [zeros, series].concat(),
                shift: Scaling { contrast: 0.0, offset: 0.0 },
            }
        };
        Ok(Self {
            bins: phi_rad.iter().map(map).collect(),
            starts: vec![0, 2 * needed],
            names: ["contrast", "offset"]
                .iter()
                .flat_map(|name| fourier_names(name, order))
                .collect(),
            contrasts: [f64::NEG_INFINITY, f64::INFINITY],
        })
    }

    /// The same layout with contrasts between two ends, where contrast is itself a linear parameter
    /// (groups of contrast and offset): [`crate::project`] stops there, and the normal equations
    /// hold it while the data ask for more. Without them a decay that is over between two frames is
    /// fitted by a contrast of any size.
    #[must_use]
    pub fn with_contrast_between(self, contrasts: [f64; 2]) -> Self {
        Self { contrasts, ..self }
    }

    /// Least and largest contrast.
    pub(crate) fn contrasts(&self) -> [f64; 2] {
        self.contrasts
    }

    /// Number of bins.
    pub fn bins(&self) -> usize {
        self.bins.len()
    }

    /// Number of linear parameters, the length of z.
    pub fn linear(&self) -> usize {
        self.names.len()
    }

    /// Number of groups, groups without parameters included.
    pub fn groups(&self) -> usize {
        self.starts.len() - 1
    }

    /// Names of the linear parameters in the order of z.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Contrast and offset of `bin` at the linear parameters `z`.
    ///
    /// # Panics
    /// When `bin` is not in the layout or `z` is shorter than [`Self::linear`].
    pub fn scaling(&self, bin: usize, z: &[f64]) -> Scaling {
        let map = &self.bins[bin];
        let own = &z[self.range(map.group)];
        Scaling {
            contrast: map.shift.contrast + dot(&map.contrast, own),
            offset: map.shift.offset + dot(&map.offset, own),
        }
    }

    /// Covariance of contrast and offset of `bin`: $B\,C_{zz}B^T$.
    ///
    /// `cz(i, j)` gives the covariance of the linear parameters i and j. A layout with constant
    /// scaling gives zeros: the values are taken as known.
    ///
    /// # Panics
    /// When `bin` is not in the layout.
    pub fn scaling_covariance(
        &self,
        bin: usize,
        cz: impl Fn(usize, usize) -> f64,
    ) -> ScalingCovariance {
        let map = &self.bins[bin];
        let start = self.starts[map.group];
        let form = |left: &[f64], right: &[f64]| {
            let mut sum = 0.0;
            for (i, l) in left.iter().enumerate().filter(|(_, l)| **l != 0.0) {
                for (j, r) in right.iter().enumerate().filter(|(_, r)| **r != 0.0) {
                    sum += l * r * cz(start + i, start + j);
                }
            }
            sum
        };
        ScalingCovariance {
            contrast: form(&map.contrast, &map.contrast),
            offset: form(&map.offset, &map.offset),
            cross: form(&map.contrast, &map.offset),
        }
    }

    /// Linear parameters that contrast and offset of `bin` depend on, with a weight other than 0.
    ///
    /// # Panics
    /// When `bin` is not in the layout.
    pub fn parameters_of(&self, bin: usize) -> Vec<usize> {
        let map = &self.bins[bin];
        self.range(map.group)
            .enumerate()
            .filter(|(i, _)| map.contrast[*i] != 0.0 || map.offset[*i] != 0.0)
            .map(|(_, index)| index)
            .collect()
    }

    /// Map of one bin.
    pub(crate) fn map(&self, bin: usize) -> &BinMap {
        &self.bins[bin]
    }

    /// Range of the linear parameters of a group within z.
    pub(crate) fn range(&self, group: usize) -> std::ops::Range<usize> {
        self.starts[group]..self.starts[group + 1]
    }
}

/// (1, cos φ, sin φ, cos 2φ, sin 2φ, …) up to `order`.
fn fourier_row(order: usize, phi: f64) -> Vec<f64> {
    let mut row = vec![1.0];
    for k in 1..=order {
        let (sin, cos) = (k as f64 * phi).sin_cos();
        row.extend([cos, sin]);
    }
    row
}

/// `name`, `name.cos1`, `name.sin1`, … up to `order`.
fn fourier_names(name: &str, order: usize) -> Vec<String> {
    let mut names = vec![name.to_owned()];
    for k in 1..=order {
        names.extend([format!("{name}.cos{k}"), format!("{name}.sin{k}")]);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn individual_bins_own_their_pair() {
        let layout = Layout::individual(3);
        assert_eq!((layout.bins(), layout.linear(), layout.groups()), (3, 6, 3));
        assert_eq!(layout.names()[2..4], ["contrast[1]", "offset[1]"]);
        let z = [1., 2., 3., 4., 5., 6.];
        assert_eq!(layout.scaling(2, &z), Scaling { contrast: 5., offset: 6. });
        assert_eq!(layout.parameters_of(1), [2, 3]);
    }

    #[test]
    fn averaged_bins_share_and_constant_bins_keep() {
        let layout = Layout::averaged(4);
        assert_eq!((layout.linear(), layout.groups()), (2, 1));
        assert_eq!(layout.scaling(3, &[0.3, 1.0]), Scaling { contrast: 0.3, offset: 1.0 });
        let value = Scaling { contrast: 0.2, offset: 1.1 };
        let layout = Layout::constant(&[value; 2]);
        assert_eq!((layout.linear(), layout.bins()), (0, 2));
        assert_eq!(layout.scaling(1, &[]), value);
        let covariance = layout.scaling_covariance(1, |_, _| 1.0);
        assert_eq!(covariance, ScalingCovariance { contrast: 0., offset: 0., cross: 0. });
    }

    #[test]
    fn fourier_series_and_names() {
        let phi = [0.1, 0.9, 2.0];
        let layout = Layout::fourier(1, &phi).unwrap();
        assert_eq!(
            layout.names(),
            ["contrast", "contrast.cos1", "contrast.sin1", "offset", "offset.cos1", "offset.sin1"]
        );
        let z = [0.3, 0.1, -0.05, 1.0, 0.02, 0.01];
        let scaling = layout.scaling(1, &z);
        let expected = 0.3 + 0.1 * 0.9f64.cos() - 0.05 * 0.9f64.sin();
        assert!((scaling.contrast - expected).abs() < 1e-15);
        let expected = 1.0 + 0.02 * 0.9f64.cos() + 0.01 * 0.9f64.sin();
        assert!((scaling.offset - expected).abs() < 1e-15);
    }

    #[test]
    fn fourier_needs_enough_finite_bins() {
        let error = Layout::fourier(2, &[0.0, 1.0, 2.0, 3.0]).unwrap_err();
        assert!(matches!(error, SolveError::FourierOrder { order: 2, bins: 4, needed: 5 }));
        let error = Layout::fourier(0, &[f64::NAN]).unwrap_err();
        assert!(matches!(error, SolveError::Azimuth { bin: 0, .. }));
    }

    #[test]
    fn covariance_of_a_bin_is_the_mapped_one() {
        // z = (a0, ac, as, b0, bc, bs) with covariance i·j + δ_ij: C = v vᵀ + 1, v = 1..6.
        let layout = Layout::fourier(1, &[0.4, 1.0, 2.0]).unwrap();
        let cz = |i: usize, j: usize| ((i + 1) * (j + 1)) as f64 + f64::from(u8::from(i == j));
        let (s, c) = 0.4f64.sin_cos();
        let (va, vb) = (1.0 + 2.0 * c + 3.0 * s, 4.0 + 5.0 * c + 6.0 * s);
        let got = layout.scaling_covariance(0, cz);
        assert!((got.contrast - (va * va + 2.0)).abs() < 1e-12);
        assert!((got.offset - (vb * vb + 2.0)).abs() < 1e-12);
        assert!((got.cross - va * vb).abs() < 1e-12);
    }
}
