//! Whose bucket a request takes a token from.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};

use http::{HeaderName, Request};

use crate::router::client_address;

/// Whose bucket it is. Small, whatever the client sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// A client without an address: all of them at one Unix socket are one.
    Nobody,
    /// An IPv4 address, or a network of IPv6.
    Address(IpAddr),
    /// The value of a header, hashed twice with keys that nobody knows.
    Header(u64, u64),
}

/// What of a request the key is.
#[derive(Debug)]
pub(super) struct KeyOf(Option<(HeaderName, [RandomState; 2])>);

impl KeyOf {
    pub(super) fn address() -> Self {
        Self(None)
    }

    pub(super) fn header(name: HeaderName) -> Self {
        Self(Some((name, [RandomState::new(), RandomState::new()])))
    }

    /// The key of a request.
    pub(super) fn key<B>(&self, request: &Request<B>) -> Key {
        if let Some((name, states)) = &self.0
            && request.headers().contains_key(name)
        {
            let [first, second] = states.each_ref().map(|state| {
                let mut hasher = state.build_hasher();
                // All of them: otherwise one that is always the same could stand before one that is always another.
                for value in request.headers().get_all(name) {
                    value.as_bytes().hash(&mut hasher);
                }
                hasher.finish()
            });
            return Key::Header(first, second);
        }
        let client = client_address(request.extensions());
        client.map_or(Key::Nobody, |address| Key::Address(of_one_client(address)))
    }
}

/// One client of IPv6 has a network of 64 bits to choose addresses from (RFC 7421).
fn of_one_client(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use loom_layer::ConnectionInfo;

    use super::*;

    fn request(peer: &str, keys: &[&'static str]) -> Request<()> {
        let mut request = Request::new(());
        let local = "127.0.0.1:80".parse().expect("an address");
        let peer = peer.parse().expect("an address");
        let extensions = request.extensions_mut();
        extensions.insert(ConnectionInfo::new(peer, local));
        for key in keys {
            let value = http::HeaderValue::from_static(key);
            request.headers_mut().append("x-key", value);
        }
        request
    }

    #[test]
    fn an_address_is_a_key_and_so_is_a_network_of_ipv6() {
        let key = |peer| KeyOf::address().key(&request(peer, &["a"]));
        assert_eq!(key("192.0.2.1:1"), key("192.0.2.1:2"));
        assert_ne!(key("192.0.2.1:1"), key("192.0.2.2:1"));
        assert_eq!(key("[2001:db8::1]:1"), key("[2001:db8::ffff:1:2:3]:1"));
        assert_ne!(key("[2001:db8::1]:1"), key("[2001:db8:0:1::1]:1"));
        assert_eq!(KeyOf::address().key(&Request::new(())), Key::Nobody);
    }

    #[test]
    fn a_header_is_a_key_as_a_whole_and_the_address_without_it() {
        let of = KeyOf::header(HeaderName::from_static("x-key"));
        let key = |keys| of.key(&request("192.0.2.1:1", keys));
        assert_eq!(key(&["a"]), key(&["a"]));
        assert_ne!(key(&["a"]), key(&["b"]));
        assert_ne!(key(&["a", "b"]), key(&["a", "c"]));
        assert_ne!(key(&["ab"]), key(&["a", "b"]));
        assert_eq!(key(&[]), Key::Address([192, 0, 2, 1].into()));
    }
}
