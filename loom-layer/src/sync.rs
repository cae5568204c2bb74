//! A mutex for polls: it is only ever tried, and who finds it held is woken when it is free.
//!
//! A guest call is short and synchronous, so it runs under an ordinary lock. But a poll must not wait for another
//! thread: it tries, leaves its waker, tries once more (the holder may have let go in between) and returns `Pending`.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::{Mutex, MutexGuard};

use crate::afterwards::{Held, afterwards};

/// How often a poll looks again before it leaves its waker: about as long as a short guest call takes.
const SPINS: u32 = 64;

/// See the module's text.
#[derive(Debug)]
pub(crate) struct PollMutex<T> {
    value: Mutex<T>,
    /// Whether `waiters` may hold something, so that an uncontended unlock does not lock them.
    waiting: AtomicBool,
    waiters: Mutex<Vec<Waker>>,
}

impl<T> PollMutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self {
            value: Mutex::new(value),
            waiting: AtomicBool::new(false),
            waiters: Mutex::new(Vec::new()),
        }
    }

    /// The value, if nobody holds it now.
    pub(crate) fn try_lock(&self) -> Option<PollGuard<'_, T>> {
        self.value.try_lock().map(|guard| PollGuard {
            guard,
            _waiters: Waiters(self),
            _held: Held::new(),
        })
    }

    /// The value as soon as nobody holds it; until then the task is woken at every release.
    pub(crate) fn poll_lock(&self, cx: &mut Context<'_>) -> Poll<PollGuard<'_, T>> {
        match self.try_lock() {
            Some(guard) => Poll::Ready(guard),
            None => self.poll_contended(cx),
        }
    }

    #[cold]
    fn poll_contended(&self, cx: &mut Context<'_>) -> Poll<PollGuard<'_, T>> {
        for _ in 0..SPINS {
            if let Some(guard) = self.try_lock() {
                return Poll::Ready(guard);
            }
            std::hint::spin_loop();
        }
        {
            let mut waiters = self.waiters.lock();
            if !waiters.iter().any(|waker| waker.will_wake(cx.waker())) {
                waiters.push(cx.waker().clone());
            }
        }
        // Of this swap and the one after the unlock one comes first: either the holder sees that somebody waits, or this try
        // sees what the holder did, the unlock included. (Two swaps cost less than two fences.)
        self.waiting.swap(true, Ordering::AcqRel);
        match self.try_lock() {
            Some(guard) => Poll::Ready(guard),
            None => Poll::Pending,
        }
    }

    #[cold]
    fn wake_waiters(&self) {
        let waiters = std::mem::take(&mut *self.waiters.lock());
        for waiter in waiters {
            afterwards(|| waiter.wake());
        }
    }
}

/// Holds the value of a [`PollMutex`]. Wakers, and whatever else was put off, run after the lock is free.
#[derive(Debug)]
pub(crate) struct PollGuard<'a, T> {
    // Dropped in this order: first the lock is free, then those who wait for it are woken, then what was put off runs.
    guard: MutexGuard<'a, T>,
    _waiters: Waiters<'a, T>,
    _held: Held,
}

/// Wakes those who wait for a mutex when it is dropped.
#[derive(Debug)]
struct Waiters<'a, T>(&'a PollMutex<T>);

impl<T> Deref for PollGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for PollGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

impl<T> Drop for Waiters<'_, T> {
    fn drop(&mut self) {
        if self.0.waiting.swap(false, Ordering::AcqRel) {
            self.0.wake_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_waiting_task_is_woken_once_the_lock_is_free() {
        let mutex = PollMutex::new(0);
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let mut cx = Context::from_waker(&waker);

        let held = mutex.try_lock().expect("free");
        assert!(mutex.poll_lock(&mut cx).is_pending());
        assert!(mutex.poll_lock(&mut cx).is_pending());
        assert_eq!(count.0.load(Ordering::SeqCst), 0);
        drop(held);
        assert_eq!(
            count.0.load(Ordering::SeqCst),
            1,
            "one wake-up for one task"
        );
        assert!(mutex.poll_lock(&mut cx).is_ready());
    }

    #[test]
    fn no_wake_up_is_lost_between_threads() {
        use std::future::poll_fn;
        let mutex = Arc::new(PollMutex::new(0_u64));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(4)
            .build()
            .expect("a runtime");
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let mutex = Arc::clone(&mutex);
                runtime.spawn(async move {
                    for _ in 0..500 {
                        poll_fn(|cx| mutex.poll_lock(cx).map(|mut value| *value += 1)).await;
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        runtime.block_on(async {
            for task in tasks {
                task.await.expect("a task ends");
            }
        });
        assert_eq!(*mutex.try_lock().expect("free"), 64 * 500);
    }
}
