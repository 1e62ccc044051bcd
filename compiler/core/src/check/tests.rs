//! Programs that are refused, each for the one thing wrong with it.

use super::{Level, check};
use crate::text::read;

/// The complaint about a program over axes `i` and `k` of 3, `j` of 2 and alternatives `alt`.
fn complaint(level: Level, body: &str) -> String {
    let axes = "axis i = 0..3\naxis j = 0..2\naxis k = 0..3\naxis alt = 0..2 alternative\n\n";
    let program = read(&format!("{axes}{body}")).unwrap();
    check(&program, level).map_or_else(|error| error.to_string(), |()| "nothing".to_string())
}

#[test]
fn ill_formed_programs_are_refused() {
    let inputs = "%0: real[i] = data x(i)\n%1: int[j] = data n(j)\n";
    for (body, expected) in [
        ("%2: real[i] = neg %0", "nothing"),
        ("%2: real[i] = neg %3", "%2: uses %3, which is not bound before"),
        ("%0: real[i] = neg %0", "%0: bound twice"),
        ("%2: real = neg %0", "%2: recorded as real[], but is real[i]"),
        ("%2: real[i, j] = add %0 %1", "%2: does not take [Real, Int]"),
        ("%2: real[i] = add %0", "%2: takes 2 operands, not 1"),
        ("%2: real[i] = sum j %0", "%2: acts along `j`, which an operand lacks"),
        ("%2: real[j] = rename i->j %0", "%2: `i` and `j` differ in size"),
        ("%2: real[i] = data y(i, i)", "%2: the axis `i` is listed twice"),
        ("%2: real[j] = gather i %0 %0", "%2: does not take [Real]"),
        ("%2: real[i] = scatter k %0 %1 over(i)", "%2: acts along `j`, which an operand lacks"),
        ("%2: real[i, j] = stack j %0 %0 %0", "%2: `j` and `3` differ in size"),
        ("%2: real[i] = stack i %0 %0 %0", "%2: an operand has the axis `i` already"),
        ("%2: real[k] = concat k i:%0 i:%0", "%2: `k` and `6` differ in size"),
        ("%2: real[i] = cholesky i i %0", "%2: the axis `i` is listed twice"),
        ("%2: real[alt] = draw normal key(alt) \"s\"", "%2: `alt` may not be in a random key"),
        ("%2: real[i] = neg %0 if %1", "%2: the guard is not a bool"),
        ("result a = %0", "%0: acts along `i`, which an operand lacks"),
        ("result a(i) = %0\nresult a(i) = %0", "%0: two results are called `a`"),
        ("%2: real = 0.0\nscan i\n  carry %3: real[i] = %2 then %4\n  %4: real[i] = add %3 %0", "nothing"),
        ("scan i\n  carry %3: real[i] = %0 then %3", "%3: %0 does not fit the type of the carry"),
        (
            "%2: real = 0.0\nscan i\n  carry %3: real[i] = %2 then %3\n  %4: real = sum i %3",
            "%4: acts along `i` in the body of its scan",
        ),
        (
            "%2: real = 0.0\nscan i\n  carry %3: real[i] = %2 then %3\n  scan i\n    carry %4: real[i] = %2 then %4",
            "%4: scans `i` in a scan along it",
        ),
    ] {
        assert_eq!(complaint(Level::Random, &format!("{inputs}{body}")), expected, "{body}");
    }
}

#[test]
fn levels_are_kept() {
    let tangent = "%0: real = param a\n%1: real = tangent_input a\n";
    let draw = "%0: real = draw normal key() \"s\"";
    assert_eq!(complaint(Level::Generative, draw), "%0: does not belong into a program of this level");
    assert_eq!(complaint(Level::Random, draw), "nothing");
    for (body, expected) in [
        ("%2: real = mul %0 %1", "nothing"),
        ("%2: real = mul %1 %1", "%2: is not linear in the tangent inputs"),
        ("%2: real = add %0 %1", "%2: is not linear in the tangent inputs"),
        ("%2: real = sin %1", "%2: is not linear in the tangent inputs"),
        ("%2: real = div %0 %1", "%2: is not linear in the tangent inputs"),
        ("%2: real = sin %0", "%2: is not linear in the tangent inputs"),
    ] {
        assert_eq!(complaint(Level::Linear { split: 1 }, &format!("{tangent}{body}")), expected, "{body}");
    }
    let message = complaint(Level::Linear { split: 2 }, tangent);
    assert_eq!(message, "%1: is not linear in the tangent inputs");
}
