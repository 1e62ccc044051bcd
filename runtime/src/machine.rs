//! What this machine reaches, measured: the yardstick of a step.

use crate::float::{Float, Width};
use std::hint::black_box;
use std::time::Instant;

/// The rates of this machine with a number of threads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Machine {
    /// Floating point operations per second in matrix products of 512 × 512 × 512, one per thread.
    pub operations: f64,
    /// Bytes per second read and written by `a = b + c` over arrays beyond the caches, each thread its own.
    pub bytes: f64,
}

impl Machine {
    /// Measures for about a third of a second.
    pub fn measure(width: Width, threads: usize) -> Machine {
        match width {
            Width::Single => Machine { operations: products::<f32>(threads), bytes: triad::<f32>(threads) },
            Width::Double => Machine { operations: products::<f64>(threads), bytes: triad::<f64>(threads) },
        }
    }
}

/// The best rate over several runs of work, `amount` of which each thread does in one.
fn best_rate(threads: usize, amount: f64, work: impl Fn() -> Box<dyn FnMut() + Send> + Sync) -> f64 {
    const RUNS: usize = 6;
    let barrier = std::sync::Barrier::new(threads);
    let slowest: Vec<f64> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut run = work();
                    run();
                    let timed = |_| {
                        barrier.wait();
                        let start = Instant::now();
                        run();
                        start.elapsed().as_secs_f64()
                    };
                    (0..RUNS).map(timed).collect::<Vec<f64>>()
                })
            })
            .collect();
        let times: Vec<Vec<f64>> = workers.into_iter().filter_map(|worker| worker.join().ok()).collect();
        (0..RUNS).map(|run| times.iter().map(|all| all[run]).fold(0.0, f64::max)).collect()
    });
    let best = slowest.into_iter().fold(f64::INFINITY, f64::min);
    amount * threads as f64 / best
}

fn products<T: Float>(threads: usize) -> f64 {
    const SIZE: usize = 512;
    best_rate(threads, 2.0 * (SIZE as f64).powi(3), || {
        let [a, b] = [0.5, 0.25].map(|x| vec![T::from_f64(x); SIZE * SIZE]);
        let mut out = vec![T::ZERO; SIZE * SIZE];
        Box::new(move || {
            let strides = [SIZE, 1];
            // SAFETY: all three are whole matrices of this size, apart from each other.
            unsafe {
                T::matrix_product(
                    [SIZE; 3],
                    T::ZERO,
                    (out.as_mut_ptr(), strides),
                    (a.as_ptr(), strides),
                    (b.as_ptr(), strides),
                );
            }
            black_box(&mut out);
        })
    })
}

fn triad<T: Float>(threads: usize) -> f64 {
    const BYTES: usize = 32 << 20;
    let len = BYTES / size_of::<T>();
    best_rate(threads, 3.0 * BYTES as f64, || {
        let [b, c] = [0.5, 0.25].map(|x| vec![T::from_f64(x); len]);
        let mut out = vec![T::ZERO; len];
        Box::new(move || {
            out.iter_mut().zip(b.iter().zip(&c)).for_each(|(out, (b, c))| *out = *b + *c);
            black_box(&mut out);
        })
    })
}
