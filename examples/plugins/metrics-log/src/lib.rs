//! Counts and measures requests when they are over, and logs each of them.

use std::time::{Duration, UNIX_EPOCH};

use log::{error, info};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{ContextType, LogLevel, MetricType, Status};
use serde::Deserialize;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Plugin::default()));
}}

/// The configuration.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// What the names of the metrics begin with.
    prefix: String,
    /// How often the totals are logged; 0 is never.
    report_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            prefix: "requests".to_owned(),
            report_seconds: 0,
        }
    }
}

/// The plugin, as it is configured.
#[derive(Default)]
struct Plugin {
    metrics: Metrics,
}

/// The numbers of the metrics.
#[derive(Debug, Clone, Copy, Default)]
struct Metrics {
    total: u32,
    errors: u32,
    milliseconds: u32,
}

impl Metrics {
    fn define(prefix: &str) -> Result<Self, Status> {
        let define = |kind, name| hostcalls::define_metric(kind, &format!("{prefix}.{name}"));
        Ok(Self {
            total: define(MetricType::Counter, "total")?,
            errors: define(MetricType::Counter, "errors")?,
            milliseconds: define(MetricType::Histogram, "milliseconds")?,
        })
    }
}

impl Context for Plugin {}

impl RootContext for Plugin {
    fn on_configure(&mut self, _size: usize) -> bool {
        let text = self.get_plugin_configuration().unwrap_or_default();
        let config = match text.as_slice() {
            [] => Ok(Config::default()),
            text => serde_json::from_slice(text),
        };
        let config = match config {
            Ok(config) => config,
            Err(why) => {
                error!(
                    "the configuration is not like {{\"prefix\": \"requests\", \"report_seconds\": 10}}: {why}"
                );
                return false;
            }
        };
        match Metrics::define(&config.prefix) {
            Ok(metrics) => self.metrics = metrics,
            Err(why) => {
                error!("the metrics cannot be defined: {why:?}");
                return false;
            }
        }
        if config.report_seconds > 0 {
            self.set_tick_period(Duration::from_secs(config.report_seconds));
        }
        true
    }

    /// Each VM ticks, and each sees the same totals: metrics belong to all of them.
    fn on_tick(&mut self) {
        let total = hostcalls::get_metric(self.metrics.total).unwrap_or_default();
        let errors = hostcalls::get_metric(self.metrics.errors).unwrap_or_default();
        info!("in all {total} requests, {errors} of them errors");
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Exchange {
            metrics: self.metrics,
        }))
    }
}

/// One request and its response.
struct Exchange {
    metrics: Metrics,
}

impl Context for Exchange {}

impl HttpContext for Exchange {
    /// The exchange is over, however it ended. Headers and properties can still be read.
    fn on_log(&mut self) {
        let method = self.text(&["request", "method"]);
        let path = self.text(&["request", "url_path"]);
        let status = self.number(&["response", "code"]);
        let begin = self.number(&["request", "time"]);
        let now = self.get_current_time().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| u64::try_from(now.as_nanos()).unwrap_or(u64::MAX));
        let milliseconds = begin.map_or(0, |begin| now.saturating_sub(begin) / 1_000_000);

        count(self.metrics.total);
        // No status: the client was gone before there was a response.
        if status.is_none_or(|status| status >= 500) {
            count(self.metrics.errors);
        }
        if let Err(why) = hostcalls::record_metric(self.metrics.milliseconds, milliseconds) {
            error!("a histogram cannot be recorded: {why:?}");
        }
        let status = status.map_or_else(|| "no response".to_owned(), |status| status.to_string());
        info!("{method} {path}: {status}, {milliseconds} ms");
    }
}

impl Exchange {
    /// A property that is text.
    fn text(&self, path: &[&str]) -> String {
        let value = self.get_property(path.to_vec()).unwrap_or_default();
        String::from_utf8_lossy(&value).into_owned()
    }

    /// A property that is a number: 8 bytes, the lowest first.
    fn number(&self, path: &[&str]) -> Option<u64> {
        let value = self.get_property(path.to_vec())?;
        value.try_into().ok().map(u64::from_le_bytes)
    }
}

fn count(metric: u32) {
    if let Err(why) = hostcalls::increment_metric(metric, 1) {
        error!("a counter cannot be counted up: {why:?}");
    }
}
