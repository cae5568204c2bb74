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

use super::certificate::Certificate;
use super::load::Wire;
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

    /// As its authors write it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Loom => "Loom",
            Self::Envoy => "Envoy",
            Self::Haproxy => "HAProxy",
            Self::Nginx | Self::Hyper => self.name(),
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
    /// What clients speak.
    pub(super) wire: Wire,
    /// Who it is to clients of TLS.
    pub(super) certificate: Certificate,
    /// Whether requests are calls of gRPC, for which the origin is spoken to in HTTP/2.
    pub(super) calls: bool,
    /// What `/generation` is answered with, where it is to tell which configuration is in force.
    pub(super) generation: Option<u64>,
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
        let listen = free_address()?;
        let file = self.configure(task, listen, origin, folder)?;
        let folder = folder.join(self.kind.name());
        let mut command = Command::new(&self.program.path);
        match self.kind {
            Kind::Loom => command.arg("-config").arg(&file),
            Kind::Nginx => command.arg("-p").arg(&folder).arg("-c").arg(&file),
            Kind::Envoy => envoy::arguments(&mut command, task, &file),
            Kind::Haproxy => command.arg("-f").arg(&file),
            Kind::Hyper => hyper::arguments(&mut command, task, listen, origin),
        };
        Server::start(self.kind.name(), command, listen, &folder.join("log"))
    }

    /// Writes its configuration, which it may be running with in another version.
    pub(super) fn configure(
        &self,
        task: &Task,
        listen: SocketAddr,
        origin: SocketAddr,
        folder: &Path,
    ) -> Result<PathBuf, Error> {
        let folder = folder.join(self.kind.name());
        let place = Place {
            listen,
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
        let new = file.with_extension("new");
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&new, text))
            .and_then(|()| fs::rename(&new, &file))
            .map_err(|e| Error::because(format!("cannot write {}", file.display()), e))?;
        Ok(file)
    }
}
