//! Inputs that were found, as files.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Writes an input where cargo-fuzz would: `artifacts/TARGET/crash-...`.
pub(super) fn save(folder: &Path, target: &str, input: &[u8]) -> io::Result<PathBuf> {
    let folder = folder.join(target);
    fs::create_dir_all(&folder)?;
    let mut hasher = DefaultHasher::new();
    input.hash(&mut hasher);
    let file = folder.join(format!("crash-{:016x}", hasher.finish()));
    fs::write(&file, input)?;
    Ok(file)
}
