//! The programs of this workspace that take part.

use std::path::{Path, PathBuf};

use crate::programs::Program;
use crate::{Error, cargo};

/// By package, what is built.
const PROGRAMS: [(&str, &[&str]); 2] = [
    ("loom-gateway", &["loom"]),
    (
        "loom-benches",
        &["bare-proxy", "clients", "grpc-origin", "requests"],
    ),
];

/// Where they are.
#[derive(Debug)]
pub(super) struct Built(Vec<PathBuf>);

impl Built {
    /// Builds all of them in one go, so that what they share is compiled once.
    pub(super) fn build(root: &Path) -> Result<Self, Error> {
        let mut command = cargo::build_in(root);
        command.args(["--release", "--locked"]);
        for (package, programs) in PROGRAMS {
            command.args(["--package", package]);
            for program in programs {
                command.args(["--bin", program]);
            }
        }
        cargo::run(command, "the gateway").map(Self)
    }

    /// Those that were built earlier, in this folder.
    pub(super) fn in_folder(folder: &Path) -> Self {
        let names = PROGRAMS.iter().flat_map(|(_, names)| *names);
        Self(names.map(|name| folder.join(name)).collect())
    }

    /// The program of this name.
    pub(super) fn path(&self, name: &str) -> Result<PathBuf, Error> {
        let mut files = self.0.iter();
        let found = files.find(|file| file.file_stem().is_some_and(|stem| stem == name));
        match found {
            Some(file) if file.is_file() => Ok(file.clone()),
            Some(file) => Err(Error::new(format!(
                "{} is not there: without --no-build and --programs it is built",
                file.display()
            ))),
            None => Err(Error::new(format!(
                "cargo built {name}, but did not name it"
            ))),
        }
    }

    pub(super) fn program(&self, name: &str) -> Result<Program, Error> {
        Ok(Program {
            path: self.path(name)?,
            version: format!("{name} {}", env!("CARGO_PKG_VERSION")),
        })
    }
}
