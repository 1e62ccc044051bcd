//! Runs the sides of a case alternately.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use crate::cases::{Case, What};

/// Where the sides are.
pub struct Places {
    /// The `vary` command.
    pub vary: PathBuf,
    /// The interpreter that has the peers.
    pub python: PathBuf,
    /// The peers' scripts.
    pub peers: PathBuf,
}

/// vary beside one peer.
pub struct Pair {
    /// The peer's name.
    pub peer: &'static str,
    /// Microseconds of vary and of the peer, one of each a round.
    pub us: Vec<(f64, f64)>,
    /// The objectives, where both say them.
    pub objectives: Option<(f64, f64)>,
    /// Whether the objectives are equal within the tolerance.
    pub agree: bool,
}

/// Runs a command to its end and gives what it printed.
pub fn succeed(command: &mut Command) -> Result<String, String> {
    let name = format!("{command:?}");
    let output = command.stderr(std::process::Stdio::inherit()).output();
    let output = output.map_err(|error| format!("{name}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{name}: {}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("{name} printed no text"))
}

/// What one side says.
struct Said {
    us: f64,
    objective: Option<f64>,
}

/// Runs all sides in turn, `rounds` times.
pub fn compare(case: &Case, places: &Places, rounds: usize) -> Result<Vec<Pair>, String> {
    let mut pairs: Vec<Pair> = case
        .peers
        .iter()
        .map(|(peer, _)| Pair { peer, us: Vec::new(), objectives: None, agree: true })
        .collect();
    let fitted = match &case.fitted {
        Some(args) => {
            Some(number(&json(&succeed(Command::new(&places.vary).args(args))?)?, &["objective", "mean"])?)
        }
        None => None,
    };
    for _ in 0..rounds {
        for ((_, script), pair) in case.peers.iter().zip(&mut pairs) {
            let own = side(Command::new(&places.vary).args(&case.vary), case.what, true)?;
            let mut python = Command::new(&places.python);
            let theirs = side(python.args(script).current_dir(&places.peers), case.what, false)?;
            pair.us.push((own.us, theirs.us));
            if let (Some(own), Some(theirs)) = (fitted.or(own.objective), theirs.objective) {
                pair.objectives = Some((own, theirs));
                pair.agree &= (own - theirs).abs() <= case.tolerance;
            }
        }
    }
    Ok(pairs)
}

fn side(command: &mut Command, what: What, own: bool) -> Result<Said, String> {
    let began = Instant::now();
    let text = succeed(command)?;
    let process = began.elapsed().as_secs_f64() * 1e6;
    if what == What::Process {
        return Ok(Said { us: process, objective: None });
    }
    let value = json(&text)?;
    let times = match (own, what) {
        (true, What::Gradient) => "gradient_us",
        (true, _) => "step_us",
        (false, _) => "us",
    };
    Ok(Said { us: number(&value, &[times, "median"])?, objective: value["objective"].as_f64() })
}

/// The last line, as JSON.
fn json(text: &str) -> Result<Value, String> {
    let line = text.lines().last().unwrap_or_default();
    serde_json::from_str(line).map_err(|error| format!("{error} in `{line}`"))
}

fn number(value: &Value, path: &[&str]) -> Result<f64, String> {
    let found = path.iter().fold(value, |value, name| &value[name]);
    found.as_f64().ok_or_else(|| format!("no number at {}", path.join(".")))
}
