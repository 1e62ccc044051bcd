//! Core to core, one file each.
//!
//! Generative programs become objective programs: [`sim`] draws a trace with its log weight,
//! [`density`](mod@density) gives the log density of a trace, [`marginal`] sums latents out; all
//! three walk a program with [`copy`], each with its own meaning for the statements that are not
//! pure. [`adev`] replaces the sites of an objective program by random primitives and score
//! terms, from what [`dependence`] knows of each.

pub mod adev;
pub mod copy;
pub mod density;
pub mod dependence;
pub mod enumerate;
pub mod marginal;
pub mod sim;
pub mod support;
