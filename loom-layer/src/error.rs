//! Why a plugin could not be loaded, and the error of bodies.

use std::fmt;
use std::path::{Path, PathBuf};

/// The error of the layer's bodies: the inner body's, or why a plugin ended the stream.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A plugin that cannot be loaded, and what to do about it.
///
/// The text names the plugin, the file and the cure; the cause, if something else failed first, is in
/// [`source`](std::error::Error::source). Once a plugin is loaded it never causes a service error: a failure then
/// becomes a response.
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    kind: Kind,
    plugin: String,
    file: Option<PathBuf>,
    what: String,
    cure: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The builder's values contradict each other.
    Builder,
    /// The file cannot be read.
    File,
    /// The bytes are no usable WebAssembly module.
    Module,
    /// The module is not a Proxy-Wasm plugin that this host can run.
    Abi,
    /// A start function, `proxy_on_vm_start` or `proxy_on_configure` failed.
    Start,
    /// `proxy_on_vm_start` or `proxy_on_configure` answered false.
    Rejected,
    /// A start function took longer than it may.
    Timeout,
    /// The module needs more memory than it may have.
    Memory,
    /// The host itself cannot run plugins here.
    Host,
}

impl Error {
    pub(crate) fn new(
        kind: Kind,
        plugin: &str,
        what: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self {
            inner: Box::new(Inner {
                kind,
                plugin: plugin.to_owned(),
                file: None,
                what: what.into(),
                cure: cure.into(),
                source: None,
            }),
        }
    }

    pub(crate) fn with_file(mut self, file: Option<&Path>) -> Self {
        self.inner.file = file.map(Path::to_path_buf);
        self
    }

    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    pub(crate) fn kind(&self) -> Kind {
        self.inner.kind
    }

    /// The plugin's name.
    pub fn plugin(&self) -> &str {
        &self.inner.plugin
    }

    /// The file that the plugin was to be loaded from, if it was a file.
    pub fn file(&self) -> Option<&Path> {
        self.inner.file.as_deref()
    }

    /// What to do about it.
    pub fn cure(&self) -> &str {
        &self.inner.cure
    }

    /// The file is missing, a directory, too large or not readable.
    pub fn is_file(&self) -> bool {
        self.kind() == Kind::File
    }

    /// The bytes are not a core WebAssembly module: not WebAssembly, cut off, invalid, or a component.
    pub fn is_module(&self) -> bool {
        self.kind() == Kind::Module
    }

    /// The module is not a Proxy-Wasm plugin of a supported version, or imports what the host does not have.
    pub fn is_abi(&self) -> bool {
        self.kind() == Kind::Abi
    }

    /// The plugin trapped while it started.
    pub fn is_start(&self) -> bool {
        self.kind() == Kind::Start
    }

    /// The plugin refused its configuration: `proxy_on_vm_start` or `proxy_on_configure` answered false.
    pub fn is_rejected(&self) -> bool {
        self.kind() == Kind::Rejected
    }

    /// The plugin did not start within `start_timeout`.
    pub fn is_timeout(&self) -> bool {
        self.kind() == Kind::Timeout
    }

    /// The memory limit is too small for the module.
    pub fn is_memory(&self) -> bool {
        self.kind() == Kind::Memory
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.inner;
        write!(f, "plugin `{}`", inner.plugin)?;
        if let Some(file) = &inner.file {
            write!(f, " ({})", file.display())?;
        }
        write!(f, ": {}", inner.what)?;
        if !inner.cure.is_empty() {
            write!(f, "; {}", inner.cure)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.inner.kind)
            .field("text", &format_args!("{self}"))
            .field("source", &self.inner.source)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.source.as_deref().map(|source| source as _)
    }
}
