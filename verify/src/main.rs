//! `cargo run --release -p verify`
fn main() {
    for row in verify::distributions::rows(100_000) {
        println!("{row:?}");
    }
    for row in verify::derivatives::of_examples() {
        println!("{} {row:?}", row.holds());
    }
    for row in verify::derivatives::of_random_programs(2000) {
        println!("{} {row:?}", row.holds());
    }
}
