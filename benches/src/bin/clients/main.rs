//! The load of `cargo xtask bench gateway` that wrk and h2load cannot make.
//!
//! - `clients rest SERVER COUNT [CERTIFICATE]` opens so many connections, uses each for one request, says `open`, and keeps
//!   them until its input ends.
//! - `clients handshakes SERVER CERTIFICATE SECONDS [RATE]` asks on a new connection each time, with a full handshake: wrk and
//!   h2load resume sessions. As many as go through, or so many a second, of which each is then a line with when it began, its
//!   status and its microseconds. The last line is `N requests`.
//!
//! With a certificate connections are of TLS, and the server has to have that certificate. An answer that is not right ends
//! it with an error.

mod handshakes;
mod request;
mod tls;

use std::env;
use std::error::Error;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::task::LocalSet;

use self::request::Client;

type Failure = Box<dyn Error + Send + Sync>;

const USAGE: &str = "usage: clients rest SERVER COUNT [CERTIFICATE]
       clients handshakes SERVER CERTIFICATE SECONDS [RATE]";

fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    match arguments[..] {
        ["rest", server, count] => runtime.block_on(rest(server.parse()?, count, None)),
        ["rest", server, count, certificate] => {
            runtime.block_on(rest(server.parse()?, count, Some(certificate)))
        }
        ["handshakes", server, certificate, seconds, ref rate @ ..] if rate.len() < 2 => {
            let client = Client::new(server.parse()?, Some(certificate))?;
            let time = Duration::from_secs(seconds.parse()?);
            let rate = rate.first().map(|rate| rate.parse()).transpose()?;
            LocalSet::new().block_on(&runtime, handshakes::run(client, time, rate))
        }
        _ => Err(USAGE.into()),
    }
}

async fn rest(server: SocketAddr, count: &str, certificate: Option<&str>) -> Result<(), Failure> {
    let client = Client::new(server, certificate)?;
    let mut open = Vec::new();
    for _ in 0..count.parse::<usize>()? {
        let mut connection = client.connect().await?;
        connection.request(true).await?;
        open.push(connection);
    }
    println!("open");
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
