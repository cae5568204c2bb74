//! One HTTP exchange, as the plugins of a chain see it: the part of a stream that a guest call can read and change.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Weak};

use super::buffer::Buffer;
use super::facts::Facts;
use super::fields::Kept;
use super::head::{RequestHead, ResponseHead};
use super::map::{Map, MapMut};
use super::property::{Value, plain};
use super::reply::{LocalReply, is_grpc};
use super::stored::StoredProperties;
use super::wishes::{Wish, Wishes};
use crate::abi::{MapType, Status};
use crate::info::LocalReplyInfo;
use crate::limits;
use crate::observer::{PhaseObserver, StreamObserver};
use bytes::Bytes;
use http::{Extensions, HeaderMap};

/// One of the two ways through a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Request,
    Response,
}

impl Direction {
    /// Its place in what there is one of for each way.
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Request => 0,
            Self::Response => 1,
        }
    }

    /// The map of its headers.
    pub(crate) const fn headers(self) -> MapType {
        match self {
            Self::Request => MapType::RequestHeaders,
            Self::Response => MapType::ResponseHeaders,
        }
    }

    /// The map of its trailers.
    pub(crate) const fn trailers(self) -> MapType {
        match self {
            Self::Request => MapType::RequestTrailers,
            Self::Response => MapType::ResponseTrailers,
        }
    }
}

/// Reaches a stream from outside its own callbacks: from another stream's callback or from a root context.
pub(crate) trait Remote: Send + Sync {
    /// Runs `f` on the exchange as the plugin at `place` of the chain has it in hand, unless a callback of the stream runs
    /// elsewhere for too long. Says whether it ran.
    fn with_exchange(&self, place: usize, f: &mut dyn FnMut(&mut Exchange)) -> bool;

    /// Asks for something, now or, when a callback of the stream runs, after that. `false`: nothing will come of it.
    fn ask(&self, wish: Wish) -> bool;

    /// Lets the stream look at what changed.
    fn wake(&self);

    /// Bytes of a request's body that passed without entering the plugins.
    fn passed(&self) -> u64;
}

/// See the module's text.
pub(crate) struct Exchange {
    /// The request's head; once it was forwarded, its line.
    pub(crate) request: RequestHead,
    /// Once the request's head was forwarded, what is kept of its fields.
    request_kept: Option<Kept>,
    /// Whether the request's head can still be changed: it was not forwarded, and nobody answered.
    pub(crate) request_open: bool,
    /// The response's head, as soon as there is one; once it was delivered, its line.
    pub(crate) response: Option<ResponseHead>,
    /// Once the response's head was delivered, what is kept of its fields.
    response_kept: Option<Kept>,
    /// Whether the response's head can still be changed.
    pub(crate) response_open: bool,
    /// What of the two bodies a guest has in hand.
    request_body: Body,
    response_body: Body,
    /// Why the response is what it is: `via_upstream`, or the details of a local reply.
    pub(crate) details: Option<Cow<'static, str>>,
    /// Who answered in the place of the inner service.
    pub(super) local_reply: Option<LocalReplyInfo>,
    /// What else the host knows.
    pub(crate) facts: Facts,
    /// Who watches the plugins.
    pub(crate) observer: Option<Arc<dyn StreamObserver>>,
    /// Who watches the callback that runs.
    pub(crate) phase: Option<Box<dyn PhaseObserver>>,
    /// How the stream can be reached from outside.
    pub(crate) remote: Weak<dyn Remote>,
    /// What `proxy_set_property` stored; nothing until somebody does.
    pub(crate) stored: Option<StoredProperties>,
    /// The plugin whose callback runs, by its place in the chain.
    pub(super) running: usize,
    pub(super) wishes: Wishes,
    /// Somebody replied already: the first reply wins.
    replied: bool,
    /// The response's head is on its way to the client.
    delivered: bool,
}

/// What a guest gets in hand of a body.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    pub(super) buffer: Buffer,
    /// Bytes that the guest put into it before.
    pub(super) added: usize,
    pub(super) trailers: Option<Box<HeaderMap>>,
}

/// The part of a body, and the trailers, that a guest can read and change now.
#[derive(Debug, Default)]
struct Body {
    buffer: Option<Buffer>,
    /// Bytes that the guest put into it.
    added: usize,
    edited: bool,
    trailers: Option<Box<HeaderMap>>,
    /// Whether a write to the trailers is allowed; it creates them if they are not there.
    trailers_open: bool,
}

impl Exchange {
    pub(crate) fn new(request: RequestHead, remote: Weak<dyn Remote>) -> Self {
        Self {
            request,
            request_kept: None,
            request_open: true,
            response: None,
            response_kept: None,
            response_open: false,
            request_body: Body::default(),
            response_body: Body::default(),
            details: None,
            local_reply: None,
            facts: Facts::default(),
            observer: None,
            phase: None,
            remote,
            stored: None,
            running: 0,
            wishes: Wishes::default(),
            replied: false,
            delivered: false,
        }
    }

    /// The map for reading. Request headers stay readable until the end of the stream.
    pub(crate) fn map(&self, kind: MapType) -> Result<Map<'_>, Status> {
        match kind {
            MapType::RequestHeaders => Ok(self.request_map()),
            MapType::ResponseHeaders => self
                .response
                .as_ref()
                .map(|head| Map::response(head).or_kept(self.response_kept.as_ref()))
                .ok_or(Status::BadArgument),
            MapType::RequestTrailers => self
                .request_body
                .trailers
                .as_deref()
                .map(Map::trailers)
                .ok_or(Status::BadArgument),
            MapType::ResponseTrailers => self
                .response_body
                .trailers
                .as_deref()
                .map(Map::trailers)
                .ok_or(Status::BadArgument),
            _ => Err(Status::BadArgument),
        }
    }

    /// The request's headers for reading.
    pub(super) fn request_map(&self) -> Map<'_> {
        Map::request(&self.request).or_kept(self.request_kept.as_ref())
    }

    /// The response that a local reply makes for this request.
    pub(super) fn respond(&self, reply: LocalReply) -> (ResponseHead, Bytes) {
        reply.into_response(&self.request, is_grpc(self.request_map()))
    }

    /// The map for writing: what was passed on already cannot be changed any more.
    pub(crate) fn map_mut(&mut self, kind: MapType) -> Result<MapMut<'_>, Status> {
        match kind {
            MapType::RequestHeaders if self.request_open => Ok(MapMut::Request(&mut self.request)),
            MapType::ResponseHeaders if self.response_open => self
                .response
                .as_mut()
                .map(MapMut::Response)
                .ok_or(Status::BadArgument),
            MapType::RequestTrailers if self.request_body.trailers_open => Ok(MapMut::Trailers(
                self.request_body.trailers.get_or_insert_default(),
            )),
            MapType::ResponseTrailers if self.response_body.trailers_open => Ok(MapMut::Trailers(
                self.response_body.trailers.get_or_insert_default(),
            )),
            _ => Err(Status::BadArgument),
        }
    }

    /// Takes over what a request's extensions tell, for plugins that may ask.
    pub(crate) fn begin_facts(&mut self, extensions: &Extensions) {
        self.facts = Facts::begin(extensions);
        self.share_stored(extensions);
    }

    /// Bytes of the request's body that have come so far.
    pub(super) fn received(&self) -> u64 {
        let passed = self.remote.upgrade().map_or(0, |stream| stream.passed());
        self.facts.received + passed
    }

    /// What a plugin stored under this path.
    pub(super) fn stored(&self, path: &[u8]) -> Option<Value<'_>> {
        self.stored.as_ref()?.get(path).map(Value::Stored)
    }

    /// Stores a value under a path. `false`: there is no room.
    pub(crate) fn store(&mut self, path: &[u8], value: &[u8]) -> bool {
        self.stored.get_or_insert_default().set(plain(path), value)
    }

    /// Finds what plugins of other layers stored, beside what those of this one did.
    pub(super) fn share_stored(&mut self, extensions: &Extensions) {
        let Some(theirs) = extensions.get::<StoredProperties>() else {
            return;
        };
        if let Some(ours) = self.stored.replace(theirs.clone()) {
            theirs.absorb(&ours);
        }
    }

    fn body_mut(&mut self, direction: Direction) -> &mut Body {
        match direction {
            Direction::Request => &mut self.request_body,
            Direction::Response => &mut self.response_body,
        }
    }

    /// What a guest can read of a body now; `None` where no body is at hand.
    pub(crate) fn buffer(&self, direction: Direction) -> Option<&Buffer> {
        match direction {
            Direction::Request => self.request_body.buffer.as_ref(),
            Direction::Response => self.response_body.buffer.as_ref(),
        }
    }

    /// Changes what a guest has in hand of a body; see [`Buffer::splice`]. `false` where no body is at hand, and when the guest
    /// puts too much into it.
    pub(crate) fn splice(
        &mut self,
        direction: Direction,
        start: usize,
        size: usize,
        data: Bytes,
    ) -> bool {
        let body = self.body_mut(direction);
        let Some(buffer) = &mut body.buffer else {
            return false;
        };
        // What is cut out again counts too: a piece that is left over keeps the whole of it alive.
        if data.len() > limits::BODY_EDITS - body.added {
            return false;
        }
        body.added += data.len();
        buffer.splice(start, size, data);
        body.edited = true;
        true
    }

    /// Hands part of a body to the guest for one callback; with the last part it may add trailers.
    pub(super) fn lend(&mut self, direction: Direction, part: Part, open: bool) {
        let body = self.body_mut(direction);
        // Of a body that went on before its trailers came, nothing is at hand: as in Envoy, nothing can be put there.
        let went_on = part.buffer.is_empty() && part.trailers.is_some();
        body.buffer = (!went_on).then_some(part.buffer);
        body.added = part.added;
        body.trailers = part.trailers;
        body.trailers_open = open;
        body.edited = false;
    }

    /// Takes it back, and says whether it was edited. `keep` leaves the trailers for reading.
    pub(super) fn take_back(&mut self, direction: Direction, keep: bool) -> (Part, bool) {
        let body = self.body_mut(direction);
        body.trailers_open = false;
        let part = Part {
            buffer: body.buffer.take().unwrap_or_default(),
            added: body.added,
            trailers: body.trailers.take(),
        };
        if keep {
            body.trailers.clone_from(&part.trailers);
        }
        (part, body.edited)
    }

    /// Records what a guest asks for. `false`: nothing will come of it, since somebody replied before.
    pub(crate) fn ask(&mut self, wish: Wish) -> bool {
        let Wish::Reply(_) = &wish else {
            self.wishes.add(wish);
            return true;
        };
        if std::mem::replace(&mut self.replied, true) {
            self.wishes.late_reply = true;
            return false;
        }
        // When the response is on its way already, all that is left is to cut the stream.
        self.wishes
            .add(if self.delivered { Wish::Cut } else { wish });
        true
    }

    /// Puts the host's own reply in the place of whatever a guest asked for.
    pub(super) fn overrule(&mut self, reply: LocalReply) {
        self.replied = true;
        self.wishes.reply = Some(reply);
    }

    /// Forgets what a callback asked for before its VM failed.
    pub(super) fn forget_wishes(&mut self) {
        if std::mem::take(&mut self.wishes).reply.is_some() {
            self.replied = false;
        }
    }

    /// The place in the chain of the plugin whose callback runs.
    pub(crate) fn running(&self) -> usize {
        self.running
    }

    /// Whether the response's head is on its way to the client.
    pub(super) fn is_delivered(&self) -> bool {
        self.delivered
    }

    /// Takes the request's head out, to be forwarded. A copy of it stays, or (when nobody will read that) what decides on the
    /// shape of a later local reply.
    pub(super) fn forward(&mut self, is_read_later: bool) -> RequestHead {
        self.request_open = false;
        self.facts.forward();
        let headers = &self.request.headers;
        self.request_kept = Some(if is_read_later {
            Kept::all(headers)
        } else {
            Kept::content_type(headers)
        });
        let line = self.request.clone_line();
        std::mem::replace(&mut self.request, line)
    }

    /// Takes the response's head out, to be delivered. A copy of it stays, if somebody will read that.
    pub(super) fn deliver(&mut self, is_read_later: bool) -> Option<ResponseHead> {
        self.request_open = false;
        self.response_open = false;
        self.delivered = true;
        let head = self.response.take()?;
        self.response_kept = Some(if is_read_later {
            Kept::all(&head.headers)
        } else {
            Kept::default()
        });
        self.response = Some(ResponseHead {
            status: head.status,
            version: head.version,
            headers: HeaderMap::new(),
            framing: None,
        });
        Some(head)
    }
}

impl RequestHead {
    /// Everything but the headers.
    fn clone_line(&self) -> Self {
        Self {
            method: self.method.clone(),
            uri: self.uri.clone(),
            version: self.version,
            headers: HeaderMap::new(),
            scheme: self.scheme.clone(),
            path_removed: self.path_removed,
            framing: None,
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("request", &self.request)
            .field("response", &self.response)
            .field("wishes", &self.wishes)
            .finish_non_exhaustive()
    }
}

/// A stream that nobody can reach.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) struct Unreachable;

#[cfg(any(test, feature = "fuzzing"))]
impl Remote for Unreachable {
    fn with_exchange(&self, _: usize, _: &mut dyn FnMut(&mut Exchange)) -> bool {
        false
    }

    fn ask(&self, _: Wish) -> bool {
        false
    }

    fn wake(&self) {}

    fn passed(&self) -> u64 {
        0
    }
}

/// The handle of a stream that nobody can reach.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn unreachable() -> Weak<dyn Remote> {
    Weak::<Unreachable>::new()
}
