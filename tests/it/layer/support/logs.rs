//! What Loom said through `tracing`, kept for the whole process and found by the plugin's name.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Mutex, Once};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// By the plugin's name.
static LINES: Mutex<BTreeMap<String, Vec<Line>>> = Mutex::new(BTreeMap::new());

/// One event.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) target: String,
    pub(crate) level: Level,
    pub(crate) fields: BTreeMap<&'static str, String>,
}

impl Line {
    pub(crate) fn message(&self) -> &str {
        self.field("message")
    }

    /// A field's value, or nothing.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

/// Begins to listen, at every level, if nobody does yet.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::registry()
            .with(Recorder.with_filter(Targets::new().with_target("loom", Level::TRACE)));
        tracing::subscriber::set_global_default(subscriber).expect("nobody else listens");
    });
}

/// Everything about a plugin so far.
pub(crate) fn of(plugin: &str) -> Vec<Line> {
    let lines = LINES.lock().unwrap();
    lines.get(plugin).cloned().unwrap_or_default()
}

/// Drops everything about a plugin so far.
pub(crate) fn forget(plugin: &str) {
    LINES.lock().unwrap().remove(plugin);
}

/// What the plugin itself said so far.
pub(crate) fn said(plugin: &str) -> Vec<String> {
    of(plugin)
        .into_iter()
        .filter(|line| line.target == "loom::plugin" && line.fields.contains_key("context"))
        .map(|line| line.message().to_owned())
        .collect()
}

/// Records events; also useful with a filter of its own, as the default of one thread.
pub(crate) struct Recorder;

impl<S: Subscriber> Layer<S> for Recorder {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let plugin = fields.0.get("plugin").cloned().unwrap_or_default();
        LINES.lock().unwrap().entry(plugin).or_default().push(Line {
            target: event.metadata().target().to_owned(),
            level: *event.metadata().level(),
            fields: fields.0,
        });
    }
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}
