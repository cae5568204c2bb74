//! A server that does one bad thing to requests for `/bad`, and serves all others.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::super::support::{Upstream, within};

/// A step of the bad thing. After the last one the connection is closed.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Send(Vec<u8>),
    /// For as long as somebody takes it.
    SendForEver(Vec<u8>),
    /// Reads this many bytes behind the head.
    Read(usize),
    /// Reads until the gateway closes.
    ReadAll,
    /// Leaves the connection as it is.
    Hang,
    /// Goes on as a good server.
    Serve,
    /// Closes with a reset.
    Reset,
}

/// See the module's text.
pub(super) struct Villain {
    pub(super) address: SocketAddr,
    /// The targets that came, connection by connection.
    connections: Arc<Mutex<Vec<Vec<String>>>>,
}

const GOOD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood";

/// To requests for `/last`: the connection ends with it.
const LAST: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\ngood";

impl Villain {
    pub(super) async fn start(steps: Vec<Step>) -> Self {
        let upstream = Upstream::bind().await;
        let this = Self {
            address: upstream.address(),
            connections: Arc::default(),
        };
        let connections = Arc::clone(&this.connections);
        tokio::spawn(async move {
            loop {
                let stream = upstream.accept().await;
                let number = {
                    let mut all = connections.lock().expect("no panic");
                    all.push(Vec::new());
                    all.len() - 1
                };
                let targets = Arc::clone(&connections);
                tokio::spawn(serve(stream, steps.clone(), move |target| {
                    targets.lock().expect("no panic")[number].push(target);
                }));
            }
        });
        this
    }

    /// What came on a connection after `/bad`.
    pub(super) fn after_bad(&self) -> Vec<String> {
        let connections = self.connections.lock().expect("no panic");
        let after = connections.iter().flat_map(|targets| {
            let bad = targets.iter().position(|target| target == "/bad");
            bad.map_or(&[][..], |at| &targets[at + 1..])
        });
        after.cloned().collect()
    }

    /// Waits until `/bad` has come.
    pub(super) async fn met(&self) {
        within(async {
            while self.bad() == 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// How often `/bad` came.
    pub(super) fn bad(&self) -> usize {
        let connections = self.connections.lock().expect("no panic");
        let all = connections.iter().flatten();
        all.filter(|target| *target == "/bad").count()
    }
}

async fn serve(mut stream: TcpStream, steps: Vec<Step>, note: impl Fn(String)) {
    while let Some(target) = target(&mut stream).await {
        note(target.clone());
        if target == "/bad" {
            if !misbehave(&mut stream, &steps).await {
                return;
            }
        } else if target == "/last" {
            let _ = stream.write_all(LAST).await;
            return;
        } else if stream.write_all(GOOD).await.is_err() {
            return;
        }
    }
}

/// The target of the next request.
async fn target(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    head.split(' ').nth(1).map(str::to_owned)
}

/// Returns whether the connection is a good one again.
async fn misbehave(stream: &mut TcpStream, steps: &[Step]) -> bool {
    let mut room = vec![0; 64 << 10];
    for step in steps {
        match step {
            Step::Send(bytes) => {
                if stream.write_all(bytes).await.is_err() {
                    return false;
                }
            }
            Step::SendForEver(bytes) => while stream.write_all(bytes).await.is_ok() {},
            Step::Read(count) => {
                let mut body = vec![0; *count];
                if stream.read_exact(&mut body).await.is_err() {
                    return false;
                }
            }
            Step::ReadAll => while matches!(stream.read(&mut room).await, Ok(1..)) {},
            Step::Hang => std::future::pending().await,
            Step::Serve => return true,
            Step::Reset => {
                let _ = stream.set_zero_linger();
                return false;
            }
        }
    }
    false
}
