//! Asks an HTTP server whether a request may pass, and remembers a "yes" for a while.
//!
//! The server gets the request's `authorization` header. 2xx lets the request go on; 401 and 403 are given to the client;
//! everything else is answered with 503, since nobody said that the request may pass.

use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use log::{error, warn};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};
use serde::Deserialize;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Plugin::default()));
}}

/// The configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The name of the upstream that is asked.
    upstream: String,
    #[serde(default = "default_path")]
    path: String,
    #[serde(default = "default_timeout")]
    timeout_ms: u64,
    /// How long a "yes" is remembered; 0 asks for every request.
    #[serde(default)]
    cache_seconds: u64,
}

fn default_path() -> String {
    "/".to_owned()
}

fn default_timeout() -> u64 {
    1000
}

/// The plugin, as it is configured.
#[derive(Default)]
struct Plugin {
    config: Rc<Config>,
}

impl Context for Plugin {}

impl RootContext for Plugin {
    fn on_configure(&mut self, _size: usize) -> bool {
        let text = self.get_plugin_configuration().unwrap_or_default();
        match serde_json::from_slice(&text) {
            Ok(config) => {
                self.config = Rc::new(config);
                true
            }
            Err(why) => {
                error!(
                    "the configuration is not like {{\"upstream\": \"auth\", \"path\": \"/verify\"}}: {why}"
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
            config: Rc::clone(&self.config),
            key: String::new(),
        }))
    }
}

/// One request.
struct Request {
    config: Rc<Config>,
    /// Under which the answer is remembered.
    key: String,
}

impl Context for Request {
    fn on_http_call_response(
        &mut self,
        _call: u32,
        _headers: usize,
        _body: usize,
        _trailers: usize,
    ) {
        // Without a response there are no headers either.
        let status = self.get_http_call_response_header(":status");
        let status = status.and_then(|status| status.parse().ok());
        match status {
            Some(200..=299) => {
                self.remember();
                self.resume_http_request();
            }
            Some(401 | 403) => self.refuse(
                status.unwrap_or(403),
                "the server for authorization refused",
            ),
            _ => {
                warn!("upstream {} answered with {status:?}", self.config.upstream);
                self.refuse(503, "the server for authorization does not answer");
            }
        }
    }
}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _num_headers: usize, _end_of_stream: bool) -> Action {
        // Bytes: a value that is no UTF-8 is the client's fault, and no reason to fail.
        let Some(token) = self.get_http_request_header_bytes("authorization") else {
            self.refuse(401, "the header authorization is missing");
            return Action::Pause;
        };
        let Ok(token) = String::from_utf8(token) else {
            self.refuse(401, "the header authorization is not UTF-8");
            return Action::Pause;
        };
        self.key = format!("{}{} {token}", self.config.upstream, self.config.path);
        if self.is_remembered() {
            return Action::Continue;
        }
        let headers = vec![
            (":method", "GET"),
            (":path", self.config.path.as_str()),
            (":authority", self.config.upstream.as_str()),
            ("authorization", token.as_str()),
        ];
        let timeout = Duration::from_millis(self.config.timeout_ms);
        let call = self.dispatch_http_call(&self.config.upstream, headers, None, vec![], timeout);
        if let Err(why) = call {
            error!(
                "upstream {} cannot be called: {why:?}",
                self.config.upstream
            );
            self.refuse(503, "the server for authorization cannot be asked");
        }
        Action::Pause
    }
}

impl Request {
    fn refuse(&self, status: u32, why: &str) {
        let body = serde_json::json!({ "error": why }).to_string();
        let mut headers = vec![("content-type", "application/json")];
        if status == 401 {
            headers.push(("www-authenticate", "Bearer"));
        }
        self.send_http_response(status, headers, Some(body.as_bytes()));
    }

    /// Stores until when the request's token is good, for all VMs of the plugin.
    fn remember(&self) {
        if self.config.cache_seconds > 0 {
            let until = self.now() + self.config.cache_seconds;
            if let Err(why) = self.set_shared_data(&self.key, Some(&until.to_le_bytes()), None) {
                warn!("an answer cannot be remembered: {why:?}");
            }
        }
    }

    fn is_remembered(&self) -> bool {
        let (value, cas) = self.get_shared_data(&self.key);
        let until = value.and_then(|bytes| bytes.try_into().ok());
        let until = until.map_or(0, u64::from_le_bytes);
        if until > self.now() {
            return true;
        }
        if until > 0 {
            // Only what was read: another VM may have asked again meanwhile.
            let _ = self.remove_shared_data(&self.key, cas);
        }
        false
    }

    fn now(&self) -> u64 {
        let now = self.get_current_time().duration_since(UNIX_EPOCH);
        now.map_or(0, |now| now.as_secs())
    }
}
