//! The parts of a node, for walks that treat most forms alike.

use crate::ast::*;

/// A node of the tree.
#[derive(Debug, Clone, Copy)]
pub enum Node<'a> {
    /// A declaration.
    Item(&'a Item),
    /// A block.
    Block(&'a Block),
    /// A statement.
    Stmt(&'a Stmt),
    /// An expression.
    Expr(&'a Expr),
    /// A pattern.
    Pattern(&'a Pattern),
    /// A type.
    Type(&'a Type),
}

/// Calls `f` with every name an expression reads.
pub fn each_name<'a>(expr: &'a Expr, f: &mut dyn FnMut(&'a str)) {
    fn walk<'a>(node: Node<'a>, f: &mut dyn FnMut(&'a str)) {
        if let Node::Expr(Expr { kind: ExprKind::Name(name), .. }) = node {
            f(name);
        }
        each_child(node, &mut |child| walk(child, f));
    }
    walk(Node::Expr(expr), f);
}

/// Calls `f` with each node directly below this one, in source order.
pub fn each_child<'a>(node: Node<'a>, f: &mut dyn FnMut(Node<'a>)) {
    match node {
        Node::Item(item) => of_item(item, f),
        Node::Block(block) => block.stmts.iter().for_each(|stmt| f(Node::Stmt(stmt))),
        Node::Stmt(stmt) => of_stmt(stmt, f),
        Node::Expr(expr) => of_expr(expr, f),
        Node::Pattern(Pattern::Name(_) | Pattern::Wildcard(_)) => {}
        Node::Pattern(Pattern::Tuple(parts, _)) => parts.iter().for_each(|part| f(Node::Pattern(part))),
        Node::Pattern(Pattern::Literal(literal)) => f(Node::Expr(literal)),
        Node::Type(ty) => of_type(ty, f),
    }
}

fn of_item<'a>(item: &'a Item, f: &mut dyn FnMut(Node<'a>)) {
    item.attributes.iter().for_each(|attribute| args(&attribute.args, f));
    match &item.kind {
        ItemKind::Import(_) | ItemKind::DataFrom(_) | ItemKind::Error => {}
        ItemKind::Data(DataDecl { ty, default, .. }) => {
            f(Node::Type(ty));
            exprs(default, f);
        }
        ItemKind::Param(param) => of_param_decl(param, f),
        ItemKind::Let(stmt) => of_let(stmt, f),
        ItemKind::Fn(decl) | ItemKind::Net(decl) | ItemKind::Objective(decl) => {
            params(&decl.params, f);
            decl.result.iter().for_each(|ty| f(Node::Type(ty)));
            f(Node::Expr(&decl.body));
        }
        ItemKind::Model(decl) | ItemKind::Guide(decl) => {
            params(&decl.params, f);
            decl.result.iter().for_each(|ty| f(Node::Type(ty)));
            f(Node::Block(&decl.body));
        }
        ItemKind::Distribution(decl) => {
            params(&decl.params, f);
            f(Node::Type(&decl.support));
            decl.clauses.iter().for_each(|clause| of_clause(clause, f));
        }
        ItemKind::Fit(decl) => {
            for FitObjective { objective, over, .. } in &decl.objectives {
                f(Node::Expr(objective));
                exprs(over, f);
            }
            fields(&decl.settings, f);
        }
        ItemKind::Predict(block) => f(Node::Block(block)),
        ItemKind::Stmt(stmt) => f(Node::Stmt(stmt)),
    }
}

fn of_clause<'a>(clause: &'a DistributionClause, f: &mut dyn FnMut(Node<'a>)) {
    match clause {
        DistributionClause::Function { params: declared, body, .. } => {
            params(declared, f);
            f(Node::Expr(body));
        }
        DistributionClause::From { params: declared, draws, body, .. } => {
            params(declared.as_deref().unwrap_or_default(), f);
            draws.iter().for_each(|draw| exprs(draw.operands.iter().chain(&draw.dims), f));
            f(Node::Expr(body));
        }
        DistributionClause::Property { value, .. } => exprs(value, f),
    }
}

fn of_stmt<'a>(stmt: &'a Stmt, f: &mut dyn FnMut(Node<'a>)) {
    match &stmt.kind {
        StmtKind::Let(stmt) => of_let(stmt, f),
        StmtKind::Param(param) => of_param_decl(param, f),
        StmtKind::Sample(SampleStmt { indices, dist, .. }) => {
            exprs(indices, f);
            f(Node::Expr(dist));
        }
        StmtKind::Report { value, .. } => exprs(value, f),
        StmtKind::Plate { range, body, .. } => {
            f(Node::Expr(range));
            f(Node::Block(body));
        }
        StmtKind::Loop { range, carries, while_, body, .. } => {
            f(Node::Expr(range));
            fields(carries, f);
            exprs(while_, f);
            f(Node::Block(body));
        }
        StmtKind::Next { value, .. } => f(Node::Expr(value)),
        StmtKind::Expr(expr) => f(Node::Expr(expr)),
        StmtKind::Error => {}
    }
}

fn of_expr<'a>(expr: &'a Expr, f: &mut dyn FnMut(Node<'a>)) {
    use ExprKind::*;
    match &expr.kind {
        Int(_) | Real(_) | Bool(_) | Str(_) | Name(_) | Error => {}
        Field(base, _) => f(Node::Expr(base)),
        Index(base, indices) => {
            f(Node::Expr(base));
            exprs(indices, f);
        }
        Call(callee, list) => {
            f(Node::Expr(callee));
            args(list, f);
        }
        Unary(_, operand) => f(Node::Expr(operand)),
        Binary(_, a, b) | Pipe(a, b) | Given(a, b) => {
            f(Node::Expr(a));
            f(Node::Expr(b));
        }
        If(condition, then, otherwise) => {
            f(Node::Expr(condition));
            f(Node::Block(then));
            otherwise.iter().for_each(|e| f(Node::Expr(e)));
        }
        Match(scrutinee, arms) => {
            f(Node::Expr(scrutinee));
            for (pattern, value) in arms {
                f(Node::Pattern(pattern));
                f(Node::Expr(value));
            }
        }
        Block(block) | Expect(block) => f(Node::Block(block)),
        Tuple(items) | Array(items) => exprs(items, f),
        Comprehension { element, range, .. } => {
            f(Node::Expr(element));
            f(Node::Expr(range));
        }
        Record { spread, fields: given } => {
            spread.iter().for_each(|e| f(Node::Expr(e)));
            fields(given, f);
        }
        Range(from, to) => {
            from.iter().for_each(|e| f(Node::Expr(e)));
            to.iter().for_each(|e| f(Node::Expr(e)));
        }
        Lambda(declared, body) => {
            params(declared, f);
            f(Node::Expr(body));
        }
        Replicate(list, block) => {
            args(list, f);
            f(Node::Block(block));
        }
    }
}

fn of_type<'a>(ty: &'a Type, f: &mut dyn FnMut(Node<'a>)) {
    match &ty.kind {
        TypeKind::Named { args, dims, from, .. } => {
            exprs(args, f);
            dims.iter().for_each(|group| exprs(group, f));
            exprs(from, f);
        }
        TypeKind::Tuple(types) => types.iter().for_each(|ty| f(Node::Type(ty))),
        TypeKind::Record(fields) => fields.iter().for_each(|(_, ty)| f(Node::Type(ty))),
    }
}

fn of_let<'a>(stmt: &'a LetStmt, f: &mut dyn FnMut(Node<'a>)) {
    f(Node::Pattern(&stmt.pattern));
    stmt.ty.iter().for_each(|ty| f(Node::Type(ty)));
    f(Node::Expr(&stmt.value));
}

fn of_param_decl<'a>(param: &'a ParamDecl, f: &mut dyn FnMut(Node<'a>)) {
    f(Node::Type(&param.ty));
    exprs(&param.init, f);
}

fn params<'a>(params: &'a [Param], f: &mut dyn FnMut(Node<'a>)) {
    for Param { ty, default, .. } in params {
        ty.iter().for_each(|ty| f(Node::Type(ty)));
        exprs(default, f);
    }
}

fn exprs<'a>(exprs: impl IntoIterator<Item = &'a Expr>, f: &mut dyn FnMut(Node<'a>)) {
    exprs.into_iter().for_each(|expr| f(Node::Expr(expr)));
}

fn args<'a>(args: &'a [Arg], f: &mut dyn FnMut(Node<'a>)) {
    exprs(args.iter().map(|arg| &arg.value), f);
}

fn fields<'a>(fields: &'a [Field], f: &mut dyn FnMut(Node<'a>)) {
    exprs(fields.iter().map(|field| &field.value), f);
}
