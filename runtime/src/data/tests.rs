//! Reading, from declarations and texts to values or the sentences that people read.

use std::path::Path;

use ndarray::{ArrayD, array};

use super::*;

fn dim(size: &str) -> DimSpec {
    size.parse().map_or_else(|_| DimSpec::named(size), DimSpec::known)
}

fn real<const R: usize>(name: &str, dims: [&str; R]) -> Declared {
    Declared::new(name, Elem::Real, dims.map(dim))
}

fn int<const R: usize>(name: &str, dims: [&str; R]) -> Declared {
    Declared::new(name, Elem::Int, dims.map(dim))
}

fn bit<const R: usize>(name: &str, dims: [&str; R]) -> Declared {
    Declared::new(name, Elem::Bit, dims.map(dim))
}

fn positive<const R: usize>(name: &str, dims: [&str; R]) -> Declared {
    real(name, dims).constrained(Constraint::Positive)
}

fn index(name: &str, levels: &str, size: &str, base: i64) -> Declared {
    int(name, [size]).of_kind(Kind::Index { base, levels: dim(levels) })
}

fn factor(name: &str, levels: &str, size: &str) -> Declared {
    int(name, [size]).of_kind(Kind::Factor { levels: dim(levels) })
}

fn scalar(x: f64) -> ArrayD<f64> {
    ArrayD::from_elem(vec![], x)
}

/// Reads files given as name and text; a name without extension is `--data name=text`.
fn try_read(declared: &[Declared], columns: &str, files: &[(&str, &str)]) -> Result<Values, Vec<DataError>> {
    let mut sources = vec![];
    for (name, text) in files {
        let source = match name.contains('.') {
            true => Source::parse(Path::new(name), text.as_bytes()),
            false => Source::inline(name, text),
        };
        sources.push(source.map_err(|error| vec![error])?);
    }
    if !columns.is_empty() {
        map_columns(&mut sources, &columns.parse().unwrap())?;
    }
    read(declared, &sources)
}

#[track_caller]
fn values(declared: &[Declared], files: &[(&str, &str)]) -> Values {
    match try_read(declared, "", files) {
        Ok(values) => values,
        Err(errors) => panic!("{}", render(&errors)),
    }
}

fn render(errors: &[DataError]) -> String {
    let mut text = String::new();
    for error in errors {
        text += &format!("{}: {}\n", error.code(), error.message());
        for help in error.help() {
            text += &format!("  help: {help}\n");
        }
    }
    text
}

/// Declarations, files and what the user reads.
fn story(declared: &[Declared], columns: &str, files: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for declared in declared {
        text += &format!("data {}: {declared}\n", declared.name);
    }
    if !columns.is_empty() {
        text += &format!("--columns '{columns}'\n");
    }
    for (name, content) in files {
        text += &format!("--- {name}\n{}\n", content.trim_end());
    }
    text += "---\n";
    match try_read(declared, columns, files) {
        Ok(values) => text + &format!("{values:#?}"),
        Err(errors) => text + &render(&errors),
    }
}

/// `name: [declarations] files…`: one snapshot of declarations, files and messages.
macro_rules! refused {
    ($($name:ident: [$($declared:expr),*] $(columns $columns:literal)? $($file:literal = $text:literal)*;)*) => {$(
        #[test]
        fn $name() {
            let columns = concat!("" $(, $columns)?);
            let files = [$(($file, $text)),*];
            let text = story(&[$($declared),*], columns, &files);
            assert!(text.contains("E07"), "accepted:\n{text}");
            insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
                insta::assert_snapshot!(stringify!($name), text);
            });
        }
    )*};
}

refused! {
    empty_file: [real("y", ["n"])] "data.json" = " \n";
    unknown_format: [real("y", ["n"])] "data.xlsx" = "PK";
    json_ends_early: [real("y", ["n"])] "data.json" = "{\"y\": [1, 2";
    json_trailing_comma: [real("y", ["n"])] "data.json" = "{\n \"y\": [1, 2,]\n}";
    json_bare_nan: [real("y", ["n"])] "data.json" = "{\n \"y\": [1, NaN, 2]\n}";
    json_bare_infinity: [real("y", ["n"])] "data.json" = "{\"y\": [1, -Infinity]}";
    json_is_an_array: [real("y", ["n"])] "data.json" = "[1, 2, 3]";
    json_name_twice: [real("y", ["n"])] "data.json" = "{\"y\": [1], \"y\": [2]}";
    json_fraction_for_int: [int("k", ["n"])] "data.json" = "{\"k\": [1, 2.5]}";
    json_integral_real_for_int: [int("k", ["n"])] "data.json" = "{\"k\": [1, 2.0]}";
    json_int_too_large: [int("k", [])] "data.json" = "{\"k\": 9007199254740993}";
    json_text_for_real: [real("y", ["n"])] "data.json" = "{\"y\": [1, \"2\"]}";
    json_nan_text: [real("y", ["n"])] "data.json" = "{\"y\": [1, \"nan\"]}";
    json_null: [real("y", ["n"])] "data.json" = "{\"y\": [1, null]}";
    json_scalar_for_array: [real("y", ["n"])] "data.json" = "{\"y\": 5}";
    json_array_for_scalar: [real("z", [])] "data.json" = "{\"z\": [5]}";
    json_matrix_for_array: [real("y", ["n"])] "data.json" = "{\"y\": [[1, 2], [3, 4]]}";
    json_ragged_matrix: [real("x", ["n", "k"])] "data.json" = "{\"x\": [[1, 2], [3]]}";
    json_object_for_real: [real("y", [])] "data.json" = "{\"y\": {\"a\": 1}}";
    json_two_for_bit: [bit("b", ["n"])] "data.json" = "{\"b\": [0, 1, 2]}";
    missing_with_near_name: [real("sigma", ["n"])] "data.json" = "{\"y\": [1], \"Sigma\": [2]}";
    missing_in_two_sources: [real("sigma", ["n"]), real("mu", [])] "a.json" = "{\"y\": [1]}" "b.csv" = "z\n1\n";
    missing_without_sources: [real("y", ["n"])];
    conflicting_sizes: [int("n", []), real("y", ["n"]), positive("sigma", ["n"])]
        "data.json" = "{\"y\": [28, 8, -3], \"sigma\": [15, 10]}";
    conflict_with_supplied_size: [int("n", []), real("y", ["n"])] "data.json" = "{\"n\": 4, \"y\": [28, 8, -3]}";
    conflict_with_default_size:
        [int("k", []).when_absent(Absent::Default(scalar(3.0))), real("y", ["n", "k"]), int("n", [])]
        "data.json" = "{\"y\": [[1, 2]]}";
    conflict_with_known_size: [real("image", ["2", "2"])] "data.json" = "{\"image\": [[1, 2, 3], [4, 5, 6]]}";
    size_in_a_formula:
        [int("n", []), real("y", ["n"]), Declared::new("edge", Elem::Real, [DimSpec::new(1, [("n".into(), 1)])])]
        "data.json" = "{\"y\": [1, 2, 3], \"edge\": [0, 1, 2]}";
    no_size_fits: [int("n", []), Declared::new("pair", Elem::Real, [DimSpec::new(0, [("n".into(), 2)])])]
        "data.json" = "{\"pair\": [1, 2, 3]}";
    size_follows_from_nothing: [int("J", []), int("n", []), index("school", "J", "n", 1)]
        "data.json" = "{\"school\": [1, 2, 2]}";
    negative_size: [int("n", []), real("y", ["n"])] "data.json" = "{\"n\": -1, \"y\": []}";
    factor_levels_conflict: [int("S", []), int("n", []), factor("state", "S", "n")]
        "data.csv" = "state\nMN\nWI\nMN\n" "S" = "3";
    factor_missing: [int("S", []), int("n", []), factor("state", "S", "n")] "data.csv" = "state,y\nMN,1\nNA,2\n";
    factor_from_fractions: [int("S", []), int("n", []), factor("state", "S", "n")]
        "data.json" = "{\"state\": [1.5, 2]}";
    not_positive: [int("n", []), positive("sigma", ["n"])] "data.json" = "{\"sigma\": [15, 0]}";
    not_positive_in_csv: [int("n", []), positive("x", ["n", "2"])] "data.csv" = "x.1,x.2\n1,2\n3,-4\n";
    not_a_simplex: [real("w", ["3"]).constrained(Constraint::Simplex)] "data.json" = "{\"w\": [0.5, 0.2, 0.2]}";
    inferred_size_out_of_range:
        [int("n", []).constrained(Constraint::IntRange { lo: Some(3), hi: None }), real("y", ["n"])]
        "data.json" = "{\"y\": [1, 2]}";
    index_counted_from_one: [int("n", []), index("school", "3", "n", 0)] "data.json" = "{\"school\": [1, 2, 3]}";
    index_counted_from_zero: [int("n", []), index("school", "3", "n", 1)] "data.csv" = "school\n2\n1\n0\n";
    index_too_large: [int("n", []), index("school", "3", "n", 1)] "data.json" = "{\"school\": [1, 2, 9, 0]}";
    csv_missing_value: [real("y", ["n"])] "data.csv" = "id,y\n1,2\n2,\n";
    csv_missing_value_in_one_column: [real("y", ["n"])] "data.csv" = "y\r\n1\r\n\r\n3\r\n\r\n";
    csv_na: [real("y", ["n"])] "data.csv" = "id,y\n1,2\n2,NA\n";
    csv_text: [real("y", ["n"])] "data.csv" = "id,y\n1,2\n2,high\n";
    csv_decimal_comma: [real("y", ["n"])] "data.csv" = "id,y\n1,\"2,5\"\n";
    csv_thousands: [int("y", ["n"])] "data.csv" = "id,y\n1,\"12,500\"\n";
    csv_fraction_for_int: [int("k", ["n"])] "data.csv" = "id,k\n1,2.5\n";
    csv_ragged: [real("y", ["n"])] "data.csv" = "id,y\n1,2\n2,3,4\n";
    csv_semicolons: [real("y", ["n"])] "data.csv" = "id;y\n1;2,5\n2;3,5\n";
    csv_tabs: [real("y", ["n"])] "data.csv" = "id\ty\n1\t2\n";
    csv_no_header: [real("y", ["n"])] "data.csv" = "1,2\n3,4\n";
    csv_column_twice: [real("y", ["n"])] "data.csv" = "y,y\n1,2\n";
    csv_scalar: [real("z", [])] "data.csv" = "z\n5\n";
    csv_column_for_matrix: [real("x", ["n", "k"])] "data.csv" = "x,y\n1,2\n";
    csv_matrix_for_column: [real("x", ["n"])] "data.csv" = "x.1,x.2\n1,2\n";
    csv_gap_in_matrix: [real("x", ["n", "k"])] "data.csv" = "x[1],x[2],x[4]\n1,2,3\n";
    csv_near_column: [real("weight", ["n"])] "data.csv" = "id,wieght\n1,2\n";
    columns_unknown: [real("y", ["n"])] columns "y=traget" "data.csv" = "x,target\n1,2\n";
    columns_reversed: [real("x", ["n", "k"])] columns "x=b..a" "data.csv" = "a,b\n1,2\n";
    columns_without_csv: [real("y", ["n"])] columns "y=t" "data.json" = "{\"y\": [1]}";
    inline_bad_json: [real("y", ["n"])] "y" = "[1, 2";
}

#[test]
fn eight_schools_infers_its_size() {
    let declared = [int("n", []), real("y", ["n"]), positive("sigma", ["n"])];
    let text = r#"{"J": 8, "y": [28, 8, -3], "sigma": [15, 10, 16]}"#;
    let values = values(&declared, &[("schools.json", text)]);
    assert_eq!(values.arrays["n"], scalar(3.0));
    assert_eq!(values.arrays["y"], array![28.0, 8.0, -3.0].into_dyn());
    assert_eq!(
        values.note().unwrap(),
        "ignored, since the program does not declare it: `J` in `schools.json`"
    );
}

#[test]
fn later_sources_win_name_by_name() {
    let declared = [int("n", []), real("y", ["n"]), real("z", [])];
    let files = [("a.json", r#"{"y": [1], "z": 5}"#), ("b.csv", "y\n2\n3\n"), ("z", "-1e-3")];
    let values = values(&declared, &files);
    assert_eq!(values.arrays["y"], array![2.0, 3.0].into_dyn());
    assert_eq!(values.arrays["z"], scalar(-0.001));
    assert_eq!(values.arrays["n"], scalar(2.0));
    assert_eq!(values.note(), None);
}

#[test]
fn empty_arrays_have_the_declared_shape() {
    let declared = [int("n", []), int("k", []), real("x", ["n", "k"]), real("b", ["k"])];
    let values = values(&declared, &[("data.json", r#"{"x": [], "b": [1, 2]}"#)]);
    assert_eq!(values.arrays["x"].shape(), [0, 2]);
}

#[test]
fn matrices_are_row_major_in_every_format() {
    let declared = [int("n", []), int("k", []), real("x", ["n", "k"])];
    let expected = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]].into_dyn();
    let files = [
        ("data.json", r#"{"x": [[1, 2, 3], [4, 5, 6]]}"#),
        ("data.csv", "x.3,x.1,id,x.2\n3,1,9,2\n6,4,9,5\n"),
        ("data.csv", "\u{feff}x[0],x[1],x[2]\r\n1,2,3\r\n4,5,6\r\n"),
    ];
    for file in files {
        assert_eq!(values(&declared, &[file]).arrays["x"], expected, "{file:?}");
    }
    let mapped = try_read(&declared, "x=a..c", &[("data.csv", "id,a,b,c\n0,1,2,3\n0,4,5,6\n")]).unwrap();
    assert_eq!(mapped.arrays["x"], expected);
    assert_eq!(mapped.ignored[0].names, ["id"]);
}

#[test]
fn columns_of_three_dimensions() {
    let declared = [int("n", []), real("x", ["n", "2", "2"])];
    let values = values(&declared, &[("data.csv", "x.1.1,x.2.1,x.1.2,x.2.2\n1,3,2,4\n")]);
    assert_eq!(values.arrays["x"], array![[[1.0, 2.0], [3.0, 4.0]]].into_dyn());
}

#[test]
fn integers_bits_and_infinities() {
    let declared = [int("k", []), bit("b", ["3"]), real("x", ["2"]), real("limit", [])];
    let text = r#"{"k": -3, "b": [true, 0, 1], "x": [1, 2], "limit": "+inf"}"#;
    let values = values(&declared, &[("data.json", text)]);
    assert_eq!(values.arrays["k"], scalar(-3.0));
    assert_eq!(values.arrays["b"], array![1.0, 0.0, 1.0].into_dyn());
    assert_eq!(values.arrays["limit"], scalar(f64::INFINITY));
}

#[test]
fn factors_are_sorted_whatever_the_rows() {
    let declared = [int("S", []), int("n", []), factor("state", "S", "n")];
    let read = values(&declared, &[("data.csv", "state,y\nWI,1\nMN,2\nWI,3\n")]);
    assert_eq!(read.arrays["state"], array![1.0, 0.0, 1.0].into_dyn());
    assert_eq!(read.levels["state"], ["MN", "WI"]);
    assert_eq!(read.arrays["S"], scalar(2.0));
    let numbered = values(&declared, &[("data.json", r#"{"state": [10, 9, 10]}"#)]);
    assert_eq!(numbered.levels["state"], ["9", "10"]);
}

#[test]
fn indices_are_stored_from_zero() {
    let declared = [int("J", []), int("n", []), index("school", "J", "n", 1)];
    let values = values(&declared, &[("data.csv", "school\n1\n3\n"), ("J", "3")]);
    assert_eq!(values.arrays["school"], array![0.0, 2.0].into_dyn());
}

#[test]
fn defaults_fill_what_is_absent() {
    let declared = [
        int("n", []),
        real("y", ["n"]),
        real("weight", ["n"]).when_absent(Absent::Default(scalar(1.0))),
        real("log_y", ["n"]).when_absent(Absent::Computed),
    ];
    let values = values(&declared, &[("y", "[1, 2]")]);
    assert_eq!(values.arrays["weight"], array![1.0, 1.0].into_dyn());
    assert!(!values.arrays.contains_key("log_y"));
}

#[test]
fn files_that_cannot_be_opened() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("data.json"), "{}").unwrap();
    std::fs::write(path("latin.csv"), b"y,name\n1,Z\xfcrich\n").unwrap();
    std::fs::write(path("wide.csv"), b"\xff\xfey\x00").unwrap();
    std::fs::create_dir(path("inner")).unwrap();
    let errors = ["dat.json", "inner", "", "latin.csv", "wide.csv", "none/data.json"]
        .map(|name| open(&path(name)).map(|_| ()).unwrap_err());
    let root = directory.path().display().to_string();
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("files_that_cannot_be_opened", render(&errors).replace(&root, "DIR"));
    });
}

#[test]
fn ignored_columns_are_told_in_one_note() {
    let header: Vec<String> = (0..12).map(|i| format!("c{i}")).collect();
    let text = format!("y,{}\n{}\n", header.join(","), ["1"; 13].join(","));
    let values = values(&[int("n", []), real("y", ["n"])], &[("wide.csv", &text)]);
    insta::assert_snapshot!(values.note().unwrap(), @"ignored, since the program does not declare it: `c0`, `c1`, `c2`, `c3`, `c4`, `c5`, `c6`, `c7` and 4 more in `wide.csv`");
}

proptest::proptest! {
    /// Whatever a file holds, reading it ends with values or with sentences.
    #[test]
    fn no_file_makes_a_reader_panic(
        text in r#"(x|y|x\.[0-9]|x\[[0-9]\]|[-0-9.,;"'\[\]{}:= \n\re]|NaN|null|true|9{20}|1e400|é|\u{feff}){0,60}"#,
        names in proptest::collection::vec("(x|y|x\\.[0-9]{1,20})", 1..5),
        base in -2i64..3,
    ) {
        let declared = [
            int("n", []),
            int("k", []),
            real("x", ["n", "k"]),
            index("y", "k", "n", base),
            factor("z", "k", "n").when_absent(Absent::Default(scalar(0.0))),
            real("w", ["k"]).when_absent(Absent::Default(scalar(0.0))),
        ];
        let table = format!("{}\n{text}", names.join(","));
        let object = format!("{{\"x\": {text}, \"y\": [{text}]}}");
        let number = text.parse::<f64>().map_or(text.clone(), |x| x.to_string());
        for file in [("a.csv", &text), ("a.csv", &table), ("a.json", &text), ("a.json", &object), ("x", &number)] {
            match try_read(&declared, "", &[(file.0, file.1), ("k", "3")]) {
                Ok(values) => drop(values.note()),
                Err(errors) => proptest::prop_assert!(!render(&errors).is_empty()),
            }
        }
    }
}
