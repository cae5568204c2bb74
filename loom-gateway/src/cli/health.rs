//! `loom health`: whether the gateway of a configuration takes requests.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use super::args::Options;
use super::config;
use super::output::print;
use super::run::Result;

/// How long each step may take. Who asks has a time of its own, which is seldom longer.
const PATIENCE: Duration = Duration::from_secs(2);

const REQUEST: &str = "GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

pub(super) fn run(options: &Options) -> Result<ExitCode> {
    let (_, config) = config::load(options)?;
    let admin = config
        .admin
        .ok_or("the configuration has no `admin`: there is nobody to ask")?;
    let address = here(admin.address);
    let line = ask(address).map_err(|error| format!("no answer from {address}: {error}"))?;
    if line.split_whitespace().nth(1) == Some("200") {
        print("ready\n")?;
        Ok(ExitCode::SUCCESS)
    } else {
        eprintln!("error: not ready: {line}");
        Ok(ExitCode::FAILURE)
    }
}

/// Where this machine reaches what listens there.
fn here(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// The first line of the answer.
fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(REQUEST.as_bytes())?;
    let mut line = String::new();
    BufReader::new(io::Read::take(stream, 1024)).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}
