//! Sizes of programs over plates: what a step costs is linear in the rows, whatever the strategy.

use crate::oracle::Strategy;
use crate::program::Program;
use vary_compiler::vectorize::{emit_tiled, report};

/// Rows of the plates compared.
pub const ROWS: [usize; 3] = [500, 1000, 2000];

/// Draws of a step.
const DRAWS: usize = 64;

/// A strategy's sizes.
#[derive(Debug, Clone)]
pub struct Row {
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

fn source(strategy: Strategy) -> String {
    format!(
        "data n: int\ndata y: real[n]\n\
         model rows {{\n  plate i in 0..n {{\n    s[i] ~ flip(0.3)\n    y[i] ~ normal(real(s[i]), 1)\n  }}\n}}\n\
         guide flips {{\n  param l: real[n]\n  plate i in 0..n {{ s[i] ~ {} }}\n}}\n\
         fit: maximize elbo(rows, flips) {{ }}\n",
        strategy.call("flip", "sigmoid(l[i])")
    )
}

/// A row for every strategy of a flip.
pub fn rows() -> Vec<Row> {
    use Strategy::{Enum, Mvd, Rebar, Reinforce, ReinforceAverage, Relax, Rloo, RlooCopies};
    let strategies = [Enum, Mvd, Rloo, RlooCopies, Reinforce, ReinforceAverage, Rebar, Relax];
    let size = |strategy: Strategy, rows: usize| {
        let y = vec!["0.4"; rows].join(", ");
        let program =
            Program::with(&source(strategy), None, Some(&format!("{{\"y\": [{y}]}}")), Default::default())?;
        let size = report(&emit_tiled(&program.derived.gradient, DRAWS, None))
            .map_err(|e| format!("{} {}", e.place, e.rule))?;
        Ok((size.instructions, size.lanes))
    };
    let row = |strategy| Row { strategy, sizes: ROWS.iter().map(|rows| size(strategy, *rows)).collect() };
    strategies.into_iter().map(row).collect()
}
