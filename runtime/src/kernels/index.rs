//! Reading and writing at computed positions, and running sums.

use super::nest::Nest;
use crate::float::Float;
use crate::program::Along;

/// Where an index points along an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pointer {
    /// The axis.
    pub axis: Along,
    /// The index of its first position.
    pub lower: i64,
}

impl Pointer {
    /// The offset of the position with this index, if there is one.
    #[inline(always)]
    fn offset<T: Float>(self, index: T) -> Option<usize> {
        let position = index.to_f64() - self.lower as f64;
        // NaN fails both comparisons.
        (position >= 0.0 && position < self.axis.size as f64).then(|| position as usize * self.axis.stride)
    }
}

/// `out = x[index]`; NaN where there is no such position.
pub(crate) fn gather<T: Float>(nest: &Nest<3>, pointer: Pointer, out: &mut [T], x: &[T], index: &[T]) {
    let (n, [so, sx, si]) = (nest.inner, nest.strides);
    for [o, a, i] in nest.offsets() {
        if (so, si) == (1, 0) {
            match pointer.offset(index[i]) {
                None => out[o..o + n].fill(T::NAN),
                Some(at) if sx == 1 => out[o..o + n].copy_from_slice(&x[a + at..a + at + n]),
                Some(at) => (0..n).for_each(|k| out[o + k] = x[a + at + k * sx]),
            }
        } else {
            for k in 0..n {
                out[o + k * so] = pointer.offset(index[i + k * si]).map_or(T::NAN, |at| x[a + at + k * sx]);
            }
        }
    }
}

/// `out[index] += x`; nothing where there is no such position.
pub(crate) fn scatter<T: Float>(nest: &Nest<3>, pointer: Pointer, out: &mut [T], x: &[T], index: &[T]) {
    let (n, [so, sx, si]) = (nest.inner, nest.strides);
    for [o, a, i] in nest.offsets() {
        if (so, sx, si) == (1, 1, 0) {
            if let Some(at) = pointer.offset(index[i]) {
                let pairs = out[o + at..o + at + n].iter_mut().zip(&x[a..a + n]);
                pairs.for_each(|(out, x)| *out += *x);
            }
        } else {
            for k in 0..n {
                if let Some(at) = pointer.offset(index[i + k * si]) {
                    out[o + at + k * so] += x[a + k * sx];
                }
            }
        }
    }
}

/// Running sums.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CumSum {
    /// The other loops: strides of `out` and `x`.
    pub nest: Nest<2>,
    /// How many positions.
    pub size: usize,
    /// Strides of the axis in `out` and `x`.
    pub along: [usize; 2],
    /// From the end.
    pub reverse: bool,
    /// Without the current position.
    pub exclusive: bool,
}

impl CumSum {
    /// Writes every element of `out`.
    pub fn run<T: Float>(&self, out: &mut [T], x: &[T]) {
        let (n, [so, sx]) = (self.nest.inner, self.nest.strides);
        let [ao, ax] = self.along;
        let position = |k: usize| if self.reverse { self.size - 1 - k } else { k };
        for [o, a] in self.nest.offsets() {
            for k in 0..self.size {
                let here = position(k);
                let before = k.checked_sub(1).map(position);
                // The element that joins the sum at this position, if any.
                let joins = if self.exclusive { before } else { Some(here) };
                for i in 0..n {
                    let sum = before.map_or(T::ZERO, |p| out[o + p * ao + i * so]);
                    let term = joins.map_or(T::ZERO, |p| x[a + p * ax + i * sx]);
                    out[o + here * ao + i * so] = sum + term;
                }
            }
        }
    }
}
