//! The proxies that are measured, each with its way to say the same thing.

mod envoy;
mod haproxy;
mod hyper;
mod loom;
mod nginx;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::programs::Program;
use crate::server::{Server, free_address};

/// Which proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Loom,
    Nginx,
    Envoy,
    Haproxy,
    /// `bare-proxy` of the benches crate: what any proxy of hyper costs at the least.
    Hyper,
}

impl Kind {
    pub(super) const ALL: [Self; 5] = [
        Self::Loom,
        Self::Hyper,
        Self::Nginx,
        Self::Haproxy,
        Self::Envoy,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Loom => "loom",
            Self::Nginx => "nginx",
            Self::Envoy => "envoy",
            Self::Haproxy => "haproxy",
            Self::Hyper => "hyper",
        }
    }
}

/// A proxy that is there.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) kind: Kind,
    pub(super) program: Program,
}

/// What a proxy has to do.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) workers: usize,
    pub(super) plugins: Vec<Plugin>,
    /// Routes beside the one that the load takes, each with the first plugin in a configuration of its own.
    pub(super) routes: usize,
    /// VMs of each plugin; one per worker by default.
    pub(super) instances: Option<usize>,
    /// Connections that it must be able to keep.
    pub(super) connections: usize,
    pub(super) h2: bool,
}

/// One plugin. Each has VMs of its own.
#[derive(Debug, Clone)]
pub(super) struct Plugin {
    pub(super) name: String,
    pub(super) module: PathBuf,
}

/// What stands in a configuration beside the task.
#[derive(Debug)]
struct Place<'a> {
    listen: SocketAddr,
    origin: SocketAddr,
    folder: &'a Path,
}

impl Subject {
    /// Starts it for a task, in a folder of its own below `folder`.
    pub(super) fn start(
        &self,
        task: &Task,
        origin: SocketAddr,
        folder: &Path,
    ) -> Result<Server, Error> {
        let folder = folder.join(self.kind.name());
        let place = Place {
            listen: free_address()?,
            origin,
            folder: &folder,
        };
        let (file, text) = match self.kind {
            Kind::Loom => ("loom.yaml", loom::config(task, &place)),
            Kind::Nginx => ("nginx.conf", nginx::config(task, &place)),
            Kind::Envoy => ("envoy.yaml", envoy::config(task, &place)),
            Kind::Haproxy => ("haproxy.cfg", haproxy::config(task, &place)),
            Kind::Hyper => ("none", String::new()),
        };
        let file = folder.join(file);
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&file, text))
            .map_err(|e| Error::because(format!("cannot write {}", file.display()), e))?;
        let mut command = Command::new(&self.program.path);
        match self.kind {
            Kind::Loom => command.arg("-config").arg(&file),
            Kind::Nginx => command.arg("-p").arg(&folder).arg("-c").arg(&file),
            Kind::Envoy => envoy::arguments(&mut command, task, &file),
            Kind::Haproxy => command.arg("-f").arg(&file),
            Kind::Hyper => hyper::arguments(&mut command, task, &place),
        };
        Server::start(self.kind.name(), command, place.listen, &folder.join("log"))
    }
}
