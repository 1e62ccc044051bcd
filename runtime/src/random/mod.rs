//! Random numbers as a function of seed, step, occurrence and lane.
//!
//! An occurrence names a place in a program where something is drawn; with the seed it gives the
//! key of a generator. A lane is the linear index over the axes along which draws are independent,
//! the Monte Carlo draw slowest. [`sample`] is the whole of it: what the executor draws in bulk is,
//! bit for bit, what `sample` gives one by one.

mod beta;
mod binomial;
mod cauchy;
mod exponential;
mod gamma;
mod laplace;
mod normal;
pub mod philox;
mod poisson;
mod student_t;
mod uniform;
mod von_mises;

use crate::float::Float;
use crate::isa::Level;
use crate::kernels::nest::Nest;
use crate::program::Base;
use philox::{LaneRng, Lanes};
use std::ops::Range;

/// Which numbers a run of a program draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stream {
    /// The seed of the whole fit.
    pub seed: u64,
    /// The step of the fit.
    pub step: u64,
}

/// One draw. `args` are the operands, [`Base::arity`] of them; operands outside the sampler's
/// domain give NaN.
pub fn sample(base: Base, args: &[f64], seed: u64, occurrence: &str, lane: u64, step: u64) -> f64 {
    let mut rng = stream(seed, occurrence, lane, step);
    let arg = |at: usize| args.get(at).copied().unwrap_or(f64::NAN);
    draw_one(base, &mut rng, arg(0), arg(1))
}

fn draw_one(base: Base, rng: &mut LaneRng, a: f64, b: f64) -> f64 {
    match base {
        Base::Normal => normal::sample(rng),
        Base::Uniform => uniform::sample(rng),
        Base::Exponential => exponential::sample(rng),
        Base::Cauchy => cauchy::sample(rng),
        Base::Laplace => laplace::sample(rng),
        Base::Gamma => gamma::sample(rng, a),
        Base::Beta => beta::sample(rng, a, b),
        Base::StudentT => student_t::sample(rng, a),
        Base::Poisson => poisson::sample(rng, a),
        Base::Binomial => binomial::sample(rng, a, b),
        Base::VonMises => von_mises::sample(rng, a),
    }
}

/// The words of an occurrence at a lane and a step.
pub(crate) fn stream(seed: u64, occurrence: &str, lane: u64, step: u64) -> LaneRng {
    LaneRng::new(key(seed, occurrence_hash(occurrence)), lane, step)
}

/// FNV-1a, 64 bits: stable across versions and machines.
pub fn occurrence_hash(occurrence: &str) -> u64 {
    occurrence.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The key of an occurrence under a seed.
fn key(seed: u64, occurrence: u64) -> [u32; 2] {
    let mixed = mix(mix(seed) ^ occurrence);
    [mixed as u32, (mixed >> 32) as u32]
}

/// The finaliser of SplitMix64: a bijection that spreads every bit.
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

/// A planned random primitive.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sampler {
    /// What is drawn.
    pub base: Base,
    /// Hash of the occurrence.
    pub occurrence: u64,
    /// The loops: strides of the result, of up to two operands (0 where there is none), of the lane and of the rows.
    pub nest: Nest<5>,
    /// Whether lanes are moved by rows.
    pub rows: bool,
}

impl Sampler {
    /// Writes every element of `out`; `lane` is the lane of the first, to which `rows` are added where there are any. In
    /// single precision they are the same numbers, rounded.
    pub fn run<T: Float>(
        &self,
        level: Level,
        out: &mut [T],
        [a, b]: [&[T]; 2],
        rows: Option<&[T]>,
        lane: u64,
        stream: &Stream,
    ) {
        let key = key(stream.seed, self.occurrence);
        let (n, [so, sa, sb, sl, sr]) = (self.nest.inner, self.nest.strides);
        let mut each = |f: &mut EachChunk<T>| {
            for [o, p, q, l, r] in self.nest.offsets() {
                for start in (0..n).step_by(CHUNK) {
                    let first = lane + (l + start * sl) as u64;
                    let end = n.min(start + CHUNK);
                    let lanes = match rows {
                        None => Lanes::new(level, key, first, sl as u64, stream.step),
                        Some(rows) => {
                            let mut lanes = [first; CHUNK];
                            for (k, lane) in lanes[..end - start].iter_mut().enumerate() {
                                *lane += (k * sl) as u64 + rows[r + (start + k) * sr].to_f64() as u64;
                            }
                            Lanes::at(level, key, lanes, stream.step)
                        }
                    };
                    f(&mut out[o..], [p, q], start..end, &lanes);
                }
            }
        };
        match self.base {
            // The two that most programs draw by the thousand get loops of their own.
            Base::Normal => each(&mut |out, _, range, lanes| {
                range
                    .enumerate()
                    .for_each(|(k, i)| out[i * so] = T::from_f64(normal::sample(&mut lanes.rng(k))));
            }),
            Base::Uniform => each(&mut |out, _, range, lanes| {
                range
                    .enumerate()
                    .for_each(|(k, i)| out[i * so] = T::from_f64(uniform::from_word(lanes.first(k))));
            }),
            base => {
                let arg = |x: &[T], at: usize| x.get(at).map_or(f64::NAN, |x| x.to_f64());
                each(&mut |out, [p, q], range, lanes| {
                    for (k, i) in range.enumerate() {
                        let (a, b) = (arg(a, p + i * sa), arg(b, q + i * sb));
                        out[i * so] = T::from_f64(draw_one(base, &mut lanes.rng(k), a, b));
                    }
                });
            }
        }
    }
}

/// Called with the result, the offsets of the operands, a range of the innermost loop, and its lanes.
type EachChunk<'a, T> = dyn FnMut(&mut [T], [usize; 2], Range<usize>, &Lanes<CHUNK>) + 'a;

/// How many lanes' generators are set up together.
const CHUNK: usize = 16;

#[cfg(test)]
mod tests;
