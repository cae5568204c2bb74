//! Plugins in AssemblyScript: what `npm run build` makes, in a copy of the package.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::source::Source;
use super::{Workshop, stamp};
use crate::Error;
use crate::tools::{self, Setup};

/// Which packages are installed.
const LOCK: &str = "package-lock.json";

pub(super) fn build(work: &Workshop, source: &Source, setup: Setup) -> Result<PathBuf, Error> {
    stamp::unless_fresh(work, source, "npm ci; npm run build", || {
        tools::require("npm", "Node.js with npm", "https://nodejs.org/en/download")?;
        // npm puts everything beside the package, so it gets a copy to work in.
        copy(&source.folder, &work.folder)
            .map_err(|e| Error::because(format!("cannot copy {}", source.folder.display()), e))?;
        let npm = |arguments: &[&str]| {
            let mut command = Command::new("npm");
            command.current_dir(&work.folder).args(arguments);
            command
        };
        let (wanted, installed) = (source.folder.join(LOCK), work.folder.join("installed"));
        if fs::read(&wanted).ok() != fs::read(&installed).ok() {
            let install = npm(&[
                "ci",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--silent",
            ]);
            let what = "AssemblyScript and its SDK (20 MB, from npm)";
            tools::download(what, setup, install)?;
            fs::copy(wanted, installed).map_err(|e| Error::because("cannot copy a file", e))?;
        }
        tools::run(npm(&["run", "--silent", "build"]), &source.name)
    })
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &place)?;
        } else {
            fs::copy(entry.path(), place)?;
        }
    }
    Ok(())
}
