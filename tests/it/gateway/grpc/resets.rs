//! A server that resets a stream for a reason, in frames of HTTP/2 written by hand.

use bytes::Bytes;
use futures_util::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Code;

use super::super::support::{Upstream, address, start, within};
use super::{Client, Setup};

const PREFACE: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();
const HEADERS: u8 = 1;

/// A frame (RFC 9113, 4.1).
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("a short one");
    let head = [0, 0, length, kind, flags, 0, 0, 0, stream];
    [&head[..], payload].concat()
}

/// Reads to the headers of the first request.
async fn request(server: &mut TcpStream) {
    let mut preface = [0; PREFACE];
    within(server.read_exact(&mut preface)).await.expect("it");
    loop {
        let mut head = [0; 9];
        within(server.read_exact(&mut head)).await.expect("a frame");
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        within(server.read_exact(&mut payload)).await.expect("it");
        if head[3] == HEADERS {
            return;
        }
    }
}

#[tokio::test]
async fn the_reason_passes_when_the_response_has_begun() {
    // CANCEL, ENHANCE_YOUR_CALM and INADEQUATE_SECURITY, and what a client of gRPC makes of them.
    for (reason, code) in [
        (8, Code::Cancelled),
        (11, Code::ResourceExhausted),
        (12, Code::PermissionDenied),
    ] {
        let upstream = Upstream::bind().await;
        let gateway = start(&Setup::new().yaml(upstream.address(), "")).await;
        let mut client = Client::connect(address(&gateway)).await;
        let words = stream::pending::<Bytes>();
        let answer = client.streaming("/test.Exact/Any", words);
        let server = async {
            let mut server = upstream.accept().await;
            request(&mut server).await;
            // Settings, and `:status: 200` by its number in the static table.
            let begin = [frame(4, 0, 0, &[]), frame(HEADERS, 4, 1, &[0x88])];
            server.write_all(&begin.concat()).await.expect("a reader");
            server
        };
        let (answer, mut server) = tokio::join!(answer, server);
        let mut back = answer.expect("it begins").into_inner();
        let reset = frame(3, 0, 1, &[0, 0, 0, reason]);
        server.write_all(&reset).await.expect("a reader");
        let status = within(back.message()).await.expect_err("a reset");
        assert_eq!(status.code(), code, "{status:?}");
    }
}
