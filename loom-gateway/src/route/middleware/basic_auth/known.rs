//! Credentials that were verified: the next request with them need not wait for bcrypt.

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::{hmac, rand};
use lru::LruCache;
use parking_lot::Mutex;

use super::credentials::Credentials;
use crate::limits;

/// What stands for verified credentials; who reads it learns no password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Tag([u8; 32]);

/// Those that were used last. Only tags are kept, made with a key that lives as long as this.
#[derive(Debug)]
pub(super) struct Known {
    key: hmac::Key,
    tags: Mutex<LruCache<Tag, ()>>,
}

impl Known {
    /// An error is a system without random numbers.
    pub(super) fn new() -> Result<Self, Unspecified> {
        let mut key = [0; 32];
        rand::fill(&mut key)?;
        Ok(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            // Grows as users come, up to the limit.
            tags: Mutex::new(LruCache::unbounded()),
        })
    }

    pub(super) fn tag(&self, credentials: &Credentials) -> Tag {
        let mut context = hmac::Context::with_key(&self.key);
        // The length says where the name ends.
        context.update(&credentials.user.len().to_le_bytes());
        context.update(credentials.user.as_bytes());
        context.update(&credentials.password);
        let mut tag = [0; 32];
        tag.copy_from_slice(&context.sign().as_ref()[..32]);
        Tag(tag)
    }

    pub(super) fn has(&self, tag: Tag) -> bool {
        self.tags.lock().get(&tag).is_some()
    }

    pub(super) fn add(&self, tag: Tag) {
        let mut tags = self.tags.lock();
        tags.put(tag, ());
        if tags.len() > limits::KNOWN_CREDENTIALS {
            tags.pop_lru();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(user: &str, password: &str) -> Credentials {
        Credentials {
            user: user.to_owned(),
            password: password.as_bytes().to_vec(),
        }
    }

    #[test]
    fn only_what_was_added_is_known() {
        let known = Known::new().expect("random numbers");
        let tag = |user, password| known.tag(&credentials(user, password));
        known.add(tag("al", "secret"));
        assert!(known.has(tag("al", "secret")));
        for (user, password) in [("al", "Secret"), ("als", "ecret"), ("", "alsecret")] {
            assert!(!known.has(tag(user, password)), "{user} {password}");
        }
        let other = Known::new().expect("random numbers");
        assert_ne!(other.tag(&credentials("al", "secret")), tag("al", "secret"));
    }

    #[test]
    fn there_is_an_end_to_it() {
        let known = Known::new().expect("random numbers");
        for number in 0..=limits::KNOWN_CREDENTIALS {
            known.add(known.tag(&credentials("al", &number.to_string())));
        }
        assert_eq!(known.tags.lock().len(), limits::KNOWN_CREDENTIALS);
        assert!(!known.has(known.tag(&credentials("al", "0"))));
    }
}
