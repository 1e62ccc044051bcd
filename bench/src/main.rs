//! Times vary beside its peers: `cargo run --release -p bench`.
//!
//! Sets up the peers in a virtual environment on its first run, then runs each pair alternately, checks that both
//! sides compute the same objective, and prints a table of ratios. `--only vae` runs the cases whose name has
//! `vae` in it.

mod cases;
mod data;
mod run;
mod table;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Parser;

/// Times vary beside its peers.
#[derive(Debug, Parser)]
struct Args {
    /// Only cases with this in their name
    #[arg(long, default_value = "")]
    only: String,
    /// How many times the sides alternate
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Where the peers are installed, and data is made
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
}

fn main() -> ExitCode {
    match bench(&Args::parse()) {
        Ok(agree) => ExitCode::from(u8::from(!agree)),
        Err(reason) => {
            eprintln!("bench: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the cases; whether all objectives agree.
fn bench(args: &Args) -> Result<bool, String> {
    std::fs::create_dir_all(&args.folder).map_err(|error| format!("{}: {error}", args.folder.display()))?;
    let places =
        run::Places { vary: build()?, python: peers(&args.folder)?, peers: root().join("bench/peers") };
    data::make(&args.folder)?;
    println!("{}", table::HEAD);
    let mut agree = true;
    for case in cases::cases(&root().join("bench/programs"), &root().join("examples"), &args.folder) {
        if case.name.contains(&args.only) {
            let found = run::compare(&case, &places, args.rounds)?;
            agree &= found.iter().all(|pair| pair.agree);
            print!("{}", table::rows(&case, &found));
        }
    }
    Ok(agree)
}

/// The root of the project.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Builds the command, and says where it is.
fn build() -> Result<PathBuf, String> {
    let mut cargo = Command::new(env!("CARGO"));
    run::succeed(cargo.args(["build", "--release", "--package", "vary"]).current_dir(root()))?;
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    Ok(own.with_file_name(format!("vary{}", std::env::consts::EXE_SUFFIX)))
}

/// Installs the peers if they are not, and gives the interpreter that has them.
fn peers(folder: &Path) -> Result<PathBuf, String> {
    let home = folder.join("peers");
    let python = home.join("bin/python");
    let done = home.join("installed");
    let wanted = root().join("bench/peers/requirements.txt");
    let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
    if read(&done) != read(&wanted) {
        eprintln!("installing the peers in {}", home.display());
        run::succeed(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
        run::succeed(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(&wanted))?;
        std::fs::copy(&wanted, &done).map_err(|error| error.to_string())?;
    }
    std::path::absolute(python).map_err(|error| error.to_string())
}
