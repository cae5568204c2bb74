//! The hosts that cases run against, behind one trait.

mod envoy;
mod loom;
mod process;

use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::sync::mpsc::UnboundedReceiver;

pub(crate) use envoy::Envoy;
pub(crate) use loom::Loom;

use crate::Error;
use crate::case::Plugin;

/// A case as a host has to serve it: a listener, one route for everything on it, the plugins around it.
pub(crate) struct Setup {
    /// Begins every name of this case, so that one process can serve many.
    pub(crate) prefix: String,
    pub(crate) plugins: Vec<PluginSetup>,
    /// The servers; the route leads to `main`.
    pub(crate) upstreams: Vec<UpstreamSetup>,
}

impl Setup {
    /// The name by which a host knows something of this case.
    pub(crate) fn named(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// A server that plugins know by a name.
pub(crate) struct UpstreamSetup {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    /// It speaks HTTP/2, with prior knowledge.
    pub(crate) http2: bool,
}

/// A plugin, ready to be configured.
pub(crate) struct PluginSetup {
    pub(crate) name: String,
    pub(crate) vm_id: String,
    pub(crate) module: PathBuf,
    /// The scripts in it have their names resolved.
    pub(crate) plugin: Plugin,
}

/// Begins every line that the plugin itself says.
const MARK: &str = "| ";

/// A line that a plugin logged.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) plugin: String,
    pub(crate) level: String,
    pub(crate) text: String,
}

/// A host that serves some cases.
pub(crate) struct Serving {
    /// Where each case's listener is, in the order of the setups.
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) lines: UnboundedReceiver<Line>,
    pub(crate) process: process::Process,
}

/// Something that runs Proxy-Wasm plugins and can be started as a process.
pub(crate) trait Host {
    fn name(&self) -> &'static str;

    /// How many cases one process should serve.
    fn batch(&self) -> usize;

    /// Starts a process that serves all of these cases, and waits until it does.
    async fn serve(&self, setups: &[Setup]) -> Result<Serving, Error>;
}
