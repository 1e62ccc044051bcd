//! Threads that wait for work. Running a batch of items allocates nothing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

/// What is done with an item: called with the number of the worker and that of the item.
type Work = dyn Fn(usize, usize) + Send + Sync;

/// Workers, of whom the calling thread is number 0.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    work: Box<Work>,
    /// The next item of the batch; at or past `items` when there is none.
    next: AtomicUsize,
    items: AtomicUsize,
    /// Items not yet done.
    pending: AtomicUsize,
    /// Counts batches; `usize::MAX` ends the workers.
    batch: Mutex<usize>,
    started: Condvar,
    finished: Condvar,
}

/// How long a worker looks for the next batch before it sleeps: about the time the fit loop needs
/// between steps of a small model.
const SPINS: usize = 2000;

impl Pool {
    /// A pool of `workers`, the calling thread included.
    pub fn new(workers: usize, work: Box<Work>) -> Self {
        let shared = Arc::new(Shared {
            work,
            next: AtomicUsize::new(0),
            items: AtomicUsize::new(0),
            pending: AtomicUsize::new(0),
            batch: Mutex::new(0),
            started: Condvar::new(),
            finished: Condvar::new(),
        });
        let threads = (1..workers)
            .map(|number| {
                let shared = shared.clone();
                std::thread::spawn(move || shared.serve(number))
            })
            .collect();
        Pool { shared, threads }
    }

    /// Does the work of items `0 .. items`, and returns when all of it is done.
    pub fn run(&self, items: usize) {
        let shared = &*self.shared;
        if self.threads.is_empty() || items == 1 {
            (0..items).for_each(|item| (shared.work)(0, item));
            return;
        }
        shared.items.store(items, Ordering::Relaxed);
        shared.pending.store(items, Ordering::Relaxed);
        // Publishes the batch: workers that see an item see all that was written before.
        shared.next.store(0, Ordering::Release);
        *lock(&shared.batch) += 1;
        shared.started.notify_all();
        shared.help(0);
        let mut guard = lock(&shared.batch);
        while shared.pending.load(Ordering::Acquire) > 0 {
            guard = shared.finished.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        *lock(&self.shared.batch) = usize::MAX;
        self.shared.started.notify_all();
        for thread in self.threads.drain(..) {
            // A worker that panicked has said so already.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// Works on batches until the pool is dropped.
    fn serve(&self, number: usize) {
        let mut seen = 0;
        loop {
            for _ in 0..SPINS {
                if self.next.load(Ordering::Relaxed) < self.items.load(Ordering::Relaxed) {
                    break;
                }
                std::hint::spin_loop();
            }
            {
                let mut batch = lock(&self.batch);
                while *batch == seen {
                    batch = self.started.wait(batch).unwrap_or_else(PoisonError::into_inner);
                }
                seen = *batch;
            }
            if seen == usize::MAX {
                return;
            }
            self.help(number);
        }
    }

    /// Takes items until none is left.
    fn help(&self, number: usize) {
        loop {
            let item = self.next.fetch_add(1, Ordering::AcqRel);
            if item >= self.items.load(Ordering::Acquire) {
                return;
            }
            // Counts the item as done also when its work panics, so that nobody waits for ever.
            let _done = Done(self);
            (self.work)(number, item);
        }
    }
}

struct Done<'a>(&'a Shared);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        if self.0.pending.fetch_sub(1, Ordering::AcqRel) == 1 {
            // Under the lock, lest the caller go to sleep between its look and this call.
            let _guard = lock(&self.0.batch);
            self.0.finished.notify_all();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_done_once() {
        let done: Arc<Vec<AtomicUsize>> = Arc::new((0..100).map(|_| AtomicUsize::new(0)).collect());
        let counts = done.clone();
        let pool = Pool::new(
            3,
            Box::new(move |_, item| {
                counts[item].fetch_add(1, Ordering::Relaxed);
            }),
        );
        for batch in 1..300 {
            pool.run(100);
            assert!(done.iter().all(|count| count.load(Ordering::Relaxed) == batch));
        }
    }
}
