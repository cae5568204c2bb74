//! The host that a request names: where it stands, what it may look like, and how routes compare it.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use http::header::HOST;
use http::{HeaderMap, Uri};

/// The authority of a request: of its target when it has one (HTTP/2, absolute form), of `Host` otherwise.
pub(crate) fn authority<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    match uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => headers.get(HOST)?.to_str().ok(),
    }
}

/// The host of an authority as routes compare it: without its port and a final dot, in lower case.
///
/// `None` when it is not `host` or `host:port` (RFC 3986, 3.2.2), or when it is empty.
pub(crate) fn comparable(authority: &str) -> Option<Cow<'_, str>> {
    let (host, port) = split(authority)?;
    if !port.bytes().all(|byte| byte.is_ascii_digit()) || host.is_empty() {
        return None;
    }
    let host = match host.as_bytes() {
        [.., b'.'] => &host[..host.len() - 1],
        _ => host,
    };
    Some(if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    })
}

/// Splits `host:port`; an IPv6 address keeps its brackets.
fn split(authority: &str) -> Option<(&str, &str)> {
    if authority.starts_with('[') {
        let (host, rest) = authority.split_at(authority.find(']')? + 1);
        let address = host[1..host.len() - 1].parse::<Ipv6Addr>().is_ok();
        return if rest.is_empty() {
            Some((host, ""))
        } else {
            Some((host, rest.strip_prefix(':')?))
        }
        .filter(|_| address);
    }
    // Every request's authority comes by here, so that it is looked at byte by byte and only once.
    let bytes = authority.as_bytes();
    match bytes.iter().position(|&byte| !IS_HOST[usize::from(byte)]) {
        None => Some((authority, "")),
        Some(end) if bytes[end] == b':' => Some((&authority[..end], &authority[end + 1..])),
        Some(_) => None,
    }
}

/// The bytes of a `reg-name` (RFC 3986, 3.2.2).
static IS_HOST: [bool; 256] = {
    let mut is_host = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        is_host[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let others = b"-._~%!$&'()*+,;=";
    let mut at = 0;
    while at < others.len() {
        is_host[others[at] as usize] = true;
        at += 1;
    }
    is_host
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_case_and_final_dot_do_not_count() {
        for (authority, host) in [
            ("example.com", "example.com"),
            ("Example.COM:8080", "example.com"),
            ("example.com.", "example.com"),
            ("example.com:", "example.com"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("[::1]:80", "[::1]"),
            ("[2001:DB8::1]", "[2001:db8::1]"),
        ] {
            assert_eq!(comparable(authority).as_deref(), Some(host), "{authority}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for authority in [
            "",
            ":80",
            "a b",
            "user@example.com",
            "a/b",
            "example.com:80:80",
            "example.com:x",
            "[::1",
            "[::1]80",
            "[x]",
            "[a]",
            "[1.2.3.4]",
            "a?b",
        ] {
            assert_eq!(comparable(authority), None, "{authority}");
        }
    }

    #[test]
    fn the_target_comes_before_the_header() {
        let headers = HeaderMap::from_iter([(HOST, "header".parse().expect("value"))]);
        assert_eq!(
            authority(&Uri::from_static("http://target:1/"), &headers),
            Some("target:1")
        );
        assert_eq!(authority(&Uri::from_static("/"), &headers), Some("header"));
    }
}
