//! Sums of products: matrix products where they are large enough, loops elsewhere.

use super::nest::{collapse, offsets};
use crate::float::Float;
use crate::isa::{Isa, Level, Work, dispatch};

/// A planned sum of products; strides are those of `out`, `a`, `b`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Contract {
    /// Loops of the result around the innermost work.
    kept: Box<[(usize, [usize; 3])]>,
    /// Summed loops around the innermost work: strides of `a` and `b`.
    summed: Box<[(usize, [usize; 2])]>,
    inner: Inner,
}

/// The innermost work.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Inner {
    /// Along a summed loop of this size: an inner product.
    Dot(usize, [usize; 2]),
    /// Along a kept loop of this size: a multiple of one row, or a product of two, is added to another.
    Row(usize, [usize; 3]),
    /// A matrix product.
    Matrix(Matrix),
}

/// `out[m, n] += Σ_k a[m, k] · b[k, n]`, with the strides of each loop in its two operands.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Matrix {
    m: usize,
    n: usize,
    k: usize,
    /// Strides of `m` in `out` and `a`, of `n` in `out` and `b`, of `k` in `a` and `b`.
    along_m: [usize; 2],
    along_n: [usize; 2],
    along_k: [usize; 2],
}

/// Products with fewer multiplications than this are not worth packing.
const WORTH_PACKING: usize = 4096;

impl Contract {
    /// `out`, `a`, `b` are the operands' strides along `extents`, of which the first `kept` are the result's.
    pub fn new(extents: &[usize], kept: usize, out: &[usize], a: &[usize], b: &[usize]) -> Self {
        let mut result = collapse((0..kept).map(|d| (extents[d], [out[d], a[d], b[d]])));
        let mut summed: Vec<_> = (kept..extents.len()).map(|d| (extents[d], [a[d], b[d]])).collect();
        summed.sort_by_key(|(_, strides)| std::cmp::Reverse(*strides));
        let mut summed = collapse(summed.into_iter());
        let inner = matrix(&mut result, &mut summed).map(Inner::Matrix);
        let inner = inner.unwrap_or_else(|| innermost(&mut result, &mut summed));
        Contract { kept: result.into(), summed: summed.into(), inner }
    }

    /// Whether it is computed by matrix products.
    pub fn is_matrix(&self) -> bool {
        matches!(self.inner, Inner::Matrix(_))
    }

    /// Writes every element of the result.
    pub fn run<T: Float>(&self, level: Level, out: &mut [T], a: &[T], b: &[T]) {
        match self.inner {
            Inner::Matrix(shape) => {
                for [o, p, q] in offsets(&self.kept, [0; 3]) {
                    let mut beta = T::ZERO;
                    for [p, q] in offsets(&self.summed, [p, q]) {
                        shape.multiply_add(beta, &mut out[o..], &a[p..], &b[q..]);
                        beta = T::ONE;
                    }
                }
            }
            _ => dispatch(level, Running { plan: self, out, a, b }),
        }
    }
}

/// The loops that become vector instructions.
struct Running<'a, T> {
    plan: &'a Contract,
    out: &'a mut [T],
    a: &'a [T],
    b: &'a [T],
}

impl<T: Float> Work for Running<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Running { plan, out, a, b } = self;
        for [o, p, q] in offsets(&plan.kept, [0; 3]) {
            match plan.inner {
                Inner::Dot(n, strides) => {
                    let mut total = T::ZERO;
                    for [p, q] in offsets(&plan.summed, [p, q]) {
                        if n > 0 {
                            total += dot::<T, I>(n, &a[p..], &b[q..], strides);
                        }
                    }
                    out[o] = total;
                }
                Inner::Row(n, strides) => {
                    (0..n).for_each(|i| out[o + i * strides[0]] = T::ZERO);
                    for [p, q] in offsets(&plan.summed, [p, q]) {
                        add_product::<T, I>(n, &mut out[o..], &a[p..], &b[q..], strides);
                    }
                }
                Inner::Matrix(_) => unreachable!("done by whole products"),
            }
        }
    }
}

/// Takes out the loops of a matrix product, if there is a large one.
fn matrix(kept: &mut Vec<(usize, [usize; 3])>, summed: &mut Vec<(usize, [usize; 2])>) -> Option<Matrix> {
    let largest = |only: &dyn Fn(&[usize; 3]) -> bool| {
        let candidates = kept.iter().enumerate().filter(|(_, (_, strides))| strides[0] != 0 && only(strides));
        candidates.max_by_key(|(_, (size, _))| *size).map(|(at, _)| at)
    };
    let at_m = largest(&|[_, a, b]| *a != 0 && *b == 0)?;
    let at_n = largest(&|[_, a, b]| *a == 0 && *b != 0)?;
    let both = summed.iter().enumerate().filter(|(_, (_, [a, b]))| *a != 0 && *b != 0);
    let at_k = both.max_by_key(|(_, (size, _))| *size).map(|(at, _)| at)?;
    let ((m, along_m), (n, along_n), (k, along_k)) = (kept[at_m], kept[at_n], summed[at_k]);
    // A fast loop shared by both operands makes a better innermost loop than strided matrices.
    let lanes = kept.last().is_some_and(|(size, [_, a, b])| *a != 0 && *b != 0 && *size >= 8);
    if m.min(n).min(k) < 2 || m * n * k < WORTH_PACKING || lanes {
        return None;
    }
    kept.remove(at_m.max(at_n));
    kept.remove(at_m.min(at_n));
    summed.remove(at_k);
    let (along_m, along_n) = ([along_m[0], along_m[1]], [along_n[0], along_n[2]]);
    Some(Matrix { m, n, k, along_m, along_n, along_k })
}

/// Takes out the best innermost loop.
fn innermost(kept: &mut Vec<(usize, [usize; 3])>, summed: &mut Vec<(usize, [usize; 2])>) -> Inner {
    let row = kept.last().copied().filter(|(size, [out, a, b])| *size > 1 && *out == 1 && *a <= 1 && *b <= 1);
    let run = summed.last().copied().unwrap_or((1, [0, 0]));
    match row {
        Some((n, strides)) if run.1 != [1, 1] || n >= run.0 => {
            kept.pop();
            Inner::Row(n, strides)
        }
        _ => {
            summed.pop();
            Inner::Dot(run.0, run.1)
        }
    }
}

/// How many partial sums an inner product has.
const LANES: usize = 16;

/// `Σ a·b` with interleaved partial sums.
#[inline(always)]
fn dot<T: Float, I: Isa>(n: usize, a: &[T], b: &[T], [sa, sb]: [usize; 2]) -> T {
    if n < LANES || (sa, sb) != (1, 1) {
        let mut sums = [T::ZERO; 4];
        (0..n).for_each(|i| sums[i % 4] = a[i * sa].mul_add::<I>(b[i * sb], sums[i % 4]));
        return (sums[0] + sums[2]) + (sums[1] + sums[3]);
    }
    let mut sums = [T::ZERO; LANES];
    let (a, b) = (a[..n].chunks_exact(LANES), b[..n].chunks_exact(LANES));
    let rest = a.remainder().iter().zip(b.remainder());
    for (a, b) in a.zip(b) {
        (0..LANES).for_each(|k| sums[k] = a[k].mul_add::<I>(b[k], sums[k]));
    }
    for (sum, (a, b)) in sums.iter_mut().zip(rest) {
        *sum = a.mul_add::<I>(*b, *sum);
    }
    let mut width = LANES / 2;
    while width > 0 {
        (0..width).for_each(|k| sums[k] = sums[k] + sums[k + width]);
        width /= 2;
    }
    sums[0]
}

/// `out += a·b` elementwise.
#[inline(always)]
fn add_product<T: Float, I: Isa>(n: usize, out: &mut [T], a: &[T], b: &[T], strides: [usize; 3]) {
    match strides {
        [1, 1, 1] => {
            let (out, a, b) = (&mut out[..n], &a[..n], &b[..n]);
            for i in 0..n {
                out[i] = a[i].mul_add::<I>(b[i], out[i]);
            }
        }
        [1, 0, 1] => {
            let (out, a, b) = (&mut out[..n], a[0], &b[..n]);
            for i in 0..n {
                out[i] = a.mul_add::<I>(b[i], out[i]);
            }
        }
        [1, 1, 0] => {
            let (out, a, b) = (&mut out[..n], &a[..n], b[0]);
            for i in 0..n {
                out[i] = a[i].mul_add::<I>(b, out[i]);
            }
        }
        [so, sa, sb] => {
            (0..n).for_each(|i| out[i * so] = a[i * sa].mul_add::<I>(b[i * sb], out[i * so]));
        }
    }
}

impl Matrix {
    /// `out = beta · out + a b`
    fn multiply_add<T: Float>(&self, beta: T, out: &mut [T], a: &[T], b: &[T]) {
        let reach = |[m, n]: [usize; 2], [sm, sn]: [usize; 2]| (m - 1) * sm + (n - 1) * sn;
        let Matrix { m, n, k, along_m, along_n, along_k } = *self;
        let (of_out, of_a, of_b) =
            ([along_m[0], along_n[0]], [along_m[1], along_k[0]], [along_k[1], along_n[1]]);
        assert!(reach([m, n], of_out) < out.len(), "the product reaches outside");
        assert!(reach([m, k], of_a) < a.len(), "the left matrix reaches outside");
        assert!(reach([k, n], of_b) < b.len(), "the right matrix reaches outside");
        // SAFETY: sizes are at least 2 and strides at least 1, so the asserted offsets are the largest reached;
        // `out` is borrowed mutably and thus apart from `a` and `b`.
        unsafe {
            T::matrix_product(
                [m, n, k],
                beta,
                (out.as_mut_ptr(), of_out),
                (a.as_ptr(), of_a),
                (b.as_ptr(), of_b),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Σ_{k, l} a[m, k, l, c] b[k, n, l, c] for axes with each operand's presence chosen at random.
    fn check(sizes: [usize; 5], kept: usize, in_a: [bool; 5], in_b: [bool; 5]) {
        let strides = |present: &dyn Fn(usize) -> bool| {
            let mut stride = 1;
            let mut all = [0; 5];
            for d in (0..5).rev().filter(|d| present(*d)) {
                all[d] = stride;
                stride *= sizes[d];
            }
            (all, stride)
        };
        let ((so, no), (sa, na), (sb, nb)) =
            (strides(&|d| d < kept), strides(&|d| in_a[d]), strides(&|d| in_b[d]));
        let a: Vec<f64> = (0..na).map(|i| ((i * 7919) % 23) as f64 - 11.0).collect();
        let b: Vec<f64> = (0..nb).map(|i| ((i * 104_729) % 19) as f64 - 9.0).collect();
        let mut expected = vec![0.0; no];
        let loops: Vec<_> = (0..5).map(|d| (sizes[d], [so[d], sa[d], sb[d]])).collect();
        for [o, p, q] in offsets(&loops, [0; 3]) {
            expected[o] += a[p] * b[q];
        }
        let mut out = vec![f64::NAN; no];
        Contract::new(&sizes, kept, &so, &sa, &sb).run(Level::detect(), &mut out, &a, &b);
        // Whole numbers: the sums are exact in any order.
        assert_eq!(out, expected);
    }

    proptest! {
        #[test]
        fn equals_the_plain_loops(
            sizes in proptest::array::uniform5(1usize..9),
            kept in 0usize..=5,
            in_a in proptest::array::uniform5(any::<bool>()),
            in_b in proptest::array::uniform5(any::<bool>()),
        ) {
            check(sizes, kept, in_a, in_b);
        }
    }

    #[test]
    fn large_products_are_matrix_products() {
        let (m, n, k) = (40, 30, 20);
        let plan = Contract::new(&[m, n, k], 2, &[n, 1, 0], &[k, 0, 1], &[0, 1, n]);
        assert!(plan.is_matrix());
        check([m, n, k, 1, 1], 2, [true, false, true, false, false], [false, true, true, false, false]);
    }
}
