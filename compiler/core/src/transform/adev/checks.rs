//! Which programs are accepted, with which strategies, and what the others are told.

use super::estimator::rule;
use super::fixtures::World;
use super::strategy::{Chosen, USUAL_SAMPLES, choose};
use super::{Options, estimator, smoothness};
use crate::ir::{Array, Program, Strategy, Var};
use crate::prim::Prim;
use vary_diagnostic::{Diagnostic, SourceId, Span};

/// A program of one normal site x ~ normal(mu, 1), with `cost` of x and of mu.
fn of_normal(strategy: Option<Strategy>, cost: impl FnOnce(&mut World, Var, Var) -> Var) -> Program {
    let mut w = World::new(2);
    let mu = w.param("mu", &[]);
    let one = w.b.real(1.0);
    let normal = w.normal.clone();
    let x = w.site("x", &normal, &[mu, one], strategy);
    let cost = cost(&mut w, x, mu);
    w.objective(cost)
}

fn errors(program: &Program) -> Vec<Diagnostic> {
    choose(program, USUAL_SAMPLES).err().unwrap_or_default()
}

fn codes(program: &Program) -> Vec<&'static str> {
    errors(program).iter().map(|error| error.code.0).collect()
}

fn written(name: &'static str) -> Option<Strategy> {
    Some(Strategy::named(name))
}

fn by(name: &str) -> Chosen {
    Chosen::By(rule(name).expect("it is registered"))
}

fn chosen(program: &Program) -> Chosen {
    choose(program, USUAL_SAMPLES).unwrap().sites[0].chosen
}

/// x, where it is less than `bound`.
fn cut_at(w: &mut World, x: Var, bound: f64) -> Var {
    let bound = w.b.real(bound);
    let below = w.b.prim(Prim::Lt, &[x, bound]);
    w.b.select(below, x, bound)
}

#[test]
fn a_branch_on_a_smooth_value_is_refused() {
    let program = of_normal(written("reparam"), |w, x, _| {
        w.b.at(Span::new(SourceId(0), 100, 105));
        let r = w.affine(2.0, x, 1.0);
        w.b.name(r, "r");
        w.b.at(Span::new(SourceId(0), 200, 205));
        cut_at(w, r, 0.5)
    });
    let errors = errors(&program);
    assert_eq!(errors.len(), 1);
    let error = &errors[0];
    assert_eq!(error.code.0, "E0501");
    let labels: Vec<(u32, &str)> = error.labels.iter().map(|l| (l.span.start, l.text.as_str())).collect();
    assert_eq!(
        labels,
        [
            (200, "compared here: the branch taken jumps"),
            (100, "through `r`"),
            (10, "`x` is drawn by `reparam`, which differentiates through its value"),
        ]
    );
    assert_eq!(
        error.help,
        [
            "draw `x` so that its value is not differentiated: `normal.mvd(…)`, `normal.rloo(…)` or `normal.reinforce(…)`"
        ]
    );
}

#[test]
fn a_branch_on_a_rigid_value_is_accepted() {
    let reinforce = Some(Strategy::named("reinforce"));
    assert_eq!(codes(&of_normal(reinforce, |w, x, _| cut_at(w, x, 0.5))), [""; 0]);
    let detached = of_normal(None, |w, x, _| {
        let x = w.b.detach(x);
        cut_at(w, x, 0.5)
    });
    assert_eq!(codes(&detached), [""; 0]);
}

#[test]
fn a_comparison_with_one_outcome_is_no_branch() {
    // Whether a value in (0, 1) lies between 0 and 1, as the density of a uniform asks.
    let inside = |bound: f64| {
        of_normal(written("reparam"), |w, x, _| {
            let unit = w.sigmoid(x);
            let (zero, bound) = (w.b.real(0.0), w.b.real(bound));
            let above = w.b.prim(Prim::Le, &[zero, unit]);
            let below = w.b.prim(Prim::Le, &[unit, bound]);
            let inside = w.b.prim(Prim::And, &[above, below]);
            w.b.select(inside, unit, zero)
        })
    };
    assert_eq!(codes(&inside(1.0)), [""; 0]);
    assert_eq!(codes(&inside(0.5)), ["E0501"]);
}

#[test]
fn a_branch_on_a_parameter_is_refused() {
    let program = of_normal(written("reparam"), |w, x, mu| {
        let cut = cut_at(w, mu, 0.0);
        w.b.mul(cut, x)
    });
    assert_eq!(codes(&program), ["E0501"]);
}

#[test]
fn every_jump_is_refused_and_kinks_are_not() {
    for prim in [Prim::Floor, Prim::Ceil, Prim::Round, Prim::Sign] {
        let program = of_normal(written("reparam"), |w, x, _| {
            let jump = w.b.prim(prim, &[x]);
            w.b.to_real(jump)
        });
        assert_eq!(codes(&program), ["E0501"], "{}", prim.name());
    }
    for prim in [Prim::Rem, Prim::Atan2] {
        let program = of_normal(written("reparam"), |w, x, _| {
            let two = w.b.real(2.0);
            w.b.prim(prim, &[x, two])
        });
        assert_eq!(codes(&program), ["E0501"], "{}", prim.name());
    }
    for prim in [Prim::Max, Prim::Min] {
        let program = of_normal(written("reparam"), |w, x, mu| w.b.prim(prim, &[x, mu]));
        assert_eq!(codes(&program), [""; 0], "{}", prim.name());
    }
}

#[test]
fn carries_are_followed() {
    let program = of_normal(written("reparam"), |w, x, _| {
        let t = w.axis("t", 3);
        let zero = w.b.real(0.0);
        let widen = w.b.axes_of(x).clone();
        let state = w.b.begin_scan(t, false, &[(zero, widen)])[0];
        let cost = cut_at(w, state, 1.0);
        let next = w.b.add(state, x);
        w.b.end_scan(&[next]);
        w.b.reduce(crate::ir::Monoid::Sum, t, cost)
    });
    assert_eq!(codes(&program), ["E0501"]);
}

/// One discrete site, with probabilities of a parameter or of constants.
fn of_choice(values: usize, strategy: Option<Strategy>, of_param: bool) -> Program {
    let mut w = World::new(2);
    let k = w.axis("k", values);
    let logits = if of_param { w.param("logits", &[k]) } else { w.data("logits", &[k]) };
    let total = w.b.log_sum_exp(k, logits);
    let logs = w.b.sub(logits, total);
    let probs = w.b.exp(logs);
    let categorical = w.categorical.clone();
    let c = w.site_of("c", &categorical, vec![Array { var: probs, dims: vec![k] }], strategy, None);
    let cost = w.b.to_real(c);
    w.objective(cost)
}

#[test]
fn defaults_are_sound() {
    assert_eq!(chosen(&of_normal(None, |_, x, _| x)), by("reparam"));
    assert_eq!(chosen(&of_choice(16, None, true)), by("enum"));
    assert_eq!(chosen(&of_choice(17, None, false)), Chosen::Rigid);
    assert_eq!(chosen(&of_choice(17, None, true)), by("rloo"));
    // A use that loses a derivative makes the default give way, and one draw a step has no others to compare with.
    let branched = of_normal(None, |w, x, _| cut_at(w, x, 0.5));
    assert_eq!(chosen(&branched), by("rloo"));
    assert_eq!(choose(&branched, 1).unwrap().sites[0].chosen, by("reinforce"));
    let written = of_normal(written("rloo"), |_, x, _| x);
    assert_eq!(choose(&written, 1).unwrap_err()[0].code.0, "E0502");
}

#[test]
fn strategies_must_apply() {
    assert_eq!(codes(&of_choice(3, Some(Strategy::named("mvd")), true)), ["E0503"]);
    assert_eq!(codes(&of_choice(3, Some(Strategy::named("reparam")), true)), ["E0503"]);
    assert_eq!(codes(&of_normal(Some(Strategy::named("enum")), |_, x, _| x)), ["E0503"]);
}

#[test]
fn integrability_is_assumed_where_a_value_may_be_singular() {
    let notes = |cost: fn(&mut World, Var) -> Var| {
        choose(&of_normal(None, |w, x, _| cost(w, x)), USUAL_SAMPLES).unwrap().notes.len()
    };
    assert_eq!(notes(|w, x| w.b.log(x)), 1);
    assert_eq!(notes(|w, x| w.b.prim(Prim::Sqrt, &[x])), 1);
    let away = |w: &mut World, x: Var| {
        let square = w.b.mul(x, x);
        let apart = w.affine(0.5, square, 0.1);
        w.b.log(apart)
    };
    assert_eq!(notes(away), 0);
    assert_eq!(
        notes(|w, x| {
            let scale = w.b.exp(x);
            w.b.div(x, scale)
        }),
        0
    );
}

#[test]
fn models_say_what_they_need() {
    let mut program = of_normal(None, |w, x, _| cut_at(w, x, 0.5));
    program.results.clear();
    let needs = smoothness::needs(&program);
    assert_eq!(needs.len(), 1);
    assert_eq!((&*needs[0].address, needs[0].kind.word()), ("x", "branch"));
}

#[test]
fn cut_derivatives_are_noted() {
    let detached = vec![Span::new(SourceId(0), 3, 9)];
    let estimator =
        estimator(of_normal(None, |_, x, _| x), &Options { detached, ..Options::default() }).unwrap();
    assert_eq!(estimator.notes.len(), 1);
    assert!(estimator.notes[0].text.starts_with("not proven unbiased"));
}
