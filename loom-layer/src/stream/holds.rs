//! Who holds a stream, and for how long.

use http::StatusCode;

use super::guest::Guest;
use super::{Direction, LocalReply, Stage, Stream, details};

/// A plugin's hold on a stream. One that begins later at the same place is another one, with a time of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pause {
    direction: Direction,
    at: usize,
    number: u32,
}

impl<G: Guest> Stream<G> {
    /// Whether any plugin holds something, be it only until it has seen more of a body.
    pub(crate) fn is_held(&self) -> bool {
        self.everywhere()
            .any(|(direction, at)| self.holds(direction, at))
    }

    /// The holds that only a plugin can end: those that a plugin keeps up until it has seen more of a body last as long as
    /// its sender takes.
    pub(crate) fn pauses(&self) -> impl Iterator<Item = Pause> {
        self.everywhere()
            .filter(|&(direction, at)| {
                self.holds(direction, at) && self.has_seen_all(direction, at)
            })
            .map(|(direction, at)| Pause {
                direction,
                at,
                number: self.filters[at].holds[direction.index()],
            })
    }

    fn everywhere(&self) -> impl Iterator<Item = (Direction, usize)> + use<G> {
        (0..self.filters.len()).flat_map(|at| [(Direction::Request, at), (Direction::Response, at)])
    }

    /// Whether a plugin holds headers, or what it has seen of a body.
    pub(super) fn holds(&self, direction: Direction, at: usize) -> bool {
        self.holds_headers(direction, at)
            || self
                .filters
                .get(at)
                .and_then(|filter| filter.flows[direction.index()].as_ref())
                .is_some_and(|flow| flow.paused)
    }

    fn holds_headers(&self, direction: Direction, at: usize) -> bool {
        match (direction, &self.stage) {
            (Direction::Request, &Stage::Request { next, paused }) => paused && next == at,
            (Direction::Response, &Stage::Response { next, paused, .. }) => {
                paused && next == at + 1
            }
            _ => false,
        }
    }

    /// Whether a plugin that holds something will see nothing more before it lets go.
    fn has_seen_all(&self, direction: Direction, at: usize) -> bool {
        let filter = &self.filters[at];
        if self.holds_headers(direction, at) {
            return !self.gets_body_anyway(direction, at) || self.nothing_follows(direction);
        }
        filter.flows[direction.index()]
            .as_ref()
            .is_some_and(|flow| flow.last || flow.trailers.is_some())
    }

    /// The plugin that holds the stream.
    pub(crate) fn holder(&self, pause: Pause) -> Option<&G> {
        self.filters.get(pause.at).map(|filter| &filter.guest)
    }

    /// Ends a pause that nothing ended in time: the stream is answered with 504, or cut if an answer is under way already.
    /// `false` when it is over.
    pub(crate) fn expire(&mut self, pause: Pause) -> bool {
        let holds = self.pauses().any(|other| other == pause);
        if holds {
            let reply = LocalReply::failure(StatusCode::GATEWAY_TIMEOUT, details::PAUSE_TIMEOUT);
            self.answer(match self.holder(pause) {
                Some(guest) => reply.by(guest.name()),
                None => reply,
            });
        }
        holds
    }
}
