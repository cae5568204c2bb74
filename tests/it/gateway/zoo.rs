//! Plugins that misbehave, in the gateway: what a client sees on the wire, and that another route goes on.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use http::Response;
use http_body_util::BodyExt;
use tempfile::TempDir;

use super::support::{Raw, Upstream, address, full, start};
use crate::layer::zoo::wasm;

/// What comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wire {
    /// The upstream's answer.
    Served,
    /// An answer of this status that is not the upstream's.
    Answered(u16),
    /// The connection, closed before a whole answer.
    Cut,
}

use Wire::{Answered, Cut, Served};

/// A deed, and what becomes of it under `closed` and `open`, when it is done with the request's headers (phase b), its body
/// (c), the response's headers (e), its body (f) and in the log callback (h).
const DEEDS: [(&str, &str, [Wire; 5], [Wire; 5]); 8] = [
    ("trap", "unreachable", FAILED, [Served; 5]),
    (
        "loop",
        "(call $for_ever) (i32.const 0)",
        FAILED,
        [Served; 5],
    ),
    (
        "memory",
        "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable",
        FAILED,
        [Served; 5],
    ),
    (
        "replies",
        "(call $reply (i32.const 403)) (call $reply (i32.const 404)) (i32.const 1)",
        REFUSED,
        REFUSED,
    ),
    (
        "close",
        "(drop (call $close (i32.const 0))) (i32.const 0)",
        CUT,
        CUT,
    ),
    (
        "pause",
        "(i32.const 1)",
        [Answered(504), Answered(504), Answered(504), Cut, Served],
        [Answered(504), Answered(504), Answered(504), Cut, Served],
    ),
    (
        "status",
        r#"(drop (call $replace (i32.const 2) @":status" @"1000")) (i32.const 0)"#,
        [Served, Served, Answered(502), Served, Served],
        [Served, Served, Answered(502), Served, Served],
    ),
    (
        "smuggle",
        r#"(drop (call $add (i32.const 0) @"x-a" @"1\0d\0ax-evil: 1"))
           (drop (call $add (i32.const 2) @"x-a" @"1\0d\0ax-evil: 1"))
           (i32.const 0)"#,
        [Served; 5],
        [Served; 5],
    ),
];

const FAILED: [Wire; 5] = [Answered(503), Answered(503), Answered(503), Cut, Served];
const REFUSED: [Wire; 5] = [Answered(403), Answered(403), Answered(403), Cut, Served];
const CUT: [Wire; 5] = [Cut, Cut, Cut, Cut, Served];

async fn get(gateway: SocketAddr, path: &str, phase: &str) -> Wire {
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\nx-phase: {phase}\r\nconnection: close\r\n\
         transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    );
    let answer = Raw::exchange(gateway, &request).await;
    assert!(!answer.contains("x-evil"), "{answer}");
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        assert_eq!(answer, "", "{path} {phase}");
        return Cut;
    };
    let is_whole = match head.contains("transfer-encoding: chunked") {
        true => body.ends_with("0\r\n\r\n"),
        false => head.contains(&format!("content-length: {}", body.len())),
    };
    if !is_whole {
        return Cut;
    }
    match head[9..12].parse() {
        Ok(200) => {
            assert!(body.contains("hello"), "{answer}");
            Served
        }
        Ok(status) => Answered(status),
        Err(_) => panic!("{answer}"),
    }
}

fn configure(folder: &TempDir, upstream: SocketAddr) -> String {
    let (mut plugins, mut routes) = (String::new(), String::new());
    for (deed, does, ..) in DEEDS {
        let file = folder.path().join(format!("{deed}.wasm"));
        std::fs::write(&file, wasm(does)).expect("a writable folder");
        for policy in ["closed", "open"] {
            for phase in ["b", "c", "e", "f", "h"] {
                // A plugin for each of them, so that the failures of one do not open the breaker of another.
                let name = format!("{deed}-{policy}-{phase}");
                writeln!(
                    plugins,
                    "  - {{name: {name}, path: '{}', failure_policy: {policy}, timeout: 20ms, pause_timeout: 20ms, memory_limit: 2MiB}}",
                    file.display()
                )
                .expect("a string takes everything");
                writeln!(
                    routes,
                    "  - {{id: {name}, path: '/{name}', plugins: [{name}], upstream: up}}"
                )
                .expect("a string takes everything");
            }
        }
    }
    format!(
        "workers: 1\nplugins:\n{plugins}routes:\n  - {{id: good, path: /good, upstream: up}}\n{routes}\
         upstreams: [{{name: up, endpoints: ['{upstream}']}}]\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_deed_in_every_phase_under_both_policies() {
    let folder = TempDir::new().expect("a folder");
    // It reads the request to its end first, so that a plugin has seen all of it.
    let upstream = Upstream::bind().await.serve(|request| async {
        let _ = request.into_body().collect().await;
        Response::new(full("hello"))
    });
    let running = start(&configure(&folder, upstream)).await;
    let gateway = address(&running);
    for (deed, _, closed, open) in DEEDS {
        for (policy, expected) in [("closed", closed), ("open", open)] {
            for (phase, expected) in ["b", "c", "e", "f", "h"].into_iter().zip(expected) {
                let path = format!("/{deed}-{policy}-{phase}");
                let (got, good) =
                    tokio::join!(get(gateway, &path, phase), get(gateway, "/good", ""));
                assert_eq!((got, good), (expected, Served), "{path}");
                let begun = std::time::Instant::now();
                while get(gateway, &path, "").await != Served {
                    assert!(
                        begun.elapsed() < Duration::from_secs(30),
                        "{path} never heals"
                    );
                }
            }
        }
    }
}
