//! The bodies of a run, from their sources to their far ends.

use std::collections::VecDeque;
use std::task::Poll;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::Frame;

use super::puppet::Shared;

/// A body that comes piece by piece.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) frames: VecDeque<Part>,
    /// How many of them have arrived.
    pub(super) arrived: usize,
    /// Says with the last frame that it is the last.
    says_end: bool,
    over: bool,
    /// Somebody waits for the next frame.
    pub(super) awaited: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Data(&'static str),
    Trailers,
}

/// What came out of a body at its far end.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) text: String,
    pub(super) trailers: usize,
    pub(super) end: Option<Ending>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Whole,
    Cut,
}

impl Source {
    pub(super) fn new(shared: &Shared) -> Self {
        let tape = &shared.tape;
        let mut frames: VecDeque<_> = (0..tape.below(9))
            .map(|_| Part::Data(tape.pick(&["ab", "c", "", "defg"])))
            .collect();
        if tape.once_in(3) {
            frames.push_back(Part::Trailers);
        }
        Self {
            arrived: tape.below(frames.len() + 1),
            frames,
            says_end: tape.once_in(2),
            over: false,
            awaited: false,
        }
    }

    /// Everything that is in it.
    pub(super) fn text(&self) -> String {
        let data = self.frames.iter().filter_map(|part| match part {
            Part::Data(text) => Some(*text),
            Part::Trailers => None,
        });
        data.collect()
    }

    pub(super) fn trailers(&self) -> usize {
        self.frames
            .iter()
            .filter(|part| **part == Part::Trailers)
            .count()
    }

    pub(super) fn is_end(&self) -> bool {
        self.over || (self.frames.is_empty() && self.says_end)
    }

    /// The next frame and whether it is the last, as the service reads it.
    pub(super) fn poll(&mut self) -> Poll<(Option<Frame<Bytes>>, bool)> {
        if self.frames.is_empty() {
            self.over = true;
            return Poll::Ready((None, true));
        }
        if self.arrived == 0 {
            self.awaited = true;
            return Poll::Pending;
        }
        self.arrived -= 1;
        let frame = self.frames.pop_front().map(|part| match part {
            Part::Data(text) => Frame::data(Bytes::from_static(text.as_bytes())),
            Part::Trailers => {
                let mut trailers = HeaderMap::new();
                trailers.insert("x-trailer", HeaderValue::from_static("1"));
                Frame::trailers(trailers)
            }
        });
        Poll::Ready((frame, self.is_end()))
    }
}

impl Outcome {
    fn take(&mut self, frame: Frame<Bytes>) {
        match frame.into_data() {
            Ok(data) => self.text += std::str::from_utf8(&data).expect("text"),
            Err(_) => self.trailers += 1,
        }
    }
}

impl Outcome {
    pub(super) fn accept(&mut self, frame: Option<Result<Frame<Bytes>, ()>>) {
        match frame {
            Some(Ok(frame)) => self.take(frame),
            Some(Err(())) => self.end = Some(Ending::Cut),
            None => self.end = Some(Ending::Whole),
        }
    }
}
