//! Dual numbers: the analytic derivatives are checked against them.

use std::ops::{Add, Div, Mul, Neg, Sub};

use dyne_xpcs_model::scalar::Scalar;

/// A value with its derivatives by `P` parameters.
#[derive(Clone, Copy)]
pub(crate) struct Dual<const P: usize> {
    /// Value.
    pub(crate) v: f64,
    /// Derivatives.
    pub(crate) d: [f64; P],
}

impl<const P: usize> Dual<P> {
    /// Parameter number `k` with this value.
    pub(crate) fn parameter(v: f64, k: usize) -> Self {
        Self { v, d: std::array::from_fn(|i| if i == k { 1.0 } else { 0.0 }) }
    }

    fn chain(self, v: f64, slope: f64) -> Self {
        Self { v, d: self.d.map(|d| slope * d) }
    }

    fn combine(self, other: Self, v: f64, a: f64, b: f64) -> Self {
        Self { v, d: std::array::from_fn(|i| a * self.d[i] + b * other.d[i]) }
    }
}

impl<const P: usize> Add for Dual<P> {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        self.combine(o, self.v + o.v, 1.0, 1.0)
    }
}
impl<const P: usize> Sub for Dual<P> {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        self.combine(o, self.v - o.v, 1.0, -1.0)
    }
}
impl<const P: usize> Mul for Dual<P> {
    type Output = Self;
    fn mul(self, o: Self) -> Self {
        self.combine(o, self.v * o.v, o.v, self.v)
    }
}
impl<const P: usize> Div for Dual<P> {
    type Output = Self;
    fn div(self, o: Self) -> Self {
        let q = self.v / o.v;
        self.combine(o, q, 1.0 / o.v, -q / o.v)
    }
}
impl<const P: usize> Neg for Dual<P> {
    type Output = Self;
    fn neg(self) -> Self {
        self.chain(-self.v, -1.0)
    }
}

impl<const P: usize> Scalar for Dual<P> {
    fn constant(v: f64) -> Self {
        Self { v, d: [0.0; P] }
    }
    fn value(self) -> f64 {
        self.v
    }
    fn exp(self) -> Self {
        self.chain(self.v.exp(), self.v.exp())
    }
    fn ln(self) -> Self {
        self.chain(self.v.ln(), self.v.recip())
    }
    fn sin(self) -> Self {
        self.chain(self.v.sin(), self.v.cos())
    }
    fn cos(self) -> Self {
        self.chain(self.v.cos(), -self.v.sin())
    }
    fn sqrt(self) -> Self {
        let root = self.v.sqrt();
        self.chain(root, 0.5 / root)
    }
}
