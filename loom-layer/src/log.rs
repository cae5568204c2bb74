//! What guests say, handed on to `tracing`.
//!
//! A line that its plugin's level does not let through is dropped before it is copied out of the guest's memory. The
//! others are kept until the VM's lock is free, since no subscriber runs under it.

use std::borrow::Cow;

use crate::limits;

/// A level of severity, as Proxy-Wasm and `tracing` know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Everything.
    Trace,
    /// What helps to find a fault.
    Debug,
    /// The life cycle.
    Info,
    /// Something works, but less well than it should.
    Warn,
    /// Somebody has to act. The ABI's `critical` is logged at this level.
    Error,
}

impl LogLevel {
    /// The level that `proxy_log` names by number; `None` for numbers that it does not know.
    pub(crate) const fn from_abi(raw: u32) -> Option<Self> {
        Some(match raw {
            0 => Self::Trace,
            1 => Self::Debug,
            2 => Self::Info,
            3 => Self::Warn,
            4 | 5 => Self::Error,
            _ => return None,
        })
    }

    /// The number by which `proxy_get_log_level` names the level.
    pub(crate) const fn to_abi(self) -> u32 {
        self as u32
    }

    /// The least severe level that the process's subscriber lets through for plugins.
    fn of_process() -> Option<Self> {
        use tracing::{Level, enabled};
        Some(if enabled!(target: "loom::plugin", Level::TRACE) {
            Self::Trace
        } else if enabled!(target: "loom::plugin", Level::DEBUG) {
            Self::Debug
        } else if enabled!(target: "loom::plugin", Level::INFO) {
            Self::Info
        } else if enabled!(target: "loom::plugin", Level::WARN) {
            Self::Warn
        } else if enabled!(target: "loom::plugin", Level::ERROR) {
            Self::Error
        } else {
            return None;
        })
    }

    /// The level in force for a plugin: its own, or else the process's; `None` means that nothing is logged.
    pub(crate) fn in_force(own: Option<Self>) -> Option<Self> {
        own.or_else(Self::of_process)
    }
}

/// One line of a guest.
#[derive(Debug)]
struct Line {
    level: LogLevel,
    context: u32,
    plugin: std::sync::Arc<str>,
    message: Vec<u8>,
}

/// The lines of one entry into a guest, bounded in number and size.
#[derive(Debug, Default)]
pub(crate) struct LogLines {
    lines: Vec<Line>,
    bytes: usize,
    dropped: usize,
}

impl LogLines {
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.dropped == 0
    }

    pub(crate) fn push(
        &mut self,
        level: LogLevel,
        context: u32,
        plugin: &std::sync::Arc<str>,
        message: &[u8],
    ) {
        let room = limits::LOG_BYTES.saturating_sub(self.bytes);
        if self.lines.len() >= limits::LOG_LINES || (room == 0 && !message.is_empty()) {
            self.dropped += 1;
            return;
        }
        let message = &message[..message.len().min(room)];
        self.bytes += message.len();
        self.lines.push(Line {
            level,
            context,
            plugin: std::sync::Arc::clone(plugin),
            message: message.to_vec(),
        });
    }

    /// Hands the lines to `tracing`. Must not be called while a lock is held: see [`afterwards`](crate::afterwards).
    pub(crate) fn emit(self) {
        for line in &self.lines {
            line.emit();
        }
        if self.dropped > 0 {
            let plugin = self.lines.last().map_or("", |line| &*line.plugin);
            tracing::warn!(target: "loom::plugin", plugin, dropped = self.dropped, "log lines of one call beyond the limit were dropped");
        }
    }
}

impl Line {
    fn emit(&self) {
        let plugin = &*self.plugin;
        let context = self.context;
        let message: Cow<'_, str> = String::from_utf8_lossy(&self.message);
        match self.level {
            LogLevel::Trace => {
                tracing::trace!(target: "loom::plugin", plugin, context, "{message}");
            }
            LogLevel::Debug => {
                tracing::debug!(target: "loom::plugin", plugin, context, "{message}");
            }
            LogLevel::Info => tracing::info!(target: "loom::plugin", plugin, context, "{message}"),
            LogLevel::Warn => tracing::warn!(target: "loom::plugin", plugin, context, "{message}"),
            LogLevel::Error => {
                tracing::error!(target: "loom::plugin", plugin, context, "{message}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut() {
        let plugin: std::sync::Arc<str> = "noisy".into();
        let mut lines = LogLines::default();
        for _ in 0..limits::LOG_LINES + 10 {
            lines.push(LogLevel::Info, 1, &plugin, b"x");
        }
        assert_eq!((lines.lines.len(), lines.dropped), (limits::LOG_LINES, 10));
        let mut lines = LogLines::default();
        lines.push(
            LogLevel::Info,
            1,
            &plugin,
            &vec![b'x'; limits::LOG_BYTES + 10],
        );
        lines.push(LogLevel::Info, 1, &plugin, b"x");
        assert_eq!((lines.bytes, lines.dropped), (limits::LOG_BYTES, 1));
    }

    #[test]
    fn numbers_of_the_abi() {
        assert_eq!(LogLevel::from_abi(5), Some(LogLevel::Error));
        assert_eq!(LogLevel::from_abi(6), None);
        assert_eq!(LogLevel::Warn.to_abi(), 3);
    }
}
