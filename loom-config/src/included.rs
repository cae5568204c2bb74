//! Files that the configuration takes something from: values, users, keys.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use crate::limits;

/// The text of such a file. An error says what is wrong with it, with its path.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    let problem = |what: &str| format!("the file {} {what}", path.display());
    let unreadable = |error: io::Error| problem(&format!("cannot be read: {error}"));
    // A pipe or device could block, or never end.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(problem("is not a regular file"));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(limits::INCLUDED_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > limits::INCLUDED_BYTES {
        return Err(problem(&format!(
            "is larger than {} bytes",
            limits::INCLUDED_BYTES
        )));
    }
    String::from_utf8(bytes).map_err(|_| problem("is not UTF-8 text"))
}
