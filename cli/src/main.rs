//! The `vary` command.
fn main() {}
