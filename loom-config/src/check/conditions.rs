//! What a route asks about beside host and path: methods, headers, the query.

use http::{HeaderName, Method};

use super::Checker;
use crate::model::{Predicate, Test};
use crate::raw::{FieldTest, MethodName};
use crate::schema::quoted;
use crate::tree::KeyPath;

/// Reads a method.
pub(super) fn method(
    raw: &MethodName,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Method> {
    let written = &raw.0;
    let method = Method::from_bytes(written.as_bytes()).ok();
    match method.filter(|_| !written.bytes().any(|byte| byte.is_ascii_lowercase())) {
        Some(method) => Some(method),
        None => {
            let message = format!(
                "{} is not a method; methods are tokens in capitals",
                quoted(written)
            );
            let capitals = written.to_ascii_uppercase();
            let fault = checker.fault(path, message);
            if Method::from_bytes(capitals.as_bytes()).is_ok() {
                fault.with_hint(format!("did you mean `{capitals}`?"));
            }
            None
        }
    }
}

/// Reads what is asked about a header.
pub(super) fn header(
    raw: &FieldTest,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Predicate<HeaderName>> {
    let test = test(raw, path, checker);
    let written = raw.name.as_deref()?;
    let name = HeaderName::from_bytes(written.as_bytes()).ok();
    match name.filter(|name| *name != http::header::HOST) {
        Some(name) => Some(Predicate { name, test: test? }),
        None => {
            let message = format!("{} is not the name of a header", quoted(written));
            let fault = checker.fault(&path.key("name"), message);
            let meant = match written.to_ascii_lowercase().as_str() {
                "host" | ":authority" => Some("host"),
                ":path" => Some("path"),
                ":method" => Some("methods"),
                _ => None,
            };
            if let Some(key) = meant {
                fault.with_hint(format!("the route has the key `{key}` for it"));
            }
            None
        }
    }
}

/// Reads what is asked about a parameter of the query.
pub(super) fn parameter(
    raw: &FieldTest,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Predicate<String>> {
    let test = test(raw, path, checker);
    let name = raw.name.clone()?;
    Some(Predicate { name, test: test? })
}

fn test(raw: &FieldTest, path: &KeyPath<'_>, checker: &mut Checker<'_>) -> Option<Test> {
    match (&raw.exact, &raw.regex, raw.present) {
        (Some(exact), None, None) => Some(Test::Exact(exact.clone())),
        (None, Some(regex), None) => checker
            .pattern(regex, &path.key("regex"))
            .map(Test::Matches),
        (None, None, Some(present)) => Some(Test::Present(present)),
        (None, None, None) if !checker.is_empty_of(path, &["exact", "regex", "present"]) => None,
        _ => {
            let message = "expected one of `exact`, `regex` and `present`";
            checker.fault(path, message);
            None
        }
    }
}
