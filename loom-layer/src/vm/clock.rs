//! The engine's clock: a thread that ticks while guests run, and sleeps while none does.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::limits;

/// The clock, as those know it whose calls it limits.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// A guest ran since this was last looked at.
    used: AtomicBool,
    /// Nobody ticks, since no guest ran for a while.
    asleep: AtomicBool,
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Clock {
    /// Says that a guest call begins, or still runs. The clock goes on ticking for at least
    /// [`limits::CLOCK_AWAKE_TICKS`]; a call that lasts longer has to say it again.
    pub(super) fn keep_awake(&self) {
        // Nearly always somebody said so already, and the line stays in every processor's cache.
        if !self.used.load(Ordering::Relaxed) {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        // Either this sees that nobody ticks, or the thread, before it goes to sleep, sees that a guest ran.
        self.used.store(true, Ordering::SeqCst);
        if self.asleep.load(Ordering::SeqCst) {
            let _stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
            self.changed.notify_one();
        }
    }

    fn run(&self, mut tick: impl FnMut() -> bool) {
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        while !*stopped {
            for _ in 0..limits::CLOCK_AWAKE_TICKS {
                stopped = self
                    .changed
                    .wait_timeout(stopped, limits::EPOCH_TICK)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
                if *stopped || !tick() {
                    return;
                }
            }
            if self.used.swap(false, Ordering::SeqCst) {
                continue;
            }
            self.asleep.store(true, Ordering::SeqCst);
            while !*stopped && !self.used.load(Ordering::SeqCst) {
                stopped = self
                    .changed
                    .wait(stopped)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            self.asleep.store(false, Ordering::SeqCst);
        }
    }
}

/// The thread of a clock; it ends with this.
#[derive(Debug)]
pub(super) struct Ticker {
    clock: Arc<Clock>,
}

impl Ticker {
    /// Starts the thread. It ends, too, when `tick` says that there is nothing left to tick for.
    pub(super) fn start(tick: impl FnMut() -> bool + Send + 'static) -> io::Result<Self> {
        let clock = Arc::<Clock>::default();
        let of_thread = Arc::clone(&clock);
        std::thread::Builder::new()
            .name("loom-ticker".to_owned())
            .spawn(move || of_thread.run(tick))?;
        Ok(Self { clock })
    }

    pub(super) fn clock(&self) -> &Arc<Clock> {
        &self.clock
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        let mut stopped = self
            .clock
            .stopped
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *stopped = true;
        self.clock.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn it_sleeps_while_no_guest_runs_and_ticks_while_one_does() {
        let (sender, ticks) = mpsc::channel();
        let ticker = Ticker::start(move || sender.send(()).is_ok()).expect("a thread");
        let clock = Arc::clone(ticker.clock());
        for _ in 0..3 {
            while !clock.asleep.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            ticks.try_iter().count();
            std::thread::sleep(3 * limits::EPOCH_TICK);
            assert!(ticks.try_recv().is_err(), "no guest runs");

            clock.keep_awake();
            for _ in 0..limits::CLOCK_AWAKE_TICKS {
                ticks.recv().expect("it ticks again");
            }
            // As a call does that outlasts this.
            clock.keep_awake();
            for _ in 0..limits::CLOCK_AWAKE_TICKS {
                ticks.recv().expect("it still ticks");
            }
        }
        drop(ticker);
        while ticks.recv().is_ok() {}
    }

    #[test]
    fn no_call_is_left_without_a_clock() {
        let (sender, ticks) = mpsc::channel();
        let ticker = Ticker::start(move || sender.send(()).is_ok()).expect("a thread");
        for pause in 0..40 {
            // Around the moment at which it goes to sleep.
            while !ticker.clock().asleep.load(Ordering::SeqCst) && pause % 2 == 0 {
                std::thread::yield_now();
            }
            ticks.try_iter().count();
            ticker.clock().keep_awake();
            ticks.recv().expect("a tick");
        }
    }
}
