//! The fit loop. After its start it allocates nothing.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::timing::StepTimer;
use super::{Estimator, Optimizer, Sense, StepTime};

/// The most objective estimates that the tail mean is taken over.
pub const TAIL_STEPS: u64 = 1000;
/// The least time between two calls of [`Observer::progress`].
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// What the loop is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How many steps.
    pub steps: u64,
    /// Which way.
    pub sense: Sense,
}

/// Who watches a fit. `()` watches nothing.
pub trait Observer {
    /// After every step: its number from 0 and the objective estimate at the parameters before it.
    fn step(&mut self, _step: u64, _objective: f64) {}

    /// Now and then, at most ten times a second.
    fn progress(&mut self, _progress: &Progress) {}
}

impl Observer for () {}

/// How far a fit is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Steps to do in all.
    pub steps: u64,
    /// Mean of the objective estimates of the last steps, at most [`TAIL_STEPS`].
    pub objective: f64,
    /// Time since the first step began.
    pub elapsed: Duration,
}

/// What a fit leaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// The parameters after the last step; after a failure those of the last good step (or the
    /// start, when already the first step failed).
    pub params: Vec<f64>,
    /// How many steps were done.
    pub steps: u64,
    /// Why it ended.
    pub outcome: Outcome,
    /// Mean of the last estimates of each objective; absent when no step was done.
    pub tails: Vec<Option<Tail>>,
    /// Time per step; absent when no step was done.
    pub step_us: Option<StepTime>,
    /// Seconds from the first step to the last.
    pub seconds: f64,
}

/// Why a fit ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// All steps are done.
    Finished,
    /// The interrupt flag was set.
    Interrupted,
    /// A number was not finite.
    Failed(Failure),
}

/// The first step at which a number was not finite.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// The step, from 0.
    pub step: u64,
    /// The parameters at which the estimator was run, or that the last update gave.
    pub params: Vec<f64>,
    /// The objective estimate.
    pub objective: f64,
    /// The first component of the gradient that is not finite, and its value, if one is not.
    pub gradient: Option<(usize, f64)>,
}

/// A mean over the end of a fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tail {
    /// Mean objective estimate.
    pub mean: f64,
    /// Over how many steps.
    pub steps: u64,
}

/// Runs `settings.steps` steps from `start`, unless a number that is not finite or the interrupt flag
/// (read before each step) ends it earlier.
///
/// # Panics
/// When `start` has not the estimator's dimension: the caller made both.
pub fn fit(
    estimator: &mut dyn Estimator,
    optimizer: &mut dyn Optimizer,
    start: &[f64],
    settings: Settings,
    interrupt: &AtomicBool,
    observer: &mut dyn Observer,
) -> Fitted {
    assert_eq!(start.len(), estimator.dimension(), "the start is not a parameter vector of the estimator");
    let mut params = start.to_vec();
    let mut replaced = Replaced::default();
    let all: Vec<_> = std::iter::once(0..start.len()).collect();
    let mut gradient = vec![0.0; start.len()];
    let mut recent = Recent::new(settings.steps);
    let mut others: Vec<Recent> = estimator.others().iter().map(|_| Recent::new(settings.steps)).collect();
    let mut done = 0;
    let mut outcome = Outcome::Finished;
    let began = Instant::now();
    let mut reported = began;
    let mut timer = StepTimer::start();
    while done < settings.steps {
        if interrupt.load(Ordering::Relaxed) {
            outcome = Outcome::Interrupted;
            break;
        }
        let objective = estimator.step(&params, done, &mut gradient);
        let moved = estimator.moved().unwrap_or(&all);
        let finite = moved.iter().all(|range| all_finite(&gradient[range.clone()]));
        if !objective.is_finite() || !all_finite(estimator.others()) || !finite {
            let wrong = moved.iter().flat_map(Clone::clone).find(|at| !gradient[*at].is_finite());
            let gradient = wrong.map(|component| (component, gradient[component]));
            outcome = Outcome::Failed(Failure { step: done, params: params.clone(), objective, gradient });
            replaced.put_back(&mut params);
            break;
        }
        replaced.keep(&params, moved);
        optimizer.update(&mut params, &gradient, moved, settings.sense);
        recent.push(objective);
        others.iter_mut().zip(estimator.others()).for_each(|(recent, value)| recent.push(*value));
        observer.step(done, objective);
        done += 1;
        if let Some(now) = timer.step()
            && now - reported >= PROGRESS_EVERY
        {
            let (steps, objective, elapsed) = (settings.steps, recent.mean(), now - began);
            observer.progress(&Progress { step: done, steps, objective, elapsed });
            reported = now;
            timer.skip();
        }
    }
    // The last update is the only one that no estimate follows.
    if outcome == Outcome::Finished && !all_finite(&params) {
        let at = params.clone();
        let failure = Failure { step: done - 1, params: at, objective: recent.last(), gradient: None };
        outcome = Outcome::Failed(failure);
        replaced.put_back(&mut params);
    }
    Fitted {
        params,
        steps: done,
        outcome,
        tails: std::iter::once(&recent).chain(&others).map(Recent::tail).collect(),
        step_us: timer.finish(),
        seconds: began.elapsed().as_secs_f64(),
    }
}

/// Whether no number is infinite or NaN. By blocks, because a search that may end at any number is
/// not vectorised.
fn all_finite(values: &[f64]) -> bool {
    values.chunks(64).all(|block| block.iter().fold(true, |finite, x| finite & x.is_finite()))
}

/// What the last update replaced, for the way back to the last good state.
#[derive(Default)]
struct Replaced {
    ranges: Vec<Range<usize>>,
    values: Vec<f64>,
}

impl Replaced {
    fn keep(&mut self, params: &[f64], ranges: &[Range<usize>]) {
        self.ranges.clear();
        self.values.clear();
        self.ranges.extend_from_slice(ranges);
        ranges.iter().for_each(|range| self.values.extend_from_slice(&params[range.clone()]));
    }

    fn put_back(&self, params: &mut [f64]) {
        let mut values = &self.values[..];
        for range in &self.ranges {
            let (own, rest) = values.split_at(range.len());
            params[range.clone()].copy_from_slice(own);
            values = rest;
        }
    }
}

/// The last objective estimates in a ring.
struct Recent {
    ring: Vec<f64>,
    capacity: usize,
    next: usize,
}

impl Recent {
    fn new(steps: u64) -> Self {
        let capacity = steps.clamp(1, TAIL_STEPS) as usize;
        Recent { ring: Vec::with_capacity(capacity), capacity, next: 0 }
    }

    fn push(&mut self, objective: f64) {
        if self.ring.len() < self.capacity {
            self.ring.push(objective);
        } else {
            self.ring[self.next] = objective;
        }
        self.next = (self.next + 1) % self.capacity;
    }

    fn last(&self) -> f64 {
        let at = (self.next + self.capacity - 1) % self.capacity;
        self.ring.get(at).copied().unwrap_or(f64::NAN)
    }

    fn mean(&self) -> f64 {
        self.ring.iter().sum::<f64>() / self.ring.len() as f64
    }

    fn tail(&self) -> Option<Tail> {
        (!self.ring.is_empty()).then(|| Tail { mean: self.mean(), steps: self.ring.len() as u64 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::{Adam, Sgd};

    /// `−Σ (p_i − target_i)²`, without noise.
    struct Quadratic {
        target: Vec<f64>,
        /// From this step on the objective (or gradient) is NaN.
        fails_at: Option<(u64, bool)>,
    }

    fn quadratic(target: &[f64]) -> Quadratic {
        Quadratic { target: target.to_vec(), fails_at: None }
    }

    impl Estimator for Quadratic {
        fn dimension(&self) -> usize {
            self.target.len()
        }

        fn step(&mut self, params: &[f64], step: u64, gradient: &mut [f64]) -> f64 {
            let mut objective = 0.0;
            for ((g, p), t) in gradient.iter_mut().zip(params).zip(&self.target) {
                *g = -2.0 * (p - t);
                objective -= (p - t) * (p - t);
            }
            match self.fails_at {
                Some((at, true)) if step >= at => f64::NAN,
                Some((at, false)) if step >= at => {
                    *gradient.last_mut().unwrap() = f64::INFINITY;
                    objective
                }
                _ => objective,
            }
        }
    }

    fn run(mut estimator: Quadratic, optimizer: &mut dyn Optimizer, steps: u64) -> Fitted {
        let start = vec![0.0; estimator.dimension()];
        let settings = Settings { steps, sense: Sense::Maximize };
        fit(&mut estimator, optimizer, &start, settings, &AtomicBool::new(false), &mut ())
    }

    #[test]
    fn sgd_by_hand() {
        // From 0 towards 3 at rate 0.1: the distance shrinks by 0.8 a step.
        let fitted = run(quadratic(&[3.0]), &mut Sgd::new(0.1).unwrap(), 2);
        assert!((fitted.params[0] - 1.08).abs() < 1e-15);
        assert_eq!(fitted.steps, 2);
        let tail = fitted.tails[0].unwrap();
        assert_eq!(tail.steps, 2);
        assert!((tail.mean - -0.5 * (9.0 + 5.76)).abs() < 1e-12);
        assert_eq!(fitted.outcome, Outcome::Finished);
    }

    #[test]
    fn both_optimisers_find_the_optimum() {
        let target = [3.0, -2.0, 0.5];
        let sgd = run(quadratic(&target), &mut Sgd::new(0.1).unwrap(), 200);
        let adam = run(quadratic(&target), &mut Adam::new(0.05, 0.9, 0.999, 1e-8, 3).unwrap(), 2000);
        for fitted in [sgd, adam] {
            for (p, t) in fitted.params.iter().zip(target) {
                assert!((p - t).abs() < 1e-6, "{fitted:?}");
            }
        }
    }

    #[test]
    fn tail_is_the_last_thousand_steps() {
        struct Counting;
        impl Estimator for Counting {
            fn dimension(&self) -> usize {
                0
            }
            fn step(&mut self, _: &[f64], step: u64, _: &mut [f64]) -> f64 {
                step as f64
            }
        }
        let settings = Settings { steps: 2500, sense: Sense::Minimize };
        let flag = AtomicBool::new(false);
        let fitted = fit(&mut Counting, &mut Sgd::new(1.0).unwrap(), &[], settings, &flag, &mut ());
        assert_eq!(fitted.tails, [Some(Tail { mean: 1999.5, steps: 1000 })]);
        assert!(fitted.step_us.is_some());
    }

    #[test]
    fn a_failure_keeps_the_last_good_state() {
        for objective in [true, false] {
            let estimator = Quadratic { fails_at: Some((2, objective)), ..quadratic(&[3.0, 3.0]) };
            let fitted = run(estimator, &mut Sgd::new(0.1).unwrap(), 10);
            let Outcome::Failed(failure) = &fitted.outcome else { panic!("{fitted:?}") };
            assert_eq!((failure.step, fitted.steps), (2, 2));
            assert!((fitted.params[0] - 0.6).abs() < 1e-15, "the last state with a finite estimate");
            assert!((failure.params[0] - 1.08).abs() < 1e-15, "the state that failed");
            assert_eq!(failure.objective.is_nan(), objective);
            assert_eq!(failure.gradient, (!objective).then_some((1, f64::INFINITY)));
        }
        let at_once = Quadratic { fails_at: Some((0, true)), ..quadratic(&[3.0]) };
        let fitted = run(at_once, &mut Sgd::new(0.1).unwrap(), 10);
        assert_eq!((fitted.params, fitted.steps, fitted.tails), (vec![0.0], 0, vec![None]));
    }

    #[test]
    fn an_overflow_in_the_last_update_is_a_failure() {
        let fitted = run(quadratic(&[1e160]), &mut Sgd::new(f64::MAX).unwrap(), 1);
        assert_eq!(fitted.params, [0.0]);
        assert!(matches!(fitted.outcome, Outcome::Failed(_)));
    }

    #[test]
    fn an_interrupt_keeps_what_is_done() {
        struct StopAfter<'a>(u64, &'a AtomicBool);
        impl Observer for StopAfter<'_> {
            fn step(&mut self, step: u64, _: f64) {
                if step + 1 == self.0 {
                    self.1.store(true, Ordering::Relaxed);
                }
            }
        }
        let flag = AtomicBool::new(false);
        let settings = Settings { steps: 1_000_000, sense: Sense::Maximize };
        let mut sgd = Sgd::new(0.1).unwrap();
        let fitted = fit(&mut quadratic(&[3.0]), &mut sgd, &[0.0], settings, &flag, &mut StopAfter(2, &flag));
        assert_eq!((fitted.steps, fitted.outcome), (2, Outcome::Interrupted));
        assert!((fitted.params[0] - 1.08).abs() < 1e-15);
    }

    #[test]
    fn progress_comes_at_most_ten_times_a_second() {
        struct Slow;
        impl Estimator for Slow {
            fn dimension(&self) -> usize {
                0
            }
            fn step(&mut self, _: &[f64], _: u64, _: &mut [f64]) -> f64 {
                std::thread::sleep(Duration::from_millis(10));
                1.0
            }
        }
        #[derive(Default)]
        struct Calls(Vec<Progress>);
        impl Observer for Calls {
            fn progress(&mut self, progress: &Progress) {
                self.0.push(*progress);
            }
        }
        let mut calls = Calls::default();
        let settings = Settings { steps: 25, sense: Sense::Maximize };
        let flag = AtomicBool::new(false);
        let fitted = fit(&mut Slow, &mut Sgd::new(1.0).unwrap(), &[], settings, &flag, &mut calls);
        assert!(
            !calls.0.is_empty() && calls.0.len() as f64 <= fitted.seconds / 0.1,
            "{calls:?}",
            calls = calls.0
        );
        assert_eq!(calls.0[0].objective, 1.0);
        assert!(fitted.step_us.unwrap().median >= 10_000.0);
    }
}
