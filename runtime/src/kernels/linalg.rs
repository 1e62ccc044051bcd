//! Factorisations and solves, batched: the fastest loop of the batch is the innermost loop.

use super::nest::Nest;
use crate::float::Float;

/// Cholesky factors of a batch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cholesky {
    /// The batch: strides of `out` and `x`.
    pub nest: Nest<2>,
    /// Rows and columns.
    pub size: usize,
    /// Row and column stride of `out`.
    pub out: [usize; 2],
    /// Row and column stride of `x`.
    pub x: [usize; 2],
}

impl Cholesky {
    /// Writes every element of `out`; reads the lower triangle of `x`. Where a matrix is not positive definite
    /// its factor has NaN from the first bad pivot on.
    pub fn run<T: Float>(&self, out: &mut [T], x: &[T]) {
        let (n, [so, sx]) = (self.nest.inner, self.nest.strides);
        let [(or, oc), (xr, xc)] = [self.out, self.x].map(|[row, col]| (row, col));
        for [o, a] in self.nest.offsets() {
            for j in 0..self.size {
                for i in 0..self.size {
                    let at = o + i * or + j * oc;
                    if i < j {
                        (0..n).for_each(|b| out[at + b * so] = T::ZERO);
                        continue;
                    }
                    (0..n).for_each(|b| out[at + b * so] = x[a + i * xr + j * xc + b * sx]);
                    for k in 0..j {
                        let (left, right) = (o + i * or + k * oc, o + j * or + k * oc);
                        (0..n).for_each(|b| out[at + b * so] -= out[left + b * so] * out[right + b * so]);
                    }
                    let pivot = o + j * (or + oc);
                    for b in 0..n {
                        let value = out[at + b * so];
                        out[at + b * so] = match i == j {
                            true if value > T::ZERO => value.sqrt(),
                            true => T::NAN,
                            false => value / out[pivot + b * so],
                        };
                    }
                }
            }
        }
    }
}

/// Triangular solves of a batch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TriSolve {
    /// The batch: strides of `out`, `l` and `b`.
    pub nest: Nest<3>,
    /// Rows and columns.
    pub size: usize,
    /// Solve with the transpose.
    pub transposed: bool,
    /// Stride of the solution.
    pub out: usize,
    /// Row and column stride of `l`.
    pub l: [usize; 2],
    /// Stride of the right-hand side.
    pub b: usize,
}

impl TriSolve {
    /// Writes every element of `out`; reads the lower triangle of `l`.
    pub fn run<T: Float>(&self, out: &mut [T], l: &[T], b: &[T]) {
        let (n, [so, sl, sb]) = (self.nest.inner, self.nest.strides);
        let [row, col] = if self.transposed { [self.l[1], self.l[0]] } else { self.l };
        for [o, m, r] in self.nest.offsets() {
            for step in 0..self.size {
                // Forward for the lower triangle, backward for its transpose.
                let i = if self.transposed { self.size - 1 - step } else { step };
                let at = o + i * self.out;
                (0..n).for_each(|k| out[at + k * so] = b[r + i * self.b + k * sb]);
                let solved = if self.transposed { i + 1..self.size } else { 0..i };
                for j in solved {
                    let (entry, known) = (m + i * row + j * col, o + j * self.out);
                    (0..n).for_each(|k| out[at + k * so] -= l[entry + k * sl] * out[known + k * so]);
                }
                let pivot = m + i * (row + col);
                (0..n).for_each(|k| out[at + k * so] = out[at + k * so] / l[pivot + k * sl]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two matrices, batch innermost: [3, 3, 2].
    fn factor() -> Vec<f64> {
        let l =
            [[2.0, 0.0, 0.0, 0.5, 1.5, 0.0, -1.0, 0.25, 3.0], [1.0, 0.0, 0.0, 2.0, 4.0, 0.0, 3.0, 5.0, 6.0]];
        (0..9).flat_map(|at| [l[0][at], l[1][at]]).collect()
    }

    #[test]
    fn cholesky_inverts_the_product() {
        let l = factor();
        let at = |i: usize, j: usize, b: usize| l[(i * 3 + j) * 2 + b];
        let mut x = vec![0.0; 18];
        for i in 0..3 {
            for j in 0..3 {
                for b in 0..2 {
                    x[(i * 3 + j) * 2 + b] = (0..3).map(|k| at(i, k, b) * at(j, k, b)).sum();
                }
            }
        }
        let mut out = vec![9.0; 18];
        let nest = Nest::new(&[2], [&[1], &[1]]);
        Cholesky { nest, size: 3, out: [6, 2], x: [6, 2] }.run(&mut out, &x);
        out.iter().zip(&l).for_each(|(found, expected)| assert!((found - expected).abs() < 1e-12));
    }

    #[test]
    fn solutions_solve() {
        let l = factor();
        let b = [1.0, 2.0, -3.0, 0.5, 4.0, 7.0];
        for transposed in [false, true] {
            let mut x = vec![0.0; 6];
            let nest = Nest::new(&[2], [&[1], &[1], &[1]]);
            TriSolve { nest, size: 3, transposed, out: 2, l: [6, 2], b: 2 }.run(&mut x, &l, &b);
            for i in 0..3 {
                for batch in 0..2 {
                    let entry = |i: usize, j: usize| l[(i * 3 + j) * 2 + batch];
                    let row: f64 = (0..3)
                        .map(|j| if transposed { entry(j, i) } else { entry(i, j) } * x[j * 2 + batch])
                        .sum();
                    assert!((row - b[i * 2 + batch]).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn what_is_not_positive_definite_gives_nan() {
        let mut out = vec![0.0; 4];
        let nest = Nest::new(&[], [&[], &[]]);
        Cholesky { nest, size: 2, out: [2, 1], x: [2, 1] }.run(&mut out, &[1.0, 0.0, 2.0, 1.0]);
        let out: Vec<f64> = out;
        assert!(out[0] == 1.0 && out[3].is_nan());
    }
}
