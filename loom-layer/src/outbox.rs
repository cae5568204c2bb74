//! Things that have to leave in the order in which they came up, although any of several threads may carry them out.

use std::collections::VecDeque;

use parking_lot::Mutex;

/// A queue from which each one that put something in takes one thing out, which may be somebody else's that came before.
/// Nobody waits: whoever finds another at it leaves that to the other one.
#[derive(Debug)]
pub(crate) struct Outbox<T> {
    state: Mutex<State<T>>,
    busy: Mutex<()>,
}

#[derive(Debug)]
struct State<T> {
    waiting: VecDeque<T>,
    /// How many are to be carried out by now.
    owed: usize,
}

impl<T> Default for Outbox<T> {
    fn default() -> Self {
        let state = State {
            waiting: VecDeque::new(),
            owed: 0,
        };
        Self {
            state: Mutex::new(state),
            busy: Mutex::default(),
        }
    }
}

impl<T> Outbox<T> {
    pub(crate) fn push(&self, thing: T) {
        self.state.lock().waiting.push_back(thing);
    }

    /// Carries out the oldest thing; and more, when others left theirs to us.
    pub(crate) fn carry_out_one(&self, mut carry_out: impl FnMut(T)) {
        self.state.lock().owed += 1;
        while let Some(alone) = self.busy.try_lock() {
            while let Some(thing) = self.next() {
                carry_out(thing);
            }
            drop(alone);
            // Somebody may have left one to us just before we were done.
            if self.state.lock().owed == 0 {
                return;
            }
        }
    }

    fn next(&self) -> Option<T> {
        let mut state = self.state.lock();
        if state.owed == 0 {
            return None;
        }
        state.owed -= 1;
        state.waiting.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    #[test]
    fn everything_leaves_once_and_in_order() {
        let outbox = Arc::new(Outbox::default());
        let order = Arc::new(Mutex::new((0, Vec::new())));
        let threads = (0..4).map(|_| {
            let (outbox, order) = (Arc::clone(&outbox), Arc::clone(&order));
            thread::spawn(move || {
                for _ in 0..500 {
                    {
                        let mut order = order.lock();
                        order.0 += 1;
                        outbox.push(order.0);
                    }
                    outbox.carry_out_one(|number| {
                        order.lock().1.push(number);
                    });
                }
            })
        });
        for thread in threads.collect::<Vec<_>>() {
            thread.join().expect("no panic");
        }
        let order = order.lock();
        assert_eq!(order.1, (1..=2000).collect::<Vec<_>>());
    }

    #[test]
    fn what_nobody_asked_for_yet_waits() {
        let outbox = Outbox::default();
        outbox.push(1);
        outbox.push(2);
        let mut seen = Vec::new();
        outbox.carry_out_one(|number| seen.push(number));
        assert_eq!(seen, [1]);
    }

    #[test]
    fn whoever_comes_while_another_is_at_it_leaves_it_to_that_one() {
        let outbox = Outbox::default();
        outbox.push(1);
        let mut seen = Vec::new();
        outbox.carry_out_one(|number| {
            seen.push(number);
            if number == 1 {
                outbox.push(2);
                outbox.carry_out_one(|_| panic!("the outer one is at it"));
            }
        });
        assert_eq!(seen, [1, 2]);
    }
}
