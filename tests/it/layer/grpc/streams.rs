//! What a plugin does with a stream: sends, ends its side, cancels, makes several at once, or goes away.

use loom_layer::LoomPlugin;

use super::super::support::{eventually, get, logs, send};
use super::{ask, caller, with_server};

const HEAD: &str = "1: initial of 3: :status=200 content-type=application/grpc x-meta=one";
const TAIL: &str = "1: trailing of 2: grpc-status=0 x-trail=two\n1: closed 0: 0 ";

#[tokio::test]
async fn both_sides_speak_and_end() {
    let (plugin, server) = with_server("grpc-both").await;
    // Each row is what Envoy 1.40 gives for it.
    for (plan, told) in [
        (
            &[("start", "stream grpc t.S Echo | send one | send | end two")][..],
            "1: message of 3: one\n1: message of 0: \n1: message of 3: two",
        ),
        (
            &[("start", "stream grpc t.S Echo | send one | close")],
            "1: message of 3: one",
        ),
        // What is sent after one's own end is dropped.
        (
            &[
                ("start", "stream grpc t.S Echo | send one"),
                ("message-1", "close | send late | close"),
            ],
            "1: message of 3: one",
        ),
        (
            &[
                ("start", "stream grpc t.S Echo | send one"),
                ("message-1", "end bye | send late | close"),
            ],
            "1: message of 3: one\n1: message of 3: bye",
        ),
    ] {
        let told = format!("{HEAD}\n{told}\n{TAIL}");
        assert_eq!(ask(&plugin, plan).await, told, "{plan:?}");
    }
    assert_eq!(server.ends(), (4, 0));
}

#[tokio::test]
async fn an_id_is_known_until_both_sides_have_ended() {
    let (plugin, _server) = with_server("grpc-ids").await;
    let after = ("closed", "send late | close | send later | close | cancel");
    for start in [
        "stream grpc t.S EndAfter",
        "stream grpc t.S EndAfter | close",
    ] {
        let told = ask(&plugin, &[("start", start), after]).await;
        let told = told.split_once("closed 0: 0 fine\n").unwrap().1;
        assert_eq!(
            told, "send refused 1\nclose refused 1\ncancel refused 1",
            "{start}"
        );
    }
    // After the callback: known as long as the plugin has not ended its side, and once after that.
    let told = ask(
        &plugin,
        &[
            ("start", "stream grpc t.S EndAfter | hold"),
            ("closed", "http web 20000 /t.S/Empty x"),
            (
                "answer",
                "about 1 send late | about 1 close | about 1 close | finish",
            ),
        ],
    )
    .await;
    assert!(told.ends_with("close refused 1"), "{told}");
    // A call is over with its answer, for which it is still known.
    let told = ask(
        &plugin,
        &[
            ("start", "call grpc t.S Echo 20000 hello"),
            ("closed", "send x | close | cancel"),
        ],
    )
    .await;
    assert_eq!(
        told,
        "1: response of 5: hello\nsend refused 2\ncancel refused 1"
    );
    // Ids of nothing: low bits of an HTTP call, of none, of a call and of a stream.
    let told = ask(
        &plugin,
        &[(
            "start",
            "about 400 cancel | about 403 close | about 401 close | about 402 cancel | about 402 send",
        )],
    )
    .await;
    let told: Vec<_> = told.lines().collect();
    assert_eq!(
        told,
        [
            "cancel refused 2",
            "close refused 2",
            "close refused 1",
            "cancel refused 1",
            "send refused 1"
        ]
    );
}

#[tokio::test]
async fn what_is_cancelled_is_reset_and_told_of_no_more() {
    let (plugin, server) = with_server("grpc-cancel").await;
    let told = ask(
        &plugin,
        &[
            ("start", "stream grpc t.S Echo | send one"),
            ("message-1", "cancel | cancel | send x | close | finish"),
        ],
    )
    .await;
    assert_eq!(
        told,
        format!("{HEAD}\n1: message of 3: one\ncancel refused 1\nsend refused 1\nclose refused 1")
    );
    eventually("the stream is reset", || server.ends() == (0, 1)).await;
    for end in ["cancel", "close"] {
        for method in ["Silent", "SilentWithoutHead"] {
            let start =
                format!("call grpc t.S {method} 0 hello | http web 20000 /t.S/AfterSilent x");
            let answer = format!("about 1 {end} | about 1 {end} | finish");
            let told = ask(&plugin, &[("start", &*start), ("answer", &*answer)]).await;
            assert!(told.ends_with(&format!("\n{end} refused 1")), "{told}");
            eventually("the call is reset", || server.silences() == 0).await;
        }
    }
}

#[tokio::test]
async fn a_server_that_goes_away() {
    let (plugin, server) = with_server("grpc-away").await;
    let told = ask(
        &plugin,
        &[("start", "stream grpc t.S Silent | hold | finish")],
    )
    .await;
    assert_eq!(told, "");
    eventually("the stream is open", || server.silences() == 1).await;
    server.go_away();
    // The connection stays for its stream, and takes no more as soon as that is known.
    while server.connections().0 == 1 {
        let told = ask(&plugin, &[("start", "call grpc t.S Echo 20000 hello")]).await;
        assert_eq!(told, "1: response of 5: hello");
    }
    assert_eq!((server.silences(), server.connections()), (1, (2, 2)));
    ask(&plugin, &[("start", "cancel-below 400")]).await;
    eventually("it ends with its stream", || server.connections().1 == 1).await;
    // All of them at once.
    server.close_connections().await;
    let told = ask(&plugin, &[("start", "call grpc t.S Echo 20000 hello")]).await;
    assert_eq!(told, "1: response of 5: hello");
}

#[tokio::test]
async fn a_trap_takes_back_what_was_not_made_yet() {
    let (plugin, server) = with_server("grpc-trap").await;
    let start = "call grpc t.S Silent 0 x | stream grpc t.S Silent | http web 0 /t.S/Silent x";
    let trapped = send(
        plugin.clone(),
        get(&[("x-start", &*format!("{start} | trap"))]),
    )
    .await;
    assert_eq!(trapped.status, 503);
    super::super::support::healed(&plugin).await;
    let told = ask(&plugin, &[("start", "call grpc t.S Echo 20000 hello")]).await;
    assert_eq!(told, "1: response of 5: hello");
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_call_that_takes_too_long() {
    let (plugin, server) = with_server("grpc-slow").await;
    for method in ["Silent", "SilentWithoutHead"] {
        let start = format!("call grpc t.S {method} 30 hello");
        let told = ask(&plugin, &[("start", &start)]).await;
        // As in Envoy 1.40, and not `DEADLINE_EXCEEDED`: that is the server's to say.
        assert_eq!(told, "1: failed 14: 14 upstream request timeout");
        eventually("the call is reset", || server.silences() == 0).await;
    }
}

#[tokio::test]
async fn a_hundred_at_once_and_one_after_the_other() {
    let (plugin, server) = with_server("grpc-hundred").await;
    let told = ask(
        &plugin,
        &[("start", "again 100 call grpc t.S Echo 20000 hello")],
    )
    .await;
    let mut told: Vec<_> = told.lines().collect();
    told.sort_by_key(|line| line.split(':').next().unwrap().parse::<u32>().unwrap());
    let wanted: Vec<_> = (1..=100)
        .map(|call| format!("{call}: response of 5: hello"))
        .collect();
    assert_eq!(told, wanted);
    assert_eq!(server.connections().0, 1);
    // Each answer makes the next call, up to the tenth.
    let told = ask(
        &plugin,
        &[
            ("start", "call grpc t.S Echo 20000 hello"),
            ("closed", "until 10 call grpc t.S Echo 20000 hello"),
        ],
    )
    .await;
    assert_eq!(told.lines().count(), 10, "{told}");
    let told = ask(
        &plugin,
        &[
            ("start", "again 100 http web 20000 /t.S/EndAfter x"),
            ("answer", "until 200 http web 20000 /t.S/EndAfter x"),
        ],
    )
    .await;
    assert_eq!(told.lines().count(), 200, "{told}");
    let wanted = ": answer 200 of 3 headers, 2 trailers: \0\0\0\0\u{3}abc (0 )";
    assert!(told.lines().all(|line| line.ends_with(wanted)), "{told}");
}

#[tokio::test]
async fn calls_of_the_plugin_itself() {
    let server = crate::grpc_server::GrpcServer::start().await;
    let _plugin = caller("grpc-root")
        .upstream("grpc", &format!("http://{}", server.address))
        .upstream("web", &format!("h2c://{}", server.address))
        .config(
            "start: call grpc t.S Echo 20000 configured | stream grpc t.S Echo | end streamed | http web 20000 /t.S/EndAfter x\n\
             tick-ms: 10\n\
             tick: until 5 call grpc t.S Echo 20000 ticked",
        )
        .build_async()
        .await
        .unwrap();
    for line in [
        "1: response of 10: configured",
        "2: message of 8: streamed",
        "2: closed 0: 0 ",
        "3: answer 200 of 3 headers, 2 trailers: \0\0\0\0\u{3}abc (0 )",
        "4: response of 6: ticked",
        "5: response of 6: ticked",
    ] {
        eventually(line, || {
            logs::said("grpc-root").iter().any(|said| said == line)
        })
        .await;
    }
}

#[tokio::test]
async fn nothing_is_left_of_calls_whose_plugin_is_gone() {
    let (plugin, server) = with_server("grpc-gone").await;
    let begun = |plugin: LoomPlugin| {
        let plan = [(
            "x-start",
            "call grpc t.S Silent 0 x | stream grpc t.S Silent | stream grpc t.S SilentWithoutHead | http web 0 /t.S/Silent x",
        )];
        tokio::spawn(async move { send(plugin, get(&plan)).await })
    };
    // The request's end does not end its calls: their answers are the plugin's.
    let request = begun(plugin.clone());
    eventually("the calls are made", || server.silences() == 4).await;
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    let other = ask(&plugin, &[("start", "call grpc t.S Echo 20000 hello")]).await;
    assert_eq!(other, "1: response of 5: hello");
    assert_eq!(server.silences(), 4);
    // A trap takes the VM, and with it what the VM had open.
    let trapped = send(plugin.clone(), get(&[("x-start", "trap")])).await;
    assert_eq!(trapped.status, 503);
    eventually("the calls of the VM are reset", || server.silences() == 0).await;
    super::super::support::healed(&plugin).await;
    // The plugin's end takes its root context.
    let request = begun(plugin.clone());
    eventually("the calls are made", || server.silences() == 4).await;
    request.abort();
    drop(plugin);
    eventually("the calls of the plugin are reset", || {
        server.silences() == 0
    })
    .await;
    eventually("its connections are closed", || server.connections().1 == 0).await;
}
