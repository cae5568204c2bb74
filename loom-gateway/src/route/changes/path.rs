//! Another path for the upstream; the query stays.

use http::uri::PathAndQuery;
use http::{Request, Uri};
use loom_config::model::PathChange;
use loom_layer::PathParameters;

use super::InvalidPath;
use super::template::render;

pub(super) fn change<B>(request: &mut Request<B>, change: &PathChange) -> Result<(), InvalidPath> {
    let parameters = request.extensions().get::<PathParameters>();
    let Some(path) = changed(request.uri().path(), change, parameters) else {
        return Ok(());
    };
    let uri = with_path(request.uri(), path).ok_or(InvalidPath)?;
    *request.uri_mut() = uri;
    Ok(())
}

/// The new path; `None` when it stays.
fn changed(path: &str, change: &PathChange, parameters: Option<&PathParameters>) -> Option<String> {
    match change {
        PathChange::Strip(prefix) => {
            let rest = path.strip_prefix(prefix.as_str())?;
            match rest.as_bytes().first() {
                None => Some("/".to_owned()),
                Some(b'/') => Some(rest.to_owned()),
                // It began in the same way, and went on in its segment.
                Some(_) => None,
            }
        }
        PathChange::Template(template) => Some(render(template, |name| parameters?.get(name))),
        PathChange::Regex(pattern, template) => {
            let captures = pattern.regex().captures(path)?;
            let group = |name: &str| match name.parse() {
                Ok(number) => captures.get(number),
                Err(_) => captures.name(name),
            };
            Some(render(template, |name| Some(group(name)?.as_str())))
        }
    }
}

fn with_path(uri: &Uri, mut path: String) -> Option<Uri> {
    if let Some(query) = uri.query() {
        path.push('?');
        path.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::from_maybe_shared(path).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use loom_config::Loader;
    use loom_config::model::Changes;

    use super::*;

    /// The target that the upstream gets, by a route with this key.
    fn target(key: &str, target: &'static str) -> String {
        let text = format!(
            "routes: [{{id: a, path: '/api/{{id}}', {key}, upstream: e}}]\nupstreams: [{{name: e, builtin: echo}}]"
        );
        let config = Loader::default().parse("loom.yaml", &text);
        let mut config = config.unwrap_or_else(|faults| panic!("{faults}"));
        let Changes { path, .. } = config.routes.remove(0).changes;
        let mut request = Request::new(());
        *request.uri_mut() = Uri::from_static(target);
        let parameters = PathParameters::from_iter([("id", "4%2F2")]);
        request.extensions_mut().insert(parameters);
        change(&mut request, &path.expect("a change")).expect("a path");
        request.uri().to_string()
    }

    #[test]
    fn a_prefix_is_taken_away_by_segments() {
        for (sent, seen) in [
            ("/api", "/"),
            ("/api/", "/"),
            ("/api/x/y?q=/api", "/x/y?q=/api"),
            ("/apis", "/apis"),
            ("/x/api", "/x/api"),
            ("http://h/api/x", "http://h/x"),
        ] {
            assert_eq!(target("strip_prefix: /api", sent), seen, "{sent}");
            assert_eq!(target("strip_prefix: /api/", sent), seen, "{sent}");
        }
    }

    #[test]
    fn a_template_gets_the_parameters() {
        assert_eq!(target("rewrite: '/v2/{id}/x'", "/api/1?a"), "/v2/4%2F2/x?a");
        assert_eq!(target("rewrite: /fixed", "/api/1?a"), "/fixed?a");
    }

    #[test]
    fn an_expression_gets_its_groups() {
        let key = "rewrite: {regex: '/(api)/(?<rest>.*)', with: '/{rest}/{1}/$1'}";
        assert_eq!(target(key, "/api/1/2?a"), "/1/2/api/$1?a");
        assert_eq!(target(key, "/other/1?a"), "/other/1?a");
    }
}
