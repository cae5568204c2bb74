//! The changes of the gateway's configuration.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::config::{self, Setting};
use crate::{Error, http};

/// From one change to the next, when the gateway takes it over at once.
const INTERVAL: Duration = Duration::from_secs(1);

/// The file that changes.
#[derive(Debug)]
pub(super) struct Changes {
    file: PathBuf,
    setting: Arc<Setting>,
}

impl Changes {
    /// Writes the first configuration.
    pub(super) fn new(file: PathBuf, setting: Setting) -> Result<Self, Error> {
        write(&file, &config::gateway(&setting, 0))?;
        Ok(Self {
            file,
            setting: Arc::new(setting),
        })
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    pub(super) fn admin(&self) -> SocketAddr {
        self.setting.admin
    }

    /// Changes the file and tells the gateway, once a second while this is wanted.
    pub(super) fn each_second(&self, wanted: Arc<AtomicBool>) -> Changing {
        let file = self.file.clone();
        let setting = Arc::clone(&self.setting);
        let taken = Arc::<AtomicU64>::default();
        let count = Arc::clone(&taken);
        let thread = thread::spawn(move || {
            while wanted.load(Ordering::Relaxed) {
                let begun = Instant::now();
                let number = count.load(Ordering::Relaxed) + 1;
                write(&file, &config::gateway(&setting, number))?;
                reload(setting.admin)?;
                count.store(number, Ordering::Relaxed);
                thread::sleep(INTERVAL.saturating_sub(begun.elapsed()));
            }
            Ok(())
        });
        Changing { thread, taken }
    }
}

/// The thread that changes the file.
pub(super) struct Changing {
    thread: JoinHandle<Result<(), Error>>,
    taken: Arc<AtomicU64>,
}

impl Changing {
    /// Whether it went wrong, while it is still wanted.
    pub(super) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// How many changes were taken over.
    pub(super) fn count(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Waits until it ended, and gives back how many changes were taken over.
    pub(super) fn end(self) -> Result<u64, Error> {
        let ended = self.thread.join();
        ended.unwrap_or_else(|_| Err(Error::new("the thread of the changes panicked")))?;
        Ok(self.taken.load(Ordering::Relaxed))
    }
}

fn reload(admin: SocketAddr) -> Result<(), Error> {
    let response = http::post(admin, "/reload")
        .map_err(|e| Error::because("the admin listener did not answer", e))?;
    if response.status == "HTTP/1.1 200 OK" {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&response.body);
    Err(Error::new(format!(
        "a reload was refused: {}\n{why}",
        response.status
    )))
}

/// In one step, as an editor would.
fn write(file: &Path, text: &str) -> Result<(), Error> {
    let new = file.with_extension("new");
    fs::write(&new, text)
        .and_then(|()| fs::rename(&new, file))
        .map_err(|e| Error::because(format!("cannot write {}", file.display()), e))
}
