//! A name and a password, as a client sends them.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// A name and a password.
pub(super) struct Credentials {
    pub(super) user: String,
    pub(super) password: Vec<u8>,
}

/// A password is for no log.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Credentials");
        shown.field("user", &self.user).finish_non_exhaustive()
    }
}

impl Credentials {
    /// `None` when there are none, or when it is not certain which.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return None;
        };
        let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = STANDARD.decode(encoded.trim()).ok()?;
        let colon = decoded.iter().position(|&byte| byte == b':')?;
        let user = std::str::from_utf8(&decoded[..colon]).ok()?;
        Some(Self {
            user: user.to_owned(),
            password: decoded[colon + 1..].to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(values: &[&'static str]) -> Option<(String, Vec<u8>)> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_static(value));
        }
        Credentials::of(&headers).map(|found| (found.user, found.password))
    }

    #[test]
    fn a_name_ends_at_the_first_colon() {
        let found = Some(("al".to_owned(), b"p:w".to_vec()));
        assert_eq!(of(&["Basic YWw6cDp3"]), found);
        assert_eq!(of(&["bASIC YWw6cDp3"]), found);
    }

    #[test]
    fn what_is_not_certain_is_nothing() {
        for values in [
            &[][..],
            &["YWw6cDp3"],
            &["Bearer YWw6cDp3"],
            &["Basic ***"],
            &["Basic YWw="],
            &["Basic YWw6cDp3", "Basic YWw6cDp3"],
        ] {
            assert_eq!(of(values), None, "{values:?}");
        }
    }
}
