//! The syntax tree: what the user wrote, with the place of every part, and nothing resolved.

use vary_diagnostic::Span;

/// A name and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Ident {
    /// The name as written.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

/// A whole file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct File {
    /// The declarations in order.
    pub items: Vec<Item>,
}

/// A top-level declaration with its attributes and doc comment.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// `///` lines above it, without the slashes.
    pub docs: Vec<String>,
    /// `@maximize`, `@gradient_of(elbo, …)`.
    pub attributes: Vec<Attribute>,
    /// What is declared.
    pub kind: ItemKind,
    /// The whole declaration.
    pub span: Span,
}

/// `@name` or `@name(args)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// The name after `@`.
    pub name: Ident,
    /// Arguments, empty without parentheses.
    pub args: Vec<Arg>,
}

/// The kinds of declaration.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemKind {
    /// `import "file.ppl"`
    Import(StrLit),
    /// `data from "file"`
    DataFrom(StrLit),
    /// `data z: real = 5`
    Data(DataDecl),
    /// `param w: real[k] = 0` at file level
    Param(ParamDecl),
    /// `let ring_xy = marginal(…)`
    Let(LetStmt),
    /// `fn f(x: real) -> real { … }` or `fn f(x: real) = e`
    Fn(FnDecl),
    /// `net decoder(z: real[10]) -> real[784] { … }`
    Net(FnDecl),
    /// `model m(args) { … }`
    Model(ProgramDecl),
    /// `guide g(args) { … }`
    Guide(ProgramDecl),
    /// `objective elbo(p: program, q: program) = expect { … }`
    Objective(FnDecl),
    /// `distribution laplace(mu: real, b: positive) on real { … }`
    Distribution(DistributionDecl),
    /// `fit name: maximize … { settings }`
    Fit(FitDecl),
    /// `predict { … }`
    Predict(Block),
    /// A statement or expression at top level; only the REPL accepts it.
    Stmt(Stmt),
    /// What could not be parsed; an error was reported.
    Error,
}

/// A string literal with escapes resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct StrLit {
    /// The text.
    pub value: String,
    /// With the quotes.
    pub span: Span,
}

/// `data name: type = default`
#[derive(Debug, Clone, PartialEq)]
pub struct DataDecl {
    /// The name.
    pub name: Ident,
    /// The declared type.
    pub ty: Type,
    /// The value used when none is supplied.
    pub default: Option<Expr>,
}

/// `param name: type = init`; inside a plate `param name[i]: …` is parsed so that it can be refused well.
#[derive(Debug, Clone, PartialEq)]
pub struct ParamDecl {
    /// The name.
    pub name: Ident,
    /// The declared type.
    pub ty: Type,
    /// Starting value on the constrained scale; broadcast to the shape.
    pub init: Option<Expr>,
    /// The whole declaration.
    pub span: Span,
}

/// `fn`, `net` and `objective`: parameters, result type, body.
#[derive(Debug, Clone, PartialEq)]
pub struct FnDecl {
    /// The name.
    pub name: Ident,
    /// The parameters.
    pub params: Vec<Param>,
    /// `-> type`, always present for `net`.
    pub result: Option<Type>,
    /// `{ … }` as a block expression, or the expression after `=`.
    pub body: Expr,
}

/// A parameter `name: type = default`; the type is absent only in lambdas.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// The name.
    pub name: Ident,
    /// The declared type.
    pub ty: Option<Type>,
    /// Default value.
    pub default: Option<Expr>,
}

/// `model` and `guide`.
#[derive(Debug, Clone, PartialEq)]
pub struct ProgramDecl {
    /// The name.
    pub name: Ident,
    /// The parameters; empty when there are no parentheses.
    pub params: Vec<Param>,
    /// `-> type` of a program that returns a value.
    pub result: Option<Type>,
    /// The body.
    pub body: Block,
}

/// `distribution name(params) on support { clauses }`
#[derive(Debug, Clone, PartialEq)]
pub struct DistributionDecl {
    /// The name.
    pub name: Ident,
    /// Its parameters with their constraints.
    pub params: Vec<Param>,
    /// The type of its values, which is its support.
    pub support: Type,
    /// The clauses in order.
    pub clauses: Vec<DistributionClause>,
}

/// A clause of a distribution.
#[derive(Debug, Clone, PartialEq)]
pub enum DistributionClause {
    /// `name(x, …) = e`: `log_density(x)`, `cdf(x)`, `mean()`, `weak_derivative(p)` …
    Function {
        /// Which function.
        name: Ident,
        /// Its arguments.
        params: Vec<Param>,
        /// Its value.
        body: Expr,
    },
    /// `strategy from eps: base(args), … = e`: `reparam from eps: base_normal = …`, `sample from …`,
    /// `weak_derivative(p) from …`
    From {
        /// `reparam`, `sample`, …
        name: Ident,
        /// Its arguments, if there is a list of them.
        params: Option<Vec<Param>>,
        /// What the value is made of.
        draws: Vec<BaseDraw>,
        /// The value made of them.
        body: Expr,
    },
    /// `name = e` or `name`: a property such as `strategies = [enum, mvd]`.
    Property {
        /// Which property.
        name: Ident,
        /// Its value, if any.
        value: Option<Expr>,
    },
}

/// `eps: base_normal[k]`, `g: base_gamma(alpha)`
#[derive(Debug, Clone, PartialEq)]
pub struct BaseDraw {
    /// Its name.
    pub name: Ident,
    /// The base sampler.
    pub base: Ident,
    /// The sampler's operands.
    pub operands: Vec<Expr>,
    /// Sizes of an array of draws.
    pub dims: Vec<Expr>,
}

/// `fit name: maximize e over params(p) { settings }`, or several objectives in braces.
#[derive(Debug, Clone, PartialEq)]
pub struct FitDecl {
    /// The name, if any.
    pub name: Option<Ident>,
    /// The objectives; one in the short form.
    pub objectives: Vec<FitObjective>,
    /// `key = value` in the settings block, in order.
    pub settings: Vec<Field>,
}

/// `maximize e over params(p)`
#[derive(Debug, Clone, PartialEq)]
pub struct FitObjective {
    /// `maximize` (true) or `minimize` (false).
    pub maximize: bool,
    /// The objective.
    pub objective: Expr,
    /// The expression after `over`.
    pub over: Option<Expr>,
    /// From the sense to the end.
    pub span: Span,
}

/// `name = value` in records and settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The name.
    pub name: Ident,
    /// The value.
    pub value: Expr,
}

/// A type as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Type {
    /// What it is.
    pub kind: TypeKind,
    /// Where it stands.
    pub span: Span,
}

/// The forms of a type.
#[derive(Debug, Clone, PartialEq)]
pub enum TypeKind {
    /// `real`, `positive(softplus)`, `bounded(0, b)`, `simplex[k]`, `index[J][n] from 1`, `real[n, 10]`.
    Named {
        /// The head: `real`, `int`, `bit`, `positive`, `simplex`, `program`, `plate`, …
        name: Ident,
        /// Arguments in parentheses.
        args: Vec<Expr>,
        /// Each pair of brackets with its dimensions: `index[J][n]` has two.
        dims: Vec<Vec<Expr>>,
        /// `from 1`
        from: Option<Expr>,
    },
    /// `(real[10], positive[10])`
    Tuple(Vec<Type>),
    /// `{ a: real, b: int }`
    Record(Vec<(Ident, Type)>),
}

/// `{ stmt … }`; its value is that of the last statement when it is an expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// The statements.
    pub stmts: Vec<Stmt>,
    /// With the braces.
    pub span: Span,
}

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Stmt {
    /// What it does.
    pub kind: StmtKind,
    /// Where it stands.
    pub span: Span,
}

/// The forms of a statement.
#[derive(Debug, Clone, PartialEq)]
pub enum StmtKind {
    /// `let pattern: type = e`
    Let(LetStmt),
    /// `param …`
    Param(ParamDecl),
    /// `latent x[i] ~ d(args)`
    Sample(SampleStmt),
    /// `report theta` or `report theta = e`
    Report {
        /// Name in summaries and draws.
        name: Ident,
        /// What is reported; the variable of that name when absent.
        value: Option<Expr>,
    },
    /// `plate i in 0..n { … }`
    Plate {
        /// The index.
        index: Ident,
        /// The range.
        range: Expr,
        /// The body.
        body: Block,
    },
    /// `scan t in 0..n with (a = e) while c { … }`, and `for` likewise.
    Loop {
        /// Written `for` (true) or `scan` (false).
        is_for: bool,
        /// The index.
        index: Ident,
        /// The range.
        range: Expr,
        /// The carried state and its start.
        carries: Vec<Field>,
        /// Condition to go on.
        while_: Option<Expr>,
        /// The body.
        body: Block,
    },
    /// `next last = e`
    Next {
        /// Which carry.
        name: Ident,
        /// Its value in the next step.
        value: Expr,
    },
    /// An expression: `factor(e)`, `if …`, or the value of the block.
    Expr(Expr),
    /// What could not be parsed; an error was reported.
    Error,
}

/// `let pattern: type = value`
#[derive(Debug, Clone, PartialEq)]
pub struct LetStmt {
    /// What is bound.
    pub pattern: Pattern,
    /// Declared type.
    pub ty: Option<Type>,
    /// The value.
    pub value: Expr,
}

/// `latent x[i] ~ dist`
#[derive(Debug, Clone, PartialEq)]
pub struct SampleStmt {
    /// `latent` was written.
    pub latent: bool,
    /// The address without its indices.
    pub name: Ident,
    /// The indices, as written.
    pub indices: Vec<Expr>,
    /// The distribution, `normal.reparam(mu, sigma)`, or a call of a program.
    pub dist: Expr,
}

/// What `let` and `match` bind.
#[derive(Debug, Clone, PartialEq)]
pub enum Pattern {
    /// `x`
    Name(Ident),
    /// `_`
    Wildcard(Span),
    /// `(a, b)`
    Tuple(Vec<Pattern>, Span),
    /// A literal, in `match` only.
    Literal(Expr),
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// An argument: positional, or `name = value`.
#[derive(Debug, Clone, PartialEq)]
pub struct Arg {
    /// The name of a named argument.
    pub name: Option<Ident>,
    /// The value.
    pub value: Expr,
}

/// The forms of an expression.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// `3`
    Int(i64),
    /// `3.5`, `1e-3`
    Real(f64),
    /// `true`
    Bool(bool),
    /// `"text"`
    Str(String),
    /// `x`
    Name(String),
    /// `t.z`, `normal.reparam`
    Field(Box<Expr>, Ident),
    /// `x[i, j]`; an index may be a range `a..b`, or `..` for all
    Index(Box<Expr>, Vec<Expr>),
    /// `f(a, name = b)`
    Call(Box<Expr>, Vec<Arg>),
    /// `-x`, `!x`
    Unary(UnaryOp, Box<Expr>),
    /// `a + b`
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `a |> f` or `a |> f(args)`: `f(a, args)` when `f` names a function, a layer's application otherwise
    Pipe(Box<Expr>, Box<Expr>),
    /// `if c { … } else { … }`; the else branch is a block or another `if`
    If(Box<Expr>, Block, Option<Box<Expr>>),
    /// `match e { 0 => a, _ => b }`
    Match(Box<Expr>, Vec<(Pattern, Expr)>),
    /// `{ … }`
    Block(Block),
    /// `(a, b)`, `()`
    Tuple(Vec<Expr>),
    /// `[a, b]`
    Array(Vec<Expr>),
    /// `[e for i in r]`
    Comprehension {
        /// The element.
        element: Box<Expr>,
        /// The index.
        index: Ident,
        /// The range.
        range: Box<Expr>,
    },
    /// `{...t, z = e}`; `{z = e}`
    Record {
        /// The record whose fields are kept.
        spread: Option<Box<Expr>>,
        /// The fields given.
        fields: Vec<Field>,
    },
    /// `a..b`; ends are absent in slices such as `x[1..]`
    Range(Option<Box<Expr>>, Option<Box<Expr>>),
    /// `|x, y| e`
    Lambda(Vec<Param>, Box<Expr>),
    /// `expect { … }`
    Expect(Block),
    /// `replicate(n, control = f) { … }`
    Replicate(Vec<Arg>, Block),
    /// `g given {y = e}` or `g given e`
    Given(Box<Expr>, Box<Expr>),
    /// What could not be parsed; an error was reported.
    Error,
}

/// Prefix operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`
    Neg,
    /// `!`
    Not,
}

/// Infix operators, from loosest to tightest: `|>`; `|` and `given`; `or`/`||`; `and`/`&&`; comparisons
/// (not associative); `..`; `+ -`; `* / % @`; prefix; `^` (right associative); postfix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    Pow,
    MatMul,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    And,
    Or,
    /// `m | {y = e}`: condition a model on observations.
    Condition,
}

impl BinaryOp {
    /// The operator as it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            BinaryOp::Add => "+",
            BinaryOp::Sub => "-",
            BinaryOp::Mul => "*",
            BinaryOp::Div => "/",
            BinaryOp::Rem => "%",
            BinaryOp::Pow => "^",
            BinaryOp::MatMul => "@",
            BinaryOp::Eq => "==",
            BinaryOp::Ne => "!=",
            BinaryOp::Lt => "<",
            BinaryOp::Le => "<=",
            BinaryOp::Gt => ">",
            BinaryOp::Ge => ">=",
            BinaryOp::And => "and",
            BinaryOp::Or => "or",
            BinaryOp::Condition => "|",
        }
    }
}

impl ItemKind {
    /// The declared name, where there is one.
    pub fn name(&self) -> Option<&Ident> {
        match self {
            ItemKind::Data(DataDecl { name, .. })
            | ItemKind::Param(ParamDecl { name, .. })
            | ItemKind::Fn(FnDecl { name, .. })
            | ItemKind::Net(FnDecl { name, .. })
            | ItemKind::Objective(FnDecl { name, .. })
            | ItemKind::Model(ProgramDecl { name, .. })
            | ItemKind::Guide(ProgramDecl { name, .. })
            | ItemKind::Distribution(DistributionDecl { name, .. })
            | ItemKind::Let(LetStmt { pattern: Pattern::Name(name), .. }) => Some(name),
            ItemKind::Fit(FitDecl { name, .. }) => name.as_ref(),
            ItemKind::Import(_)
            | ItemKind::DataFrom(_)
            | ItemKind::Let(_)
            | ItemKind::Predict(_)
            | ItemKind::Stmt(_)
            | ItemKind::Error => None,
        }
    }
}
