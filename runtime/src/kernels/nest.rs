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

    /// The operands' offsets at every index of the outer loops; none when a loop is empty.
    #[inline(always)]
    pub fn offsets(&self) -> Offsets<'_, N> {
        let mut offsets = offsets(&self.outer, [0; N]);
        offsets.done |= self.inner == 0;
        offsets
    }
}

/// The most loops that a collapsed nest may have: nobody writes so many dimensions.
pub(crate) const DEEPEST: usize = 16;

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

/// The offsets at every index of some loops, in order. An iterator rather than a function that takes one, so that
/// what is done with them is compiled where it stands, for the instructions in use there.
pub(crate) struct Offsets<'a, const N: usize> {
    loops: &'a [(usize, [usize; N])],
    index: [usize; DEEPEST],
    at: [usize; N],
    done: bool,
}

/// The offsets at every index of the loops, counted from `start`; one if there are no loops.
#[inline(always)]
pub(crate) fn offsets<const N: usize>(loops: &[(usize, [usize; N])], start: [usize; N]) -> Offsets<'_, N> {
    let done = loops.iter().any(|(size, _)| *size == 0);
    Offsets { loops, index: [0; DEEPEST], at: start, done }
}

impl<const N: usize> Iterator for Offsets<'_, N> {
    type Item = [usize; N];

    #[inline(always)]
    fn next(&mut self) -> Option<[usize; N]> {
        if self.done {
            return None;
        }
        let here = self.at;
        // Counts up the fastest loop, and carries.
        let mut d = self.loops.len();
        loop {
            if d == 0 {
                self.done = true;
                break;
            }
            d -= 1;
            let (size, strides) = &self.loops[d];
            self.index[d] += 1;
            if self.index[d] < *size {
                (0..N).for_each(|k| self.at[k] += strides[k]);
                break;
            }
            self.index[d] = 0;
            (0..N).for_each(|k| self.at[k] -= strides[k] * (size - 1));
        }
        Some(here)
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
        let seen: Vec<_> = nest.offsets().collect();
        assert_eq!((nest.inner, seen), (4, vec![[0, 0], [4, 0], [8, 0]]));
    }

    #[test]
    fn an_empty_loop_never_runs() {
        assert_eq!(Nest::new(&[3, 0, 2], [&[1, 1, 1]]).offsets().count(), 0);
        assert_eq!(Nest::new(&[0], [&[1]]).offsets().count(), 0);
        assert_eq!(Nest::new(&[], [&[]]).offsets().count(), 1);
    }
}
