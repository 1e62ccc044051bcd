//! The normal distribution function, its logarithm, its inverse and Owen's T.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, PI, SQRT_2};

/// `2/√π ∫₀ˣ exp(−t²) dt`
pub fn erf(x: f64) -> f64 {
    libm::erf(x)
}

/// `1 − erf(x)`, without cancellation.
pub fn erfc(x: f64) -> f64 {
    libm::erfc(x)
}

/// Below this, the continued fraction of erfc converges fast.
const TAIL: f64 = -5.0;

/// `½/(z + 1/(z + ³⁄₂/(z + …)))` for z ≥ 3.5, where `erfc(z) = exp(−z²) / (√π (z + it))` (DLMF 7.9.2).
fn remainder(z: f64) -> f64 {
    (1..=60).rev().fold(0.0, |below, k| 0.5 * f64::from(k) / (z + below))
}

/// `log Φ(x)`, Φ the standard normal distribution function.
pub fn log_phi(x: f64) -> f64 {
    if x > 0.0 {
        (-0.5 * erfc(x * FRAC_1_SQRT_2)).ln_1p()
    } else if x > TAIL {
        (0.5 * erfc(-x * FRAC_1_SQRT_2)).ln()
    } else {
        let z = -x * FRAC_1_SQRT_2;
        -0.5 * x * x - (2.0 * PI.sqrt() * (z + remainder(z))).ln()
    }
}

/// `φ(x) / Φ(x)`, the derivative of log Φ.
pub fn inverse_mills(x: f64) -> f64 {
    if x > TAIL {
        let density = 0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2 * (-0.5 * x * x).exp();
        density / (0.5 * erfc(-x * FRAC_1_SQRT_2))
    } else {
        let z = -x * FRAC_1_SQRT_2;
        SQRT_2 * (z + remainder(z))
    }
}

/// The x with Φ(x) = p (Wichura 1988, algorithm AS 241).
pub fn inv_phi(p: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    let centre = p - 0.5;
    if centre.abs() <= 0.425 {
        let r = 0.180625 - centre * centre;
        return centre * ratio(&CENTRE, r);
    }
    let tail = if centre < 0.0 { p } else { 1.0 - p };
    if tail == 0.0 {
        return f64::INFINITY.copysign(centre);
    }
    let r = (-tail.ln()).sqrt();
    let x = if r <= 5.0 { ratio(&MIDDLE, r - 1.6) } else { ratio(&FAR, r - 5.0) };
    x.copysign(centre)
}

/// A quotient of polynomials, coefficients from the constant one on.
fn ratio([above, below]: &[[f64; 8]; 2], r: f64) -> f64 {
    let at = |c: &[f64; 8]| c.iter().rev().fold(0.0, |sum, c| sum * r + c);
    at(above) / at(below)
}

#[rustfmt::skip]
#[allow(clippy::excessive_precision)]
const CENTRE: [[f64; 8]; 2] = [
    [3.3871328727963666080, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3],
    [1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3],
];
#[rustfmt::skip]
#[allow(clippy::excessive_precision)]
const MIDDLE: [[f64; 8]; 2] = [
    [1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504,
     1.27045825245236838258, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4],
    [1.0, 2.05319162663775882187, 1.67638483018380384940, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9],
];
#[rustfmt::skip]
#[allow(clippy::excessive_precision)]
const FAR: [[f64; 8]; 2] = [
    [6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7],
    [1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15],
];

/// Owen's T: `1/2π ∫₀ᵃ exp(−h²(1+t²)/2) / (1+t²) dt`.
pub fn owens_t(h: f64, a: f64) -> f64 {
    owens_t::owens_t(h, a)
}
