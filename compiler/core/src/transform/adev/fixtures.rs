//! Hand-built distributions and programs for tests, and the statistics that judge estimators.

use super::{Estimator, Options, estimator};
use crate::axis::{Axis, AxisSet, AxisTable, Role};
use crate::build::Builder;
use crate::check::{Level, check};
use crate::dim::Dim;
use crate::eval::eval;
use crate::generative::{
    BaseDraw, Constraint, DistParam, Distribution, Fragment, PositiveMap, Sampler, WeakDerivative,
};
use crate::ir::{
    Array, Base, Draw, Elem, Input, InputKind, Op, Output, Program, Sample, Site, Stmt, Strategy, Ty, Var,
};
use crate::prim::Prim;
use crate::testing::noise;
use crate::transform::jvp;
use ndarray::{ArrayD, IxDyn};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use vary_diagnostic::{SourceId, Span};

/// A program under construction, with the distributions it may use.
pub struct World {
    pub b: Builder,
    pub draw: Axis,
    pub flip: Rc<Distribution>,
    pub normal: Rc<Distribution>,
    pub categorical: Rc<Distribution>,
    /// Axes in scope of new sites.
    pub key: AxisSet,
    pub walk: Rc<Distribution>,
    /// Axes that one draw of the next site fills.
    pub sites_event: Vec<Axis>,
    sites: usize,
}

pub fn formal(b: &mut Builder, elem: Elem, name: &str, dims: &[Axis]) -> Var {
    b.input(elem, Input { kind: InputKind::Formal, name: name.into(), dims: dims.to_vec() })
}

pub fn fragment(axes: &AxisTable, body: impl FnOnce(&mut Builder) -> Var) -> Fragment {
    let mut b = Builder::new(axes.clone());
    let var = body(&mut b);
    let result = Output { name: "result".into(), var, dims: Vec::new() };
    Fragment(b.finish(vec![result]).into())
}

fn param(name: &str, dims: &[Axis], constraint: Constraint) -> DistParam {
    DistParam { name: name.into(), dims: dims.to_vec(), constraint, rigid: false, default: None }
}

fn base_draw(name: &str, base: Base, dims: &[Axis]) -> BaseDraw {
    BaseDraw { name: name.into(), base, operands: Vec::new(), dims: dims.to_vec() }
}

fn flip(axes: &AxisTable) -> Distribution {
    Distribution {
        name: "flip".into(),
        params: vec![param("p", &[], Constraint::Interval(0.0, 1.0))],
        event: Vec::new(),
        support: Constraint::Bool,
        ends: [None; 2],
        cdf: None,
        log_cdf: None,
        log_ccdf: None,
        quantile: None,
        log_density: fragment(axes, |b| {
            let (x, p) = (formal(b, Elem::Bool, "x", &[]), formal(b, Elem::Real, "p", &[]));
            let one = b.real(1.0);
            let q = b.sub(one, p);
            let (log_p, log_q) = (b.log(p), b.log(q));
            b.select(x, log_p, log_q)
        }),
        reparam: None,
        sample: Some(Sampler {
            draws: vec![base_draw("u", Base::Uniform, &[])],
            value: fragment(axes, |b| {
                let (u, p) = (formal(b, Elem::Real, "u", &[]), formal(b, Elem::Real, "p", &[]));
                b.prim(Prim::Lt, &[u, p])
            }),
        }),
        finite: Some(Dim::known(2)),
        probability_of_true: Some(fragment(axes, |b| formal(b, Elem::Real, "p", &[]))),
        weak_derivatives: vec![WeakDerivative {
            param: 0,
            draws: Vec::new(),
            coefficient: fragment(axes, |b| {
                let x = formal(b, Elem::Bool, "x", &[]);
                let (plus, minus) = (b.real(1.0), b.real(-1.0));
                b.select(x, plus, minus)
            }),
            plus: fragment(axes, |b| formal(b, Elem::Bool, "x", &[])),
            minus: fragment(axes, |b| {
                let x = formal(b, Elem::Bool, "x", &[]);
                b.prim(Prim::Not, &[x])
            }),
        }],
        span: Span::default(),
    }
}

fn normal(axes: &AxisTable) -> Distribution {
    Distribution {
        name: "normal".into(),
        params: vec![
            param("mu", &[], Constraint::Real),
            param("sigma", &[], Constraint::Positive(PositiveMap::Exp)),
        ],
        event: Vec::new(),
        support: Constraint::Real,
        ends: [None; 2],
        cdf: None,
        log_cdf: None,
        log_ccdf: None,
        quantile: None,
        log_density: fragment(axes, |b| {
            let x = formal(b, Elem::Real, "x", &[]);
            let (mu, sigma) = (formal(b, Elem::Real, "mu", &[]), formal(b, Elem::Real, "sigma", &[]));
            let centred = b.sub(x, mu);
            let z = b.div(centred, sigma);
            let (square, log_sigma) = (b.mul(z, z), b.log(sigma));
            let (half, constant) = (b.real(-0.5), b.real(0.5 * std::f64::consts::TAU.ln()));
            let exponent = b.mul(half, square);
            let log = b.sub(exponent, log_sigma);
            b.sub(log, constant)
        }),
        reparam: Some(Sampler {
            draws: vec![base_draw("eps", Base::Normal, &[])],
            value: fragment(axes, |b| {
                let eps = formal(b, Elem::Real, "eps", &[]);
                let (mu, sigma) = (formal(b, Elem::Real, "mu", &[]), formal(b, Elem::Real, "sigma", &[]));
                let scaled = b.mul(sigma, eps);
                b.add(mu, scaled)
            }),
        }),
        sample: None,
        finite: None,
        probability_of_true: None,
        weak_derivatives: vec![by_mean(axes), by_scale(axes)],
        span: Span::default(),
    }
}

/// By the mean: Rayleigh values to both sides, of the same size.
fn by_mean(axes: &AxisTable) -> WeakDerivative {
    let side = |sign: f64| {
        fragment(axes, |b| {
            let [mu, sigma, e] = ["mu", "sigma", "e"].map(|name| formal(b, Elem::Real, name, &[]));
            let (two, sign) = (b.real(2.0), b.real(sign));
            let square = b.mul(two, e);
            let size = b.prim(Prim::Sqrt, &[square]);
            let off = b.mul(sign, size);
            let scaled = b.mul(sigma, off);
            b.add(mu, scaled)
        })
    };
    WeakDerivative {
        param: 0,
        draws: vec![base_draw("e", Base::Exponential, &[])],
        coefficient: fragment(axes, |b| {
            let sigma = formal(b, Elem::Real, "sigma", &[]);
            let constant = b.real(1.0 / std::f64::consts::TAU.sqrt());
            b.div(constant, sigma)
        }),
        plus: side(1.0),
        minus: side(-1.0),
    }
}

/// By the scale: a double-sided Maxwell value and the drawn one, which is a uniform share of it.
fn by_scale(axes: &AxisTable) -> WeakDerivative {
    WeakDerivative {
        param: 1,
        draws: vec![base_draw("e", Base::Exponential, &[])],
        coefficient: fragment(axes, |b| {
            let (one, sigma) = (b.real(1.0), formal(b, Elem::Real, "sigma", &[]));
            b.div(one, sigma)
        }),
        plus: fragment(axes, |b| {
            let [x, mu, sigma, e] = ["x", "mu", "sigma", "e"].map(|name| formal(b, Elem::Real, name, &[]));
            let off = b.sub(x, mu);
            let z = b.div(off, sigma);
            let (square, two) = (b.mul(z, z), b.real(2.0));
            let more = b.mul(two, e);
            let square = b.add(square, more);
            let size = b.prim(Prim::Sqrt, &[square]);
            let sign = b.prim(Prim::Sign, &[z]);
            let signed = b.mul(sign, size);
            let scaled = b.mul(sigma, signed);
            b.add(mu, scaled)
        }),
        minus: fragment(axes, |b| formal(b, Elem::Real, "x", &[])),
    }
}

/// Probabilities along a formal axis, whose name the size of the support is.
fn categorical(axes: &AxisTable, k: Axis) -> Distribution {
    Distribution {
        name: "categorical".into(),
        params: vec![param("probs", &[k], Constraint::Simplex)],
        event: Vec::new(),
        support: Constraint::IntRange(Some(Dim::known(0)), None),
        ends: [None; 2],
        cdf: None,
        log_cdf: None,
        log_ccdf: None,
        quantile: None,
        log_density: fragment(axes, |b| {
            let (x, probs) = (formal(b, Elem::Int, "x", &[]), formal(b, Elem::Real, "probs", &[k]));
            let p = b.gather(probs, k, x);
            b.log(p)
        }),
        reparam: None,
        sample: Some(Sampler {
            draws: vec![base_draw("u", Base::Uniform, &[])],
            value: fragment(axes, |b| {
                let (u, probs) = (formal(b, Elem::Real, "u", &[]), formal(b, Elem::Real, "probs", &[k]));
                // Cumulative sums without their own entry: the first is 0, so at least one is counted.
                let below = b.emit(Op::CumSum { x: probs, axis: k, reverse: false, exclusive: true });
                let reached = b.prim(Prim::Le, &[below, u]);
                let reached = b.prim(Prim::ToInt, &[reached]);
                let count = b.reduce(crate::ir::Monoid::Sum, k, reached);
                let one = b.int(1);
                b.prim(Prim::Sub, &[count, one])
            }),
        }),
        finite: Some(Dim::named("k")),
        probability_of_true: None,
        weak_derivatives: Vec::new(),
        span: Span::default(),
    }
}

/// A random walk with unit steps and a drift: x_d = Σ_{e ≤ d} mu_e + eps_e.
fn walk(axes: &AxisTable, d: Axis) -> Distribution {
    let vector = |b: &mut Builder, name: &str| formal(b, Elem::Real, name, &[d]);
    let mut log_density = Builder::new(axes.clone());
    let b = &mut log_density;
    let (x, mu) = (vector(b, "x"), vector(b, "mu"));
    let (at, one, zero, none) = (b.iota(d), b.int(1), b.int(0), b.real(0.0));
    let before = b.prim(Prim::Sub, &[at, one]);
    let before = b.gather(x, d, before);
    let first = b.prim(Prim::Eq, &[at, zero]);
    let before = b.select(first, none, before);
    let step = b.sub(x, before);
    let off = b.sub(step, mu);
    let square = b.mul(off, off);
    let half = b.real(-0.5);
    let terms = b.mul(half, square);
    let var = b.reduce(crate::ir::Monoid::Sum, d, terms);
    let log_density = log_density.finish(vec![Output { name: "result".into(), var, dims: Vec::new() }]);
    let mut value = Builder::new(axes.clone());
    let b = &mut value;
    let (eps, mu) = (vector(b, "eps"), vector(b, "mu"));
    let step = b.add(eps, mu);
    let var = b.emit(Op::CumSum { x: step, axis: d, reverse: false, exclusive: false });
    let value = value.finish(vec![Output { name: "result".into(), var, dims: vec![d] }]);
    Distribution {
        name: "walk".into(),
        params: vec![param("mu", &[d], Constraint::Real)],
        event: vec![d],
        support: Constraint::Real,
        ends: [None; 2],
        cdf: None,
        log_cdf: None,
        log_ccdf: None,
        quantile: None,
        log_density: Fragment(log_density.into()),
        reparam: Some(Sampler {
            draws: vec![base_draw("eps", Base::Normal, &[d])],
            value: Fragment(value.into()),
        }),
        sample: None,
        finite: None,
        probability_of_true: None,
        weak_derivatives: Vec::new(),
        span: Span::default(),
    }
}

impl World {
    /// Programs over this many draws.
    pub fn new(draws: usize) -> World {
        let mut axes = AxisTable::default();
        let draw = axes.fresh("draw", Dim::known(0), Dim::known(draws as i64), Role::Draw);
        let k = axes.fresh("k", Dim::known(0), Dim::named("k"), Role::Index);
        World {
            flip: flip(&axes).into(),
            normal: normal(&axes).into(),
            categorical: categorical(&axes, k).into(),
            walk: walk(&axes, k).into(),
            b: Builder::new(axes),
            draw,
            key: [draw].into_iter().collect(),
            sites_event: Vec::new(),
            sites: 0,
        }
    }

    /// An index axis `0 .. size`.
    pub fn axis(&mut self, name: &str, size: usize) -> Axis {
        self.b.axes.fresh(name, Dim::known(0), Dim::known(size as i64), Role::Index)
    }

    /// A parameter.
    pub fn param(&mut self, name: &str, dims: &[Axis]) -> Var {
        let input = Input { kind: InputKind::Param, name: name.into(), dims: dims.to_vec() };
        self.b.input(Elem::Real, input)
    }

    /// Data.
    pub fn data(&mut self, name: &str, dims: &[Axis]) -> Var {
        let input = Input { kind: InputKind::Data, name: name.into(), dims: dims.to_vec() };
        self.b.input(Elem::Real, input)
    }

    /// A site with scalar arguments.
    pub fn site(
        &mut self,
        name: &str,
        dist: &Rc<Distribution>,
        args: &[Var],
        strategy: Option<Strategy>,
    ) -> Var {
        let args: Vec<Array> = args.iter().map(|var| Array { var: *var, dims: Vec::new() }).collect();
        self.site_of(name, dist, args, strategy, None)
    }

    /// A site; its rows are the axes in scope but draws and copies.
    pub fn site_of(
        &mut self,
        name: &str,
        dist: &Rc<Distribution>,
        args: Vec<Array>,
        strategy: Option<Strategy>,
        guard: Option<Var>,
    ) -> Var {
        self.sites += 1;
        let span = Span::new(SourceId(0), 10 * self.sites, 10 * self.sites + 5);
        let event = std::mem::take(&mut self.sites_event);
        let rows = self.key.iter().filter(|axis| self.b.axes.info(*axis).role == Role::Index);
        let dims: Vec<Axis> = rows.chain(event.iter().copied()).collect();
        let axes = self.key.iter().chain(event.iter().copied()).collect();
        let site = Site {
            address: name.into(),
            occurrence: name.into(),
            dist: dist.clone(),
            args,
            dims,
            event: event.len(),
            key: self.key.clone(),
            strategy,
            span,
        };
        let var = self.b.fresh(Ty { elem: dist.support.elem(), axes });
        self.b.name(var, name);
        self.b.push(Stmt::Sample(Sample { var, site: site.into(), guard }));
        var
    }

    /// 1 / (1 + e^-x)
    pub fn sigmoid(&mut self, x: Var) -> Var {
        self.b.prim(Prim::Sigmoid, &[x])
    }

    /// `a · x + c`
    pub fn affine(&mut self, a: f64, x: Var, c: f64) -> Var {
        let x = self.b.to_real(x);
        let (a, c) = (self.b.real(a), self.b.real(c));
        let scaled = self.b.mul(a, x);
        self.b.add(scaled, c)
    }

    /// The program with this objective, and nothing else.
    pub fn objective(self, var: Var) -> Program {
        let dims = vec![self.draw];
        self.b.finish(vec![Output { name: super::OBJECTIVE.into(), var, dims }])
    }
}

/// The estimator of a program that has one.
pub fn derive(program: &Program) -> Estimator {
    match estimator(program.clone(), &Options::default()) {
        Ok(estimator) => {
            check(&estimator.program, Level::Random).unwrap_or_else(|e| panic!("{e}\n{}", estimator.program));
            estimator
        }
        Err(errors) => panic!("{errors:#?}\n{program}"),
    }
}

/// Values of parameters and data by name, row-major, repeated where too short; parameters' directions are fixed.
pub type Values = HashMap<&'static str, Vec<f64>>;

/// Its direction at an entry of a parameter.
pub fn direction(at: usize) -> f64 {
    [0.7, -1.1, 0.4, 0.9, -0.5][at % 5]
}

/// Mean and standard error over draws of the objective and its derivative.
#[derive(Debug, Clone, Copy)]
pub struct Estimate {
    pub value: (f64, f64),
    pub derivative: (f64, f64),
}

/// Runs an estimator's plain derivative.
pub fn run(program: &Program, values: &Values) -> Estimate {
    let wrt: BTreeSet<String> = values.keys().map(|name| name.to_string()).collect();
    let mut dual = jvp(program, &wrt);
    // Formal axes of distributions have no size.
    let unbound: Vec<Axis> =
        dual.axes.iter().filter(|(_, i)| i.size.value().is_none()).map(|(axis, _)| axis).collect();
    unbound.into_iter().for_each(|axis| dual.axes.resize(axis, Dim::known(0)));
    let inputs = |input: &Input| {
        let shape: Vec<usize> = input.dims.iter().map(|axis| dual.axes.size(*axis)).collect();
        let known = values.get(input.name.as_str());
        let mut at = 0;
        ArrayD::from_shape_simple_fn(IxDyn(&shape), || {
            at += 1;
            match (input.kind, known) {
                (InputKind::Tangent, _) => direction(at - 1),
                (_, Some(known)) => known[(at - 1) % known.len()],
                (_, None) => 0.3,
            }
        })
    };
    let results = eval(&dual, &inputs, &mut sample).unwrap_or_else(|error| panic!("{error}\n{dual}"));
    let derivative = results.get("tangent.objective").map_or((0.0, 0.0), mean);
    Estimate { value: mean(&results["objective"]), derivative }
}

fn sample(draw: &Draw, key: &[usize], _: &[f64]) -> f64 {
    let at = key.iter().fold(7, |hash: usize, at| hash.wrapping_mul(1_000_003).wrapping_add(*at));
    let u = noise(&draw.occurrence, at);
    match draw.base {
        Base::Uniform => u,
        Base::Exponential => -u.ln(),
        Base::Normal => {
            let v = noise(&format!("{} second", draw.occurrence), at);
            (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
        }
        other => panic!("no {} in these tests", other.name()),
    }
}

fn mean(sample: &ArrayD<f64>) -> (f64, f64) {
    let n = sample.len() as f64;
    let mean = sample.sum() / n;
    let variance = sample.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    (mean, (variance / n).sqrt())
}

/// L and its derivative in the fixed directions by central differences; `at` moves the parameters named.
pub fn truth(values: &Values, params: &[&'static str], loss: &dyn Fn(&Values) -> f64) -> (f64, f64) {
    let moved = |h: f64| {
        let mut values = values.clone();
        for name in params {
            let entries = values.get_mut(name).expect("a parameter of the test");
            entries.iter_mut().enumerate().for_each(|(at, x)| *x += h * direction(at));
        }
        loss(&values)
    };
    let h = 1e-4;
    // Richardson's step makes the error of order h⁴.
    let slope = |h: f64| (moved(h) - moved(-h)) / (2.0 * h);
    (moved(0.0), (4.0 * slope(h / 2.0) - slope(h)) / 3.0)
}

/// Φ⁻¹(1 − 10⁻³ / 2m) for the m = 100 comparisons that these tests make at most.
pub const Z: f64 = 4.42;

/// How many standard errors an estimate is off; exact agreement counts as none.
pub fn z(estimate: (f64, f64), truth: f64) -> f64 {
    let off = (estimate.0 - truth).abs();
    if off < 1e-7 { 0.0 } else { off / estimate.1 }
}
