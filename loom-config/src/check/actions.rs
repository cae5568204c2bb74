//! What a route does with its requests: exactly one of `upstream`, `split`, `redirect` and `respond`.

use http::StatusCode;
use http::header::CONTENT_TYPE;
use http::uri::Authority;

use super::{AllNames, Checker, headers, templates};
use crate::model::{Action, PathMatch, Redirect, Respond, Share, Template};
use crate::raw::{self, Items, RedirectEntry, RespondEntry};
use crate::schema::{listed, quoted};
use crate::tree::KeyPath;

const ACTIONS: [&str; 4] = ["upstream", "split", "redirect", "respond"];

/// Reads what a route does.
pub(super) fn check(
    raw: &raw::Route,
    paths: Option<&[PathMatch]>,
    names: &AllNames<'_>,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Action> {
    let mut found = Vec::new();
    if let Some(name) = &raw.upstream {
        let upstream = names
            .upstreams
            .resolve(name, &path.key("upstream"), checker);
        found.push(upstream.map(Action::Upstream));
    }
    if let Some(split) = &raw.split {
        found.push(shares(split, names, &path.key("split"), checker).map(Action::Split));
    }
    if let Some(entry) = &raw.redirect {
        let redirect = redirect(entry, paths, &path.key("redirect"), checker);
        found.push(redirect.map(Action::Redirect));
    }
    if let Some(entry) = &raw.respond {
        found.push(respond(entry, &path.key("respond"), checker).map(Action::Respond));
    }
    if found.len() > 1 {
        let there = ACTIONS
            .iter()
            .filter(|key| !checker.is_empty_of(path, &[key]));
        let there = listed(there.copied());
        let message = format!("a route does one thing; this one has {there}");
        checker.fault(path, message);
    } else if checker.is_empty_of(path, &ACTIONS) {
        let message =
            "the route does nothing; expected `upstream`, `split`, `redirect` or `respond`";
        checker.fault(path, message);
    }
    found.pop()?
}

fn shares(
    raw: &Items<raw::Share>,
    names: &AllNames<'_>,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Vec<Share>> {
    let mut shares: Vec<Option<Share>> = Vec::new();
    for (index, share) in raw.iter() {
        let path = path.index(index);
        let name = share.upstream.as_ref();
        let upstream = name.and_then(|name| {
            names
                .upstreams
                .resolve(name, &path.key("upstream"), checker)
        });
        let share = upstream.zip(share.weight);
        let share = share.map(|(upstream, weight)| Share { upstream, weight });
        let twice = |known: &Share| share.is_some_and(|share| share.upstream == known.upstream);
        if shares.iter().flatten().any(twice) {
            checker.fault(
                &path,
                "the upstream stands twice in this list; add up its weights",
            );
        }
        shares.push(share);
    }
    let shares: Vec<Share> = shares.into_iter().collect::<Option<_>>()?;
    if shares.iter().all(|share| share.weight == 0) {
        checker.fault(path, "no upstream of it has a weight above 0");
    }
    Some(shares)
}

fn redirect(
    entry: &RedirectEntry,
    paths: Option<&[PathMatch]>,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Redirect> {
    let raw = match entry {
        RedirectEntry::To(to) => return address(&to.0, paths, path, checker),
        RedirectEntry::Full(raw) => raw,
    };
    let parts = raw.scheme.is_some() || raw.host.is_some() || raw.path.is_some();
    let redirect = match &raw.to {
        Some(to) => {
            if parts {
                checker.fault(
                    path,
                    "expected `to`, or some of `scheme`, `host` and `path`, not both",
                );
            }
            address(&to.0, paths, &path.key("to"), checker)
        }
        None if !parts => {
            if checker.is_empty_of(path, &["to", "scheme", "host", "path"]) {
                checker.fault(path, "the redirect leads back to where it comes from; expected `to`, `scheme`, `host` or `path`");
            }
            None
        }
        None => in_parts(raw, paths, path, checker),
    };
    let status = raw.status.unwrap_or(302);
    if !matches!(status, 301 | 302 | 303 | 307 | 308) {
        let message = format!(
            "{status} is no redirect to another address; expected 301, 302, 303, 307 or 308"
        );
        checker.fault(&path.key("status"), message);
    }
    let status = StatusCode::from_u16(status).ok()?;
    Some(Redirect {
        status,
        ..redirect?
    })
}

fn in_parts(
    raw: &raw::Redirect,
    paths: Option<&[PathMatch]>,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Redirect> {
    let host = raw.host.as_ref();
    let host = host.map(|host| authority(host, &path.key("host"), checker));
    let to = raw.path.as_ref();
    let to = to.map(|to| template(to, paths, &path.key("path"), checker));
    Some(Redirect {
        status: StatusCode::FOUND,
        scheme: raw.scheme.map(|scheme| match scheme {
            raw::Scheme::Http => "http".to_owned(),
            raw::Scheme::Https => "https".to_owned(),
        }),
        host: host.map_or(Some(None), |host| host.map(Some))?,
        path: to.map_or(Some(None), |to| to.map(Some))?,
        query: None,
    })
}

/// Reads an address, or a path on the same host.
fn address(
    written: &str,
    paths: Option<&[PathMatch]>,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Redirect> {
    let (scheme, rest) = match written.split_once("://") {
        Some((scheme @ ("http" | "https"), rest)) => (Some(scheme.to_owned()), rest),
        None if written.starts_with('/') && !written.starts_with("//") => (None, written),
        _ => {
            let message = format!(
                "{} is not an address; expected `https://`, `http://` or a path",
                quoted(written)
            );
            checker.fault(path, message);
            return None;
        }
    };
    let (host, rest) = match &scheme {
        Some(_) => {
            let (host, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
            (Some(authority(host, path, checker)?), rest)
        }
        None => (None, rest),
    };
    let (to, query) = match rest.split_once('?') {
        Some((to, query)) => (to, Some(query)),
        None => (rest, None),
    };
    let to = if to.is_empty() { "/" } else { to };
    let query = query.map(|query| read_template(query, paths, path, checker));
    Some(Redirect {
        status: StatusCode::FOUND,
        scheme,
        host,
        path: Some(template(to, paths, path, checker)?),
        query: query.map_or(Some(None), |query| query.map(Some))?,
    })
}

/// A host, maybe with a port. It is not made of parameters: whoever chooses the path would choose where people end.
pub(super) fn authority(
    written: &str,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<String> {
    let parsed = written.parse::<Authority>().ok();
    let is_host = |authority: &Authority| {
        let host = authority.host();
        let port = written.strip_prefix(host);
        (super::hosts::is_name(host) || host.starts_with('['))
            && port.is_some_and(|port| port.is_empty() || authority.port_u16().is_some())
    };
    if parsed.is_some_and(|authority| is_host(&authority)) {
        return Some(written.to_owned());
    }
    let what = if written.contains(['{', '}']) {
        "has parameters in it, which a host cannot have: a client would choose it"
    } else {
        "is not a host; expected one such as `example.com` or `example.com:8443`"
    };
    checker.fault(path, format!("{} {what}", quoted(written)));
    None
}

/// A path that may use the parameters of the route's paths.
pub(super) fn template(
    written: &str,
    paths: Option<&[PathMatch]>,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Template> {
    if !written.starts_with('/') || written.contains(['?', '#']) {
        let message = format!(
            "{} is not a path; a path begins with `/` and has neither `?` nor `#`",
            quoted(written)
        );
        checker.fault(path, message);
        return None;
    }
    read_template(written, paths, path, checker)
}

fn read_template(
    written: &str,
    paths: Option<&[PathMatch]>,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Template> {
    let template = match templates::text(written) {
        Ok(template) if !written.contains('#') => template,
        Ok(_) => {
            checker.fault(
                path,
                format!("{} has a fragment, which is not supported", quoted(written)),
            );
            return None;
        }
        Err(what) => {
            checker.fault(path, format!("{} {what}", quoted(written)));
            return None;
        }
    };
    for used in templates::used(&template) {
        let lacks = |matched: &&PathMatch| !templates::known(matched).contains(&used);
        if let Some(lacking) = paths.into_iter().flatten().find(lacks) {
            let known = templates::known(lacking);
            let known = if known.is_empty() {
                "has none".to_owned()
            } else {
                format!("has {}", listed(known))
            };
            let message = format!(
                "there is no parameter `{used}` in each path of the route: one of them {known}"
            );
            checker.fault(path, message);
        }
    }
    Some(template)
}

fn respond(entry: &RespondEntry, path: &KeyPath<'_>, checker: &mut Checker<'_>) -> Option<Respond> {
    let raw = match entry {
        RespondEntry::Status(status) => {
            return Some(Respond {
                status: StatusCode::from_u16(status.0).ok()?,
                headers: Vec::new(),
                body: String::new(),
            });
        }
        RespondEntry::Full(raw) => raw,
    };
    let status = StatusCode::from_u16(raw.status.unwrap_or(200)).ok()?;
    let body = raw.body.clone().unwrap_or_default();
    if !body.is_empty()
        && matches!(
            status,
            StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
        )
    {
        let message = format!("a response with the status {} has no body", status.as_u16());
        checker.fault(&path.key("body"), message);
    }
    let mut headers = headers::values(raw.headers.as_ref(), &path.key("headers"), checker);
    if !body.is_empty() && !headers.iter().any(|(name, _)| name == CONTENT_TYPE) {
        let plain = http::HeaderValue::from_static("text/plain; charset=utf-8");
        headers.push((CONTENT_TYPE, plain));
    }
    Some(Respond {
        status,
        headers,
        body,
    })
}
