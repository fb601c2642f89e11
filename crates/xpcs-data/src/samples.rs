//! Values of a matrix in the number type of the file.

use std::ops::Range;

use crate::catalog::Element;

/// Values as stored, in 32 or 64 bits.
#[derive(Debug, Clone, PartialEq)]
pub enum Samples {
    /// 32-bit values.
    F32(Vec<f32>),
    /// 64-bit values.
    F64(Vec<f64>),
}

impl Samples {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(v) => v.len(),
            Self::F64(v) => v.len(),
        }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// No values of this number type.
    pub const fn empty(element: Element) -> Self {
        match element {
            Element::F32 => Self::F32(Vec::new()),
            Element::F64 => Self::F64(Vec::new()),
        }
    }

    /// No values of this number type, and room for so many.
    pub fn with_room(element: Element, length: usize) -> Self {
        match element {
            Element::F32 => Self::F32(Vec::with_capacity(length)),
            Element::F64 => Self::F64(Vec::with_capacity(length)),
        }
    }

    /// Their number type.
    pub const fn element(&self) -> Element {
        match self {
            Self::F32(_) => Element::F32,
            Self::F64(_) => Element::F64,
        }
    }

    /// All of them, in place.
    pub fn all(&self) -> Values<'_> {
        self.values(0..self.len())
    }

    /// Some of them, in place.
    pub fn values(&self, range: Range<usize>) -> Values<'_> {
        match self {
            Self::F32(v) => Values::F32(&v[range]),
            Self::F64(v) => Values::F64(&v[range]),
        }
    }

    /// Adds values stored as little-endian bytes.
    ///
    /// # Panics
    /// Where the bytes are not those of whole values.
    #[track_caller]
    pub fn extend_le_bytes(&mut self, bytes: &[u8]) {
        assert!(bytes.len().is_multiple_of(self.element().bytes()), "bytes of whole values");
        match self {
            Self::F32(all) => {
                all.extend(bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)))
            }
            Self::F64(all) => {
                all.extend(bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)))
            }
        }
    }

    /// The bytes of the values in place, in the order of this machine.
    pub(crate) fn native_bytes(&mut self) -> &mut [u8] {
        match self {
            Self::F32(v) => bytemuck::cast_slice_mut(v),
            Self::F64(v) => bytemuck::cast_slice_mut(v),
        }
    }

    /// Takes the values, whose bytes are little-endian, for those of this machine.
    pub(crate) fn take_little_endian(&mut self) {
        if cfg!(target_endian = "little") {
            return;
        }
        match self {
            Self::F32(v) => {
                v.iter_mut().for_each(|x| *x = f32::from_bits(x.to_bits().swap_bytes()))
            }
            Self::F64(v) => {
                v.iter_mut().for_each(|x| *x = f64::from_bits(x.to_bits().swap_bytes()))
            }
        }
    }

    /// Makes room for `length` values, any of which may hold anything.
    pub fn resize(&mut self, length: usize) {
        match self {
            Self::F32(v) => v.resize(length, 0.0),
            Self::F64(v) => v.resize(length, 0.0),
        }
    }

    /// Holds `length` times NaN in place of what it holds.
    pub fn fill_nan(&mut self, length: usize) {
        self.clear();
        match self {
            Self::F32(v) => v.resize(length, f32::NAN),
            Self::F64(v) => v.resize(length, f64::NAN),
        }
    }

    /// Puts values of the same number type at `position` and behind.
    ///
    /// # Panics
    /// Where the number types differ, or there is no room.
    #[track_caller]
    pub fn put(&mut self, position: usize, values: Values<'_>) {
        match (self, values) {
            (Self::F32(all), Values::F32(v)) => all[position..][..v.len()].copy_from_slice(v),
            (Self::F64(all), Values::F64(v)) => all[position..][..v.len()].copy_from_slice(v),
            _ => panic!("values of one number type"),
        }
    }

    /// Takes all values away; the memory stays.
    pub fn clear(&mut self) {
        match self {
            Self::F32(v) => v.clear(),
            Self::F64(v) => v.clear(),
        }
    }

    /// Adds values of the same number type at the end.
    ///
    /// # Panics
    /// Where the number types differ.
    #[track_caller]
    pub fn extend(&mut self, values: Values<'_>) {
        match (self, values) {
            (Self::F32(all), Values::F32(v)) => all.extend_from_slice(v),
            (Self::F64(all), Values::F64(v)) => all.extend_from_slice(v),
            _ => panic!("values of one number type"),
        }
    }

    /// Adds those values of `from`, of the same number type, that stand at the positions given.
    ///
    /// # Panics
    /// Where the number types differ.
    #[track_caller]
    pub fn extend_picked(&mut self, from: Values<'_>, positions: impl Iterator<Item = usize>) {
        match (self, from) {
            (Self::F32(all), Values::F32(v)) => all.extend(positions.map(|p| v[p])),
            (Self::F64(all), Values::F64(v)) => all.extend(positions.map(|p| v[p])),
            _ => panic!("values of one number type"),
        }
    }
}

/// Values in place, as stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Values<'m> {
    /// 32-bit values.
    F32(&'m [f32]),
    /// 64-bit values.
    F64(&'m [f64]),
}

impl<'m> Values<'m> {
    /// Number of values.
    pub const fn len(self) -> usize {
        match self {
            Self::F32(v) => v.len(),
            Self::F64(v) => v.len(),
        }
    }

    /// Whether there is no value.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Some of them.
    pub fn part(self, range: Range<usize>) -> Self {
        match self {
            Self::F32(v) => Self::F32(&v[range]),
            Self::F64(v) => Self::F64(&v[range]),
        }
    }

    /// Value `k` in 64 bits.
    pub fn get(self, k: usize) -> f64 {
        match self {
            Self::F32(v) => f64::from(v[k]),
            Self::F64(v) => v[k],
        }
    }

    /// Copies them to `out` in 64 bits.
    pub fn widen_into(self, out: &mut [f64]) {
        match self {
            Self::F32(v) => {
                for (o, s) in out.iter_mut().zip(v) {
                    *o = f64::from(*s);
                }
            }
            Self::F64(v) => out[..v.len()].copy_from_slice(v),
        }
    }

    /// Sum in 64 bits: every eighth value in order, then those eight sums and the rest.
    pub fn sum(self) -> f64 {
        match self {
            Self::F32(v) => sum_of(v, |x| f64::from(*x)),
            Self::F64(v) => sum_of(v, |x| *x),
        }
    }

    /// Adds their little-endian bytes to `out`.
    pub fn write_le_bytes(self, out: &mut Vec<u8>) {
        match self {
            Self::F32(v) => out.extend(v.iter().flat_map(|x| x.to_le_bytes())),
            Self::F64(v) => out.extend(v.iter().flat_map(|x| x.to_le_bytes())),
        }
    }

    /// Whether a value differs from zero.
    pub fn any_not_zero(self) -> bool {
        match self {
            Self::F32(v) => v.iter().any(|x| *x != 0.0),
            Self::F64(v) => v.iter().any(|x| *x != 0.0),
        }
    }

    /// Position of the first value that is NaN or infinite.
    pub fn first_not_finite(self) -> Option<usize> {
        match self {
            Self::F32(v) => v.iter().position(|v| !v.is_finite()),
            Self::F64(v) => v.iter().position(|v| !v.is_finite()),
        }
    }
}

fn sum_of<T>(values: &[T], wide: impl Fn(&T) -> f64) -> f64 {
    let (chunks, rest) = values.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(|(sum, x)| *sum += wide(x));
    }
    sums.iter().sum::<f64>() + rest.iter().map(wide).sum::<f64>()
}
