//! What a route changes on the way to an upstream and back.

use http::HeaderValue;

use super::{Checker, actions, headers, paths, templates};
use crate::model::{Changes, HostChange, PathChange, PathMatch};
use crate::raw::{self, HostHeader, HostWord, RewriteEntry, RewriteRegex};
use crate::schema::quoted;
use crate::tree::KeyPath;

/// What only matters to an upstream.
const FOR_UPSTREAMS: [&str; 4] = ["strip_prefix", "rewrite", "host_header", "request_headers"];

/// Reads them. `forwards` says whether the route's requests go to an upstream at all.
pub(super) fn check(
    raw: &raw::Route,
    route_paths: Option<&[PathMatch]>,
    forwards: bool,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Changes> {
    if !forwards {
        for key in FOR_UPSTREAMS {
            if !checker.is_empty_of(path, &[key]) {
                let message = "this would do nothing: no request of the route goes to an upstream";
                checker.fault(&path.key(key), message);
            }
        }
    }
    let request = raw.request_headers.as_ref();
    let response = raw.response_headers.as_ref();
    let request_headers = headers::changes(request, &path.key("request_headers"), checker);
    let response_headers = headers::changes(response, &path.key("response_headers"), checker);
    let new_path = path_change(raw, route_paths, path, checker);
    let host = host(raw.host_header.as_ref(), &path.key("host_header"), checker);
    Some(Changes {
        path: new_path?,
        host: host?,
        request_headers,
        response_headers,
    })
}

/// `None` is a fault.
fn path_change(
    raw: &raw::Route,
    route_paths: Option<&[PathMatch]>,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Option<PathChange>> {
    let prefix = raw.strip_prefix.as_ref();
    let prefix = prefix.map(|prefix| strip(prefix, &path.key("strip_prefix"), checker));
    let at = path.key("rewrite");
    let rewrite = raw.rewrite.as_ref().map(|entry| match entry {
        RewriteEntry::Path(to) => {
            actions::template(&to.0, route_paths, &at, checker).map(PathChange::Template)
        }
        RewriteEntry::Regex(raw) => by_regex(raw, &at, checker),
    });
    match (prefix, rewrite) {
        (Some(_), Some(_)) => {
            let message = "expected `strip_prefix` or `rewrite`, not both";
            checker.fault(&at, message);
            None
        }
        (Some(change), None) | (None, Some(change)) => change.map(Some),
        (None, None) => Some(None),
    }
}

fn strip(written: &str, path: &KeyPath<'_>, checker: &mut Checker<'_>) -> Option<PathChange> {
    match paths::plain(written) {
        Some(prefix) if prefix != "/" => {
            Some(PathChange::Strip(prefix.trim_end_matches('/').to_owned()))
        }
        _ => {
            let message = format!(
                "{} is not the beginning of a path; expected one such as `/api`, without `*` and parameters",
                quoted(written)
            );
            checker.fault(path, message);
            None
        }
    }
}

fn by_regex(
    raw: &RewriteRegex,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<PathChange> {
    let pattern = raw.regex.as_deref();
    let pattern = pattern.and_then(|regex| checker.pattern(regex, &path.key("regex")));
    let with = actions::template(raw.with.as_deref()?, None, &path.key("with"), checker)?;
    let pattern = pattern?;
    let regex = pattern.regex();
    for used in templates::used(&with) {
        let is_group = match used.parse::<usize>() {
            Ok(number) => number < regex.captures_len(),
            Err(_) => regex.capture_names().flatten().any(|name| name == used),
        };
        if !is_group {
            let message = format!("there is no group `{used}` in the expression");
            checker.fault(&path.key("with"), message);
        }
    }
    Some(PathChange::Regex(pattern, with))
}

pub(super) fn host(
    raw: Option<&HostHeader>,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<HostChange> {
    match raw {
        None | Some(HostHeader::Word(HostWord::Preserve)) => Some(HostChange::Preserve),
        Some(HostHeader::Word(HostWord::Upstream)) => Some(HostChange::Endpoint),
        Some(HostHeader::Set(raw)) => {
            let host = actions::authority(raw.set.as_deref()?, &path.key("set"), checker)?;
            HeaderValue::try_from(host).ok().map(HostChange::Set)
        }
    }
}
