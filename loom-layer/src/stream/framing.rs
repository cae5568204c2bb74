//! What a head says about its body's length. A plugin may be wrong about it, and still no message goes out whose head and body
//! disagree: on a kept connection the rest of one would be taken for the beginning of the next (RFC 9112 section 11.2).

use http::header::{CONTENT_LENGTH, HeaderName, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue};

use super::guest::Guest;
use super::{Direction, Stream};
use crate::afterwards::afterwards;

/// What a head said before a plugin changed that.
#[derive(Debug, Clone)]
pub(crate) struct Framing {
    length: Option<HeaderValue>,
    transfer_encoding: bool,
}

impl Framing {
    /// Whether a field says something about the body's length.
    pub(super) fn has(name: &HeaderName) -> bool {
        *name == CONTENT_LENGTH || *name == TRANSFER_ENCODING
    }

    pub(super) fn of(headers: &HeaderMap) -> Self {
        Self {
            length: headers.get(CONTENT_LENGTH).cloned(),
            transfer_encoding: headers.contains_key(TRANSFER_ENCODING),
        }
    }

    /// Whether a plugin changed the length. Without one nothing is promised, so taking it away is no change here.
    fn was_changed(&self, headers: &HeaderMap) -> bool {
        let mut now = headers.get_all(CONTENT_LENGTH).iter();
        let first = now.next();
        now.next().is_some() || (first.is_some() && first != self.length.as_ref())
    }

    fn restore(&self, headers: &mut HeaderMap) {
        match &self.length {
            Some(length) => {
                headers.insert(CONTENT_LENGTH, length.clone());
            }
            None => {
                headers.remove(CONTENT_LENGTH);
            }
        }
    }
}

/// What a head says about the body's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Unsaid,
    Bytes(u64),
    /// It is no number, or said twice.
    Unclear,
}

impl Length {
    fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(CONTENT_LENGTH).iter();
        let Some(first) = values.next() else {
            return Self::Unsaid;
        };
        let length = first.to_str().ok().and_then(|text| text.parse().ok());
        match length {
            Some(length) if values.next().is_none() => Self::Bytes(length),
            _ => Self::Unclear,
        }
    }

    const fn known(self) -> Option<u64> {
        match self {
            Self::Bytes(length) => Some(length),
            Self::Unsaid | Self::Unclear => None,
        }
    }
}

impl<G: Guest> Stream<G> {
    /// Makes the head that goes out tell the truth, or remembers what it promises.
    ///
    /// A body that no plugin sees has the length that it had: what a plugin said of it is undone. Of one that passes plugins
    /// a plugin may know the new length before the body has it; it is then held to its word. While the whole body is at hand,
    /// its length is known. `before` is what the head said of it before a plugin touched that, if one did.
    pub(super) fn fit_length(
        &mut self,
        direction: Direction,
        passes: bool,
        headers: &mut HeaderMap,
        before: Option<Box<Framing>>,
    ) {
        let changed =
            before.is_some_and(|before| self.correct(direction, passes, headers, &before));
        if !passes {
            return;
        }
        let declared = Length::of(headers);
        let course = self.course_mut(direction);
        let promised = match course.whole_length() {
            // Also of one that did not say it.
            Some(length)
                if course.edited
                    || changed
                    || (declared == Length::Unsaid && direction == Direction::Response) =>
            {
                headers.insert(CONTENT_LENGTH, length.into());
                Some(length)
            }
            None if course.edited && !changed => {
                headers.remove(CONTENT_LENGTH);
                None
            }
            _ => declared.known(),
        };
        course.promise(promised, changed);
    }

    /// Undoes what a plugin may not say of a body, and tells whether it changed the length.
    fn correct(
        &self,
        direction: Direction,
        passes: bool,
        headers: &mut HeaderMap,
        before: &Framing,
    ) -> bool {
        if !before.transfer_encoding {
            headers.remove(TRANSFER_ENCODING);
        }
        let changed = before.was_changed(headers);
        if changed && (!passes || Length::of(headers).known().is_none()) {
            let plugin = self.names();
            afterwards(
                move || tracing::warn!(target: "loom::stream", plugin, ?direction, "a plugin set a content-length that the body does not have; it is undone"),
            );
            before.restore(headers);
        }
        changed
    }
}
