//! Bodies that end where they should not, and answers that come too early.

use std::fmt::Write as _;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    Answer, GET_BAD, Step, Villain, expect, failed, gateway, good, read, send, settled, whole,
};
use crate::gateway::support::{Raw, address, panics, start, within};

#[tokio::test]
async fn a_body_that_breaks_off() {
    let length = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n";
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    for (head, body) in [
        (length, "hello"),
        (length, ""),
        (chunked, ""),
        (chunked, "5\r\nhel"),
        (chunked, "5\r\nhello"),
        (chunked, "5\r\nhello\r\n"),
        (chunked, "5\r\nhello\r\n0\r\n"),
        (chunked, "5\r\nhello\r\n0\r\nx: y"),
        (chunked, "5\r\nhello\r\n0\r\nx: y\r\n"),
    ] {
        let response = [head, body].concat();
        for end in [vec![], vec![Step::Reset]] {
            let steps = [vec![send(&response)], end].concat();
            expect(steps, GET_BAD, Answer::Cut(200)).await;
        }
    }
    // Nothing more comes, and after the route's time nobody waits any more.
    for response in [
        [length, "hello"].concat(),
        [chunked, "5\r\nhello\r\n"].concat(),
    ] {
        expect(vec![send(response), Step::Hang], GET_BAD, Answer::Cut(200)).await;
    }
}

#[tokio::test]
async fn chunks_that_are_none() {
    for body in [
        "x\r\n",
        "-1\r\nhello\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhellothere\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "5;a\n\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nx y: 1\r\n\r\n",
    ] {
        let response = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}");
        let steps = vec![send(response), Step::Hang];
        expect(steps, GET_BAD, Answer::Cut(200)).await;
    }
    let mut endless = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;".to_owned();
    write!(endless, "{}", "x".repeat(20_000)).expect("a string takes everything");
    expect(vec![send(endless), Step::Hang], GET_BAD, Answer::Cut(200)).await;
}

/// Until it closes a server of HTTP/1.0 may send what it likes.
#[tokio::test]
async fn a_body_that_ends_with_the_connection() {
    let response = "HTTP/1.0 200 OK\r\n\r\nhello";
    expect(vec![send(response)], GET_BAD, whole(200, "hello")).await;
    expect(vec![send(response), Step::Reset], GET_BAD, Answer::Cut(200)).await;
}

const LENGTH: usize = 64 << 20;

/// A request whose body the client never sends to its end.
fn half_a_post() -> String {
    format!("POST /bad HTTP/1.1\r\nhost: a\r\ncontent-length: {LENGTH}\r\n\r\nhello")
}

#[tokio::test]
async fn an_answer_before_the_body_was_sent() {
    let refusal = "HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno";
    for end in [
        vec![],
        vec![Step::Hang],
        vec![Step::ReadAll],
        vec![Step::Read(1), Step::Hang],
    ] {
        let steps = [vec![send(refusal)], end].concat();
        let villain = Villain::start(steps).await;
        let gateway = gateway(villain.address, "").await;
        let mut client = Raw::connect(address(&gateway)).await;
        client.send(half_a_post()).await;
        let response = client.response().await;
        assert_eq!(read(&response), whole(413, "no"));
        // The connection with half a request on it is given up, though neither client nor server does anything.
        settled(&gateway, 0).await;
        good(&gateway).await;
        assert_eq!(villain.after_bad(), [""; 0]);
        panics::assert_none();
    }
}

/// The client goes on sending, and the server does not read.
#[tokio::test]
async fn a_server_that_does_not_read_is_not_filled() {
    let villain = Villain::start(vec![Step::Hang]).await;
    let gateway = start(&format!(
        "routes: [{{id: all, path: '/*', upstream: a, idle_timeout: 500ms}}]\nupstreams: [{{name: a, endpoints: ['{}']}}]",
        villain.address
    ))
    .await;
    let mut client = Raw::connect(address(&gateway)).await;
    client.send(half_a_post()).await;
    let (mut read_half, mut write_half) = client.0.split();
    let mut sent = 0;
    let piece = vec![0; 64 << 10];
    let mut response = Vec::new();
    let answer = async {
        let _ = read_half.read_to_end(&mut response).await;
    };
    let flood = async {
        while sent < LENGTH - 5 && write_half.write_all(&piece).await.is_ok() {
            sent += piece.len();
        }
    };
    within(async {
        tokio::select! {
            () = answer => {}
            () = flood => {}
        }
    })
    .await;
    // What the kernel holds for four sockets, and little of our own.
    assert!(sent < LENGTH / 2, "{sent} bytes are somewhere");
    settled(&gateway, 0).await;
}

#[tokio::test]
async fn a_connection_that_ends_while_the_body_is_sent() {
    for steps in [
        vec![Step::Read(1)],
        vec![Step::Read(5), Step::Reset],
        vec![Step::Reset],
    ] {
        let villain = Villain::start(steps).await;
        let gateway = gateway(villain.address, "").await;
        let mut client = Raw::connect(address(&gateway)).await;
        client.send(half_a_post()).await;
        let response = client.response().await;
        assert_eq!(read(&response), failed(502, "upstream_closed"));
        settled(&gateway, 0).await;
        good(&gateway).await;
        panics::assert_none();
    }
}

/// The client is gone, and so is what was done for it.
#[tokio::test]
async fn a_client_that_goes_leaves_nothing() {
    for steps in [
        vec![Step::Hang],
        vec![send("HTTP/1.1 200 OK\r\ncontent-le"), Step::Hang],
        vec![
            send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello"),
            Step::Hang,
        ],
        vec![
            send("HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n"),
            Step::SendForEver(vec![0; 64 << 10]),
        ],
    ] {
        for request in [GET_BAD.to_owned(), half_a_post()] {
            let villain = Villain::start(steps.clone()).await;
            let gateway = gateway(villain.address, "").await;
            let mut client = Raw::connect(address(&gateway)).await;
            client.send(request).await;
            within(async {
                while villain.bad() == 0 {
                    tokio::task::yield_now().await;
                }
            })
            .await;
            drop(client);
            settled(&gateway, 0).await;
            panics::assert_none();
        }
    }
}
