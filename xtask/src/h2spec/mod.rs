//! Runs h2spec, which asks an HTTP/2 server for what RFC 9113 and RFC 7541 demand, against the gateway.

mod deviations;
mod gateway;
mod report;
mod tool;
mod verdict;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use self::gateway::Gateway;
use self::verdict::Verdict;
use crate::{Error, demo};

/// How long h2spec waits for an answer, in seconds: a busy machine answers late. Cases that expect silence wait this long.
const PATIENCE: &str = "5";

/// A listener, and how h2spec speaks to it.
struct Way {
    listener: &'static str,
    arguments: &'static [&'static str],
}

/// HTTP/2 by prior knowledge.
const PLAIN: Way = Way {
    listener: "plain",
    arguments: &[],
};

/// HTTP/2 over TLS, by ALPN.
const SECURE: Way = Way {
    listener: "secure",
    arguments: &["--tls", "--insecure"],
};

/// Builds the gateway, lets it answer by itself, and asks it everything that h2spec knows.
///
/// # Errors
///
/// When something does not build or start, when a case fails that is no known deviation, or one that is does not fail
/// any more.
pub fn run(root: &Path) -> Result<(), Error> {
    let folder = root.join("target").join("h2spec");
    fs::create_dir_all(&folder)
        .map_err(|e| Error::because(format!("cannot make {}", folder.display()), e))?;
    let h2spec = tool::program(root)?;
    let loom = demo::program(root)?;

    let ways = [PLAIN, SECURE];
    let gateway = Gateway::start(&loom, &folder)?;
    let mut faults = 0;
    for way in &ways {
        let address = gateway.address(way.listener)?;
        let verdict = ask(&h2spec, way, address, &folder)?;
        print!("{verdict}");
        faults += verdict.faults();
    }
    gateway.stop()?;
    match faults {
        0 => Ok(()),
        _ => Err(Error::new(format!(
            "h2spec found {faults} faults, see above; what it said in full is in {}",
            folder.display()
        ))),
    }
}

/// One run of h2spec.
fn ask(h2spec: &Path, way: &Way, address: SocketAddr, folder: &Path) -> Result<Verdict, Error> {
    println!("==> h2spec against the listener `{}`", way.listener);
    let report = folder.join(format!("{}.xml", way.listener));
    let words = folder.join(format!("{}.txt", way.listener));
    let unwritable = |e| Error::because(format!("cannot write {}", words.display()), e);
    let out = fs::File::create(&words).map_err(unwritable)?;
    let both = out.try_clone().map_err(unwritable)?;
    let mut command = Command::new(h2spec);
    command
        .args(["--strict", "--timeout", PATIENCE, "--host"])
        .arg(address.ip().to_string())
        .arg("--port")
        .arg(address.port().to_string())
        .arg("--junit-report")
        .arg(&report)
        .args(way.arguments);
    // Its exit code says only whether all cases passed; what counts is in the report.
    command
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(both)
        .status()
        .map_err(|e| Error::because("cannot start h2spec", e))?;
    let text = fs::read_to_string(&report).map_err(|e| {
        let said = fs::read_to_string(&words).unwrap_or_default();
        Error::because(format!("h2spec wrote no report; it said:\n{said}"), e)
    })?;
    let cases = report::parse(&text)?;
    Ok(Verdict::of(way.listener, cases, deviations::ALL))
}
