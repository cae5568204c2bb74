//! The hosts of a route: exact, or everything below with `*.` at the start.

use std::net::Ipv6Addr;

use super::Checker;
use crate::model::HostMatch;
use crate::schema::quoted;
use crate::tree::KeyPath;

/// Reads a host. A wrong one is a fault.
pub(super) fn check(
    written: &str,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<HostMatch> {
    match read(written) {
        Ok(matched) => Some(matched),
        Err(Wrong { what, hint }) => {
            let fault = checker.fault(path, format!("{} {what}", quoted(written)));
            if let Some(hint) = hint {
                fault.with_hint(hint);
            }
            None
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Wrong {
    what: &'static str,
    hint: Option<String>,
}

fn read(written: &str) -> Result<HostMatch, Wrong> {
    let host = written.to_ascii_lowercase();
    parse(&host).ok_or_else(|| wrong(&host))
}

/// A host in lower case.
fn parse(host: &str) -> Option<HostMatch> {
    if let Some(domain) = host.strip_prefix("*.") {
        return is_name(domain).then(|| HostMatch::Suffix(format!(".{domain}")));
    }
    (is_name(host) || is_ipv6(host)).then(|| HostMatch::Exact(host.to_owned()))
}

/// Checks an IPv6 address in brackets.
pub(super) fn is_ipv6(host: &str) -> bool {
    let inside = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    inside.is_some_and(|inside| inside.parse::<Ipv6Addr>().is_ok())
}

/// Checks a name as it stands in a `Host` header: labels and dots.
pub(super) fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

/// What is wrong with a host that could not be read.
fn wrong(host: &str) -> Wrong {
    let meant = |text: &str| parse(text).map(|_| format!("did you mean `{text}`?"));
    let up_to_slash = |text: &str| meant(text.split('/').next().unwrap_or(text));
    let (what, hint) = if host == "*" {
        let hint = "for every host, leave out `host`".to_owned();
        (
            "is not a host; a `*` needs a domain, as in `*.example.com`",
            Some(hint),
        )
    } else if let Some((_, rest)) = host.split_once("://") {
        (
            "is a URL; a host stands without scheme and path",
            up_to_slash(rest),
        )
    } else if host.contains('/') {
        (
            "has a path in it; that belongs into `path`",
            up_to_slash(host),
        )
    } else if let Some(bare) = without_port(host) {
        ("has a port in it; routes match the host alone", meant(bare))
    } else if host.strip_prefix("*.").unwrap_or(host).contains('*') {
        (
            "has a `*` that does not stand for whole labels at the start; expected `*.` and a domain",
            None,
        )
    } else if let Some(bare) = host.strip_suffix('.') {
        ("ends in a dot; hosts are matched without it", meant(bare))
    } else if !host.is_ascii() {
        let hint = "write it as it stands in DNS: xn--...".to_owned();
        (
            "has characters that a `Host` header cannot have",
            Some(hint),
        )
    } else {
        (
            "is not a host; expected a name such as `api.example.com`",
            None,
        )
    };
    Wrong { what, hint }
}

fn without_port(host: &str) -> Option<&str> {
    let (bare, port) = host.rsplit_once(':')?;
    (port.parse::<u16>().is_ok() && parse(bare).is_some()).then_some(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_and_below() {
        for (written, matched) in [
            (
                "api.example.com",
                HostMatch::Exact("api.example.com".into()),
            ),
            (
                "API.Example.com",
                HostMatch::Exact("api.example.com".into()),
            ),
            ("localhost", HostMatch::Exact("localhost".into())),
            ("127.0.0.1", HostMatch::Exact("127.0.0.1".into())),
            ("[::1]", HostMatch::Exact("[::1]".into())),
            ("*.Example.com", HostMatch::Suffix(".example.com".into())),
        ] {
            assert_eq!(read(written), Ok(matched), "{written}");
        }
    }

    #[test]
    fn not_hosts() {
        for written in [
            "",
            "*",
            "*.",
            "*.*.com",
            "a.*.com",
            "a b",
            "a..b",
            "example.com:80",
            "https://example.com",
            "example.com/x",
            "a.",
            "[::1",
            "::1",
            "bücher.de",
            "*example.com",
        ] {
            assert!(read(written).is_err(), "{written}");
        }
    }
}
