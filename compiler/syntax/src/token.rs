//! The kinds of token. A token has no payload: its text is read at its place.

use logos::Logos;

/// A kind of token. Words are lexed as [`Token::Name`]; [`words`](crate::words) makes keywords of them.
#[derive(Logos, Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[logos(skip r"[ \t\r\u{FEFF}]+")]
#[allow(missing_docs)]
pub enum Token {
    #[token("\n")]
    Newline,
    #[regex(r"//[^\n]*", allow_greedy = true)]
    Comment,
    /// `/// text` above a declaration.
    Doc,

    #[regex(r"[A-Za-z_][A-Za-z0-9_]*")]
    Name,
    /// `_`
    Underscore,
    #[regex(r"[0-9]+")]
    Int,
    #[regex(r"[0-9]+\.[0-9]+([eE][+-]?[0-9]+)?")]
    #[regex(r"[0-9]+[eE][+-]?[0-9]+")]
    Real,
    #[regex(r#""([^"\\\n]|\\[^\n])*""#)]
    Str,
    #[regex(r#""([^"\\\n]|\\[^\n])*"#)]
    UnterminatedStr,

    #[token("(")]
    LParen,
    #[token(")")]
    RParen,
    #[token("[")]
    LBracket,
    #[token("]")]
    RBracket,
    #[token("{")]
    LBrace,
    #[token("}")]
    RBrace,
    #[token(",")]
    Comma,
    /// Written, or inserted at the end of a line.
    #[token(";")]
    Semi,
    #[token(":")]
    Colon,
    #[token(".")]
    Dot,
    #[token("..")]
    DotDot,
    #[token("...")]
    Ellipsis,
    #[token("->")]
    Arrow,
    #[token("=>")]
    FatArrow,
    #[token("=")]
    Assign,
    #[token("~")]
    Tilde,

    #[token("|>")]
    Pipe,
    #[token("|")]
    Bar,
    #[token("||")]
    Or,
    #[token("&&")]
    And,
    #[token("==")]
    Eq,
    #[token("!=")]
    Ne,
    #[token("<")]
    Lt,
    #[token("<=")]
    Le,
    #[token(">")]
    Gt,
    #[token(">=")]
    Ge,
    #[token("+")]
    Plus,
    #[token("-")]
    Minus,
    #[token("*")]
    Star,
    #[token("/")]
    Slash,
    #[token("%")]
    Percent,
    /// The matrix product.
    #[token("@")]
    At,
    /// The `@` of an attribute.
    AttributeAt,
    #[token("^")]
    Caret,
    #[token("!")]
    Bang,

    /// Operators of other languages, lexed so that the message can name the one meant here.
    #[token("**")]
    #[token(":=")]
    #[token("<-")]
    #[token("+=")]
    #[token("-=")]
    #[token("*=")]
    #[token("/=")]
    #[token("<>")]
    #[token("===")]
    #[token("::")]
    #[token("&")]
    #[token("/*")]
    Foreign,

    Let,
    If,
    Else,
    Match,
    For,
    In,
    True,
    False,
    Maximize,
    Minimize,
    Import,
    Data,
    Param,
    Fn,
    Net,
    Model,
    Guide,
    Objective,
    Distribution,
    Fit,
    Predict,
    Plate,
    Scan,
    Report,
    Next,
    Latent,
    Expect,
    Replicate,
    Given,
    Over,
    With,
    While,
    On,
    From,

    /// A character that begins no token; reported by the lexer.
    Invalid,
    /// Stands for a statement that could not be parsed.
    Error,
}

impl Token {
    /// Whether a statement can end here, so that a line end after it ends the statement.
    pub fn ends_statement(self) -> bool {
        use Token::*;
        matches!(
            self,
            Name | Underscore
                | Int
                | Real
                | Str
                | UnterminatedStr
                | RParen
                | RBracket
                | RBrace
                | True
                | False
                | Invalid
                | Foreign
                | Error
        )
    }

    /// Whether a line that begins with this token goes on with the statement of the line before:
    /// everything that cannot begin a statement. `-` and `+` can.
    pub fn continues_statement(self) -> bool {
        use Token::*;
        matches!(
            self,
            RBrace
                | RParen
                | RBracket
                | Comma
                | Semi
                | Colon
                | Dot
                | DotDot
                | Arrow
                | FatArrow
                | Assign
                | Tilde
                | Pipe
                | Bar
                | Or
                | And
                | Eq
                | Ne
                | Lt
                | Le
                | Gt
                | Ge
                | Star
                | Slash
                | Percent
                | At
                | Caret
                | Else
                | In
                | Given
                | Over
                | With
                | While
                | On
                | From
        )
    }

    /// Whether this begins a declaration that can only stand at the top of a file.
    pub fn begins_declaration(self) -> bool {
        use Token::*;
        matches!(self, Import | Data | Fn | Net | Model | Guide | Objective | Distribution | Fit | Predict)
    }

    /// The closing bracket for an opening one.
    pub fn closer(self) -> Option<Token> {
        match self {
            Token::LParen => Some(Token::RParen),
            Token::LBracket => Some(Token::RBracket),
            Token::LBrace => Some(Token::RBrace),
            _ => None,
        }
    }

    /// Whether this is a closing bracket.
    pub fn is_closer(self) -> bool {
        matches!(self, Token::RParen | Token::RBracket | Token::RBrace)
    }
}
