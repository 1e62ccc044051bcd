//! Folds in a fixed order, whatever the thread count.

use super::nest::{collapse, offsets};
use super::special;
use crate::float::Float;
use crate::isa::{Isa, Level, Work, dispatch};
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
    pub fn run<T: Float>(&self, level: Level, out: &mut [T], x: &[T]) {
        dispatch(level, Running { plan: self, out, x });
    }
}

struct Running<'a, T> {
    plan: &'a Reduce,
    out: &'a mut [T],
    x: &'a [T],
}

impl<T: Float> Work for Running<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Running { plan, out, x } = self;
        match plan.fold {
            Fold::Sum => plan.with(out, x, T::ZERO, |a, b| a + b, |a, b| a + b),
            Fold::Max => plan.with(out, x, -T::INFINITY, special::max, special::max),
            Fold::Min => plan.with(out, x, T::INFINITY, special::min, special::min),
        }
    }
}

impl Reduce {
    /// `wide` is the fold in double precision, which puts blocks together.
    #[inline(always)]
    fn with<T: Float>(
        &self,
        out: &mut [T],
        x: &[T],
        unit: T,
        f: impl Fn(T, T) -> T + Copy,
        wide: impl Fn(f64, f64) -> f64 + Copy,
    ) {
        for [o, a] in offsets(&self.kept, [0, 0]) {
            match self.inner {
                Inner::Run(n, stride) => {
                    let mut total = unit.to_f64();
                    for [a] in offsets(&self.folded, [a]) {
                        let part =
                            if n == 0 { unit.to_f64() } else { run(&x[a..], n, stride, unit, f, wide) };
                        total = wide(total, part);
                    }
                    out[o] = T::from_f64(total);
                }
                Inner::Row(n, [so, sx]) => {
                    (0..n).for_each(|i| out[o + i * so] = unit);
                    for [a] in offsets(&self.folded, [a]) {
                        if (so, sx) == (1, 1) {
                            let (out, x) = (&mut out[o..o + n], &x[a..a + n]);
                            for i in 0..n {
                                out[i] = f(out[i], x[i]);
                            }
                        } else {
                            (0..n).for_each(|i| out[o + i * so] = f(out[o + i * so], x[a + i * sx]));
                        }
                    }
                }
            }
        }
    }
}

/// Folds `n` numbers at a stride: interleaved partial results over blocks of 256, pairwise and in double
/// precision above.
#[inline(always)]
fn run<T: Float>(
    x: &[T],
    n: usize,
    stride: usize,
    unit: T,
    f: impl Fn(T, T) -> T + Copy,
    wide: impl Fn(f64, f64) -> f64 + Copy,
) -> f64 {
    const BLOCK: usize = 256;
    if n <= BLOCK {
        return block(x, n, stride, unit, f).to_f64();
    }
    // A stack of partial results, one per level of the pairwise tree: a binary counter of blocks.
    let mut levels = [unit.to_f64(); usize::BITS as usize];
    let mut blocks = 0usize;
    let mut start = 0;
    while start < n {
        let len = BLOCK.min(n - start);
        let mut part = block(&x[start * stride..], len, stride, unit, f).to_f64();
        let mut level = 0;
        while blocks >> level & 1 == 1 {
            part = wide(levels[level], part);
            level += 1;
        }
        levels[level] = part;
        blocks += 1;
        start += len;
    }
    let mut total = unit.to_f64();
    for (level, part) in
        levels.iter().enumerate().take(usize::BITS as usize - blocks.leading_zeros() as usize)
    {
        if blocks >> level & 1 == 1 {
            total = wide(*part, total);
        }
    }
    total
}

/// How many partial results a block has: two registers of the widest instructions, so that additions overlap.
const LANES: usize = 16;

#[inline(always)]
fn block<T: Float>(x: &[T], n: usize, stride: usize, unit: T, f: impl Fn(T, T) -> T + Copy) -> T {
    let mut lanes = [unit; LANES];
    if stride == 1 {
        let chunks = x[..n].chunks_exact(LANES);
        let rest = chunks.remainder();
        for chunk in chunks {
            for k in 0..LANES {
                lanes[k] = f(lanes[k], chunk[k]);
            }
        }
        for (lane, x) in lanes.iter_mut().zip(rest) {
            *lane = f(*lane, *x);
        }
    } else {
        (0..n).for_each(|i| lanes[i % LANES] = f(lanes[i % LANES], x[i * stride]));
    }
    let mut width = LANES / 2;
    while width > 0 {
        (0..width).for_each(|k| lanes[k] = f(lanes[k], lanes[k + width]));
        width /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_orientation_gives_the_sum() {
        let x: Vec<f64> = (0..3 * 700 * 5).map(|i| f64::from(i % 17)).collect();
        let direct = |i: usize, k: usize| (0..700).map(|j| x[(i * 700 + j) * 5 + k]).sum::<f64>();
        let mut out = vec![0.0; 15];
        Reduce::new(Fold::Sum, &[3, 5, 700], 2, &[5, 1, 0], &[3500, 1, 5]).run(Level::detect(), &mut out, &x);
        for i in 0..3 {
            for k in 0..5 {
                assert_eq!(out[i * 5 + k], direct(i, k));
            }
        }
        let mut total = vec![0.0];
        Reduce::new(Fold::Sum, &[5, 3, 700], 0, &[0, 0, 0], &[1, 3500, 5]).run(
            Level::detect(),
            &mut total,
            &x,
        );
        assert_eq!(total[0], x.iter().sum::<f64>());
    }

    #[test]
    fn empty_folds_give_the_unit_and_nan_is_not_lost() {
        let mut out = vec![7.0; 2];
        Reduce::new(Fold::Max, &[2, 0], 1, &[1, 0], &[0, 1]).run::<f64>(Level::detect(), &mut out, &[]);
        assert_eq!(out, [f64::NEG_INFINITY; 2]);
        Reduce::new(Fold::Max, &[2, 2], 1, &[1, 0], &[2, 1]).run(
            Level::detect(),
            &mut out,
            &[1.0, f64::NAN, f64::NAN, 2.0],
        );
        assert!(out[0].is_nan() && out[1].is_nan());
    }

    #[test]
    fn long_sums_are_accurate() {
        let x = vec![0.1; 1 << 20];
        let mut out = [0.0];
        Reduce::new(Fold::Sum, &[x.len()], 0, &[0], &[1]).run(Level::detect(), &mut out, &x);
        assert!((out[0] / (0.1 * x.len() as f64) - 1.0).abs() < 1e-14);
    }
}
