//! Headers that belong to one connection and not to the message (RFC 9110, 7.6.1).

use http::HeaderMap;
use http::header::{
    CONNECTION, CONTENT_LENGTH, Entry, HOST, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
};

use crate::router::X_REQUEST_ID;

/// Removed whether `Connection` names them or not. hyper writes those that the next connection needs.
static NAMES: [HeaderName; 8] = [
    CONNECTION,
    TRANSFER_ENCODING,
    TE,
    UPGRADE,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// The places of `Connection`, `TE` and `Upgrade` among them.
const CONNECTION_AT: usize = 0;
const TE_AT: usize = 2;
const UPGRADE_AT: usize = 3;

/// What `Connection` cannot name away: without them the message would become another one, or lose its number or its client.
static PROTECTED: [HeaderName; 6] = [
    HOST,
    CONTENT_LENGTH,
    X_REQUEST_ID,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
];

/// Removes them from a request. `te: trailers` stays, since gRPC asks for trailers with it from end to end. Returns what
/// `Upgrade` said.
pub(crate) fn remove_from_request(headers: &mut HeaderMap) -> Option<HeaderValue> {
    let removed = remove(headers, asks_for_trailers);
    if removed.te {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    removed.upgrade
}

/// Removes them from a response. Returns what `Upgrade` said.
pub(crate) fn remove_from_response(headers: &mut HeaderMap) -> Option<HeaderValue> {
    remove(headers, |_| false).upgrade
}

/// Whether `Connection` has this word in it.
pub(crate) fn names(headers: &HeaderMap, word: &str) -> bool {
    let mut all = headers.get_all(CONNECTION).iter().flat_map(tokens);
    all.any(|token| token.eq_ignore_ascii_case(word))
}

/// What was removed.
struct Removed {
    /// What was found out about `TE`.
    te: bool,
    upgrade: Option<HeaderValue>,
}

fn asks_for_trailers(headers: &HeaderMap) -> bool {
    headers
        .get_all(TE)
        .iter()
        .any(|value| tokens(value).any(|token| token.eq_ignore_ascii_case("trailers")))
}

/// Removes them. `te` is asked about the headers before, if there is a `TE`.
fn remove(headers: &mut HeaderMap, te: impl FnOnce(&HeaderMap) -> bool) -> Removed {
    // Most messages have one of them or none, so that looking at the names that are there is cheaper than asking for each.
    let mut found = [false; NAMES.len()];
    for at in headers.keys().filter_map(place) {
        found[at] = true;
    }
    let removed = Removed {
        te: found[TE_AT] && te(headers),
        upgrade: found[UPGRADE_AT]
            .then(|| headers.get(UPGRADE).cloned())
            .flatten(),
    };
    if std::mem::take(&mut found[CONNECTION_AT]) {
        for name in remove_connection(headers) {
            headers.remove(name);
        }
    }
    for (name, _) in NAMES.iter().zip(found).filter(|(_, found)| *found) {
        headers.remove(name);
    }
    removed
}

/// The place of a name in [`NAMES`]. Told by its text: comparing it with each of them costs a request a hundred instructions.
fn place(name: &HeaderName) -> Option<usize> {
    match name.as_str() {
        "connection" => Some(CONNECTION_AT),
        "transfer-encoding" => Some(1),
        "te" => Some(TE_AT),
        "upgrade" => Some(UPGRADE_AT),
        "proxy-authenticate" => Some(4),
        "proxy-authorization" => Some(5),
        "keep-alive" => Some(6),
        "proxy-connection" => Some(7),
        _ => None,
    }
}

/// Removes `Connection`, and tells what it has named beside the words that are no headers.
fn remove_connection(headers: &mut HeaderMap) -> Vec<HeaderName> {
    let mut named = Vec::new();
    if let Entry::Occupied(entry) = headers.entry(CONNECTION) {
        for value in entry.remove_entry_mult().1 {
            // Nearly all say one of the two, and nothing else.
            if !is_no_header(value.as_bytes()) {
                named.extend(nominated(&value));
            }
        }
    }
    named
}

fn is_no_header(token: &[u8]) -> bool {
    matches!(token, b"close" | b"keep-alive")
}

fn nominated(value: &HeaderValue) -> impl Iterator<Item = HeaderName> {
    tokens(value)
        .filter(|token| !is_no_header(token.as_bytes()))
        .filter_map(|token| HeaderName::from_bytes(token.as_bytes()).ok())
        .filter(|name| !PROTECTED.contains(name))
}

fn tokens(value: &HeaderValue) -> impl Iterator<Item = &str> {
    value.to_str().unwrap_or_default().split(',').map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_place() {
        let places: Vec<_> = NAMES.iter().map(place).collect();
        let all: Vec<_> = (0..NAMES.len()).map(Some).collect();
        assert_eq!(places, all);
        assert_eq!((&NAMES[CONNECTION_AT], &NAMES[TE_AT]), (&CONNECTION, &TE));
        assert_eq!(NAMES[UPGRADE_AT], UPGRADE);
        assert_eq!(place(&HOST), None);
    }

    fn after(headers: &[(&'static str, &'static str)]) -> Vec<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        remove_from_request(&mut map);
        let mut left: Vec<_> = map
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().expect("text")))
            .collect();
        left.sort();
        left
    }

    #[test]
    fn the_connections_own_headers_go() {
        let left = after(&[
            ("connection", "keep-alive"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("proxy-authorization", "Basic eA=="),
            ("te", "gzip"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("trailer", "x-checksum"),
            ("accept", "*/*"),
        ]);
        assert_eq!(left, ["accept: */*", "trailer: x-checksum"]);
    }

    #[test]
    fn nominated_headers_go_too() {
        let left = after(&[
            ("connection", "close, X-One"),
            ("connection", "x-two"),
            ("x-one", "1"),
            ("x-two", "2"),
            ("x-three", "3"),
        ]);
        assert_eq!(left, ["x-three: 3"]);
    }

    #[test]
    fn host_and_length_cannot_be_nominated() {
        let left = after(&[
            ("connection", "host, content-length, te"),
            ("host", "a"),
            ("content-length", "3"),
            ("te", "trailers, deflate"),
        ]);
        assert_eq!(left, ["content-length: 3", "host: a", "te: trailers"]);
    }

    #[test]
    fn nonsense_in_connection_is_no_panic() {
        assert_eq!(
            after(&[("connection", ",, a b, \"x\""), ("accept", "*/*")]),
            ["accept: */*"]
        );
    }
}
