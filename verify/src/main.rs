//! `cargo run --release -p verify`

use verify::estimators::{Context, FULL, cases, threshold, wrong};

fn main() {
    let all = cases(&|_, _, _| true);
    let critical = threshold(all.len());
    let start = std::time::Instant::now();
    println!("{} cases, z* {critical}", all.len());
    for (n, case) in all.iter().enumerate() {
        let lap = std::time::Instant::now();
        let v = case.judge(&FULL, critical, n as u64);
        println!(
            "{:20} {:20} {:16} {:>10} z {:.2} prec {:.4} {} {:.2}s {}",
            case.dist,
            case.strategy.name(),
            case.context.name(),
            v.draws,
            v.z,
            v.precision,
            v.repeated,
            lap.elapsed().as_secs_f64(),
            v.failure.unwrap_or_default()
        );
    }
    for w in wrong() {
        println!("{:?} {:?}", w.strategy, w.z(Context::Straight, &FULL, 3));
    }
    println!("{:?}", start.elapsed());
}
