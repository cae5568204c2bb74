//! Where a plugin's code comes from.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::error::{Error, Kind};
use crate::limits;
use crate::vm::sha256;

/// See the module's text.
#[derive(Debug, Clone)]
pub(super) enum Source {
    File(PathBuf),
    Bytes(Bytes),
}

impl Source {
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Bytes(_) => None,
        }
    }

    pub(super) fn read(&self, plugin: &str) -> Result<Bytes, Error> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.clone()),
            Self::File(path) => read_file(plugin, path),
        }
    }
}

/// Whether the code is what was asked for.
pub(super) fn check_digest(
    plugin: &str,
    wasm: &[u8],
    expected: Option<[u8; 32]>,
) -> Result<(), Error> {
    let Some(expected) = expected else {
        return Ok(());
    };
    let found = sha256(wasm);
    if found == expected {
        return Ok(());
    }
    let what = format!(
        "its SHA-256 is {}, and {} was asked for",
        hex(&found),
        hex(&expected)
    );
    let cure = "check that it is the file that was meant, and then `sha256`";
    Err(Error::new(Kind::File, plugin, what, cure))
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read_file(plugin: &str, path: &Path) -> Result<Bytes, Error> {
    let fault = |what: String, cure: &str| Error::new(Kind::File, plugin, what, cure);
    let failed = |error: std::io::Error| {
        let (what, cure) = match error.kind() {
            std::io::ErrorKind::NotFound => (
                "there is no such file".to_owned(),
                "check the path, and build the plugin first (a Rust plugin: cargo build --release --target wasm32-wasip1)",
            ),
            std::io::ErrorKind::PermissionDenied => (
                "the file may not be read".to_owned(),
                "give the user that runs this process the right to read it (chmod a+r)",
            ),
            _ => (
                format!("the file cannot be read: {error}"),
                "check the path and the file system",
            ),
        };
        fault(what, cure).with_source(error)
    };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(fault(
            "this is a directory".to_owned(),
            "name the .wasm file itself",
        ));
    }
    if metadata.len() > limits::MODULE_BYTES {
        let what = format!(
            "the file has {} bytes, and a plugin may have {}",
            metadata.len(),
            limits::MODULE_BYTES
        );
        return Err(fault(what, "check that it is the plugin that was meant"));
    }
    let mut bytes = Vec::new();
    file.take(limits::MODULE_BYTES)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    Ok(bytes.into())
}
