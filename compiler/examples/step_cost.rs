//! What a step of a small model costs: `cargo run --release --example step_cost -p vary-compiler`.

use std::time::Instant;
use vary_compiler::vectorize::{emit, report};
use vary_core::axis::{Axis, AxisTable, Role};
use vary_core::build::Builder;
use vary_core::dim::Dim;
use vary_core::ir::{Base, Draw, Elem, Input, InputKind, Monoid, Op, Output, Program, Var};
use vary_core::prim::Prim;
use vary_runtime::float::Width;
use vary_runtime::tiles::Executor;

fn main() {
    // One lane each: what an instruction costs by itself.
    measure("dispatch", &chain(120, &[Prim::Add, Prim::Mul, Prim::Sub]), 1, 1);
    for (name, program) in [
        ("arithmetic", chain(120, &[Prim::Add, Prim::Mul, Prim::Sub])),
        ("exp", chain(120, &[Prim::Exp, Prim::Neg])),
        ("log", chain(120, &[Prim::Log, Prim::Abs])),
        ("normals", draws(20, Base::Normal)),
        ("uniforms", draws(20, Base::Uniform)),
        ("exponentials", draws(20, Base::Exponential)),
        ("gammas", draws(20, Base::Gamma)),
        ("cone-like", cone_like()),
    ] {
        measure(name, &program, 64, 1);
    }
    for threads in [1, 2] {
        measure("cone-like", &cone_like(), 1024, threads);
    }
    for threads in [1, 2] {
        measure("network", &network(), 256, threads);
    }
}

fn measure(name: &str, program: &Program, draws: usize, threads: usize) {
    for width in [Width::Double, Width::Single] {
        measure_in(name, program, draws, threads, width);
    }
}

fn measure_in(name: &str, program: &Program, draws: usize, threads: usize, width: Width) {
    let program = emit(program, draws);
    let size = report(&program).expect("a valid program");
    let mut executor = Executor::new(&program, &|_| None, threads, width).expect("a valid program");
    let given: Vec<Vec<f64>> = executor.inputs().map(|input| vec![0.3; input.len]).collect();
    let mut steps = 0;
    let mut best = f64::INFINITY;
    let start = Instant::now();
    while start.elapsed().as_millis() < 400 {
        let lap = Instant::now();
        for _ in 0..50 {
            executor.run(&given, 1, steps);
            steps += 1;
        }
        best = best.min(lap.elapsed().as_secs_f64() / 50.0);
    }
    println!(
        "{name:12} f{} {draws:5} draws, {threads} threads: {:8.2} µs/step, {:4} instructions, {:6.2} ns/lane, arena {:5} KiB, {} GEMMs",
        width.bits(),
        best * 1e6,
        size.instructions,
        best * 1e9 / size.lanes as f64,
        size.arena_bytes / 1024,
        size.matrix_products,
    );
}

fn builder() -> (Builder, Axis) {
    let mut axes = AxisTable::default();
    let draw = axes.fresh("draw", Dim::known(0), Dim::named("draws"), Role::Draw);
    (Builder::new(axes), draw)
}

fn param(b: &mut Builder, name: &str, dims: Vec<Axis>) -> Var {
    b.input(Elem::Real, Input { kind: InputKind::Param, name: name.to_string(), dims })
}

fn random(b: &mut Builder, base: Base, args: Vec<Var>, key: &[Axis], occurrence: &str) -> Var {
    let key = key.iter().copied().collect();
    b.emit(Op::Draw(Draw { base, args, key, occurrence: occurrence.into() }))
}

fn sum_over_draws(mut b: Builder, draw: Axis, values: &[Var]) -> Program {
    let results = values
        .iter()
        .enumerate()
        .map(|(at, x)| Output {
            name: format!("sum{at}"),
            var: b.reduce(Monoid::Sum, draw, *x),
            dims: b.axes_of(*x).iter().filter(|axis| *axis != draw).collect(),
        })
        .collect();
    b.finish(results)
}

/// `n` operations, each on the two before it.
fn chain(n: usize, prims: &[Prim]) -> Program {
    let (mut b, draw) = builder();
    let mu = param(&mut b, "mu", vec![]);
    let noise = random(&mut b, Base::Normal, vec![], &[draw], "x");
    let mut last = [b.add(noise, mu), noise];
    for at in 0..n {
        let prim = prims[at % prims.len()];
        let next = b.prim(prim, &last[..prim.arity()]);
        last = [next, last[0]];
    }
    sum_over_draws(b, draw, &[last[0]])
}

fn draws(n: usize, base: Base) -> Program {
    let (mut b, draw) = builder();
    let mu = param(&mut b, "mu", vec![]);
    let mut total = mu;
    for at in 0..n {
        let args = vec![mu; base.arity()];
        let x = random(&mut b, base, args, &[draw], &format!("x{at}"));
        total = b.add(total, x);
    }
    sum_over_draws(b, draw, &[total])
}

/// About what the gradient of the cone model is: two latents, a few log densities and their derivatives.
fn cone_like() -> Program {
    let (mut b, draw) = builder();
    let names = ["mx", "sx", "my", "sy", "ma", "sa"];
    let params: Vec<Var> = names.iter().map(|name| param(&mut b, name, vec![])).collect();
    let mut log_weight = b.real(0.0);
    let mut gradients = Vec::new();
    for (site, pair) in params.chunks(2).enumerate() {
        let scale = b.prim(Prim::Softplus, &[pair[1]]);
        let noise = random(&mut b, Base::Normal, vec![], &[draw], &format!("z{site}"));
        let moved = b.mul(scale, noise);
        let z = b.add(pair[0], moved);
        for k in 0..3 {
            let shift = b.real(0.1 * k as f64 + 0.2);
            let centred = b.sub(z, shift);
            let square = b.mul(centred, centred);
            let half = b.real(-0.5);
            let quadratic = b.mul(half, square);
            let width = b.exp(centred);
            let scaled = b.div(quadratic, width);
            let log_width = b.prim(Prim::Log1p, &[width]);
            let term = b.sub(scaled, log_width);
            log_weight = b.add(log_weight, term);
            let slope = b.div(centred, width);
            let gate = b.prim(Prim::Sigmoid, &[centred]);
            let gradient = b.sub(slope, gate);
            let chained = b.mul(gradient, noise);
            gradients.extend([gradient, chained]);
        }
    }
    gradients.push(log_weight);
    sum_over_draws(b, draw, &gradients)
}

/// One hidden layer of 128 on 64 features per draw, and the gradient of its weights.
fn network() -> Program {
    let (mut b, draw) = builder();
    let mut axis = |name: &str, size| b.fresh_axis(name, Dim::known(size), Role::Index);
    let (feature, hidden, out) = (axis("feature", 64), axis("hidden", 128), axis("out", 32));
    let w1 = param(&mut b, "w1", vec![feature, hidden]);
    let w2 = param(&mut b, "w2", vec![hidden, out]);
    let x = random(&mut b, Base::Normal, vec![], &[draw, feature], "x");
    let product = b.mul(x, w1);
    let sum = b.reduce(Monoid::Sum, feature, product);
    let h = b.prim(Prim::Tanh, &[sum]);
    let product = b.mul(h, w2);
    let y = b.reduce(Monoid::Sum, hidden, product);
    let back = b.mul(y, w2);
    let dh = b.reduce(Monoid::Sum, out, back);
    let square = b.mul(h, h);
    let one = b.real(1.0);
    let slope = b.sub(one, square);
    let delta = b.mul(dh, slope);
    let g1 = b.mul(x, delta);
    let g2 = b.mul(h, y);
    sum_over_draws(b, draw, &[g1, g2])
}
