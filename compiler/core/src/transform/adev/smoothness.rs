//! Smooth and rigid.

use vary_diagnostic::Span;

/// What an estimator's unbiasedness rests on beyond the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The place.
    pub span: Span,
    /// What is assumed or not proven there.
    pub text: String,
}

impl Note {
    /// The user cut a derivative.
    pub fn not_proven(span: Span) -> Note {
        Note { span, text: "not proven unbiased".to_string() }
    }
}
