//! How much a plugin can have open, and that nothing is left of it.

use super::super::support::{eventually, logs};
use super::{ask, with_server};

/// As many calls as a VM may have open.
const CALLS: usize = 1024;

#[tokio::test]
async fn too_many_calls() {
    let (plugin, server) = with_server("grpc-many").await;
    let told = ask(
        &plugin,
        &[(
            "start",
            "again 1026 stream grpc t.S Silent | call grpc t.S Echo 1000 x | http web 1000 /t.S/Echo x | finish",
        )],
    )
    .await;
    let told: Vec<_> = told.lines().collect();
    assert_eq!(
        told,
        [
            "stream refused 10",
            "stream refused 10",
            "call refused 10",
            "http refused 10"
        ]
    );
    eventually("they are made", || server.silences() == CALLS).await;
    let lines = logs::of("grpc-many");
    let warned = lines
        .iter()
        .filter(|line| line.message().contains("1,024 calls are open"))
        .count();
    assert_eq!(warned, 1, "once");
    // There is room again when they are gone.
    let told = ask(&plugin, &[("start", "cancel-below 8000")]).await;
    assert_eq!(told, "");
    eventually("they are reset", || server.silences() == 0).await;
    let told = ask(&plugin, &[("start", "call grpc t.S Echo 20000 hello")]).await;
    assert_eq!(told, "1: response of 5: hello");
}

#[tokio::test]
async fn too_much_to_send() {
    let (plugin, server) = with_server("grpc-much").await;
    // The server reads none of it, and the windows of HTTP/2 hold far less than the plugin sends.
    let told = ask(
        &plugin,
        &[("start", "stream grpc t.S Silent | again 8 send *8000000")],
    )
    .await;
    assert!(
        told.ends_with("1: closed 8: 8 too much waits to be sent in this VM"),
        "{told}"
    );
    eventually("the stream is reset", || server.silences() == 0).await;
    let told = ask(&plugin, &[("start", "call grpc t.S Echo 20000 hello")]).await;
    assert_eq!(told, "1: response of 5: hello", "there is room again");
    // One can be too much by itself.
    let told = ask(&plugin, &[("start", "call grpc t.S Echo 20000 *17000000")]).await;
    assert_eq!(told, "call refused 10");
}

#[tokio::test]
async fn nothing_is_left_of_ten_thousand_calls() {
    let (plugin, server) = with_server("grpc-leak").await;
    for round in 0..100 {
        let told = ask(
            &plugin,
            &[
                (
                    "start",
                    "again 40 call grpc t.S Echo 20000 hello | again 40 stream grpc t.S EndAfter | again 20 http web 20000 /t.S/EndAfter x",
                ),
                ("closed", ""),
            ],
        )
        .await;
        assert_eq!(told.lines().count(), 40 + 40 * 4 + 20, "{round}: {told}");
    }
    assert_eq!(server.requests(), 10_000);
    assert_eq!(server.connections(), (2, 2), "one for each upstream");
}
