//! Programs under test: from text to gradient estimates, values and draws, all through the session.

use std::collections::BTreeMap;
use std::sync::Arc;
use vary_compiler::elaborate::Fit;
use vary_compiler::pipeline::{Ad, Derived, derive};
use vary_compiler::session::{
    Data, GradientEstimator, Moment, Options, Placed, Session, Setup, place, place_coefficients, sample,
};
use vary_core::transform::adev;
use vary_core::transform::adev::strategy::USUAL_SAMPLES;
use vary_diagnostic::Diagnostic;
use vary_runtime::data::{self, Source, Values};
use vary_runtime::fit::Estimator;
use vary_runtime::float::Width;

/// A compiled fit whose parameters are scalars or arrays of reals.
pub struct Program {
    /// The fit.
    pub fit: Fit,
    /// Its stages.
    pub derived: Derived,
    /// Its parameters in the order of parameter vectors.
    pub params: Vec<Placed>,
    /// Its data.
    pub data: Data,
}

/// Reads what the program's `data from` and `more` (JSON) give.
fn values(session: &mut Session, more: Option<&str>) -> Result<Values, String> {
    let files: Vec<String> = session.data_files().into_iter().map(|(file, _)| file).collect();
    let mut sources = Vec::new();
    for file in files {
        sources.push(data::open(&examples().join(file)).map_err(|error| error.message())?);
    }
    if let Some(text) = more {
        sources.push(Source::parse("more.json".as_ref(), text.as_bytes()).map_err(|error| error.message())?);
    }
    let declared = vary_compiler::session::declared(&mut session.unit);
    data::read(&declared, &sources)
        .map_err(|errors| errors.iter().map(|e| e.message()).collect::<Vec<_>>().join("; "))
}

/// Where the examples stand.
pub fn examples() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

/// A loaded program and its data; data files are looked up among the examples.
pub fn load(text: &str, more: Option<&str>) -> Result<(Session, Values), String> {
    let import = |path: &str| Err(format!("{path} is not imported here"));
    let mut session = Session::new("program.ppl", text, &import);
    let values = values(&mut session, more)?;
    session.bind(&values);
    if session.unit.has_errors() {
        return Err(messages(&session.unit.diagnostics));
    }
    Ok((session, values))
}

/// Codes, messages and notes in one line.
pub fn messages(diagnostics: &[Diagnostic]) -> String {
    let all = diagnostics.iter().map(|d| format!("{} {}", d.code.0, d.message));
    all.collect::<Vec<_>>().join("; ")
}

impl Program {
    /// Compiles the fit of this name, or the only one.
    pub fn new(text: &str, fit: Option<&str>) -> Result<Program, String> {
        Program::with(text, fit, None, Ad::Auto)
    }

    /// Compiles with data (JSON) and a mode of differentiation.
    pub fn with(text: &str, fit: Option<&str>, more: Option<&str>, ad: Ad) -> Result<Program, String> {
        let (mut session, values) = load(text, more)?;
        let mut fit =
            session.find_fit(fit, &Options::default()).map_err(|_| messages(&session.unit.diagnostics))?;
        // Over all rows, also where a fit takes some.
        session.bind_sizes(&mut fit);
        let derived = derive(fit.objective(), USUAL_SAMPLES, ad).map_err(|all| messages(&all))?;
        let axes = session.unit.axes.clone();
        let estimators = std::iter::once(&derived.estimator);
        let params = place(&fit.objective().params, |axis| axes.size(axis));
        let params = place_coefficients(params, estimators);
        let data = values
            .arrays
            .iter()
            .map(|(name, array)| (name.clone(), Arc::from(array.iter().copied().collect::<Vec<f64>>())));
        let data = data.collect::<BTreeMap<_, _>>();
        Ok(Program { fit, derived, params, data })
    }

    /// What a run needs.
    pub fn setup(&self, seed: u64, threads: usize) -> Setup<'_> {
        let (data, params) = (&self.data, self.params.as_slice());
        Setup { data, params, threads, seed, plates: &[], width: Width::Double }
    }

    /// Number of unconstrained parameters.
    pub fn dimension(&self) -> usize {
        self.params.iter().map(|placed| placed.len).sum()
    }

    /// Position of the parameter whose name ends so.
    pub fn position(&self, name: &str) -> usize {
        let own = |placed: &&Placed| placed.spec.name.rsplit('.').next() == Some(name);
        self.params.iter().find(own).unwrap_or_else(|| panic!("there is no parameter {name}")).offset
    }

    /// A stepper of gradient estimates.
    pub fn estimator(&self, draws: usize, seed: u64, threads: usize) -> Result<GradientEstimator, String> {
        let states = &self.derived.estimator.states;
        GradientEstimator::new(&self.derived.gradient, states, draws, &self.setup(seed, threads))
    }

    /// The value and gradient of an objective without randomness.
    pub fn exact(&self) -> Result<impl FnMut(&[f64]) -> (f64, Vec<f64>) + use<>, String> {
        let mut estimator = self.estimator(1, 0, 1)?;
        let mut gradient = vec![0.0; self.dimension()];
        Ok(move |params: &[f64]| {
            let value = estimator.step(params, 0, &mut gradient);
            (value, gradient.clone())
        })
    }

    /// The objective's value at each of many draws of its sites; nothing summed out, no score terms.
    pub fn draws(&self, params: &[f64], draws: usize, seed: u64) -> Result<Vec<f64>, String> {
        let mut program =
            adev::sampler(&self.fit.objective().program).map_err(|found| messages(&[*found]))?;
        program.results.retain(|result| result.name == adev::OBJECTIVE);
        let results = sample(
            &program,
            &Moment { values: params, draws, step: 0, done: 0, rows: &[] },
            &self.setup(seed, 1),
        )?;
        Ok(results.into_iter().flat_map(|(_, array)| array.into_iter().collect::<Vec<f64>>()).collect())
    }
}
