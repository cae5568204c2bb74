//! What a route took out of a path.

use std::sync::Arc;

/// The parts of a request's path that its route has names for, for the properties `loom.path_parameters.NAME`.
///
/// Put it into the request's extensions before the layer; without it these properties are not found.
///
/// ```
/// use loom_layer::PathParameters;
///
/// let parameters: PathParameters = [("id", "42")].into_iter().collect();
/// assert_eq!(parameters.get("id"), Some("42"));
///
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(parameters);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathParameters {
    inner: Arc<[(Box<str>, Box<str>)]>,
}

impl PathParameters {
    /// The value of a parameter, as it stands in the path.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.inner.iter().find(|(known, _)| &**known == name)?;
        Some(&found.1)
    }
}

impl<N: Into<Box<str>>, V: Into<Box<str>>> FromIterator<(N, V)> for PathParameters {
    /// Of several parameters of one name the first one counts.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(parameters: I) -> Self {
        let owned = parameters
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        Self {
            inner: owned.collect(),
        }
    }
}
