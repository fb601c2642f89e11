//! A model at known parameters as the truth of a simulation.

use std::ops::Range;

use dyne_math::simd::Level;
use dyne_xpcs_data::Truth;
use dyne_xpcs_model::model::correlation_row;
use dyne_xpcs_model::{BinTerm, Model, Tables};

/// The physics of a set of bins at one point θ, on the frames that the tables keep.
#[derive(Clone, Copy)]
pub struct ModelTruth<'a> {
    /// The model.
    pub model: &'a dyn Model,
    /// Its tables at θ.
    pub tables: &'a Tables,
    /// Its terms at θ, one a bin.
    pub terms: &'a [BinTerm],
}

impl Truth for ModelTruth<'_> {
    fn frames(&self) -> usize {
        self.tables.rows.len()
    }

    fn components(&self) -> usize {
        self.model.components()
    }

    fn correlation(&self, bin: usize, i: usize, columns: Range<usize>, out: &mut [f64]) {
        let term = &self.terms[bin];
        let row = correlation_row(self.model, Level::best(), self.tables, term, i, columns);
        out.copy_from_slice(&row);
    }

    fn field(
        &self,
        bin: usize,
        component: usize,
        i: usize,
        columns: Range<usize>,
        out: &mut [f64],
    ) {
        for (value, j) in out.iter_mut().zip(columns) {
            // Not a number where the convention has no field: the simulation refuses it.
            let field = self.model.field(self.tables, &self.terms[bin], component, i, j);
            *value = field.unwrap_or(f64::NAN);
        }
    }

    fn phase(&self, bin: usize, component: usize, out: &mut [f64]) {
        for (j, value) in out.iter_mut().enumerate() {
            *value = self.model.phase(self.tables, &self.terms[bin], component, j);
        }
    }
}
