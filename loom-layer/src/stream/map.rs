//! Header maps as guests read and write them: the entries of a head with its pseudo-headers, or trailers.

use http::header::{HOST, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::fields::{Fields, Kept};
use super::framing::Framing;
use super::head::{RequestHead, RequestPseudo, ResponseHead};
use super::names;
use crate::abi::Status;
use crate::limits;

/// Bytes from which on an entry counts for the size of a map.
const COUNTED_FROM: usize = 1 << 10;

/// A header map as a guest reads it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Map<'a> {
    line: Line<'a>,
    fields: Fields<'a>,
}

/// Where the pseudo-headers are.
#[derive(Debug, Clone, Copy)]
enum Line<'a> {
    Request(&'a RequestHead),
    Response(&'a ResponseHead),
    Trailers,
}

impl<'a> Map<'a> {
    pub(crate) const fn request(head: &'a RequestHead) -> Self {
        Self {
            line: Line::Request(head),
            fields: Fields::Map(&head.headers),
        }
    }

    pub(crate) const fn response(head: &'a ResponseHead) -> Self {
        Self {
            line: Line::Response(head),
            fields: Fields::Map(&head.headers),
        }
    }

    pub(crate) const fn trailers(trailers: &'a HeaderMap) -> Self {
        Self {
            line: Line::Trailers,
            fields: Fields::Map(trailers),
        }
    }

    /// The same line with the fields that were kept of it, if there are any.
    pub(super) fn or_kept(mut self, kept: Option<&'a Kept>) -> Self {
        if let Some(kept) = kept {
            self.fields = Fields::Kept(kept);
        }
        self
    }

    /// Whether it is a request's, in which `host` has another name.
    pub(super) const fn is_request(self) -> bool {
        matches!(self.line, Line::Request(_))
    }

    pub(super) const fn fields(self) -> Fields<'a> {
        self.fields
    }

    /// `:authority`: the target's, or else the `Host` field's.
    pub(super) fn authority(self) -> Option<&'a [u8]> {
        let Line::Request(head) = self.line else {
            return None;
        };
        match head.uri.authority() {
            Some(authority) => Some(authority.as_str().as_bytes()),
            None => self.fields.known(&HOST),
        }
    }

    /// All entries, pseudo-headers first, in Envoy's order.
    pub(crate) fn pairs(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let pseudo: [Option<(&[u8], &[u8])>; 4] = match self.line {
            Line::Request(head) => [
                self.authority().map(|value| (&b":authority"[..], value)),
                head.path().map(|value| (&b":path"[..], value.as_bytes())),
                head.method()
                    .map(|value| (&b":method"[..], value.as_bytes())),
                head.scheme()
                    .map(|value| (&b":scheme"[..], value.as_bytes())),
            ],
            Line::Response(head) => [
                head.status
                    .as_ref()
                    .map(|status| (&b":status"[..], status.as_str().as_bytes())),
                None,
                None,
                None,
            ],
            Line::Trailers => [None; 4],
        };
        let hide_host = self.is_request();
        let fields = self
            .fields
            .iter()
            .filter(move |(name, _)| !(hide_host && *name == HOST.as_str().as_bytes()));
        pseudo.into_iter().flatten().chain(fields)
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
        match self.line {
            Line::Request(head) => {
                let hosts = self.fields.count(&HOST);
                let pseudo = usize::from(head.method.is_some())
                    + usize::from(!head.path_removed)
                    + usize::from(head.scheme().is_some())
                    + usize::from(hosts > 0 || head.uri.authority().is_some());
                self.fields.len() - hosts + pseudo
            }
            Line::Response(head) => self.fields.len() + usize::from(head.status.is_some()),
            Line::Trailers => self.fields.len(),
        }
    }

    /// The first value of a name, whatever its case.
    pub(crate) fn get(self, name: &[u8]) -> Option<&'a [u8]> {
        match self.line {
            Line::Request(head) => {
                if let Some(pseudo) = RequestPseudo::from_name(name) {
                    return match pseudo {
                        RequestPseudo::Method => head.method().map(str::as_bytes),
                        RequestPseudo::Path => head.path().map(str::as_bytes),
                        RequestPseudo::Authority => self.authority(),
                        RequestPseudo::Scheme => head.scheme().map(str::as_bytes),
                    };
                }
            }
            Line::Response(head) => {
                if name == b":status" {
                    return head
                        .status
                        .as_ref()
                        .map(|status| status.as_str().as_bytes());
                }
            }
            Line::Trailers => {}
        }
        self.fields.get(name)
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

    /// Keeps what the head says of its body, before that is changed.
    fn keep_framing(&mut self) {
        let (headers, framing) = match self {
            Self::Request(head) => (&head.headers, &mut head.framing),
            Self::Response(head) => (&head.headers, &mut head.framing),
            Self::Trailers(_) => return,
        };
        framing.get_or_insert_with(|| Box::new(Framing::of(headers)));
    }

    /// The map, for a change of the entries of this name.
    fn headers_to_change(&mut self, name: &HeaderName) -> &mut HeaderMap {
        if Framing::has(name) {
            self.keep_framing();
        }
        self.headers()
    }

    /// Appends an entry; a pseudo-header is set, since it can be there only once.
    pub(crate) fn add(&mut self, name: &[u8], value: &[u8]) -> Result<(), Status> {
        if self.set_pseudo(name, value)? {
            return Ok(());
        }
        let (name, value) = header(name, value)?;
        let headers = self.headers_to_change(&name);
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
        insert(self.headers_to_change(&name), name, value)
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
        if let Some(name) = names::parse(name) {
            self.headers_to_change(&name).remove(name);
        }
    }

    /// Puts these entries in the place of all that is there. Pseudo-headers that are not among them are gone too.
    /// Returns how many entries were refused.
    pub(crate) fn replace_all(&mut self, pairs: &[(&[u8], &[u8])]) -> usize {
        self.keep_framing();
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
pub(super) fn insert(
    headers: &mut HeaderMap,
    name: HeaderName,
    value: HeaderValue,
) -> Result<(), Status> {
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
        names::parse(name).ok_or(Status::BadArgument)?,
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
        assert_eq!(texts(Map::request(&one)), wanted);
        assert_eq!(texts(Map::request(&two)), wanted);
        assert_eq!(Map::request(&one).count(), 4);
        assert_eq!(Map::request(&one).get(b"Host"), Some(&b"example.com"[..]));
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
                texts(Map::request(&head)),
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
            texts(Map::request(&head)),
            [":path=/a", ":method=GET", ":scheme=http"]
        );
        MapMut::Request(&mut head).remove(b":path");
        assert!(!head.is_complete());
        assert_eq!(Map::request(&head).count(), 2);
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
        assert_eq!(Map::response(&head).get(b"X-a"), Some(&b"1"[..]));
        assert_eq!(Map::response(&head).size(), (3, 7 + 3 + 3 + 1 + 3 + 2));
        MapMut::Response(&mut head)
            .replace(b"x-a", b"3")
            .expect("replaced");
        assert_eq!(texts(Map::response(&head)), [":status=200", "x-a=3"]);
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
            texts(Map::request(&head)),
            [":authority=b.example", ":path=/b", ":method=POST", "x=1"]
        );
        assert_eq!(MapMut::Request(&mut head).replace_all(&[]), 0);
        assert!(!head.is_complete());
    }
}
