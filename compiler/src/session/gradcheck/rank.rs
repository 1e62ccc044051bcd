//! The strategies that each site could use, by variance × cost.

use super::measure::{self, Gradients, Measured};
use super::{Asked, Checked};
use crate::pipeline::Ad;
use crate::session::estimator::{Setup, place_coefficients};
use crate::session::prepare::Prepared;
use crate::session::{minibatch, strategies};
use vary_core::ir::{Setting, Site, Strategy};
use vary_core::transform::adev::estimator::Kind;
use vary_core::transform::adev::strategy::{self, sites};

/// The strategies of one site, best first.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    /// The site.
    pub address: String,
    /// Its line in the user's file.
    pub line: Option<u32>,
    /// What it could use, what it does use among them.
    pub alternatives: Vec<Alternative>,
}

/// One strategy at one site, all others as they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Alternative {
    /// The distribution's call as it is to be written.
    pub write: String,
    /// Whether it is the one in use.
    pub current: bool,
    /// Variance of one draw's gradient, summed over the parameters.
    pub variance: f64,
    /// Microseconds per draw.
    pub draw_us: f64,
    /// Variance × cost over that of the strategy in use: below one is better.
    pub relative: f64,
    /// Whether what control variates and baselines have to learn was trained at this point before measuring.
    pub trained: bool,
}

impl Prepared {
    /// Every site with another strategy, each tried alone.
    pub(super) fn rankings(
        &self,
        checked: &Checked,
        current: &Measured,
        values: &[f64],
        asked: &Asked,
        setup: &Setup,
    ) -> Result<Vec<Ranking>, String> {
        let samples = self.settings.samples;
        let found = sites(&checked.objective.program);
        let mut rankings = Vec::new();
        let learned =
            measure::trained(&checked.derived, &self.shorter[checked.which], values, samples, setup)?;
        let measured = match &learned {
            Some(own) => measure::measure(&checked.gradients(samples), own, asked.gradients, setup)?,
            None => current.clone(),
        };
        let current = (&measured, learned.is_some());
        for site in &checked.sites {
            let Some(sample) = found.iter().find(|sample| *sample.site.address == *site.address) else {
                continue;
            };
            let name = &sample.site.dist.name;
            let in_use = alternative(format!("{name}.{}(…)", site.strategy), true, current, samples);
            let mut alternatives = vec![in_use];
            for (strategy, options) in candidates(&sample.site) {
                if strategy.name == site.strategy && options.is_empty() {
                    continue;
                }
                let mut objective = checked.objective.clone();
                strategies::set(&mut objective.program, &site.address, &strategy);
                // What is not allowed here, such as a smooth value that is branched on, is no alternative.
                let Ok((derived, shorter)) =
                    minibatch::derive_all(&objective, &self.plates, samples, Ad::Auto)
                else {
                    continue;
                };
                let states = &derived.estimator.states;
                let programs = self.of_objective(&derived, &shorter);
                let gradients = Gradients { programs, states, samples };
                // Coefficients of its own start at zero.
                let params = place_coefficients(setup.params.to_vec(), std::iter::once(&derived.estimator));
                let count = params.iter().map(|placed| placed.len).sum();
                let mut own = values.to_vec();
                own.resize(count, 0.0);
                let setup = Setup { params: &params, ..*setup };
                let learned = measure::trained(&derived, &shorter, &own, samples, &setup)?;
                let at = learned.as_ref().unwrap_or(&own);
                let measured = measure::measure(&gradients, at, asked.gradients, &setup)?;
                let write = format!("{name}.{}(…{options})", strategy.name);
                alternatives.push(alternative(write, false, (&measured, learned.is_some()), samples));
            }
            let worth = |one: &Alternative| one.variance * one.draw_us;
            let base = worth(&alternatives[0]);
            for one in &mut alternatives {
                one.relative = if base > 0.0 { worth(one) / base } else { f64::NAN };
            }
            alternatives.sort_by(|a, b| worth(a).total_cmp(&worth(b)));
            rankings.push(Ranking { address: site.address.clone(), line: site.line, alternatives });
        }
        Ok(rankings)
    }
}

fn alternative(
    write: String,
    current: bool,
    (measured, trained): (&Measured, bool),
    samples: usize,
) -> Alternative {
    let variance = measured.variance.iter().sum::<f64>() * samples as f64;
    let draw_us = measured.step_us / samples as f64;
    Alternative { write, current, variance, draw_us, relative: 1.0, trained }
}

/// Strategies that the site's distribution has, with the settings to write after its arguments.
fn candidates(site: &Site) -> Vec<(Strategy, &'static str)> {
    let mut all = Vec::new();
    for rule in strategy::candidates(site, true) {
        let plain = Strategy::named(rule.name());
        for (setting, kind) in rule.settings() {
            match kind {
                Kind::Temperature | Kind::Control => {}
                Kind::Baseline => {
                    let average = plain.clone().with(setting, Setting::MovingAverage(0.9));
                    all.push((average, ", baseline = moving_average(0.9)"));
                }
                Kind::Copies => {
                    all.push((plain.clone().with(setting, Setting::Number(4.0)), ", copies = 4"));
                }
                Kind::Count => {}
            }
        }
        all.push((plain, ""));
    }
    all
}
