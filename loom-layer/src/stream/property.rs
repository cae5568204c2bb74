//! Properties: what a guest can ask about the exchange by path (Envoy's attributes, with Envoy's encodings).
//!
//! Texts are raw bytes, numbers are 8 bytes little-endian, booleans one byte, times and durations are nanoseconds.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::ops::Deref;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::Version;
use http::header::{CONTENT_LENGTH, HeaderName, REFERER, USER_AGENT};
use smallvec::SmallVec;

use super::details;
use super::exchange::Exchange;
use super::facts::Facts;
use crate::abi::MapType;
use crate::grpc;
use crate::info::{ConnectionInfo, TlsInfo, UpstreamInfo};

/// The value of a property: a part of the exchange where it stands there as it is.
#[derive(Debug)]
pub(crate) enum Value<'a> {
    Bytes(&'a [u8]),
    Number([u8; 8]),
    Flag([u8; 1]),
    Made(Vec<u8>),
    Stored(Bytes),
}

impl Deref for Value<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Number(number) => number,
            Self::Flag(flag) => flag,
            Self::Made(bytes) => bytes,
            Self::Stored(bytes) => bytes,
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Bytes(text.as_bytes())
    }
}

impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number.to_le_bytes())
    }
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Self::Flag([u8::from(flag)])
    }
}

impl From<Duration> for Value<'_> {
    fn from(duration: Duration) -> Self {
        u64::try_from(duration.as_nanos())
            .unwrap_or(u64::MAX)
            .into()
    }
}

impl From<SocketAddr> for Value<'_> {
    fn from(address: SocketAddr) -> Self {
        Self::Made(address.to_string().into_bytes())
    }
}

/// The first elements of paths that only the host answers.
const RESERVED: [&[u8]; 9] = [
    b"request",
    b"response",
    b"connection",
    b"source",
    b"destination",
    b"upstream",
    b"xds",
    b"filter_state",
    b"loom",
];

/// The value at a path, whose elements are separated by NUL. `None` is `NOT_FOUND`.
///
/// As in Envoy, what a plugin stored stands behind what the host knows: it never hides that, and is not found at all below
/// the names that belong to the host.
pub(crate) fn property<'a>(path: &[u8], exchange: &'a Exchange) -> Option<Value<'a>> {
    let path = plain(path);
    let elements: SmallVec<[&[u8]; 4]> = path.split(|&byte| byte == 0).collect();
    let known = attribute(&elements, exchange);
    if known.is_some() || RESERVED.contains(elements.first()?) {
        return known;
    }
    exchange.stored(path)
}

/// A path without the NUL with which the C++ SDK ends it; the others do not.
pub(super) fn plain(path: &[u8]) -> &[u8] {
    path.strip_suffix(&[0]).unwrap_or(path)
}

fn attribute<'a>(path: &[&[u8]], exchange: &'a Exchange) -> Option<Value<'a>> {
    let facts = &exchange.facts;
    match path {
        [b"request", b"headers", name] => header(exchange, MapType::RequestHeaders, name),
        [b"response", b"headers", name] => header(exchange, MapType::ResponseHeaders, name),
        [b"response", b"trailers", name] => header(exchange, MapType::ResponseTrailers, name),
        [b"request", name] => request(name, exchange),
        [b"response", name] => response(name, exchange),
        [b"connection", name] => connection(name, facts.connection.as_ref()?),
        [b"source", name] => peer(name, facts.connection.as_ref()?.client()),
        [b"destination", name] => peer(name, facts.connection.as_ref()?.local()),
        [b"upstream", name] => upstream(name, facts.upstream.as_ref()?),
        [b"connection_id"] => connection(b"id", facts.connection.as_ref()?),
        // Where Envoy keeps what plugins store.
        [b"filter_state", name] => exchange.stored(name.strip_prefix(b"wasm.")?),
        // Envoy has nothing like it.
        [b"loom", b"path_parameters", name] => {
            let name = std::str::from_utf8(name).ok()?;
            Some(facts.path_parameters.as_ref()?.get(name)?.into())
        }
        [b"loom", b"user", b"name"] => Some(facts.user.as_ref()?.name().into()),
        [b"loom", b"user", b"claims", name] => {
            let name = std::str::from_utf8(name).ok()?;
            Some(facts.user.as_ref()?.claim(name)?.into())
        }
        // Envoy once had these at the top, and plugins still ask for them there.
        [b"xds", name] | [name] => xds(name, facts),
        _ => None,
    }
}

fn request<'a>(name: &[u8], exchange: &'a Exchange) -> Option<Value<'a>> {
    let head = &exchange.request;
    let map = exchange.request_map();
    let header = |name: HeaderName| map.fields().known(&name);
    Some(match name {
        b"path" => head.path()?.into(),
        b"url_path" => head.path()?.split('?').next()?.into(),
        b"query" => {
            let query = head.path()?.split_once('?').map_or("", |(_, query)| query);
            query.split('#').next()?.into()
        }
        b"host" => Value::Bytes(map.authority()?),
        b"scheme" => head.scheme()?.into(),
        b"method" => head.method()?.into(),
        b"referer" => Value::Bytes(header(REFERER)?),
        b"useragent" => Value::Bytes(header(USER_AGENT)?),
        b"id" => Value::Bytes(header(HeaderName::from_static("x-request-id"))?),
        b"protocol" => protocol(head.version).into(),
        b"time" => exchange
            .facts
            .time()?
            .duration_since(UNIX_EPOCH)
            .ok()?
            .into(),
        b"duration" => exchange.facts.duration()?.into(),
        b"headers_bytes" => bytes_of(exchange, MapType::RequestHeaders).into(),
        b"size" => match header(CONTENT_LENGTH) {
            Some(length) => std::str::from_utf8(length)
                .ok()?
                .parse::<u64>()
                .ok()?
                .into(),
            None => exchange.received().into(),
        },
        b"total_size" => (exchange.received() + bytes_of(exchange, MapType::RequestHeaders)).into(),
        _ => return None,
    })
}

fn response<'a>(name: &[u8], exchange: &'a Exchange) -> Option<Value<'a>> {
    let facts = &exchange.facts;
    let status = || exchange.response.as_ref()?.status;
    Some(match name {
        b"code" => u64::from(status()?.as_u16()).into(),
        b"code_details" => exchange.details.as_deref()?.into(),
        b"flags" => facts.flags().into(),
        b"grpc_status" => grpc_status(exchange)
            .or_else(|| Some(u64::from(grpc::code(status()?))))?
            .into(),
        b"headers_bytes" => bytes_of(exchange, MapType::ResponseHeaders).into(),
        b"size" => facts.sent.into(),
        b"total_size" => {
            let heads = bytes_of(exchange, MapType::ResponseHeaders);
            let trailers = bytes_of(exchange, MapType::ResponseTrailers);
            (facts.sent + heads + trailers).into()
        }
        b"backend_latency" if exchange.details.as_deref() == Some(details::VIA_UPSTREAM) => {
            facts.latency()?.into()
        }
        _ => return None,
    })
}

/// What the trailers say, or else the headers.
fn grpc_status(exchange: &Exchange) -> Option<u64> {
    let said = |kind| exchange.map(kind).ok()?.get(b"grpc-status");
    let said = said(MapType::ResponseTrailers).or_else(|| said(MapType::ResponseHeaders))?;
    std::str::from_utf8(said).ok()?.parse().ok()
}

fn bytes_of(exchange: &Exchange, kind: MapType) -> u64 {
    exchange.map(kind).map_or(0, |map| map.size().1 as u64)
}

fn connection<'a>(name: &[u8], info: &'a ConnectionInfo) -> Option<Value<'a>> {
    let tls = info.tls();
    Some(match name {
        b"id" => info.id().into(),
        b"mtls" => tls.is_some_and(TlsInfo::is_mutual).into(),
        b"requested_server_name" => tls.map_or("", TlsInfo::requested_server_name).into(),
        _ => tls?.property(name)?.into(),
    })
}

fn peer(name: &[u8], address: SocketAddr) -> Option<Value<'static>> {
    Some(match name {
        b"address" => address.into(),
        b"port" => u64::from(address.port()).into(),
        _ => return None,
    })
}

fn upstream<'a>(name: &[u8], info: &'a UpstreamInfo) -> Option<Value<'a>> {
    Some(match name {
        b"address" => info.remote()?.into(),
        b"port" => u64::from(info.remote()?.port()).into(),
        b"local_address" => info.local()?.into(),
        b"local_port" => u64::from(info.local()?.port()).into(),
        b"request_attempt_count" => u64::from(info.attempt_count()).into(),
        b"num_endpoints" => (info.endpoint_count()? as u64).into(),
        b"cx_pool_ready_duration" => info.ready_duration()?.into(),
        _ => info.tls()?.property(name)?.into(),
    })
}

fn xds<'a>(name: &[u8], facts: &'a Facts) -> Option<Value<'a>> {
    Some(match name {
        b"route_name" => facts.route.as_ref()?.route_name().into(),
        b"cluster_name" => facts.route.as_ref()?.upstream_name()?.into(),
        // Which way a listener faces is said nowhere: that is 0 in Envoy, too.
        b"listener_direction" if facts.connection.is_some() => 0.into(),
        _ => return None,
    })
}

/// All values of a header, joined by commas.
fn header<'a>(exchange: &'a Exchange, kind: MapType, name: &[u8]) -> Option<Value<'a>> {
    let map = exchange.map(kind).ok()?;
    if name.starts_with(b":") || map.is_request() && name.eq_ignore_ascii_case(b"host") {
        return map.get(name).map(Value::Bytes);
    }
    let mut values = map.fields().get_all(name);
    let mut all = Cow::Borrowed(values.next()?);
    for value in values {
        let all = all.to_mut();
        all.push(b',');
        all.extend_from_slice(value);
    }
    Some(match all {
        Cow::Borrowed(only) => Value::Bytes(only),
        Cow::Owned(joined) => Value::Made(joined),
    })
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

#[cfg(test)]
mod tests {
    use http::{Extensions, HeaderValue, StatusCode};

    use super::super::{RequestHead, ResponseHead, unreachable};
    use super::*;
    use crate::info::{CertificateInfo, PathParameters, RouteInfo, UpstreamFailure, UserInfo};

    fn bare() -> Exchange {
        let mut head = RequestHead {
            uri: "/a/b?c=d".parse().expect("a path"),
            ..RequestHead::default()
        };
        head.headers
            .insert("host", HeaderValue::from_static("example.com"));
        head.headers.append("x-a", HeaderValue::from_static("1"));
        head.headers.append("x-a", HeaderValue::from_static("2"));
        Exchange::new(head, unreachable())
    }

    fn exchange() -> Exchange {
        let mut exchange = bare();
        let mut extensions = Extensions::new();
        let address = |text: &str| text.parse().expect("an address");
        let tls = TlsInfo::new("TLSv1.3")
            .server_name("sni.example.com")
            .local_certificate(CertificateInfo::new().subject("CN=here").dns_san("here"))
            .peer_certificate(CertificateInfo::new().uri_san("spiffe://a").sha256("ab12"));
        extensions.insert(
            ConnectionInfo::new(
                address("[::ffff:192.0.2.7]:4711"),
                address("[2001:db8::1]:8080"),
            )
            .with_id(7)
            .with_tls(tls),
        );
        extensions.insert(RouteInfo::new("api").upstream("backend"));
        extensions.insert(PathParameters::from_iter([("id", "42"), ("id", "43")]));
        extensions.insert(UserInfo::new("alice").with_claims([("role", "admin")]));
        exchange.facts = Facts::begin(&extensions);
        exchange.response = Some(ResponseHead::new(StatusCode::NOT_FOUND));
        exchange.facts.respond(&Extensions::new());
        let tls = TlsInfo::new("TLSv1.2")
            .local_certificate(CertificateInfo::new().subject("CN=gateway"))
            .peer_certificate(CertificateInfo::new().dns_san("api").sha256("cd34"));
        exchange.facts.upstream = Some(
            UpstreamInfo::new()
                .with_tls(tls)
                .address(address("192.0.2.9:3000"))
                .local_address(address("192.0.2.1:50000"))
                .attempts(2)
                .endpoints(3)
                .ready_after(Duration::from_micros(5)),
        );
        exchange
    }

    fn text(exchange: &Exchange, path: &str) -> Option<String> {
        let path = path.replace('|', "\0");
        property(path.as_bytes(), exchange)
            .map(|value| String::from_utf8_lossy(&value).into_owned())
    }

    fn number(exchange: &Exchange, path: &str) -> Option<u64> {
        let path = path.replace('|', "\0");
        let value = property(path.as_bytes(), exchange)?;
        Some(u64::from_le_bytes((*value).try_into().expect("8 bytes")))
    }

    #[test]
    fn texts() {
        let exchange = exchange();
        for (path, wanted) in [
            ("request|path", "/a/b?c=d"),
            ("request|url_path", "/a/b"),
            ("request|query", "c=d"),
            ("request|host", "example.com"),
            ("request|scheme", "http"),
            ("request|method|", "GET"),
            ("request|protocol", "HTTP/1.1"),
            ("request|headers|X-A", "1,2"),
            ("request|headers|host", "example.com"),
            ("request|headers|:method", "GET"),
            ("response|headers|:status", "404"),
            ("source|address", "192.0.2.7:4711"),
            ("destination|address", "[2001:db8::1]:8080"),
            ("connection|tls_version", "TLSv1.3"),
            ("connection|requested_server_name", "sni.example.com"),
            ("connection|subject_local_certificate", "CN=here"),
            ("connection|dns_san_local_certificate", "here"),
            ("connection|uri_san_peer_certificate", "spiffe://a"),
            ("connection|sha256_peer_certificate_digest", "ab12"),
            ("connection|mtls", "\u{1}"),
            ("upstream|address", "192.0.2.9:3000"),
            ("upstream|local_address", "192.0.2.1:50000"),
            ("upstream|tls_version", "TLSv1.2"),
            ("upstream|subject_local_certificate", "CN=gateway"),
            ("upstream|dns_san_peer_certificate", "api"),
            ("upstream|sha256_peer_certificate_digest", "cd34"),
            ("xds|route_name", "api"),
            ("route_name", "api"),
            ("xds|cluster_name", "backend"),
            ("cluster_name", "backend"),
            ("loom|path_parameters|id", "42"),
            ("loom|user|name", "alice"),
            ("loom|user|claims|role", "admin"),
        ] {
            assert_eq!(text(&exchange, path).as_deref(), Some(wanted), "{path}");
        }
    }

    #[test]
    fn numbers() {
        let exchange = exchange();
        for (path, wanted) in [
            ("response|code", 404),
            ("response|grpc_status", 12),
            ("response|size", 0),
            ("response|flags", 0),
            ("response|headers_bytes", 10),
            ("response|total_size", 10),
            ("source|port", 4711),
            ("destination|port", 8080),
            ("connection|id", 7),
            ("connection_id", 7),
            ("request|size", 0),
            ("upstream|port", 3000),
            ("upstream|local_port", 50000),
            ("upstream|request_attempt_count", 2),
            ("upstream|num_endpoints", 3),
            ("upstream|cx_pool_ready_duration", 5_000),
            ("xds|listener_direction", 0),
            ("listener_direction", 0),
        ] {
            assert_eq!(number(&exchange, path), Some(wanted), "{path}");
        }
    }

    #[test]
    fn what_is_not_there() {
        let exchange = exchange();
        for path in [
            "",
            "|",
            "request",
            "request|nothing",
            "request|path|x",
            "request|duration",
            "response|backend_latency",
            "response|trailers|x",
            "connection|subject_peer_certificate",
            "connection|id|x",
            "upstream|nothing",
            "upstream|mtls",
            "upstream|subject_peer_certificate",
            "xds|node|id",
            "node|id",
            "loom|path_parameters|other",
            "loom|user|claims|other",
            "loom|path_parameters",
            "a|b|c|d",
            "nothing",
        ] {
            assert_eq!(text(&exchange, path), None, "{path}");
        }
        let bare = bare();
        for path in [
            "connection|mtls",
            "connection_id",
            "source|address",
            "upstream|request_attempt_count",
            "xds|listener_direction",
            "route_name",
            "loom|path_parameters|id",
            "request|time",
            "response|code",
            "response|grpc_status",
        ] {
            assert_eq!(text(&bare, path), None, "{path} without anything told");
        }
    }

    #[test]
    fn without_tls_nothing_of_it_is_there() {
        let mut exchange = bare();
        let address = "192.0.2.7:4711".parse().expect("an address");
        exchange.facts.connection = Some(ConnectionInfo::new(address, address));
        assert_eq!(text(&exchange, "connection|mtls").as_deref(), Some("\0"));
        let name = text(&exchange, "connection|requested_server_name");
        assert_eq!(name.as_deref(), Some(""));
        assert_eq!(text(&exchange, "connection|tls_version"), None);
    }

    #[test]
    fn the_end_of_a_stream_has_durations() {
        let mut exchange = exchange();
        exchange.details = Some(details::VIA_UPSTREAM.into());
        exchange.facts.forward();
        exchange.facts.end(12, true);
        let duration = number(&exchange, "request|duration").expect("it is over");
        let latency = number(&exchange, "response|backend_latency").expect("it is over");
        assert!(latency <= duration && duration < 60_000_000_000);
        assert_eq!(number(&exchange, "response|size"), Some(12));
        assert_eq!(number(&exchange, "response|flags"), Some(0x4000));
        let failed = UpstreamInfo::new().failure(UpstreamFailure::Connect);
        exchange.facts.upstream = Some(failed);
        assert_eq!(number(&exchange, "response|flags"), Some(0x4020));
    }

    #[test]
    fn what_a_plugin_stored_stands_behind_what_the_host_knows() {
        let mut exchange = exchange();
        for path in [
            "a",
            "a|b",
            "a|b|c|d",
            "request|path",
            "request|own",
            "response|code",
            "loom|path_parameters|own",
            "route_name",
            "plain",
        ] {
            assert!(exchange.store(path.replace('|', "\0").as_bytes(), b"stored"));
        }
        for path in ["a", "a|b", "a|b|c|d", "plain", "filter_state|wasm.plain"] {
            assert_eq!(text(&exchange, path).as_deref(), Some("stored"), "{path}");
        }
        assert_eq!(text(&exchange, "request|path").as_deref(), Some("/a/b?c=d"));
        assert_eq!(text(&exchange, "request|own"), None);
        assert_eq!(text(&exchange, "loom|path_parameters|own"), None);
        assert_eq!(text(&exchange, "route_name").as_deref(), Some("api"));
        exchange.facts.route = None;
        assert_eq!(text(&exchange, "route_name").as_deref(), Some("stored"));
        exchange.response = None;
        assert_eq!(text(&exchange, "response|code"), None);
    }
}
