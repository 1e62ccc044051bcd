use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::collections::BTreeMap;
use std::panic;
use std::sync::Mutex;
static LAST: Mutex<String> = Mutex::new(String::new());
#[test]
#[ignore]
fn hunt() {
    let n: usize = std::env::var("HUNT").unwrap().parse().unwrap();
    let seed: u8 = std::env::var("SEED").unwrap_or("1".into()).parse().unwrap();
    let work = std::thread::Builder::new()
        .stack_size(8 << 20)
        .spawn(move || {
            panic::set_hook(Box::new(|info| {
                let bt = std::backtrace::Backtrace::force_capture().to_string();
                let frames: Vec<&str> =
                    bt.lines().filter(|l| l.contains("vary_") || l.contains("compiler/")).take(14).collect();
                *LAST.lock().unwrap() = format!("{info}\n{}", frames.join("\n"));
            }));
            let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
            let mut runner = TestRunner::new_with_rng(Config::default(), rng);
            let seeds = crate::mutations::seeds();
            let strategy =
                (any::<prop::sample::Index>(), any::<prop::sample::Index>(), crate::mutations::changes());
            let mut found: BTreeMap<String, (usize, String, String)> = BTreeMap::new();
            let out = std::env::var("OUT").unwrap_or("/tmp/hunt.txt".into());
            let mut ok = 0;
            for k in 0..n {
                let (a, b, c) = strategy.new_tree(&mut runner).unwrap().current();
                let text = crate::mutations::mutated(a.get::<String>(&seeds), b.get::<String>(&seeds), &c);
                std::fs::write(format!("{out}.now"), &text).unwrap();
                let began = std::time::Instant::now();
                if panic::catch_unwind(|| crate::mutations::compile(&text)).is_err() {
                    let last = LAST.lock().unwrap().clone();
                    let key: String = last.lines().next().unwrap_or("").to_string();
                    let entry = found.entry(key).or_insert((0, text.clone(), last));
                    entry.0 += 1;
                    if text.len() < entry.1.len() {
                        entry.1 = text.clone();
                    }
                }
                let mut ses = crate::run::session(&text);
                ses.check();
                if !ses.unit.has_errors() {
                    ok += 1;
                }
                if began.elapsed().as_secs_f64() > 2.0 {
                    let entry = found.entry("slow".into()).or_insert((
                        0,
                        text.clone(),
                        format!("{:?}", began.elapsed()),
                    ));
                    entry.0 += 1;
                    if text.len() < entry.1.len() {
                        entry.1 = text;
                    }
                }
                if k % 500 == 499 || k + 1 == n {
                    let mut s = format!("{} cases, {ok} ok\n", k + 1);
                    for (_, (count, text, last)) in &found {
                        s.push_str(&format!("==== {count}\n{last}\n----\n{text}\n"));
                    }
                    std::fs::write(&out, s).unwrap();
                }
            }
        })
        .unwrap();
    work.join().unwrap();
}
