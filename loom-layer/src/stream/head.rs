//! The heads of a request and a response, with HTTP/2's pseudo-headers as guests see them.
//!
//! Whatever the HTTP version, a guest reads and writes `:authority`, `:path`, `:method`, `:scheme` and `:status`
//! (RFC 9113 section 8.3), and there is no separate `host`. The parts stay as hyper made them until a guest edits one.

use http::header::{HOST, HeaderName};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version};

use crate::abi::Status;
use crate::limits;

/// Bytes from which on an entry counts for the size of a map.
const COUNTED_FROM: usize = 1 << 10;

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
        }
    }
}

impl RequestHead {
    /// `:authority`: the target's, or else the `Host` header's.
    pub(crate) fn authority(&self) -> Option<&[u8]> {
        match self.uri.authority() {
            Some(authority) => Some(authority.as_str().as_bytes()),
            None => self.headers.get(HOST).map(HeaderValue::as_bytes),
        }
    }

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

    fn set_pseudo(&mut self, name: RequestPseudo, value: &[u8]) -> Result<(), Status> {
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

    fn remove_pseudo(&mut self, name: RequestPseudo) {
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
enum RequestPseudo {
    Method,
    Path,
    Authority,
    Scheme,
}

impl RequestPseudo {
    fn from_name(name: &[u8]) -> Option<Self> {
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
}

impl ResponseHead {
    pub(crate) fn new(status: StatusCode) -> Self {
        Self {
            status: Some(status),
            version: Version::HTTP_11,
            headers: HeaderMap::new(),
        }
    }

    /// Whether the response can still be sent: as in Envoy, one without a valid status cannot.
    pub(crate) fn is_complete(&self) -> bool {
        self.status.is_some()
    }
}

/// A header map as a guest reads it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Map<'a> {
    Request(&'a RequestHead),
    Response(&'a ResponseHead),
    Trailers(&'a HeaderMap),
}

impl<'a> Map<'a> {
    pub(crate) fn headers(self) -> &'a HeaderMap {
        match self {
            Self::Request(head) => &head.headers,
            Self::Response(head) => &head.headers,
            Self::Trailers(trailers) => trailers,
        }
    }

    /// All entries, pseudo-headers first, in Envoy's order.
    pub(crate) fn pairs(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let pseudo: [Option<(&[u8], &[u8])>; 4] = match self {
            Self::Request(head) => [
                head.authority().map(|value| (&b":authority"[..], value)),
                head.path().map(|value| (&b":path"[..], value.as_bytes())),
                head.method()
                    .map(|value| (&b":method"[..], value.as_bytes())),
                head.scheme()
                    .map(|value| (&b":scheme"[..], value.as_bytes())),
            ],
            Self::Response(head) => [
                head.status
                    .as_ref()
                    .map(|status| (&b":status"[..], status.as_str().as_bytes())),
                None,
                None,
                None,
            ],
            Self::Trailers(_) => [None; 4],
        };
        let hide_host = matches!(self, Self::Request(_));
        let headers = self
            .headers()
            .iter()
            .filter(move |(name, _)| !(hide_host && **name == HOST))
            .map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
        pseudo.into_iter().flatten().chain(headers)
    }

    /// The number of entries, and the bytes of their keys and values.
    pub(crate) fn size(self) -> (usize, usize) {
        self.pairs().fold((0, 0), |(count, text), (key, value)| {
            (count + 1, text + key.len() + value.len())
        })
    }

    /// The first entry whose value is not UTF-8.
    pub(crate) fn first_unreadable(self) -> Option<&'a str> {
        let mut pairs = self.pairs();
        let (name, _) = pairs.find(|(_, value)| std::str::from_utf8(value).is_err())?;
        std::str::from_utf8(name).ok()
    }

    /// How many entries there are.
    pub(crate) fn count(self) -> usize {
        let headers = self.headers();
        match self {
            Self::Request(head) => {
                let host = headers.get_all(HOST).iter().count();
                let pseudo = usize::from(head.method.is_some())
                    + usize::from(!head.path_removed)
                    + usize::from(head.scheme().is_some())
                    + usize::from(head.authority().is_some());
                headers.len() - host + pseudo
            }
            Self::Response(head) => headers.len() + usize::from(head.status.is_some()),
            Self::Trailers(trailers) => trailers.len(),
        }
    }

    /// The first value of a name, whatever its case.
    pub(crate) fn get(self, name: &[u8]) -> Option<&'a [u8]> {
        match self {
            Self::Request(head) => {
                if let Some(pseudo) = RequestPseudo::from_name(name) {
                    return match pseudo {
                        RequestPseudo::Method => head.method().map(str::as_bytes),
                        RequestPseudo::Path => head.path().map(str::as_bytes),
                        RequestPseudo::Authority => head.authority(),
                        RequestPseudo::Scheme => head.scheme().map(str::as_bytes),
                    };
                }
            }
            Self::Response(head) => {
                if name == b":status" {
                    return head
                        .status
                        .as_ref()
                        .map(|status| status.as_str().as_bytes());
                }
            }
            Self::Trailers(_) => {}
        }
        let name = HeaderName::from_bytes(name).ok()?;
        self.headers().get(name).map(HeaderValue::as_bytes)
    }
}

/// A header map as a guest writes it.
///
/// Names are lower-cased. A name that is no token and a value with CR, LF, NUL or another control character (RFC 9110
/// section 5.5) are refused with `BAD_ARGUMENT`: they would smuggle a header.
#[derive(Debug)]
pub(crate) enum MapMut<'a> {
    Request(&'a mut RequestHead),
    Response(&'a mut ResponseHead),
    Trailers(&'a mut HeaderMap),
}

impl MapMut<'_> {
    fn headers(&mut self) -> &mut HeaderMap {
        match self {
            Self::Request(head) => &mut head.headers,
            Self::Response(head) => &mut head.headers,
            Self::Trailers(trailers) => trailers,
        }
    }

    /// Appends an entry; a pseudo-header is set, since it can be there only once.
    pub(crate) fn add(&mut self, name: &[u8], value: &[u8]) -> Result<(), Status> {
        if self.set_pseudo(name, value)? {
            return Ok(());
        }
        let (name, value) = header(name, value)?;
        let headers = self.headers();
        must_fit(headers, &name, &value)?;
        headers
            .try_append(name, value)
            .map(|_| ())
            .map_err(|_| Status::BadArgument)
    }

    /// Leaves exactly one entry of this name.
    pub(crate) fn replace(&mut self, name: &[u8], value: &[u8]) -> Result<(), Status> {
        if self.set_pseudo(name, value)? {
            return Ok(());
        }
        let (name, value) = header(name, value)?;
        insert(self.headers(), name, value)
    }

    /// Removes all entries of this name.
    pub(crate) fn remove(&mut self, name: &[u8]) {
        match self {
            Self::Request(head) => {
                if let Some(pseudo) = RequestPseudo::from_name(name) {
                    head.remove_pseudo(pseudo);
                    return;
                }
            }
            Self::Response(head) => {
                if name == b":status" {
                    head.status = None;
                    return;
                }
            }
            Self::Trailers(_) => {}
        }
        if let Ok(name) = HeaderName::from_bytes(name) {
            self.headers().remove(name);
        }
    }

    /// Puts these entries in the place of all that is there. Pseudo-headers that are not among them are gone too.
    /// Returns how many entries were refused.
    pub(crate) fn replace_all(&mut self, pairs: &[(&[u8], &[u8])]) -> usize {
        self.headers().clear();
        match self {
            Self::Request(head) => {
                for name in [
                    RequestPseudo::Method,
                    RequestPseudo::Path,
                    RequestPseudo::Authority,
                    RequestPseudo::Scheme,
                ] {
                    head.remove_pseudo(name);
                }
            }
            Self::Response(head) => head.status = None,
            Self::Trailers(_) => {}
        }
        pairs
            .iter()
            .filter(|(name, value)| self.add(name, value).is_err())
            .count()
    }

    /// Sets a pseudo-header; `false` when the name is an ordinary one.
    fn set_pseudo(&mut self, name: &[u8], value: &[u8]) -> Result<bool, Status> {
        match self {
            Self::Request(head) => match RequestPseudo::from_name(name) {
                Some(pseudo) => head.set_pseudo(pseudo, value).map(|()| true),
                None => Ok(false),
            },
            Self::Response(head) if name == b":status" => {
                // What is no final status is kept as none, and the response then fails as in Envoy.
                head.status = StatusCode::from_bytes(value)
                    .ok()
                    .filter(|status| status.as_u16() >= 200);
                Ok(true)
            }
            Self::Response(_) | Self::Trailers(_) => Ok(false),
        }
    }
}

/// Leaves exactly one entry of a name.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) -> Result<(), Status> {
    // A large value is counted together with the one that it replaces.
    if value.len() > COUNTED_FROM || !headers.contains_key(&name) {
        must_fit(headers, &name, &value)?;
    }
    headers
        .try_insert(name, value)
        .map(|_| ())
        .map_err(|_| Status::BadArgument)
}

/// Refuses an entry that makes a map too large. Bytes are summed up only for an entry that is not small itself, so that the
/// usual one costs nothing; all small ones together are bounded by their number.
fn must_fit(headers: &HeaderMap, name: &HeaderName, value: &HeaderValue) -> Result<(), Status> {
    let bytes = |name: &HeaderName, value: &HeaderValue| name.as_str().len() + value.len();
    let new = bytes(name, value);
    let fits = headers.len() < limits::PAIRS_COUNT
        && (new <= COUNTED_FROM
            || headers
                .iter()
                .map(|(name, value)| bytes(name, value))
                .sum::<usize>()
                + new
                <= limits::PAIRS_BYTES);
    if fits {
        Ok(())
    } else {
        Err(Status::BadArgument)
    }
}

fn header(name: &[u8], value: &[u8]) -> Result<(HeaderName, HeaderValue), Status> {
    Ok((
        HeaderName::from_bytes(name).map_err(|_| Status::BadArgument)?,
        HeaderValue::from_bytes(value).map_err(|_| Status::BadArgument)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str) -> RequestHead {
        RequestHead {
            uri: uri.parse().expect("a URI"),
            ..RequestHead::default()
        }
    }

    fn texts(map: Map<'_>) -> Vec<String> {
        map.pairs()
            .map(|(key, value)| {
                format!(
                    "{}={}",
                    String::from_utf8_lossy(key),
                    String::from_utf8_lossy(value)
                )
            })
            .collect()
    }

    #[test]
    fn http1_and_http2_look_the_same() {
        let mut one = request("/a?b");
        one.headers
            .insert(HOST, HeaderValue::from_static("example.com"));
        let two = request("http://example.com/a?b");
        let wanted = [
            ":authority=example.com",
            ":path=/a?b",
            ":method=GET",
            ":scheme=http",
        ];
        assert_eq!(texts(Map::Request(&one)), wanted);
        assert_eq!(texts(Map::Request(&two)), wanted);
        assert_eq!(Map::Request(&one).count(), 4);
        assert_eq!(Map::Request(&one).get(b"Host"), Some(&b"example.com"[..]));
    }

    #[test]
    fn edits_of_pseudo_headers_reach_the_target() {
        for mut head in [request("/a?b"), request("http://example.com/a?b")] {
            let mut map = MapMut::Request(&mut head);
            map.replace(b":path", b"/new?q=1").expect("a path");
            map.replace(b":method", b"PUT").expect("a method");
            map.replace(b":scheme", b"https").expect("a scheme");
            map.add(b"host", b"other:8080").expect("a host");
            assert_eq!(
                texts(Map::Request(&head)),
                [
                    ":authority=other:8080",
                    ":path=/new?q=1",
                    ":method=PUT",
                    ":scheme=https"
                ]
            );
        }
    }

    #[test]
    fn removal_makes_a_request_incomplete() {
        let mut head = request("http://example.com/a");
        MapMut::Request(&mut head).remove(b":authority");
        assert!(head.is_complete());
        assert_eq!(
            texts(Map::Request(&head)),
            [":path=/a", ":method=GET", ":scheme=http"]
        );
        MapMut::Request(&mut head).remove(b":path");
        assert!(!head.is_complete());
        assert_eq!(Map::Request(&head).count(), 2);
    }

    #[test]
    fn what_would_smuggle_is_refused() {
        let mut head = request("/");
        let mut map = MapMut::Request(&mut head);
        for (name, value) in [
            (&b"x"[..], &b"a\r\nb: c"[..]),
            (b"x", b"a\nb"),
            (b"x", b"a\0"),
            (b"x y", b"a"),
            (b"", b"a"),
            (b":unknown", b"a"),
            (b":path", b"no-slash"),
            (b":path", b"/a b"),
            (b":path", b"http://a/"),
            (b":path", b""),
            (b":method", b"G T"),
            (b":method", b"(GET)"),
            (b":method", b""),
            (b":scheme", b""),
            (b":scheme", b"ht tp"),
            (b":scheme", b"http\n"),
            (b":authority", b"a\r\n"),
            (b":authority", b"a b"),
            (b":authority", b"a/b"),
            (b"host", b"a b"),
        ] {
            assert_eq!(
                map.add(name, value),
                Err(Status::BadArgument),
                "{name:?} {value:?}"
            );
            assert_eq!(
                map.replace(name, value),
                Err(Status::BadArgument),
                "{name:?} {value:?}"
            );
        }
        assert!(head.headers.is_empty());
    }

    #[test]
    fn several_values_and_bytes() {
        let mut head = ResponseHead::new(StatusCode::OK);
        let mut map = MapMut::Response(&mut head);
        map.add(b"X-A", b"1").expect("added");
        map.add(b"x-a", b"\xff\x80").expect("bytes are fine");
        assert_eq!(Map::Response(&head).get(b"X-a"), Some(&b"1"[..]));
        assert_eq!(Map::Response(&head).size(), (3, 7 + 3 + 3 + 1 + 3 + 2));
        MapMut::Response(&mut head)
            .replace(b"x-a", b"3")
            .expect("replaced");
        assert_eq!(texts(Map::Response(&head)), [":status=200", "x-a=3"]);
    }

    #[test]
    fn a_status_that_is_none_is_noticed() {
        for bad in [&b"0"[..], b"99", b"100", b"1000", b"abc", b""] {
            let mut head = ResponseHead::new(StatusCode::OK);
            MapMut::Response(&mut head)
                .replace(b":status", bad)
                .expect("accepted");
            assert!(!head.is_complete(), "{bad:?}");
        }
        let mut head = ResponseHead::new(StatusCode::OK);
        MapMut::Response(&mut head)
            .replace(b":status", b"404")
            .expect("accepted");
        assert_eq!(head.status, Some(StatusCode::NOT_FOUND));
    }

    #[test]
    fn replacing_everything_needs_the_pseudo_headers_again() {
        let mut head = request("http://example.com/a");
        let refused = MapMut::Request(&mut head).replace_all(&[
            (b":method", b"POST"),
            (b":path", b"/b"),
            (b":authority", b"b.example"),
            (b"x", b"1"),
            (b"y", b"\r\n"),
        ]);
        assert_eq!(refused, 1);
        assert_eq!(
            texts(Map::Request(&head)),
            [":authority=b.example", ":path=/b", ":method=POST", "x=1"]
        );
        assert_eq!(MapMut::Request(&mut head).replace_all(&[]), 0);
        assert!(!head.is_complete());
    }
}
