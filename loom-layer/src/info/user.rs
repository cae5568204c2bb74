//! Who a client has proved to be.

use std::sync::Arc;

/// Who a client has proved to be, for the properties `loom.user.name` and `loom.user.claims.NAME`.
///
/// Put it into the request's extensions before the layer, once the client was checked; without it these properties are not
/// found.
///
/// ```
/// use loom_layer::UserInfo;
///
/// let user = UserInfo::new("alice").with_claims([("role", "admin")]);
/// assert_eq!((user.name(), user.claim("role")), ("alice", Some("admin")));
///
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(user);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserInfo {
    inner: Arc<User>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct User {
    name: Box<str>,
    claims: Box<[(Box<str>, Box<str>)]>,
}

impl UserInfo {
    /// A user of this name; empty when there is none.
    pub fn new(name: &str) -> Self {
        Self {
            inner: Arc::new(User {
                name: name.into(),
                claims: Box::default(),
            }),
        }
    }

    /// What is known of the user beside the name, such as the claims of a token.
    #[must_use]
    pub fn with_claims<N, V>(mut self, claims: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<Box<str>>,
        V: Into<Box<str>>,
    {
        let claims = claims.into_iter();
        let claims = claims.map(|(name, value)| (name.into(), value.into()));
        Arc::make_mut(&mut self.inner).claims = claims.collect();
        self
    }

    /// The user's name.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// What is known of the user under this name.
    pub fn claim(&self, name: &str) -> Option<&str> {
        let mut claims = self.inner.claims.iter();
        let found = claims.find(|(known, _)| &**known == name)?;
        Some(&found.1)
    }
}
