use crate::isa::{Fused, Level, Plain};

/// Distance in units in the last place of the exact value; the last place of a subnormal number is that of the
/// smallest normal one... in absolute terms.
fn ulps_f64(found: f64, exact: f64) -> f64 {
    if found == exact || (found.is_nan() && exact.is_nan()) {
        return 0.0;
    }
    let unit = (exact.abs().max(f64::MIN_POSITIVE)).to_bits();
    let last = f64::from_bits(unit + 1) - f64::from_bits(unit);
    (found - exact).abs() / last
}

fn ulps_f32(found: f32, exact: f64) -> f64 {
    if f64::from(found) == exact || (found.is_nan() && exact.is_nan()) || found == exact as f32 {
        return 0.0;
    }
    let unit = (exact.abs() as f32).max(f32::MIN_POSITIVE).to_bits();
    let last = f64::from(f32::from_bits(unit + 1)) - f64::from(f32::from_bits(unit));
    (f64::from(found) - exact).abs() / last
}

/// Numbers of every magnitude and of a fine grid where functions turn.
fn arguments() -> Vec<f64> {
    let mut all =
        vec![0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::MAX, f64::MIN, 5e-324, 1.0, -1.0];
    let mut x = 1e-310;
    while x < 1e300 {
        all.extend([x, -x]);
        x *= 1.37;
    }
    all.extend((-160_000..160_000).map(|i| f64::from(i) * 0.005 + 1e-4));
    all.extend((-40_000..40_000).map(|i| 1.0 + f64::from(i) * 1.7e-5));
    all.extend((-40_000..40_000).map(|i| f64::from(i) * 1e-5));
    all
}

/// The worst error of both kinds of arithmetic against a reference in double precision.
fn worst(f: [fn(f64) -> f64; 2], single: [fn(f32) -> f32; 2], exact: fn(f64) -> f64) -> [f64; 2] {
    let mut worst = [0.0f64; 2];
    for x in arguments() {
        for f in f {
            worst[0] = worst[0].max(ulps_f64(f(x), exact(x)));
            assert_eq!(f(x).is_nan(), exact(x).is_nan(), "at {x}");
        }
        let narrow = x as f32;
        for f in single {
            let (found, expected) = (f(narrow), exact(f64::from(narrow)));
            assert_eq!(found.is_nan(), expected.is_nan(), "at {narrow}");
            if expected.abs() < f64::from(f32::MAX) || found != f32::INFINITY.copysign(expected as f32) {
                worst[1] = worst[1].max(ulps_f32(found, expected));
            }
        }
    }
    worst
}

macro_rules! bounded {
    ($name:ident, $exact:expr, $bound:expr) => {
        #[test]
        fn $name() {
            let worst = worst(
                [super::$name::<f64, Plain>, super::$name::<f64, Fused>],
                [super::$name::<f32, Plain>, super::$name::<f32, Fused>],
                $exact,
            );
            assert!(worst.iter().all(|error| *error <= $bound), "{worst:?} units in the last place");
        }
    };
}

bounded!(exp, f64::exp, 1.5);
bounded!(exp_m1, f64::exp_m1, 2.5);
bounded!(log, f64::ln, 1.5);
bounded!(log_1p, f64::ln_1p, 2.5);
bounded!(tanh, f64::tanh, 4.5);
bounded!(sigmoid, exact_sigmoid, 2.5);
bounded!(softplus, exact_softplus, 2.5);

fn exact_sigmoid(x: f64) -> f64 {
    let small = (-x.abs()).exp();
    if x >= 0.0 { 1.0 / (1.0 + small) } else { small / (1.0 + small) }
}

fn exact_softplus(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[test]
fn a_level_is_found() {
    assert!(!Level::detect().name().is_empty());
}
