//! Sizes of programs over plates and recurrences: what a step costs is linear in the rows.

use crate::oracle::Strategy;
use crate::program::Program;
use vary_compiler::vectorize::{emit_tiled, report};

/// Rows of the programs compared.
pub const ROWS: [usize; 3] = [500, 1000, 2000];

/// Draws of a step.
const DRAWS: usize = 64;

/// What the rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A flip in a plate.
    Plate,
    /// A flip of three in a plate.
    Choices,
    /// Flips in a scan that carries something else.
    Scan,
    /// A scan that carries its flips, so that costs are those to go.
    Chain,
}

use Shape::*;

impl Shape {
    /// Name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Plate => "flips in a plate",
            Choices => "categoricals in a plate",
            Scan => "flips in a scan",
            Chain => "flips carried by a scan",
        }
    }

    /// The strategies whose programs are linear in the rows. Alternatives of a step that is carried are run to the end: of
    /// `mvd` from every step, of `enum` in every combination; and a relaxation is refused.
    fn strategies(self) -> &'static [Strategy] {
        use Strategy::{Enum, Mvd, Rebar, Reinforce, ReinforceAverage, Relax, Rloo, RlooCopies};
        match self {
            Plate | Choices | Scan => {
                &[Enum, Mvd, Rloo, RlooCopies, Reinforce, ReinforceAverage, Rebar, Relax]
            }
            Chain => &[Rloo, Reinforce, ReinforceAverage, Relax],
        }
    }

    fn source(self, strategy: Strategy) -> String {
        let flip = |logit: &str| strategy.call("flip", &format!("sigmoid({logit})"));
        let (model, param, guide) = match self {
            Plate => (
                "plate i in 0..n { s[i] ~ flip(0.3); y[i] ~ normal(real(s[i]), 1) }",
                "real[n]",
                format!("plate i in 0..n {{ s[i] ~ {} }}", flip("l[i]")),
            ),
            Choices => (
                "plate i in 0..n { s[i] ~ categorical([0.2, 0.3, 0.5]); y[i] ~ normal([-1.0, 0, 1][s[i]], 1) }",
                "real[n, 3]",
                format!("plate i in 0..n {{ s[i] ~ {} }}", strategy.call("categorical_logits", "l[i]")),
            ),
            Scan => (
                "scan i in 0..n with (h = 0.0) {
    s[i] ~ flip(0.3); y[i] ~ normal(h + real(s[i]), 1); next h = 0.9 * h + 0.1 * y[i]
  }",
                "real[n]",
                format!("scan i in 0..n with (h = 0.0) {{ s[i] ~ {}; next h = h }}", flip("l[i]")),
            ),
            Chain => (
                "scan i in 0..n with (h = 0.0) {
    s[i] ~ flip(sigmoid(h)); y[i] ~ normal(real(s[i]), 1); next h = real(s[i])
  }",
                "real[n]",
                format!(
                    "scan i in 0..n with (h = 0.0) {{ s[i] ~ {}; next h = real(s[i]) }}",
                    flip("l[i] + h")
                ),
            ),
        };
        format!(
            "data n: int\ndata y: real[n]\nmodel rows {{\n  {model}\n}}\n\
             guide choices {{\n  param l: {param}\n  {guide}\n}}\nfit: maximize elbo(rows, choices) {{ }}\n"
        )
    }
}

/// A strategy's sizes.
#[derive(Debug, Clone)]
pub struct Row {
    /// What the rows are.
    pub shape: Shape,
    /// The strategy.
    pub strategy: Strategy,
    /// Instructions and lanes for each number of [`ROWS`], or why there are none.
    pub sizes: Result<Vec<(usize, usize)>, String>,
}

impl Row {
    /// Whether instructions do not grow and lanes grow linearly, up to one part in a hundred.
    pub fn holds(&self) -> bool {
        let Ok(sizes) = &self.sizes else { return false };
        let slope =
            |a: usize, b: usize| (sizes[b].1 as f64 - sizes[a].1 as f64) / (ROWS[b] as f64 - ROWS[a] as f64);
        sizes.iter().all(|size| size.0 == sizes[0].0) && (slope(1, 2) / slope(0, 1) - 1.0).abs() < 0.01
    }
}

/// A row for every shape and strategy.
pub fn rows() -> Vec<Row> {
    let size = |source: &str, rows: usize| {
        let y = vec!["0.4"; rows].join(", ");
        let program = Program::with(source, None, Some(&format!("{{\"y\": [{y}]}}")), Default::default())?;
        let size = report(&emit_tiled(&program.derived.gradient, DRAWS, None))
            .map_err(|e| format!("{} {}", e.place, e.rule))?;
        Ok((size.instructions, size.lanes))
    };
    let row = |shape: Shape, strategy: Strategy| {
        let source = shape.source(strategy);
        Row { shape, strategy, sizes: ROWS.iter().map(|rows| size(&source, *rows)).collect() }
    };
    let shapes = [Plate, Choices, Scan, Chain].into_iter();
    shapes.flat_map(|shape| shape.strategies().iter().map(move |strategy| row(shape, *strategy))).collect()
}
