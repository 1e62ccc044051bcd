//! Programs taken through the compiler as `vary check` and `vary fit` take them.

use ndarray::{ArrayD, IxDyn};
use std::sync::atomic::AtomicBool;
use std::time::Instant;
use vary_compiler::session::{End, Options, Session, declared};
use vary_diagnostic::{Diagnostic, Severity};
use vary_runtime::data::{Absent, Constraint, Declared, Elem, Values};
use vary_runtime::fit::FitReport;

/// The value of every size that the program does not give itself.
const SIZE: i64 = 3;

/// A session on a program that imports nothing.
pub fn session(text: &str) -> Session {
    Session::new("main.ppl", text, &|_| Err("there are no other files".to_string()))
}

/// The errors found so far.
pub fn errors(session: &Session) -> Vec<&Diagnostic> {
    session.unit.diagnostics.iter().filter(|d| d.severity == Severity::Error).collect()
}

/// Small data of the declared types; nothing for a program whose sizes are not made of names and numbers.
pub fn data(session: &mut Session) -> Values {
    let all = declared(&mut session.unit);
    let known = |name: &str| all.iter().find(|d| d.name == *name).map_or(Some(SIZE), scalar);
    let mut values = Values::default();
    for declared in &all {
        let shape: Option<Vec<usize>> = declared
            .dims
            .iter()
            .map(|dim| dim.value(known).and_then(|size| usize::try_from(size).ok()))
            .collect();
        let Some(shape) = shape.filter(|shape| shape.iter().product::<usize>() < 10_000) else { continue };
        let array = match &declared.absent {
            Absent::Default(value) if value.broadcast(IxDyn(&shape)).is_some() => {
                value.broadcast(IxDyn(&shape)).map(|view| view.to_owned())
            }
            _ => Some(ArrayD::from_elem(IxDyn(&shape), entry(declared, &shape))),
        };
        values.arrays.extend(array.map(|array| (declared.name.clone(), array)));
    }
    values
}

/// The value of a scalar.
fn scalar(declared: &Declared) -> Option<i64> {
    match &declared.absent {
        Absent::Default(value) if value.ndim() == 0 => value.first().map(|value| *value as i64),
        _ => Some(SIZE),
    }
}

/// An entry that the type allows.
fn entry(declared: &Declared, shape: &[usize]) -> f64 {
    match (&declared.constraint, declared.elem) {
        (Constraint::Simplex, _) => 1.0 / shape.last().copied().unwrap_or(1).max(1) as f64,
        (Constraint::Interval { lo, hi }, _) => 0.5 * (lo + hi),
        (_, Elem::Real) => 0.5,
        (_, Elem::Int) if declared.is_size() => SIZE as f64,
        (_, Elem::Int | Elem::Bit) => 0.0,
    }
}

/// Two steps of every fit, on small data. What is wrong is said.
pub fn fit(text: &str) -> Result<(), String> {
    let names: Vec<Option<String>> = session(text).unit.fits().into_iter().map(|(name, ..)| name).collect();
    names.iter().try_for_each(|name| fitted(text, name.as_deref()).map(drop))
}

/// The objective after two steps of the only fit.
pub fn objective(text: &str) -> f64 {
    fitted(text, None).unwrap_or_else(|said| panic!("{said}")).objectives[0].mean
}

fn fitted(text: &str, name: Option<&str>) -> Result<FitReport, String> {
    let mut session = session(text);
    let values = data(&mut session);
    let set = vec![("steps".to_string(), 2.0), ("samples".to_string(), 2.0)];
    let options = Options { set, draws: 2, ..Options::default() };
    let prepared = session.prepare(name, &values, &options, Instant::now()).map_err(|_| render(&session))?;
    let ended = prepared.run(&mut (), &AtomicBool::new(false)).map_err(|d| d.message)?;
    match ended.end {
        End::Finished => Ok(ended.report),
        End::Interrupted => Err("interrupted".to_string()),
        End::Failed(diagnostic) => Err(diagnostic.message),
    }
}

/// Everything found so far, as the user reads it.
pub fn render(session: &Session) -> String {
    vary_diagnostic::render(&session.unit.sources, &session.unit.diagnostics, false)
}
