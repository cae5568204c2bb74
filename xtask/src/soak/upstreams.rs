//! The upstream processes, and their deaths.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::config;
use crate::Error;
use crate::server::{Server, free_address};

/// How many there are.
const COUNT: usize = 3;

/// How long all of them live, and how long one is dead.
const ALIVE: Duration = Duration::from_secs(2);
const DEAD: Duration = Duration::from_secs(1);

/// Running ones.
pub(super) struct Upstreams(Vec<Upstream>);

struct Upstream {
    program: PathBuf,
    folder: PathBuf,
    server: Server,
}

impl Upstreams {
    pub(super) fn start(program: &Path, folder: &Path) -> Result<Self, Error> {
        let started = (0..COUNT).map(|number| {
            let folder = folder.join(format!("upstream-{number}"));
            let address = free_address()?;
            fs::create_dir_all(&folder)
                .and_then(|()| fs::write(folder.join("loom.yaml"), config::upstream(address)))
                .map_err(|e| Error::because(format!("cannot write {}", folder.display()), e))?;
            Ok(Upstream {
                server: start(program, &folder, address)?,
                program: program.to_path_buf(),
                folder,
            })
        });
        Ok(Self(started.collect::<Result<_, _>>()?))
    }

    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.0.iter().map(|one| one.server.address()).collect()
    }

    /// One after the other is killed and started again, while this is wanted.
    pub(super) fn kill_by_turns(self, wanted: Arc<AtomicBool>) -> Killing {
        let Self(mut all) = self;
        let killed = Arc::<AtomicU64>::default();
        let count = Arc::clone(&killed);
        let thread = thread::spawn(move || {
            while wanted.load(Ordering::Relaxed) {
                thread::sleep(ALIVE);
                // The one that has lived longest.
                let Upstream {
                    program,
                    folder,
                    server,
                } = all.remove(0);
                let address = server.address();
                server.kill()?;
                count.fetch_add(1, Ordering::Relaxed);
                thread::sleep(DEAD);
                all.push(Upstream {
                    server: start(&program, &folder, address)?,
                    program,
                    folder,
                });
            }
            Ok(())
        });
        Killing { thread, killed }
    }
}

/// The thread that kills.
pub(super) struct Killing {
    thread: JoinHandle<Result<(), Error>>,
    killed: Arc<AtomicU64>,
}

impl Killing {
    /// Whether it went wrong, while it is still wanted.
    pub(super) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// How often it killed.
    pub(super) fn count(&self) -> u64 {
        self.killed.load(Ordering::Relaxed)
    }

    /// Waits until it ended, and gives back how often it killed.
    pub(super) fn end(self) -> Result<u64, Error> {
        let ended = self.thread.join();
        ended.unwrap_or_else(|_| Err(Error::new("the thread that kills upstreams panicked")))?;
        Ok(self.killed.load(Ordering::Relaxed))
    }
}

fn start(program: &Path, folder: &Path, address: SocketAddr) -> Result<Server, Error> {
    let mut command = Command::new(program);
    command.arg("-config").arg(folder.join("loom.yaml"));
    Server::start("an upstream", command, address, &folder.join("log"))
}
