//! What comes in the place of a response's head.

use tokio::io::AsyncWriteExt;

use super::{
    Answer, GET_BAD, Step, Villain, expect, failed, gateway, good, read, send, settled, whole,
};
use crate::gateway::support::{Raw, Upstream, address, panics, read_head, start, within};

#[tokio::test]
async fn the_connection_ends_before_a_whole_head() {
    for steps in [
        vec![],
        vec![send("H")],
        vec![send("HTTP/1.1 200 OK\r\n")],
        vec![send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx: ")],
        vec![send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n")],
        vec![send("HTTP/1.1 100 Continue\r\n\r\n")],
        vec![Step::Reset],
        vec![send("HTTP/1.1 200 OK\r\ncontent-le"), Step::Reset],
    ] {
        expect(steps, GET_BAD, failed(502, "upstream_closed")).await;
    }
}

#[tokio::test]
async fn an_answer_that_is_no_http() {
    for bytes in [
        &b"SSH-2.0-OpenSSH_9.2\r\n\r\n"[..],
        b"hello\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0\0\x12\x04\0\0\0\0\0",
        b"<html></html>\n\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.2 200 OK\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 -20 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 200 O\0K\r\n\r\n",
        b"HTTP/1.1 200 O\rK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx y: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx : 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: \0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: a\rset-cookie: b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n: a\r\n\r\n",
    ] {
        for end in [vec![], vec![Step::Hang]] {
            let steps = [vec![send(bytes)], end].concat();
            expect(steps, GET_BAD, failed(502, "upstream_invalid")).await;
        }
    }
}

#[tokio::test]
async fn a_response_of_which_nobody_knows_the_end() {
    for headers in [
        "content-length: 2\r\ncontent-length: 4\r\n",
        "content-length: 2, 4\r\n",
        "content-length: +2\r\n",
        "content-length: -2\r\n",
        "content-length: x\r\n",
        "content-length:\r\n",
        "content-length: 99999999999999999999\r\n",
        "content-length: 2\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 2\r\n",
        "transfer-encoding: gzip\r\n",
        "transfer-encoding: identity\r\n",
        "transfer-encoding: gzip, chunked\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
    ] {
        let response = format!("HTTP/1.1 200 OK\r\n{headers}\r\n2\r\nok\r\n0\r\n\r\n");
        let steps = vec![send(response), Step::Hang];
        expect(steps, GET_BAD, failed(502, "upstream_invalid")).await;
    }
    let old = "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    expect(vec![send(old)], GET_BAD, failed(502, "upstream_invalid")).await;
}

/// What can be said rightly is.
#[tokio::test]
async fn lengths_that_agree_become_one() {
    for headers in [
        "content-length: 2\r\ncontent-length: 2\r\n",
        "content-length: 2, 2\r\n",
    ] {
        let villain =
            Villain::start(vec![send(format!("HTTP/1.1 200 OK\r\n{headers}\r\nok"))]).await;
        let gateway = gateway(villain.address, "").await;
        let response = Raw::exchange(address(&gateway), GET_BAD).await;
        assert_eq!(response.matches("content-length").count(), 1, "{response}");
        assert_eq!(read(&response), whole(200, "ok"));
    }
    for (status, kept) in [(204, false), (304, true)] {
        let head = format!("HTTP/1.1 {status} x\r\ncontent-length: 5\r\n\r\n");
        let villain = Villain::start(vec![send(head), Step::Hang]).await;
        let gateway = gateway(villain.address, "").await;
        let response = Raw::exchange(address(&gateway), GET_BAD).await;
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status} ")),
            "{response}"
        );
        assert!(kept || !response.contains("content-length"), "{response}");
        assert!(response.ends_with("\r\n\r\n"), "{response}");
    }
}

#[tokio::test]
async fn a_head_has_a_size() {
    // Twice of what is read at once may be there when it is looked at.
    const BIG: usize = 600_000;
    let head = |headers: &str| format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n{headers}\r\nok");
    let line = format!("x: {}\r\n", "y".repeat(100_000));
    expect(
        vec![send(head(&line)), Step::Serve],
        GET_BAD,
        whole(200, "ok"),
    )
    .await;
    for bytes in [
        head(&format!("x: {}\r\n", "y".repeat(BIG))),
        head(&line.repeat(6)),
        head(&"x: y\r\n".repeat(101)),
        format!(
            "HTTP/1.1 200 {}\r\ncontent-length: 2\r\n\r\nok",
            "y".repeat(BIG)
        ),
    ] {
        expect(
            vec![send(bytes)],
            GET_BAD,
            failed(502, "upstream_head_too_large"),
        )
        .await;
    }
    for line in ["x: y\r\n", "x", "\r\n"] {
        let steps = vec![
            send(if line == "\r\n" {
                line
            } else {
                "HTTP/1.1 200 OK\r\nx: "
            }),
            Step::SendForEver(line.repeat(1_000).into_bytes()),
        ];
        expect(steps, GET_BAD, failed(502, "upstream_head_too_large")).await;
    }
}

#[tokio::test]
async fn nothing_comes_or_never_ends() {
    for steps in [
        vec![Step::Hang],
        vec![send("HTTP/1.1 200 OK\r\ncontent-le"), Step::Hang],
        vec![send("HTTP/1.1 100 Continue\r\n\r\n"), Step::Hang],
        vec![Step::SendForEver(
            b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec(),
        )],
    ] {
        expect(steps, GET_BAD, failed(504, "route_timeout")).await;
    }
}

#[tokio::test]
async fn interim_responses_come_before_the_response() {
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nx: 1\r\n\r\nHTTP/1.1 199 x\r\n\r\n";
    let response = interim.repeat(10) + "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    expect(vec![send(response)], GET_BAD, whole(200, "ok")).await;
}

/// A response that nobody asked for is never given to anybody.
#[tokio::test]
async fn a_second_response_goes_to_nobody() {
    const EVIL: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
    for (request, first, answer) in [
        (
            GET_BAD,
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            whole(200, "ok"),
        ),
        (
            GET_BAD,
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            whole(200, ""),
        ),
        (
            GET_BAD,
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            whole(200, "ok"),
        ),
        (GET_BAD, "HTTP/1.1 204 No Content\r\n\r\n", whole(204, "")),
        (
            GET_BAD,
            "HTTP/1.1 204 No Content\r\ncontent-length: 4\r\n\r\n",
            whole(204, ""),
        ),
        (GET_BAD, "HTTP/1.1 304 Not Modified\r\n\r\n", whole(304, "")),
        (
            "HEAD /bad HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            whole(200, ""),
        ),
    ] {
        for steps in [
            vec![send([first, EVIL].concat()), Step::Hang],
            vec![send(first), send(EVIL), Step::Hang],
            vec![send([first, EVIL].concat().repeat(100)), Step::Hang],
            vec![send([first, "x"].concat()), Step::Hang],
            vec![send([first, "\r\n"].concat()), Step::Hang],
        ] {
            expect(steps, request, answer.clone()).await;
        }
    }
}

/// A server that answers before it is asked.
#[tokio::test]
async fn an_answer_before_the_request() {
    let upstream = Upstream::bind().await;
    let gateway = gateway(upstream.address(), "").await;
    let mut client = Raw::connect(address(&gateway)).await;
    client.send("GET /1 HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut server = upstream.accept().await;
    read_head(&mut server).await;
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood";
    server.write_all(answer).await.expect("a reader");
    client.response().await;
    // On the kept connection, as if it were the answer to what comes next.
    let _ = server
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")
        .await;
    settled(&gateway, 0).await;
    client.send("GET /2 HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut server = upstream.accept().await;
    read_head(&mut server).await;
    server.write_all(answer).await.expect("a reader");
    assert!(client.response().await.ends_with("good"));
    panics::assert_none();
}

#[tokio::test]
async fn a_name_that_nobody_has() {
    let gateway = start(
        "routes: [{id: all, path: '/*', upstream: a}]\nupstreams: [{name: a, endpoints: ['nobody.invalid:80']}]",
    )
    .await;
    let response = within(Raw::exchange(address(&gateway), GET_BAD)).await;
    assert_eq!(read(&response), failed(502, "upstream_name"));
    settled(&gateway, 0).await;
}

/// The same server goes on being asked.
#[tokio::test]
async fn a_bad_answer_is_no_reason_to_give_up() {
    let villain = Villain::start(vec![send("x\r\n\r\n")]).await;
    let gateway = gateway(villain.address, "").await;
    for _ in 0..20 {
        let response = Raw::exchange(address(&gateway), GET_BAD).await;
        assert!(
            matches!(read(&response), Answer::Failed(502, _)),
            "{response}"
        );
        good(&gateway).await;
    }
    settled(&gateway, 1).await;
}
