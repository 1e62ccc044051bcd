//! What kernels cost: `cargo run --release --example kernel_cost -p vary-runtime`.

use std::time::Instant;
use vary_runtime::float::Width;
use vary_runtime::isa::Level;
use vary_runtime::machine::Machine;
use vary_runtime::program::{
    Base, Binary, Buffer, Draw, Fold, Instr, Map, Output, Place, Program, Round, Unary, View,
};
use vary_runtime::tiles::Executor;

fn main() {
    println!("instructions: {}", Level::detect().name());
    for width in [Width::Double, Width::Single] {
        let machine = Machine::measure(width, 1);
        println!(
            "one thread, {} bits: {:.1} GFLOP/s in products, {:.1} GB/s",
            width.bits(),
            machine.operations / 1e9,
            machine.bytes / 1e9
        );
        for lanes in [1, 64, 4096] {
            println!("{lanes} lanes, ns per instruction and per lane");
            for (name, program) in programs(lanes) {
                let ns = time(&program, width) * 1e9;
                println!("  {name:12} {ns:9.1} {:7.3}", ns / lanes as f64);
            }
        }
    }
}

/// How many times an instruction stands in its program.
const REPEAT: usize = 64;

fn programs(lanes: usize) -> Vec<(&'static str, Program)> {
    let unary = |op| Map::Unary(op);
    let mut all: Vec<(&str, Program)> = [
        ("copy", unary(Unary::Copy)),
        ("add", Map::Binary(Binary::Add)),
        ("div", Map::Binary(Binary::Div)),
        ("sqrt", unary(Unary::Sqrt)),
        ("exp", unary(Unary::Exp)),
        ("log", unary(Unary::Log)),
        ("log1p", unary(Unary::Log1p)),
        ("tanh", unary(Unary::Tanh)),
        ("sigmoid", unary(Unary::Sigmoid)),
        ("softplus", unary(Unary::Softplus)),
        ("sin", unary(Unary::Sin)),
        ("lgamma", unary(Unary::Lgamma)),
    ]
    .map(|(name, op)| (name, repeated(lanes, lanes, |out, x| map(op, lanes, out, x))))
    .into();
    let sum = |out, x| Instr::Reduce {
        fold: Fold::Sum,
        extents: vec![lanes],
        kept: 0,
        out: view(out, 0),
        x: view(x, 1),
    };
    all.push(("sum", repeated(lanes, 1, sum)));
    for (name, base) in [("normal", Base::Normal), ("uniform", Base::Uniform), ("gamma", Base::Gamma)] {
        let draw = move |out: usize, x: usize| {
            Instr::Draw(Draw {
                base,
                occurrence: format!("x{out}"),
                extents: vec![lanes],
                out: view(out, 1),
                args: (0..base.arity()).map(|_| view(x, 1)).collect(),
                lane: vec![1],
                rows: None,
                lane_steps: vec![],
            })
        };
        all.push((name, repeated(lanes, lanes, draw)));
    }
    all
}

fn view(buffer: usize, stride: usize) -> View {
    View { buffer, offset: 0, strides: vec![stride], steps: vec![] }
}

fn map(op: Map, lanes: usize, out: usize, x: usize) -> Instr {
    Instr::Map { op, extents: vec![lanes], out: view(out, 1), args: vec![view(x, 1); op.arity()] }
}

/// A program that fills a buffer and runs an instruction on it again and again.
fn repeated(lanes: usize, len: usize, instr: impl Fn(usize, usize) -> Instr) -> Program {
    let buffer = |len, place| Buffer { name: String::new(), shape: vec![], len, place };
    let mut buffers = vec![buffer(lanes, Place::Step)];
    let occurrence = "x".to_string();
    let first = Draw {
        base: Base::Uniform,
        occurrence,
        extents: vec![lanes],
        out: view(0, 1),
        args: vec![],
        lane: vec![1],
        rows: None,
        lane_steps: vec![],
    };
    let mut step = vec![Instr::Draw(first)];
    let mut outputs = vec![];
    for at in 1..=REPEAT {
        buffers.push(buffer(len, Place::Step));
        step.push(instr(at, 0));
        if at == REPEAT {
            outputs.push(Output { name: String::new(), buffer: at });
        }
    }
    let rounds = vec![Round { whole: step, ..Round::default() }];
    Program { buffers, rounds, outputs, ..Program::default() }
}

/// Seconds per instruction.
fn time(program: &Program, width: Width) -> f64 {
    let mut executor = Executor::new(program, &|_| None, 1, width).expect("a valid program");
    let given: [&[f64]; 0] = [];
    let mut best = f64::INFINITY;
    let start = Instant::now();
    let mut step = 0;
    while start.elapsed().as_millis() < 40 {
        let lap = Instant::now();
        for _ in 0..4 {
            executor.run(&given, 1, step);
            step += 1;
        }
        best = best.min(lap.elapsed().as_secs_f64() / 4.0);
    }
    best / REPEAT as f64
}
