//! The heads of a request and a response, with HTTP/2's pseudo-headers as guests see them.
//!
//! Whatever the HTTP version, a guest reads and writes `:authority`, `:path`, `:method`, `:scheme` and `:status`
//! (RFC 9113 section 8.3), and there is no separate `host`. The parts stay as hyper made them until a guest edits one.

use http::header::HOST;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version};

use super::framing::Framing;
use super::map::insert;
use crate::abi::Status;

/// A request's head.
#[derive(Debug, Clone)]
pub(crate) struct RequestHead {
    /// `None` once a guest removed it.
    pub(crate) method: Option<Method>,
    pub(crate) uri: Uri,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    /// A scheme that the target itself does not carry (origin-form): the connection's, or what a guest set.
    pub(crate) scheme: Option<Scheme>,
    /// A guest removed `:path`.
    pub(crate) path_removed: bool,
    /// What it said of its body before a guest touched that.
    pub(crate) framing: Option<Box<Framing>>,
}

impl Default for RequestHead {
    fn default() -> Self {
        Self {
            method: Some(Method::GET),
            uri: Uri::default(),
            version: Version::HTTP_11,
            headers: HeaderMap::new(),
            scheme: Some(Scheme::HTTP),
            path_removed: false,
            framing: None,
        }
    }
}

impl RequestHead {
    /// `:path`, with the query.
    pub(crate) fn path(&self) -> Option<&str> {
        if self.path_removed {
            return None;
        }
        Some(self.uri.path_and_query().map_or("/", PathAndQuery::as_str))
    }

    /// `:scheme`.
    pub(crate) fn scheme(&self) -> Option<&str> {
        self.uri
            .scheme()
            .or(self.scheme.as_ref())
            .map(Scheme::as_str)
    }

    /// `:method`.
    pub(crate) fn method(&self) -> Option<&str> {
        self.method.as_ref().map(Method::as_str)
    }

    /// Whether the request can still be sent: as in Envoy, one without method or path cannot.
    pub(crate) fn is_complete(&self) -> bool {
        self.method.is_some() && !self.path_removed
    }

    pub(super) fn set_pseudo(&mut self, name: RequestPseudo, value: &[u8]) -> Result<(), Status> {
        match name {
            RequestPseudo::Method => {
                self.method = Some(Method::from_bytes(value).map_err(|_| Status::BadArgument)?);
            }
            RequestPseudo::Path => {
                if !matches!(value.first(), Some(b'/')) && value != b"*" {
                    return Err(Status::BadArgument);
                }
                let path = PathAndQuery::try_from(value).map_err(|_| Status::BadArgument)?;
                self.edit_uri(|parts| parts.path_and_query = Some(path))?;
                self.path_removed = false;
            }
            RequestPseudo::Authority => {
                let host = HeaderValue::from_bytes(value).map_err(|_| Status::BadArgument)?;
                // An empty `Host` is allowed (RFC 9110 section 7.2), an empty authority is not.
                let authority = (!value.is_empty() || self.uri.authority().is_some())
                    .then(|| Authority::try_from(value).map_err(|_| Status::BadArgument))
                    .transpose()?;
                if self.uri.authority().is_some() {
                    self.edit_uri(|parts| parts.authority = authority)?;
                    if !self.headers.contains_key(HOST) {
                        return Ok(());
                    }
                }
                insert(&mut self.headers, HOST, host)?;
            }
            RequestPseudo::Scheme => {
                let scheme = Scheme::try_from(value).map_err(|_| Status::BadArgument)?;
                if value.is_empty() {
                    return Err(Status::BadArgument);
                }
                if self.uri.scheme().is_some() {
                    self.edit_uri(|parts| parts.scheme = Some(scheme))?;
                } else {
                    self.scheme = Some(scheme);
                }
            }
        }
        Ok(())
    }

    pub(super) fn remove_pseudo(&mut self, name: RequestPseudo) {
        match name {
            RequestPseudo::Method => self.method = None,
            RequestPseudo::Path => self.path_removed = true,
            RequestPseudo::Authority => {
                self.headers.remove(HOST);
                // A target without an authority has no scheme either; the scheme itself stays known.
                self.scheme = self.scheme.take().or_else(|| self.uri.scheme().cloned());
                let path = self.uri.path_and_query().cloned();
                self.uri = path.map_or_else(Uri::default, Uri::from);
            }
            RequestPseudo::Scheme => self.scheme = None,
        }
    }

    fn edit_uri(&mut self, edit: impl FnOnce(&mut http::uri::Parts)) -> Result<(), Status> {
        let mut parts = self.uri.clone().into_parts();
        edit(&mut parts);
        self.uri = Uri::from_parts(parts).map_err(|_| Status::BadArgument)?;
        Ok(())
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum RequestPseudo {
    Method,
    Path,
    Authority,
    Scheme,
}

impl RequestPseudo {
    pub(super) fn from_name(name: &[u8]) -> Option<Self> {
        if name.first() == Some(&b':') {
            Some(match name {
                b":method" => Self::Method,
                b":path" => Self::Path,
                b":authority" => Self::Authority,
                b":scheme" => Self::Scheme,
                _ => return None,
            })
        } else {
            name.eq_ignore_ascii_case(b"host")
                .then_some(Self::Authority)
        }
    }
}

/// A response's head.
#[derive(Debug, Clone)]
pub(crate) struct ResponseHead {
    /// `None` once a guest removed it or set it to what is no final status.
    pub(crate) status: Option<StatusCode>,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    /// What it said of its body before a guest touched that.
    pub(crate) framing: Option<Box<Framing>>,
}

impl ResponseHead {
    pub(crate) fn new(status: StatusCode) -> Self {
        Self {
            status: Some(status),
            version: Version::HTTP_11,
            headers: HeaderMap::new(),
            framing: None,
        }
    }

    /// Whether the response can still be sent: as in Envoy, one without a valid status cannot.
    pub(crate) fn is_complete(&self) -> bool {
        self.status.is_some()
    }
}
