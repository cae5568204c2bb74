//! A server as a child process: started, waited for, ended by its id.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Error;
use crate::usage::{self, Usage};

/// How long a server may take until it listens: many plugins may have to be compiled first.
const START: Duration = Duration::from_secs(300);

/// How long a server may take to end when it is asked to.
const STOP: Duration = Duration::from_secs(10);

/// How often what cannot be waited for is looked at.
const GLANCE: Duration = Duration::from_millis(1);

/// How often memory has to be the same, at which distance, to count as settled.
const SAME: usize = 5;
const SETTLING: Duration = Duration::from_millis(100);

/// A running server. Dropped, it is ended.
#[derive(Debug)]
pub(crate) struct Server {
    name: String,
    child: Child,
    address: SocketAddr,
    begun: Instant,
}

impl Server {
    /// Starts a command that will listen on `address`, and waits until it does. What it says goes to `log`.
    pub(crate) fn start(
        name: &str,
        mut command: Command,
        address: SocketAddr,
        log: &Path,
    ) -> Result<Self, Error> {
        let unwritable = |e| Error::because(format!("cannot write {}", log.display()), e);
        let out = File::create(log).map_err(unwritable)?;
        let both = out.try_clone().map_err(unwritable)?;
        command.stdin(Stdio::null()).stdout(out).stderr(both);
        let begun = Instant::now();
        let child = command
            .spawn()
            .map_err(|e| Error::because(format!("cannot start {name}"), e))?;
        let mut server = Self {
            name: name.to_owned(),
            child,
            address,
            begun,
        };
        server.wait_until_it_listens(log)?;
        Ok(server)
    }

    fn wait_until_it_listens(&mut self, log: &Path) -> Result<(), Error> {
        while TcpStream::connect(self.address).is_err() {
            let ended = self.child.try_wait().ok().flatten();
            if ended.is_some() || self.age() > START {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                let what = ended.map_or("does not listen".to_owned(), |status| {
                    format!("ended at once ({status})")
                });
                return Err(Error::new(format!(
                    "{} {what}; it said:\n{said}",
                    self.name
                )));
            }
            thread::sleep(GLANCE);
        }
        Ok(())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The time since it was started.
    pub(crate) fn age(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Ends the process without a word, as a crash would.
    pub(crate) fn kill(mut self) -> Result<(), Error> {
        let killed = self.child.kill().and_then(|()| self.child.wait());
        killed.map_err(|e| Error::because(format!("cannot kill {}", self.name), e))?;
        Ok(())
    }

    /// Asks the process to end, and waits until it did, at the most so long.
    pub(crate) fn stop(mut self, patience: Duration) -> Result<(), Error> {
        let failed = |e: io::Error| Error::because(format!("cannot stop {}", self.name), e);
        kill_process(Pid::from_child(&self.child), Signal::TERM).map_err(|e| failed(e.into()))?;
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            match self.child.try_wait().map_err(failed)? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => {
                    return Err(Error::new(format!("{} ended badly ({status})", self.name)));
                }
                None => thread::sleep(GLANCE),
            }
        }
        Err(Error::new(format!(
            "{} did not end within {} seconds",
            self.name,
            patience.as_secs()
        )))
    }

    /// What the process and those that it started have used so far.
    pub(crate) fn usage(&self) -> Result<Usage, Error> {
        usage::of_tree(self.child.id())
            .map_err(|e| Error::because(format!("cannot read what {} uses", self.name), e))
    }

    /// CPU time of the process and those that it started, with those that have ended; in steps of 10 ms.
    pub(crate) fn cpu_of_all(&self) -> Result<Duration, Error> {
        usage::cpu_of_all(self.child.id())
            .map_err(|e| Error::because(format!("cannot read what {} uses", self.name), e))
    }

    /// Tells the process by SIGHUP to read its configuration again.
    pub(crate) fn hang_up(&self) -> Result<(), Error> {
        kill_process(Pid::from_child(&self.child), Signal::HUP)
            .map_err(|e| Error::because(format!("cannot tell {} to reload", self.name), e))
    }

    /// Its memory in KiB, once it has stopped growing: some go on with their start while they serve.
    pub(crate) fn settled_kib(&self) -> Result<u64, Error> {
        let mut last = self.usage()?.resident_kib;
        let mut same = 0;
        while same < SAME && self.age() < START {
            thread::sleep(SETTLING);
            let now = self.usage()?.resident_kib;
            same = if now == last { same + 1 } else { 0 };
            last = now;
        }
        Ok(last)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // All of this fails only for a process that has ended.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let deadline = Instant::now() + STOP;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(GLANCE);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address on the loopback device that nobody listens on.
pub(crate) fn free_address() -> Result<SocketAddr, Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|e| Error::because("there is no free port on 127.0.0.1", e))
}
