//! Log densities of the library and their derivatives against a table of forty-digit values.
//!
//! `verify/tables/densities.py` makes the table with mpmath, from the textbook's formulas: ordinary
//! arguments and ones far out. Real arguments enter as parameters, so that the derivatives are those a fit sees.

use crate::program::Program;
use serde_json::Value;
use std::collections::BTreeMap;

/// Largest error of a log density, relative to one and itself.
pub const DENSITY: f64 = 1e-10;
/// Largest error of a derivative, relative to one and itself.
pub const SLOPE: f64 = 1e-9;

/// Errors of one distribution.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// The distribution.
    pub dist: String,
    /// Points compared.
    pub points: usize,
    /// Largest error of the log density.
    pub density: f64,
    /// Largest error of a derivative.
    pub slope: f64,
    /// What is wrong.
    pub failures: Vec<String>,
}

/// A point of the table.
struct Point {
    dist: String,
    /// The call of a wrapper, `{0}` for its first argument.
    call: Option<String>,
    args: Vec<Value>,
    x: Value,
    log_density: f64,
    slopes: Vec<Value>,
}

fn table() -> Vec<Point> {
    let rows: Vec<Value> =
        serde_json::from_str(include_str!("../tables/densities.json")).expect("written by its script");
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let point = |row: Value| Point {
        dist: row["dist"].as_str().unwrap_or_default().to_string(),
        call: row["call"].as_str().map(str::to_string),
        args: list(&row["args"]),
        x: row["x"].clone(),
        log_density: row["log_density"].as_f64().unwrap_or(f64::NAN),
        slopes: list(&row["slopes"]),
    };
    rows.into_iter().map(point).collect()
}

/// The numbers of a nested array in order.
fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(parts) => parts.iter().flat_map(numbers).collect(),
        number => vec![number.as_f64().unwrap_or(f64::NAN)],
    }
}

/// Sizes of a nested array, as dimensions of a type.
fn dims(value: &Value) -> String {
    let mut sizes = Vec::new();
    let mut inner = value;
    while let Value::Array(parts) = inner {
        sizes.push(parts.len().to_string());
        inner = &parts[0];
    }
    if sizes.is_empty() { String::new() } else { format!("[{}]", sizes.join(", ")) }
}

impl Point {
    /// A program whose value is the log density, its real arguments parameters.
    fn source(&self) -> String {
        // A wrapper's values are those of the distribution inside.
        let name = self.call.as_ref().and_then(|call| call.split('(').nth(1)).unwrap_or(&self.dist);
        let library = vary_compiler::stdlib::containing(name).map_or("", |(_, text)| text);
        let (mut params, mut args) = (String::new(), Vec::new());
        for (at, (arg, slope)) in self.args.iter().zip(&self.slopes).enumerate() {
            if slope.is_null() {
                args.push(arg.to_string());
            } else {
                params += &format!("  param a{at}: real{}\n", dims(arg));
                args.push(format!("a{at}"));
            }
        }
        let call = match &self.call {
            Some(call) => args
                .iter()
                .enumerate()
                .fold(call.clone(), |call, (at, arg)| call.replace(&format!("{{{at}}}"), arg)),
            None => format!("{}({})", self.dist, args.join(", ")),
        };
        let counts = library.contains(" on int") || library.contains(" on count");
        let whole =
            numbers(&self.x).iter().all(|x| x.fract() == 0.0) && counts || library.contains(" on index");
        let (elem, x) = match &self.x {
            Value::Array(_) => (if whole { "int" } else { "real" }, self.x.to_string()),
            x if library.contains(" on bit") => ("bit", format!("[{}]", x.as_f64() == Some(1.0))),
            x => (if whole { "int" } else { "real" }, format!("[{x}]")),
        };
        let (sizes, site) = match &self.x {
            Value::Array(_) => (dims(&self.x), format!("x ~ {call}")),
            _ => ("[1]".to_string(), format!("plate i in 0..1 {{ x[i] ~ {call} }}")),
        };
        // The model and the guide need a latent; its densities cancel.
        format!(
            "data x: {elem}{sizes} = {x}\nguide g {{ u ~ normal(0, 1) }}\n\
             model m {{\n{params}  u ~ normal(0, 1)\n  {site}\n}}\n\
             objective value(p: program, q: program) = expect {{\n  let (t, log_q) = simulate(q)\n  log_density(p, t) - log_q\n}}\n\
             fit: maximize value(m, g) {{ }}\n"
        )
    }

    /// The log density, and the derivatives argument by argument.
    fn found(&self) -> Result<(f64, Vec<Vec<f64>>), String> {
        let program = Program::new(&self.source(), None)?;
        let mut at = vec![0.0; program.dimension()];
        let smooth =
            || self.args.iter().zip(&self.slopes).enumerate().filter(|(_, (_, slope))| !slope.is_null());
        let place = |number: usize| program.position(&format!("a{number}"));
        for (number, (arg, _)) in smooth() {
            numbers(arg).iter().enumerate().for_each(|(k, value)| at[place(number) + k] = *value);
        }
        let (value, gradient) = program.exact()?(&at);
        let slopes =
            smooth().map(|(number, (arg, _))| gradient[place(number)..][..numbers(arg).len()].to_vec());
        Ok((value, slopes.collect()))
    }
}

/// Derivatives by a square matrix that is symmetric: by an entry and its mirror image together.
fn folded(arg: &Value, slopes: &[f64]) -> Vec<f64> {
    let k = arg.as_array().map_or(0, Vec::len);
    let is_square = k > 0 && slopes.len() == k * k && arg[0].is_array();
    if !is_square {
        return slopes.to_vec();
    }
    let pair = |i: usize, j: usize| slopes[i * k + j] + if i == j { 0.0 } else { slopes[j * k + i] };
    (0..k).flat_map(|i| (0..=i).map(move |j| (i, j))).map(|(i, j)| pair(i, j)).collect()
}

fn error(found: f64, expected: f64) -> f64 {
    let error = (found - expected).abs() / expected.abs().max(1.0);
    if error.is_nan() { f64::INFINITY } else { error }
}

/// A row for every distribution of the table.
pub fn rows() -> Vec<Row> {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for point in table() {
        let row = rows
            .entry(point.dist.clone())
            .or_insert_with(|| Row { dist: point.dist.clone(), ..Row::default() });
        row.points += 1;
        let place = format!("{}({}) at {}", point.dist, Value::from(point.args.clone()), point.x);
        let (value, slopes) = match point.found() {
            Ok(found) => found,
            Err(reason) => {
                row.failures.push(format!("{place}: {reason}"));
                continue;
            }
        };
        let off = error(value, point.log_density);
        row.density = row.density.max(off);
        if off > DENSITY {
            row.failures.push(format!("{place}: {value}, not {}", point.log_density));
        }
        let expected = point.args.iter().zip(&point.slopes).filter(|(_, slope)| !slope.is_null());
        for ((arg, expected), found) in expected.zip(slopes) {
            let (expected, found) = (folded(arg, &numbers(expected)), folded(arg, &found));
            for (found, expected) in found.iter().zip(&expected) {
                let off = error(*found, *expected);
                row.slope = row.slope.max(off);
                if off > SLOPE {
                    row.failures.push(format!("{place}: derivative {found}, not {expected}"));
                }
            }
        }
    }
    rows.into_values().collect()
}

/// Distributions of the library that the table lacks.
pub fn forgotten() -> Vec<&'static str> {
    let known: Vec<String> = table().into_iter().map(|point| point.dist).collect();
    let placeholders = ["flat", "delta"];
    let library = crate::distributions::library().filter(|name| !placeholders.contains(name));
    library.filter(|name| !known.iter().any(|known| known == name)).collect()
}
