//! Loop nests over strided operands.

/// A nest of loops over `N` operands, collapsed: loops of one index are gone, and neighbours that
/// all operands cross in one stride are one loop.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Nest<const N: usize> {
    /// All loops but the fastest: size and strides.
    outer: Box<[(usize, [usize; N])]>,
    /// Size of the fastest loop.
    pub inner: usize,
    /// Its strides.
    pub strides: [usize; N],
}

impl<const N: usize> Nest<N> {
    /// The nest of these loops, slowest first; operand `k` moves by `strides[k][d]` along loop `d`.
    pub fn new(extents: &[usize], strides: [&[usize]; N]) -> Self {
        let loops = extents.iter().enumerate().map(|(d, size)| (*size, strides.map(|all| all[d])));
        let mut outer = collapse(loops);
        let (inner, strides) = outer.pop().unwrap_or((1, [0; N]));
        Nest { outer: outer.into(), inner, strides }
    }

    /// Calls `body` with the operands' offsets at every index of the outer loops. Never called when a loop is
    /// empty.
    #[inline(always)]
    pub fn each(&self, mut body: impl FnMut([usize; N])) {
        if self.outer.is_empty() {
            if self.inner > 0 {
                body([0; N]);
            }
        } else {
            walk(&self.outer, [0; N], &mut body);
        }
    }
}

/// Merges loops. An empty loop anywhere makes a single empty loop.
pub(crate) fn collapse<const N: usize>(
    loops: impl Iterator<Item = (usize, [usize; N])>,
) -> Vec<(usize, [usize; N])> {
    let mut merged: Vec<(usize, [usize; N])> = Vec::new();
    for (size, strides) in loops {
        if size == 0 {
            return vec![(0, [0; N])];
        }
        if size == 1 {
            continue;
        }
        match merged.last_mut() {
            Some(last) if (0..N).all(|k| last.1[k] == strides[k] * size) => *last = (last.0 * size, strides),
            _ => merged.push((size, strides)),
        }
    }
    merged
}

/// Calls `body` with the offsets at every index of the loops.
pub(crate) fn walk<const N: usize>(
    loops: &[(usize, [usize; N])],
    start: [usize; N],
    body: &mut impl FnMut([usize; N]),
) {
    let Some(((size, strides), rest)) = loops.split_first() else { return body(start) };
    let mut at = start;
    for _ in 0..*size {
        if rest.is_empty() {
            body(at);
        } else {
            walk(rest, at, body);
        }
        for k in 0..N {
            at[k] += strides[k];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contiguous_loops_become_one() {
        let nest = Nest::new(&[3, 1, 4, 5], [&[20, 7, 5, 1], &[20, 0, 5, 1]]);
        assert_eq!((nest.inner, nest.strides), (60, [1, 1]));
        assert!(nest.outer.is_empty());
    }

    #[test]
    fn broadcast_loops_stay_apart() {
        let nest = Nest::new(&[3, 4], [&[4, 1], &[0, 1]]);
        let mut seen = Vec::new();
        nest.each(|at| seen.push(at));
        assert_eq!((nest.inner, seen), (4, vec![[0, 0], [4, 0], [8, 0]]));
    }

    #[test]
    fn an_empty_loop_never_runs() {
        Nest::new(&[3, 0, 2], [&[1, 1, 1]]).each(|_| panic!("ran"));
        Nest::new(&[0], [&[1]]).each(|_| panic!("ran"));
    }
}
