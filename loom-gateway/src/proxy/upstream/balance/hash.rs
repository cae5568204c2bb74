//! From a request, or an endpoint, to a place on the ring. The same in every gateway, on every machine.

use std::net::IpAddr;

use http::Request;
use http::header::COOKIE;
use loom_config::model::HashOn;

use crate::router::client_address;

/// The place of the first of these parts that the request has.
pub(super) fn of<B>(request: &Request<B>, parts: &[HashOn]) -> Option<u64> {
    parts.iter().find_map(|part| match part {
        HashOn::Header(name) => Some(hash(request.headers().get(name)?.as_bytes())),
        HashOn::Cookie(name) => Some(hash(cookie(request, name)?)),
        HashOn::Query(name) => Some(hash(parameter(request.uri().query()?, name)?.as_bytes())),
        HashOn::Ip => Some(address(client_address(request.extensions())?)),
    })
}

/// The place of one of an endpoint's points.
pub(super) fn place(label: &str, point: u32) -> u64 {
    hash(format!("{label}#{point}").as_bytes())
}

fn cookie<'a, B>(request: &'a Request<B>, name: &str) -> Option<&'a [u8]> {
    let headers = request.headers().get_all(COOKIE).iter();
    let mut cookies = headers.flat_map(|header| header.as_bytes().split(|&byte| byte == b';'));
    cookies.find_map(|cookie| {
        let value = cookie.trim_ascii().strip_prefix(name.as_bytes())?;
        value.strip_prefix(b"=")
    })
}

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.find_map(|(key, value)| (key == name).then_some(value))
}

fn address(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => hash(&address.octets()),
        IpAddr::V6(address) => hash(&address.octets()),
    }
}

/// FNV-1a, and the last step of MurmurHash3 after it, since alike values are neighbours otherwise.
fn hash(bytes: &[u8]) -> u64 {
    let mut hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use loom_layer::ConnectionInfo;

    use super::*;

    fn parts(request: &Request<()>, part: HashOn) -> Option<u64> {
        of(request, &[part])
    }

    #[test]
    fn the_parts_of_a_request() {
        let mut request = Request::builder()
            .uri("/?a=1&user=ada&user=bob")
            .header("x-user", "ada")
            .header("cookie", "a=1; user=ada")
            .body(())
            .expect("a request");
        let connection = ConnectionInfo::new(
            "[::ffff:10.0.0.1]:5".parse().expect("an address"),
            "10.0.0.2:80".parse().expect("an address"),
        );
        request.extensions_mut().insert(connection);
        let ada = Some(hash(b"ada"));
        assert_eq!(parts(&request, HashOn::Header("x-user".into())), ada);
        assert_eq!(parts(&request, HashOn::Cookie("user".into())), ada);
        assert_eq!(parts(&request, HashOn::Query("user".into())), ada);
        assert_eq!(parts(&request, HashOn::Ip), Some(hash(&[10, 0, 0, 1])));
        for absent in [
            HashOn::Header("y".into()),
            HashOn::Cookie("use".into()),
            HashOn::Query("use".into()),
        ] {
            assert_eq!(parts(&request, absent), None);
        }
        let several = [HashOn::Cookie("none".into()), HashOn::Query("user".into())];
        assert_eq!(of(&request, &several), ada);
    }

    #[test]
    fn a_place_is_the_same_everywhere() {
        // What another program, written after the same description, finds.
        assert_eq!(hash(b"ada"), 0x21a512b9376a50e9);
        assert_eq!(place("10.0.0.1:80", 7), 0xc8a19eec578d581e);
    }
}
