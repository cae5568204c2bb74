//! Why a guest call did not end as it should.

use std::fmt;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use wasmtime::{Trap, WasmBacktrace};

use super::deadline::Exceeded;
use super::host::{Host, Refused};
use super::wasi::Exited;
use crate::error::{Error, Kind};
use crate::limits;

/// See the module's text. Of the size of a pointer, since every guest call returns one or none.
#[derive(Debug, Clone)]
pub(super) struct Fault(Box<Details>);

/// What is known of a fault.
#[derive(Debug, Clone)]
pub(super) struct Details {
    pub(super) kind: FaultKind,
    /// The plugin that was called, when it is known: others may share its VM.
    pub(super) plugin: Option<Arc<str>>,
    /// The export that was called.
    pub(super) callback: &'static str,
    pub(super) cause: String,
    /// The guest's functions, innermost first, when the module kept their names.
    pub(super) backtrace: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultKind {
    Trap,
    /// The time that this setting gives was over.
    Deadline(&'static str),
    Memory,
    Rejected,
}

impl Fault {
    /// A start callback that answered false.
    pub(super) fn rejected(callback: &'static str) -> Self {
        Self(Box::new(Details {
            kind: FaultKind::Rejected,
            plugin: None,
            callback,
            cause: "it answered false".to_owned(),
            backtrace: None,
        }))
    }

    /// Runs a callback. A panic of the host inside it is a fault like a trap: the guest is in the middle of something, and
    /// nobody else is.
    pub(super) fn catch<T>(
        callback: &'static str,
        run: impl FnOnce() -> Result<T, Self>,
    ) -> Result<T, Self> {
        catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(Self::panicked(callback)))
    }

    /// A panic of the host inside a callback.
    pub(super) fn panicked(callback: &'static str) -> Self {
        Self::host(callback, "the host panicked".to_owned())
    }

    /// Something that the host itself could not do.
    pub(super) fn host(callback: &'static str, cause: String) -> Self {
        Self(Box::new(Details {
            kind: FaultKind::Trap,
            plugin: None,
            callback,
            cause,
            backtrace: None,
        }))
    }

    pub(super) fn new(callback: &'static str, error: &wasmtime::Error, host: &Host) -> Self {
        let backtrace = error.downcast_ref::<WasmBacktrace>().map(|backtrace| {
            let frames: Vec<_> = backtrace
                .frames()
                .iter()
                .map(|frame| {
                    frame
                        .func_name()
                        .map_or_else(|| format!("function {}", frame.func_index()), demangle)
                })
                .collect();
            frames.join(" < ")
        });
        let (kind, cause) = if let Some(exceeded) = error.downcast_ref::<Exceeded>() {
            (
                FaultKind::Deadline(exceeded.setting()),
                exceeded.to_string(),
            )
        } else if let Some(exited) = error.downcast_ref::<Exited>() {
            (FaultKind::Trap, exited.to_string())
        } else if let Some(refused) = host.memory_limiter.refused {
            let cause = error.root_cause();
            match refused {
                Refused::Memory { bytes } => {
                    let limit = host.vm.memory_limit;
                    (
                        FaultKind::Memory,
                        format!(
                            "it asked for {bytes} bytes of memory and its limit is {limit}; raise `memory_limit` if it needs them ({cause})"
                        ),
                    )
                }
                Refused::Table { elements } => (
                    FaultKind::Trap,
                    format!(
                        "it asked for {elements} table elements and the limit is {} ({cause})",
                        limits::TABLE_ELEMENTS
                    ),
                ),
            }
        } else if error.downcast_ref::<Trap>() == Some(&Trap::StackOverflow) {
            (
                FaultKind::Trap,
                "stack overflow: it calls itself too deeply".to_owned(),
            )
        } else {
            (FaultKind::Trap, error.root_cause().to_string())
        };
        Self(Box::new(Details {
            kind,
            plugin: Some(Arc::clone(host.plugin())),
            callback,
            cause,
            backtrace,
        }))
    }

    /// What to do about it; empty where the cause says it.
    pub(super) fn cure(&self) -> String {
        match self.kind {
            FaultKind::Trap => "its log lines at level debug may say more".to_owned(),
            FaultKind::Deadline(setting) => {
                format!("raise `{setting}` if the plugin needs more")
            }
            FaultKind::Memory => String::new(),
            FaultKind::Rejected => "the plugin refused its configuration: check `config`, and its log lines for what it misses".to_owned(),
        }
    }

    /// The fault as the reason for which a plugin could not be loaded.
    pub(super) fn into_error(self, plugin: &str) -> Error {
        let callback = self.callback;
        let text = match &self.backtrace {
            Some(backtrace) => format!("`{callback}` failed: {} (in {backtrace})", self.cause),
            None => format!("`{callback}` failed: {}", self.cause),
        };
        let kind = match self.kind {
            FaultKind::Trap => Kind::Start,
            FaultKind::Deadline(_) => Kind::Timeout,
            FaultKind::Memory => Kind::Memory,
            FaultKind::Rejected => Kind::Rejected,
        };
        let cure = self.cure();
        Error::new(kind, plugin, text, cure)
    }
}

impl Deref for Fault {
    type Target = Details;

    fn deref(&self) -> &Details {
        &self.0
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.callback, self.cause)
    }
}

/// A Rust name without its hash; other names as they are.
fn demangle(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}
