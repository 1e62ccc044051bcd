//! Faults of vary itself: told as such, in one line, with an exit code of their own.

use std::any::Any;
use std::io::Write;
use std::panic::{self, AssertUnwindSafe};
use std::sync::OnceLock;
use std::thread::{self, ThreadId};

use crate::exit::Exit;

/// Stack of the thread that commands run in; pages of it that are not used cost nothing. Programs are
/// trees, and a chain of a thousand definitions is a deep one.
const STACK: usize = 1 << 30;

/// The thread whose panics are caught.
static GUARDED: OnceLock<ThreadId> = OnceLock::new();

/// Runs a command so that its panics, and those of its helper threads, end in [`Exit::Internal`].
pub fn guarded(command: impl FnOnce() -> Exit + Send) -> Exit {
    tell_panics();
    thread::scope(|scope| {
        let work = || {
            let _ = GUARDED.set(thread::current().id());
            command()
        };
        match thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work) {
            Ok(thread) => thread.join().unwrap_or(Exit::Internal),
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "error: cannot start a thread: {error}");
                Exit::Internal
            }
        }
    })
}

/// The result of something, unless it panicked, which was told.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    panic::catch_unwind(AssertUnwindSafe(work))
}

/// Replaces the message of a panic; the usual one comes too where `RUST_BACKTRACE` asks for it.
fn tell_panics() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if std::env::var_os("RUST_BACKTRACE").is_some_and(|wanted| wanted != "0") {
            usual(info);
        }
        let what = info.payload_as_str().unwrap_or("no message");
        let place = info.location().map_or(String::new(), |at| format!(" ({}:{})", at.file(), at.line()));
        let _ = writeln!(
            std::io::stderr(),
            "error: a fault of vary itself, not of your program: {what}{place}\n  \
             please report it with the program and the command"
        );
        // Others wait for the result of a helper thread, which is lost.
        if GUARDED.get() != Some(&thread::current().id()) {
            std::process::exit(Exit::Internal as i32);
        }
    }));
}
