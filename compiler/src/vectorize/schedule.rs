//! What runs, where: dead statements dropped, scans reduced to their recurrence.
//!
//! Before, a scan over t carrying x:
//!
//! ```text
//! scan t carry x = x0 next y { e = draw normal key [t]; m = a x; y = m + e; d = log_density(y) }
//! ```
//!
//! After: `e` for all t; a loop of `m` and `y`; `d` for all t. The meaning is the same, since a
//! statement of the body means its value at each index of t, and values have their axes by name.

use std::collections::HashSet;
use vary_core::axis::Axis;
use vary_core::ir::{Carry, Let, Op, Program, Scan, Stmt, Var};

/// A statement in its place.
#[derive(Debug)]
pub(super) enum Node<'p> {
    /// An operation.
    Let(&'p Let),
    /// A recurrence.
    Loop(Loop<'p>),
}

/// A scan of which only the recurrence is left.
#[derive(Debug)]
pub(super) struct Loop<'p> {
    /// Tells loops apart: two may run over one axis.
    pub id: usize,
    /// The axis.
    pub axis: Axis,
    /// From the last index to the first.
    pub reverse: bool,
    /// Carries that something needs.
    pub carries: Vec<&'p Carry>,
    /// What a step computes.
    pub body: Vec<Node<'p>>,
}

/// The schedule of a program.
pub(super) fn schedule(program: &Program) -> Vec<Node<'_>> {
    let mut schedule = Schedule { live: live(program), loops: 0 };
    schedule.stmts(&program.body)
}

/// The variables an operation reads.
pub(super) fn operands(op: &Op) -> Vec<Var> {
    match op {
        Op::Const(_) | Op::Input(_) | Op::Iota(_) => Vec::new(),
        Op::Prim(_, args) => args.clone(),
        Op::Reduce(_, _, x) | Op::Rename(_, x) | Op::Detach(x) => vec![*x],
        // Its value is zero whatever the operand.
        Op::Tangent(_) => Vec::new(),
        Op::Gather { x, index, .. } | Op::Scatter { x, index, .. } => vec![*x, *index],
        Op::CumSum { x, .. } | Op::Cholesky { x, .. } => vec![*x],
        Op::Stack { parts, .. } => parts.clone(),
        Op::Concat { parts, .. } => parts.iter().map(|(_, part)| *part).collect(),
        Op::TriSolve { l, b, .. } => vec![*l, *b],
        Op::Draw(draw) => draw.args.clone(),
    }
}

impl Node<'_> {
    /// Variables it binds.
    pub fn binds(&self) -> Vec<Var> {
        match self {
            Node::Let(stmt) => vec![stmt.var],
            Node::Loop(inner) => {
                let carried = inner.carries.iter().map(|carry| carry.var);
                inner.body.iter().flat_map(Node::binds).chain(carried).collect()
            }
        }
    }

    /// Variables it reads, perhaps among those it binds.
    pub fn reads(&self) -> Vec<Var> {
        match self {
            Node::Let(stmt) => operands(&stmt.op),
            Node::Loop(inner) => {
                let carried = inner.carries.iter().flat_map(|carry| [carry.init, carry.next]);
                inner.body.iter().flat_map(Node::reads).chain(carried).collect()
            }
        }
    }
}

/// Variables that a result needs.
fn live(program: &Program) -> Vec<bool> {
    let mut reads: Vec<Vec<Var>> = vec![Vec::new(); program.vars.len()];
    fn collect(stmts: &[Stmt], reads: &mut [Vec<Var>]) {
        for stmt in stmts {
            match stmt {
                Stmt::Let(stmt) => reads[stmt.var.0 as usize] = operands(&stmt.op),
                Stmt::Scan(scan) => {
                    for carry in &scan.carries {
                        reads[carry.var.0 as usize] = vec![carry.init, carry.next];
                    }
                    collect(&scan.body, reads);
                }
                Stmt::Sample(_) | Stmt::Observe(_) | Stmt::Factor { .. } | Stmt::Report(_) => {
                    unreachable!("only deterministic programs are vectorised")
                }
            }
        }
    }
    collect(&program.body, &mut reads);
    let mut live = vec![false; program.vars.len()];
    let mut open: Vec<Var> = program.results.iter().map(|result| result.var).collect();
    while let Some(var) = open.pop() {
        if !std::mem::replace(&mut live[var.0 as usize], true) {
            open.extend(&reads[var.0 as usize]);
        }
    }
    live
}

struct Schedule {
    live: Vec<bool>,
    loops: usize,
}

impl Schedule {
    fn is_live(&self, var: Var) -> bool {
        self.live[var.0 as usize]
    }

    fn stmts<'p>(&mut self, stmts: &'p [Stmt]) -> Vec<Node<'p>> {
        let mut nodes = Vec::new();
        for stmt in stmts {
            match stmt {
                Stmt::Let(stmt) if self.is_live(stmt.var) => nodes.push(Node::Let(stmt)),
                Stmt::Scan(scan) => nodes.extend(self.scan(scan)),
                _ => {}
            }
        }
        nodes
    }

    /// What runs before the loop, the loop, and what runs after it.
    fn scan<'p>(&mut self, scan: &'p Scan) -> Vec<Node<'p>> {
        let carries: Vec<&Carry> = scan.carries.iter().filter(|carry| self.is_live(carry.var)).collect();
        let body = self.stmts(&scan.body);
        if carries.is_empty() {
            return body;
        }
        let mut carried: HashSet<Var> = carries.iter().map(|carry| carry.var).collect();
        let depends: Vec<bool> = body
            .iter()
            .map(|node| {
                let depends = node.reads().iter().any(|var| carried.contains(var));
                carried.extend(node.binds().into_iter().filter(|_| depends));
                depends
            })
            .collect();
        let mut needed: HashSet<Var> = carries.iter().map(|carry| carry.next).collect();
        let mut feeds: Vec<bool> = body
            .iter()
            .rev()
            .map(|node| {
                let feeds = node.binds().iter().any(|var| needed.contains(var));
                needed.extend(node.reads().into_iter().filter(|_| feeds));
                feeds
            })
            .collect();
        feeds.reverse();
        let (mut before, mut inside, mut after) = (Vec::new(), Vec::new(), Vec::new());
        for (node, (depends, feeds)) in body.into_iter().zip(depends.into_iter().zip(feeds)) {
            match (depends, feeds) {
                (false, _) => before.push(node),
                (true, true) => inside.push(node),
                (true, false) => after.push(node),
            }
        }
        self.loops += 1;
        let recurrence =
            Loop { id: self.loops, axis: scan.axis, reverse: scan.reverse, carries, body: inside };
        before.push(Node::Loop(recurrence));
        before.extend(after);
        before
    }
}

/// What is known of each variable's use in a schedule.
#[derive(Debug)]
pub(super) struct Uses {
    /// How often it is read, results included.
    pub count: Vec<usize>,
    /// The loops around its binding, outermost first.
    pub path: Vec<Vec<usize>>,
    /// How many of these loops contain all its uses: along them only the current value is kept.
    pub common: Vec<usize>,
}

impl Uses {
    /// Of every variable. `alias` tells whether an operation's result is a view of its first operand, whose uses
    /// then are uses of the operand.
    pub fn new(program: &Program, nodes: &[Node], alias: impl Fn(&Op) -> bool) -> Self {
        let n = program.vars.len();
        let mut uses = Uses { count: vec![0; n], path: vec![Vec::new(); n], common: vec![0; n] };
        uses.bind(nodes, &mut Vec::new());
        uses.common = uses.path.iter().map(Vec::len).collect();
        program.results.iter().for_each(|result| uses.read(result.var, &[]));
        uses.walk(nodes, &mut Vec::new(), &alias);
        uses
    }

    fn bind(&mut self, nodes: &[Node], path: &mut Vec<usize>) {
        for node in nodes {
            match node {
                Node::Let(stmt) => self.path[stmt.var.0 as usize] = path.clone(),
                Node::Loop(inner) => {
                    path.push(inner.id);
                    inner.carries.iter().for_each(|carry| self.path[carry.var.0 as usize] = path.clone());
                    self.bind(&inner.body, path);
                    path.pop();
                }
            }
        }
    }

    fn read(&mut self, var: Var, at: &[usize]) {
        self.count[var.0 as usize] += 1;
        self.reach(var, at);
    }

    /// The value is wanted at this place.
    fn reach(&mut self, var: Var, at: &[usize]) {
        let path = &self.path[var.0 as usize];
        let shared = path.iter().zip(at).take_while(|(a, b)| a == b).count();
        let common = &mut self.common[var.0 as usize];
        *common = shared.min(*common);
    }

    /// From the last statement to the first, so that the uses of a view are known before its operand's.
    fn walk(&mut self, nodes: &[Node], path: &mut Vec<usize>, alias: &impl Fn(&Op) -> bool) {
        for node in nodes.iter().rev() {
            match node {
                Node::Let(stmt) => {
                    let vars = operands(&stmt.op);
                    vars.iter().for_each(|var| self.read(*var, path));
                    if alias(&stmt.op) {
                        let common = self.common[stmt.var.0 as usize];
                        vars.iter().take(1).for_each(|var| self.reach(*var, &path[..common]));
                    }
                }
                Node::Loop(inner) => {
                    path.push(inner.id);
                    inner.carries.iter().for_each(|carry| self.read(carry.next, path));
                    self.walk(&inner.body, path, alias);
                    path.pop();
                    inner.carries.iter().for_each(|carry| self.read(carry.init, path));
                }
            }
        }
    }
}
