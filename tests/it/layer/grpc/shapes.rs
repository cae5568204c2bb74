//! What a plugin is told of every kind of answer. The rows are what Envoy 1.40 gives for the same bytes, but for the texts
//! of failures that are the host's own.

use super::{ask, caller, with_server};

const NO_RESPONSE: &str = "upstream connect error or disconnect/reset before headers";

#[tokio::test]
async fn calls() {
    let (plugin, _server) = with_server("grpc-calls").await;
    for (method, told) in [
        ("Echo", "response of 5: hello"),
        ("Fail", "failed 7: 7 n%C3%B6 %25"),
        ("FailAfter", "failed 5: 5 gone"),
        ("Http404", "failed 12: 12 the response is none of gRPC"),
        ("Http503WithStatus", "failed 9: 9 q"),
        ("Compressed", "failed 13: 13 the message is compressed"),
        ("CompressedEmpty", "response of 0: "),
        ("NoTrailers", "failed 2: 2 the response has no trailers"),
        ("NoStatus", "failed 2: 2 "),
        ("OddStatus", "failed 2: 2 "),
        ("Partial", "failed 13: 13 the response has no message"),
        ("ResetEarly", &format!("failed 14: 14 {NO_RESPONSE}")),
        ("Empty", "failed 13: 13 the response has no message"),
        ("EmptyMessage", "response of 0: "),
        ("Two", "response of 3: def"),
        ("Largest", "response of 4194304: 4194304 bytes"),
        ("TooLarge", "failed 8: 8 the message is too large"),
        ("EndAfter", "response of 3: abc"),
    ] {
        let start = format!("call grpc t.S {method} 20000 hello");
        assert_eq!(
            ask(&plugin, &[("start", &start)]).await,
            format!("1: {told}"),
            "{method}"
        );
    }
}

#[tokio::test]
async fn streams() {
    const HEAD: &str = "initial of 3: :status=200 content-type=application/grpc x-meta=one";
    const NO_HEAD: &str = "initial of 0: ";
    const NO_TRAILERS: &str = "trailing of 0: ";
    const OK: [&str; 2] = ["trailing of 1: grpc-status=0", "closed 0: 0 "];
    let refused = [
        NO_HEAD,
        &format!(
            "trailing of 4: :status=200 content-type=application/grpc grpc-message={NO_RESPONSE} grpc-status=14"
        ),
        &format!("closed 14: 14 {NO_RESPONSE}"),
    ];
    let (plugin, _server) = with_server("grpc-streams").await;
    let rows: [(&str, &[&str]); 16] = [
        (
            "Fail",
            &[
                NO_HEAD,
                "trailing of 3: :status=200 grpc-message=n%C3%B6 %25 grpc-status=7",
                "closed 7: 7 n%C3%B6 %25",
            ],
        ),
        (
            "FailAfter",
            &[
                HEAD,
                "message of 2: m1",
                "trailing of 2: grpc-message=gone grpc-status=5",
                "closed 5: 5 gone",
            ],
        ),
        (
            "Http404",
            &[
                NO_HEAD,
                NO_TRAILERS,
                "closed 12: 12 the response is none of gRPC",
            ],
        ),
        (
            "Http503WithStatus",
            &[
                NO_HEAD,
                "trailing of 3: :status=503 grpc-message=q grpc-status=9",
                "closed 9: 9 q",
            ],
        ),
        (
            "Compressed",
            &[HEAD, NO_TRAILERS, "closed 13: 13 the message is compressed"],
        ),
        ("CompressedEmpty", &[HEAD, "message of 0: ", OK[0], OK[1]]),
        (
            "NoTrailers",
            &[
                HEAD,
                "message of 3: abc",
                NO_TRAILERS,
                "closed 2: 2 the response has no trailers",
            ],
        ),
        (
            "NoStatus",
            &[
                HEAD,
                "message of 3: abc",
                "trailing of 1: x-z=1",
                "closed 2: 2 ",
            ],
        ),
        (
            "OddStatus",
            &[
                HEAD,
                "message of 3: abc",
                "trailing of 1: grpc-status=17",
                "closed 2: 2 ",
            ],
        ),
        ("Partial", &[HEAD, OK[0], OK[1]]),
        ("ResetEarly", &refused),
        ("Empty", &[HEAD, OK[0], OK[1]]),
        ("EmptyMessage", &[HEAD, "message of 0: ", OK[0], OK[1]]),
        (
            "Two",
            &[HEAD, "message of 3: abc", "message of 3: def", OK[0], OK[1]],
        ),
        (
            "TooLarge",
            &[HEAD, NO_TRAILERS, "closed 8: 8 the message is too large"],
        ),
        (
            "EndAfter",
            &[
                HEAD,
                "message of 3: abc",
                "trailing of 2: grpc-message=fine grpc-status=0",
                "closed 0: 0 fine",
            ],
        ),
    ];
    for (method, told) in rows {
        let told: Vec<_> = told.iter().map(|line| format!("1: {line}")).collect();
        let start = format!("stream grpc t.S {method}");
        assert_eq!(
            ask(&plugin, &[("start", &start)]).await,
            told.join("\n"),
            "{method}"
        );
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off() {
    let (plugin, _server) = with_server("grpc-broken").await;
    let told = ask(
        &plugin,
        &[
            ("start", "stream grpc t.S ResetAtMessage"),
            ("message-1", "send go"),
        ],
    )
    .await;
    assert_eq!(
        told,
        "1: initial of 3: :status=200 content-type=application/grpc x-meta=one\n\
         1: message of 3: abc\n\
         1: trailing of 0: \n\
         1: closed 13: 13 upstream_reset_after_response_started"
    );
}

#[tokio::test]
async fn nobody_there() {
    let address = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let plugin = caller("grpc-refused")
        .upstream("dead", &format!("http://{address}"))
        .build_async()
        .await
        .unwrap();
    assert_eq!(
        ask(&plugin, &[("start", "call dead t.S Echo 20000 hello")]).await,
        format!("1: failed 14: 14 {NO_RESPONSE}")
    );
    let told = ask(&plugin, &[("start", "stream dead t.S Echo | send one")]).await;
    assert!(
        told.ends_with(&format!("1: closed 14: 14 {NO_RESPONSE}")),
        "{told}"
    );
}

#[tokio::test]
async fn the_head_of_a_call() {
    let (plugin, server) = with_server("grpc-head").await;
    ask(
        &plugin,
        &[("start", "call grpc pkg.Service Echo 20000 hello")],
    )
    .await;
    let head = server.head();
    assert_eq!(head.method, "POST");
    assert_eq!(head.uri, "http://grpc/pkg.Service/Echo");
    let header = |name| head.headers.get(name).map(|value| value.to_str().unwrap());
    assert_eq!(header("te"), Some("trailers"));
    assert_eq!(header("content-type"), Some("application/grpc"));
    assert_eq!(header("grpc-timeout"), Some("20000m"));
    assert_eq!(header("x-from"), Some("guest"));
    assert_eq!(header("host"), None);

    // Without a timeout the server is told of none. The upstream is a `GrpcService` here: its authority is `me.com`, its
    // metadata `x-z: y`.
    let service = "=0a0e0a046772706312066d652e636f6d2a080a03782d7a120179";
    let told = ask(
        &plugin,
        &[("start", &format!("call {service} t.S Echo 0 hello"))],
    )
    .await;
    assert_eq!(told, "1: response of 5: hello");
    let head = server.head();
    assert_eq!(head.uri, "http://me.com/t.S/Echo");
    assert_eq!(head.headers["x-z"], "y");
    assert!(!head.headers.contains_key("grpc-timeout"));
    assert_eq!(server.connections().0, 1, "calls share a connection");
}

#[tokio::test]
async fn what_is_refused() {
    let (plugin, server) = with_server("grpc-refusals").await;
    for (step, told) in [
        ("call nobody t.S Echo 1000 hello", "call refused 4"),
        ("stream nobody t.S Echo", "stream refused 4"),
        // A `GrpcService` that names nobody who is there.
        (
            "call =0a060a04676f6e65 t.S Echo 1000 hello",
            "call refused 10",
        ),
        ("stream =0a060a04676f6e65 t.S Echo", "stream refused 10"),
        ("stream grpc t.<S Echo", "stream refused 10"),
        // Calls take no further messages, and nothing is known of others.
        (
            "call grpc t.S Silent 1000 hello | send x | cancel",
            "send refused 2",
        ),
    ] {
        let told_of = ask(&plugin, &[("start", step)]).await;
        assert_eq!(told_of, told, "{step}");
    }
    assert!(server.requests() <= 1);
}
