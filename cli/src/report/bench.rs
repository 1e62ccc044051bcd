//! What `vary bench` measured, for people and as JSON.

use serde_json::json;

use super::table::{Table, number_text};
use crate::engine::{Bench, Quantiles};

/// A table of times and what they are of the machine's own rates.
pub fn text(found: &Bench) -> String {
    let Bench { fit, samples, parameters, threads, float, work, machine, .. } = found;
    let mut text = format!(
        "{fit}: {samples} draws, {parameters} parameters, {threads} threads, {float} bits, compiled in {} ms\n",
        number_text(found.compile * 1e3)
    );
    let mut table = Table::new(&["µs", "median", "10 %", "90 %"]);
    for (name, times) in [("gradient", found.gradient_us), ("step", found.step_us)] {
        table.row([name.to_owned()].into_iter().chain([times.median, times.p10, times.p90].map(number_text)));
    }
    text += &table.draw();
    let seconds = found.gradient_us.median * 1e-6;
    text += &format!(
        "{} operations a gradient, {} % in matrix and inner products: {} GFLOP/s, {} % of this machine's {}\n",
        number_text(work.operations),
        number_text((100.0 * work.in_products / work.operations).round()),
        number_text(work.operations / seconds / 1e9),
        number_text((100.0 * found.share_of_arithmetic()).round()),
        number_text(machine.operations / 1e9),
    );
    text += &format!(
        "{} MB through instructions: {} GB/s; this machine's memory {} GB/s\n",
        number_text(found.bytes() / 1e6),
        number_text(found.bytes() / seconds / 1e9),
        number_text(machine.bytes / 1e9),
    );
    text += &format!(
        "plan: {} instructions, {} matrix products, {} KiB of working memory\n",
        found.instructions,
        found.matrix_products,
        found.arena_bytes / 1024
    );
    text
}

/// One JSON object.
pub fn json(found: &Bench) -> String {
    let quantiles = |times: Quantiles| json!({"median": times.median, "p10": times.p10, "p90": times.p90});
    let seconds = found.gradient_us.median * 1e-6;
    let object = json!({
        "schema": 1,
        "fit": found.fit,
        "objective": found.objective,
        "gradient_us": quantiles(found.gradient_us),
        "step_us": quantiles(found.step_us),
        "compile_seconds": found.compile,
        "gflops": found.work.operations / seconds / 1e9,
        "gbytes_per_second": found.bytes() / seconds / 1e9,
        "machine": {
            "gflops": found.machine.operations / 1e9,
            "gbytes_per_second": found.machine.bytes / 1e9,
        },
        "operations": found.work.operations,
        "operations_in_products": found.work.in_products,
        "bytes": found.bytes(),
        "arena_bytes": found.arena_bytes,
        "instructions": found.instructions,
        "matrix_products": found.matrix_products,
        "parameters": found.parameters,
        "samples": found.samples,
        "threads": found.threads,
        "float": found.float,
    });
    format!("{object}\n")
}
