//! Headers that the file names: what changes them, and those of a response.

use http::{HeaderName, HeaderValue};

use super::Checker;
use crate::model::HeaderChanges;
use crate::raw::{self, HeaderMapText, OneOrMany};
use crate::schema::quoted;
use crate::tree::KeyPath;

/// Headers that belong to a connection, or say where a message ends and whom it is for: another value would make it another
/// message.
const FORBIDDEN: [&str; 11] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Reads `request_headers` or `response_headers`.
pub(super) fn changes(
    raw: Option<&raw::HeaderChanges>,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> HeaderChanges {
    let Some(raw) = raw else {
        return HeaderChanges::default();
    };
    let set = values(raw.set.as_ref(), &path.key("set"), checker);
    let add = values(raw.add.as_ref(), &path.key("add"), checker);
    let mut remove: Vec<HeaderName> = Vec::new();
    for (index, written) in raw.remove.iter().flat_map(OneOrMany::iter) {
        remove.extend(name(&written.0, &path.key("remove").item(index), checker));
    }
    for (name, _) in &set {
        if !remove.contains(name) {
            remove.push(name.clone());
        }
    }
    if remove.is_empty()
        && set.is_empty()
        && add.is_empty()
        && checker.is_empty_of(path, &["set", "add", "remove"])
    {
        checker.fault(
            path,
            "nothing is changed; expected `set`, `add` or `remove`",
        );
    }
    HeaderChanges {
        remove,
        append: set.into_iter().chain(add).collect(),
    }
}

/// Reads headers with their values.
pub(super) fn values(
    raw: Option<&HeaderMapText>,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Vec<(HeaderName, HeaderValue)> {
    let mut found = Vec::new();
    for (written, values) in raw.into_iter().flatten() {
        let path = path.key(written);
        let name = name(written, &path, checker);
        for (index, value) in values.iter() {
            let value = self::value(value, &path.item(index), checker);
            found.extend(name.clone().zip(value));
        }
    }
    found
}

/// Reads the name of a header that the gateway itself sets or takes out.
pub(super) fn own(
    written: &str,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<HeaderName> {
    name(written, path, checker)
}

/// Reads the name of a header that is only looked at.
pub(super) fn any(
    written: &str,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<HeaderName> {
    let name = HeaderName::from_bytes(written.as_bytes()).ok();
    if name.is_none() {
        let message = format!("{} is not the name of a header", quoted(written));
        checker.fault(path, message);
    }
    name
}

fn name(written: &str, path: &KeyPath<'_>, checker: &mut Checker<'_>) -> Option<HeaderName> {
    let Ok(name) = HeaderName::from_bytes(written.as_bytes()) else {
        let message = format!("{} is not the name of a header", quoted(written));
        let fault = checker.fault(path, message);
        match written {
            ":path" => {
                fault.with_hint("the route has the keys `rewrite` and `strip_prefix` for it")
            }
            ":authority" => fault.with_hint("the route has the key `host_header` for it"),
            _ => fault,
        };
        return None;
    };
    if FORBIDDEN.contains(&name.as_str()) {
        let message = format!(
            "`{name}` is not for the file to change: it says what the message is, or belongs to a connection"
        );
        let fault = checker.fault(path, message);
        if name == http::header::HOST {
            fault.with_hint("the route has the key `host_header` for it");
        }
        return None;
    }
    Some(name)
}

fn value(written: &str, path: &KeyPath<'_>, checker: &mut Checker<'_>) -> Option<HeaderValue> {
    // A space at the edge would be lost on the way.
    let value = HeaderValue::from_bytes(written.as_bytes()).ok();
    let value = value.filter(|_| written.trim() == written);
    if value.is_none() {
        let message = "this cannot be the value of a header: it has control characters in it, line ends among them, or spaces at its edge";
        checker.fault(path, message);
    }
    value
}
