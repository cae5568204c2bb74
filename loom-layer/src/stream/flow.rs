//! A body on its way through the plugins: what each of them holds, and what has passed them all.

use bytes::Bytes;
use http::HeaderMap;

use super::buffer::Buffer;
use super::queue::Queue;

/// A piece of a body, or what follows it.
#[derive(Debug)]
pub(super) enum Piece {
    /// Some bytes; the last piece of a body without trailers says so.
    Data { buffer: Buffer, last: bool },
    /// The trailers: nothing follows.
    Trailers(Box<HeaderMap>),
}

#[cfg(any(test, feature = "fuzzing"))]
impl Piece {
    /// How many bytes of a body it has.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Data { buffer, .. } => buffer.len(),
            Self::Trailers(_) => 0,
        }
    }
}

/// One plugin's side of one direction.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// What has reached the plugin and was not shown to it yet.
    pub(super) inbox: Queue<Piece>,
    /// What was shown to it, and it did not let go.
    pub(super) held: Buffer,
    /// Bytes that it put into what it holds since its last callback.
    pub(super) added: usize,
    /// `held` is the body's last part, and no trailers follow.
    pub(super) last: bool,
    /// The trailers, once they were shown to it.
    pub(super) trailers: Option<Box<HeaderMap>>,
    /// It answered `Pause` to its last callback.
    pub(super) paused: bool,
}

impl Flow {
    /// Whether anything waits here.
    pub(super) fn has_something(&self) -> bool {
        !self.inbox.is_empty() || !self.held.is_empty() || self.trailers.is_some()
    }

    /// Lets go of what the plugin holds.
    pub(super) fn release(&mut self) -> impl Iterator<Item = Piece> + use<> {
        self.paused = false;
        let buffer = std::mem::take(&mut self.held);
        let trailers = self.trailers.take();
        let last = std::mem::take(&mut self.last) && trailers.is_none();
        let data = (last || !buffer.is_empty()).then_some(Piece::Data { buffer, last });
        data.into_iter().chain(trailers.map(Piece::Trailers))
    }
}

/// What one direction has in common for all plugins.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// What has passed all plugins, and was not taken yet.
    sink: Queue<Piece>,
    /// Nothing more will enter.
    pub(super) input_ended: bool,
    /// Nothing more will leave; what is in the sink comes before that.
    output_ended: bool,
    /// A plugin edited the body.
    pub(super) edited: bool,
    /// How many bytes the head that went out promises.
    promised: Option<u64>,
    /// A plugin made the promise, so that the body is held to it even when nobody edits it.
    plugin_promised: bool,
    /// How many bytes have left.
    sent: u64,
}

/// What leaves a course.
#[derive(Debug)]
pub(super) enum Output {
    Data(Bytes),
    Trailers(Box<HeaderMap>),
    /// Nothing more will leave.
    End,
    /// An edited body does not have the length that its head promised.
    BrokenPromise {
        promised: u64,
        sent: u64,
    },
    /// Nothing is there now.
    Empty,
}

impl Course {
    pub(super) fn push(&mut self, piece: Piece) {
        self.output_ended |= matches!(piece, Piece::Data { last: true, .. } | Piece::Trailers(_));
        self.sink.push_back(piece);
    }

    /// Whether something waits to be taken.
    pub(super) fn has_output(&self) -> bool {
        !self.sink.is_empty()
    }

    /// The length of the whole body, when all of it waits to be taken.
    pub(super) fn whole_length(&self) -> Option<u64> {
        let length = |piece: &Piece| match piece {
            Piece::Data { buffer, .. } => buffer.len() as u64,
            Piece::Trailers(_) => 0,
        };
        (self.output_ended && self.sent == 0).then(|| self.sink.iter().map(length).sum())
    }

    /// Remembers what the head says about the body's length.
    pub(super) fn promise(&mut self, length: Option<u64>, by_plugin: bool) {
        self.promised = length;
        self.plugin_promised = by_plugin;
    }

    /// Whether the last piece was taken.
    pub(super) fn is_over(&self) -> bool {
        self.output_ended && self.sink.is_empty()
    }

    pub(super) fn take(&mut self) -> Output {
        while let Some(piece) = self.sink.front_mut() {
            match piece {
                Piece::Data { buffer, .. } => {
                    if let Some(data) = buffer.pop() {
                        if buffer.is_empty() {
                            self.sink.pop_front();
                        }
                        self.sent += data.len() as u64;
                        return self.keeps_promise().unwrap_or(Output::Data(data));
                    }
                    self.sink.pop_front();
                }
                Piece::Trailers(trailers) => {
                    let trailers = std::mem::take(trailers);
                    self.sink.pop_front();
                    return self.keeps_promise().unwrap_or(Output::Trailers(trailers));
                }
            }
        }
        if self.output_ended {
            return self.keeps_promise().unwrap_or(Output::End);
        }
        Output::Empty
    }

    /// An edited body that is too long, or over and too short, must not go out as if it were whole.
    fn keeps_promise(&self) -> Option<Output> {
        let promised = self
            .promised
            .filter(|_| self.edited || self.plugin_promised)?;
        let broken = self.sent > promised || (self.is_over() && self.sent < promised);
        broken.then_some(Output::BrokenPromise {
            promised,
            sent: self.sent,
        })
    }
}
