//! One HTTP exchange, as the plugins of a chain see it: the part of a stream that a guest call can read and change.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Weak;
use std::time::SystemTime;

use http::HeaderMap;
use http::header::CONTENT_TYPE;

use super::head::{Map, MapMut, RequestHead, ResponseHead};
use super::reply::LocalReply;
use crate::abi::{MapType, Status, StreamType};
use crate::info::{ConnectionInfo, RouteInfo};

/// Reaches a stream from outside its own callbacks: from another stream's callback or from a root context.
pub(crate) trait Remote: Send + Sync {
    /// Runs `f` on the exchange, unless a callback of the stream runs elsewhere for too long. Says whether it ran.
    fn with_exchange(&self, f: &mut dyn FnMut(&mut Exchange)) -> bool;

    /// Lets the stream look at what changed.
    fn wake(&self);
}

/// See the module's text.
pub(crate) struct Exchange {
    /// The request's head; once it was forwarded, the snapshot that was taken then.
    pub(crate) request: RequestHead,
    /// Whether the request's head can still be changed: it was not forwarded, and nobody answered.
    pub(crate) request_open: bool,
    /// The response's head, as soon as there is one; once it was delivered, the snapshot that was taken then.
    pub(crate) response: Option<ResponseHead>,
    /// Whether the response's head can still be changed.
    pub(crate) response_open: bool,
    /// Why the response is what it is: `via_upstream`, or the details of a local reply.
    pub(crate) details: Option<Cow<'static, str>>,
    /// The downstream connection, if the server told.
    pub(crate) connection: Option<ConnectionInfo>,
    /// The route, if the server told.
    pub(crate) route: Option<RouteInfo>,
    /// When the request reached the layer.
    pub(crate) started: SystemTime,
    /// How the stream can be reached from outside.
    pub(crate) remote: Weak<dyn Remote>,
    /// What `proxy_set_property` stored, by the raw path.
    pub(crate) properties: HashMap<Vec<u8>, Vec<u8>>,
    /// A local reply that was asked for and not yet acted on.
    reply: Option<LocalReply>,
    /// Somebody replied already: the first reply wins.
    replied: bool,
    /// A reply came too late. Its callback must not hold the stream, since nothing will ever end that.
    late_reply: bool,
    /// The guest asked for the request to go on.
    resume_request: bool,
    /// The guest asked for the response to go on.
    resume_response: bool,
}

impl Exchange {
    pub(crate) fn new(request: RequestHead, remote: Weak<dyn Remote>) -> Self {
        Self {
            request,
            request_open: true,
            response: None,
            response_open: false,
            details: None,
            connection: None,
            route: None,
            started: SystemTime::now(),
            remote,
            properties: HashMap::new(),
            reply: None,
            replied: false,
            late_reply: false,
            resume_request: false,
            resume_response: false,
        }
    }

    /// The map for reading. Request headers stay readable until the end of the stream.
    pub(crate) fn map(&self, kind: MapType) -> Result<Map<'_>, Status> {
        match kind {
            MapType::RequestHeaders => Ok(Map::Request(&self.request)),
            MapType::ResponseHeaders => self
                .response
                .as_ref()
                .map(Map::Response)
                .ok_or(Status::BadArgument),
            _ => Err(Status::BadArgument),
        }
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
            _ => Err(Status::BadArgument),
        }
    }

    /// Records a local reply; `false` when somebody replied before, or the response is under way.
    pub(crate) fn reply_with(&mut self, reply: LocalReply) -> bool {
        let first =
            !self.replied && (self.request_open || self.response_open || self.response.is_none());
        if first {
            self.replied = true;
            self.reply = Some(reply);
        } else {
            self.late_reply = true;
        }
        first
    }

    /// Whether a reply came too late since the last time that this was asked.
    pub(crate) fn take_late_reply(&mut self) -> bool {
        std::mem::take(&mut self.late_reply)
    }

    /// Forgets what a callback asked for before its VM failed.
    pub(crate) fn forget_wishes(&mut self) {
        if self.reply.take().is_some() {
            self.replied = false;
        }
        self.resume_request = false;
        self.resume_response = false;
    }

    /// Puts the host's own reply in the place of whatever a guest asked for.
    pub(crate) fn overrule(&mut self, reply: LocalReply) {
        self.replied = true;
        self.reply = Some(reply);
    }

    /// The local reply that has to be acted on now.
    pub(crate) fn take_reply(&mut self) -> Option<LocalReply> {
        self.reply.take()
    }

    /// Records that a direction may go on. Nothing happens if it is not held.
    pub(crate) fn resume(&mut self, stream: StreamType) {
        match stream {
            StreamType::Request => self.resume_request = true,
            StreamType::Response => self.resume_response = true,
            StreamType::Downstream | StreamType::Upstream => {}
        }
    }

    /// Whether the direction was resumed since the last time that this was asked.
    pub(crate) fn take_resume(&mut self, stream: StreamType) -> bool {
        let flag = match stream {
            StreamType::Request => &mut self.resume_request,
            StreamType::Response => &mut self.resume_response,
            StreamType::Downstream | StreamType::Upstream => return false,
        };
        std::mem::take(flag)
    }

    /// Takes the request's head out, to be forwarded. What stays is a snapshot, or (when nobody will read it) only what
    /// decides on the shape of a later local reply.
    pub(crate) fn forward(&mut self, snapshot: bool) -> RequestHead {
        self.request_open = false;
        let kept = if snapshot {
            self.request.headers.clone()
        } else {
            let mut headers = HeaderMap::new();
            if let Some(content_type) = self.request.headers.get(CONTENT_TYPE) {
                headers.insert(CONTENT_TYPE, content_type.clone());
            }
            headers
        };
        let head = RequestHead {
            headers: kept,
            ..self.request.clone_line()
        };
        std::mem::replace(&mut self.request, head)
    }

    /// Takes the response's head out, to be delivered. What stays is a snapshot, if somebody will read it.
    pub(crate) fn deliver(&mut self, snapshot: bool) -> Option<ResponseHead> {
        self.request_open = false;
        self.response_open = false;
        let head = self.response.take()?;
        if snapshot {
            self.response = Some(head.clone());
        } else {
            self.response = Some(ResponseHead {
                status: head.status,
                version: head.version,
                headers: HeaderMap::new(),
            });
        }
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
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("request", &self.request)
            .field("response", &self.response)
            .field("replied", &self.replied)
            .finish_non_exhaustive()
    }
}

/// A stream that nobody can reach.
#[cfg(test)]
pub(crate) struct Unreachable;

#[cfg(test)]
impl Remote for Unreachable {
    fn with_exchange(&self, _: &mut dyn FnMut(&mut Exchange)) -> bool {
        false
    }

    fn wake(&self) {}
}

/// The handle of a stream that nobody can reach.
#[cfg(test)]
pub(crate) fn unreachable() -> Weak<dyn Remote> {
    Weak::<Unreachable>::new()
}
