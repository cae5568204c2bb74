//! The one spelling of a path, as text.

use loom_config::model::{DotSegments, EscapedSlashes, NormalizePath};

/// What becomes of a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Normal {
    /// It is as it should be.
    Same,
    /// This is its normal spelling.
    Changed(String),
    /// The client is to ask for this one.
    Redirect(String),
    /// There is none.
    Refused,
}

/// The normal spelling of `path` by these rules.
pub(super) fn normalize(path: &str, rules: NormalizePath) -> Normal {
    if !needs_work(path.as_bytes(), rules) {
        return Normal::Same;
    }
    let mut decoded = decode(path, false);
    // Only now: decoding may complete what stands for a slash.
    let unescape = match rules.escaped_slashes {
        EscapedSlashes::Keep => false,
        _ if !has_escaped_slash(decoded.as_bytes()) => false,
        EscapedSlashes::Reject => return Normal::Refused,
        EscapedSlashes::Unescape | EscapedSlashes::Redirect => true,
    };
    if unescape {
        decoded = decode(&decoded, true);
    }
    let Some(normal) = resolve(&decoded, rules) else {
        return Normal::Refused;
    };
    if unescape && rules.escaped_slashes == EscapedSlashes::Redirect {
        Normal::Redirect(normal)
    } else if normal == path {
        Normal::Same
    } else {
        Normal::Changed(normal)
    }
}

/// Whether a path has anything in it that could be spelled otherwise. Nearly none has.
fn needs_work(path: &[u8], rules: NormalizePath) -> bool {
    let mut previous = 0;
    for &byte in path {
        match byte {
            b'%' | b'\\' => return true,
            b'.' if previous == b'/' => return true,
            b'/' if previous == b'/' && rules.merge_slashes => return true,
            _ => previous = byte,
        }
    }
    path.first() != Some(&b'/')
}

/// Takes segments away that are none; `None` when they are refused.
fn resolve(path: &str, rules: NormalizePath) -> Option<String> {
    let mut segments: Vec<&str> = Vec::new();
    let mut directory = false;
    let mut rest = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(segment) = rest.next() {
        let last = rest.peek().is_none();
        match segment {
            "." | ".." if rules.dot_segments == DotSegments::Reject => return None,
            "." => directory = last,
            ".." => {
                segments.pop();
                directory = last;
            }
            "" if last => directory = true,
            "" if rules.merge_slashes => {}
            segment => segments.push(segment),
        }
    }
    let mut normal = String::with_capacity(path.len() + 1);
    for segment in &segments {
        normal.push('/');
        normal.push_str(segment);
    }
    if directory || segments.is_empty() {
        normal.push('/');
    }
    Some(normal)
}

/// Decodes percent-encoded unreserved characters, the only ones that mean the same in both spellings, and turns
/// backslashes into slashes; the percent-encoded ones of both, too, with `unescape`.
fn decode(path: &str, unescape: bool) -> String {
    let mut decoded = String::with_capacity(path.len());
    for character in path.chars() {
        decoded.push(if character == '\\' { '/' } else { character });
        // Again for what comes out: it may complete an escape that was cut short before it, as in `%2%65`.
        while let Some(character) = decoded_at_end(&decoded, unescape) {
            decoded.truncate(decoded.len() - 3);
            decoded.push(character);
        }
    }
    decoded
}

/// The character for which the encoding stands that a text ends with, if it is to be decoded.
fn decoded_at_end(text: &str, unescape: bool) -> Option<char> {
    let [.., b'%', high, low] = *text.as_bytes() else {
        return None;
    };
    match encoded(Some(&[high, low]))? {
        '/' | '\\' if unescape => Some('/'),
        character => is_unreserved(character).then_some(character),
    }
}

fn has_escaped_slash(path: &[u8]) -> bool {
    path.windows(3)
        .any(|three| three[0] == b'%' && matches!(encoded(Some(&three[1..])), Some('/' | '\\')))
}

/// The character that these two digits stand for.
fn encoded(hex: Option<&[u8]>) -> Option<char> {
    let &[high, low] = hex? else { return None };
    let value = char::from(high).to_digit(16)? * 16 + char::from(low).to_digit(16)?;
    char::from_u32(value)
}

fn is_unreserved(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '.' | '_' | '~')
}

#[cfg(test)]
mod tests {
    use super::*;

    const MERGE_OFF: NormalizePath = NormalizePath {
        merge_slashes: false,
        ..DEFAULT
    };
    const DEFAULT: NormalizePath = NormalizePath {
        dot_segments: DotSegments::Resolve,
        merge_slashes: true,
        escaped_slashes: EscapedSlashes::Keep,
    };

    fn escaped(escaped_slashes: EscapedSlashes) -> NormalizePath {
        NormalizePath {
            escaped_slashes,
            ..DEFAULT
        }
    }

    /// Checks that the path becomes this one, and that nothing more becomes of that.
    fn becomes(path: &str, normal: &str, rules: NormalizePath) {
        let expected = if path == normal {
            Normal::Same
        } else {
            Normal::Changed(normal.to_owned())
        };
        assert_eq!(normalize(path, rules), expected, "{path}");
        assert_eq!(normalize(normal, rules), Normal::Same, "{normal}");
    }

    #[test]
    fn equivalent_paths_become_equal() {
        assert_eq!(NormalizePath::default(), DEFAULT);
        for (path, normal) in [
            ("//admin", "/admin"),
            ("/a///b//", "/a/b/"),
            ("/public/../admin", "/admin"),
            ("/public/%2e%2E/admin", "/admin"),
            ("/public/.%2e/admin", "/admin"),
            ("/%61dmin", "/admin"),
            ("\\admin\\..\\x", "/x"),
            ("/a/./b/.", "/a/b/"),
            ("/a/b/..", "/a/"),
            ("/..", "/"),
            ("/../../etc/passwd", "/etc/passwd"),
            ("/%2e", "/"),
            ("//", "/"),
            ("/%7Euser", "/~user"),
            ("/a/%2%65%2%65/b", "/b"),
            ("/%%36%31", "/a"),
        ] {
            becomes(path, normal, DEFAULT);
        }
    }

    #[test]
    fn what_is_data_stays() {
        for path in [
            "/",
            "/a/b",
            "/a/b/",
            "/a%2Fb",
            "/a%2f..%2fb",
            "/.well-known/x",
            "/a/...",
            "/a..b",
            "/100%",
            "/%zz",
            "/%c3%a9",
            // `%25` is no unreserved character, so that there is no second meaning to find.
            "/%252e%252e/x",
        ] {
            becomes(path, path, DEFAULT);
        }
        becomes("/a/%2e%2e%2e/", "/a/.../", DEFAULT);
    }

    #[test]
    fn slashes_that_are_not_merged_stay() {
        for (path, normal) in [
            ("//", "//"),
            ("/a//b//", "/a//b//"),
            ("/to/https://x", "/to/https://x"),
            ("/a//../b", "/a/b"),
            ("/a//..", "/a/"),
            ("/a/./", "/a/"),
            ("/..//x", "//x"),
            ("/a\\\\b", "/a//b"),
        ] {
            becomes(path, normal, MERGE_OFF);
        }
    }

    #[test]
    fn escaped_slashes_are_slashes_where_the_rules_say_so() {
        let unescape = escaped(EscapedSlashes::Unescape);
        for (path, normal) in [
            ("/a%2Fb", "/a/b"),
            ("/a%2f..%5Cb", "/b"),
            ("/a%2F%2Fb%2F", "/a/b/"),
            ("/public%2F%2e%2e%2fadmin", "/admin"),
            ("/a%252Fb", "/a%252Fb"),
        ] {
            becomes(path, normal, unescape);
        }
        let redirect = escaped(EscapedSlashes::Redirect);
        let there = Normal::Redirect("/evil.example/".to_owned());
        assert_eq!(normalize("/%2Fevil.example%5c", redirect), there);
        becomes("/a//b", "/a/b", redirect);
        let reject = escaped(EscapedSlashes::Reject);
        assert_eq!(normalize("/a%5cb", reject), Normal::Refused);
        assert_eq!(normalize("/a%2%46b", reject), Normal::Refused, "in pieces");
        becomes("/%61//b%25", "/a/b%25", reject);
    }

    #[test]
    fn dot_segments_are_refused_where_the_rules_say_so() {
        let reject = NormalizePath {
            dot_segments: DotSegments::Reject,
            ..DEFAULT
        };
        for path in ["/a/..", "/./a", "/%2e%2E/a", "\\..", "/a/.%2e/b"] {
            assert_eq!(normalize(path, reject), Normal::Refused, "{path}");
        }
        becomes("/.a//b..", "/.a/b..", reject);
    }
}
