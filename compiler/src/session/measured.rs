//! An objective at the fitted parameters, over all data and by fresh draws.

use super::estimator::{Moment, Sampler, Setup};
use super::fit::sense;
use super::minibatch::Plate;
use super::prepare::Prepared;
use crate::elaborate::Bound;
use vary_core::ir::Program;
use vary_core::transform::adev;
use vary_runtime::fit as run;
use vary_runtime::fit::{MonteCarlo, ObjectiveReport};

/// Draws that the final objective is measured with.
const FRESH_DRAWS: usize = 5000;
/// The least of them where all rows are many batches.
const FEWEST_DRAWS: usize = 10;

/// The objective by fresh draws; where a strategy relaxes values, of what they stand for, since the relaxed objective is
/// another one.
pub(super) fn measured(
    fit: &Prepared,
    which: usize,
    values: &[f64],
    tail: Option<run::Tail>,
    done: u64,
    setup: &Setup,
) -> Result<ObjectiveReport, String> {
    let objective = &fit.fit.objectives[which];
    let relaxed = fit.derived[which].estimator.sites.iter().any(|site| site.chosen.bias().is_some());
    let wanted = if objective.log_moment.is_some() { adev::LOG_MOMENT } else { adev::OBJECTIVE };
    let mut programs = Vec::new();
    for (sizes, derived) in fit.programs(which) {
        let mut primal = if relaxed {
            let program = super::minibatch::subsampled(objective, &fit.plates, &sizes);
            let program = program.map_err(|found| found.message)?.program;
            adev::sampler(&program).map_err(|diagnostic| diagnostic.message)?
        } else {
            derived.estimator.program.clone()
        };
        primal.results.retain(|result| result.name == wanted);
        programs.push((sizes, primal));
    }
    let estimates = over_all_rows(&programs, values, done, setup)?;
    let measured = match objective.log_moment {
        Some(order) => MonteCarlo::log_moment(&estimates, order),
        None => MonteCarlo::of(&estimates),
    };
    Ok(ObjectiveReport {
        name: objective.name.clone(),
        mean: measured.mean,
        se: measured.se,
        draws: measured.draws,
        tail,
        sense: sense(objective),
        bound: match objective.bound {
            Bound::Lower => Some(run::Bound::Lower),
            Bound::Upper => Some(run::Bound::Upper),
            Bound::None => None,
        },
    })
}

/// The draws of an objective over all rows: the mean of those over the batches of a partition, by their numbers of rows.
/// What is drawn outside of rows is the same for all batches, and a row has its own random numbers in each, so that this
/// is, draw by draw, the objective of all rows.
fn over_all_rows(
    programs: &[(Vec<usize>, Program)],
    values: &[f64],
    done: u64,
    setup: &Setup,
) -> Result<Vec<f64>, String> {
    let steps: usize = setup.plates.iter().map(|plate| plate.rows.div_ceil(plate.size)).product();
    let draws = match steps {
        0 | 1 => FRESH_DRAWS,
        // Each costs as much as so many steps; all together no more than the fit, if that was long enough.
        _ => (FRESH_DRAWS / steps).min(done as usize / steps).max(FEWEST_DRAWS),
    };
    let samplers = programs.iter().map(|(_, program)| Sampler::new(program, draws, setup));
    let mut samplers = samplers.collect::<Result<Vec<_>, String>>()?;
    let mut totals = vec![0.0; draws];
    for rows in partition(setup.plates) {
        let share = rows.iter().zip(setup.plates).map(|(rows, plate)| rows.len() as f64 / plate.rows as f64);
        let share: f64 = share.product();
        let sizes: Vec<usize> = rows.iter().map(Vec::len).collect();
        let own = programs.iter().position(|(known, _)| *known == sizes);
        let own = own.ok_or("a batch has another size")?;
        let found = samplers[own].sample(&Moment { values, draws, step: 0, done, rows: &rows })?;
        let found = found.iter().flat_map(|(_, array)| array.iter());
        totals.iter_mut().zip(found).for_each(|(total, value)| *total += share * value);
    }
    Ok(totals)
}

/// Every combination of the batches of each plate's rows in their order.
fn partition(plates: &[Plate]) -> Vec<Vec<Vec<u32>>> {
    plates.iter().fold(vec![Vec::new()], |all, plate| {
        let rows: Vec<u32> = (0..plate.rows as u32).collect();
        let with = |batch: &[u32]| {
            let batch = batch.to_vec();
            all.iter()
                .map(move |others| [others.as_slice(), std::slice::from_ref(&batch)].concat())
                .collect::<Vec<_>>()
        };
        rows.chunks(plate.size).flat_map(with).collect()
    })
}
