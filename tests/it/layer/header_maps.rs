//! Header maps, as guests read and write them.

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Version};
use http_body_util::Full;

use super::support::{Guest, get, load, send, send_to};

const OK: &str = "0";
const NOT_FOUND: &str = "1";
const BAD_ARGUMENT: &str = "2";

/// Leaves the value of a request header in `x-out`, and the status in `x-status`.
fn reading(name: &str) -> String {
    format!(
        r#"(call $set_num (i32.const 0) @"x-status"
             (call $get (i32.const 0) @"{name}" (i32.const 16) (i32.const 20)))
           (call $set (i32.const 0) @"x-out" (call $out) (call $out_len))"#
    )
}

#[tokio::test]
async fn one_value() {
    let cases = [
        ("x-a", OK, "first"),
        ("X-A", OK, "first"),
        ("x-empty", OK, ""),
        ("x-none", NOT_FOUND, ""),
        ("", NOT_FOUND, ""),
        ("no name", NOT_FOUND, ""),
        (":method", OK, "GET"),
        (":path", OK, "/some/path?q=1"),
        (":authority", OK, "example.com:81"),
        ("host", OK, "example.com:81"),
        (":scheme", OK, "http"),
        (":status", NOT_FOUND, ""),
    ];
    for (name, status, value) in cases {
        let plugin = load("map-value", &Guest::new().on_request(&reading(name)));
        let mut request = get(&[
            ("x-a", "first"),
            ("x-empty", ""),
            ("host", "example.com:81"),
        ]);
        request
            .headers_mut()
            .append("x-a", HeaderValue::from_static("second"));
        *request.uri_mut() = "/some/path?q=1".parse().unwrap();
        let answer = send(plugin, request).await;
        assert_eq!(
            (answer.seen("x-status"), answer.seen("x-out")),
            (status, value),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_missing_value_is_empty_in_the_oldest_version() {
    let headers = format!(
        r#"(func (export "proxy_on_request_headers") (param i32 i32) (result i32)
             {} (i32.const 0))"#,
        reading("x-none")
    );
    let guest = Guest::new()
        .marker("proxy_abi_version_0_1_0")
        .item(&headers);
    let answer = send(load("map-old", &guest), get(&[])).await;
    assert_eq!((answer.seen("x-status"), answer.seen("x-out")), (OK, ""));
}

#[tokio::test]
async fn pseudo_headers_are_the_same_in_both_versions_of_http() {
    let guest = Guest::new().on_request(
        r#"(drop (call $get (i32.const 0) @":authority" (i32.const 16) (i32.const 20)))
           (call $set (i32.const 0) @"x-authority" (call $out) (call $out_len))
           (drop (call $get (i32.const 0) @":scheme" (i32.const 16) (i32.const 20)))
           (call $set (i32.const 0) @"x-scheme" (call $out) (call $out_len))
           (call $set_num (i32.const 0) @"x-count" (local.get $count))
           (call $set (i32.const 0) @":path" @"/new?x=1")
           (call $set (i32.const 0) @":method" @"PATCH")
           (call $set (i32.const 0) @":authority" @"new.example")"#,
    );
    let plugin = load("map-pseudo", &guest);
    let one = get(&[("host", "old.example"), ("x-a", "1")]);
    let mut two = get(&[("x-a", "1")]);
    *two.version_mut() = Version::HTTP_2;
    *two.uri_mut() = "http://old.example/old".parse().unwrap();
    for (request, uri) in [(one, "/new?x=1"), (two, "http://new.example/new?x=1")] {
        let answer = send(plugin.clone(), request).await;
        assert_eq!(answer.seen("x-authority"), "old.example");
        assert_eq!(answer.seen("x-scheme"), "http");
        assert_eq!(answer.seen("x-count"), "5");
        let seen = answer.seen.as_ref().expect("forwarded");
        assert_eq!(seen.uri, uri);
        assert_eq!(seen.method, "PATCH");
        if seen.version == Version::HTTP_11 {
            assert_eq!(answer.seen("host"), "new.example");
        }
    }
}

#[tokio::test]
async fn adding_replacing_and_removing() {
    let guest = Guest::new()
        .on_request(
            r#"(drop (call $add (i32.const 0) @"X-Added" @"2"))
               (drop (call $replace (i32.const 0) @"x-replaced" @"only"))
               (drop (call $replace (i32.const 0) @"x-new" @"created"))
               (drop (call $remove (i32.const 0) @"X-Removed"))
               (call $set_num (i32.const 0) @"x-status" (call $remove (i32.const 0) @"x-missing"))"#,
        )
        .on_response(
            r#"(drop (call $add (i32.const 2) @"x-added" @"2"))
               (drop (call $remove (i32.const 2) @"x-removed"))
               (drop (call $replace (i32.const 2) @":status" @"404"))"#,
        );
    let mut request = get(&[("x-added", "1"), ("x-replaced", "1"), ("x-removed", "1")]);
    for name in ["x-replaced", "x-removed"] {
        request
            .headers_mut()
            .append(name, HeaderValue::from_static("2"));
    }
    let response = Response::builder()
        .header("x-added", "1")
        .header("x-removed", "1")
        .body(Full::<Bytes>::default())
        .unwrap();
    let answer = send_to(load("map-edit", &guest), request, response).await;
    let seen = &answer.seen.as_ref().expect("forwarded").headers;
    let all = |headers: &http::HeaderMap, name: &str| -> Vec<String> {
        let values = headers.get_all(name).iter();
        values
            .map(|value| value.to_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(all(seen, "x-added"), ["1", "2"]);
    assert_eq!(all(seen, "x-replaced"), ["only"]);
    assert_eq!(all(seen, "x-new"), ["created"]);
    assert!(all(seen, "x-removed").is_empty());
    assert_eq!(
        answer.seen("x-status"),
        OK,
        "what is missing is removed too"
    );
    assert_eq!(all(&answer.headers, "x-added"), ["1", "2"]);
    assert!(all(&answer.headers, "x-removed").is_empty());
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn bytes_that_are_no_text() {
    let guest = Guest::new().on_request(
        r#"(drop (call $get (i32.const 0) @"x-bytes" (i32.const 16) (i32.const 20)))
           (call $set_num (i32.const 0) @"x-len" (call $out_len))
           (drop (call $add (i32.const 0) @"x-copy" (call $out) (call $out_len)))
           (drop (call $add (i32.const 0) @"x-made" @"\c3\28\ff"))"#,
    );
    let mut request = get(&[]);
    let bytes = HeaderValue::from_bytes(b"\xff\x80\xfe").unwrap();
    request.headers_mut().insert("x-bytes", bytes.clone());
    let answer = send(load("map-bytes", &guest), request).await;
    let seen = &answer.seen.as_ref().expect("forwarded").headers;
    assert_eq!(seen["x-copy"], bytes);
    assert_eq!(seen["x-len"], "3");
    assert_eq!(seen["x-made"].as_bytes(), b"\xc3\x28\xff");
}

#[tokio::test]
async fn all_pairs_read_and_written_back_are_the_same() {
    let guest = Guest::new()
        .on_request(
            r#"(drop (call $map_size (i32.const 0) (i32.const 24)))
               (drop (call $get_pairs (i32.const 0) (i32.const 16) (i32.const 20)))
               (drop (call $set_pairs (i32.const 0) (call $out) (call $out_len)))
               (call $set_num (i32.const 0) @"x-pairs" (i32.load (call $out)))
               (call $set_num (i32.const 0) @"x-size" (i32.load (i32.const 24)))
               (call $set_num (i32.const 0) @"x-encoded" (call $out_len))"#,
        )
        .on_response(
            r#"(drop (call $get_pairs (i32.const 2) (i32.const 16) (i32.const 20)))
               (drop (call $set_pairs (i32.const 2) (call $out) (call $out_len)))"#,
        );
    let mut request = Request::post("/p?q=1")
        .header("host", "example.com")
        .header("x-a", "1")
        .header("x-a", "2")
        .header("x-empty", "")
        .body(Full::default())
        .unwrap();
    request
        .headers_mut()
        .insert("x-bytes", HeaderValue::from_bytes(b"\xff").unwrap());
    let before = request.headers().clone();
    let response = Response::builder()
        .status(201)
        .header("x-b", "1")
        .header("x-b", "2")
        .body(Full::<Bytes>::default())
        .unwrap();
    let answer = send_to(load("map-pairs", &guest), request, response).await;
    let seen = answer.seen.as_ref().expect("forwarded");
    assert_eq!((&seen.method, seen.uri.path()), (&http::Method::POST, "/p"));
    for (name, value) in &before {
        assert!(
            seen.headers.get_all(name).iter().any(|seen| seen == value),
            "{name} is lost"
        );
    }
    assert_eq!(answer.seen("x-pairs"), "8");
    // :authority=example.com :path=/p?q=1 :method=POST :scheme=http x-a=1 x-a=2 x-empty= x-bytes=.
    let text = 21 + 11 + 11 + 11 + 4 + 4 + 7 + 8;
    assert_eq!(answer.seen("x-size"), text.to_string());
    let encoded = 4 + 8 * 8 + text + 2 * 8;
    assert_eq!(answer.seen("x-encoded"), encoded.to_string());
    assert_eq!(answer.status, 201);
    let values = answer.headers.get_all("x-b").iter();
    assert_eq!(values.collect::<Vec<_>>(), ["1", "2"]);
}

#[tokio::test]
async fn maps_that_are_not_there() {
    // The response's headers before there is a response, trailers, and numbers that name no map.
    for map in [1, 2, 3, 4, 5, 6, 7] {
        let guest = Guest::new().on_request(&statuses(map));
        let answer = send(load("map-absent", &guest), get(&[])).await;
        for call in ["get", "add", "replace", "remove", "set-pairs", "size"] {
            let status = answer.seen(&format!("x-{call}"));
            assert_eq!(status, BAD_ARGUMENT, "{call} of map {map}");
        }
        assert_eq!(answer.seen("x-pairs"), OK, "an absent map reads as empty");
        assert_eq!(answer.seen("x-len"), "0");
    }
    for map in [8, 1000, u32::MAX] {
        let guest = Guest::new().on_request(&statuses(map));
        let answer = send(load("map-unknown", &guest), get(&[])).await;
        for call in [
            "get",
            "add",
            "replace",
            "remove",
            "pairs",
            "set-pairs",
            "size",
        ] {
            let status = answer.seen(&format!("x-{call}"));
            assert_eq!(status, BAD_ARGUMENT, "{call} of map {map}");
        }
    }
}

/// The status of every call for a map, in a request header each.
fn statuses(map: u32) -> String {
    let map = map.cast_signed();
    let calls = [
        (
            "get",
            r#"(call $get (i32.const MAP) @"x-a" (i32.const 16) (i32.const 20))"#,
        ),
        ("add", r#"(call $add (i32.const MAP) @"x-a" @"1")"#),
        ("replace", r#"(call $replace (i32.const MAP) @"x-a" @"1")"#),
        ("remove", r#"(call $remove (i32.const MAP) @"x-a")"#),
        (
            "set-pairs",
            r#"(call $set_pairs (i32.const MAP) (i32.const 0) (i32.const 0))"#,
        ),
        ("size", r#"(call $map_size (i32.const MAP) (i32.const 24))"#),
        (
            "pairs",
            r#"(call $get_pairs (i32.const MAP) (i32.const 16) (i32.const 20))"#,
        ),
    ];
    let mut body = String::from("(i32.store (i32.const 20) (i32.const 99))");
    for (name, call) in calls {
        let call = call.replace("MAP", &map.to_string());
        body += &format!(r#"(call $set_num (i32.const 0) @"x-{name}" {call})"#);
    }
    body + r#"(call $set_num (i32.const 0) @"x-len" (call $out_len))"#
}

#[tokio::test]
async fn what_was_passed_on_stays_readable_and_cannot_be_changed() {
    let guest = Guest::new()
        .on_request(r#"(call $set (i32.const 0) @"x-late" @"as forwarded")"#)
        .on_response(
            r#"(drop (call $get (i32.const 0) @"x-late" (i32.const 16) (i32.const 20)))
               (call $set (i32.const 2) @"x-request" (call $out) (call $out_len))
               (call $set_num (i32.const 2) @"x-write" (call $replace (i32.const 0) @"x-late" @"changed"))"#,
        )
        .on(
            "proxy_on_log",
            r#"(drop (call $get (i32.const 0) @"x-late" (i32.const 16) (i32.const 20)))
               (call $say (call $out) (call $out_len))
               (drop (call $get (i32.const 2) @":status" (i32.const 16) (i32.const 20)))
               (call $say (call $out) (call $out_len))
               (call $say_num (call $replace (i32.const 2) @"x-late" @"changed"))"#,
        );
    let answer = send(load("map-late", &guest), get(&[])).await;
    assert_eq!(answer.header("x-request"), "as forwarded");
    assert_eq!(answer.header("x-write"), BAD_ARGUMENT);
    let said = super::support::logs::said("map-late");
    let by_itself: Vec<_> = said
        .iter()
        .filter(|line| !line.contains("cannot change"))
        .collect();
    assert_eq!(by_itself, ["as forwarded", "200", BAD_ARGUMENT]);
}

#[tokio::test]
async fn what_would_smuggle_a_header_is_refused() {
    let cases = [
        ("x", r"a\0d\0ab: c"),
        ("x", r"a\0ab"),
        ("x", r"a\00"),
        ("x y", "a"),
        (r"x\0d\0ay", "a"),
        ("", "a"),
        (":other", "a"),
        (":path", "no-slash"),
        (":path", r"/a\0d\0ab"),
        (":method", "G T"),
        (":authority", r"a\0d\0ax: y"),
    ];
    for (name, value) in cases {
        let guest = Guest::new().on_request(&format!(
            r#"(call $set_num (i32.const 0) @"x-add" (call $add (i32.const 0) @"{name}" @"{value}"))
               (call $set_num (i32.const 0) @"x-replace" (call $replace (i32.const 0) @"{name}" @"{value}"))"#
        ));
        let answer = send(load("map-smuggle", &guest), get(&[("host", "a")])).await;
        assert_eq!(answer.seen("x-add"), BAD_ARGUMENT, "{name} {value}");
        assert_eq!(answer.seen("x-replace"), BAD_ARGUMENT, "{name} {value}");
        let seen = answer.seen.as_ref().expect("forwarded");
        assert_eq!(seen.headers.len(), 3, "{:?}", seen.headers);
        assert_eq!(seen.headers["host"], "a");
    }
}

#[tokio::test]
async fn a_map_that_lacks_what_it_must_have_is_not_sent() {
    let clear = "(drop (call $set_pairs (i32.const MAP) (i32.const 0) (i32.const 0)))";
    let request = Guest::new().on_request(&clear.replace("MAP", "0"));
    let answer = send(load("map-cleared", &request), get(&[])).await;
    assert_eq!(answer.status, 503);
    assert!(answer.seen.is_none());

    for body in [
        clear.replace("MAP", "2"),
        r#"(drop (call $remove (i32.const 2) @":status"))"#.to_owned(),
        r#"(call $set (i32.const 2) @":status" @"99")"#.to_owned(),
    ] {
        let guest = Guest::new().on_response(&body);
        let answer = send(load("map-status", &guest), get(&[])).await;
        assert_eq!(answer.status, 502);
        assert_eq!(answer.body, "");
    }
}

#[tokio::test]
async fn pairs_that_are_malformed_are_the_empty_list() {
    for pairs in [
        r"\ff\ff\ff\ff",
        r"\01\00\00\00\ff\ff\ff\ff\ff\ff\ff\ff",
        r"\01\00\00\00\01\00\00\00\01\00\00\00a\00b",
        r"\01\00",
    ] {
        let guest = Guest::new().on_response(&format!(
            r#"(call $say_num (call $set_pairs (i32.const 2) @"{pairs}"))
               (call $set (i32.const 2) @":status" @"299")"#
        ));
        let name = "map-malformed";
        let answer = send_to(
            load(name, &guest),
            get(&[]),
            Response::builder()
                .header("x-a", "1")
                .body(Full::default())
                .unwrap(),
        )
        .await;
        assert_eq!(answer.status, 299);
        assert!(answer.headers.is_empty(), "{:?}", answer.headers);
        assert_eq!(super::support::logs::said(name).pop().as_deref(), Some(OK));
    }
}
