//! Load: as much as goes through, by wrk and h2load, and so much a second, by h2load.
//!
//! Both resume TLS sessions when they connect again, so full handshakes come from `clients` of the benches crate.

mod handshakes;
mod output;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use self::output::{Counted, h2load_requests, wrk_requests};
use super::certificate::{self, Certificate};
use super::origin;
use super::results::Latency;
use crate::Error;
use crate::programs::{self, Program};

/// Connections that are kept and used all the time.
pub(super) const CONNECTIONS: usize = 32;

/// Connections over HTTP/2, and streams on each: as many requests at once as there are over HTTP/1.1.
const H2: (usize, usize) = (4, 8);

/// How often h2load is tried.
const TRIES: usize = 3;

/// A message of gRPC: not compressed, seven bytes, of which a field of the type string holds five.
const MESSAGE: &[u8] = b"\0\0\0\0\x07\x0a\x05hello";

/// What a request of gRPC has beside the headers of others.
pub(super) const CALL_HEADERS: [&str; 2] = ["content-type: application/grpc", "te: trailers"];

/// What is asked for, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) path: &'static str,
    pub(super) content: Content,
    pub(super) wire: Wire,
    /// A connection for each request.
    pub(super) once: bool,
}

/// What a request has as its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Nothing,
    Bytes(usize),
    /// A unary call of gRPC with a small message, which comes back as it is.
    Call,
}

/// What clients speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wire {
    pub(super) h2: bool,
    pub(super) tls: bool,
}

impl Wire {
    pub(super) const HTTP1: Self = Self {
        h2: false,
        tls: false,
    };
}

impl Load {
    /// Over HTTP/1.1, on kept connections.
    pub(super) const fn get(path: &'static str) -> Self {
        Self {
            path,
            content: Content::Nothing,
            wire: Wire::HTTP1,
            once: false,
        }
    }

    pub(super) fn is_call(&self) -> bool {
        self.content == Content::Call
    }

    pub(super) fn url(&self, server: SocketAddr) -> String {
        let scheme = if self.wire.tls { "https" } else { "http" };
        format!("{scheme}://{server}{}", self.path)
    }

    /// How many bytes the right answer has.
    pub(super) fn answer(&self) -> u64 {
        let size = match self.content {
            Content::Call => MESSAGE.len(),
            Content::Nothing | Content::Bytes(_) => origin::size(self.path),
        };
        size as u64
    }
}

/// The programs that make it.
#[derive(Debug)]
pub(super) struct Generators {
    pub(super) wrk: Program,
    pub(super) h2load: Program,
    /// `clients` of the benches crate.
    pub(super) clients: PathBuf,
    certificate: Certificate,
    folder: PathBuf,
}

impl Generators {
    pub(super) fn find(folder: &Path, clients: PathBuf) -> Result<Self, Error> {
        Ok(Self {
            wrk: programs::need("wrk", "-v", "wrk")?,
            h2load: programs::need("h2load", "--version", "nghttp2-client")?,
            clients,
            certificate: Certificate::of(folder),
            folder: folder.to_path_buf(),
        })
    }

    /// As many requests as go through in this time; gives back their number.
    pub(super) fn saturate(
        &self,
        load: Load,
        server: SocketAddr,
        time: Duration,
    ) -> Result<u64, Error> {
        if load.once {
            return self.handshakes(server, time);
        }
        if load.wire.h2 {
            let mut command = self.h2load(load, time)?;
            command.arg(load.url(server));
            return h2load_requests(&said(command, "h2load")?, load.answer());
        }
        self.wrk(load, server, time)?.all_answered()
    }

    /// The same by wrk, whatever became of them.
    pub(super) fn wrk(
        &self,
        load: Load,
        server: SocketAddr,
        time: Duration,
    ) -> Result<Counted, Error> {
        let mut command = self.command(&self.wrk, load.wire);
        command
            .args(["-t", "1", "-c", &CONNECTIONS.to_string()])
            .arg(format!("-d{}s", time.as_secs()));
        if let Content::Bytes(size) = load.content {
            command.arg("-s").arg(self.script(size)?);
        }
        command.arg(load.url(server));
        wrk_requests(&said(command, "wrk")?)
    }

    /// So many requests a second.
    pub(super) fn at_rate(
        &self,
        load: Load,
        server: SocketAddr,
        rate: u64,
        time: Duration,
    ) -> Result<Latency, Error> {
        if load.once {
            return self.handshakes_at_rate(server, rate, time);
        }
        // h2load 1.52 may end by an assertion of its own when time is up while it sends a body.
        let mut last = Err(Error::new("h2load was not tried"));
        for _ in 0..TRIES {
            last = self.try_at_rate(load, server, rate, time);
            if last.is_ok() {
                break;
            }
        }
        last
    }

    fn try_at_rate(
        &self,
        load: Load,
        server: SocketAddr,
        rate: u64,
        time: Duration,
    ) -> Result<Latency, Error> {
        let log = self.folder.join("latencies");
        // h2load adds to a file that is there.
        let _ = fs::remove_file(&log);
        let connections = streams(load.wire).0 as u64;
        let each = (rate / connections).max(1);
        let mut command = self.h2load(load, time)?;
        command
            .args(["--rps", &each.to_string()])
            .arg("--log-file")
            .arg(&log)
            .arg(load.url(server));
        h2load_requests(&said(command, "h2load")?, load.answer())?;
        let text = fs::read_to_string(&log)
            .map_err(|e| Error::because("cannot read what h2load logged", e))?;
        output::latency(&text, each * connections)
    }

    /// h2load with a single request.
    pub(super) fn one_by_h2load(&self, load: Load, server: SocketAddr) -> Command {
        let mut command = self.h2load_over(load.wire);
        command.arg(load.url(server));
        command
    }

    /// Who subjects are to clients of TLS.
    pub(super) fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// h2load with all but the rate and the URL.
    fn h2load(&self, load: Load, time: Duration) -> Result<Command, Error> {
        let (connections, streams) = streams(load.wire);
        let mut command = self.h2load_over(load.wire);
        command
            .args(["-c", &connections.to_string()])
            .args(["-m", &streams.to_string()])
            .args(["-D", &time.as_secs().to_string()]);
        if let Some(body) = self.body(load.content)? {
            command.arg("-d").arg(body);
        }
        if load.is_call() {
            for header in CALL_HEADERS {
                command.args(["-H", header]);
            }
        }
        Ok(command)
    }

    /// It has a list of ciphers of its own.
    fn h2load_over(&self, wire: Wire) -> Command {
        let mut command = self.command(&self.h2load, wire);
        if !wire.h2 {
            command.arg("--h1");
        }
        if wire.tls {
            command.args(["--tls13-ciphers", certificate::CIPHER]);
        }
        command
    }

    fn command(&self, program: &Program, wire: Wire) -> Command {
        let mut command = Command::new(&program.path);
        if wire.tls {
            command.env("OPENSSL_CONF", &self.certificate.openssl);
        }
        command
    }

    /// A script that makes wrk send bodies.
    fn script(&self, size: usize) -> Result<PathBuf, Error> {
        let text = format!("wrk.method = \"POST\"\nwrk.body = string.rep(\"x\", {size})\n");
        self.write("post.lua", text.as_bytes())
    }

    /// A file with what a request has as its body.
    pub(super) fn body(&self, content: Content) -> Result<Option<PathBuf>, Error> {
        match content {
            Content::Nothing => Ok(None),
            Content::Bytes(size) => self.write("body", &vec![b'x'; size]).map(Some),
            Content::Call => self.write("message", MESSAGE).map(Some),
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Error> {
        let file = self.folder.join(name);
        fs::write(&file, bytes)
            .map_err(|e| Error::because(format!("cannot write {}", file.display()), e))?;
        Ok(file)
    }
}

/// Connections, and requests at once on each.
fn streams(wire: Wire) -> (usize, usize) {
    if wire.h2 { H2 } else { (CONNECTIONS, 1) }
}

/// Runs a command to its end and gives back what it printed.
pub(super) fn said(mut command: Command, name: &str) -> Result<String, Error> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| Error::because(format!("cannot start {name}"), e))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let why = String::from_utf8_lossy(&output.stderr);
    Err(Error::new(format!(
        "{name} failed ({}):\n{text}{why}",
        output.status
    )))
}
