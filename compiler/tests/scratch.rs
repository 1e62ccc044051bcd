use vary_compiler::elaborate::Unit;
use vary_diagnostic::{Sources, render};
#[test]
fn cone() {
    let mut sources = Sources::default();
    let text = std::fs::read_to_string("../examples/cone.ppl").unwrap();
    let id = sources.add("cone.ppl", text.clone());
    let parsed = vary_syntax::parse_file(id, &text);
    let mut unit = Unit::new(sources);
    unit.diagnostics.extend(parsed.diagnostics);
    unit.add(parsed.file, false);
    for (name, fit, span) in unit.fits() {
        let r = unit.fit(&fit, span);
        println!("{name:?}: {}", r.is_ok());
        if let Ok(f) = r {
            println!("stmts {}", f.objective.program.body.len());
            match vary_core::transform::adev::estimator(f.objective.program, &Default::default()) {
                Ok(e) => println!(
                    "adev {} {:?}",
                    e.program.body.len(),
                    e.sites.iter().map(|s| (s.occurrence.to_string(), s.chosen)).collect::<Vec<_>>()
                ),
                Err(d) => println!("{}", render(&unit.sources, &d, false)),
            }
        }
    }
    println!("{}", render(&unit.sources, &unit.diagnostics, false));
}
