//! What was fetched, as files that have their digest for a name.

use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use loom_config::model::Sha256;

use super::digest;
use crate::limits;

/// A folder of modules. Whatever is wrong with it, they can be fetched again.
#[derive(Debug)]
pub(super) struct Kept {
    folder: PathBuf,
}

impl Kept {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn path(&self, sha256: Sha256) -> PathBuf {
        self.folder.join(format!("{sha256}.wasm"))
    }

    /// The module of this digest, if it is there and undamaged.
    pub(super) async fn get(&self, sha256: Sha256) -> Option<Bytes> {
        let path = self.path(sha256);
        let read = move || {
            let code = read(&path)?;
            if digest(&code) == sha256 {
                return Ok(code);
            }
            Err(io::Error::other(format!("{} is damaged", path.display())))
        };
        match tokio::task::spawn_blocking(read).await.ok()? {
            Ok(code) => Some(code.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(%error, "a plugin that was kept is not used; it is fetched again");
                None
            }
        }
    }

    /// Keeps a module.
    pub(super) async fn put(&self, sha256: Sha256, code: Bytes) {
        let (folder, path) = (self.folder.clone(), self.path(sha256));
        let write = move || write(&folder, &path, &code);
        if let Ok(Err(error)) = tokio::task::spawn_blocking(write).await {
            let folder = self.folder.display();
            tracing::warn!(%folder, %error, "a plugin cannot be kept; the next start fetches it again");
        }
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    // A pipe or device could block, or never end.
    if !file.metadata()?.is_file() {
        return Err(io::Error::other(format!("{} is no file", path.display())));
    }
    let mut code = Vec::new();
    file.take(limits::FETCHED_BYTES).read_to_end(&mut code)?;
    Ok(code)
}

/// In one step, so that nobody reads half of it.
fn write(folder: &Path, path: &Path, code: &[u8]) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let mut file = tempfile::Builder::new()
        .prefix(".writing-")
        .tempfile_in(folder)?;
    file.write_all(code)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
