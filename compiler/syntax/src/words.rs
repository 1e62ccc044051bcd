//! Which words are keywords, and where.
//!
//! Few words are reserved everywhere ([`reserved`]). The others are keywords only where they can be
//! one and are names elsewhere, so `data`, `next` or `on` stay usable as variables:
//! a *leading* word (`data n`, `plate i`) is a keyword when another word follows on its line, which no
//! expression allows; an *infix* word (`m given d`) when an operand stands before it.

use crate::lexer::Lexeme;
use crate::token::Token;

/// The words that are keywords everywhere, except as field and argument names.
fn reserved(word: &str) -> Option<Token> {
    Some(match word {
        "let" => Token::Let,
        "if" => Token::If,
        "else" => Token::Else,
        "match" => Token::Match,
        "for" => Token::For,
        "in" => Token::In,
        "true" => Token::True,
        "false" => Token::False,
        "and" => Token::And,
        "or" => Token::Or,
        "maximize" => Token::Maximize,
        "minimize" => Token::Minimize,
        "_" => Token::Underscore,
        _ => return None,
    })
}

/// Keywords when a word follows on the same line.
fn leading(word: &str) -> Option<Token> {
    Some(match word {
        "data" => Token::Data,
        "param" => Token::Param,
        "fn" => Token::Fn,
        "net" => Token::Net,
        "model" => Token::Model,
        "guide" => Token::Guide,
        "objective" => Token::Objective,
        "distribution" => Token::Distribution,
        "fit" => Token::Fit,
        "plate" => Token::Plate,
        "scan" => Token::Scan,
        "report" => Token::Report,
        "next" => Token::Next,
        "latent" => Token::Latent,
        _ => return None,
    })
}

/// Keywords after an operand.
fn infix(word: &str) -> Option<Token> {
    Some(match word {
        "given" => Token::Given,
        "over" => Token::Over,
        "with" => Token::With,
        "while" => Token::While,
        "on" => Token::On,
        "from" => Token::From,
        _ => return None,
    })
}

/// Turns the names that are keywords where they stand into keywords. `lexemes` has no newlines left.
pub fn mark_keywords(text: &str, lexemes: &mut [Lexeme]) {
    for at in 0..lexemes.len() {
        if lexemes[at].token == Token::Name {
            lexemes[at].token = keyword_at(text, lexemes, at).unwrap_or(Token::Name);
        }
    }
}

fn keyword_at(text: &str, lexemes: &[Lexeme], at: usize) -> Option<Token> {
    let here = lexemes[at];
    let word = here.text(text);
    let before = at.checked_sub(1).map(|i| lexemes[i].token);
    let after = lexemes.get(at + 1).copied();
    let next = after.map(|lexeme| lexeme.token);
    let next_on_line = after.filter(|lexeme| lexeme.line_indent.is_none());

    // `t.next`, `@maximize`, `f(next = 1)` are names whatever the word.
    let touches_at = before == Some(Token::At) && lexemes[at - 1].end == here.start;
    if before == Some(Token::Dot) || touches_at {
        return None;
    }
    let in_list = matches!(before, Some(Token::LParen | Token::LBrace | Token::Comma | Token::Semi));
    if next == Some(Token::Assign) && (in_list || here.line_indent.is_some()) {
        return None;
    }
    if let Some(token) = reserved(word) {
        return Some(token);
    }
    let word_follows = next_on_line.is_some_and(|l| {
        l.token == Token::Underscore || l.token == Token::Name && reserved(l.text(text)).is_none()
    });
    let begins_statement = here.line_indent.is_some()
        || matches!(before, None | Some(Token::Semi | Token::LBrace | Token::RBrace));
    if let Some(token) = infix(word)
        && before.is_some_and(|token| token.ends_statement())
    {
        let operand_follows = word_follows
            || matches!(next, Some(Token::LParen | Token::LBrace | Token::Int | Token::Real | Token::Str));
        return (here.line_indent.is_none() || operand_follows).then_some(token);
    }
    match word {
        "from" if before == Some(Token::Data) && next == Some(Token::Str) => Some(Token::From),
        "import" if next == Some(Token::Str) => Some(Token::Import),
        "fit" if begins_statement && matches!(next, Some(Token::Colon | Token::LBrace)) => Some(Token::Fit),
        "predict" if begins_statement && next == Some(Token::LBrace) => Some(Token::Predict),
        "expect" if next == Some(Token::LBrace) => Some(Token::Expect),
        "replicate" if next == Some(Token::LParen) => Some(Token::Replicate),
        _ if word_follows && !before.is_some_and(awaits_operand) => leading(word),
        _ => None,
    }
}

/// Tokens after which an operand stands, never a statement.
fn awaits_operand(token: Token) -> bool {
    use Token::*;
    matches!(
        token,
        LParen | LBracket | Comma | Assign | Tilde | Pipe | Bar | In | Given | Over | While | With
    )
}
