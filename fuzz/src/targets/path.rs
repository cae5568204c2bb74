//! The one spelling of a path.

use http::Uri;

use super::Target;

pub(super) const TARGET: Target = Target {
    name: "path",
    about: "the one spelling of a path, before routes and plugins see it",
    run,
    seeds,
    words: &[
        "/", "//", ".", "..", "/./", "/../", "%2e", "%2E%2e", "%2f", "%5c", "\\", "%", "%25",
        "%00", "%61", ";", "?", "#", "~", "%7E",
    ],
    longest: 1024,
    short_run: 300_000,
};

/// A path that has a normal spelling has only one, with nothing in it that another server could read differently, and
/// the query stays as it was.
///
/// # Panics
///
/// When that does not hold.
pub fn run(data: &[u8]) {
    let Ok(mut uri) = Uri::try_from(data) else {
        return;
    };
    let before = uri.clone();
    if !loom_gateway::fuzzing::normalize(&mut uri) {
        return;
    }
    let path = uri.path();
    assert_eq!(uri.query(), before.query(), "the query of {before:?}");
    assert_eq!(uri.authority(), before.authority(), "{before:?}");
    assert!(path.starts_with('/'), "{before:?} became {path:?}");
    assert!(!path.contains('\\'), "{before:?} became {path:?}");
    assert!(!path.contains("//"), "{before:?} became {path:?}");
    for segment in path.split('/') {
        assert!(!matches!(segment, "." | ".."), "{before:?} became {path:?}");
    }
    for (at, _) in path.match_indices('%') {
        let hex = path.get(at + 1..at + 3).unwrap_or_default();
        let decoded = u8::from_str_radix(hex, 16).ok().map(char::from);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~');
        // `+` is no digit, though the standard library takes it for a sign.
        let is_hex = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(
            !(is_hex && decoded.is_some_and(plain)),
            "{before:?} became {path:?}"
        );
    }
    let once = uri.clone();
    assert!(loom_gateway::fuzzing::normalize(&mut uri));
    assert_eq!(uri, once, "{before:?} is not done after one time");
}

fn seeds() -> Vec<Vec<u8>> {
    let paths = [
        "/",
        "/a/b/c",
        "//admin",
        "/public/%2e%2E/admin",
        "/a/./b/..//c?x=//..&y=%61",
        "/%252e%252e/x",
        "/a%2Fb/%c3%a9/100%",
        "http://example.com/a/../b?c",
        "*",
        "/a/b/..;/c",
    ];
    paths.iter().map(|path| path.as_bytes().to_vec()).collect()
}
