use loom_config::Loader;

use super::*;

/// Finds the ids of routes, from a section `routes` in which every route leads to `e`.
struct Table {
    routes: Vec<Route>,
    matcher: Matcher,
}

fn table(routes: &str) -> Table {
    let text = format!("routes:\n{routes}\nupstreams: [{{name: e, builtin: echo}}]");
    let config = Loader::default().parse("loom.yaml", &text);
    let routes = config.unwrap_or_else(|faults| panic!("{faults}")).routes;
    let matcher = Matcher::new(&routes.iter().collect::<Vec<_>>());
    Table { routes, matcher }
}

impl Table {
    fn find(&self, host: &str, target: &str) -> Option<&str> {
        self.ask(host, "GET", target, &[])
    }

    fn ask(
        &self,
        host: &str,
        method: &str,
        target: &str,
        headers: &[(&'static str, &str)],
    ) -> Option<&str> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().expect("a value"));
        }
        let method = method.parse().expect("a method");
        let uri = target.parse().expect("a target");
        let found = self.matcher.find_on(host, &method, &uri, &map)?;
        Some(&self.routes[found.route].id)
    }
}

/// Rows of a flow mapping, as routes.
fn routes(rows: &[&str]) -> Table {
    let rows = rows
        .iter()
        .map(|row| format!("  - {{{row}, upstream: e}}\n"));
    table(&rows.collect::<String>())
}

#[test]
fn a_prefix_ends_at_a_segment() {
    let table = routes(&["id: api, path: /api/*"]);
    for path in ["/api", "/api/", "/api/x", "/api/x/y"] {
        assert_eq!(table.find("", path), Some("api"), "{path}");
    }
    for path in ["/apis", "/ap", "/", "/x/api", "/API"] {
        assert_eq!(table.find("", path), None, "{path}");
    }
}

#[test]
fn exact_beats_template_beats_the_longest_prefix_beats_regex() {
    let mut rows = [
        "id: rest, path: {regex: '.*'}",
        "id: a, path: /a/*",
        "id: ab, path: /a/b/*",
        "id: template, path: '/a/{x}'",
        "id: exact, path: /a/b",
    ];
    for _ in 0..2 {
        let table = routes(&rows);
        assert_eq!(table.find("", "/a/b"), Some("exact"));
        assert_eq!(table.find("", "/a/c"), Some("template"));
        assert_eq!(table.find("", "/a/b/"), Some("ab"));
        assert_eq!(table.find("", "/a/c/d"), Some("a"));
        assert_eq!(table.find("", "/a"), Some("a"));
        assert_eq!(table.find("", "/x"), Some("rest"));
        rows.reverse();
    }
}

#[test]
fn texts_in_templates_beat_parameters() {
    let mut rows = [
        "id: any, path: '/{a}/{b}'",
        "id: users, path: '/users/{id}'",
        "id: me, path: '/{kind}/me'",
        "id: slash, path: '/users/{id}/'",
        "id: posts, path: '/users/{id}/posts'",
        "id: below, path: '/users/{id}/*'",
        "id: other, path: '/{a}/x/z'",
    ];
    for _ in 0..2 {
        let table = routes(&rows);
        for (path, id) in [
            ("/a/b", Some("any")),
            ("/users/1", Some("users")),
            ("/users/me", Some("users")),
            ("/groups/me", Some("me")),
            ("/users/1/", Some("slash")),
            ("/users/1/posts", Some("posts")),
            ("/users/1/posts/2", Some("below")),
            // Nothing takes it further down: what was passed by is tried.
            ("/users/x/z", Some("below")),
            ("/groups/x/z", Some("other")),
            ("/users/", None),
            ("/users", None),
            ("/", None),
            ("/a/b/c", None),
        ] {
            assert_eq!(table.find("", path), id, "{path}");
        }
        rows.reverse();
    }
}

#[test]
fn the_closest_host_wins_and_none_is_the_last() {
    let table = routes(&[
        "id: none, path: /*",
        "id: example, host: '*.example.com', path: /*",
        "id: api, host: '*.api.example.com', path: /*",
        "id: exact, host: a.api.example.com, path: /only/*",
    ]);
    for (host, path, id) in [
        ("a.api.example.com", "/only/x", "exact"),
        // No path of the exact host takes it: the next one does.
        ("a.api.example.com", "/else", "api"),
        ("x.y.api.example.com", "/", "api"),
        ("api.example.com", "/", "example"),
        // A wildcard does not take the domain itself.
        ("example.com", "/", "none"),
        ("notexample.com", "/", "none"),
        ("", "/", "none"),
    ] {
        assert_eq!(table.find(host, path), Some(id), "{host}{path}");
    }
}

#[test]
fn the_route_that_asks_for_more_comes_first_then_the_lower_order() {
    let mut rows = [
        "id: plain, path: /*",
        "id: get, path: /*, methods: GET",
        "id: canary, path: /*, headers: {name: x-canary, exact: '1'}, order: 1",
        "id: both, path: /*, methods: [GET, PUT], headers: {name: x-canary, exact: '1'}",
        "id: first, path: /*, methods: DELETE, order: -1",
    ];
    for _ in 0..2 {
        let table = routes(&rows);
        let canary = [("x-canary", "1")];
        assert_eq!(table.ask("", "POST", "/", &[]), Some("plain"));
        assert_eq!(table.ask("", "GET", "/", &[]), Some("get"));
        assert_eq!(table.ask("", "GET", "/", &canary), Some("both"));
        assert_eq!(table.ask("", "POST", "/", &canary), Some("canary"));
        assert_eq!(table.ask("", "DELETE", "/", &canary), Some("first"));
        rows.reverse();
    }
}

#[test]
fn a_route_whose_conditions_do_not_hold_is_as_if_it_were_not_there() {
    let table = routes(&[
        "id: exact, host: a, path: /a, methods: POST",
        "id: template, host: a, path: '/{x}', query: {name: t, present: true}",
        "id: prefix, host: a, path: /a/*, headers: {name: x-p, present: true}",
        "id: regex, host: a, path: {regex: '/[a-c]'}, headers: {name: x-r, present: true}",
        "id: rest, path: /*",
    ]);
    assert_eq!(table.ask("a", "POST", "/a?t", &[]), Some("exact"));
    assert_eq!(table.ask("a", "GET", "/a?t", &[]), Some("template"));
    let headers = [("x-p", ""), ("x-r", "")];
    assert_eq!(table.ask("a", "GET", "/a", &headers), Some("prefix"));
    assert_eq!(table.ask("a", "GET", "/b", &headers), Some("regex"));
    assert_eq!(table.ask("a", "GET", "/d", &headers), Some("rest"));
    assert_eq!(table.ask("a", "GET", "/a", &[]), Some("rest"));
}

#[test]
fn one_of_several_values_is_enough() {
    let table = routes(&[
        "id: exact, path: /exact, headers: {name: x-a, exact: 'é'}, query: {name: 'q r', exact: 'a b'}",
        "id: regex, path: /regex, headers: {name: x-a, regex: 'b+'}, query: {name: q, regex: 'b+'}",
        "id: absent, path: /absent, headers: {name: x-a, present: false}, query: {name: q, present: false}",
    ]);
    for (target, header, id) in [
        ("/exact?q+r=x&q%20r=a%20b", "é", Some("exact")),
        ("/exact?q+r=a+b", "é", Some("exact")),
        ("/exact?q+r=ab", "é", None),
        ("/exact?q+r=a+b", "e", None),
        ("/regex?q=bb", "b", Some("regex")),
        ("/regex?q=bb", "ab", None),
        ("/regex?q=abb", "b", None),
        ("/absent", "x", None),
    ] {
        let headers = [("x-a", "other"), ("x-a", header)];
        assert_eq!(
            table.ask("", "GET", target, &headers),
            id,
            "{target} {header}"
        );
    }
    assert_eq!(table.find("", "/absent"), Some("absent"));
    assert_eq!(table.find("", "/absent?q"), None);
}

#[test]
fn a_path_that_is_cut_inside_a_character_is_no_panic() {
    assert_eq!(routes(&["id: a, path: /a/*"]).find("", "/é/"), None);
}
