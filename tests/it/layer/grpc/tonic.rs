//! With a server of tonic's: every kind of method, metadata, statuses, deadlines and cancellation.

use loom_layer::LoomPlugin;

use super::super::support::eventually;
use super::{ask, caller};
use crate::speaker::Speaker;

/// The service behind a socket, and a plugin that may call it.
async fn speaker(name: &str) -> (LoomPlugin, Speaker) {
    let (speaker, address) = Speaker::start().await;
    let plugin = caller(name)
        .upstream("speaker", &format!("http://{address}"))
        .build_async()
        .await
        .unwrap();
    (plugin, speaker)
}

/// What the plugin was told of its only call. The server adds a `date`, which is counted and not shown.
async fn told(plugin: &LoomPlugin, plan: &[(&str, &str)]) -> Vec<String> {
    let told = ask(plugin, plan).await;
    told.lines()
        .map(|line| line.strip_prefix("1: ").unwrap_or(line).to_owned())
        .collect()
}

#[tokio::test]
async fn calls() {
    let (plugin, _speaker) = speaker("grpc-tonic-calls").await;
    for (message, answer) in [
        ("world", "response of 11: hello world"),
        ("deadline", "response of 6: 20000m"),
        ("metadata", "response of 5: guest"),
        ("late", "failed 4: 4 too%20late"),
        ("nobody", "failed 5: 5 n%C3%B6"),
    ] {
        let start = format!("call speaker test.Speaker Greet 20000 {message}");
        assert_eq!(told(&plugin, &[("start", &start)]).await, [answer]);
    }
    let start = "call speaker test.Speaker Whisper 20000 x";
    assert_eq!(
        told(&plugin, &[("start", start)]).await,
        ["failed 12: 12 no%20such%20method"]
    );
    let start = "call speaker test.Nobody Greet 20000 x";
    let nobody = told(&plugin, &[("start", start)]).await;
    assert!(nobody[0].starts_with("failed 12: "), "{nobody:?}");
}

#[tokio::test]
async fn a_server_that_streams() {
    let (plugin, _speaker) = speaker("grpc-tonic-server").await;
    let start = "stream speaker test.Speaker Count | end 3";
    assert_eq!(
        told(&plugin, &[("start", start)]).await,
        [
            "initial of 3: :status=200 content-type=application/grpc",
            "message of 1: 1",
            "message of 1: 2",
            "message of 1: 3",
            "trailing of 3: grpc-message=tired grpc-status=8 x-counted=all",
            "closed 8: 8 tired",
        ]
    );
    let start = "stream speaker test.Speaker Count | end many";
    assert_eq!(
        told(&plugin, &[("start", start)]).await,
        [
            "initial of 0: ",
            "trailing of 5: :status=200 content-type=application/grpc grpc-message=no%20number grpc-status=3",
            "closed 3: 3 no%20number",
        ]
    );
    // More than a window of HTTP/2 holds, and than one read brings.
    let start = "stream speaker test.Speaker Count | end 100000";
    let many = told(&plugin, &[("start", start)]).await;
    assert_eq!(many.len(), 100_000 + 3);
    assert_eq!(many[100_000], "message of 6: 100000");
}

#[tokio::test]
async fn a_client_that_streams() {
    let (plugin, _speaker) = speaker("grpc-tonic-client").await;
    for end in ["end c", "send c | close"] {
        let start = format!("stream speaker test.Speaker Join | send a | send | send b | {end}");
        let told = told(&plugin, &[("start", &start)]).await;
        assert_eq!(
            told[1..],
            [
                "message of 6: a++b+c",
                "trailing of 1: grpc-status=0",
                "closed 0: 0 "
            ]
        );
    }
    let start = "stream speaker test.Speaker Join | again 30 send *100000 | close";
    let told = told(&plugin, &[("start", start)]).await;
    assert_eq!(told[1], "message of 3000029: 3000029 bytes");
}

#[tokio::test]
async fn both_stream() {
    let (plugin, speaker) = speaker("grpc-tonic-both").await;
    let told = told(
        &plugin,
        &[
            ("start", "stream speaker test.Speaker SayAgain"),
            ("initial", "send one"),
            ("message-1", "send two"),
            ("message-2", "send three"),
            ("message-3", "close"),
        ],
    )
    .await;
    assert_eq!(
        told,
        [
            "initial of 4: :status=200 content-type=application/grpc x-initial=seen",
            "message of 3: one",
            "message of 3: two",
            "message of 5: three",
            "trailing of 1: grpc-status=0",
            "closed 0: 0 ",
        ]
    );
    eventually("it is served", || speaker.open() == 0).await;
}

#[tokio::test]
async fn what_is_cancelled_ends_at_the_server() {
    let (plugin, speaker) = speaker("grpc-tonic-cancel").await;
    let told = told(
        &plugin,
        &[
            ("start", "stream speaker test.Speaker SayAgain | send one"),
            ("message-1", "cancel | finish"),
        ],
    )
    .await;
    assert_eq!(told.last().unwrap(), "message of 3: one");
    eventually("the server hears of it", || speaker.open() == 0).await;
}
