//! Von Mises around 0 of concentration κ: density `∝ exp(κ cos x)` on −π ≤ x ≤ π, by rejection from a
//! wrapped Cauchy (Best and Fisher 1979). NaN unless 0 ≤ κ < ∞.

use super::philox::LaneRng;
use super::{normal, uniform};
use std::f64::consts::PI;

/// Above this concentration the angle is normal to 10⁻⁸, and cosines near 1 lose it.
const NARROW: f64 = 1e8;
/// Below it the angle is uniform to 10⁻⁸.
const FLAT: f64 = 1e-8;

pub(crate) fn sample(rng: &mut LaneRng, concentration: f64) -> f64 {
    if !(concentration >= 0.0 && concentration.is_finite()) {
        return f64::NAN;
    }
    if concentration > NARROW {
        return normal::sample(rng) / concentration.sqrt();
    }
    if concentration < FLAT {
        return PI * (2.0 * uniform::sample(rng) - 1.0);
    }
    let tau = 1.0 + (1.0 + 4.0 * concentration * concentration).sqrt();
    let rho = (tau - (2.0 * tau).sqrt()) / (2.0 * concentration);
    let r = (1.0 + rho * rho) / (2.0 * rho);
    loop {
        // 1 − cos of the proposal's angle, and 1 − f = (r − 1)(1 − z)/(r + z), without cancellation.
        let half = (0.5 * PI * uniform::sample(rng)).sin();
        let below = 2.0 * half * half;
        let gap = (r - 1.0) * below / (r + 1.0 - below);
        let c = concentration * (r - 1.0 + gap);
        let u = uniform::sample(rng);
        if c * (2.0 - c) > u || (c / u).ln() + 1.0 - c >= 0.0 {
            let angle = 2.0 * (0.5 * gap).sqrt().min(1.0).asin();
            return if uniform::sample(rng) < 0.5 { -angle } else { angle };
        }
    }
}
