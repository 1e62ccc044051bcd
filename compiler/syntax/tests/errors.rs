//! Syntax errors as the user reads them: each snapshot holds the program and the message.

use vary_diagnostic::{Sources, render};
use vary_syntax::parse_file;

/// The source and what is said about it.
fn report(text: &str) -> String {
    let mut sources = Sources::default();
    let id = sources.add("main.ppl", text);
    let parsed = parse_file(id, text);
    assert!(!parsed.diagnostics.is_empty(), "no error in:\n{text}");
    format!("{}\n----\n{}", text.trim_end(), render(&sources, &parsed.diagnostics, false))
}

macro_rules! errors {
    ($($name:ident: $text:expr;)*) => {
        $(#[test]
        fn $name() {
            insta::assert_snapshot!(report($text));
        })*
    };
}

errors! {
    equals_for_a_draw: "model m {\n  x = normal(0, 1)\n}\n";
    indexed_assignment: "model m {\n  plate i in 0..n {\n    x[i] = normal(0, 1)\n  }\n}\n";
    colon_equals: "model m {\n  x := 3\n}\n";
    left_arrow: "model m {\n  x <- 3\n}\n";
    power_with_stars: "let a = 2**3\n";
    target_plus_equals: "model m {\n  target += normal_lpdf(y, 0, 1)\n}\n";
    plus_equals: "fn f(x: real) {\n  s += x\n  s\n}\n";
    let_with_tilde: "model m {\n  let x ~ normal(0, 1)\n}\n";
    let_with_double_equals: "let x == 3\n";
    comparison_with_one_equals: "fn f(x: int) = if x = 3 { 1 } else { 2 }\n";
    chained_comparison: "fn f(x: real) -> bool = 0 < x < 1\n";
    unclosed_block: "model m {\n  x ~ normal(0, 1)\n\nguide g {\n  x ~ normal.reparam(0, 1)\n}\n";
    unclosed_block_at_the_end: "model m {\n  plate i in 0..n {\n    x[i] ~ normal(0, 1)\n}\n";
    unclosed_call: "model m {\n  x ~ normal(0, sqrt(2)\n  y ~ normal(x, 1)\n}\n";
    unclosed_call_at_brace: "model m { x ~ normal(0, 1 }\n";
    mismatched_brackets: "let a = [1, 2)\n";
    bracket_that_closes_nothing: "model m {\n  x ~ normal(0, 1))\n}\n";
    plate_without_index: "model m {\n  plate 0..n { x ~ normal(0, 1) }\n}\n";
    plate_without_range: "model m {\n  plate i { x[i] ~ normal(0, 1) }\n}\n";
    for_with_parentheses: "model m {\n  for (i in 0..n) { x[i] ~ normal(0, 1) }\n}\n";
    range_with_colon: "model m {\n  for i in 1:n { x[i] ~ normal(0, 1) }\n}\n";
    slice_with_colon: "let a = x[1:3]\n";
    brace_on_its_own_line: "model m\n{\n  x ~ normal(0, 1)\n}\n";
    braces_for_an_array: "let a = {1, 2, 3}\n";
    missing_comma: "let a = [1 2 3]\n";
    missing_comma_in_call: "let a = normal(0 1)\n";
    colon_in_record: "let r = {a: 1, b: 2}\n";
    missing_operand: "let a = 1 +\n";
    missing_value: "let a =\n";
    missing_distribution: "model m {\n  x ~\n}\n";
    line_begins_with_minus: "let a = 1\n  - 2\n";
    line_begins_with_plus: "model m {\n  let a = 1\n    + 2\n}\n";
    unterminated_string: "import \"nets.ppl\nimport \"more.ppl\"\n";
    unknown_escape: "import \"a\\q.ppl\"\n";
    import_without_quotes: "import nets\n";
    greek_name: "model m {\n  μ ~ normal(0, 1)\n}\n";
    typographic_operator: "fn f(x: real) = x ≤ 3\n";
    hash_comment: "# a model\nmodel m { x ~ normal(0, 1) }\n";
    block_comment: "/* a model */\nmodel m { x ~ normal(0, 1) }\n";
    data_without_type: "data n = 5\n";
    param_without_type: "guide g {\n  param mu = 0\n}\n";
    param_with_index: "guide g {\n  plate i in 0..n {\n    param m[i]: real = 0\n  }\n}\n";
    parameter_without_type: "fn f(x, y: real) = x + y\n";
    type_expected: "data y: 3\n";
    net_without_result: "net f(x: real[3]) { x |> dense(3) }\n";
    misspelt_declaration: "modle m {\n  x ~ normal(0, 1)\n  y ~ \n}\n";
    foreign_function: "def f(x: real) { x }\n";
    foreign_return: "fn f(x: real) {\n  return x\n}\n";
    declaration_in_a_block: "model m {\n  fn f(x: real) = x\n}\n";
    statement_at_top: "x ~ normal(0, 1)\n";
    expression_at_top: "normal(0, 1)\n";
    draw_of_a_call: "model m {\n  normal(0, 1) ~ x\n}\n";
    literal_in_let: "let (a, 1) = f(x)\n";
    python_choice: "let a = 1 if c else 2\n";
    elif: "fn f(x: int) {\n  if x == 0 { 1 } elif x == 1 { 2 } else { 3 }\n}\n";
    if_without_braces: "fn f(x: int) = if x == 0 then 1 else 2\n";
    match_with_thin_arrow: "fn f(x: int) = match x { 0 -> 1, _ -> 2 }\n";
    arrow_function: "let f = (x) => x + 1\n";
    keyword_as_name: "let in = 3\n";
    fit_without_colon: "fit main maximize elbo(m, g)\n";
    fit_without_sense: "fit: elbo(m, g)\n";
    digits_then_letters: "let a = 2x\n";
    number_without_fraction: "let a = 1.\n";
    number_without_zero: "let a = .5\n";
    elementwise_operator: "let a = x .* y\n";
    huge_integer: "let a = 99999999999999999999\n";
    huge_real: "let a = 1e999\n";
    several_errors: "data n = 3\nmodel m {\n  x = 1\n  plate i in 0..n {\n    let y = * 2\n    z[i] ~ normal(0, 1)\n    w ~ normal(0 1)\n  }\n}\nfit: maximize\n";
}
