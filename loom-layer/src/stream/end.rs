//! The end of a stream.

use std::task::{Context, Poll, ready};

use super::guest::{Callback, Guest};
use super::{Direction, FilterState, Stage, Stream};

impl<G: Guest> Stream<G> {
    /// Says that the response is over: how many bytes of its body left, and whether nobody waited for the rest of it.
    pub(crate) fn leave(&mut self, sent: u64, abandoned: bool) {
        if let Some(exchange) = self.exchange.as_mut() {
            exchange.facts.end(sent, abandoned);
        }
        self.begin_end();
    }

    /// Says that nothing more happens on the stream, whatever it was doing. Idempotent.
    pub(crate) fn begin_end(&mut self) {
        if let Some(exchange) = self.exchange.as_mut() {
            exchange.request_open = false;
            exchange.response_open = false;
        }
        if !self.is_ending() {
            self.stage = Stage::Logging { next: 0 };
            // Whoever still reads the request's body has to learn that no more of it comes.
            self.nudged |= self.courses[Direction::Request.index()]
                .as_ref()
                .is_some_and(|course| !course.is_over());
        }
    }

    /// Whether the end has begun.
    pub(super) fn is_ending(&self) -> bool {
        matches!(
            self.stage,
            Stage::Logging { .. } | Stage::Finishing { .. } | Stage::Ended
        )
    }

    /// Runs the callbacks of the stream's end: log for every plugin, then done and delete for every plugin. A plugin
    /// that has no context yet gets one for its log, as in Envoy.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self.stage {
                Stage::Logging { next } if next < self.filters.len() => {
                    // With one plugin there is no other order to keep: one entry does it all.
                    let alone = self.filters.len() == 1;
                    ready!(self.poll_close(cx, next, true, alone));
                    self.stage = Stage::Logging { next: next + 1 };
                }
                Stage::Logging { .. } => self.stage = Stage::Finishing { next: 0 },
                Stage::Finishing { next } if next < self.filters.len() => {
                    ready!(self.poll_close(cx, next, false, true));
                    self.stage = Stage::Finishing { next: next + 1 };
                }
                Stage::Finishing { .. } => self.stage = Stage::Ended,
                Stage::Ended => return Poll::Ready(()),
                _ => self.begin_end(),
            }
        }
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, at: usize, log: bool, finish: bool) -> Poll<()> {
        let log = log && self.wants(at, Callback::Log);
        let filter = &self.filters[at];
        let exists = match filter.state {
            FilterState::Live | FilterState::Left => true,
            FilterState::Fresh => log,
            FilterState::Gone => false,
        };
        let finish = finish && exists;
        let done = finish && filter.guest.wants(Callback::Done);
        let callbacks: &[Callback] = match (log, finish, done) {
            (false, false, _) => return Poll::Ready(()),
            (true, false, _) => &[Callback::Create, Callback::Log],
            (true, true, false) => &[Callback::Create, Callback::Log, Callback::Delete],
            (true, true, true) => &[
                Callback::Create,
                Callback::Log,
                Callback::Done,
                Callback::Delete,
            ],
            (false, true, false) => &[Callback::Create, Callback::Delete],
            (false, true, true) => &[Callback::Create, Callback::Done, Callback::Delete],
        };
        // A failure was logged, and nothing is left that could be answered differently.
        let failed = ready!(self.poll_enter(cx, at, callbacks)).is_err();
        if finish || failed {
            self.filters[at].state = FilterState::Gone;
        }
        Poll::Ready(())
    }
}
