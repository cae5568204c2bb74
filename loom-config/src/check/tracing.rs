//! `tracing`

use http::Uri;
use http::uri::Scheme;

use super::Checker;
use crate::limits;
use crate::model::Tracing;
use crate::raw;
use crate::schema::quoted;
use crate::tree::KeyPath;

pub(super) fn check(raw: Option<&raw::Tracing>, checker: &mut Checker<'_>) -> Option<Tracing> {
    let raw = raw?;
    let section = KeyPath::ROOT.key("tracing");
    let endpoint = endpoint(
        raw.otlp_endpoint.as_deref()?,
        &section.key("otlp_endpoint"),
        checker,
    );
    let name = raw.service_name.as_deref().unwrap_or(limits::SERVICE_NAME);
    if name.is_empty() || name.len() > limits::NAME_BYTES {
        let message = format!("a name has 1 to {} bytes", limits::NAME_BYTES);
        checker.fault(&section.key("service_name"), message);
    }
    Some(Tracing {
        otlp_endpoint: endpoint?,
        sample: raw.sample.map_or(1.0, |fraction| fraction.0),
        service_name: name.to_owned(),
    })
}

/// The URL that spans are sent to.
fn endpoint(written: &str, path: &KeyPath<'_>, checker: &mut Checker<'_>) -> Option<String> {
    let is_http = |uri: &Uri| {
        let scheme = uri.scheme();
        scheme == Some(&Scheme::HTTP) || scheme == Some(&Scheme::HTTPS)
    };
    let fault = match written.parse::<Uri>() {
        Ok(uri) if !is_http(&uri) || uri.host().is_none_or(str::is_empty) => "is not a whole URL",
        Ok(uri) if uri.query().is_some() => "has a query, which a collector's URL has not",
        Ok(_) => return Some(format!("{}/v1/traces", written.trim_end_matches('/'))),
        Err(_) => "is no URL",
    };
    let hint = if written.trim_end_matches('/').ends_with(":4317") {
        "port 4317 is that of gRPC; write http://HOST:4318"
    } else {
        "write it as http://127.0.0.1:4318"
    };
    checker
        .fault(path, format!("{} {fault}", quoted(written)))
        .with_hint(hint);
    None
}
