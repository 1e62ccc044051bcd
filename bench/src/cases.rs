//! What is compared.

use std::path::Path;

/// One comparison: vary and one or several peers.
pub struct Case {
    /// Its name in the table.
    pub name: String,
    /// What is timed.
    pub what: What,
    /// Arguments of `vary`.
    pub vary: Vec<String>,
    /// Arguments of a `vary fit --json` whose objective the peers' must equal, where it is not that of the start.
    pub fitted: Option<Vec<String>>,
    /// Name of each peer, its script and arguments.
    pub peers: Vec<(&'static str, Vec<String>)>,
    /// How far objectives may lie apart: Monte Carlo error of both sides.
    pub tolerance: f64,
}

/// What is timed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A gradient alone.
    Gradient,
    /// A gradient and the optimiser's step.
    Step,
    /// The whole process, from the shell to its end.
    Process,
}

/// All cases; `programs` and `examples` hold the programs, `folder` the data made for them.
pub fn cases(programs: &Path, examples: &Path, folder: &Path) -> Vec<Case> {
    let words = |text: String| text.split_whitespace().map(str::to_owned).collect::<Vec<String>>();
    let program = |name: &str| programs.join(name).display().to_string();
    let file =
        |name: String| std::path::absolute(folder.join(name)).unwrap_or_default().display().to_string();
    let mut all = Vec::new();
    for bits in [32, 64] {
        all.push(Case {
            name: format!("cone, elbo, 64 draws, f{bits}, step"),
            what: What::Step,
            vary: words(format!("bench {} --json --float {bits}", program("cone.ppl"))),
            fitted: None,
            peers: vec![("JAX, one scan", words(format!("cone_jax.py 64 {bits}")))],
            tolerance: 1.0,
        });
    }
    let schools = examples.join("eight_schools.ppl").display().to_string();
    for (draws, steps) in [(1, 10_000), (100, 2_000)] {
        all.push(Case {
            name: format!("eight schools, mean field, {draws} draws, f32, step"),
            what: What::Step,
            vary: words(format!("bench {schools} --json --float 32 --set samples={draws}")),
            fitted: Some(words(format!("fit {schools} --json --float 32 --set samples=10"))),
            peers: vec![("NumPyro, one scan", words(format!("schools_numpyro.py {draws} {steps}")))],
            tolerance: 0.3,
        });
    }
    let [x, y] = ["x", "y"].map(|name| file(format!("logistic_{name}.npy")));
    let regression = format!("{} --data x={x} --data y={y} --float 32 --json", program("logistic.ppl"));
    all.push(Case {
        name: "logistic regression 569 × 30, 10 draws, f32, step".to_owned(),
        what: What::Step,
        vary: words(format!("bench {regression} --set samples=10")),
        fitted: Some(words(format!("fit {regression} --set samples=10"))),
        peers: vec![("NumPyro, one scan", words(format!("logistic_numpyro.py {x} {y} 10 1000")))],
        tolerance: 1.5,
    });
    for rows in [64, 128, 256, 512, 1024] {
        let images = file(format!("images_{rows}.npy"));
        all.push(Case {
            name: format!("VAE 784-200-10, batch {rows}, f32, gradient"),
            what: What::Gradient,
            vary: words(format!("bench {} --json --float 32 --data images={images}", program("vae.ppl"))),
            fitted: None,
            peers: vec![
                ("JAX", words(format!("vae_jax.py {images}"))),
                ("PyTorch, eager", words(format!("vae_torch.py {images} eager"))),
                ("PyTorch, compiled", words(format!("vae_torch.py {images} compile"))),
            ],
            tolerance: 3e-4 * 545.0 * rows as f64,
        });
    }
    all.push(Case {
        name: "cone, 5000 steps, process".to_owned(),
        what: What::Process,
        vary: words(format!("fit {} --json", program("cone.ppl"))),
        fitted: None,
        peers: vec![("JAX", words("cone_jax.py 64 32 process".to_owned()))],
        tolerance: f64::INFINITY,
    });
    all.push(Case {
        name: "eight schools, mean field, 10000 steps, process".to_owned(),
        what: What::Process,
        vary: words(format!("fit {schools} --json --guide mean_field --set steps=10000 --set samples=1")),
        fitted: None,
        peers: vec![("NumPyro", words("schools_numpyro.py 1 10000 process".to_owned()))],
        tolerance: f64::INFINITY,
    });
    all
}
