//! Plugins that write what would make of one message two, or another one.

use tempfile::TempDir;

use super::{LAST, LAST_SEEN, Recorder, statuses};
use crate::gateway::support::{Raw, address, panics, start};
use crate::layer::zoo::wasm;

/// A gateway whose one plugin does this in the phase that `x-phase` names, and its upstream.
async fn scene(folder: &TempDir, does: &str) -> (loom_gateway::Running, Recorder) {
    let file = folder.path().join("evil.wasm");
    std::fs::write(&file, wasm(&format!("{does} (i32.const 0)"))).expect("a writable folder");
    let upstream = Recorder::start().await;
    let gateway = start(&format!(
        "plugins: [{{name: evil, path: '{}'}}]\nroutes: [{{id: all, path: '/*', plugins: [evil], upstream: up}}]\n\
         upstreams: [{{name: up, endpoints: ['{}']}}]",
        file.display(),
        upstream.address
    ))
    .await;
    (gateway, upstream)
}

/// All that comes back for a request whose headers the plugin changes in this phase, and for an ordinary one behind it.
async fn exchange(does: &str, phase: &str) -> (String, Vec<String>, String) {
    let folder = TempDir::new().expect("a folder");
    let (gateway, upstream) = scene(&folder, does).await;
    let request = format!(
        "POST /a HTTP/1.1\r\nhost: a\r\nx-phase: {phase}\r\ncontent-length: 3\r\n\r\nabc{LAST}"
    );
    let response = Raw::exchange(address(&gateway), &request).await;
    panics::assert_none();
    (response, upstream.summaries(), upstream.text())
}

#[tokio::test]
async fn a_request_stays_one_request() {
    let set = |name: &str, value: &str| {
        format!(r#"(drop (call $replace (i32.const 0) @"{name}" @"{value}"))"#)
    };
    let add = |name: &str, value: &str| {
        format!(r#"(drop (call $add (i32.const 0) @"{name}" @"{value}"))"#)
    };
    for does in [
        set("content-length", "x"),
        add("content-length", "3"),
        add("content-length", "99"),
        set("transfer-encoding", "chunked"),
        set("transfer-encoding", "gzip"),
        set("connection", "content-length"),
        set("connection", "upgrade") + &set("upgrade", "h2c"),
        set("connection", "upgrade") + &set("upgrade", "websocket"),
        set("x", r"a\0d\0aevil: 1"),
        set("x", r"a\0aevil: 1"),
        set(r"x\0d\0aevil", "1"),
        set("x: 1", "1"),
        set(":path", r"/a HTTP/1.1\0d\0aevil: 1"),
        set(":path", "/a b"),
        set(":path", "a"),
        set(":path", "http://b/"),
        set(":method", r"POST /evil"),
        set(":method", r"GET\0d\0a"),
        set(":authority", r"a\0d\0aevil: 1"),
        set(":authority", "a b"),
        set("expect", "100-continue"),
        set("trailer", "host"),
        set("keep-alive", "evil"),
    ] {
        let (response, seen, text) = exchange(&does, "b").await;
        assert_eq!(statuses(&response), [200, 200], "{does}: {response}");
        assert_eq!(seen.len(), 2, "{does}: {seen:?}");
        assert!(
            seen[0].starts_with("POST /a ") && seen[0].ends_with("| abc"),
            "{does}: {seen:?}"
        );
        assert_eq!(seen[1], LAST_SEEN, "{does}");
        for gone in ["evil", "\r\nupgrade:", "\r\nconnection:"] {
            assert!(!text.contains(gone), "{does}: {text}");
        }
    }
    // A plugin is held to a length that it promises: the request may break off there, and what is left is none.
    for does in [
        set("content-length", "0"),
        set("content-length", "1"),
        set("content-length", "99"),
        set("transfer-encoding", "identity") + &set("content-length", "0"),
    ] {
        let (_, seen, _) = exchange(&does, "b").await;
        for seen in seen {
            let is_first = seen.starts_with("POST /a |") && !seen.contains("GET");
            assert!(is_first || seen == LAST_SEEN, "{does}: {seen}");
        }
    }
    let (response, seen, _) = exchange(&set(":method", "CONNECT"), "b").await;
    assert_eq!(statuses(&response)[0], 501, "{response}");
    assert!(
        !seen.iter().any(|seen| seen.starts_with("CONNECT")),
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_response_stays_one_response() {
    let set = |name: &str, value: &str| {
        format!(r#"(drop (call $replace (i32.const 2) @"{name}" @"{value}"))"#)
    };
    for does in [
        set("content-length", "x"),
        set("transfer-encoding", "gzip"),
        set("transfer-encoding", "chunked"),
        set("connection", "upgrade") + &set("upgrade", "h2c"),
        set("x", r"a\0d\0aevil: 1"),
        set("x", r"a\0d\0a\0d\0aevil"),
        set(r"x\0d\0aevil", "1"),
        set(":status", r"200 OK\0d\0aevil: 1"),
        set(":status", "+20"),
        set(":status", "20"),
    ] {
        let (response, seen, _) = exchange(&does, "e").await;
        assert_eq!(seen.len(), 2, "{does}: {seen:?}");
        assert!(!response.contains("evil"), "{does}: {response}");
        let got = statuses(&response);
        assert!(
            [[200, 200], [502, 200]].contains(&got[..].try_into().unwrap_or([0; 2])),
            "{does}: {response}"
        );
        assert_eq!(
            response.matches("content-length").count(),
            2,
            "{does}: {response}"
        );
        assert!(response.ends_with("\r\n\r\nok"), "{does}: {response}");
    }
    for length in ["0", "1", "99"] {
        let (response, ..) = exchange(&set("content-length", length), "e").await;
        assert_framed(&response);
    }
    // Statuses after which clients expect no body, or another response.
    for status in ["204", "304"] {
        let (response, ..) = exchange(&set(":status", status), "e").await;
        let got = statuses(&response);
        assert_eq!(got, [status.parse().expect("a number"), 200], "{response}");
    }
    for status in ["100", "101", "103", "199"] {
        let (response, ..) = exchange(&set(":status", status), "e").await;
        let got = statuses(&response);
        assert_eq!(got.first(), Some(&502), "{status}: {response}");
    }
}

/// Each response has the length that it says; the last one may break off.
fn assert_framed(mut responses: &str) {
    while !responses.is_empty() {
        let (head, rest) = responses.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 "), "{responses}");
        let mut lines = head.lines();
        let length = lines.find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.expect("a length").parse().expect("a number");
        responses = rest.get(length..).unwrap_or_default();
    }
}

/// What a client asked for may not become what it may not ask for.
#[tokio::test]
async fn an_upgrade_stays_the_one_that_was_asked_for() {
    let folder = TempDir::new().expect("a folder");
    let does = r#"(drop (call $replace (i32.const 0) @"upgrade" @"h2c"))
                  (drop (call $replace (i32.const 0) @"content-length" @"5"))"#;
    let (gateway, upstream) = scene(&folder, does).await;
    let request =
        "GET /a HTTP/1.1\r\nhost: a\r\nx-phase: b\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\n";
    let response = Raw::exchange(address(&gateway), &[request, LAST].concat()).await;
    assert_eq!(statuses(&response), [200, 200], "{response}");
    assert_eq!(upstream.summaries(), ["GET /a", LAST_SEEN]);
    assert!(!upstream.text().contains("h2c"));
    panics::assert_none();
}
