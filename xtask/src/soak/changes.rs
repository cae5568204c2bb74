//! The changes of the gateway's configuration.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
        let thread = thread::spawn(move || {
            let mut taken = 0;
            while wanted.load(Ordering::Relaxed) {
                let begun = Instant::now();
                write(&file, &config::gateway(&setting, taken + 1))?;
                reload(setting.admin)?;
                taken += 1;
                thread::sleep(INTERVAL.saturating_sub(begun.elapsed()));
            }
            Ok(taken)
        });
        Changing(thread)
    }
}

/// The thread that changes the file.
pub(super) struct Changing(JoinHandle<Result<u64, Error>>);

impl Changing {
    /// Whether it went wrong, while it is still wanted.
    pub(super) fn has_ended(&self) -> bool {
        self.0.is_finished()
    }

    /// Waits until it ended, and gives back how many changes were taken over.
    pub(super) fn end(self) -> Result<u64, Error> {
        self.0
            .join()
            .unwrap_or_else(|_| Err(Error::new("the thread of the changes panicked")))
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
