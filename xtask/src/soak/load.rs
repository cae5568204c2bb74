//! Load by wrk, with a look at every answer.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::config::PATHS;
use crate::Error;
use crate::programs::{self, Program};

/// Connections that are kept and used all the time.
const CONNECTIONS: usize = 32;

/// What the lines begin with that the script prints.
const FAILURE: &str = "FAILURE ";

/// Asks for one path after the other, by methods that may be repeated, and prints the first answers that are none.
const SCRIPT: &str = r#"
local requests, next, printed = {}, 0, 0

function init(args)
   for _, path in ipairs(args) do
      requests[#requests + 1] = wrk.format("GET", path)
      requests[#requests + 1] = wrk.format("PUT", path, nil, string.rep("x", 2000))
   end
end

function request()
   next = next % #requests + 1
   return requests[next]
end

function response(status, headers, body)
   if (status ~= 200 or headers["x-gateway"] ~= "Loom") and printed < 5 then
      printed = printed + 1
      print("FAILURE " .. status .. " " .. (headers["x-loom-error"] or headers["X-Loom-Error"] or "") .. " " .. string.sub(body, 1, 200))
   end
end
"#;

/// What makes the load.
pub(super) struct Load {
    wrk: Program,
    script: PathBuf,
    url: String,
}

/// What one run of it came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) requests: u64,
    bad: u64,
    /// The first answers that were none.
    pub(super) failures: Vec<String>,
}

impl Slice {
    pub(super) fn failed(&self) -> u64 {
        self.bad.max(self.failures.len() as u64)
    }
}

impl Load {
    pub(super) fn new(folder: &Path, gateway: SocketAddr) -> Result<Self, Error> {
        let script = folder.join("load.lua");
        fs::write(&script, SCRIPT)
            .map_err(|e| Error::because(format!("cannot write {}", script.display()), e))?;
        Ok(Self {
            wrk: programs::need("wrk", "-v", "wrk")?,
            script,
            url: format!("http://{gateway}/"),
        })
    }

    /// As much as goes through in this time.
    pub(super) fn run(&self, time: Duration) -> Result<Slice, Error> {
        let output = Command::new(&self.wrk.path)
            .args([
                "-t",
                "1",
                "-c",
                &CONNECTIONS.to_string(),
                "--timeout",
                "10s",
            ])
            .arg(format!("-d{}s", time.as_secs()))
            .arg("-s")
            .arg(&self.script)
            .arg(&self.url)
            .args(["--"])
            .args(PATHS)
            .stdin(Stdio::null())
            .output()
            .map_err(|e| Error::because("cannot start wrk", e))?;
        let text = String::from_utf8_lossy(&output.stdout);
        read(&text).ok_or_else(|| {
            let why = String::from_utf8_lossy(&output.stderr);
            Error::new(format!("wrk said nothing of requests:\n{text}{why}"))
        })
    }
}

fn read(text: &str) -> Option<Slice> {
    let mut slice = Slice::default();
    let mut requests = None;
    for line in text.lines().map(str::trim) {
        if let Some(failure) = line.strip_prefix(FAILURE) {
            slice.failures.push(failure.to_owned());
        } else if let Some((number, _)) = line.split_once(" requests in ") {
            requests = number.parse().ok();
        } else if let Some(number) = line.strip_prefix("Non-2xx or 3xx responses: ") {
            slice.bad += number.parse::<u64>().ok()?;
        } else if let Some(kinds) = line.strip_prefix("Socket errors: ") {
            let errors = kinds.split(", ").filter_map(|kind| kind.split(' ').nth(1));
            slice.bad += errors.filter_map(|n| n.parse::<u64>().ok()).sum::<u64>();
            slice.failures.push(line.to_owned());
        }
    }
    slice.requests = requests?;
    Some(slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted() {
        let good = "  53087 requests in 1.01s, 7.70MB read\nRequests/sec: 1.0\n";
        assert_eq!(read(good).unwrap().requests, 53_087);
        assert_eq!(read(good).unwrap().failed(), 0);
        let bad = format!(
            "FAILURE 503 upstream_reset \n{good}  Socket errors: connect 0, read 3, write 1, timeout 0\n  \
             Non-2xx or 3xx responses: 4\n"
        );
        let bad = read(&bad).unwrap();
        assert_eq!(bad.failed(), 8);
        assert_eq!(bad.failures[0], "503 upstream_reset");
        assert_eq!(read("nothing"), None);
    }

    /// An answer of the gateway's own, such as one with status 200 that no plugin took part in, counts as well.
    #[test]
    fn what_the_script_alone_found_counts() {
        let text = "FAILURE 200  ?\n  7 requests in 1.01s, 7.70MB read\n";
        assert_eq!(read(text).unwrap().failed(), 1);
    }
}
