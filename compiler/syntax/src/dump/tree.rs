//! The tree as nested lists.

use crate::ast::*;

/// A word or a list.
pub enum Tree {
    Word(String),
    List(Vec<Tree>),
}

/// Lists longer than this are written on several lines.
const WIDTH: usize = 96;

impl Tree {
    /// The tree as text with a line end.
    pub fn print(&self) -> String {
        let mut out = String::new();
        self.write(0, &mut out);
        out.push('\n');
        out
    }

    fn write(&self, indent: usize, out: &mut String) {
        match self {
            Tree::Word(word) => out.push_str(word),
            Tree::List(parts) if indent + self.width() <= WIDTH => {
                out.push('(');
                for (i, part) in parts.iter().enumerate() {
                    if i > 0 {
                        out.push(' ');
                    }
                    part.write(indent, out);
                }
                out.push(')');
            }
            Tree::List(parts) => {
                out.push('(');
                // Words stay beside the head of the list.
                let mut beside_head = true;
                for (i, part) in parts.iter().enumerate() {
                    beside_head = beside_head && (i == 0 || matches!(part, Tree::Word(_)));
                    if !beside_head {
                        out.push('\n');
                        out.extend(std::iter::repeat_n(' ', indent + 2));
                    } else if i > 0 {
                        out.push(' ');
                    }
                    part.write(indent + 2, out);
                }
                out.push(')');
            }
        }
    }

    fn width(&self) -> usize {
        match self {
            Tree::Word(word) => word.len(),
            Tree::List(parts) => parts.iter().map(|part| part.width() + 1).sum::<usize>() + 2,
        }
    }
}

fn word(text: impl Into<String>) -> Tree {
    Tree::Word(text.into())
}

fn quoted(text: &str) -> Tree {
    Tree::Word(format!("{text:?}"))
}

fn name(ident: &Ident) -> Tree {
    word(&ident.name)
}

fn list(head: &str, parts: impl IntoIterator<Item = Tree>) -> Tree {
    Tree::List(std::iter::once(word(head)).chain(parts).collect())
}

/// `(head part)` if there is a part.
fn maybe(head: &str, part: Option<Tree>) -> Option<Tree> {
    part.map(|part| list(head, [part]))
}

/// `(head parts…)` if there are any.
fn unless_empty(head: &str, parts: Vec<Tree>) -> Option<Tree> {
    (!parts.is_empty()).then(|| list(head, parts))
}

pub fn item(item: &Item) -> Tree {
    let tree = item_kind(&item.kind);
    if item.docs.is_empty() && item.attributes.is_empty() {
        return tree;
    }
    let docs = item.docs.iter().map(|line| list("doc", [quoted(line)]));
    let attributes = item.attributes.iter().map(|attribute| {
        let mut parts = vec![name(&attribute.name)];
        parts.extend(args(&attribute.args));
        list("attribute", parts)
    });
    list("item", docs.chain(attributes).chain([tree]).collect::<Vec<_>>())
}

fn item_kind(kind: &ItemKind) -> Tree {
    match kind {
        ItemKind::Import(file) => list("import", [quoted(&file.value)]),
        ItemKind::DataFrom(file) => list("data-from", [quoted(&file.value)]),
        ItemKind::Data(data) => list(
            "data",
            [name(&data.name), ty(&data.ty)]
                .into_iter()
                .chain(maybe("default", data.default.as_ref().map(expr))),
        ),
        ItemKind::Param(decl) => param_decl(decl),
        ItemKind::Let(stmt) => let_stmt(stmt),
        ItemKind::Fn(decl) => fn_decl("fn", decl),
        ItemKind::Net(decl) => fn_decl("net", decl),
        ItemKind::Objective(decl) => fn_decl("objective", decl),
        ItemKind::Model(decl) => program("model", decl),
        ItemKind::Guide(decl) => program("guide", decl),
        ItemKind::Distribution(decl) => list(
            "distribution",
            [name(&decl.name), list("params", params(&decl.params)), list("on", [ty(&decl.support)])]
                .into_iter()
                .chain(decl.clauses.iter().map(clause)),
        ),
        ItemKind::Fit(decl) => list(
            "fit",
            decl.name
                .iter()
                .map(name)
                .chain(decl.objectives.iter().map(fit_objective))
                .chain(unless_empty("settings", fields(&decl.settings))),
        ),
        ItemKind::Predict(body) => list("predict", [block(body)]),
        ItemKind::Stmt(inner) => stmt(inner),
        ItemKind::Error => list("error", []),
    }
}

fn fit_objective(objective: &FitObjective) -> Tree {
    let sense = if objective.maximize { "maximize" } else { "minimize" };
    list(
        sense,
        [expr(&objective.objective)].into_iter().chain(maybe("over", objective.over.as_ref().map(expr))),
    )
}

fn param_decl(decl: &ParamDecl) -> Tree {
    list(
        "param",
        [name(&decl.name), ty(&decl.ty)].into_iter().chain(maybe("init", decl.init.as_ref().map(expr))),
    )
}

fn let_stmt(stmt: &LetStmt) -> Tree {
    list(
        "let",
        [pattern(&stmt.pattern)]
            .into_iter()
            .chain(maybe("type", stmt.ty.as_ref().map(ty)))
            .chain([expr(&stmt.value)]),
    )
}

fn fn_decl(head: &str, decl: &FnDecl) -> Tree {
    list(
        head,
        [name(&decl.name), list("params", params(&decl.params))]
            .into_iter()
            .chain(maybe("result", decl.result.as_ref().map(ty)))
            .chain([expr(&decl.body)]),
    )
}

fn program(head: &str, decl: &ProgramDecl) -> Tree {
    list(
        head,
        [name(&decl.name)]
            .into_iter()
            .chain(unless_empty("params", params(&decl.params)))
            .chain(maybe("result", decl.result.as_ref().map(ty)))
            .chain([block(&decl.body)]),
    )
}

fn clause(clause: &DistributionClause) -> Tree {
    match clause {
        DistributionClause::Function { name: of, params: declared, body } => {
            list("function", [name(of), list("params", params(declared)), expr(body)])
        }
        DistributionClause::From { name: of, params: declared, draws, body } => {
            let draws = draws.iter().map(|draw| {
                let operands = draw.operands.iter().map(expr);
                let dims = unless_empty("dims", draw.dims.iter().map(expr).collect());
                list("draw", [name(&draw.name), name(&draw.base)].into_iter().chain(operands).chain(dims))
            });
            let declared = declared.as_ref().map(|declared| list("params", params(declared)));
            list("from", [name(of)].into_iter().chain(declared).chain(draws).chain([expr(body)]))
        }
        DistributionClause::Property { name: of, value } => {
            list("property", [name(of)].into_iter().chain(value.as_ref().map(expr)))
        }
    }
}

fn params(params: &[Param]) -> Vec<Tree> {
    let one = |param: &Param| {
        let mut parts = vec![name(&param.name)];
        parts.extend(maybe("type", param.ty.as_ref().map(ty)));
        parts.extend(maybe("default", param.default.as_ref().map(expr)));
        Tree::List(parts)
    };
    params.iter().map(one).collect()
}

fn ty(ty_: &Type) -> Tree {
    match &ty_.kind {
        TypeKind::Named { name: head, args, dims, from } => {
            if args.is_empty() && dims.is_empty() && from.is_none() {
                return name(head);
            }
            let dims = dims.iter().map(|group| list("dims", group.iter().map(expr)));
            Tree::List(
                [name(head)]
                    .into_iter()
                    .chain(unless_empty("args", args.iter().map(expr).collect()))
                    .chain(dims)
                    .chain(maybe("from", from.as_ref().map(expr)))
                    .collect(),
            )
        }
        TypeKind::Tuple(types) => list("tuple", types.iter().map(ty)),
        TypeKind::Record(fields) => {
            list("record", fields.iter().map(|(field, of)| Tree::List(vec![name(field), ty(of)])))
        }
    }
}

fn block(block: &Block) -> Tree {
    list("block", block.stmts.iter().map(stmt))
}

fn stmt(stmt: &Stmt) -> Tree {
    match &stmt.kind {
        StmtKind::Let(inner) => let_stmt(inner),
        StmtKind::Param(decl) => param_decl(decl),
        StmtKind::Sample(site) => list(
            if site.latent { "latent-sample" } else { "sample" },
            [name(&site.name)]
                .into_iter()
                .chain(unless_empty("at", site.indices.iter().map(expr).collect()))
                .chain([expr(&site.dist)]),
        ),
        StmtKind::Report { name: of, value } => {
            list("report", [name(of)].into_iter().chain(value.as_ref().map(expr)))
        }
        StmtKind::Plate { index, range, body } => list("plate", [name(index), expr(range), block(body)]),
        StmtKind::Loop { is_for, index, range, carries, while_, body } => list(
            if *is_for { "for" } else { "scan" },
            [name(index), expr(range)]
                .into_iter()
                .chain(unless_empty("with", fields(carries)))
                .chain(maybe("while", while_.as_ref().map(expr)))
                .chain([block(body)]),
        ),
        StmtKind::Next { name: of, value } => list("next", [name(of), expr(value)]),
        StmtKind::Expr(value) => expr(value),
        StmtKind::Error => list("error", []),
    }
}

fn pattern(pattern_: &Pattern) -> Tree {
    match pattern_ {
        Pattern::Name(ident) => name(ident),
        Pattern::Wildcard(_) => word("_"),
        Pattern::Tuple(parts, _) => list("tuple", parts.iter().map(pattern)),
        Pattern::Literal(literal) => expr(literal),
    }
}

fn args(args: &[Arg]) -> Vec<Tree> {
    let one = |arg: &Arg| match &arg.name {
        Some(of) => list("=", [name(of), expr(&arg.value)]),
        None => expr(&arg.value),
    };
    args.iter().map(one).collect()
}

fn fields(fields: &[Field]) -> Vec<Tree> {
    fields.iter().map(|field| list("=", [name(&field.name), expr(&field.value)])).collect()
}

fn expr(expr_: &Expr) -> Tree {
    use ExprKind::*;
    match &expr_.kind {
        Int(value) => word(value.to_string()),
        Real(value) => word(format!("{value:?}")),
        Bool(value) => word(value.to_string()),
        Str(text) => quoted(text),
        Name(text) => word(text),
        Field(base, field) => list(".", [expr(base), name(field)]),
        Index(base, indices) => list("index", [expr(base)].into_iter().chain(indices.iter().map(expr))),
        Call(callee, given) => list("call", [expr(callee)].into_iter().chain(args(given))),
        Unary(UnaryOp::Neg, operand) => list("neg", [expr(operand)]),
        Unary(UnaryOp::Not, operand) => list("not", [expr(operand)]),
        Binary(op, a, b) => list(op.symbol(), [expr(a), expr(b)]),
        Pipe(a, f) => list("|>", [expr(a), expr(f)]),
        If(condition, then, otherwise) => {
            list("if", [expr(condition), block(then)].into_iter().chain(otherwise.as_deref().map(expr)))
        }
        Match(scrutinee, arms) => list(
            "match",
            [expr(scrutinee)]
                .into_iter()
                .chain(arms.iter().map(|(case, value)| list("=>", [pattern(case), expr(value)]))),
        ),
        Block(inner) => block(inner),
        Tuple(items) => list("tuple", items.iter().map(expr)),
        Array(items) => list("array", items.iter().map(expr)),
        Comprehension { element, index, range } => {
            list("comprehension", [expr(element), name(index), expr(range)])
        }
        Record { spread, fields: given } => {
            list("record", maybe("...", spread.as_deref().map(expr)).into_iter().chain(fields(given)))
        }
        Range(from, to) => {
            let end = |end: &Option<Box<Expr>>| end.as_deref().map_or(word("_"), expr);
            list("..", [end(from), end(to)])
        }
        Lambda(declared, body) => list("lambda", [list("params", params(declared)), expr(body)]),
        Expect(body) => list("expect", [block(body)]),
        Replicate(given, body) => list("replicate", args(given).into_iter().chain([block(body)])),
        Given(program, condition) => list("given", [expr(program), expr(condition)]),
        Error => list("error", []),
    }
}
