//! The two widths of numbers.

use crate::isa::Isa;
use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

/// How many bits a number of a running program has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Width {
    /// `f32`: half the memory and twice the lanes of a vector register; 24 bits of precision.
    Single,
    /// `f64`.
    #[default]
    Double,
}

impl Width {
    /// 32 or 64.
    pub fn bits(self) -> u32 {
        match self {
            Width::Single => 32,
            Width::Double => 64,
        }
    }

    /// The largest n such that all whole numbers up to it are exact: positions along an axis may not exceed it.
    pub fn exact_to(self) -> u64 {
        match self {
            Width::Single => 1 << 24,
            Width::Double => 1 << 53,
        }
    }
}

/// A number of a running program: `f32` or `f64`.
///
/// Besides arithmetic it has the constants and the steps on bits from which
/// [`crate::kernels::elementary`] makes its functions for both widths.
pub trait Float:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
{
    /// Its width.
    const WIDTH: Width;
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// Not a number.
    const NAN: Self;
    /// +∞.
    const INFINITY: Self;
    /// The smallest positive number of full precision.
    const MIN_POSITIVE: Self;
    /// A power of two that lifts every subnormal number to full precision, and its exponent.
    const LIFT: (Self, Self);
    /// `1.5 · 2^p` for p bits of precision less one: added to a number, it rounds it to a whole one.
    const ROUNDER: Self;
    /// `log₂ e`.
    const LOG2_E: Self;
    /// `ln 2` in two parts, the first with few enough bits that small multiples of it are exact.
    const LN_2: (Self, Self);
    /// Where `exp` has surely overflowed, and where it is surely 0.
    const EXP_ENDS: (Self, Self);
    /// `(e^r − 1 − r) / r²` on |r| ≤ ln 2 / 2 as a polynomial of r, highest degree first.
    const EXP_TAIL: &'static [Self];
    /// `(2 artanh(s) − 2s) / s³` on |s| ≤ 3 − 2√2 as a polynomial of s², highest degree first.
    const LOG_TAIL: &'static [Self];

    /// The nearest number of this width.
    fn from_f64(x: f64) -> Self;
    /// The number.
    fn to_f64(self) -> f64;
    /// Whether it is not a number.
    fn is_nan(self) -> bool;
    /// |x|.
    fn abs(self) -> Self;
    /// √x.
    fn sqrt(self) -> Self;
    /// The next whole number below.
    fn floor(self) -> Self;
    /// The next whole number above.
    fn ceil(self) -> Self;
    /// The nearest whole number, halves away from zero.
    fn round(self) -> Self;
    /// The magnitude of this and the sign of another.
    fn copysign(self, sign: Self) -> Self;
    /// `self · a + b`, in one rounding where the instructions have it.
    fn mul_add<I: Isa>(self, a: Self, b: Self) -> Self;
    /// `2^k`, given `ROUNDER + k` for a whole k of a normal power.
    fn power_of_two(rounded: Self) -> Self;
    /// `(z, k)` with `x = z · 2^k` and z in [√½, √2), for positive x of full precision.
    fn split(self) -> (Self, Self);

    /// `out = beta · out + a b`, for matrices of `m × k` and `k × n` with the strides of their rows and columns.
    ///
    /// # Safety
    /// Every element addressed is inside the matrix's allocation, and `out` overlaps neither `a` nor `b`.
    unsafe fn matrix_product(
        shape: [usize; 3],
        beta: Self,
        out: (*mut Self, [usize; 2]),
        a: (*const Self, [usize; 2]),
        b: (*const Self, [usize; 2]),
    );
}

/// Implements [`Float`] from what differs between the widths.
macro_rules! float {
    ($float:ident, $bits:ident, $width:expr, fraction $fraction:literal, bias $bias:literal, { $($constants:tt)* }) => {
        impl Float for $float {
            const WIDTH: Width = $width;
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const NAN: Self = $float::NAN;
            const INFINITY: Self = $float::INFINITY;
            const MIN_POSITIVE: Self = $float::MIN_POSITIVE;
            const LOG2_E: Self = std::$float::consts::LOG2_E;
            $($constants)*

            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x as $float
            }

            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }

            #[inline(always)]
            fn is_nan(self) -> bool {
                $float::is_nan(self)
            }

            #[inline(always)]
            fn abs(self) -> Self {
                $float::abs(self)
            }

            #[inline(always)]
            fn sqrt(self) -> Self {
                $float::sqrt(self)
            }

            #[inline(always)]
            fn floor(self) -> Self {
                $float::floor(self)
            }

            #[inline(always)]
            fn ceil(self) -> Self {
                $float::ceil(self)
            }

            #[inline(always)]
            fn round(self) -> Self {
                $float::round(self)
            }

            #[inline(always)]
            fn copysign(self, sign: Self) -> Self {
                $float::copysign(self, sign)
            }

            #[inline(always)]
            fn mul_add<I: Isa>(self, a: Self, b: Self) -> Self {
                if I::FMA { $float::mul_add(self, a, b) } else { self * a + b }
            }

            #[inline(always)]
            fn power_of_two(rounded: Self) -> Self {
                // The rounder's own low bits are zero: those of the sum are k.
                $float::from_bits((rounded.to_bits() << $fraction).wrapping_add($bias << $fraction))
            }

            #[inline(always)]
            fn split(self) -> (Self, Self) {
                // Subtracting the bits of √½ makes the exponent carry where z would be 1/√2 or more; one more
                // bias keeps the difference positive, so that a logical shift will do.
                let shifted = self
                    .to_bits()
                    .wrapping_sub(std::$float::consts::FRAC_1_SQRT_2.to_bits())
                    .wrapping_add($bias << $fraction);
                let exponent = shifted >> $fraction;
                let z = self.to_bits().wrapping_sub(exponent.wrapping_sub($bias) << $fraction);
                // A whole number in the low bits of the rounder, as a number.
                let k = $float::from_bits(Self::ROUNDER.to_bits() | exponent) - Self::ROUNDER;
                ($float::from_bits(z), k - $bias as $float)
            }

            #[inline]
            unsafe fn matrix_product(
                [m, n, k]: [usize; 3],
                beta: Self,
                (out, [out_m, out_n]): (*mut Self, [usize; 2]),
                (a, [a_m, a_k]): (*const Self, [usize; 2]),
                (b, [b_k, b_n]): (*const Self, [usize; 2]),
            ) {
                let [out_m, out_n, a_m, a_k, b_k, b_n] = [out_m, out_n, a_m, a_k, b_k, b_n].map(|s| s as isize);
                let add = beta != 0.0;
                // SAFETY: the caller's.
                unsafe {
                    gemm::gemm(
                        m, n, k, out, out_n, out_m, add, a, a_k, a_m, b, b_n, b_k, beta, 1.0,
                        false, false, false, gemm::Parallelism::None,
                    );
                }
            }
        }
    };
}

float!(f64, u64, Width::Double, fraction 52, bias 1023, {
    const LIFT: (Self, Self) = (18_014_398_509_481_984.0, 54.0);
    const ROUNDER: Self = 6_755_399_441_055_744.0;
    // FreeBSD's e_log.c (Sun Microsystems, 1993).
    const LN_2: (Self, Self) = (6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10);
    const EXP_ENDS: (Self, Self) = (-746.0, 710.0);
    /// Taylor's: the first term left out is below 2⁻⁵⁷ of the sum.
    const EXP_TAIL: &'static [Self] = &[
        1.0 / 6_227_020_800.0,
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
    ];
    /// Lg7 … Lg1 of FreeBSD's e_log.c, error below 2⁻⁵⁸.
    const LOG_TAIL: &'static [Self] = &[
        1.479_819_860_511_658_6e-1,
        1.531_383_769_920_937_3e-1,
        1.818_357_216_161_805e-1,
        2.222_219_843_214_978_4e-1,
        2.857_142_874_366_239e-1,
        3.999_999_999_940_942e-1,
        6.666_666_666_666_735e-1,
    ];
});

float!(f32, u32, Width::Single, fraction 23, bias 127, {
    const LIFT: (Self, Self) = (33_554_432.0, 25.0);
    const ROUNDER: Self = 12_582_912.0;
    // FreeBSD's e_logf.c.
    const LN_2: (Self, Self) = (6.931_381e-1, 9.058_001e-6);
    const EXP_ENDS: (Self, Self) = (-104.0, 89.0);
    /// Taylor's: the first term left out is below 2⁻²⁷ of the sum.
    const EXP_TAIL: &'static [Self] =
        &[1.0 / 5_040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5];
    /// Lg4 … Lg1 of FreeBSD's e_logf.c, error below 2⁻³⁴.
    const LOG_TAIL: &'static [Self] = &[0.242_790_79, 0.284_987_87, 0.400_009_72, 0.666_666_6];
});
