//! The paths of a route: exact, or a prefix that ends in `/*`.

use super::Checker;
use crate::model::PathMatch;
use crate::schema::quoted;
use crate::tree::KeyPath;

/// Reads a path. A wrong one is a fault.
pub(super) fn check(
    written: &str,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<PathMatch> {
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

#[derive(Debug, PartialEq, Eq)]
struct Wrong {
    what: &'static str,
    meant: Option<String>,
}

fn read(written: &str) -> Result<PathMatch, Wrong> {
    let wrong = |what| Err(Wrong { what, meant: None });
    if !written.starts_with('/') {
        let meant = (!written.starts_with(['~', '^', '*'])).then(|| format!("/{written}"));
        let meant = if written == "*" {
            Some("/*".to_owned())
        } else {
            meant
        };
        let meant = meant.filter(|meant| read(meant).is_ok());
        return Err(Wrong {
            what: "is not a path; a path begins with `/`",
            meant,
        });
    }
    if written.contains(['{', '}']) {
        return wrong(
            "has braces in it, and templates are not known here; a path is exact or ends in `/*`",
        );
    }
    let (fixed, is_prefix) = match written.strip_suffix("/*") {
        Some(prefix) => (prefix, true),
        None => (written, false),
    };
    if fixed.contains('*') {
        let (before, _) = fixed.split_once('*').unwrap_or((fixed, ""));
        let meant = format!("{}/*", before.trim_end_matches('/'));
        let meant = Some(meant).filter(|meant| read(meant).is_ok());
        return Err(Wrong {
            what: "has a `*` in the middle; it can only end a path, as `/*`",
            meant,
        });
    }
    if fixed.contains(['?', '#']) {
        return wrong("has a `?` or `#` in it; a query or fragment is not part of the path");
    }
    if fixed.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return wrong("has spaces or control characters in it; they never reach a route unencoded");
    }
    let mut segments = fixed.split('/').skip(1);
    if segments.any(|segment| matches!(segment, "." | "..")) {
        return wrong("has a `.` or `..` segment; requests are matched after those are resolved");
    }
    if fixed.contains("//") || is_prefix && fixed.ends_with('/') {
        return wrong("has an empty segment (`//`); write one slash");
    }
    Ok(if is_prefix {
        PathMatch::Prefix(fixed.to_owned())
    } else {
        PathMatch::Exact(fixed.to_owned())
    })
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
            ("/users/{id}", None),
            ("/a?b=c", None),
            ("/a b", None),
            ("/a/../b", None),
            ("/a//b", None),
            ("//*", None),
        ] {
            let wrong = read(written).expect_err(written);
            assert_eq!(wrong.meant.as_deref(), meant, "{written}");
        }
    }
}
