//! Upstreams that lead back to the gateway itself.

use loom_config::Loader;

/// The places of the warnings, and what they say.
fn warnings(yaml: &str) -> Vec<(String, String)> {
    let config = Loader::default().parse("loom.yaml", yaml);
    let config = config.unwrap_or_else(|error| panic!("{yaml}\n{error}"));
    let warnings = config.warnings.iter();
    let each = warnings.map(|one| (one.path().to_owned(), one.message().to_owned()));
    each.collect()
}

fn places(yaml: &str) -> Vec<String> {
    warnings(yaml).into_iter().map(|(place, _)| place).collect()
}

#[test]
fn an_endpoint_that_is_the_listener_of_its_own_requests() {
    let yaml = "
listeners: [{name: web, address: '127.0.0.1:8080'}]
routes: [{id: all, path: /*, upstream: self}]
upstreams: [{name: self, endpoints: '127.0.0.1:8080'}]
";
    let message = "endpoint 127.0.0.1:8080 of upstream `self` is this gateway's own listener `web`: a request that takes it comes back, and each pass holds a connection";
    let expected = [("upstreams[0].endpoints".to_owned(), message.to_owned())];
    assert_eq!(warnings(yaml), expected);

    // Without listeners there is one on port 8080.
    let yaml = "
routes: [{id: all, path: /*, split: [{upstream: other, weight: 1}, {upstream: self, weight: 1}]}]
upstreams:
  - {name: other, endpoints: '10.0.0.1:8080'}
  - {name: self, endpoints: ['10.0.0.1:8080', {address: 'localhost:8080', weight: 2}, '127.0.0.1:8081']}
";
    assert_eq!(places(yaml), ["upstreams[1].endpoints[1]"]);

    let yaml = "
listeners: [{name: web, address: 'unix:/run/a.sock'}]
routes: [{id: all, path: /*, upstream: self}]
upstreams: [{name: self, endpoints: ['unix:/run/b.sock', 'unix:/run/a.sock']}]
";
    assert_eq!(places(yaml), ["upstreams[0].endpoints[1]"]);
}

#[test]
fn one_listener_behind_another_is_no_circle_until_it_leads_back() {
    let chain = |behind: &str| {
        format!(
            "
listeners: [{{name: outer, address: '127.0.0.1:8080'}}, {{name: inner, address: '127.0.0.1:8081'}}]
routes:
  - {{id: a, path: /*, listeners: outer, upstream: inner}}
  - {{id: b, path: /*, listeners: inner, upstream: {behind}}}
upstreams:
  - {{name: inner, endpoints: '127.0.0.1:8081'}}
  - {{name: outer, endpoints: '127.0.0.1:8080'}}
  - {{name: app, endpoints: '127.0.0.1:3000'}}
"
        )
    };
    assert!(places(&chain("app")).is_empty());
    let both = ["upstreams[0].endpoints", "upstreams[1].endpoints"];
    assert_eq!(places(&chain("outer")), both);
    assert_eq!(places(&chain("inner")), both[..1]);
}

#[test]
fn what_does_not_come_back_is_worth_no_word() {
    for yaml in [
        // Nobody uses it.
        "
listeners: [{name: web, address: '127.0.0.1:8080'}]
routes: [{id: all, path: /*, respond: 204}]
upstreams: [{name: self, endpoints: '127.0.0.1:8080'}]
",
        // It speaks something else.
        "
listeners: [{name: web, address: '127.0.0.1:8080'}]
routes: [{id: all, path: /*, upstream: self}]
upstreams: [{name: self, endpoints: '127.0.0.1:8080', tls: {verify: false}}]
",
        // Any port.
        "
listeners: [{name: web, address: '127.0.0.1:0'}]
routes: [{id: all, path: /*, upstream: self}]
upstreams: [{name: self, endpoints: '127.0.0.1:8080'}]
",
        // What comes there goes nowhere.
        "
listeners: [{name: plain, address: '127.0.0.1:8080', redirect_https: true}, {name: web, address: '127.0.0.1:8081'}]
routes: [{id: all, path: /*, upstream: plain}]
upstreams: [{name: plain, endpoints: '127.0.0.1:8080'}]
",
    ] {
        assert!(places(yaml).is_empty(), "{yaml}");
    }
}
