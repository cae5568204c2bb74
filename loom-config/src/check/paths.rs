//! The paths of a route: exact, a template, a prefix that ends in `/*`, or a regular expression.

use super::{Checker, templates};
use crate::model::PathMatch;
use crate::raw::PathEntry;
use crate::schema::quoted;
use crate::tree::KeyPath;

/// Reads a path. A wrong one is a fault.
pub(super) fn check(
    entry: &PathEntry,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<PathMatch> {
    let written = match entry {
        PathEntry::Path(written) => &written.0,
        PathEntry::Regex(raw) => {
            let pattern = checker.pattern(raw.regex.as_deref()?, &path.key("regex"))?;
            return Some(PathMatch::Regex(pattern));
        }
    };
    match read(written) {
        Ok(matched) => Some(matched),
        Err(Wrong { what, meant }) => {
            let fault = checker.fault(path, format!("{} {what}", quoted(written)));
            if let Some(meant) = meant {
                fault.with_hint(format!("did you mean `{meant}`?"));
            }
            None
        }
    }
}

/// A path without a `*` or parameters in it, if it is one.
pub(super) fn plain(written: &str) -> Option<String> {
    match read(written) {
        Ok(PathMatch::Exact(path)) => Some(path),
        _ => None,
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    what: &'static str,
    meant: Option<String>,
}

impl Wrong {
    pub(super) fn new(what: &'static str) -> Self {
        Self { what, meant: None }
    }

    /// With what was probably meant, if that is a path at all.
    fn or(what: &'static str, meant: String) -> Self {
        Self {
            what,
            meant: Some(meant).filter(|meant| read(meant).is_ok()),
        }
    }
}

fn read(written: &str) -> Result<PathMatch, Wrong> {
    if !written.starts_with('/') {
        let what = "is not a path; a path begins with `/`";
        return Err(if written.starts_with(['~', '^']) {
            Wrong::new(what)
        } else {
            Wrong::or(what, format!("/{written}"))
        });
    }
    let (fixed, is_prefix) = match written.strip_suffix("/*") {
        Some(prefix) => (prefix, true),
        None => (written, false),
    };
    if let Some((before, _)) = fixed.split_once('*') {
        let meant = format!("{}/*", before.trim_end_matches('/'));
        return Err(Wrong::or(
            "has a `*` in the middle; it can only end a path, as `/*`",
            meant,
        ));
    }
    check_characters(written)?;
    if fixed
        .split('/')
        .any(|segment| matches!(segment, "." | ".."))
    {
        return Err(Wrong::new(
            "has a `.` or `..` segment; requests are matched after those are resolved",
        ));
    }
    if fixed.contains("//") || is_prefix && fixed.ends_with('/') {
        return Err(Wrong::new("has an empty segment (`//`); write one slash"));
    }
    Ok(if fixed.contains(['{', '}']) {
        PathMatch::Template(templates::read(fixed, is_prefix)?)
    } else if is_prefix {
        PathMatch::Prefix(fixed.to_owned())
    } else {
        PathMatch::Exact(fixed.to_owned())
    })
}

fn check_characters(path: &str) -> Result<(), Wrong> {
    if path.contains(['?', '#']) {
        return Err(Wrong::new(
            "has a `?` or `#` in it; a query or fragment is not part of the path",
        ));
    }
    if path.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Wrong::new(
            "has spaces or control characters in it; they never reach a route unencoded",
        ));
    }
    if path.contains('\\') {
        let what = "has a backslash in it; requests are matched after it became a slash";
        return Err(Wrong::or(what, path.replace('\\', "/")));
    }
    if let Some(normal) = spelled_otherwise(path) {
        return Err(Wrong::or(
            "has characters that are spelled otherwise when requests are matched",
            normal,
        ));
    }
    Ok(())
}

/// The normal spelling of a path when this is another one: letters and digits stand as they are, characters beyond
/// ASCII are percent-encoded (RFC 3986, 6.2.2).
fn spelled_otherwise(path: &str) -> Option<String> {
    let bytes = path.as_bytes();
    let mut normal = String::with_capacity(path.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match (byte, bytes.get(at + 1..at + 3).and_then(unreserved)) {
            (b'%', Some(character)) => {
                normal.push(character);
                at += 2;
            }
            (0x80.., _) => normal.push_str(&format!("%{byte:02X}")),
            _ => normal.push(char::from(*byte)),
        }
        at += 1;
    }
    (normal != path).then_some(normal)
}

/// The character that two hexadecimal digits stand for, when it needs no encoding.
fn unreserved(digits: &[u8]) -> Option<char> {
    let byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    let character = char::from(byte);
    (character.is_ascii_alphanumeric() || matches!(character, '-' | '.' | '_' | '~'))
        .then_some(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_and_prefix() {
        for (written, matched) in [
            ("/", PathMatch::Exact("/".into())),
            ("/health", PathMatch::Exact("/health".into())),
            ("/api/", PathMatch::Exact("/api/".into())),
            ("/api/*", PathMatch::Prefix("/api".into())),
            ("/a/b/*", PathMatch::Prefix("/a/b".into())),
            ("/*", PathMatch::Prefix(String::new())),
            ("/caf%C3%A9", PathMatch::Exact("/caf%C3%A9".into())),
        ] {
            assert_eq!(read(written), Ok(matched), "{written}");
        }
    }

    #[test]
    fn what_was_meant() {
        for (written, meant) in [
            ("api/*", Some("/api/*")),
            ("*", Some("/*")),
            ("", Some("/")),
            ("/api*", Some("/api/*")),
            ("/api/*/users", Some("/api/*")),
            ("/a/*/*", Some("/a/*")),
            ("~ ^/api", None),
            ("/{a}/*/b", Some("/{a}/*")),
            ("/a?b=c", None),
            ("/a b", None),
            ("/a/../b", None),
            ("/a//b", None),
            ("//*", None),
            ("/café/*", Some("/caf%C3%A9/*")),
            ("/%61dmin", Some("/admin")),
            ("/%2e%2e/x", None),
            ("/a\\b", Some("/a/b")),
        ] {
            let wrong = read(written).expect_err(written);
            assert_eq!(wrong.meant.as_deref(), meant, "{written}");
        }
    }
}
