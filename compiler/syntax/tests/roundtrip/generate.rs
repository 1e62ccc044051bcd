//! Random programs, as trees. Places are all zero.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use vary_diagnostic::Span;
use vary_syntax::ast::*;

fn ident(name: &str) -> Ident {
    Ident { name: name.to_owned(), span: Span::default() }
}

fn expr(kind: ExprKind) -> Expr {
    Expr { kind, span: Span::default() }
}

fn stmt(kind: StmtKind) -> Stmt {
    Stmt { kind, span: Span::default() }
}

fn block(stmts: Vec<Stmt>) -> Block {
    Block { stmts, span: Span::default() }
}

fn name() -> impl Strategy<Value = Ident> {
    select(vec!["x", "y", "mu", "sigma_2", "t", "log_q", "n"]).prop_map(ident)
}

/// Names of fields and arguments, which may be keywords.
fn field_name() -> impl Strategy<Value = Ident> {
    select(vec!["x", "n", "next", "data", "if", "maximize", "over", "given"]).prop_map(ident)
}

fn leaf() -> impl Strategy<Value = Expr> {
    prop_oneof![
        (0..1000i64).prop_map(ExprKind::Int),
        (0.0..1e9f64).prop_map(ExprKind::Real),
        (1e-300..1e300f64).prop_map(ExprKind::Real),
        any::<bool>().prop_map(ExprKind::Bool),
        "[a-z\"\\\\\n\té→]{0,6}".prop_map(ExprKind::Str),
        name().prop_map(|name| ExprKind::Name(name.name)),
    ]
    .prop_map(expr)
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let leaf = prop_oneof![name().prop_map(Pattern::Name), Just(Pattern::Wildcard(Span::default()))];
    leaf.prop_recursive(2, 6, 3, |inner| vec(inner, 0..3).prop_map(|p| Pattern::Tuple(p, Span::default())))
}

fn case() -> impl Strategy<Value = Pattern> {
    let negative = |n: i64| expr(ExprKind::Unary(UnaryOp::Neg, Box::new(expr(ExprKind::Int(n)))));
    prop_oneof![
        pattern(),
        (0..9i64).prop_map(|n| Pattern::Literal(expr(ExprKind::Int(n)))),
        (0..9i64).prop_map(move |n| Pattern::Literal(negative(n))),
    ]
}

fn binary_op() -> impl Strategy<Value = BinaryOp> {
    use BinaryOp::*;
    select(vec![Add, Sub, Mul, Div, Rem, Pow, MatMul, Eq, Ne, Lt, Le, Gt, Ge, And, Or, Condition])
}

fn fields(value: BoxedStrategy<Expr>) -> impl Strategy<Value = Vec<Field>> {
    vec((field_name(), value).prop_map(|(name, value)| Field { name, value }), 1..3)
}

fn args(value: BoxedStrategy<Expr>) -> impl Strategy<Value = Vec<Arg>> {
    vec((of(field_name()), value).prop_map(|(name, value)| Arg { name, value }), 0..4)
}

/// Expressions of a few levels.
pub fn any_expr() -> BoxedStrategy<Expr> {
    leaf()
        .boxed()
        .prop_recursive(3, 16, 3, |inner| {
            let e = inner.boxed();
            let b = || e.clone().prop_map(Box::new);
            let stmts = any_stmts(e.clone());
            let index = prop_oneof![
                3 => e.clone(),
                1 => (of(b()), of(b())).prop_map(|(from, to)| expr(ExprKind::Range(from, to))),
            ];
            let param = || (name(), of(any_type(e.clone())));
            let kind = prop_oneof![
                (b(), field_name()).prop_map(|(base, field)| ExprKind::Field(base, field)),
                (b(), vec(index, 1..3)).prop_map(|(base, indices)| ExprKind::Index(base, indices)),
                (b(), args(e.clone())).prop_map(|(callee, args)| ExprKind::Call(callee, args)),
                (select(vec![UnaryOp::Neg, UnaryOp::Not]), b()).prop_map(|(op, a)| ExprKind::Unary(op, a)),
                (binary_op(), b(), b()).prop_map(|(op, a, b)| ExprKind::Binary(op, a, b)),
                (b(), b()).prop_map(|(a, f)| ExprKind::Pipe(a, f)),
                (b(), b()).prop_map(|(p, c)| ExprKind::Given(p, c)),
                (b(), stmts.clone(), of(stmts.clone())).prop_map(|(condition, then, otherwise)| {
                    let otherwise = otherwise.map(|stmts| Box::new(expr(ExprKind::Block(block(stmts)))));
                    ExprKind::If(condition, block(then), otherwise)
                }),
                (b(), vec((case(), e.clone()), 0..3)).prop_map(|(of, arms)| ExprKind::Match(of, arms)),
                stmts.clone().prop_map(|stmts| ExprKind::Block(block(stmts))),
                vec(e.clone(), 0..4).prop_map(ExprKind::Tuple),
                vec(e.clone(), 0..4).prop_map(ExprKind::Array),
                (b(), name(), b()).prop_map(|(element, index, range)| ExprKind::Comprehension {
                    element,
                    index,
                    range
                }),
                fields(e.clone()).prop_map(|fields| ExprKind::Record { spread: None, fields }),
                (b(), fields(e.clone()))
                    .prop_map(|(spread, fields)| ExprKind::Record { spread: Some(spread), fields }),
                (b(), b()).prop_map(|(a, b)| ExprKind::Range(Some(a), Some(b))),
                (vec(param(), 0..3), b()).prop_map(|(params, body)| {
                    let params = params.into_iter().map(|(name, ty)| Param { name, ty, default: None });
                    ExprKind::Lambda(params.collect(), body)
                }),
                stmts.clone().prop_map(|stmts| ExprKind::Expect(block(stmts))),
                (args(e.clone()), stmts).prop_map(|(args, stmts)| ExprKind::Replicate(args, block(stmts))),
            ];
            kind.prop_map(expr)
        })
        .boxed()
}

fn any_type(e: BoxedStrategy<Expr>) -> BoxedStrategy<Type> {
    let head = select(vec!["real", "positive", "bounded", "index"]).prop_map(ident);
    let dims = vec(vec(e.clone(), 1..3), 0..3);
    let named = (head, vec(e.clone(), 0..2), dims, of(e))
        .prop_map(|(name, args, dims, from)| TypeKind::Named { name, args, dims, from });
    let leaf = named.prop_map(|kind| Type { kind, span: Span::default() });
    leaf.prop_recursive(1, 4, 2, |inner| {
        let kind = prop_oneof![
            vec(inner.clone(), 0..3).prop_map(TypeKind::Tuple),
            vec((name(), inner), 1..3).prop_map(TypeKind::Record),
        ];
        kind.prop_map(|kind| Type { kind, span: Span::default() })
    })
    .boxed()
}

fn any_let(e: BoxedStrategy<Expr>) -> impl Strategy<Value = LetStmt> {
    (pattern(), of(any_type(e.clone())), e).prop_map(|(pattern, ty, value)| LetStmt { pattern, ty, value })
}

fn any_param_decl(e: BoxedStrategy<Expr>) -> impl Strategy<Value = ParamDecl> {
    (name(), any_type(e.clone()), of(e)).prop_map(|(name, ty, init)| ParamDecl {
        name,
        ty,
        init,
        span: Span::default(),
    })
}

fn any_stmts(e: BoxedStrategy<Expr>) -> BoxedStrategy<Vec<Stmt>> {
    let sample =
        (any::<bool>(), name(), vec(e.clone(), 0..2), e.clone()).prop_map(|(latent, name, indices, dist)| {
            StmtKind::Sample(SampleStmt { latent, name, indices, dist })
        });
    let leaf = prop_oneof![
        any_let(e.clone()).prop_map(StmtKind::Let),
        any_param_decl(e.clone()).prop_map(StmtKind::Param),
        sample,
        (name(), of(e.clone())).prop_map(|(name, value)| StmtKind::Report { name, value }),
        (name(), e.clone()).prop_map(|(name, value)| StmtKind::Next { name, value }),
        e.clone().prop_map(StmtKind::Expr),
    ];
    let stmts = vec(leaf.prop_map(stmt), 0..3);
    stmts
        .prop_recursive(2, 6, 2, move |inner| {
            let plate = (name(), e.clone(), inner.clone()).prop_map(|(index, range, body)| StmtKind::Plate {
                index,
                range,
                body: block(body),
            });
            let carries = prop_oneof![Just(vec![]), fields(e.clone()).boxed()];
            let repeat = (any::<bool>(), name(), e.clone(), carries, of(e.clone()), inner).prop_map(
                |(is_for, index, range, carries, while_, body)| {
                    let body = block(body);
                    StmtKind::Loop { is_for, index, range, carries, while_, body }
                },
            );
            vec(prop_oneof![plate, repeat].prop_map(stmt), 1..3)
        })
        .boxed()
}

fn params(e: BoxedStrategy<Expr>) -> impl Strategy<Value = Vec<Param>> {
    let param = (name(), any_type(e.clone()), of(e));
    vec(param.prop_map(|(name, ty, default)| Param { name, ty: Some(ty), default }), 0..3)
}

fn any_fn(e: BoxedStrategy<Expr>) -> impl Strategy<Value = FnDecl> {
    (name(), params(e.clone()), any_type(e.clone()), e).prop_map(|(name, params, result, body)| FnDecl {
        name,
        params,
        result: Some(result),
        body,
    })
}

fn any_program(e: BoxedStrategy<Expr>) -> impl Strategy<Value = ProgramDecl> {
    (name(), params(e.clone()), of(any_type(e.clone())), any_stmts(e))
        .prop_map(|(name, params, result, stmts)| ProgramDecl { name, params, result, body: block(stmts) })
}

fn any_clause(e: BoxedStrategy<Expr>) -> impl Strategy<Value = DistributionClause> {
    let draw = (name(), name(), vec(e.clone(), 0..3), vec(e.clone(), 0..3))
        .prop_map(|(name, base, operands, dims)| BaseDraw { name, base, operands, dims });
    prop_oneof![
        (name(), params(e.clone()), e.clone())
            .prop_map(|(name, params, body)| DistributionClause::Function { name, params, body }),
        (name(), of(params(e.clone())), vec(draw, 1..3), e.clone())
            .prop_map(|(name, params, draws, body)| DistributionClause::From { name, params, draws, body }),
        (name(), of(e)).prop_map(|(name, value)| DistributionClause::Property { name, value }),
    ]
}

fn any_fit(e: BoxedStrategy<Expr>) -> impl Strategy<Value = FitDecl> {
    let objective = (any::<bool>(), e.clone(), of(e.clone())).prop_map(|(maximize, objective, over)| {
        FitObjective { maximize, objective, over, span: Span::default() }
    });
    let settings = prop_oneof![Just(vec![]), fields(e).boxed()];
    (of(name()), vec(objective, 1..3), settings).prop_map(|(name, objectives, settings)| FitDecl {
        name,
        objectives,
        settings,
    })
}

fn any_item() -> impl Strategy<Value = Item> {
    let e = any_expr();
    let file = || "[a-z./]{1,8}".prop_map(|value| StrLit { value, span: Span::default() });
    let kind = prop_oneof![
        file().prop_map(ItemKind::Import),
        file().prop_map(ItemKind::DataFrom),
        (name(), any_type(e.clone()), of(e.clone()))
            .prop_map(|(name, ty, default)| ItemKind::Data(DataDecl { name, ty, default })),
        any_param_decl(e.clone()).prop_map(ItemKind::Param),
        any_let(e.clone()).prop_map(ItemKind::Let),
        any_fn(e.clone()).prop_map(ItemKind::Fn),
        any_fn(e.clone()).prop_map(ItemKind::Net),
        any_fn(e.clone()).prop_map(ItemKind::Objective),
        any_program(e.clone()).prop_map(ItemKind::Model),
        any_program(e.clone()).prop_map(ItemKind::Guide),
        (name(), params(e.clone()), any_type(e.clone()), vec(any_clause(e.clone()), 0..4)).prop_map(
            |(name, params, support, clauses)| {
                ItemKind::Distribution(DistributionDecl { name, params, support, clauses })
            }
        ),
        any_fit(e.clone()).prop_map(ItemKind::Fit),
        any_stmts(e.clone()).prop_map(|stmts| ItemKind::Predict(block(stmts))),
    ];
    let attribute = (field_name(), args(e)).prop_map(|(name, args)| Attribute { name, args });
    (vec("[a-z ]{0,9}[a-z]", 0..2), vec(attribute, 0..2), kind).prop_map(|(docs, attributes, kind)| Item {
        docs,
        attributes,
        kind,
        span: Span::default(),
    })
}

/// Files of a few declarations.
pub fn any_file() -> impl Strategy<Value = File> {
    vec(any_item(), 1..3).prop_map(|items| File { items })
}
