//! What plugins and upstreams are told of who a client is, in headers that nobody else can set.

use http::header::{HeaderMap, HeaderName};

/// Takes out a header of this name, and of names that some servers take for the same: in a CGI-like environment `x_user` and `x-user` are
/// one variable.
pub(super) fn forget(headers: &mut HeaderMap, name: &HeaderName) {
    let same = |other: &HeaderName| {
        let (one, other) = (name.as_str().bytes(), other.as_str().bytes());
        let plain = |byte| if byte == b'_' { b'-' } else { byte };
        one.map(plain).eq(other.map(plain))
    };
    while let Some(found) = headers.keys().find(|&other| same(other)).cloned() {
        headers.remove(found);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn names_that_are_taken_for_the_same_go_too() {
        let mut headers = HeaderMap::new();
        for name in ["x-user-id", "x_user-id", "x-user_id", "x-user"] {
            headers.append(name, HeaderValue::from_static("a"));
            headers.append(name, HeaderValue::from_static("b"));
        }
        forget(&mut headers, &HeaderName::from_static("x-user-id"));
        let left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["x-user"]);
    }
}
