//! Lets so many requests per second through, counted over all VMs of the plugin together, and answers the others with
//! 429.

use std::time::{Duration, UNIX_EPOCH};

use log::error;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};
use serde::Deserialize;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Plugin::default()));
}}

/// The configuration.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    requests_per_second: f64,
    /// How many may come at once after a quiet time.
    burst: u32,
}

/// The plugin, as it is configured.
#[derive(Default)]
struct Plugin {
    limit: Limit,
}

impl Context for Plugin {}

impl RootContext for Plugin {
    fn on_configure(&mut self, _size: usize) -> bool {
        let text = self.get_plugin_configuration().unwrap_or_default();
        match serde_json::from_slice(&text) {
            Ok(Config {
                requests_per_second,
                burst,
            }) if requests_per_second > 0.0 && burst > 0 => {
                self.limit = Limit::new(requests_per_second, burst);
                true
            }
            Ok(_) => {
                error!("requests_per_second and burst have to be greater than 0");
                false
            }
            Err(why) => {
                error!(
                    "the configuration is not like {{\"requests_per_second\": 5, \"burst\": 10}}: {why}"
                );
                false
            }
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Request {
            limit: self.limit.clone(),
        }))
    }
}

/// How much each request takes of the time, and how far ahead of it requests may be.
#[derive(Debug, Clone, Default)]
struct Limit {
    key: String,
    interval: u64,
    ahead: u64,
}

impl Limit {
    fn new(requests_per_second: f64, burst: u32) -> Self {
        let interval = (1e9 / requests_per_second) as u64;
        Self {
            // Routes with numbers of their own have a count of their own.
            key: format!("rate-limit {requests_per_second}/{burst}"),
            interval,
            ahead: interval.saturating_mul(u64::from(burst)),
        }
    }
}

/// One request.
struct Request {
    limit: Limit,
}

impl Context for Request {}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _num_headers: usize, _end_of_stream: bool) -> Action {
        let Some(wait) = self.take() else {
            return Action::Continue;
        };
        let seconds = wait.as_secs_f64().ceil().to_string();
        self.send_http_response(
            429,
            vec![
                ("content-type", "application/json"),
                ("retry-after", &seconds),
            ],
            Some(br#"{"error":"too many requests"}"#),
        );
        Action::Pause
    }
}

impl Request {
    /// Takes a place for this request; `Some` is how long there will be none.
    ///
    /// What all VMs share is one time, up to which all places are taken. A request moves it on by one interval, and
    /// waits when that would be more than `ahead` from now.
    fn take(&self) -> Option<Duration> {
        let now = self
            .get_current_time()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        // Another VM may be faster between reading and writing. Then this one looks again.
        for _ in 0..1000 {
            let (value, cas) = self.get_shared_data(&self.limit.key);
            let taken = value
                .and_then(|bytes| bytes.try_into().ok())
                .map_or(0, u64::from_le_bytes);
            let next = taken.max(now).saturating_add(self.limit.interval);
            let wait = next.saturating_sub(now.saturating_add(self.limit.ahead));
            if wait > 0 {
                return Some(Duration::from_nanos(wait));
            }
            // A number that fits no value that is there, so that of two first requests one looks again.
            let cas = cas.unwrap_or(u32::MAX);
            if self
                .set_shared_data(&self.limit.key, Some(&next.to_le_bytes()), Some(cas))
                .is_ok()
            {
                return None;
            }
        }
        error!("the shared data cannot be written");
        Some(Duration::from_secs(1))
    }
}
