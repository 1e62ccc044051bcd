//! What `vary gradcheck` found, for people and as JSON.

use serde_json::{Value, json};

use super::table::{Table, number_text};
use crate::engine::{FALSE_ALARM, GradCheck, How, TRAINING};

/// Tables with a sentence on each.
pub fn text(found: &GradCheck) -> String {
    let place = match found.after {
        0 => "at the start".to_owned(),
        steps => format!("after {steps} steps"),
    };
    let GradCheck { fit, name, gradients, samples, step_us, .. } = found;
    let objective = name.as_ref().map_or(String::new(), |name| format!(", {name}"));
    let mut text = format!(
        "{fit}{objective}: {gradients} gradients of {samples} draws {place}, {} µs each\n",
        number_text(*step_us)
    );
    text += &format!("reference: {}\n", how(found.how));
    let (mean, reference) = found.objective;
    text += &format!("objective  {} (reference {})\n", number_text(mean), number_text(reference));
    text += &entries(found);
    text += &verdict(found);
    text += &shares(found);
    text += &rankings(found);
    text
}

fn how(how: How) -> String {
    match how {
        How::Enumeration => "exact, by enumeration".to_owned(),
        How::Quadrature(1) => "by quadrature over one random number".to_owned(),
        How::Quadrature(dimensions) => format!("by quadrature over {dimensions} random numbers"),
        How::LongRun(draws) => format!("differences over {draws} draws with common random numbers"),
    }
}

fn entries(found: &GradCheck) -> String {
    let mut table =
        Table::new(&["gradient by", "mean", "s.e.", "reference", "z", "variance per draw", "tail"]);
    for entry in &found.entries {
        let tail = if entry.tail.is_nan() { "–".to_owned() } else { format!("{:.2}", entry.tail) };
        table.row([
            entry.name.clone(),
            number_text(entry.mean),
            number_text(entry.se),
            number_text(entry.reference),
            format!("{:.2}", entry.z),
            number_text(entry.variance),
            tail,
        ]);
    }
    let mut text = table.draw();
    if found.dimension > found.entries.len() {
        text += &format!("{} of {} entries, evenly spaced\n", found.entries.len(), found.dimension);
    }
    text
}

fn verdict(found: &GradCheck) -> String {
    let limit = format!("{:.2}", found.limit);
    let biased: Vec<&str> = found.biased().map(|entry| entry.name.as_str()).collect();
    let mut text = match biased.as_slice() {
        [] => format!("\nno bias seen: every |z| ≤ {limit}"),
        biased => format!("\nBIASED by {}: |z| > {limit}", biased.join(", ")),
    };
    text += &format!(", which an unbiased estimator exceeds once in {:.0} checks\n", 1.0 / FALSE_ALARM);
    for label in &found.labels {
        text += &format!("labelled biased: {label}\n");
    }
    for entry in found.heavy() {
        text += &format!(
            "the variance by {} looks infinite: the tail of its gradients has shape {:.2}, and from 0.5 on there is none\n",
            entry.name, entry.tail
        );
    }
    text
}

fn shares(found: &GradCheck) -> String {
    let mut table = Table::new(&["share of the variance", "strategy", "line", "share"]);
    for site in &found.sites {
        let line = site.line.map_or(String::new(), |line| line.to_string());
        table.row([site.address.clone(), site.strategy.clone(), line, format!("{:.3}", site.share)]);
    }
    for rows in &found.rows {
        let taken = format!("{} of {} rows", rows.size, rows.rows);
        table.row([rows.plate.clone(), taken, String::new(), format!("{:.3}", rows.share)]);
    }
    table.draw()
}

fn rankings(found: &GradCheck) -> String {
    let mut text = String::new();
    for ranking in &found.rankings {
        let line = ranking.line.map_or(String::new(), |line| format!(", line {line}"));
        let title = format!("{}{line}", ranking.address);
        let mut table = Table::new(&[&title, "variance per draw", "µs per draw", "variance × cost"]);
        for one in &ranking.alternatives {
            let written = if one.current { format!("{} (in use)", one.write) } else { one.write.clone() };
            table.row([
                written,
                number_text(one.variance),
                number_text(one.draw_us),
                format!("{}×", number_text(one.relative)),
            ]);
        }
        text += &table.draw();
    }
    if found.rankings.iter().flat_map(|ranking| &ranking.alternatives).any(|one| one.trained) {
        text += &format!("control variates and baselines were trained for {TRAINING} steps before\n");
    }
    text
}

/// One JSON object on one line, with its line end; `name` is of the objective, `null` where the fit has one. Numbers that are not finite are `null`.
pub fn json(found: &GradCheck) -> String {
    let (kind, size) = match found.how {
        How::Enumeration => ("enumeration", Value::Null),
        How::Quadrature(dimensions) => ("quadrature", json!(dimensions)),
        How::LongRun(draws) => ("common random numbers", json!(draws)),
    };
    let entries: Vec<Value> = found
        .entries
        .iter()
        .map(|entry| {
            json!({
                "name": entry.name, "mean": entry.mean, "se": entry.se, "reference": entry.reference,
                "z": entry.z, "variance": entry.variance, "tail": entry.tail,
            })
        })
        .collect();
    let sites: Vec<Value> = found
        .sites
        .iter()
        .map(|site| {
            json!({"address": site.address, "strategy": site.strategy, "line": site.line, "share": site.share})
        })
        .collect();
    let rows: Vec<Value> = found
        .rows
        .iter()
        .map(|rows| json!({"plate": rows.plate, "size": rows.size, "rows": rows.rows, "share": rows.share}))
        .collect();
    let rankings: Vec<Value> = found
        .rankings
        .iter()
        .map(|ranking| {
            let alternatives: Vec<Value> = ranking
                .alternatives
                .iter()
                .map(|one| {
                    json!({
                        "write": one.write, "current": one.current, "variance": one.variance,
                        "draw_us": one.draw_us, "relative": one.relative, "trained": one.trained,
                    })
                })
                .collect();
            json!({"address": ranking.address, "line": ranking.line, "alternatives": alternatives})
        })
        .collect();
    let object = json!({
        "schema": 1,
        "fit": found.fit,
        "name": found.name,
        "reference": {"kind": kind, "size": size},
        "objective": {"mean": found.objective.0, "reference": found.objective.1},
        "gradient": entries,
        "dimension": found.dimension,
        "limit": found.limit,
        "biased": found.biased().map(|entry| entry.name.clone()).collect::<Vec<_>>(),
        "labelled_biased": found.labels,
        "sites": sites, "minibatch": rows,
        "rankings": rankings,
        "samples": found.samples,
        "gradients": found.gradients,
        "after": found.after,
        "step_us": found.step_us,
    });
    format!("{object}\n")
}
