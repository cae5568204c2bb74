//! What has to wait until this thread holds none of our locks.
//!
//! Subscribers of `tracing` and wakers are code of somebody else: they may be slow, panic, or come back to the very stream
//! or VM that called them. So none of them runs under a [`PollMutex`](crate::sync::PollMutex): a thread that holds one puts
//! the work off, and does it when its last guard is gone, in the order in which it came up.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};

type Work = Box<dyn FnOnce()>;

thread_local! {
    /// How many locks this thread holds.
    static HELD: Cell<usize> = const { Cell::new(0) };
    /// Whether there may be something in `PUT_OFF`. (It has no destructor, so that to look at it costs one instruction.)
    static ANY_PUT_OFF: Cell<bool> = const { Cell::new(false) };
    static PUT_OFF: RefCell<Vec<Work>> = const { RefCell::new(Vec::new()) };
}

/// Does the work once this thread holds none of our locks: now, or when the last one is free. A panic in it ends that work
/// and nothing else; the panic hook has said so.
pub(crate) fn afterwards(work: impl FnOnce() + 'static) {
    if HELD.get() == 0 {
        contain(work);
    } else {
        PUT_OFF.with_borrow_mut(|put_off| put_off.push(Box::new(work)));
        ANY_PUT_OFF.set(true);
    }
}

fn contain(work: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(work));
}

/// Says that this thread holds a lock. Has to be dropped after the lock was released.
#[derive(Debug)]
pub(crate) struct Held {
    /// Belongs to its thread.
    _not_send: std::marker::PhantomData<*const ()>,
}

impl Held {
    pub(crate) fn new() -> Self {
        HELD.set(HELD.get() + 1);
        Self {
            _not_send: std::marker::PhantomData,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let left = HELD.get() - 1;
        HELD.set(left);
        if left == 0 && ANY_PUT_OFF.get() {
            run_put_off();
        }
    }
}

/// Whatever runs may take locks and put off work of its own; that is done when it lets go of them.
#[cold]
fn run_put_off() {
    ANY_PUT_OFF.set(false);
    for work in PUT_OFF.take() {
        contain(work);
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::sync::PollMutex;

    #[test]
    fn work_waits_for_the_last_lock_and_keeps_its_order() {
        let done = Rc::new(RefCell::new(Vec::new()));
        let say = |what: &'static str| {
            let done = Rc::clone(&done);
            afterwards(move || done.borrow_mut().push(what));
        };
        say("at once");
        assert_eq!(*done.borrow(), ["at once"]);
        let (outer, inner) = (PollMutex::new(()), PollMutex::new(()));
        let held = outer.try_lock().expect("free");
        say("first");
        let nested = inner.try_lock().expect("free");
        say("second");
        drop(nested);
        assert_eq!(done.borrow().len(), 1, "one lock is still held");
        drop(held);
        assert_eq!(*done.borrow(), ["at once", "first", "second"]);
    }

    #[test]
    fn work_finds_the_locks_free_and_may_take_them() {
        let mutex = Rc::new(PollMutex::new(0));
        let held = mutex.try_lock().expect("free");
        let again = Rc::clone(&mutex);
        afterwards(move || {
            let mut held = again.try_lock().expect("free by now");
            *held += 1;
            let again = Rc::clone(&again);
            afterwards(move || *again.try_lock().expect("free again") += 10);
        });
        drop(held);
        assert_eq!(*mutex.try_lock().expect("free"), 11);
    }

    #[test]
    fn a_panic_is_contained_also_while_another_one_unwinds() {
        let done = Rc::new(Cell::new(0));
        let mutex = PollMutex::new(());
        let count = |done: &Rc<Cell<usize>>| {
            let done = Rc::clone(done);
            afterwards(move || done.set(done.get() + 1));
        };
        let held = mutex.try_lock().expect("free");
        afterwards(|| panic!("a test's panic"));
        count(&done);
        drop(held);
        assert_eq!(done.get(), 1);

        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let _held = mutex.try_lock().expect("free");
            afterwards(|| panic!("a test's panic"));
            count(&done);
            panic!("a test's panic");
        }));
        assert!(unwound.is_err());
        assert_eq!(done.get(), 2);
        assert!(mutex.try_lock().is_some());
    }
}
