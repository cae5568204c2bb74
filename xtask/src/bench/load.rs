//! Load: as much as goes through, by wrk and h2load, and so much a second, by h2load.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::results::Latency;
use super::stats;
use crate::Error;
use crate::programs::{self, Program};

/// Connections that are kept and used all the time.
pub(super) const CONNECTIONS: usize = 32;

/// Connections over HTTP/2, and streams on each: as many requests at once as there are over HTTP/1.1.
const H2: (usize, usize) = (4, 8);

/// How often h2load is tried.
const TRIES: usize = 3;

/// What is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Load {
    pub(super) path: &'static str,
    /// Bytes to send with each request.
    pub(super) send: usize,
    pub(super) h2: bool,
}

/// The programs that make it.
#[derive(Debug)]
pub(super) struct Generators {
    pub(super) wrk: Program,
    pub(super) h2load: Program,
    folder: PathBuf,
}

impl Generators {
    pub(super) fn find(folder: &Path) -> Result<Self, Error> {
        Ok(Self {
            wrk: programs::need("wrk", "-v", "wrk")?,
            h2load: programs::need("h2load", "--version", "nghttp2-client")?,
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
        if load.h2 {
            let (connections, streams) = H2;
            let mut command = Command::new(&self.h2load.path);
            command
                .args(["-c", &connections.to_string()])
                .args(["-m", &streams.to_string()])
                .args(["-D", &time.as_secs().to_string()])
                .arg(url(load, server));
            return h2load_requests(&said(command, "h2load")?);
        }
        let mut command = Command::new(&self.wrk.path);
        command
            .args(["-t", "1", "-c", &CONNECTIONS.to_string()])
            .arg(format!("-d{}s", time.as_secs()));
        if load.send > 0 {
            command.arg("-s").arg(self.script(load.send)?);
        }
        command.arg(url(load, server));
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
        let (connections, streams) = if load.h2 { H2 } else { (CONNECTIONS, 1) };
        let each = (rate / connections as u64).max(1);
        let mut command = Command::new(&self.h2load.path);
        if !load.h2 {
            command.arg("--h1");
        }
        if load.send > 0 {
            command.arg("-d").arg(self.body(load.send)?);
        }
        command
            .args(["-c", &connections.to_string()])
            .args(["-m", &streams.to_string()])
            .args(["-D", &time.as_secs().to_string()])
            .args(["--rps", &each.to_string()])
            .arg("--log-file")
            .arg(&log)
            .arg(url(load, server));
        h2load_requests(&said(command, "h2load")?)?;
        let text = fs::read_to_string(&log)
            .map_err(|e| Error::because("cannot read what h2load logged", e))?;
        latency(&text, each * connections as u64)
    }

    /// A script that makes wrk send bodies.
    fn script(&self, size: usize) -> Result<PathBuf, Error> {
        let text = format!("wrk.method = \"POST\"\nwrk.body = string.rep(\"x\", {size})\n");
        self.write("post.lua", text.as_bytes())
    }

    fn body(&self, size: usize) -> Result<PathBuf, Error> {
        self.write("body", &vec![b'x'; size])
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Error> {
        let file = self.folder.join(name);
        fs::write(&file, bytes)
            .map_err(|e| Error::because(format!("cannot write {}", file.display()), e))?;
        Ok(file)
    }
}

fn url(load: Load, server: SocketAddr) -> String {
    format!("http://{server}{}", load.path)
}

/// Runs a command to its end and gives back what it printed.
fn said(mut command: Command, name: &str) -> Result<String, Error> {
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

/// `53087 requests in 1.01s, 7.70MB read`, and nothing that went wrong.
fn wrk_requests(text: &str) -> Result<u64, Error> {
    let bad = text
        .lines()
        .any(|line| line.contains("Non-2xx") || line.contains("Socket errors"));
    let requests = text
        .lines()
        .find_map(|line| line.trim().split_once(" requests in ")?.0.parse().ok());
    match requests {
        Some(requests) if !bad && requests > 0 => Ok(requests),
        _ => Err(Error::new(format!(
            "not all requests were answered:\n{text}"
        ))),
    }
}

/// `requests: 3168 total, 3200 started, 3168 done, 3168 succeeded, 0 failed, 0 errored, 0 timeout`
fn h2load_requests(text: &str) -> Result<u64, Error> {
    let failed = || Error::new(format!("not all requests were answered:\n{text}"));
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("requests: "));
    let number = |what: &str| {
        let part = line?.split(", ").find(|part| part.ends_with(what))?;
        part.split(' ').next()?.parse::<u64>().ok()
    };
    let (done, succeeded) = number("done").zip(number("succeeded")).ok_or_else(failed)?;
    if done > 0 && done == succeeded {
        Ok(done)
    } else {
        Err(failed())
    }
}

/// Of lines with a start, a status and a duration in microseconds.
fn latency(log: &str, rate: u64) -> Result<Latency, Error> {
    let mut times: Vec<f64> = log
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2)?.parse().ok())
        .collect();
    if times.is_empty() {
        return Err(Error::new("h2load logged no request"));
    }
    times.sort_by(f64::total_cmp);
    Ok(Latency {
        rate,
        p50_us: stats::percentile(&times, 50.0),
        p90_us: stats::percentile(&times, 90.0),
        p99_us: stats::percentile(&times, 99.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_wrk_count_only_when_all_were_answered() {
        let text = "  99%   11.43ms\n  53087 requests in 1.01s, 7.70MB read\nRequests/sec: 1.0\n";
        assert_eq!(wrk_requests(text).unwrap(), 53_087);
        let bad = format!("{text}  Non-2xx or 3xx responses: 4\n");
        assert!(wrk_requests(&bad).is_err());
        let bad = format!("{text}  Socket errors: connect 0, read 3, write 0, timeout 0\n");
        assert!(wrk_requests(&bad).is_err());
    }

    #[test]
    fn requests_of_h2load_count_only_when_all_were_answered() {
        let text =
            "requests: 9 total, 10 started, 9 done, 9 succeeded, 0 failed, 0 errored, 0 timeout\n";
        assert_eq!(h2load_requests(text).unwrap(), 9);
        assert!(h2load_requests(&text.replace("9 succeeded", "8 succeeded")).is_err());
        assert!(h2load_requests("").is_err());
    }

    #[test]
    fn percentiles_come_from_the_log() {
        let log: String = (1..=100).map(|n| format!("17\t200\t{n}\n")).collect();
        let latency = latency(&log, 10).unwrap();
        assert_eq!(
            (latency.p50_us, latency.p90_us, latency.p99_us),
            (50.0, 90.0, 99.0)
        );
    }
}
