use vary_compiler::elaborate::Unit;
use vary_diagnostic::{Sources, render};
#[test]
fn cone() {
    let file = std::env::var("PPL").unwrap_or("../examples/cone.ppl".into());
    let mut sources = Sources::default();
    let text = std::fs::read_to_string(&file).unwrap();
    let id = sources.add(&file, text.clone());
    let parsed = vary_syntax::parse_file(id, &text);
    let mut unit = Unit::new(sources);
    unit.diagnostics.extend(parsed.diagnostics);
    unit.add(parsed.file, false);
    for (name, fit, span) in unit.fits() {
        let r = unit.fit(&fit, span);
        println!("{name:?}: {}", r.is_ok());
        if let Ok(f) = r {
            println!("stmts {}", f.objective.program.body.len());
            match vary_compiler::pipeline::derive(&f.objective, Default::default()) {
                Ok(e) => println!(
                    "adev {} dual {} grad {} {:?} {:?}",
                    e.estimator.program.body.len(),
                    e.dual.body.len(),
                    e.gradient.body.len(),
                    e.estimator
                        .sites
                        .iter()
                        .map(|s| (s.occurrence.to_string(), s.chosen))
                        .collect::<Vec<_>>(),
                    e.gradient.results.iter().map(|r| r.name.clone()).collect::<Vec<_>>()
                ),
                Err(d) => println!("{}", render(&unit.sources, &d, false)),
            }
            println!("posterior {:?}", unit.posterior(&f.objective).map(|p| p.map(|p| p.results.len())));
        }
    }
    println!("{}", render(&unit.sources, &unit.diagnostics, false));
}
