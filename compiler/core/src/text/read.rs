//! The reader; see [`super`].

use super::print::{ELEMS, KINDS, MONOIDS, ROLES};
use crate::axis::{Axis, AxisSet, AxisTable, Role};
use crate::dim::Dim;
use crate::ir::{
    Base, Carry, Const, Draw, Elem, Input, Let, Op, Output, Program, Scan, Stmt, Ty, Var, VarInfo,
};
use crate::prim::Prim;
use std::collections::HashMap;
use std::fmt;
use vary_diagnostic::Span;

/// Where a text is not a program, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    /// Line, from 1.
    pub line: usize,
    /// What was expected or is wrong.
    pub message: String,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for ReadError {}

/// The program that prints as this text. Its types are as written: `check` judges them.
pub fn read(text: &str) -> Result<Program, ReadError> {
    let lines =
        text.lines().enumerate().map(|(at, line)| Line::new(at + 1, line)).collect::<Result<_, _>>()?;
    let mut reader = Reader { lines, next: 0, program: Program::default(), axes: HashMap::new() };
    reader.program()?;
    Ok(reader.program)
}

type Reading<T> = Result<T, ReadError>;

/// A line: its words, and the name in the comment. Parentheses, brackets and quotes hold words together.
#[derive(Clone)]
struct Line {
    number: usize,
    indent: usize,
    words: Vec<String>,
    name: Option<String>,
}

impl Line {
    fn new(number: usize, line: &str) -> Reading<Line> {
        let indent = line.len() - line.trim_start().len();
        let (mut words, mut word) = (Vec::new(), String::new());
        let (mut depth, mut quoted) = (0, false);
        let mut chars = line.trim().char_indices();
        let mut name = None;
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => quoted = !quoted,
                '\\' if quoted => {
                    word.extend(chars.next().map(|(_, escaped)| escaped));
                    continue;
                }
                '(' | '[' if !quoted => depth += 1,
                ')' | ']' if !quoted => depth -= 1,
                ' ' if !quoted && depth == 0 => {
                    words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
                    continue;
                }
                '/' if !quoted && word.is_empty() && line.trim()[at..].starts_with("//") => {
                    name = Some(line.trim()[at + 2..].trim().to_string());
                    break;
                }
                _ => {}
            }
            word.push(c);
        }
        if quoted || depth != 0 {
            return Err(ReadError { line: number, message: "a quote or bracket is left open".into() });
        }
        words.extend(Some(word).filter(|word| !word.is_empty()));
        Ok(Line { number, indent: indent / 2, words, name })
    }

    fn words(&self) -> Words<'_> {
        Words { line: self.number, words: self.words.iter() }
    }
}

struct Reader {
    lines: Vec<Line>,
    next: usize,
    program: Program,
    axes: HashMap<String, Axis>,
}

/// The words of a line not yet read.
struct Words<'a> {
    line: usize,
    words: std::slice::Iter<'a, String>,
}

impl<'a> Words<'a> {
    fn error<T>(&self, message: impl Into<String>) -> Reading<T> {
        Err(ReadError { line: self.line, message: message.into() })
    }

    fn word(&mut self, expected: &str) -> Reading<&'a str> {
        match self.words.next() {
            Some(word) => Ok(word),
            None => self.error(format!("{expected} is missing")),
        }
    }

    fn exactly(&mut self, expected: &str) -> Reading<()> {
        match self.word(expected)? {
            word if word == expected => Ok(()),
            word => self.error(format!("`{expected}` is expected, not `{word}`")),
        }
    }

    /// Whether the next word is this one, which is then read.
    fn flag(&mut self, word: &str) -> bool {
        let found = self.words.as_slice().first().is_some_and(|next| next == word);
        if found {
            self.words.next();
        }
        found
    }

    fn var(&mut self) -> Reading<Var> {
        let word = self.word("a variable")?;
        self.as_var(word)
    }

    fn as_var(&self, word: &str) -> Reading<Var> {
        match word.strip_prefix('%').and_then(|number| number.parse().ok()) {
            Some(number) => Ok(Var(number)),
            None => self.error(format!("`{word}` is not a variable")),
        }
    }

    /// Variables up to a guard or the end.
    fn vars(&mut self) -> Reading<Vec<Var>> {
        let mut vars = Vec::new();
        while self.words.as_slice().first().is_some_and(|word| word.starts_with('%')) {
            vars.push(self.var()?);
        }
        Ok(vars)
    }
}

fn lookup<T: Copy>(table: &[(T, &str)], name: &str) -> Option<T> {
    table.iter().find(|(_, entry)| *entry == name).map(|(value, _)| *value)
}

/// `name(a, b)` as name and contents; `name` alone has none.
fn call(word: &str) -> (&str, &str) {
    match word.split_once('(') {
        Some((name, rest)) => (name, rest.trim_end_matches(')')),
        None => (word, ""),
    }
}

impl Reader {
    fn program(&mut self) -> Reading<()> {
        self.axes()?;
        self.program.body = self.stmts(0)?;
        while let Some(line) = self.take(|_| true) {
            let mut words = line.words();
            words.exactly("result")?;
            let (name, dims) = call(words.word("a name")?);
            let dims = self.dims(&words, dims)?;
            words.exactly("=")?;
            self.program.results.push(Output { name: name.into(), var: words.var()?, dims });
        }
        Ok(())
    }

    /// The next line with words, if it is as wanted.
    fn take(&mut self, wanted: impl Fn(&Line) -> bool) -> Option<Line> {
        while self.lines.get(self.next).is_some_and(|line| line.words.is_empty()) {
            self.next += 1;
        }
        let line = self.lines.get(self.next).filter(|line| wanted(line)).cloned()?;
        self.next += 1;
        Some(line)
    }

    fn axes(&mut self) -> Reading<()> {
        let mut table = AxisTable::default();
        while let Some(line) = self.take(|line| line.words[0] == "axis") {
            let mut words = line.words();
            words.exactly("axis")?;
            let name = words.word("a name")?;
            words.exactly("=")?;
            let range = words.word("a range")?;
            let ends = range.split_once("..").and_then(|(lower, upper)| Some((dim(lower)?, dim(upper)?)));
            let Some((lower, upper)) = ends else { return words.error(format!("`{range}` is not a range")) };
            let size = upper.minus(&lower);
            let axis = match words.words.next().map(String::as_str) {
                None => table.fresh(name, lower, size, Role::Index),
                Some("of") => {
                    let whole = words.word("an axis")?;
                    let Some(whole) = self.axes.get(whole) else {
                        return words.error(format!("there is no axis `{whole}`"));
                    };
                    table.rows_of(*whole, size)
                }
                Some(word) => match lookup(&ROLES, word) {
                    Some(role) => table.fresh(name, lower, size, role),
                    None => return words.error(format!("`{word}` is not a role")),
                },
            };
            self.axes.insert(name.to_string(), axis);
        }
        // Index axes are found by their ranges again.
        table.bind(&|_| None);
        self.program.axes = table;
        Ok(())
    }

    fn stmts(&mut self, indent: usize) -> Reading<Vec<Stmt>> {
        let mut stmts = Vec::new();
        while let Some(line) = self.take(|line| line.indent >= indent && line.words[0] != "result") {
            let mut words = line.words();
            if words.flag("scan") {
                stmts.push(Stmt::Scan(self.scan(&mut words, indent)?));
            } else {
                stmts.push(Stmt::Let(self.binding(&mut words, line.name.clone())?));
            }
            if let Some(word) = words.words.next() {
                return words.error(format!("`{word}` is not expected"));
            }
        }
        Ok(stmts)
    }

    fn scan(&mut self, words: &mut Words<'_>, indent: usize) -> Reading<Scan> {
        let axis = self.axis(words)?;
        let reverse = words.flag("reverse");
        let mut carries = Vec::new();
        while let Some(line) = self.take(|line| line.words[0] == "carry") {
            let mut words = line.words();
            words.exactly("carry")?;
            let var = self.bound(&mut words, line.name.clone())?;
            let init = words.var()?;
            words.exactly("then")?;
            carries.push(Carry { var, init, next: words.var()? });
        }
        let body = self.stmts(indent + 1)?;
        Ok(Scan { axis, reverse, carries, body })
    }

    /// `%3: type =`
    fn bound(&mut self, words: &mut Words<'_>, name: Option<String>) -> Reading<Var> {
        let word = words.word("a variable")?;
        let var = words.as_var(word.trim_end_matches(':'))?;
        let written = words.word("a type")?;
        let (elem, axes) = written.split_once('[').unwrap_or((written, ""));
        let Some(elem) = lookup(&ELEMS, elem) else {
            return words.error(format!("`{elem}` is not a type"));
        };
        let axes = self.dims(words, axes.trim_end_matches(']'))?.into_iter().collect();
        words.exactly("=")?;
        let at = var.0 as usize;
        let blank = VarInfo {
            ty: Ty { elem: Elem::Real, axes: AxisSet::new() },
            name: None,
            span: Span::default(),
            rule: None,
        };
        if self.program.vars.len() <= at {
            self.program.vars.resize(at + 1, blank.clone());
        }
        self.program.vars[at] = VarInfo { ty: Ty { elem, axes }, name, ..blank };
        Ok(var)
    }

    fn binding(&mut self, words: &mut Words<'_>, name: Option<String>) -> Reading<Let> {
        let var = self.bound(words, name)?;
        let elem = self.program.vars[var.0 as usize].ty.elem;
        let op = self.op(words, elem)?;
        let guard = if words.flag("if") { Some(words.var()?) } else { None };
        Ok(Let { var, op, guard })
    }

    fn axis(&self, words: &mut Words<'_>) -> Reading<Axis> {
        let name = words.word("an axis")?;
        self.named(words, name)
    }

    fn named(&self, words: &Words<'_>, name: &str) -> Reading<Axis> {
        match self.axes.get(name) {
            Some(axis) => Ok(*axis),
            None => words.error(format!("there is no axis `{name}`")),
        }
    }

    fn dims(&self, words: &Words<'_>, list: &str) -> Reading<Vec<Axis>> {
        list.split(", ").filter(|name| !name.is_empty()).map(|name| self.named(words, name)).collect()
    }

    /// `word(axes)`
    fn axes_in(&self, words: &mut Words<'_>, expected: &str) -> Reading<AxisSet> {
        let (name, list) = call(words.word(expected)?);
        if name != expected {
            return words.error(format!("`{expected}(…)` is expected"));
        }
        Ok(self.dims(words, list)?.into_iter().collect())
    }

    fn op(&self, words: &mut Words<'_>, elem: Elem) -> Reading<Op> {
        let name = words.word("an operation")?;
        if let Some(kind) = lookup(&KINDS, name) {
            let (name, dims) = call(words.word("a name")?);
            return Ok(Op::Input(Input { kind, name: name.into(), dims: self.dims(words, dims)? }));
        }
        if let Some(monoid) = lookup(&MONOIDS, name) {
            return Ok(Op::Reduce(monoid, self.axis(words)?, words.var()?));
        }
        if let Some(prim) = Prim::ALL.iter().find(|prim| prim.name() == name) {
            return Ok(Op::Prim(*prim, words.vars()?));
        }
        Ok(match name {
            "iota" => Op::Iota(self.axis(words)?),
            "rename" => {
                let mut pairs = Vec::new();
                while let Some((from, to)) = words.words.as_slice().first().and_then(|w| w.split_once("->")) {
                    pairs.push((self.named(words, from)?, self.named(words, to)?));
                    words.words.next();
                }
                Op::Rename(pairs, words.var()?)
            }
            "gather" => {
                let (axis, x) = (self.axis(words)?, words.var()?);
                Op::Gather { x, axis, index: words.var()? }
            }
            "scatter" => {
                let (axis, x, index) = (self.axis(words)?, words.var()?, words.var()?);
                Op::Scatter { x, axis, index, over: self.axes_in(words, "over")? }
            }
            "cumsum" => {
                let (axis, x) = (self.axis(words)?, words.var()?);
                let reverse = words.flag("reverse");
                Op::CumSum { x, axis, reverse, exclusive: words.flag("exclusive") }
            }
            "stack" => Op::Stack { axis: self.axis(words)?, parts: words.vars()? },
            "concat" => {
                let axis = self.axis(words)?;
                let mut parts = Vec::new();
                while let Some((along, part)) = words.words.as_slice().first().and_then(|w| w.split_once(':'))
                {
                    parts.push((self.named(words, along)?, words.as_var(part)?));
                    words.words.next();
                }
                Op::Concat { axis, parts }
            }
            "cholesky" => {
                let (row, col) = (self.axis(words)?, self.axis(words)?);
                Op::Cholesky { x: words.var()?, row, col }
            }
            "trisolve" => {
                let (row, col) = (self.axis(words)?, self.axis(words)?);
                let (l, b) = (words.var()?, words.var()?);
                Op::TriSolve { l, row, col, b, transposed: words.flag("transposed") }
            }
            "draw" => {
                let sampler = words.word("a sampler")?;
                let Some(base) = Base::ALL.into_iter().find(|base| base.name() == sampler) else {
                    return words.error(format!("there is no sampler `{sampler}`"));
                };
                let (args, key) = (words.vars()?, self.axes_in(words, "key")?);
                let occurrence = words.word("an occurrence")?.trim_matches('"').into();
                Op::Draw(Draw { base, args, key, occurrence })
            }
            "detach" => Op::Detach(words.var()?),
            "tangent" => Op::Tangent(words.var()?),
            literal => match constant(literal, elem) {
                Some(value) => Op::Const(value),
                None => return words.error(format!("there is no operation `{literal}`")),
            },
        })
    }
}

fn constant(text: &str, elem: Elem) -> Option<Const> {
    match elem {
        Elem::Real => text.parse().ok().map(Const::Real),
        Elem::Int => text.parse().ok().map(Const::Int),
        Elem::Bool => text.parse().ok().map(Const::Bool),
    }
}

/// `2*n-m+1`, as [`Dim`] prints it.
fn dim(text: &str) -> Option<Dim> {
    let mut sum = Dim::known(0);
    let mut rest = text;
    while !rest.is_empty() {
        let (sign, term) = match rest.strip_prefix('-') {
            Some(term) => (-1, term),
            None => (1, rest.strip_prefix('+').unwrap_or(rest)),
        };
        let end = term.find(['+', '-']).unwrap_or(term.len());
        let (factor, name) = match term[..end].split_once('*') {
            Some((factor, name)) => (factor.parse::<i64>().ok()?, name),
            None => (1, &term[..end]),
        };
        let unit = match name.parse::<i64>() {
            Ok(constant) => Dim::known(constant),
            Err(_) if !name.is_empty() => Dim::named(name),
            Err(_) => return None,
        };
        sum = sum.plus(&unit.times(sign * factor));
        rest = &term[end..];
    }
    Some(sum)
}
