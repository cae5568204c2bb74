//! `x-forwarded-for` and `x-forwarded-proto`, as a proxy has written them.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

use crate::router::client::{X_FORWARDED_FOR, X_FORWARDED_PROTO};

/// The client that a trusted peer speaks for. See [`client_address`](super::client_address).
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut client = peer;
    for entry in from_the_end(headers) {
        let Some(address) = entry.and_then(address) else {
            break;
        };
        client = address;
        if !is_trusted(address, trusted) {
            break;
        }
    }
    client
}

pub(super) fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}

/// Whether the client spoke TLS to the proxy; `None` when the proxy does not say so in one word that is known.
pub(super) fn https(headers: &HeaderMap) -> Option<bool> {
    let mut values = headers.get_all(X_FORWARDED_PROTO).iter();
    let (only, None) = (values.next()?, values.next()) else {
        return None;
    };
    match only.as_bytes() {
        b"https" | b"wss" => Some(true),
        b"http" | b"ws" => Some(false),
        _ => None,
    }
}

/// The entries of all fields, the last one first. `None` is one that is not even text.
fn from_the_end(headers: &HeaderMap) -> impl Iterator<Item = Option<&str>> {
    let fields = headers.get_all(X_FORWARDED_FOR).iter().rev();
    let entries = fields.flat_map(|field| field.as_bytes().rsplit(|&byte| byte == b','));
    entries.map(|entry| std::str::from_utf8(entry).ok())
}

/// An address, which some proxies write with a port.
fn address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let bare = || {
        let inside = entry.strip_prefix('[')?.strip_suffix(']')?;
        inside.parse().ok().map(IpAddr::V6)
    };
    let with_port = || entry.parse().ok().map(|address: SocketAddr| address.ip());
    let address = entry.parse().ok().or_else(with_port).or_else(bare);
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(fields: &[&str]) -> HeaderMap {
        let fields = fields.iter().map(|value| {
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("a value");
            (X_FORWARDED_FOR, value)
        });
        fields.collect()
    }

    fn client_of(fields: &[&str]) -> String {
        let config = loom_config::Loader::new([]).parse(
            "loom.yaml",
            "listeners: [{address: '[::]:80', trusted_proxies: [10.0.0.0/8, 'fd00::/8']}]",
        );
        let trusted = &config.expect("valid").listeners[0].trusted_proxies;
        let peer = "10.0.0.9".parse().expect("an address");
        client(peer, &headers(fields), trusted).to_string()
    }

    #[test]
    fn the_last_address_that_no_trusted_proxy_has() {
        assert_eq!(client_of(&["192.0.2.7"]), "192.0.2.7");
        assert_eq!(client_of(&["1.1.1.1, 192.0.2.7, 10.0.0.1"]), "192.0.2.7");
        assert_eq!(
            client_of(&["1.1.1.1", "192.0.2.7", "10.0.0.1"]),
            "192.0.2.7"
        );
        assert_eq!(client_of(&["192.0.2.7,fd00::1"]), "192.0.2.7");
    }

    #[test]
    fn trusted_proxies_to_the_beginning() {
        assert_eq!(client_of(&[]), "10.0.0.9");
        assert_eq!(client_of(&["10.0.0.2, 10.0.0.1"]), "10.0.0.2");
    }

    #[test]
    fn what_is_no_address_ends_the_search() {
        for garbage in [
            "unknown",
            "",
            "1.1.1.1 2.2.2.2",
            "_hidden",
            "1.1.1",
            "\u{e4}",
        ] {
            assert_eq!(client_of(&[garbage]), "10.0.0.9", "{garbage:?}");
            let behind = format!("{garbage}, 10.0.0.3");
            assert_eq!(client_of(&["1.1.1.1", &behind]), "10.0.0.3", "{garbage:?}");
            assert_eq!(client_of(&[&format!("{garbage}, 2.2.2.2")]), "2.2.2.2");
        }
    }

    #[test]
    fn some_proxies_write_ports() {
        assert_eq!(client_of(&["192.0.2.7:4711"]), "192.0.2.7");
        assert_eq!(client_of(&["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(client_of(&["[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(client_of(&["::ffff:192.0.2.7"]), "192.0.2.7");
    }

    #[test]
    fn one_word_says_what_the_client_spoke() {
        let said = |values: &[&'static str]| {
            let fields = values.iter().copied().map(HeaderValue::from_static);
            https(&fields.map(|value| (X_FORWARDED_PROTO, value)).collect())
        };
        assert_eq!(said(&["https"]), Some(true));
        assert_eq!(said(&["ws"]), Some(false));
        for unclear in [&[][..], &["https", "http"], &["gopher"], &["https,http"]] {
            assert_eq!(said(unclear), None, "{unclear:?}");
        }
    }
}
