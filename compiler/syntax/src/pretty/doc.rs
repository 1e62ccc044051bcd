//! Documents: text with places where a line may break (after Wadler, "A prettier printer", 2003).
//!
//! A group is written on one line if it fits, otherwise all its own line breaks are taken.

/// A text with optional line breaks.
#[derive(Debug, Clone)]
pub enum Doc {
    /// Nothing.
    Nil,
    /// Text without line ends.
    Text(String),
    /// A space, or a line break in a broken group.
    Line,
    /// Nothing, or a line break in a broken group.
    SoftLine,
    /// A line break; breaks the groups around it.
    HardLine,
    /// A line break with an empty line before the next text.
    BlankLine,
    /// The text in a group on one line, nothing in a broken one.
    IfFlat(&'static str),
    /// The text in a broken group.
    IfBroken(&'static str),
    /// A comment written at the end of the current line; breaks the groups around it.
    Suffix(String),
    /// A comment written at the end of the current line, wherever that is.
    Remark(String),
    /// One document after the other.
    Concat(Vec<Doc>),
    /// Lines indented one level more.
    Nest(Box<Doc>),
    /// Laid out on one line unless it is too long or `broken`.
    Group {
        /// The content.
        doc: Box<Doc>,
        /// It holds a line break that is always taken.
        broken: bool,
    },
}

/// Text.
pub fn text(text: impl Into<String>) -> Doc {
    Doc::Text(text.into())
}

/// One document after the other.
pub fn concat(docs: impl IntoIterator<Item = Doc>) -> Doc {
    Doc::Concat(docs.into_iter().collect())
}

/// Indented one level more.
pub fn nest(docs: impl IntoIterator<Item = Doc>) -> Doc {
    Doc::Nest(Box::new(concat(docs)))
}

/// On one line if it fits.
pub fn group(docs: impl IntoIterator<Item = Doc>) -> Doc {
    let doc = concat(docs);
    let broken = doc.always_breaks();
    Doc::Group { doc: Box::new(doc), broken }
}

/// With a separator between each two.
pub fn join(docs: impl IntoIterator<Item = Doc>, separator: &Doc) -> Doc {
    let mut out = vec![];
    for doc in docs {
        if !out.is_empty() {
            out.push(separator.clone());
        }
        out.push(doc);
    }
    Doc::Concat(out)
}

impl Doc {
    /// Whether a line break in it is always taken.
    fn always_breaks(&self) -> bool {
        match self {
            Doc::HardLine | Doc::BlankLine | Doc::Suffix(_) => true,
            Doc::Concat(docs) => docs.iter().any(Doc::always_breaks),
            Doc::Nest(doc) => doc.always_breaks(),
            Doc::Group { broken, .. } => *broken,
            _ => false,
        }
    }

    /// The text, with lines of at most `width` characters where the breaks allow it.
    pub fn print(&self, width: usize, indent: usize) -> String {
        let mut printer = Printer { out: String::new(), column: 0, pending: 0, suffix: String::new() };
        let mut stack = vec![Command { level: 0, broken: true, doc: self }];
        while let Some(command) = stack.pop() {
            let Command { level, broken, doc } = command;
            match doc {
                Doc::Nil => {}
                Doc::Text(text) => printer.text(text),
                Doc::Line if !broken => printer.text(" "),
                Doc::SoftLine if !broken => {}
                Doc::Line | Doc::SoftLine | Doc::HardLine => printer.line(1, level * indent),
                Doc::BlankLine => printer.line(2, level * indent),
                Doc::IfFlat(text) if !broken => printer.text(text),
                Doc::IfBroken(text) if broken => printer.text(text),
                Doc::IfFlat(_) | Doc::IfBroken(_) => {}
                Doc::Suffix(comment) | Doc::Remark(comment) => printer.suffix(comment),
                Doc::Concat(docs) => stack.extend(docs.iter().rev().map(|doc| Command { doc, ..command })),
                Doc::Nest(doc) => stack.push(Command { level: level + 1, doc, ..command }),
                Doc::Group { doc, broken: always } => {
                    let content = Command { level, broken: false, doc };
                    let fits = || fits(width.saturating_sub(printer.column()), content, &stack);
                    let broken = *always || !fits();
                    stack.push(Command { broken, ..content });
                }
            }
        }
        printer.finish()
    }
}

/// A document to write at an indentation level, in a broken group or not.
#[derive(Clone, Copy)]
struct Command<'a> {
    level: usize,
    broken: bool,
    doc: &'a Doc,
}

/// Whether `content` on one line, and what follows it up to the next line break, fit in `room`.
fn fits(room: usize, content: Command<'_>, rest: &[Command<'_>]) -> bool {
    let mut room = room;
    let mut rest = rest.iter().rev();
    let mut stack = vec![content];
    loop {
        let Some(command) = stack.pop().or_else(|| rest.next().copied()) else { return true };
        let length = match command.doc {
            Doc::Text(text) => text.chars().count(),
            Doc::Line if !command.broken => 1,
            Doc::Line | Doc::HardLine | Doc::BlankLine => return true,
            Doc::SoftLine if command.broken => return true,
            Doc::IfFlat(text) if !command.broken => text.len(),
            Doc::IfBroken(text) if command.broken => text.len(),
            Doc::Nil
            | Doc::SoftLine
            | Doc::IfFlat(_)
            | Doc::IfBroken(_)
            | Doc::Suffix(_)
            | Doc::Remark(_) => 0,
            Doc::Concat(docs) => {
                stack.extend(docs.iter().rev().map(|doc| Command { doc, ..command }));
                0
            }
            // A group that comes later may still break.
            Doc::Nest(doc) | Doc::Group { doc, .. } => {
                stack.push(Command { doc, ..command });
                0
            }
        };
        match room.checked_sub(length) {
            Some(left) => room = left,
            None => return false,
        }
    }
}

struct Printer {
    out: String,
    column: usize,
    /// Indentation due before the next text.
    pending: usize,
    /// Comments due at the end of the line.
    suffix: String,
}

impl Printer {
    fn column(&self) -> usize {
        self.column + self.pending
    }

    fn text(&mut self, text: &str) {
        self.column += self.pending;
        self.out.extend(std::iter::repeat_n(' ', std::mem::take(&mut self.pending)));
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn suffix(&mut self, comment: &str) {
        if !self.suffix.is_empty() {
            self.suffix.push_str("  ");
        }
        self.suffix.push_str(comment);
    }

    fn end_line(&mut self) {
        let suffix = std::mem::take(&mut self.suffix);
        self.out.truncate(self.out.trim_end_matches(' ').len());
        if !suffix.is_empty() {
            let begins_line = self.out.is_empty() || self.out.ends_with('\n');
            let space = if begins_line { self.pending } else { 2 };
            self.out.extend(std::iter::repeat_n(' ', space));
            self.out.push_str(&suffix);
        }
        self.pending = 0;
    }

    fn line(&mut self, breaks: usize, indent: usize) {
        self.end_line();
        let present = self.out.len() - self.out.trim_end_matches('\n').len();
        // At most one empty line, and none at the top.
        let wanted = if self.out.is_empty() { 0 } else { breaks.max(1) };
        self.out.extend(std::iter::repeat_n('\n', wanted.saturating_sub(present)));
        self.column = 0;
        self.pending = indent;
    }

    fn finish(mut self) -> String {
        self.end_line();
        let length = self.out.trim_end().len();
        self.out.truncate(length);
        if length > 0 {
            self.out.push('\n');
        }
        self.out
    }
}
