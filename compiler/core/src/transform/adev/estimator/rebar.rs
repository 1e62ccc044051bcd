//! `rebar` and `relax`: the score function with a learned control variate.
//!
//! For a flip `b = 1[z > 0]`, or a choice `b = argmax z`, and any function c of z, with z̃ drawn as z is given b,
//!
//! ```text
//! (l, l′) = k(b, 0);   (l, l′ + (l − c(z̃))·s + ∂θ c(z) − ∂θ c(z̃)),   s = ∂θ log d(b; θ)·θ′
//! ```
//!
//! is unbiased, since `E[c(z̃)·s + ∂θ c(z̃)] = ∂θ E c(z̃) = ∂θ E c(z)`. (Tucker et al. 2017, eq. 8; Grathwohl et al. 2018,
//! eq. 7.) z and z̃ share their random numbers such that they are equal, which leaves a difference of tangents:
//! [`Relaxation::coupled`]. What c depends on beside z has the same tangent in both and is left out.
//!
//! * `rebar`: `c(z) = η·k(σ(z / τ))`, of a choice `η·k(softmax(z / τ))`, the local continuation at the relaxed value, with
//!   coefficients η and τ.
//! * `relax`: `c(z) = Σ_h a_h·σ(z − m_h)` per row, at fixed places m_h and with coefficients a_h, whatever k is; of a
//!   choice `c(z) = Σ_h Σ_j a_hj·softmax(z / τ_h)_j`, at fixed temperatures τ_h.
//!
//! With `control = f` c is f, per row, a function of z (of a choice: of all z_j) that may have parameters of its own.
//!
//! Coefficients are parameters of the estimator. They minimise the squared norm of the gradient of a step, which is its
//! variance and something that does not depend on them.
//!
//! Assumes what `reinforce` does; `rebar` also that k is smooth in the relaxed value (`smoothness` checks it).

use super::reinforce::{cost, log_density};
use super::relaxation::{self, Relaxation};
use super::{Applied, CONTROL, Kind, Rule};
use crate::axis::{Axis, Role};
use crate::build::Builder;
use crate::generative::{Constraint, ParamSpec};
use crate::ir::{Elem, Input, InputKind, Monoid, Op, Program, Sample, Setting, Site, Var};
use crate::prim::Prim;
use crate::transform::adev::auxiliary::retain;
use crate::transform::adev::program::{self, Emitted};
use crate::transform::adev::terms::{self, Term};
use crate::transform::copy::Result;
use crate::transform::dependence::{Dependence, Through};
use crate::transform::flow::{dependences, dependents, each_let};

/// Where the sigmoids of `relax` stand for a flip.
const PLACES: [f64; 5] = [-3.0, -1.0, 0.0, 1.0, 3.0];

/// How warm the weights of `relax` are for a choice.
const TEMPERATURES: [f64; 3] = [0.2, 0.5, 2.0];

/// With the relaxed continuation as control variate.
pub struct Rebar;

/// With a learned function as control variate.
pub struct Relax;

impl Rule for Rebar {
    fn name(&self) -> &'static str {
        "rebar"
    }

    fn formula(&self) -> &'static [&'static str] {
        &[
            "x = 1[z > 0] or argmax z, (l, l′) = k(x, 0), c(z) = η·k(σ(z/τ)), s = ∂θ log d(x; θ)·θ′, z̃ as z given x;",
            "(l, l′ + (l − c(z̃))·s + ∂θ c(z) − ∂θ c(z̃)), η and τ trained on the squared gradient",
            "Tucker et al. 2017",
        ]
    }

    fn settings(&self) -> &'static [(&'static str, Kind)] {
        relaxation::SETTINGS
    }

    fn applies(&self, site: &Site) -> std::result::Result<(), &'static str> {
        relaxation::applies(site)
    }

    fn relaxes(&self) -> bool {
        true
    }

    fn apply(&self, program: &Program, sample: &Sample) -> Result<Applied> {
        apply(program, sample, &by_continuation)
    }
}

impl Rule for Relax {
    fn name(&self) -> &'static str {
        "relax"
    }

    fn formula(&self) -> &'static [&'static str] {
        &[
            "x = 1[z > 0] or argmax z, (l, l′) = k(x, 0), c(z) = Σ a_h·σ(z − m_h), s = ∂θ log d(x; θ)·θ′, z̃ as z given x;",
            "(l, l′ + (l − c(z̃))·s + ∂θ c(z) − ∂θ c(z̃)), a_h, or what `control` learns, trained on the squared gradient",
            "Grathwohl et al. 2018",
        ]
    }

    fn settings(&self) -> &'static [(&'static str, Kind)] {
        &[(CONTROL, Kind::Control)]
    }

    fn applies(&self, site: &Site) -> std::result::Result<(), &'static str> {
        relaxation::applies(site)
    }

    fn apply(&self, program: &Program, sample: &Sample) -> Result<Applied> {
        match sample.site.strategy.as_ref().and_then(|written| written.setting(CONTROL)) {
            Some(Setting::Value(control)) => {
                apply(program, sample, &|b, drawn| by_control(b, drawn, control))
            }
            _ => apply(program, sample, &by_function),
        }
    }
}

/// What a control variate is made from.
struct Drawn<'a, 'e> {
    source: &'a Program,
    sample: &'a Sample,
    dependence: &'a Dependence,
    terms: &'a [Term],
    base: &'a Emitted<'e, 'e>,
    relaxation: &'a Relaxation<'a>,
    /// z with the tangent z′ − z̃′.
    point: Var,
}

/// A control variate.
struct Control {
    /// Its value per row.
    cost: Var,
    /// Its sum.
    total: Var,
    coefficients: Vec<ParamSpec>,
}

fn apply(
    source: &Program,
    sample: &Sample,
    control: &dyn Fn(&mut Builder, &Drawn) -> Result<Control>,
) -> Result<Applied> {
    let dependence = Dependence::on(source, sample, Through::Samples);
    let mut b = Builder::new(source.axes.clone());
    let relaxation = Relaxation::of(&mut b, source, sample);
    let value = |b: &mut Builder, copied: &Sample| Ok(relaxation.draw(b, copied));
    let base = program::whole(&mut b, source, &value)?;
    let mut results = program::results(source, &base);
    let Some(result) = program::objective(source) else { return Ok(b.finish(results).into()) };
    b.at(sample.site.span);
    let terms = terms::split(source, result, &dependence);
    let cost = cost(&mut b, &terms, &dependence, &base, &|_, factor| base.var(factor));
    let Some(cost) = cost else { return Ok(b.finish(results).into()) };

    let point = relaxation.coupled(&mut b, &base);
    let (dependence, terms, relaxation) = (&dependence, &terms[..], &relaxation);
    let drawn = Drawn { source, sample, dependence, terms, base: &base, relaxation, point };
    let Control { cost: expected, total: sum, coefficients } = control(&mut b, &drawn)?;
    let centred = b.sub(cost, expected);
    let centred = b.detach(centred);
    let score = log_density(&mut b, sample, &base);
    let total = program::add_score(&mut b, base.var(result), centred, score);
    let free = b.axes_of(total).clone();
    let open = b.axes_of(sum).minus(&free);
    let sum = b.sum(&open, sum);
    let path = b.emit(Op::Tangent(sum));
    let total = b.add(total, path);
    program::set_objective(&mut results, total);
    Ok(Applied { program: b.finish(results), coefficients, ..Applied::default() })
}

fn by_continuation(b: &mut Builder, drawn: &Drawn) -> Result<Control> {
    let Drawn { sample, dependence, base, relaxation, .. } = *drawn;
    let slice = relaxation.slice(drawn.source, dependence)?;
    let mut coefficients = Coefficients { sample, all: Vec::new() };
    let eta = coefficients.one(b, "eta", Vec::new());
    let one = b.real(1.0);
    let eta = b.add(one, eta);
    let log = coefficients.one(b, "temperature", Vec::new());
    let (start, factor) = (b.real(relaxation::temperature(sample)), b.exp(log));
    let temperature = b.mul(start, factor);
    let relaxed = relaxation.soften(b, drawn.point, temperature);

    let value = |_: &mut Builder, copied: &Sample| Ok((copied.var == sample.var).then_some(relaxed));
    let at = slice.run(b, base, dependence, &held, &value)?;
    b.at(sample.site.span);
    let factor = |b: &mut Builder, factor: Var| held(b, base.var(factor));
    let zero = b.real(0.0);
    let cost = cost(b, drawn.terms, dependence, &at, &factor).unwrap_or(zero);
    let mut total = zero;
    for term in drawn.terms.iter().filter(|term| term.links(dependence).is_some()) {
        let value = term.emit(b, at.var(term.var), &factor);
        let value = b.sum(&term.over, value);
        total = b.add(total, value);
    }
    Ok(Control { cost: b.mul(eta, cost), total: b.mul(eta, total), coefficients: coefficients.all })
}

fn by_function(b: &mut Builder, drawn: &Drawn) -> Result<Control> {
    let Drawn { sample, relaxation, point, .. } = *drawn;
    let site = b.axes_of(point).clone();
    let rows = drawn.dependence.rows().iter().copied();
    let rows: Vec<Axis> =
        rows.filter(|axis| site.contains(*axis) && b.axes.info(*axis).role == Role::Index).collect();
    let mut coefficients = Coefficients { sample, all: Vec::new() };
    let mut total = b.real(0.0);
    match relaxation.values {
        None => {
            for (at, place) in PLACES.iter().enumerate() {
                let weight = coefficients.one(b, &format!("a{at}"), rows.clone());
                let place = b.real(*place);
                let off = b.sub(point, place);
                let bump = b.prim(Prim::Sigmoid, &[off]);
                let term = b.mul(weight, bump);
                total = b.add(total, term);
            }
        }
        Some(values) => {
            for (at, temperature) in TEMPERATURES.iter().enumerate() {
                let dims = rows.iter().copied().chain([values]).collect();
                let weight = coefficients.one(b, &format!("a{at}"), dims);
                let temperature = b.real(*temperature);
                let relaxed = relaxation.soften(b, point, temperature);
                let term = b.mul(weight, relaxed);
                let term = b.reduce(Monoid::Sum, values, term);
                total = b.add(total, term);
            }
        }
    }
    Ok(Control { cost: total, total, coefficients: coefficients.all })
}

/// A function that is written, whose value at some noise is `control`. Its own parameters are constants here, as all
/// else is but z: they are trained on the squared gradient, where nothing is held.
fn by_control(b: &mut Builder, drawn: &Drawn, control: Var) -> Result<Control> {
    let Drawn { source, base, relaxation, .. } = *drawn;
    let (behind, given) = behind(source, control);
    let depends = dependents(source, &|binding| given == Some(binding.var));
    // The site depends on its control, and much on the site.
    let inner = |var: Var| depends[var.0 as usize] && behind[var.0 as usize] && given != Some(var);
    let statements = Program {
        axes: source.axes.clone(),
        vars: source.vars.clone(),
        body: retain(&source.body, &inner),
        results: Vec::new(),
    };
    // A choice has its noise along an axis of its own.
    let own = given.and_then(|given| source.vars[given.0 as usize].ty.axes.iter().next());
    let pair: Vec<(Axis, Axis)> = relaxation.values.into_iter().zip(own).collect();
    let point = b.rename(&pair, drawn.point);
    let formal = given.and_then(|given| base.get(given));
    let outside = |b: &mut Builder, var: Var| if formal == Some(var) { point } else { held(b, var) };
    let mut read = (0..source.vars.len() as u32).map(Var).filter(|var| !inner(*var));
    let none = |_: &mut Builder, _: &Sample| Ok(None);
    let at = program::over(b, &statements, base, &mut read, &none, &outside)?;
    let total = at.var(control);
    Ok(Control { cost: total, total, coefficients: Vec::new() })
}

/// What a control is computed from, and the noise among it.
fn behind(source: &Program, control: Var) -> (Vec<bool>, Option<Var>) {
    let uses = dependences(source);
    let mut seen = vec![false; source.vars.len()];
    let mut open = vec![control];
    while let Some(var) = open.pop() {
        if !std::mem::replace(&mut seen[var.0 as usize], true) {
            open.extend(&uses[var.0 as usize]);
        }
    }
    let mut noise = None;
    each_let(&source.body, &mut |binding| {
        let is_noise = matches!(&binding.op, Op::Input(input) if input.kind == InputKind::Noise);
        if is_noise && seen[binding.var.0 as usize] {
            noise = Some(binding.var);
        }
    });
    (seen, noise)
}

/// A real as a constant.
fn held(b: &mut Builder, var: Var) -> Var {
    if b.ty(var).elem == Elem::Real { b.detach(var) } else { var }
}

/// The coefficients of a site's control variate.
struct Coefficients<'a> {
    sample: &'a Sample,
    all: Vec<ParamSpec>,
}

impl Coefficients<'_> {
    /// One more, which starts at zero.
    fn one(&mut self, b: &mut Builder, name: &str, dims: Vec<Axis>) -> Var {
        let (name, span) = (format!("{} {name}", self.sample.site.occurrence), self.sample.site.span);
        let input = Input { kind: InputKind::Param, name: name.clone(), dims: dims.clone() };
        self.all.push(ParamSpec { name, dims, constraint: Constraint::Real, init: None, span });
        b.input(Elem::Real, input)
    }
}
