//! The parameters of a path: the segments of a template, the named groups of a regular expression.

use loom_config::model::{PathMatch, PathTemplate, Pattern, Segment};
use loom_layer::PathParameters;

/// What `matched` has names for in a path that it takes.
pub(crate) fn of(matched: &PathMatch, path: &str) -> Option<PathParameters> {
    match matched {
        PathMatch::Exact(_) | PathMatch::Prefix(_) => None,
        PathMatch::Template(template) => Some(of_template(template, path)),
        PathMatch::Regex(pattern) => of_pattern(pattern, path),
    }
}

fn of_template(template: &PathTemplate, path: &str) -> PathParameters {
    let segments = template.segments.iter().zip(path.split('/').skip(1));
    let named = segments.filter_map(|(segment, value)| match segment {
        Segment::Parameter(name) => Some((name.as_str(), value)),
        Segment::Literal(_) => None,
    });
    named.collect()
}

fn of_pattern(pattern: &Pattern, path: &str) -> Option<PathParameters> {
    let regex = pattern.regex();
    // The first group, which is the whole match, has no name.
    let mut names = regex.capture_names().flatten().peekable();
    names.peek()?;
    let captures = regex.captures(path)?;
    let named = names.filter_map(|name| Some((name, captures.name(name)?.as_str())));
    Some(named.collect())
}

#[cfg(test)]
mod tests {
    use loom_config::Loader;

    use super::*;

    fn parameters(path: &str, request: &str) -> Option<PathParameters> {
        let text = format!(
            "routes: [{{id: a, path: {path}, upstream: e}}]\nupstreams: [{{name: e, builtin: echo}}]"
        );
        let config = Loader::default().parse("loom.yaml", &text).expect("valid");
        of(&config.routes[0].paths[0], request)
    }

    #[test]
    fn segments_and_groups_have_names() {
        for (path, request) in [
            ("'/users/{id}/posts/{post}'", "/users/4%2F2/posts/x"),
            ("'/users/{id}/{kind}/{post}/*'", "/users/4%2F2/posts/x/y/z"),
            (
                "{regex: '/users/(?<id>[^/]+)/(posts)/(?<post>.)(?<none>y)?'}",
                "/users/4%2F2/posts/x",
            ),
        ] {
            let found = parameters(path, request).expect("parameters");
            assert_eq!(found.get("id"), Some("4%2F2"), "{path}");
            assert_eq!(found.get("post"), Some("x"), "{path}");
            assert_eq!(found.get("none"), None, "{path}");
        }
    }

    #[test]
    fn what_has_no_names_has_no_parameters() {
        for path in ["/a", "/a/*", "{regex: '/(a)'}"] {
            assert_eq!(parameters(path, "/a"), None, "{path}");
        }
    }
}
