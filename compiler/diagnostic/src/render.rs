//! Draws diagnostics with ariadne.

use crate::{Diagnostic, Label, Severity, SourceId, Sources, Span};
use ariadne::{CharSet, Color, Config, Fmt, IndexType, LabelAttach, Report, ReportKind};
use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Debug;
use std::ops::Range;

/// Source lines longer than this, in bytes, are shown in part.
const MAX_LINE: usize = 400;

/// The diagnostics as text, in order, with an empty line between them; `color` adds ANSI colours.
pub fn render(sources: &Sources, diagnostics: &[Diagnostic], color: bool) -> String {
    let mut cache = Cache { sources, read: HashMap::new() };
    let mut out = String::new();
    for diagnostic in diagnostics {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&title(diagnostic, color));
        let drawn = match diagnostic.labels.first() {
            Some(primary) if diagnostic.labels.iter().all(|label| fits(sources, label.span)) => {
                draw(&mut cache, diagnostic, primary.span, color)
            }
            primary => plain(sources, diagnostic, primary),
        };
        // ariadne leaves spaces at the ends of lines that are otherwise empty.
        for line in drawn.lines() {
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
    out
}

/// `error[E0101]: the message`
fn title(diagnostic: &Diagnostic, color: bool) -> String {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let title = format!("{severity}[{}]", diagnostic.code);
    let title = if color { title.fg(color_of(diagnostic.severity)).to_string() } else { title };
    format!("{title}: {}\n", diagnostic.message)
}

fn color_of(severity: Severity) -> Color {
    match severity {
        Severity::Error => Color::Red,
        Severity::Warning => Color::Yellow,
        Severity::Note => Color::Blue,
    }
}

/// The places, help and notes below the title.
fn draw(cache: &mut Cache<'_>, diagnostic: &Diagnostic, primary: Span, color: bool) -> String {
    let severity_color = color_of(diagnostic.severity);
    // Places are counted in characters: ariadne cuts the text at the bytes it is given.
    let config = Config::new()
        .with_color(color)
        .with_char_set(CharSet::Unicode)
        .with_index_type(IndexType::Char)
        .with_label_attach(LabelAttach::Start)
        .with_tab_width(4);
    let mut report = Report::build(ReportKind::Error, cache.place(primary)).with_config(config);
    // Labels in the order of the text, so that ariadne draws each file once.
    let mut labels: Vec<&Label> = diagnostic.labels.iter().collect();
    labels.sort_by_key(|label| (label.span.source != primary.source, label.span));
    for label in labels {
        let label_color = if label.span == primary { severity_color } else { Color::Cyan };
        report.add_label(
            ariadne::Label::new(cache.place(label.span)).with_message(&label.text).with_color(label_color),
        );
    }
    report.with_helps(&diagnostic.help);
    report.with_notes(&diagnostic.notes);
    let mut bytes = vec![];
    // Writing to memory does not fail.
    let _ = report.finish().write(cache, &mut bytes);
    let drawn = String::from_utf8_lossy(&bytes);
    // The first line is ariadne's title, which has a form of its own.
    drawn.split_once('\n').map_or("", |(_, below)| below).to_owned()
}

/// A diagnostic without a place, or with one on a line too long to draw.
fn plain(sources: &Sources, diagnostic: &Diagnostic, primary: Option<&Label>) -> String {
    let mut out = String::new();
    if let Some(label) = primary {
        let (line, column) = sources.line_column(label.span);
        let name = &sources.get(label.span.source).name;
        let excerpt: String = sources.text(label.span).chars().take(40).collect();
        out.push_str(&format!("  at {name}:{line}:{column}, `{excerpt}`: {}\n", label.text));
    }
    out.extend(diagnostic.help.iter().map(|help| format!("  help: {help}\n")));
    out.extend(diagnostic.notes.iter().map(|note| format!("  note: {note}\n")));
    out
}

/// Whether the first and last line of the place are short enough to draw.
fn fits(sources: &Sources, span: Span) -> bool {
    let bytes = sources.get(span.source).text.as_bytes();
    let line_length = |at: usize| {
        let at = at.min(bytes.len());
        let before = bytes[..at].iter().rev().take(MAX_LINE).take_while(|b| **b != b'\n').count();
        before + bytes[at..].iter().take(MAX_LINE).take_while(|b| **b != b'\n').count()
    };
    line_length(span.start as usize) < MAX_LINE && line_length(span.end as usize) < MAX_LINE
}

/// The sources as ariadne wants them, each read at most once.
struct Cache<'a> {
    sources: &'a Sources,
    read: HashMap<SourceId, ariadne::Source<&'a str>>,
}

impl Cache<'_> {
    /// The place in characters, within the text.
    fn place(&self, span: Span) -> (SourceId, Range<usize>) {
        let text = &self.sources.get(span.source).text;
        let characters = |at: u32| {
            let at = text.floor_char_boundary((at as usize).min(text.len()));
            text[..at].chars().count()
        };
        (span.source, characters(span.start)..characters(span.end))
    }
}

impl<'a> ariadne::Cache<SourceId> for Cache<'a> {
    type Storage = &'a str;

    fn fetch(&mut self, id: &SourceId) -> Result<&ariadne::Source<&'a str>, impl Debug> {
        let text = self.sources.get(*id).text.as_str();
        Ok::<_, Infallible>(self.read.entry(*id).or_insert_with(|| ariadne::Source::from(text)))
    }

    fn display<'b>(&self, id: &'b SourceId) -> Option<impl std::fmt::Display + 'b> {
        Some(self.sources.get(*id).name.clone())
    }
}
