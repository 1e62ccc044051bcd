//! Where things are in the user's files, and what is wrong there.
//!
//! [`source`] numbers files and marks places in them, [`diagnostic`](Diagnostic) is one finding
//! as plain data, [`codes`] lists the stable codes, [`render`] draws findings with ariadne.
//! Nothing here knows the language.

mod codes;
mod diagnostic;
mod render;
mod source;

pub use codes::{CODES, Code};
pub use diagnostic::{Diagnostic, Label, Severity};
pub use render::render;
pub use source::{Source, SourceId, Sources, Span};
