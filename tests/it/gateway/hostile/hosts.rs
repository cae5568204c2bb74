//! Which host a request is for (RFC 9112, 3.2 and 3.3): one, well formed, and the same for routes, plugins and upstream.

use super::{LAST_SEEN, Recorder, Scene, expect, refused};
use crate::gateway::support::{Raw, address, start};

#[tokio::test]
async fn there_is_one_host() {
    for hosts in [
        "",
        "host:\r\n",
        "host: \t\r\n",
        "host: a\r\nhost: a\r\n",
        "host: a\r\nHost: b\r\n",
        "host: a\r\nhost:\r\n",
        "host: a, b\r\n",
        "host: a b\r\n",
        "host: a@b\r\n",
        "host: a:80@b\r\n",
        "host: a/b\r\n",
        "host: a\\b\r\n",
        "host: a?b\r\n",
        "host: a#b\r\n",
        "host: http://a\r\n",
        "host: a:80:80\r\n",
        "host: a:x\r\n",
        "host: :80\r\n",
        "host: [::1\r\n",
        "host: [::1]b\r\n",
        "host: [a]\r\n",
        "host: \u{e9}\r\n",
        "host: \"a\"\r\n",
    ] {
        refused(format!("GET / HTTP/1.1\r\n{hosts}\r\n"), 400).await;
        // The target's host does not make it good.
        if hosts.matches("ost:").count() > 1 {
            refused(format!("GET http://a/ HTTP/1.1\r\n{hosts}\r\n"), 400).await;
        }
    }
    for target in [
        "http://a@b/",
        "http://a:x/",
        "http://[a]/",
        "http://a:80:80/",
        "https://@b/",
    ] {
        refused(format!("GET {target} HTTP/1.1\r\nhost: b\r\n\r\n"), 400).await;
    }
}

#[tokio::test]
async fn the_targets_host_is_the_one_that_counts() {
    let scene = Scene::new().await;
    let request = "GET http://target.example:81/x HTTP/1.1\r\nhost: other.example\r\nx-forwarded-host: evil\r\n\
                   connection: close\r\n\r\n";
    assert_eq!(scene.send(request).await, [200]);
    let seen = &scene.upstream.requests()[0];
    assert!(
        seen.head.starts_with("GET /x HTTP/1.1\r\n"),
        "{}",
        seen.head
    );
    assert_eq!(seen.values("host"), ["target.example:81"]);
    assert_eq!(seen.values("x-forwarded-host"), ["target.example:81"]);
    assert!(!scene.upstream.text().contains("other"));

    let odd = "GET /a HTTP/1.0\r\n\r\n";
    expect(odd, &[200], &["GET /a"]).await;
    expect(
        "GET http://a HTTP/1.1\r\nhost: a\r\n\r\n",
        &[200, 200],
        &["GET /", LAST_SEEN],
    )
    .await;
}

/// What routes compare is what the upstream gets.
#[tokio::test]
async fn nobody_comes_past_the_route_of_a_host() {
    let (open, guarded) = (Recorder::start().await, Recorder::start().await);
    let gateway = start(&format!(
        "routes:
  - {{id: open, host: open.example, path: '/*', upstream: open}}
  - {{id: guarded, host: guarded.example, path: '/*', upstream: guarded, response_headers: {{set: {{x-guarded: 'yes'}}}}}}
upstreams:
  - {{name: open, endpoints: ['{}']}}
  - {{name: guarded, endpoints: ['{}']}}",
        open.address, guarded.address
    ))
    .await;
    for (line, hosts, status) in [
        ("GET /", "host: guarded.example", 200),
        ("GET /", "host: GUARDED.example.", 200),
        ("GET /", "host: guarded.example:1", 200),
        ("GET http://guarded.example/", "host: open.example", 200),
        ("GET http://GUARDED.example./", "host: open.example", 200),
        (
            "GET /",
            "host: open.example\r\nx-forwarded-host: guarded.example",
            200,
        ),
        ("GET http://open.example/", "host: guarded.example", 200),
        ("GET /", "host: open.example:80@guarded.example", 400),
        (
            "GET http://open.example@guarded.example/",
            "host: open.example",
            400,
        ),
        (
            "GET http://open.example:80@guarded.example/",
            "host: open.example",
            400,
        ),
        ("GET /", "host: open.example\r\nhost: guarded.example", 400),
        ("GET /", "host: open.example, guarded.example", 400),
        ("GET /", "host: open.example guarded.example", 400),
        ("GET /", "host: open.example/guarded.example", 400),
        ("GET /", "host: guarded.example..", 404),
        ("GET /", "host: xguarded.example", 404),
    ] {
        let request = format!("{line} HTTP/1.1\r\n{hosts}\r\nconnection: close\r\n\r\n");
        let response = Raw::exchange(address(&gateway), &request).await;
        assert_eq!(super::statuses(&response), [status], "{request}");
    }
    for request in open.requests() {
        assert!(
            !request.head.to_lowercase().contains("guarded"),
            "{}",
            request.head
        );
    }
    assert_eq!((open.requests().len(), guarded.requests().len()), (2, 5));
}
