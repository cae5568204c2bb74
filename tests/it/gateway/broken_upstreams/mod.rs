//! Upstreams that are broken, or mean harm: what the client is told, that others are served meanwhile, that the connection
//! is not used again, and that nothing is left behind.

mod bodies;
mod heads;
mod http2;
mod villain;

use std::net::SocketAddr;

use loom_gateway::Running;

use super::support::{Raw, address, panics, start, within};
use villain::{Step, Villain};

const GET_BAD: &str = "GET /bad HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

/// What a client gets.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    /// A whole response, with this body.
    Whole(u16, String),
    /// One that the gateway made, with the code in `x-loom-error`.
    Failed(u16, String),
    /// The response breaks off.
    Cut(u16),
}

fn failed(status: u16, code: &str) -> Answer {
    Answer::Failed(status, code.to_owned())
}

fn whole(status: u16, body: &str) -> Answer {
    Answer::Whole(status, body.to_owned())
}

/// Reads an answer, which is all that came until the gateway closed.
fn read(response: &str) -> Answer {
    let (head, body) = response.split_once("\r\n\r\n").expect("a head");
    let status = head[9..12].parse().expect("a status");
    let header = |name: &str| {
        let mut values = head.lines().filter_map(|line| line.strip_prefix(name));
        values.next().map(str::to_owned)
    };
    if let Some(code) = header("x-loom-error: ") {
        return Answer::Failed(status, code);
    }
    if header("transfer-encoding: ").is_some() {
        let Some(chunks) = body.strip_suffix("0\r\n\r\n") else {
            return Answer::Cut(status);
        };
        // Sizes are in every other line, and no body here has lines.
        let pieces = chunks.split("\r\n").skip(1).step_by(2);
        return Answer::Whole(status, pieces.collect());
    }
    let length = header("content-length: ").map(|length| length.parse().expect("a length"));
    if length.is_some_and(|length: usize| length != body.len()) {
        return Answer::Cut(status);
    }
    Answer::Whole(status, body.to_owned())
}

/// A gateway in front of this server, whose times are short where somebody waits for them to be over.
async fn gateway(endpoint: SocketAddr, more: &str) -> Running {
    start(&format!(
        "routes: [{{id: all, path: '/*', upstream: a, timeout: 500ms}}]\nupstreams: [{{name: a, endpoints: ['{endpoint}']{more}}}]"
    ))
    .await
}

/// The answer to a good request.
async fn good(gateway: &Running) {
    served(gateway, "/good").await;
}

async fn served(gateway: &Running, target: &str) {
    let request = format!("GET {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    let response = Raw::exchange(address(gateway), &request).await;
    assert_eq!(read(&response), whole(200, "good"));
}

/// Nothing is under way any more, and of connections no more than this are open.
async fn settled(gateway: &Running, connections: usize) {
    within(async {
        loop {
            let endpoint = gateway.upstreams().remove(0).endpoints.remove(0);
            if endpoint.in_flight == 0 && endpoint.connections <= connections {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// What a client gets for `request` from a server that does this.
async fn expect(steps: Vec<Step>, request: &str, answer: Answer) {
    let what = format!("{steps:?}");
    let what = &what[..what.len().min(400)];
    let is_well_again = matches!(steps.last(), Some(Step::Serve));
    let villain = Villain::start(steps).await;
    let gateway = gateway(villain.address, "").await;
    // Another client has a connection of its own, and is served before, meanwhile and afterwards.
    // No connection is kept for the bad request: over one that was unused for a while, it could rightly be sent twice.
    served(&gateway, "/last").await;
    settled(&gateway, 0).await;
    let mut bad = Raw::connect(address(&gateway)).await;
    bad.send(request).await;
    let (response, ()) = tokio::join!(bad.rest(), async {
        villain.met().await;
        for _ in 0..5 {
            good(&gateway).await;
        }
    });
    assert_eq!(read(&response), answer, "{what}");
    good(&gateway).await;
    assert_eq!(villain.bad(), 1, "{what}");
    if !is_well_again {
        assert_eq!(villain.after_bad(), [""; 0], "{what}");
    }
    // Those of the good requests.
    settled(&gateway, 2).await;
    panics::assert_none();
}

fn send(bytes: impl AsRef<[u8]>) -> Step {
    Step::Send(bytes.as_ref().to_vec())
}
