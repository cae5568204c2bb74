//! From the raw types to the model: names are resolved, addresses and patterns are read, ranges are checked.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::document::Document;
use crate::error::Report;
use crate::included;
use crate::limits;
use crate::model::{Config, Log, LogFormat, LogLevel, Pattern, Reload, Shutdown};
use crate::raw::{self, DurationText, Raw, SizeText};
use crate::schema::quoted;
use crate::tree::{KeyPath, Node, Value};
use crate::units::{show_duration, show_size};

mod access_log;
mod actions;
mod admin;
mod changes;
mod circles;
mod conditions;
mod defaults;
mod endpoints;
mod equal_routes;
mod headers;
mod health;
mod hosts;
mod listener_limits;
mod listeners;
mod load_balancers;
mod middleware;
mod names;
mod networks;
mod normalize;
mod paths;
mod plugin_ids;
mod plugin_lists;
mod plugin_sources;
mod plugins;
mod proxy_protocol;
mod retries;
mod routes;
mod templates;
mod tls;
mod tracing;
mod upstreams;

use names::Names;
use plugin_lists::PluginLists;

/// The model of a file; `None`, or a model that is not to be used, when `report` got faults.
pub(crate) fn check(raw: &Raw, tree: &Node, report: &mut Report) -> Option<Config> {
    let mut checker = Checker { tree, report };
    let names = AllNames::collect(raw, &mut checker);
    let plugins = plugins::check(raw.plugins.as_ref(), &mut checker);
    let lists = PluginLists::collect(raw, &names, plugins.as_deref(), &mut checker);
    let listeners = listeners::check(raw.listeners.as_ref(), &lists, &mut checker);
    let upstreams = upstreams::check(raw.upstreams.as_ref(), &mut checker);
    let routes = routes::check(raw, &names, &lists, &mut checker);
    let access_log = access_log::check(raw.access_log.as_ref(), &mut checker);
    let tracing = tracing::check(raw.tracing.as_ref(), &mut checker);
    let admin = admin::check(raw.admin.as_ref(), listeners.as_deref(), &mut checker);
    let log = log(raw.log.as_ref());
    let shutdown = shutdown(raw.shutdown.as_ref(), &mut checker);
    let cache_dir = KeyPath::ROOT.key("cache_dir");
    let cache_dir = raw
        .cache_dir
        .as_deref()
        .map(|folder| checker.beside(&cache_dir, folder));
    let config = Config {
        files: Vec::new(),
        warnings: Vec::new(),
        included: Vec::new(),
        include: Vec::new(),
        workers: raw.workers,
        cache_dir,
        listeners: listeners?,
        plugins: plugins?,
        routes: routes?,
        upstreams: upstreams?,
        access_log,
        tracing,
        admin,
        error_header: raw.error_header.unwrap_or(true),
        log,
        reload: reload(raw.reload.as_ref()),
        shutdown,
        document: Document::new(tree, checker.report),
    };
    circles::check(&config, &mut checker);
    Some(config)
}

/// What the checks share.
struct Checker<'a> {
    tree: &'a Node,
    report: &'a mut Report,
}

/// The names that other parts of the file may use.
struct AllNames<'a> {
    listeners: Names<'a>,
    plugins: Names<'a>,
    upstreams: Names<'a>,
}

impl<'a> AllNames<'a> {
    fn collect(raw: &'a Raw, checker: &mut Checker<'_>) -> Self {
        let mut listeners =
            names::LISTENERS.collect(listeners::names(raw.listeners.as_ref()), checker);
        listeners.add_default(limits::LISTENER_NAME);
        let plugins = raw.plugins.iter().flat_map(raw::Items::iter);
        let plugins = plugins.map(|(index, plugin)| (index, plugin.name.as_deref()));
        let upstreams = raw.upstreams.iter().flat_map(raw::Items::iter);
        let upstreams = upstreams.map(|(index, upstream)| (index, upstream.name.as_deref()));
        Self {
            listeners,
            plugins: names::PLUGINS.collect(plugins, checker),
            upstreams: names::UPSTREAMS.collect(upstreams, checker),
        }
    }
}

impl Checker<'_> {
    fn fault(
        &mut self,
        path: &KeyPath<'_>,
        message: impl Into<String>,
    ) -> &mut crate::error::Fault {
        self.report.at(self.tree, path, message)
    }

    /// Something that is allowed, and may still be a mistake.
    fn warn(&mut self, path: &KeyPath<'_>, message: impl Into<String>) {
        self.report.warn(self.tree, path, message);
    }

    /// Where the value at `path` stands, for a sentence about the one at `about`.
    fn where_is(&self, path: &KeyPath<'_>, about: &KeyPath<'_>) -> String {
        let about = self.tree.nearest(about).origin.file();
        self.report.where_is(&self.tree.nearest(path).origin, about)
    }

    /// A path as the value at `place` means it: relative to the file in which that stands.
    fn beside(&self, place: &KeyPath<'_>, path: &str) -> PathBuf {
        let file = self.tree.nearest(place).origin.file();
        self.report.directory(file).join(path)
    }

    /// Whether none of these keys stands in the mapping, not even with a wrong value.
    fn is_empty_of(&self, path: &KeyPath<'_>, keys: &[&str]) -> bool {
        let node = self.tree.nearest(path);
        keys.iter()
            .all(|key| node.get(key).is_none_or(Node::is_null))
    }

    /// Whether the key stands in the mapping with a `null` that somebody wrote; an empty place after a key is no key.
    fn is_null_written(&self, path: &KeyPath<'_>, key: &str) -> bool {
        let node = self.tree.nearest(path).get(key);
        node.is_some_and(|node| match &node.value {
            Value::Scalar(scalar) => node.is_null() && !scalar.text.is_empty(),
            _ => false,
        })
    }

    /// The text of another file, which the configuration depends on from then on.
    fn file(&mut self, file: &str, path: &KeyPath<'_>) -> Option<String> {
        let file = self.beside(path, file);
        self.report.depends_on(file.clone());
        match included::read(&file) {
            Ok(text) => Some(text),
            Err(why) => {
                self.fault(path, why);
                None
            }
        }
    }

    /// A duration of the file, in range.
    fn duration(
        &mut self,
        written: Option<&DurationText>,
        range: &RangeInclusive<Duration>,
        path: &KeyPath<'_>,
    ) -> Option<Duration> {
        let duration = written?.0;
        if !range.contains(&duration) {
            let (least, most) = (show_duration(*range.start()), show_duration(*range.end()));
            let message = format!(
                "{} is out of range; expected {least} to {most}",
                show_duration(duration)
            );
            self.fault(path, message);
        }
        Some(duration)
    }

    /// A regular expression of the file.
    fn pattern(&mut self, written: &str, path: &KeyPath<'_>) -> Option<Pattern> {
        match Pattern::new(written) {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                // The library draws the place below the expression, over several lines; the last one says what it is.
                let text = error.to_string();
                let why = text.lines().next_back().unwrap_or_default();
                let why = why.strip_prefix("error: ").unwrap_or(why);
                let message = format!("{} is no regular expression: {why}", quoted(written));
                self.fault(path, message);
                None
            }
        }
    }

    /// A size of the file, in range.
    fn size(
        &mut self,
        written: Option<&SizeText>,
        range: &RangeInclusive<u64>,
        path: &KeyPath<'_>,
    ) -> Option<u64> {
        let size = written?.0;
        if !range.contains(&size) {
            let (least, most) = (show_size(*range.start()), show_size(*range.end()));
            self.fault(
                path,
                format!(
                    "{} is out of range; expected {least} to {most}",
                    show_size(size)
                ),
            );
        }
        Some(size)
    }
}

fn log(raw: Option<&raw::Log>) -> Log {
    let mut log = Log::default();
    if let Some(raw) = raw {
        log.level = raw.level.map_or(log.level, LogLevel::from);
        log.format = raw.format.map_or(log.format, LogFormat::from);
    }
    log
}

fn reload(raw: Option<&raw::Reload>) -> Reload {
    let default = Reload::default();
    Reload {
        watch: raw.and_then(|raw| raw.watch).unwrap_or(default.watch),
    }
}

fn shutdown(raw: Option<&raw::Shutdown>, checker: &mut Checker<'_>) -> Shutdown {
    let mut found = Shutdown::default();
    let Some(raw) = raw else { return found };
    let section = KeyPath::ROOT.key("shutdown");
    let range = &limits::DRAIN_TIMEOUT_RANGE;
    let path = section.key("drain_timeout");
    if let Some(timeout) = checker.duration(raw.drain_timeout.as_ref(), range, &path) {
        found.drain_timeout = timeout;
    }
    let range = &limits::SHUTDOWN_DELAY_RANGE;
    if let Some(delay) = checker.duration(raw.delay.as_ref(), range, &section.key("delay")) {
        found.delay = delay;
    }
    found
}

impl From<raw::LogFormat> for LogFormat {
    fn from(raw: raw::LogFormat) -> Self {
        match raw {
            raw::LogFormat::Text => Self::Text,
            raw::LogFormat::Json => Self::Json,
        }
    }
}

impl From<raw::LogLevel> for LogLevel {
    fn from(raw: raw::LogLevel) -> Self {
        match raw {
            raw::LogLevel::Trace => Self::Trace,
            raw::LogLevel::Debug => Self::Debug,
            raw::LogLevel::Info => Self::Info,
            raw::LogLevel::Warn => Self::Warn,
            raw::LogLevel::Error => Self::Error,
        }
    }
}
