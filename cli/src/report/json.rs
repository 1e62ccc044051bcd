//! The JSON of `vary fit --json`, schema 1. Numbers that are not finite are written as `null`.

use ndarray::{ArrayViewD, Axis};
use serde_json::{Map, Value, json};
use vary_runtime::fit::{
    ARRAY_LIMIT, FitReport, MonteCarlo, ObjectiveReport, Posterior, PosteriorEntries, Summary,
};

/// One JSON object on one line, with its line end.
pub fn json(report: &FitReport) -> String {
    format!("{}\n", value(report))
}

/// As a value; its keys stand in the order of the contract.
pub(super) fn value(report: &FitReport) -> Value {
    let mut object = Map::new();
    let mut put = |key: &str, value: Value| {
        object.insert(key.to_owned(), value);
    };
    put("schema", json!(1));
    put("fit", json!(report.fit));
    put("model", json!(report.model));
    put("guide", json!(report.guide));
    put("objective", report.objectives.first().map_or(Value::Null, objective));
    if report.objectives.len() > 1 {
        put("objectives", report.objectives.iter().map(objective).collect());
    }
    put("estimator", estimator(report));
    put(
        "parameters",
        named(report.parameters.iter().map(|(name, value)| (name.clone(), parameter(value.view())))),
    );
    put("posterior", named(report.posterior.iter().flat_map(posterior)));
    let diagnostics = &report.diagnostics;
    put(
        "diagnostics",
        json!({
            "khat": diagnostics.khat,
            "ess": diagnostics.ess,
            "converged": diagnostics.converged,
            "messages": diagnostics.messages,
        }),
    );
    put("steps", json!(report.steps));
    let seconds = &report.seconds;
    put("seconds", json!({"compile": seconds.compile, "optimise": seconds.optimise, "total": seconds.total}));
    put(
        "step_us",
        report
            .step_us
            .map_or(Value::Null, |time| json!({"median": time.median, "p10": time.p10, "p90": time.p90})),
    );
    put("seed", json!(report.seed));
    put("threads", json!(report.threads));
    put("float", json!(report.float));
    Value::Object(object)
}

fn objective(objective: &ObjectiveReport) -> Value {
    json!({
        "name": objective.name,
        "mean": objective.mean,
        "se": objective.se,
        "draws": objective.draws,
        "tail_mean": objective.tail.map(|tail| tail.mean),
        "tail_steps": objective.tail.map_or(0, |tail| tail.steps),
        "sense": super::sense(objective.sense),
        "bound": objective.bound.map(super::bound),
    })
}

fn estimator(report: &FitReport) -> Value {
    let sites: Vec<Value> = report
        .estimator
        .sites
        .iter()
        .map(|site| json!({"address": site.address, "strategy": site.strategy, "line": site.line}))
        .collect();
    json!({"unbiased": report.estimator.unbiased, "sites": sites, "notes": report.estimator.notes})
}

/// A number, nested arrays, or a summary of the whole.
fn parameter(value: ArrayViewD<f64>) -> Value {
    if value.len() > ARRAY_LIMIT {
        let values: Vec<f64> = value.iter().copied().collect();
        let MonteCarlo { mean, se, draws } = MonteCarlo::of(&values);
        return whole(value.shape(), mean, se * (draws as f64).sqrt());
    }
    nested(value)
}

fn nested(value: ArrayViewD<f64>) -> Value {
    match value.ndim() {
        0 => value.first().map_or(Value::Null, |x| json!(x)),
        _ => value.axis_iter(Axis(0)).map(nested).collect(),
    }
}

fn posterior(posterior: &Posterior) -> Vec<(String, Value)> {
    match &posterior.entries {
        PosteriorEntries::Whole { mean, sd } => {
            vec![(posterior.name.clone(), whole(&posterior.shape, *mean, *sd))]
        }
        PosteriorEntries::Each(entries) => entries
            .iter()
            .enumerate()
            .map(|(number, entry)| {
                let Summary { mean, sd, q05, q50, q95 } = entry;
                let name = posterior.entry_name(number);
                (name, json!({"mean": mean, "sd": sd, "q05": q05, "q50": q50, "q95": q95}))
            })
            .collect(),
    }
}

/// `file` is null: nothing is written.
fn whole(shape: &[usize], mean: f64, sd: f64) -> Value {
    json!({"shape": shape, "mean": mean, "sd": sd, "file": null})
}

fn named(entries: impl Iterator<Item = (String, Value)>) -> Value {
    Value::Object(entries.collect())
}
