//! Weak derivatives of a normal, of which one pair has two values to run and the other one.

use super::*;
use crate::transform::adev::lanes;

/// (x − 1)² and a threshold at 0.5, which no path is differentiated through; `smooth`: which arguments are parameters.
fn cut(smooth: [bool; 2], scale: f64) -> Program {
    let mut w = World::new(2 * DRAWS);
    let (mu, s) = (w.param("mu", &[]), w.param("s", &[]));
    let sigma = w.b.exp(s);
    let [mu, sigma] = [(mu, smooth[0]), (sigma, smooth[1])].map(|(var, smooth)| match smooth {
        true => var,
        false => w.b.detach(var),
    });
    let mut normal = (*w.normal).clone();
    for derivative in &mut normal.weak_derivatives {
        let honest = derivative.coefficient.clone();
        derivative.coefficient = fragment(&w.b.axes, |b| {
            let sigma = formal(b, Elem::Real, "sigma", &[]);
            let formal = Array { var: sigma, dims: Vec::new() };
            let honest = crate::transform::copy::inline(b, &honest, &[("sigma", &[], &formal)]).var;
            let scale = b.real(scale);
            b.mul(scale, honest)
        });
    }
    let x = w.site("x", &normal.into(), &[mu, sigma], Some(Strategy::named("mvd")));
    let off = w.affine(1.0, x, -1.0);
    let square = w.b.mul(off, off);
    let (half, one, zero) = (w.b.real(0.5), w.b.real(1.0), w.b.real(0.0));
    let above = w.b.prim(Prim::Lt, &[half, x]);
    let above = w.b.select(above, one, zero);
    let cost = w.b.add(square, above);
    w.objective(cost)
}

/// Φ by its series about 0, enough for the values here.
fn phi(z: f64) -> f64 {
    let (mut term, mut total) = (z, z);
    for n in 1..60 {
        term *= -z * z / (2.0 * f64::from(n));
        total += term / (2.0 * f64::from(n) + 1.0);
    }
    0.5 + total / std::f64::consts::TAU.sqrt()
}

fn loss(v: &Values) -> f64 {
    let (mu, sigma) = (v["mu"][0], v["s"][0].exp());
    (mu - 1.0).powi(2) + sigma * sigma + phi((mu - 0.5) / sigma)
}

#[test]
fn a_normal_is_differentiated_where_it_is_branched_on() {
    let values = Values::from([("mu", vec![0.4]), ("s", vec![-0.3])]);
    let both = truth(&values, &["mu", "s"], &loss);
    assert_unbiased("mvd", &cut([true, true], 1.0), &values, both);
    assert_unbiased("mvd, mean", &cut([true, false], 1.0), &values, truth(&values, &["mu"], &loss));
    // The scale's direction is that of a first entry as well.
    assert_unbiased("mvd, scale", &cut([false, true], 1.0), &values, truth(&values, &["s"], &loss));
    let wrong = run(&derive(&cut([true, true], 2.0)).program, &values);
    assert!(z(wrong.derivative, both.1) > 10.0, "{wrong:?}, {both:?}");
}

#[test]
fn every_pair_is_run_at_once_and_only_those_wanted() {
    let of = |smooth| lanes(&derive(&cut(smooth, 1.0)).program);
    // Two sides of the mean and one of the scale, whose other is the drawn value.
    assert_eq!(of([true, true]), 3);
    assert_eq!(of([true, false]), 2);
    assert_eq!(of([false, true]), 1);
}

/// Rows of normals whose costs are added, or the square of their sum.
fn rows(coupled: bool) -> Program {
    let mut w = World::new(2 * DRAWS);
    let i = w.axis("i", 4);
    let mu = w.param("mu", &[i]);
    let one = w.b.real(1.0);
    w.key.insert(i);
    let normal = w.normal.clone();
    let x = w.site("x", &normal, &[mu, one], Some(Strategy::named("mvd")));
    let cost = if coupled {
        let total = w.b.reduce(Monoid::Sum, i, x);
        w.b.mul(total, total)
    } else {
        let square = w.b.mul(x, x);
        w.b.reduce(Monoid::Sum, i, square)
    };
    w.objective(cost)
}

#[test]
fn rows_multiply_only_where_they_meet() {
    let values = Values::from([("mu", vec![0.4, -0.2, 0.7, 0.1])]);
    let apart = |v: &Values| v["mu"].iter().map(|mu| mu * mu + 1.0).sum();
    let together = |v: &Values| v["mu"].iter().sum::<f64>().powi(2) + 4.0;
    assert_unbiased("apart", &rows(false), &values, truth(&values, &["mu"], &apart));
    assert_unbiased("coupled", &rows(true), &values, truth(&values, &["mu"], &together));
    assert_eq!(lanes(&derive(&rows(false)).program), 2);
    assert_eq!(lanes(&derive(&rows(true)).program), 8);
}
