//! What can be asked on the command line.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use vary_runtime::data::Columns;

/// Probabilistic programs with programmable variational inference.
#[derive(Debug, Parser)]
#[command(name = "vary", version, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = "Example: vary fit eight_schools.ppl --data schools.json --seed 1")]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command, before or after it.
#[derive(Debug, Clone, Copy, Args)]
pub struct Global {
    /// Print one JSON object on stdout and nothing else there
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub json: bool,
    /// No progress and no notes, only results and errors
    #[arg(short, long, global = true, help_heading = "Everywhere")]
    pub quiet: bool,
    /// When to colour; `auto` colours on terminals unless NO_COLOR is set
    #[arg(long, global = true, help_heading = "Everywhere", value_name = "WHEN", default_value = "auto")]
    pub color: Color,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On terminals, unless `NO_COLOR` is set.
    Auto,
    /// Also in files and pipes.
    Always,
    /// Not at all.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compile and fit
    #[command(after_help = "Example: vary fit cone.ppl diwhvi --data z=5 --set steps=2000 --seed 1 --json")]
    Fit(FitArgs),
    /// Types, shapes, traces, smoothness and strategies of programs
    #[command(after_help = "Example: vary check cone.ppl vae.ppl")]
    Check {
        /// The programs
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Measure a fit's gradient estimator: bias, variance, and which strategies would do better
    #[command(after_help = "Example: vary gradcheck mixture.ppl reinforced --after 200")]
    Gradcheck(GradcheckArgs),
    /// Measure what a fit's steps cost on this machine
    #[command(after_help = "Example: vary bench vae.ppl --set samples=1 --float 32 --json")]
    Bench(BenchArgs),
    /// Print a stage of the compiler
    #[command(after_help = "Example: vary compile cone.ppl elbo --emit density")]
    Compile {
        /// The program
        file: PathBuf,
        /// The fit block that stages from `sim` on belong to
        name: Option<String>,
        /// Which stage
        #[arg(long, value_name = "STAGE")]
        emit: Stage,
    },
    /// Format programs
    #[command(after_help = "Example: vary fmt --check *.ppl")]
    Fmt {
        /// The programs; `-` formats stdin to stdout
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Change nothing, list the files that are not formatted and fail if there are any
        #[arg(long)]
        check: bool,
    },
    /// Define, sample and fit interactively; reads a script from stdin when that is no terminal
    #[command(after_help = "Example: vary repl cone.ppl")]
    Repl {
        /// A program to start with
        file: Option<PathBuf>,
    },
    /// Explain a fit's gradient estimator site by site, or a diagnostic; without arguments, list these
    #[command(after_help = "Example: vary explain cone.ppl elbo, or vary explain E0706")]
    Explain {
        /// A program, or the code of a diagnostic such as E0706
        #[arg(value_name = "FILE|CODE")]
        subject: Option<String>,
        /// The fit block, where the program has several
        name: Option<String>,
    },
}

/// Arguments of `vary fit`.
#[derive(Debug, Clone, Args)]
pub struct FitArgs {
    /// The program
    pub file: PathBuf,
    /// The fit block; not needed when the file has one, or one without a name
    pub name: Option<String>,
    /// Data: a `.json` or `.csv` file, or one value as name=value; repeatable, later wins name by name
    #[arg(short, long, value_name = "FILE|NAME=VALUE")]
    pub data: Vec<DataArg>,
    /// Columns of CSV data under the names of the program, as 'x=first..last,y=t'
    #[arg(long, value_name = "NAME=COLUMNS")]
    pub columns: Option<Columns>,
    /// A setting of the fit, such as steps=2000 or optimizer.rate=0.01; repeatable
    #[arg(short, long, value_name = "KEY=VALUE")]
    pub set: Vec<Setting>,
    /// Seed of all randomness, instead of the fit's own
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Threads; results do not depend on it
    #[arg(short, long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Bits of the numbers of a step; reports are measured in 64
    #[arg(long, value_name = "BITS")]
    pub float: Option<Float>,
    /// Mode of differentiation; `auto` chooses by cost
    #[arg(long, value_name = "MODE", default_value = "auto")]
    pub ad: Ad,
    /// Posterior draws for the summary
    #[arg(long, value_name = "N")]
    pub draws: Option<NonZeroUsize>,
    /// The automatic guide, where the program has no fit block
    #[arg(long, value_name = "GUIDE")]
    pub guide: Option<String>,
    /// The gradient strategy of a site, instead of its own; repeatable
    #[arg(long, value_name = "SITE=STRATEGY")]
    pub estimator: Vec<EstimatorArg>,
    /// The fit's own `quick` settings, for tests
    #[arg(long)]
    pub quick: bool,
}

/// Arguments of `vary gradcheck`.
#[derive(Debug, Clone, Args)]
pub struct GradcheckArgs {
    /// What is fitted, and how.
    #[command(flatten)]
    pub fit: FitArgs,
    /// Measure at the parameters after this many steps of the fit, instead of at the start
    #[arg(long, value_name = "STEPS", default_value_t = 0)]
    pub after: u64,
    /// Gradients to draw
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(100..))]
    pub gradients: u32,
    /// Do not try other strategies
    #[arg(long)]
    pub no_ranking: bool,
}

/// Arguments of `vary bench`.
#[derive(Debug, Clone, Args)]
pub struct BenchArgs {
    /// What is fitted, and how.
    #[command(flatten)]
    pub fit: FitArgs,
    /// How long to measure
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = seconds)]
    pub seconds: f64,
}

/// A duration that is worth measuring.
fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.01..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("a number of seconds between 0.01 and 3600 is needed".to_string()),
    }
}

/// Bits of the numbers of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Float {
    /// Half the memory, twice the lanes, 24 bits of precision.
    #[value(name = "32")]
    Single,
    /// 53 bits of precision.
    #[value(name = "64")]
    Double,
}

/// Mode of differentiation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Ad {
    /// The cheaper one.
    Auto,
    /// All directions at once.
    Forward,
    /// By transposition.
    Reverse,
}

/// A stage of the compiler, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Stage {
    /// Words and signs.
    Tokens,
    /// The syntax tree.
    Ast,
    /// The typed core.
    Core,
    /// The objective with guides sampled.
    Sim,
    /// The objective with densities written out.
    Density,
    /// The estimator: one rule per strategy.
    Adev,
    /// Its linear part.
    Linear,
    /// The linear part turned round.
    Transpose,
    /// Draws and plates as axes.
    Batched,
    /// The tensor program.
    Program,
}

/// `--data`: a file or one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataArg {
    /// A file.
    File(PathBuf),
    /// `name=value`
    Value {
        /// The declared name.
        name: String,
        /// JSON or a bare word.
        text: String,
    },
}

impl FromStr for DataArg {
    type Err = String;

    /// A text that begins like `name=` is a value, unless a file has that very name.
    fn from_str(text: &str) -> Result<Self, String> {
        let value = text.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
        match value.filter(|(name, _)| is_name(name) && !Path::new(text).exists()) {
            Some((name, "")) => Err(format!("`{name}=` has no value")),
            Some((name, value)) => Ok(DataArg::Value { name: name.to_owned(), text: value.to_owned() }),
            None if text.is_empty() => Err("it is empty".to_owned()),
            None => Ok(DataArg::File(PathBuf::from(text))),
        }
    }
}

/// `--set key=value`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// `steps`, `optimizer.rate`: names joined by points.
    pub key: String,
    /// An expression of the language.
    pub value: String,
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("it is not KEY=VALUE")?;
        let (key, value) = (key.trim(), value.trim());
        if !key.split('.').all(is_name) {
            return Err(format!("`{key}` is not the name of a setting"));
        }
        if value.is_empty() {
            return Err(format!("`{key}` has no value"));
        }
        Ok(Setting { key: key.to_owned(), value: value.to_owned() })
    }
}

/// `--estimator site=strategy`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EstimatorArg {
    /// The address of the site: names joined by points.
    pub site: String,
    /// The strategy.
    pub strategy: String,
}

impl FromStr for EstimatorArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (site, strategy) = text.split_once('=').ok_or("it is not SITE=STRATEGY")?;
        Ok(EstimatorArg { site: site.trim().to_owned(), strategy: strategy.trim().to_owned() })
    }
}

/// Whether a text can be a name of the language.
fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn data_is_a_file_or_a_value() {
        let value = |name: &str, text: &str| DataArg::Value { name: name.into(), text: text.into() };
        assert_eq!("z=5".parse(), Ok(value("z", "5")));
        assert_eq!("y = [1, 2]".parse(), Ok(value("y", "[1, 2]")));
        assert_eq!("runs/a=b.json".parse(), Ok(DataArg::File("runs/a=b.json".into())));
        assert_eq!("z=".parse::<DataArg>(), Err("`z=` has no value".into()));
    }

    #[test]
    fn settings_have_keys_and_values() {
        let setting = "optimizer.rate = 1e-3".parse::<Setting>().unwrap();
        assert_eq!((setting.key.as_str(), setting.value.as_str()), ("optimizer.rate", "1e-3"));
        for wrong in ["steps", "steps=", "=3", "a..b=1", "2x=1"] {
            assert!(wrong.parse::<Setting>().is_err(), "{wrong}");
        }
    }
}
