//! # Verification
//!
//! What the project claims, held to references that do not depend on it. Every check is a function
//! of a tier: the binary `verify` runs the full one and writes `docs/verification.md`; the quick one
//! runs with the tests of the workspace.
//!
//! * [`estimators`]: every strategy × distribution × context is unbiased, and wrong ones are found out;
//! * [`distributions`]: densities, derivatives and samplers of the library;
//! * [`oracle`], [`quadrature`], [`statistics`], [`program`]: what the checks are made of.

pub mod densities;
pub mod derivatives;
pub mod distributions;
pub mod estimators;
pub mod evidence;
pub mod fits;
pub mod oracle;
pub mod program;
pub mod quadrature;
pub mod report;
pub mod size;
pub mod statistics;
pub mod variances;
