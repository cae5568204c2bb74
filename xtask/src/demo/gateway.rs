//! The gateway as a child process: built, started, waited for, ended.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::{Error, cargo};

/// The file that the demonstration runs, from the root of the workspace.
const CONFIG: &str = "examples/first-plugin/loom.yaml";

/// The address that stands in that file.
const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// How long the gateway may take until it listens; it compiles the plugin in that time.
const START: Duration = Duration::from_secs(60);

/// How long the gateway may take to end after it was asked to: a little more than it gives to running requests.
const STOP: Duration = Duration::from_secs(35);

/// How often a child that cannot be waited for otherwise is looked at.
const GLANCE: Duration = Duration::from_millis(50);

/// Builds the gateway and gives back the program.
pub(super) fn build(root: &Path) -> Result<PathBuf, Error> {
    let mut command = cargo::build_in(root);
    // Of the whole workspace: with the features that the other members want too, so that less is compiled again
    // for the tests.
    command.args(["--workspace", "--bin", "loom"]);
    let files = cargo::run(command, "the gateway")?;
    let program = files
        .into_iter()
        .find(|file| file.file_stem().is_some_and(|stem| stem == "loom"));
    program
        .ok_or_else(|| Error::new("cargo built the gateway, but did not name the program `loom`"))
}

/// A configuration, and the address on which the gateway listens with it.
pub(super) struct Setup {
    pub(super) config: PathBuf,
    pub(super) address: SocketAddr,
}

/// The example as it stands, or, when its port is taken, a copy of it with a port that is free.
pub(super) fn set_up(root: &Path) -> Result<Setup, Error> {
    let config = root.join(CONFIG);
    if TcpListener::bind(ADDRESS).is_ok() {
        return Ok(Setup {
            config,
            address: ADDRESS,
        });
    }
    let free =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    let address = free.map_err(|e| Error::because("there is no free port on 127.0.0.1", e))?;
    let text = fs::read_to_string(&config)
        .map_err(|e| Error::because(format!("cannot read {CONFIG}"), e))?;
    // As deep below the root as the example is, so that the relative paths in it hold.
    let copy = root.join("target").join("demo").join("loom.yaml");
    let write = || {
        fs::create_dir_all(root.join("target").join("demo"))?;
        fs::write(&copy, moved(&text, address))
    };
    write().map_err(|e| Error::because(format!("cannot write {}", copy.display()), e))?;
    println!("{ADDRESS} is taken, so the gateway gets {address}, by a copy of {CONFIG}.");
    Ok(Setup {
        config: copy,
        address,
    })
}

fn moved(config: &str, address: SocketAddr) -> String {
    config.replace(&ADDRESS.to_string(), &address.to_string())
}

/// The running gateway. Dropping it kills it.
pub(super) struct Gateway {
    child: Child,
}

impl Gateway {
    pub(super) fn start(program: &Path, config: &Path) -> Result<Self, Error> {
        let mut command = Command::new(program);
        command.arg("-config").arg(config).stdin(Stdio::null());
        // A process group of its own: Ctrl-C reaches this process alone, which passes it on once.
        command.process_group(0);
        let child = command
            .spawn()
            .map_err(|e| Error::because(format!("cannot start {}", program.display()), e))?;
        Ok(Self { child })
    }

    /// Waits until somebody can connect.
    pub(super) fn wait_until_it_listens(
        &mut self,
        address: SocketAddr,
        stop: &AtomicBool,
    ) -> Result<(), Error> {
        let deadline = Instant::now() + START;
        while TcpStream::connect_timeout(&address, GLANCE).is_err() {
            if let Some(status) = self.ended()? {
                return Err(Error::new(format!(
                    "the gateway ended before it listened ({status})"
                )));
            }
            if Instant::now() > deadline {
                return Err(Error::new(format!(
                    "nothing listens on {address} after {} seconds",
                    START.as_secs()
                )));
            }
            if stop.load(Ordering::Relaxed) {
                return Err(Error::new("stopped"));
            }
            thread::sleep(GLANCE);
        }
        Ok(())
    }

    /// Waits until the gateway ended, and asks it to once `stop` is set.
    pub(super) fn wait(mut self, stop: &AtomicBool) -> Result<(), Error> {
        while !stop.load(Ordering::Relaxed) {
            if let Some(status) = self.ended()? {
                return verdict(status);
            }
            thread::sleep(GLANCE);
        }
        self.stop()
    }

    /// Asks the gateway to end, as a service manager would, and waits until it did.
    pub(super) fn stop(mut self) -> Result<(), Error> {
        let asked = kill_process(Pid::from_child(&self.child), Signal::TERM);
        asked.map_err(|e| Error::because("cannot stop the gateway", e))?;
        let deadline = Instant::now() + STOP;
        while Instant::now() < deadline {
            if let Some(status) = self.ended()? {
                return verdict(status);
            }
            thread::sleep(GLANCE);
        }
        Err(Error::new(format!(
            "the gateway had to be killed: it did not end within {} seconds",
            STOP.as_secs()
        )))
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>, Error> {
        self.child
            .try_wait()
            .map_err(|e| Error::because("cannot wait for the gateway", e))
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Both fail only when the child has ended and was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn verdict(status: ExitStatus) -> Result<(), Error> {
    if status.success() {
        Ok(())
    } else {
        Err(Error::new(format!("the gateway ended badly ({status})")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_listens_where_the_demonstration_expects_it() {
        let text = fs::read_to_string(crate::root().join(CONFIG)).unwrap();
        let other = SocketAddr::from((Ipv4Addr::LOCALHOST, 4711));
        let copy = moved(&text, other);
        assert!(copy.contains("\n    address: 127.0.0.1:4711\n"), "{copy}");
        assert!(!copy.contains("127.0.0.1:8080"), "{copy}");
    }
}
