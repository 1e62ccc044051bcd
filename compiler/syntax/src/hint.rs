//! What was probably meant, where a syntax error shows it.

use crate::error::Found;
use crate::token::Token;

/// Advice on a syntax error; what is absent is said in general terms.
#[derive(Default)]
pub struct Hint {
    /// Instead of "expected …, found …".
    pub message: Option<String>,
    /// The mistake is the word before the place where the parser stopped.
    pub blames_word_before: bool,
    /// What to write instead.
    pub help: Vec<String>,
}

fn help(text: impl Into<String>) -> Option<Hint> {
    Some(Hint { help: vec![text.into()], ..Hint::default() })
}

fn says(message: impl Into<String>, text: impl Into<String>) -> Option<Hint> {
    Some(Hint { message: Some(message.into()), help: vec![text.into()], ..Hint::default() })
}

/// Recognises one kind of mistake from where the parser stopped and what it wanted.
type Rule = fn(&Found<'_>, &[String]) -> Option<Hint>;

/// The advice for this error, if the mistake is a known one.
pub fn hint(found: &Found<'_>, wanted: &[String]) -> Option<Hint> {
    let rules: [Rule; 10] = [
        continued_line,
        foreign_operator,
        assignment,
        number,
        loop_head,
        declaration_head,
        type_missing,
        brackets_and_separators,
        foreign_word,
        misplaced_word,
    ];
    rules.into_iter().find_map(|rule| rule(found, wanted))
}

/// Operators of other languages.
fn foreign_operator(found: &Found<'_>, _: &[String]) -> Option<Hint> {
    let word = found.word(0);
    if found.token(0) == Some(Token::Foreign) {
        let first = found.statement().first().map_or("", |lexeme| lexeme.text(found.text));
        return match word {
            "**" => says("a power is not written `**`", "write `^`, as in `x^2`"),
            ":=" | "<-" => {
                let target = if found.word(-1).is_empty() { "x" } else { found.word(-1) };
                let mut hint = says(
                    format!("`{word}` means nothing here"),
                    format!("write `let {target} = …` for a definition, `{target} ~ …` for a draw"),
                )?;
                if word == "<-" {
                    hint.help.push("to compare with a negative number, leave a space: `a < -b`".to_owned());
                }
                Some(hint)
            }
            "+=" if first == "target" => says(
                "`target` cannot be added to",
                "write `factor(e)` to add `e` to the log density, or `x ~ normal(m, s)` for a density",
            ),
            "+=" | "-=" | "*=" | "/=" => says(
                "a variable cannot be changed",
                "define a new one with `let`; a loop carries a state: `for i in 0..n with (s = 0) { next s = s + 1 }`",
            ),
            "<>" => help("write `!=`"),
            "===" => help("write `==`"),
            "&" => help("write `and`"),
            "::" => help("write `:` before a type and `.` before a field"),
            _ => says("`/*` does not begin a comment", "write `//` at the beginning of each line of it"),
        };
    }
    match (found.token(-1), found.token(0)) {
        (Some(Token::Dot), Some(Token::Star | Token::Slash | Token::Plus | Token::Minus | Token::Caret)) => {
            says(format!("`.{word}` is not an operator"), format!("write `{word}`, which works elementwise"))
        }
        (Some(Token::Percent), Some(Token::Star | Token::Slash | Token::Percent)) => says(
            format!("`%{word}` is not an operator"),
            "a matrix product is written `a @ b`, a remainder `a % b`",
        ),
        (Some(Token::Star), Some(Token::Star)) => help("a power is written `x^2`"),
        (Some(Token::Plus), Some(Token::Plus)) => help("arrays are joined by `concat(a, b)`"),
        _ => None,
    }
}

/// `=`, `==` and `~` for each other.
fn assignment(found: &Found<'_>, _: &[String]) -> Option<Hint> {
    let statement = found.statement();
    let first = statement.first()?;
    let target: String = found
        .text
        .get(first.start as usize..found.place().start as usize)
        .map_or_else(String::new, |text| text.trim_end().to_owned());
    let is_target = first.token == Token::Name && target.lines().count() == 1;
    match found.token(0)? {
        Token::Assign if is_target && target.contains('[') => says(
            format!("`{target}` cannot be assigned"),
            format!("write `{target} ~ …` for a draw; a whole array is `let x = [e for i in 0..n]`"),
        ),
        Token::Assign if is_target && found.bracket() != Some(Token::LParen) => says(
            format!("`{target}` cannot be assigned"),
            format!("write `let {target} = …` for a definition, `{target} ~ …` for a draw"),
        ),
        Token::Assign if statement.iter().any(|l| matches!(l.token, Token::If | Token::While)) => {
            help("a comparison is written `==`")
        }
        Token::Assign if statement.iter().any(|l| l.token == Token::Tilde) => {
            help("give a name to an intermediate value with `let` on a line before")
        }
        Token::Eq if first.token == Token::Let => help("a definition is written with one `=`: `let x = 1`"),
        Token::Tilde if first.token == Token::Let => {
            says("a draw needs no `let`", format!("write `{} ~ …`", found.word(-1)))
        }
        Token::Tilde if statement.iter().any(|l| l.token == Token::Tilde) => {
            help("each draw is a statement of its own, with one `~`")
        }
        Token::Eq | Token::Ne | Token::Lt | Token::Le | Token::Gt | Token::Ge
            if statement.iter().any(|l| {
                matches!(l.token, Token::Eq | Token::Ne | Token::Lt | Token::Le | Token::Gt | Token::Ge)
            }) =>
        {
            says("comparisons cannot be chained", "write `a < b and b < c`")
        }
        _ => None,
    }
}

/// `1.`, `.5`, `2x`
fn number(found: &Found<'_>, _: &[String]) -> Option<Hint> {
    let (before, here) = (found.lexeme(-1), found.lexeme(0));
    let touches = before.map(|before| before.end) == here.map(|here| here.start);
    let (left, right) = (found.word(-1), found.word(0));
    match (before.map(|b| b.token), here.map(|h| h.token)) {
        (Some(Token::Int | Token::Real), Some(Token::Name)) if touches => {
            help(format!("a product is written `{left} * {right}`, and a name cannot begin with a digit"))
        }
        (Some(Token::Dot), Some(Token::Int)) => {
            help(format!("write `0.{right}`, or `[{right}]` for an element"))
        }
        (_, Some(Token::Dot)) if found.token(1) == Some(Token::Int) => {
            help(format!("write `0.{}`", found.word(1)))
        }
        (Some(Token::Dot), _) if found.token(-2) == Some(Token::Int) => {
            help(format!("write `{}.0`", found.word(-2)))
        }
        _ => None,
    }
}

/// The heads of `plate`, `for`, `scan`, `if` and `match`.
fn loop_head(found: &Found<'_>, wanted: &[String]) -> Option<Hint> {
    let statement = found.statement();
    let (first, head) = (statement.first()?.token, statement.first()?.text(found.text));
    let expects = |text: &str| wanted.iter().any(|w| w == text);
    let form = match head {
        "plate" => "plate i in 0..n { … }",
        "for" => "for t in 0..n { … }",
        "scan" => "scan t in 0..n with (last = 0) { … }",
        _ => "",
    };
    if !form.is_empty() {
        return match found.token(0) {
            Some(Token::LParen) if statement.len() == 1 => {
                says(format!("`{head}` takes no parentheses"), format!("write `{form}`"))
            }
            Some(Token::Colon) => help("a range is written `0..n`: from 0, and without n itself"),
            Some(Token::Assign) if statement.len() == 2 => help(format!("write `{form}`")),
            _ if statement.len() <= 3 || expects("`in`") => help(format!("write `{form}`")),
            _ if expects("`{`") => help("the body stands in braces, which open on the same line"),
            _ => None,
        };
    }
    let here = found.token(0);
    if found.token(-1) == Some(Token::Else) && here != Some(Token::LBrace) {
        return help("write `else { … }` or `else if c { … }`");
    }
    match first {
        Token::If if expects("`{`") => help("the branches stand in braces: `if c { a } else { b }`"),
        Token::Match if expects("`{`") => help("the cases stand in braces: `match e { 0 => a, _ => b }`"),
        _ if here == Some(Token::If) => help("a choice is written `if c { a } else { b }`"),
        _ if expects("`=>`") => help("a case of `match` is written `pattern => value`"),
        _ => None,
    }
}

/// Names of declarations, misspelt or misplaced.
fn declaration_head(found: &Found<'_>, wanted: &[String]) -> Option<Hint> {
    let (before, here) = (found.token(-1), found.token(0));
    let expects = |text: &str| wanted.iter().any(|w| w == text);
    if here.is_some_and(Token::begins_declaration) && found.bracket().is_some() {
        return says(
            format!("`{}` stands inside another declaration", found.word(0)),
            "move it to the top of the file; a model can use it by its name",
        );
    }
    if found.word(-1) == "import" {
        return says("`import` takes a file in quotes", "write `import \"file.ppl\"`");
    }
    if before == Some(Token::Name) && here == Some(Token::Name) && found.statement().len() == 1 {
        let word = found.word(-1);
        let keywords = [
            "data",
            "param",
            "model",
            "guide",
            "fn",
            "net",
            "objective",
            "distribution",
            "fit",
            "plate",
            "scan",
            "report",
            "next",
            "latent",
            "let",
            "predict",
            "import",
        ];
        if let Some(keyword) = keywords.into_iter().find(|keyword| is_near(word, keyword)) {
            let hint = says(format!("`{word}` is not a keyword"), format!("did you mean `{keyword}`?"))?;
            return Some(Hint { blames_word_before: true, ..hint });
        }
    }
    if expects("`maximize` or `minimize`") {
        return help("write `fit name: maximize elbo(model, guide) { steps = 1000 }`");
    }
    if found.lexemes.first()?.token == Token::Fit && expects("`:`") {
        return help("an objective follows a colon: `fit name: maximize elbo(model, guide)`");
    }
    if expects("`->`") && found.lexemes.first()?.token == Token::Net {
        return help("a net declares its result: `net f(x: real[3]) -> real { … }`");
    }
    None
}

/// Types left out where they are needed.
fn type_missing(found: &Found<'_>, wanted: &[String]) -> Option<Hint> {
    let first = found.statement().first()?.token;
    let name = found.word(-1);
    let wants_colon = wanted.iter().any(|w| w == "`:`");
    match first {
        Token::Data | Token::Param if wants_colon => {
            let word = if first == Token::Data { "data" } else { "param" };
            help(format!("write its type: `{word} {name}: real`"))
        }
        _ if wanted.iter().any(|w| w == "a type") => {
            help("types are `real`, `int`, `positive`, `real[n, 2]`, `simplex[k]`, `(real, int)`, …")
        }
        _ => None,
    }
}

/// Commas, `[ ]` against `{ }` and `( )`, slices.
fn brackets_and_separators(found: &Found<'_>, wanted: &[String]) -> Option<Hint> {
    let bracket = found.bracket();
    let here = found.token(0)?;
    let expects = |text: &str| wanted.iter().any(|w| w == text);
    match here {
        Token::Colon if bracket == Some(Token::LBracket) => {
            help("a slice is written `x[1..3]`, all of a dimension `x[..]`")
        }
        Token::Colon if matches!(bracket, Some(Token::LBrace | Token::LParen)) => {
            help("fields and named arguments are written `name = value`")
        }
        Token::Comma if bracket == Some(Token::LBrace) => {
            help("an array is written `[a, b]`, a record `{a = 1, b = 2}`; statements end with the line")
        }
        Token::Semi if matches!(bracket, Some(Token::LParen | Token::LBracket)) => {
            help("separate the parts by commas")
        }
        Token::FatArrow | Token::Arrow
            if found.token(-1) == Some(Token::RParen) || found.token(-1) == Some(Token::Name) =>
        {
            help("a function without a name is written `|x| x + 1`")
        }
        Token::Bar if found.token(-1) == Some(Token::Pipe) => {
            help("put the function in parentheses: `x |> (|a| a + 1)`")
        }
        Token::Name | Token::Int | Token::Real | Token::Str if expects("`,`") => {
            help("separate the parts by commas")
        }
        _ => None,
    }
}

/// Words of other languages at the place or before it.
fn foreign_word(found: &Found<'_>, _: &[String]) -> Option<Hint> {
    if let Some(text) = foreign(found.word(0)) {
        return help(text);
    }
    if found.token(-1) != Some(Token::Name) {
        return None;
    }
    let hint = help(foreign(found.word(-1))?)?;
    Some(Hint {
        message: Some(format!("`{}` means nothing here", found.word(-1))),
        blames_word_before: true,
        ..hint
    })
}

/// What takes the place of a word of another language.
fn foreign(word: &str) -> Option<&'static str> {
    Some(match word {
        "def" | "function" | "func" => "a function is written `fn f(x: real) -> real { … }`",
        "var" | "const" | "val" | "auto" => "a definition is written `let x = …`",
        "real" | "int" | "vector" | "matrix" | "float" | "double" => {
            "the type follows the name: `let x: real = 1`, `param x: real[3]`"
        }
        "return" => "a block's value is its last expression; leave `return` out",
        "elif" | "elseif" | "elsif" => "write `else if c { … }`",
        "then" => "the branches stand in braces: `if c { a } else { b }`",
        "not" => "write `!c`",
        "lambda" => "a function without a name is written `|x| x + 1`",
        "while" => "a loop is bounded: `for t in 0..10 with (go = true) while go { … }`",
        "parameters" | "transformed" | "generated" => {
            "`data n: int` declares data; what is drawn in a model with `~` needs no declaration"
        }
        "maximise" => "write `maximize`",
        "minimise" => "write `minimize`",
        _ => return None,
    })
}

/// An operator at the beginning of a line, which goes on with no other.
fn continued_line(found: &Found<'_>, _: &[String]) -> Option<Hint> {
    let here = found.lexeme(0)?;
    let begins_line = here.line_indent.is_some() && found.token(-1) == Some(Token::Semi);
    if here.token == Token::Plus && begins_line {
        return help(CONTINUATION);
    }
    None
}

/// How an expression goes on in the next line.
pub const CONTINUATION: &str =
    "`-` and `+` do not go on with the line before; put them at its end, or the whole in parentheses";

/// Keywords where a name is expected.
fn misplaced_word(found: &Found<'_>, wanted: &[String]) -> Option<Hint> {
    let word = found.word(0);
    let is_word = word.starts_with(|c: char| c.is_ascii_alphabetic());
    let wants_name = wanted.iter().any(|w| w == "a name" || w == "a pattern");
    if is_word && found.token(0) != Some(Token::Name) && wants_name {
        return help(format!("`{word}` is a keyword; choose another name"));
    }
    None
}

/// Whether one edit makes another word `word` of `keyword`.
fn is_near(word: &str, keyword: &str) -> bool {
    let (a, b) = (word.as_bytes(), keyword.as_bytes());
    if a == b || a.len().abs_diff(b.len()) > 1 || a.len() < 3 {
        return false;
    }
    let prefix = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[prefix..], &b[prefix..]);
    let suffix = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[..a.len() - suffix], &b[..b.len() - suffix]);
    // One insertion, deletion or substitution, or two neighbours swapped.
    a.len().max(b.len()) <= 1 || (a.len() == 2 && b.len() == 2 && a[0] == b[1] && a[1] == b[0])
}
