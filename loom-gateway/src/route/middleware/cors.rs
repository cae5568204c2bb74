//! `cors`: which web pages of other origins may read responses, said by tower-http.
//!
//! The gateway alone says so: what an upstream or a plugin says about it is left out.

use axum::body::Body;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderName, HeaderValue, ORIGIN,
};
use http::{Method, Request, Response};
use loom_config::model::{self, Origin};
use tower_http::cors::{
    AllowHeaders, AllowMethods, AllowOrigin, Any, CorsLayer, ExposeHeaders, Vary,
};

/// tower-http's layer for this configuration.
pub(super) fn layer(model: &model::Cors) -> CorsLayer {
    let origins = match &model.origins {
        None => AllowOrigin::any(),
        Some(origins) => {
            let origins = origins.clone();
            AllowOrigin::predicate(move |asked, _| origins.iter().any(|origin| is(origin, asked)))
        }
    };
    // Browsers take a `*` beside credentials for a name; to name what was asked for says the same.
    let methods = match &model.methods {
        None if model.credentials => AllowMethods::mirror_request(),
        None => AllowMethods::any(),
        Some(methods) => AllowMethods::list(methods.iter().cloned()),
    };
    let headers = match &model.headers {
        None if model.credentials => AllowHeaders::mirror_request(),
        None => AllowHeaders::any(),
        Some(headers) => AllowHeaders::list(headers.iter().cloned()),
    };
    let exposed = match &model.expose_headers {
        None => ExposeHeaders::from(Any),
        Some(headers) => ExposeHeaders::list(headers.iter().cloned()),
    };
    let varies: &[HeaderName] = if model.origins.is_some() {
        &[ORIGIN]
    } else {
        &[]
    };
    let layer = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods(methods)
        .allow_headers(headers)
        .expose_headers(exposed)
        .allow_credentials(model.credentials)
        .vary(Vary::list(varies.iter().cloned()));
    match model.max_age {
        Some(max_age) => layer.max_age(max_age),
        None => layer,
    }
}

/// Marks a request whose method is OPTIONS, whatever it says.
#[derive(Debug, Clone, Copy)]
struct Options;

/// Hides, outside of the layer, an OPTIONS that no browser asks before another request: the layer would answer each, and this one is
/// the upstream's to answer.
pub(super) fn hide(mut request: Request<Body>) -> Request<Body> {
    if *request.method() == Method::OPTIONS && !is_preflight(&request) {
        request.extensions_mut().insert(Options);
        *request.method_mut() = Method::GET;
    }
    request
}

/// Shows it again, inside of the layer.
pub(super) fn show(mut request: Request<Body>) -> Request<Body> {
    if request.extensions_mut().remove::<Options>().is_some() {
        *request.method_mut() = Method::OPTIONS;
    }
    request
}

fn is_preflight(request: &Request<Body>) -> bool {
    let headers = request.headers();
    headers.contains_key(ORIGIN) && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Takes out what others say about it.
pub(super) fn forget(mut response: Response<Body>) -> Response<Body> {
    for name in [
        ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_ALLOW_CREDENTIALS,
        ACCESS_CONTROL_EXPOSE_HEADERS,
    ] {
        response.headers_mut().remove(name);
    }
    response
}

fn is(origin: &Origin, asked: &HeaderValue) -> bool {
    match origin {
        Origin::Exact(origin) => origin == asked,
        Origin::Below { scheme, domain } => {
            let asked = asked.to_str().unwrap_or_default();
            let below = asked.strip_prefix(scheme.as_str());
            let below = below.and_then(|rest| rest.strip_suffix(domain.as_str()));
            let is_label = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            below.is_some_and(|name| !name.is_empty() && name.bytes().all(is_label))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_has_the_hosts_below_and_no_others() {
        let below = Origin::Below {
            scheme: "https://".to_owned(),
            domain: ".example.com".to_owned(),
        };
        for (asked, wanted) in [
            ("https://a.example.com", true),
            ("https://a.b.example.com", true),
            ("https://example.com", false),
            ("https://.example.com", false),
            ("http://a.example.com", false),
            ("https://a.example.com:8443", false),
            ("https://a.example.com.evil.example", false),
            ("https://evil.example/a.example.com", false),
            ("https://evil.example:1@a.example.com", false),
            ("https://aexample.com", false),
            ("null", false),
        ] {
            assert_eq!(
                is(&below, &HeaderValue::from_static(asked)),
                wanted,
                "{asked}"
            );
        }
    }
}
