//! Round trips.

use super::read;
use crate::testing::{PARAMS, Shown, config, programs};
use crate::transform::{Seed, jvp, linearize, transpose};
use proptest::prelude::*;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_read_prints_the_same(Shown(program) in programs()) {
        let wrt = PARAMS.iter().map(|name| name.to_string()).collect();
        let gradient = transpose(&linearize(&jvp(&program, &wrt)), &[("objective", Seed::Input)]).unwrap();
        for program in [program, gradient] {
            let text = program.to_string();
            let again = read(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
            prop_assert_eq!(again.to_string(), text);
        }
    }
}

#[test]
fn a_program_reads_as_documented() {
    let text = "\
axis i = 0..n
axis k = -1..-m+2*n+3
axis draw = 0..8 draw

%0: real[i] = data y(i)
%1: real = param mu                      // mu
%2: real[i] = sub %0 %1
%7: bool[i] = le %0 %1
scan i reverse
  carry %3: real[i] = %1 then %4         // state
  %4: real[i] = add %3 %2 if %7
%5: real = sum i %2
%6: real[draw] = draw gamma %1 key(draw) \"f/x\"

result objective(draw) = %6
result total = %5
";
    assert_eq!(read(text).unwrap().to_string(), text);
}

#[test]
fn errors_name_line_and_word() {
    for (text, message) in [
        ("%0: real = frobnicate %1", "line 1: there is no operation `frobnicate`"),
        ("\n%0: real[i] = 1.0", "line 2: there is no axis `i`"),
        ("axis i = 0", "line 1: `0` is not a range"),
        ("%0: real = neg %1 2", "line 1: `2` is not expected"),
        ("%0: real = data x(i", "line 1: a quote or bracket is left open"),
    ] {
        assert_eq!(read(text).unwrap_err().to_string(), message);
    }
}
