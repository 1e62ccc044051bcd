//! Folds in a fixed order, whatever the thread count.

use super::nest::{collapse, walk};
use super::special;
use crate::program::Fold;

/// A planned fold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reduce {
    fold: Fold,
    /// Loops of the result: strides of `out` and `x`.
    kept: Box<[(usize, [usize; 2])]>,
    /// Folded loops: stride of `x`.
    folded: Box<[(usize, [usize; 1])]>,
    /// The fastest loop, taken out of `kept` or `folded`.
    inner: Inner,
}

/// What the innermost loop runs along.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Inner {
    /// A folded loop of this size and stride: each run becomes one number, pairwise.
    Run(usize, usize),
    /// A kept loop of this size and strides: rows are folded one onto another, in order, so that the
    /// rounding error of a sum grows with the number of rows.
    Row(usize, [usize; 2]),
}

impl Reduce {
    /// `out` and `x` are the operands' strides along `extents`, of which the first `kept` are the result's.
    pub fn new(fold: Fold, extents: &[usize], kept: usize, out: &[usize], x: &[usize]) -> Self {
        let mut result = collapse((0..kept).map(|d| (extents[d], [out[d], x[d]])));
        let mut folded: Vec<_> = (kept..extents.len()).map(|d| (extents[d], [x[d]])).collect();
        folded.sort_by_key(|(_, [stride])| std::cmp::Reverse(*stride));
        let mut folded = collapse(folded.into_iter());
        let run = folded.last().copied().unwrap_or((1, [0]));
        let row = result.last().copied().unwrap_or((1, [0, 0]));
        let inner = if run.1 == [1] || row.1[1] != 1 || row.0 == 1 {
            folded.pop();
            Inner::Run(run.0, run.1[0])
        } else {
            result.pop();
            Inner::Row(row.0, row.1)
        };
        Reduce { fold, kept: result.into(), folded: folded.into(), inner }
    }

    /// Writes every element of the result.
    pub fn run(&self, out: &mut [f64], x: &[f64]) {
        match self.fold {
            Fold::Sum => self.with(out, x, 0.0, |a, b| a + b),
            Fold::Max => self.with(out, x, f64::NEG_INFINITY, special::max),
            Fold::Min => self.with(out, x, f64::INFINITY, special::min),
        }
    }

    #[inline(always)]
    fn with(&self, out: &mut [f64], x: &[f64], unit: f64, f: impl Fn(f64, f64) -> f64 + Copy) {
        walk(&self.kept, [0, 0], &mut |[o, a]| match self.inner {
            Inner::Run(n, stride) => {
                let mut total = unit;
                walk(&self.folded, [a], &mut |[a]| {
                    let part = if n == 0 { unit } else { run(&x[a..], n, stride, unit, f) };
                    total = f(total, part);
                });
                out[o] = total;
            }
            Inner::Row(n, [so, sx]) => {
                (0..n).for_each(|i| out[o + i * so] = unit);
                walk(&self.folded, [a], &mut |[a]| {
                    if (so, sx) == (1, 1) {
                        let pairs = out[o..o + n].iter_mut().zip(&x[a..a + n]);
                        pairs.for_each(|(out, x)| *out = f(*out, *x));
                    } else {
                        (0..n).for_each(|i| out[o + i * so] = f(out[o + i * so], x[a + i * sx]));
                    }
                });
            }
        });
    }
}

/// Folds `n` numbers at a stride: eight interleaved partial results over blocks of 256, pairwise above.
#[inline(always)]
fn run(x: &[f64], n: usize, stride: usize, unit: f64, f: impl Fn(f64, f64) -> f64 + Copy) -> f64 {
    const BLOCK: usize = 256;
    // A stack of partial results, one per level of the pairwise tree: a binary counter of blocks.
    let mut levels = [unit; usize::BITS as usize];
    let mut blocks = 0usize;
    let mut start = 0;
    while start < n {
        let len = BLOCK.min(n - start);
        let mut part = block(&x[start * stride..], len, stride, unit, f);
        let mut level = 0;
        while blocks >> level & 1 == 1 {
            part = f(levels[level], part);
            level += 1;
        }
        levels[level] = part;
        blocks += 1;
        start += len;
    }
    let mut total = unit;
    for (level, part) in
        levels.iter().enumerate().take(usize::BITS as usize - blocks.leading_zeros() as usize)
    {
        if blocks >> level & 1 == 1 {
            total = f(*part, total);
        }
    }
    total
}

#[inline(always)]
fn block(x: &[f64], n: usize, stride: usize, unit: f64, f: impl Fn(f64, f64) -> f64 + Copy) -> f64 {
    let mut lanes = [unit; 8];
    if stride == 1 {
        let chunks = x[..n].chunks_exact(8);
        let rest = chunks.remainder();
        for chunk in chunks {
            for k in 0..8 {
                lanes[k] = f(lanes[k], chunk[k]);
            }
        }
        for (lane, x) in lanes.iter_mut().zip(rest) {
            *lane = f(*lane, *x);
        }
    } else {
        (0..n).for_each(|i| lanes[i % 8] = f(lanes[i % 8], x[i * stride]));
    }
    let pairs = [0, 1, 2, 3].map(|k| f(lanes[k], lanes[k + 4]));
    f(f(pairs[0], pairs[2]), f(pairs[1], pairs[3]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_orientation_gives_the_sum() {
        let x: Vec<f64> = (0..3 * 700 * 5).map(|i| f64::from(i % 17)).collect();
        let direct = |i: usize, k: usize| (0..700).map(|j| x[(i * 700 + j) * 5 + k]).sum::<f64>();
        let mut out = vec![0.0; 15];
        Reduce::new(Fold::Sum, &[3, 5, 700], 2, &[5, 1, 0], &[3500, 1, 5]).run(&mut out, &x);
        for i in 0..3 {
            for k in 0..5 {
                assert_eq!(out[i * 5 + k], direct(i, k));
            }
        }
        let mut total = vec![0.0];
        Reduce::new(Fold::Sum, &[5, 3, 700], 0, &[0, 0, 0], &[1, 3500, 5]).run(&mut total, &x);
        assert_eq!(total[0], x.iter().sum::<f64>());
    }

    #[test]
    fn empty_folds_give_the_unit_and_nan_is_not_lost() {
        let mut out = vec![7.0; 2];
        Reduce::new(Fold::Max, &[2, 0], 1, &[1, 0], &[0, 1]).run(&mut out, &[]);
        assert_eq!(out, [f64::NEG_INFINITY; 2]);
        Reduce::new(Fold::Max, &[2, 2], 1, &[1, 0], &[2, 1]).run(&mut out, &[1.0, f64::NAN, f64::NAN, 2.0]);
        assert!(out[0].is_nan() && out[1].is_nan());
    }

    #[test]
    fn long_sums_are_accurate() {
        let x = vec![0.1; 1 << 20];
        let mut out = [0.0];
        Reduce::new(Fold::Sum, &[x.len()], 0, &[0], &[1]).run(&mut out, &x);
        assert!((out[0] / (0.1 * x.len() as f64) - 1.0).abs() < 1e-14);
    }
}
