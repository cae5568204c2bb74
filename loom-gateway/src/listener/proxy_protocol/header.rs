//! Where a header ends, and what it says.

use std::net::SocketAddr;

use ppp::{v1, v2};

use super::Ends;
use crate::limits;

/// The bytes that version 2 begins with, and those with its length.
const V2_SIGNATURE: &[u8] = v2::PROTOCOL_PREFIX;
const V2_FIXED: usize = V2_SIGNATURE.len() + 4;

/// What version 1 begins with; an address or `UNKNOWN` follows.
const V1_SIGNATURE: &[u8] = b"PROXY ";

/// The longest line of version 1, with the CRLF at its end.
const V1_LONGEST: usize = 107;

/// What is no header.
#[derive(Debug, thiserror::Error, PartialEq)]
pub(in crate::listener) enum Garbage {
    #[error("it begins with something else")]
    Signature,
    #[error("the line of version 1 does not end after {V1_LONGEST} bytes")]
    Line,
    #[error("a header of version 2 with {0} bytes is too long")]
    Length(usize),
    #[error("it is no header of version 1")]
    V1(#[from] v1::BinaryParseError),
    #[error("it is no header of version 2")]
    V2(#[from] v2::ParseError),
}

/// The length of the header that begins like this; `None` when more has to be seen.
pub(super) fn length(seen: &[u8]) -> Result<Option<usize>, Garbage> {
    if begins(seen, V2_SIGNATURE) {
        return v2_length(seen);
    }
    if !begins(seen, V1_SIGNATURE) {
        return Err(Garbage::Signature);
    }
    let line = &seen[..seen.len().min(V1_LONGEST)];
    match line.iter().position(|&byte| byte == b'\n') {
        Some(end) => Ok(Some(end + 1)),
        None if line.len() == V1_LONGEST => Err(Garbage::Line),
        None => Ok(None),
    }
}

/// Whether the signature is there, as far as one can see.
fn begins(seen: &[u8], signature: &[u8]) -> bool {
    let length = seen.len().min(signature.len());
    seen[..length] == signature[..length]
}

fn v2_length(seen: &[u8]) -> Result<Option<usize>, Garbage> {
    let Some(fixed) = seen.first_chunk::<V2_FIXED>() else {
        return Ok(None);
    };
    let length = V2_FIXED + usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if length > limits::PROXY_HEADER_BYTES {
        return Err(Garbage::Length(length));
    }
    Ok((seen.len() >= length).then_some(length))
}

/// What a whole header says. `None`: nothing about whose the connection is.
pub(super) fn ends(header: &[u8]) -> Result<Option<Ends>, Garbage> {
    if begins(header, V2_SIGNATURE) {
        return Ok(v2_ends(&v2::Header::try_from(header)?));
    }
    let header = v1::Header::try_from(header)?;
    Ok(match header.addresses {
        v1::Addresses::Tcp4(ip) => Some(Ends {
            client: SocketAddr::new(ip.source_address.into(), ip.source_port),
            local: SocketAddr::new(ip.destination_address.into(), ip.destination_port),
        }),
        v1::Addresses::Tcp6(ip) => Some(Ends {
            client: SocketAddr::new(ip.source_address.into(), ip.source_port),
            local: SocketAddr::new(ip.destination_address.into(), ip.destination_port),
        }),
        v1::Addresses::Unknown => None,
    })
}

fn v2_ends(header: &v2::Header<'_>) -> Option<Ends> {
    if header.command == v2::Command::Local {
        return None;
    }
    match header.addresses {
        v2::Addresses::IPv4(ip) => Some(Ends {
            client: SocketAddr::new(ip.source_address.into(), ip.source_port),
            local: SocketAddr::new(ip.destination_address.into(), ip.destination_port),
        }),
        v2::Addresses::IPv6(ip) => Some(Ends {
            client: SocketAddr::new(ip.source_address.into(), ip.source_port),
            local: SocketAddr::new(ip.destination_address.into(), ip.destination_port),
        }),
        v2::Addresses::Unix(_) | v2::Addresses::Unspecified => None,
    }
}

/// Reads a header as a connection does: as soon as its length is known. What comes before that says nothing else.
///
/// # Panics
///
/// When that does not hold.
#[cfg(feature = "fuzzing")]
pub(crate) fn try_proxy_header(bytes: &[u8]) {
    let Ok(Some(whole)) = length(bytes) else {
        return;
    };
    assert!(whole <= bytes.len() && whole <= limits::PROXY_HEADER_BYTES);
    for end in 0..whole {
        assert_eq!(length(&bytes[..end]), Ok(None), "after {end} bytes");
    }
    assert_eq!(length(&bytes[..whole]), Ok(Some(whole)));
    // Any answer will do.
    let _ = ends(&bytes[..whole]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).expect("short").to_be_bytes();
        [V2_SIGNATURE, &[command, family], &length, body].concat()
    }

    fn told(header: &[u8]) -> Option<(String, String)> {
        assert_eq!(length(header), Ok(Some(header.len())), "{header:?}");
        let ends = ends(header).expect("a header")?;
        Some((ends.client.to_string(), ends.local.to_string()))
    }

    fn addresses(client: &str, local: &str) -> Option<(String, String)> {
        Some((client.to_owned(), local.to_owned()))
    }

    #[test]
    fn version_1() {
        assert_eq!(
            told(b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n"),
            addresses("192.0.2.7:4711", "192.0.2.1:443")
        );
        assert_eq!(
            told(b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n"),
            addresses("[2001:db8::7]:4711", "[2001:db8::1]:443")
        );
        assert_eq!(told(b"PROXY UNKNOWN\r\n"), None);
    }

    #[test]
    fn version_2() {
        let ipv4 = [192, 0, 2, 7, 192, 0, 2, 1, 0x12, 0x67, 0x01, 0xbb];
        let wanted = addresses("192.0.2.7:4711", "192.0.2.1:443");
        assert_eq!(told(&v2(0x21, 0x11, &ipv4)), wanted);
        // What is said beside the addresses does not count.
        let more = [&ipv4[..], &[0x04, 0, 3, 1, 2, 3]].concat();
        assert_eq!(told(&v2(0x21, 0x11, &more)), wanted);
        let mut ipv6 = [0; 36];
        (ipv6[0], ipv6[15], ipv6[31], ipv6[35]) = (0xfd, 7, 1, 80);
        assert_eq!(
            told(&v2(0x21, 0x21, &ipv6)),
            addresses("[fd00::7]:0", "[::1]:80")
        );
        assert_eq!(told(&v2(0x20, 0x11, &ipv4)), None, "LOCAL");
        assert_eq!(told(&v2(0x21, 0x00, &[])), None, "no addresses");
        assert_eq!(told(&v2(0x21, 0x31, &[0; 216])), None, "Unix");
    }

    #[test]
    fn every_beginning_of_a_header_wants_more() {
        let v2 = v2(0x21, 0x11, &[0; 12]);
        for header in [b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n", &v2[..]] {
            for end in 1..header.len() {
                assert_eq!(length(&header[..end]), Ok(None), "{end}");
            }
        }
    }

    #[test]
    fn what_is_no_header() {
        for start in ["G", "PROXX", "\r\n\r\nx", "proxy ", "\u{16}\u{3}\u{1}"] {
            assert_eq!(
                length(start.as_bytes()),
                Err(Garbage::Signature),
                "{start:?}"
            );
        }
        let long = [b"PROXY UNKNOWN ", &[b'x'; 200][..]].concat();
        assert_eq!(length(&long), Err(Garbage::Line));
        let long = v2(0x21, 0x11, &[0; limits::PROXY_HEADER_BYTES]);
        assert!(matches!(length(&long[..16]), Err(Garbage::Length(_))));
        for line in [
            "PROXY \n",
            "PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\n",
            "PROXY TCP4 192.0.2.7 4711\r\n",
            "PROXY TCP4 a b 1 2\r\n",
            "PROXY TCP4 192.0.2.7 192.0.2.1 70000 443\r\n",
            "PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
            "PROXY UDP4 192.0.2.7 192.0.2.1 1 2\r\n",
            "PROXY TCP4 192.0.2.7 192.0.2.1 4711 443 5\r\n",
            "PROXY  TCP4 192.0.2.7 192.0.2.1 4711 443\r\n",
        ] {
            assert!(ends(line.as_bytes()).is_err(), "{line:?}");
        }
        for header in [
            v2(0x31, 0x11, &[0; 12]),
            v2(0x22, 0x11, &[0; 12]),
            v2(0x21, 0x41, &[0; 12]),
            v2(0x21, 0x11, &[0; 11]),
        ] {
            assert!(ends(&header).is_err(), "{header:?}");
        }
    }
}
