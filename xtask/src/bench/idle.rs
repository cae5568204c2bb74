//! Connections that are open and rest, by `clients` of the benches crate.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::load::{Generators, Wire};
use crate::Error;

/// Files that a process needs beside the connections.
const OTHER_FILES: u64 = 200;

/// As many of `wanted` connections as the limit on open files allows, after it was raised as far as it goes. Processes that
/// are started later have that limit, too.
pub(super) fn possible(wanted: usize) -> Result<usize, Error> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, raised)
        .map_err(|e| Error::because("cannot raise the limit on open files", e))?;
    let most = maximum.map_or(u64::MAX, |most| most.saturating_sub(OTHER_FILES));
    Ok(wanted.min(usize::try_from(most).unwrap_or(usize::MAX)))
}

/// Connections, each of which was used for one request. Dropped, they are closed.
#[derive(Debug)]
pub(super) struct Connections(Child);

impl Connections {
    /// Opens so many, and waits until all have been used.
    pub(super) fn open(
        generators: &Generators,
        wire: Wire,
        server: SocketAddr,
        count: usize,
    ) -> Result<Self, Error> {
        let mut command = Command::new(&generators.clients);
        command
            .arg("rest")
            .arg(server.to_string())
            .arg(count.to_string());
        if wire.tls {
            command.arg(&generators.certificate().chain);
        }
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut open = Self(child.map_err(|e| Error::because("cannot start clients", e))?);
        let mut line = String::new();
        if let Some(said) = open.0.stdout.take() {
            // What cannot be read is not the line that is waited for.
            let _ = BufReader::new(said).read_line(&mut line);
        }
        if line.trim_end() == "open" {
            return Ok(open);
        }
        Err(Error::new(format!(
            "not all of {count} connections could be used"
        )))
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        // It ends when its input does.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
