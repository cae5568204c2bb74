//! Where log lines go, which ones, and what they look like.

use std::io::{self, IsTerminal};
use std::sync::OnceLock;

use loom_config::model::{Log, LogFormat, LogLevel};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Registry, reload};

/// Libraries whose debug lines are about their own insides: they are heard from `warn` on, and fully at `trace`.
const LIBRARIES: [&str; 8] = [
    "axum",
    "cranelift_codegen",
    "h2",
    "hyper",
    "hyper_util",
    "tower",
    "tower_http",
    "wasmtime",
];

/// What is heard now. The process has one log, so there is one of these.
static FILTER: OnceLock<reload::Handle<Targets, Registry>> = OnceLock::new();

/// Starts logging to standard error.
///
/// # Errors
///
/// When the process has a subscriber already.
pub(crate) fn init(log: Log) -> Result<(), TryInitError> {
    let (filter, handle) = reload::Layer::new(filter(log.level));
    let registry = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    match log.format {
        LogFormat::Text => registry.with(lines).try_init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    }?;
    // Nobody was before us: the process has no second log.
    let _ = FILTER.set(handle);
    Ok(())
}

/// The levels by the names that the configuration has for them.
const LEVELS: [(&str, LogLevel); 5] = [
    ("trace", LogLevel::Trace),
    ("debug", LogLevel::Debug),
    ("info", LogLevel::Info),
    ("warn", LogLevel::Warn),
    ("error", LogLevel::Error),
];

/// The level of this name.
pub(crate) fn named(name: &str) -> Option<LogLevel> {
    let found = LEVELS.iter().find(|(known, _)| *known == name);
    found.map(|(_, level)| *level)
}

/// Lets lines of this level and above through from now on. `false`: the log is not ours.
pub(crate) fn set_level(level: LogLevel) -> bool {
    let set = FILTER.get().map(|handle| handle.reload(filter(level)));
    matches!(set, Some(Ok(())))
}

/// The name of the level that is heard now; `None`: the log is not ours.
pub(crate) fn level() -> Option<&'static str> {
    let now = FILTER.get()?.clone_current()?;
    let found = LEVELS.iter().find(|(_, level)| filter(*level) == now);
    found.map(|(name, _)| *name)
}

fn filter(level: LogLevel) -> Targets {
    let own = match level {
        LogLevel::Trace => LevelFilter::TRACE,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    let libraries = if own == LevelFilter::TRACE {
        own
    } else {
        own.min(LevelFilter::WARN)
    };
    Targets::new()
        .with_default(own)
        .with_targets(LIBRARIES.map(|library| (library, libraries)))
        // Plugins have levels of their own; what they may not say never comes this far.
        .with_target("loom::plugin", LevelFilter::TRACE)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn plugins_are_always_heard_and_libraries_only_when_asked() {
        let info = filter(LogLevel::Info);
        assert!(info.would_enable("loom::plugin", &Level::TRACE));
        assert!(info.would_enable("loom_gateway::app", &Level::INFO));
        assert!(!info.would_enable("loom::access", &Level::DEBUG));
        assert!(info.would_enable("hyper::proto", &Level::WARN));

        let debug = filter(LogLevel::Debug);
        assert!(debug.would_enable("loom::access", &Level::DEBUG));
        assert!(!debug.would_enable("h2::codec", &Level::DEBUG));

        assert!(filter(LogLevel::Trace).would_enable("h2::codec", &Level::TRACE));
        assert!(!filter(LogLevel::Error).would_enable("hyper", &Level::WARN));
    }
}
