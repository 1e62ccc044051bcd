//! Exit codes.

use std::process::ExitCode;

/// How the command ended, as a script sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// As asked.
    Success = 0,
    /// The program is wrong; diagnostics are on stderr.
    Program = 1,
    /// The command line is wrong; `clap` uses the same code.
    Usage = 2,
    /// The data does not fit the program.
    Data = 3,
    /// The fit met numbers that are not finite.
    Numerical = 4,
    /// A fault of this command, `EX_SOFTWARE` of sysexits.
    Internal = 70,
    /// Stopped by Ctrl-C.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}
