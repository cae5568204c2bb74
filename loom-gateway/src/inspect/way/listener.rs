//! What a request meets at its listener.

use ipnet::IpNet;
use loom_config::model::{
    BodyPace, DotSegments, EscapedSlashes, Listener, NormalizePath, TlsVersion,
};

use super::Step;
use crate::inspect::words;

/// What a listener speaks: `https from TLS 1.2 on`.
pub(crate) fn listens(listener: &Listener) -> String {
    match &listener.tls {
        None => "http".to_owned(),
        Some(tls) => match tls.min_version {
            TlsVersion::Tls12 => "https from TLS 1.2 on".to_owned(),
            TlsVersion::Tls13 => "https with TLS 1.3".to_owned(),
        },
    }
}

pub(super) fn proxy_protocol(listener: &Listener) -> Option<Step> {
    let from = match &listener.proxy_protocol.as_ref()?.from {
        None => "each connection".to_owned(),
        Some(from) => format!("each connection from {}", networks(from)),
    };
    let says = format!("{from} begins with its header");
    Some(Step::new("proxy_protocol", says))
}

pub(super) fn client_auth(listener: &Listener) -> Option<Step> {
    let auth = listener.tls.as_ref()?.client_auth.as_ref()?;
    let mode = if auth.required {
        "a certificate of the client is required"
    } else {
        "a certificate of the client is asked for"
    };
    let forward = match &auth.forward {
        None => String::new(),
        Some(fields) => {
            let names = ["by", "hash"].into_iter();
            let names: Vec<_> = names
                .chain(fields.iter().map(|field| field.name()))
                .collect();
            format!("; x-forwarded-client-cert tells {}", names.join(", "))
        }
    };
    Some(Step::new("client_auth", format!("{mode}{forward}")))
}

pub(super) fn trusted_proxies(listener: &Listener) -> Option<Step> {
    let trusted = &listener.trusted_proxies;
    let says = format!("{} may say who the client is", networks(trusted));
    (!trusted.is_empty()).then(|| Step::new("trusted_proxies", says))
}

pub(super) fn redirect_https(listener: &Listener) -> Option<Step> {
    let port = listener.redirect_https?;
    let says = format!("what has not come by HTTPS is answered with 308, to port {port}");
    Some(Step::new("redirect_https", says))
}

/// Only where it is another one than usual.
pub(super) fn normalize_path(listener: &Listener) -> Option<Step> {
    let usual = NormalizePath::default();
    let NormalizePath {
        dot_segments,
        merge_slashes,
        escaped_slashes,
    } = listener.normalize_path;
    let mut says = Vec::new();
    if dot_segments != usual.dot_segments {
        says.push(match dot_segments {
            DotSegments::Resolve => "dot_segments resolve",
            DotSegments::Reject => "dot_segments reject",
        });
    }
    if merge_slashes != usual.merge_slashes {
        says.push("merge_slashes false");
    }
    if escaped_slashes != usual.escaped_slashes {
        says.push(match escaped_slashes {
            EscapedSlashes::Keep => "escaped_slashes keep",
            EscapedSlashes::Unescape => "escaped_slashes unescape",
            EscapedSlashes::Redirect => "escaped_slashes redirect",
            EscapedSlashes::Reject => "escaped_slashes reject",
        });
    }
    (!says.is_empty()).then(|| Step::new("normalize_path", says.join(", ")))
}

pub(super) fn body_timeout(pace: BodyPace) -> Step {
    let (timeout, rate) = (words::duration(pace.timeout), words::size(pace.rate));
    let says = format!("{timeout} of waiting for the body; {rate} give a second back");
    Step::new("body_timeout", says)
}

pub(super) fn networks(networks: &[IpNet]) -> String {
    words::listed(networks)
}
