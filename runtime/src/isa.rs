//! Instruction sets, chosen when the program runs.
//!
//! A binary is compiled for the oldest processor of its architecture. Kernels are compiled once more for the
//! vector instructions of newer ones, and [`dispatch`] takes the best that the processor has. Results have the
//! same bits wherever the level is the same.

/// A set of instructions that kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// What every processor of the architecture has.
    Baseline,
    /// AVX2 with fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 (F, VL, DQ and BW).
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// The best level of this processor.
    pub fn detect() -> Level {
        #[cfg(target_arch = "x86_64")]
        {
            let fused = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("lzcnt");
            let wide = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw");
            if fused && wide {
                return Level::Avx512;
            }
            if fused {
                return Level::Avx2;
            }
        }
        Level::Baseline
    }

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Level::Baseline => "baseline",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "avx512",
        }
    }
}

/// What kernels know of the instructions they are compiled for.
pub trait Isa: Copy {
    /// Whether `a·b + c` is one instruction.
    const FMA: bool;
}

/// Separate multiplication and addition.
#[derive(Debug, Clone, Copy)]
pub struct Plain;

/// Fused multiply-add.
#[derive(Debug, Clone, Copy)]
pub struct Fused;

impl Isa for Plain {
    const FMA: bool = cfg!(target_arch = "aarch64");
}

impl Isa for Fused {
    const FMA: bool = true;
}

/// A loop that is compiled for several levels. `run` and all it calls in its loops must be `#[inline(always)]`:
/// a function that is not inlined is compiled for the baseline.
pub trait Work {
    /// Does the work.
    fn run<I: Isa>(self);
}

/// Does the work with the instructions of a level, which the processor must have: [`Level::detect`] says so.
#[inline(always)]
pub(crate) fn dispatch<W: Work>(level: Level, work: W) {
    match level {
        Level::Baseline => work.run::<Plain>(),
        // SAFETY: a level other than the baseline comes from `Level::detect`, which found its instructions.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2(work) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { avx512(work) },
    }
}

/// # Safety
/// The processor has the features named.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt")]
unsafe fn avx2<W: Work>(work: W) {
    work.run::<Fused>();
}

/// # Safety
/// The processor has the features named.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,bmi1,bmi2,lzcnt")]
unsafe fn avx512<W: Work>(work: W) {
    work.run::<Fused>();
}
