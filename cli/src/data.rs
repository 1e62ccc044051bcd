//! Data from the command line, and its findings as diagnostics.

use std::path::Path;

use vary_diagnostic::{Code, Diagnostic};
use vary_runtime::data::{Columns, DataError, Source, Values, map_columns, open};

use crate::args::DataArg;

/// The sources of the command line in their order.
///
/// # Errors
/// Everything that is wrong with the files themselves.
pub fn sources(args: &[DataArg], columns: Option<&Columns>) -> Result<Vec<Source>, Vec<DataError>> {
    let mut sources = vec![];
    let mut errors = vec![];
    let from_args = args.iter().map(|arg| match arg {
        DataArg::File(path) => open(path),
        DataArg::Value { name, text } => {
            Source::array(name, Path::new(text)).unwrap_or_else(|| Source::inline(name, text))
        }
    });
    for source in from_args {
        match source {
            Ok(source) => sources.push(source),
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    if let Some(columns) = columns {
        map_columns(&mut sources, columns)?;
    }
    Ok(sources)
}

/// A finding as a diagnostic without a place in the program; whoever knows the declaration
/// ([`DataError::name`]) may add it.
pub fn diagnostic(error: &DataError) -> Diagnostic {
    let diagnostic = Diagnostic::error(Code(error.code()), error.message());
    error.help().into_iter().fold(diagnostic, Diagnostic::help)
}

/// The note on names that the program does not declare, if there are any.
pub fn ignored(values: &Values) -> Option<Diagnostic> {
    values.note().map(|note| Diagnostic::note_at_level(Code("N0701"), note))
}
