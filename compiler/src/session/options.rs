//! What the caller of a fit may set.

use crate::pipeline::Ad;
use vary_runtime::float::Width;

/// The options of a fit; they win over the fit block's settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// `--set`: `steps`, `samples`, `optimizer.rate`, … with their values.
    pub set: Vec<(String, f64)>,
    /// Seed of all randomness.
    pub seed: Option<u64>,
    /// Threads; at least one.
    pub threads: usize,
    /// Width of the numbers of a step; the fit block's own where absent.
    pub width: Option<Width>,
    /// Forward or reverse mode.
    pub ad: Ad,
    /// Posterior draws.
    pub draws: usize,
    /// The automatic guide of a program without a fit.
    pub guide: Option<String>,
    /// The fit's own quick settings.
    pub quick: bool,
    /// `--estimator`: strategies by the addresses of sites.
    pub estimator: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            set: Vec::new(),
            seed: None,
            threads: 1,
            width: None,
            ad: Ad::Auto,
            draws: 1000,
            guide: None,
            quick: false,
            estimator: Vec::new(),
        }
    }
}
