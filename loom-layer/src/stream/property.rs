//! Properties: what a guest can ask about the exchange by path (Envoy's attributes, with Envoy's encodings).
//!
//! Strings are raw bytes, integers are 8 bytes little-endian, booleans one byte, times are nanoseconds since the epoch.

use std::borrow::Cow;
use std::time::UNIX_EPOCH;

use http::Version;
use http::header::{CONTENT_LENGTH, HeaderName, REFERER, USER_AGENT};

use super::exchange::Exchange;
use crate::info::{ConnectionInfo, RouteInfo};

/// What a plugin is called, for the properties that need no exchange.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PluginNames<'a> {
    pub(crate) name: &'a str,
    pub(crate) root_id: &'a str,
    pub(crate) vm_id: &'a str,
}

/// The value at a path, whose elements are separated by NUL. `None` is `NOT_FOUND`.
pub(crate) fn property<'a>(
    path: &[u8],
    names: PluginNames<'a>,
    exchange: Option<&'a Exchange>,
) -> Option<Cow<'a, [u8]>> {
    if let Some(value) = exchange.and_then(|exchange| exchange.properties.get(path)) {
        return Some(Cow::Borrowed(value));
    }
    // The C++ SDK ends a path with a NUL, the others do not.
    let path = path.strip_suffix(&[0]).unwrap_or(path);
    let mut elements = path.split(|&byte| byte == 0);
    let first = elements.next()?;
    let second = elements.next();
    let third = elements.next();
    if elements.next().is_some() {
        return None;
    }
    match (first, second, third) {
        (b"plugin_name", None, None) => text(names.name),
        (b"plugin_root_id", None, None) => text(names.root_id),
        (b"plugin_vm_id", None, None) => text(names.vm_id),
        (b"request", Some(b"headers"), Some(name)) => {
            header(&exchange?.request.headers, name, exchange?)
        }
        (b"request", Some(name), None) => request(name, exchange?),
        (b"response", Some(b"headers"), Some(name)) => {
            joined(&exchange?.response.as_ref()?.headers, name)
        }
        (b"response", Some(name), None) => response(name, exchange?),
        (b"source" | b"destination" | b"connection", Some(name), None) => {
            connection(first, name, exchange?.connection.as_ref()?)
        }
        (b"connection_id", None, None) => number(exchange?.connection.as_ref()?.id()),
        (b"xds", Some(name), None) | (name, None, None) => route(name, exchange?.route.as_ref()?),
        _ => None,
    }
}

fn request<'a>(name: &[u8], exchange: &'a Exchange) -> Option<Cow<'a, [u8]>> {
    let head = &exchange.request;
    let headers = &head.headers;
    let header = |name: HeaderName| {
        headers
            .get(name)
            .map(|value| Cow::Borrowed(value.as_bytes()))
    };
    match name {
        b"path" => text(head.path()?),
        b"url_path" => text(head.path()?.split('?').next()?),
        b"query" => text(head.path()?.split_once('?').map_or("", |(_, query)| query)),
        b"host" => head.authority().map(Cow::Borrowed),
        b"scheme" => text(head.scheme()?),
        b"method" => text(head.method()?),
        b"referer" => header(REFERER),
        b"useragent" => header(USER_AGENT),
        b"id" => header(HeaderName::from_static("x-request-id")),
        b"protocol" => text(protocol(head.version)),
        b"time" => {
            let since_epoch = exchange.started.duration_since(UNIX_EPOCH).ok()?;
            number(u64::try_from(since_epoch.as_nanos()).ok()?)
        }
        b"headers_bytes" => {
            let (_, text) = super::head::Map::Request(head).size();
            number(text as u64)
        }
        b"size" => {
            let length = headers
                .get(CONTENT_LENGTH)
                .map_or(Some(0), |value| value.to_str().ok()?.parse().ok())?;
            number(length)
        }
        _ => None,
    }
}

fn response<'a>(name: &[u8], exchange: &'a Exchange) -> Option<Cow<'a, [u8]>> {
    let head = exchange.response.as_ref()?;
    match name {
        b"code" => number(u64::from(head.status?.as_u16())),
        b"code_details" => text(exchange.details.as_deref()?),
        b"headers_bytes" => {
            let (_, text) = super::head::Map::Response(head).size();
            number(text as u64)
        }
        b"grpc_status" => {
            let status = head.headers.get("grpc-status")?.to_str().ok()?;
            number(status.parse().ok()?)
        }
        _ => None,
    }
}

fn connection(side: &[u8], name: &[u8], info: &ConnectionInfo) -> Option<Cow<'static, [u8]>> {
    let address = match side {
        b"source" => info.peer(),
        b"destination" => info.local(),
        _ => {
            return match name {
                b"id" => number(info.id()),
                b"mtls" => Some(Cow::Borrowed(&[0])),
                _ => None,
            };
        }
    };
    match name {
        b"address" => Some(Cow::Owned(address.to_string().into_bytes())),
        b"port" => number(u64::from(address.port())),
        _ => None,
    }
}

fn route<'a>(name: &[u8], info: &'a RouteInfo) -> Option<Cow<'a, [u8]>> {
    match name {
        b"route_name" => text(info.route_name()),
        b"cluster_name" => text(info.upstream_name()?),
        _ => None,
    }
}

/// A request header by name; `:authority` and its kind are not headers here, but `host` is the authority.
fn header<'a>(
    headers: &'a http::HeaderMap,
    name: &[u8],
    exchange: &'a Exchange,
) -> Option<Cow<'a, [u8]>> {
    if name.starts_with(b":") || name.eq_ignore_ascii_case(b"host") {
        return super::head::Map::Request(&exchange.request)
            .get(name)
            .map(Cow::Borrowed);
    }
    joined(headers, name)
}

/// All values of a header, joined by commas.
fn joined<'a>(headers: &'a http::HeaderMap, name: &[u8]) -> Option<Cow<'a, [u8]>> {
    let name = HeaderName::from_bytes(name).ok()?;
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.as_bytes();
    let mut all = Cow::Borrowed(first);
    for value in values {
        let all = all.to_mut();
        all.push(b',');
        all.extend_from_slice(value.as_bytes());
    }
    Some(all)
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_3 => "HTTP/3",
        _ => "HTTP/1.1",
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "every arm of the lookup ends the same way"
)]
fn text(text: &str) -> Option<Cow<'_, [u8]>> {
    Some(Cow::Borrowed(text.as_bytes()))
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "every arm of the lookup ends the same way"
)]
fn number(number: u64) -> Option<Cow<'static, [u8]>> {
    Some(Cow::Owned(number.to_le_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, StatusCode};

    use super::super::{RequestHead, ResponseHead, unreachable};
    use super::*;

    const NAMES: PluginNames<'static> = PluginNames {
        name: "n",
        root_id: "r",
        vm_id: "v",
    };

    fn exchange() -> Exchange {
        let mut head = RequestHead {
            uri: "/a/b?c=d".parse().expect("a path"),
            ..RequestHead::default()
        };
        head.headers
            .insert("host", HeaderValue::from_static("example.com"));
        head.headers.append("x-a", HeaderValue::from_static("1"));
        head.headers.append("x-a", HeaderValue::from_static("2"));
        let mut exchange = Exchange::new(head, unreachable());
        let (peer, local) = ("192.0.2.7:4711", "[2001:db8::1]:8080");
        exchange.connection = Some(ConnectionInfo::new(
            peer.parse().expect("an address"),
            local.parse().expect("an address"),
        ));
        exchange.route = Some(RouteInfo::new("api").upstream("backend"));
        exchange.response = Some(ResponseHead::new(StatusCode::NOT_FOUND));
        exchange
    }

    #[test]
    fn strings() {
        let exchange = exchange();
        for (path, wanted) in [
            ("plugin_name", "n"),
            ("plugin_root_id", "r"),
            ("plugin_vm_id\0", "v"),
            ("request\0path", "/a/b?c=d"),
            ("request\0url_path", "/a/b"),
            ("request\0query", "c=d"),
            ("request\0host", "example.com"),
            ("request\0scheme", "http"),
            ("request\0method", "GET"),
            ("request\0protocol", "HTTP/1.1"),
            ("request\0headers\0X-A", "1,2"),
            ("request\0headers\0host", "example.com"),
            ("source\0address", "192.0.2.7:4711"),
            ("destination\0address", "[2001:db8::1]:8080"),
            ("xds\0route_name", "api"),
            ("route_name", "api"),
            ("cluster_name", "backend"),
        ] {
            let value = property(path.as_bytes(), NAMES, Some(&exchange))
                .unwrap_or_else(|| panic!("{path:?}"));
            assert_eq!(String::from_utf8_lossy(&value), wanted, "{path:?}");
        }
    }

    #[test]
    fn numbers() {
        let exchange = exchange();
        for (path, wanted) in [
            ("response\0code", 404_u64),
            ("source\0port", 4711),
            ("request\0size", 0),
        ] {
            let value = property(path.as_bytes(), NAMES, Some(&exchange));
            assert_eq!(
                value.as_deref(),
                Some(&wanted.to_le_bytes()[..]),
                "{path:?}"
            );
        }
    }

    #[test]
    fn what_is_not_there() {
        let exchange = exchange();
        for path in [
            "",
            "\0",
            "request",
            "request\0nothing",
            "request\0path\0x",
            "a\0b\0c\0d",
            "nothing",
        ] {
            assert_eq!(
                property(path.as_bytes(), NAMES, Some(&exchange)),
                None,
                "{path:?}"
            );
        }
        assert_eq!(property(b"request\0path", NAMES, None), None);
        assert!(property(b"plugin_name", NAMES, None).is_some());
    }

    #[test]
    fn what_a_plugin_set_is_found_by_its_raw_path() {
        let mut exchange = exchange();
        exchange.properties.insert(b"a\0b".to_vec(), b"1".to_vec());
        assert_eq!(
            property(b"a\0b", NAMES, Some(&exchange)).as_deref(),
            Some(&b"1"[..])
        );
        assert_eq!(property(b"a", NAMES, Some(&exchange)), None);
    }
}
