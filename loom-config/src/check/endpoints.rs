//! The servers of an upstream.

use std::net::Ipv6Addr;

use super::{Checker, hosts};
use crate::model::{Endpoint, EndpointAddress};
use crate::raw::{EndpointEntry, OneOrMany};
use crate::schema::quoted;
use crate::tree::KeyPath;

/// The longest path of a Unix socket that every system takes (`sun_path`, less its end).
const SOCKET_PATH: usize = 103;

/// The servers; `None` when one of them is wrong.
pub(super) fn check(
    raw: &OneOrMany<EndpointEntry>,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Vec<Endpoint>> {
    let endpoints: Vec<Option<Endpoint>> = raw
        .iter()
        .map(|(index, entry)| {
            let path = path.item(index);
            match entry {
                EndpointEntry::Address(written) => {
                    let address = address(&written.0, &path, checker)?;
                    Some(Endpoint { address, weight: 1 })
                }
                EndpointEntry::Full(full) => {
                    let written = full.address.as_ref()?;
                    let address = address(&written.0, &path.key("address"), checker)?;
                    let weight = full.weight.unwrap_or(1);
                    Some(Endpoint { address, weight })
                }
            }
        })
        .collect();
    endpoints.into_iter().collect()
}

fn address(
    written: &str,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<EndpointAddress> {
    if let Some(socket) = written.strip_prefix("unix:") {
        if socket.is_empty() || socket.len() > SOCKET_PATH {
            let message = format!(
                "{} is no socket; expected `unix:` and a path of at most {SOCKET_PATH} bytes",
                quoted(written)
            );
            checker.fault(path, message);
            return None;
        }
        return Some(EndpointAddress::Unix(checker.beside(path, socket)));
    }
    match read(written) {
        Ok(address) => Some(address),
        Err(Wrong { what, meant }) => {
            let fault = checker.fault(path, format!("{} {what}", quoted(written)));
            if let Some(meant) = meant {
                fault.with_hint(format!("did you mean `{meant}`?"));
            }
            None
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Wrong {
    what: &'static str,
    meant: Option<String>,
}

fn read(written: &str) -> Result<EndpointAddress, Wrong> {
    parse(written).ok_or_else(|| wrong(written))
}

fn parse(written: &str) -> Option<EndpointAddress> {
    let (host, port) = written.rsplit_once(':')?;
    let digits = port.bytes().all(|b| b.is_ascii_digit());
    let port = port
        .parse::<u16>()
        .ok()
        .filter(|port| digits && *port > 0)?;
    let bracketed = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let is_host = bracketed.map_or_else(
        || hosts::is_name(host),
        |inside| inside.parse::<Ipv6Addr>().is_ok(),
    );
    is_host.then(|| EndpointAddress::Tcp {
        host: bracketed.unwrap_or(host).to_ascii_lowercase(),
        port,
    })
}

/// What is wrong with an endpoint that could not be read.
fn wrong(written: &str) -> Wrong {
    let (what, meant) = if let Some((scheme, rest)) = written.split_once("://") {
        let authority = rest.split('/').next().unwrap_or(rest);
        let port = if scheme == "https" { 443 } else { 80 };
        let with_port = format!("{authority}:{port}");
        let meant = if parse(authority).is_some() {
            authority.to_owned()
        } else {
            with_port
        };
        ("is a URL; an endpoint is a host and a port", Some(meant))
    } else if !written.starts_with('[') && written.matches(':').count() > 1 {
        let meant = written
            .rsplit_once(':')
            .map(|(host, port)| format!("[{host}]:{port}"));
        (
            "has several colons; an IPv6 address needs brackets, as in `[::1]:3000`",
            meant,
        )
    } else if written.is_empty() || written.ends_with(']') || !written.contains(':') {
        (
            "has no port; expected a host and a port",
            Some(format!("{written}:80")),
        )
    } else if written.starts_with(':') {
        (
            "has no host; expected a host and a port",
            Some(format!("127.0.0.1{written}")),
        )
    } else if written
        .rsplit_once(':')
        .is_some_and(|(host, _)| parse(&format!("{host}:80")).is_some())
    {
        (
            "has no usable port; expected a number from 1 to 65535 after the colon",
            None,
        )
    } else {
        (
            "is not a host and a port; expected one such as `127.0.0.1:3000`",
            None,
        )
    };
    Wrong {
        what,
        meant: meant.filter(|meant| parse(meant).is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        for (written, host, port) in [
            ("127.0.0.1:3000", "127.0.0.1", 3000),
            ("api.internal:80", "api.internal", 80),
            ("LOCALHOST:1", "localhost", 1),
            ("[::1]:3000", "::1", 3000),
            ("my_service:65535", "my_service", 65535),
        ] {
            assert_eq!(
                read(written),
                Ok(EndpointAddress::Tcp {
                    host: host.to_owned(),
                    port
                }),
                "{written}"
            );
        }
    }

    #[test]
    fn what_was_meant() {
        for (written, meant) in [
            ("127.0.0.1", Some("127.0.0.1:80")),
            ("http://127.0.0.1:3000/", Some("127.0.0.1:3000")),
            ("https://example.com/x", Some("example.com:443")),
            ("::1:3000", Some("[::1]:3000")),
            ("[::1]", Some("[::1]:80")),
            (":3000", Some("127.0.0.1:3000")),
            ("localhost:0", None),
            ("localhost:99999", None),
            ("localhost:+80", None),
            ("localhost:http", None),
            ("a b:80", None),
            ("[::x]:80", None),
            ("host:80/path", None),
            ("", None),
        ] {
            let wrong = read(written).expect_err(written);
            assert_eq!(wrong.meant.as_deref(), meant, "{written}");
        }
    }
}
