//! A gateway that answers by itself, with and without TLS, on ports of its choice, which its log tells.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::Error;

/// Requests get to the built-in upstream, so that nothing but the gateway is asked.
const CONFIG: &str = "\
workers: 2
listeners:
  - {name: plain, address: '127.0.0.1:0'}
  - name: secure
    address: '127.0.0.1:0'
    tls: {certificates: [{cert_file: secure.pem, key_file: secure.key}]}
routes:
  - {id: all, path: /*, upstream: echo}
upstreams:
  - {name: echo, builtin: echo}
log: {level: info, format: json}
shutdown: {drain_timeout: 5s}
";

/// How many listeners that are.
const LISTENERS: usize = 2;

/// The running gateway. Dropped, it is killed.
pub(super) struct Gateway {
    child: Child,
    addresses: HashMap<String, SocketAddr>,
    log: PathBuf,
    /// Reads the log on, so that the gateway never waits for room in the pipe.
    reader: Option<JoinHandle<()>>,
}

impl Gateway {
    /// Starts it, and waits until it listens. Configuration, certificate and log are kept in `folder`.
    pub(super) fn start(program: &Path, folder: &Path) -> Result<Self, Error> {
        let config = folder.join("loom.yaml");
        let log = folder.join("loom.log");
        write(&config, CONFIG)?;
        write_certificate(folder)?;
        let copy = File::create(&log)
            .map_err(|e| Error::because(format!("cannot write {}", log.display()), e))?;
        let mut command = Command::new(program);
        command
            .arg("-config")
            .arg(&config)
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|e| Error::because(format!("cannot start {}", program.display()), e))?;
        let stderr = child.stderr.take();
        let mut gateway = Self {
            child,
            addresses: HashMap::new(),
            log,
            reader: None,
        };
        if let Some(stderr) = stderr {
            gateway.listen(stderr, copy)?;
        }
        Ok(gateway)
    }

    /// Reads the log until every listener has told its address.
    fn listen(&mut self, stderr: ChildStderr, mut copy: File) -> Result<(), Error> {
        let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
        while self.addresses.len() < LISTENERS {
            let Some(line) = lines.next() else {
                let said = fs::read_to_string(&self.log).unwrap_or_default();
                return Err(Error::new(format!(
                    "the gateway ended before it listened; it said:\n{said}"
                )));
            };
            // A log that cannot be written is missed only by who looks for it.
            let _ = writeln!(copy, "{line}");
            self.addresses.extend(listening(&line));
        }
        self.reader = Some(thread::spawn(move || {
            for line in lines {
                let _ = writeln!(copy, "{line}");
            }
        }));
        Ok(())
    }

    /// Where a listener listens.
    pub(super) fn address(&self, listener: &str) -> Result<SocketAddr, Error> {
        let address = self.addresses.get(listener);
        address
            .copied()
            .ok_or_else(|| Error::new(format!("the gateway has no listener `{listener}`")))
    }

    /// Asks it to end. A gateway that ended before, or that had a panic to tell of, is a fault.
    pub(super) fn stop(mut self) -> Result<(), Error> {
        if let Ok(Some(status)) = self.child.try_wait() {
            return Err(Error::new(format!(
                "the gateway ended while it was asked ({status}), see {}",
                self.log.display()
            )));
        }
        kill_process(Pid::from_child(&self.child), Signal::TERM)
            .map_err(|e| Error::because("cannot stop the gateway", e))?;
        let status = self
            .child
            .wait()
            .map_err(|e| Error::because("cannot wait for the gateway", e))?;
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        if status.success() && !said.contains("panicked") {
            return Ok(());
        }
        Err(Error::new(format!(
            "the gateway ended badly ({status}), see {}",
            self.log.display()
        )))
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Both fail only when the child has ended and was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes a certificate that nobody else trusts, and its key.
fn write_certificate(folder: &Path) -> Result<(), Error> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])
        .map_err(|e| Error::because("cannot make a certificate", e))?;
    write(&folder.join("secure.pem"), &made.cert.pem())?;
    write(
        &folder.join("secure.key"),
        &made.signing_key.serialize_pem(),
    )
}

fn write(file: &Path, text: &str) -> Result<(), Error> {
    fs::write(file, text).map_err(|e| Error::because(format!("cannot write {}", file.display()), e))
}

/// The listener and its address, when a line of the log tells them.
fn listening(line: &str) -> Option<(String, SocketAddr)> {
    let line: Value = serde_json::from_str(line).ok()?;
    if line["message"] != "listening" {
        return None;
    }
    let address = line["address"].as_str()?.parse().ok()?;
    Some((line["listener"].as_str()?.to_owned(), address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_from_the_log() {
        let line = r#"{"level":"INFO","message":"listening","listener":"plain","address":"127.0.0.1:4711"}"#;
        let (name, address) = listening(line).unwrap();
        assert_eq!((name.as_str(), address.port()), ("plain", 4711));
        assert!(listening(r#"{"message":"ready"}"#).is_none());
        assert!(listening("not JSON").is_none());
        assert_eq!(CONFIG.matches("address:").count(), LISTENERS);
    }
}
