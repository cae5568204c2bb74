//! `cors`

use http::{HeaderName, HeaderValue, Method};

use super::Checker;
use crate::check::{conditions, headers, hosts};
use crate::limits;
use crate::model::{Cors, Origin};
use crate::raw::{self, OneOrMany};
use crate::schema::quoted;
use crate::tree::KeyPath;

/// What stands for everything.
const ALL: &str = "*";

pub(super) fn check(
    raw: &raw::Cors,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Cors> {
    let credentials = raw.credentials.unwrap_or(false);
    let max_age = checker.duration(
        raw.max_age.as_ref(),
        &limits::CORS_MAX_AGE_RANGE,
        &path.key("max_age"),
    );
    let methods = raw.methods.as_ref().map(|raw| {
        list(
            raw,
            |method| &method.0,
            &path.key("methods"),
            checker,
            conditions::method,
        )
    });
    let sent = headers(raw.headers.as_ref(), &path.key("headers"), checker);
    let read = headers(
        raw.expose_headers.as_ref(),
        &path.key("expose_headers"),
        checker,
    );
    if credentials && read.is_none() {
        let message = "with `credentials`, browsers take `*` for the name of a header; name those that pages may read";
        checker.fault(&path.key("expose_headers"), message);
    }
    let at = path.key("origins");
    let raw = raw.origins.as_ref()?;
    let origins = list(
        raw,
        |origin| &origin.0,
        &at,
        checker,
        |written, path, checker| origin(&written.0, path, checker),
    );
    if credentials && origins.is_none() {
        checker
            .fault(
                &at,
                "with `credentials`, `*` would let every page act for whoever looks at it",
            )
            .with_hint("name the origins, such as `https://*.example.com`");
    }
    Some(Cors {
        origins,
        methods: methods.unwrap_or_else(|| Some(vec![Method::GET, Method::HEAD, Method::POST])),
        headers: sent,
        expose_headers: read,
        credentials,
        max_age,
    })
}

/// Reads a list; `None` is all there is.
fn list<T, U>(
    raw: &OneOrMany<T>,
    text: impl Fn(&T) -> &str,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
    mut read: impl FnMut(&T, &KeyPath<'_>, &mut Checker<'_>) -> Option<U>,
) -> Option<Vec<U>> {
    let all = raw.iter().find(|(_, written)| text(written) == ALL);
    if let Some((index, _)) = all {
        if raw.iter().count() > 1 {
            let message = "`*` is all there is, so that nothing can stand beside it";
            checker.fault(&path.item(index), message);
        }
        return None;
    }
    let mut found = Vec::new();
    for (index, written) in raw.iter() {
        found.extend(read(written, &path.item(index), checker));
    }
    Some(found)
}

fn headers(
    raw: Option<&OneOrMany<raw::HeaderText>>,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Vec<HeaderName>> {
    let Some(raw) = raw else {
        return Some(Vec::new());
    };
    list(
        raw,
        |header| &header.0,
        path,
        checker,
        |header, path, checker| headers::any(&header.0, path, checker),
    )
}

fn origin(written: &str, path: &KeyPath<'_>, checker: &mut Checker<'_>) -> Option<Origin> {
    let found = read(&written.to_ascii_lowercase());
    if found.is_none() {
        let message = format!(
            "{} is not an origin; expected one such as `https://example.com` or `https://*.example.com:8443`",
            quoted(written)
        );
        let fault = checker.fault(path, message);
        let beginning: Vec<&str> = written.splitn(4, '/').collect();
        if let [scheme, "", host, _] = beginning.as_slice() {
            let meant = format!("{scheme}//{host}");
            if read(&meant).is_some() {
                fault.with_hint(format!("did you mean `{meant}`?"));
            }
        } else if read(&format!("https://{written}")).is_some() {
            fault.with_hint(format!("did you mean `https://{written}`?"));
        }
    }
    found
}

/// Reads an origin in lower case, as browsers send it.
fn read(written: &str) -> Option<Origin> {
    let (scheme, rest) = written.split_once("://")?;
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    if !scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        || !scheme.bytes().all(is_scheme)
    {
        return None;
    }
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (rest, None),
    };
    // Browsers leave out the port that a scheme has anyway.
    let usual = match scheme {
        "http" => Some("80"),
        "https" => Some("443"),
        _ => None,
    };
    if port.is_some_and(|port| port.parse::<u16>().is_err() || Some(port) == usual) {
        return None;
    }
    if let Some(domain) = host.strip_prefix("*.") {
        return hosts::is_name(domain).then(|| Origin::Below {
            scheme: format!("{scheme}://"),
            domain: rest[1..].to_owned(),
        });
    }
    if !hosts::is_name(host) && !hosts::is_ipv6(host) {
        return None;
    }
    HeaderValue::from_str(written).ok().map(Origin::Exact)
}
