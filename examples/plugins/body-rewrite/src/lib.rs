//! Replaces texts in the bodies of responses.

use std::rc::Rc;

use log::error;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};
use serde::Deserialize;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Plugin::default()));
}}

/// The configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    replace: Vec<Rule>,
}

/// What is replaced by what.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    from: String,
    to: String,
}

/// The plugin, as it is configured.
#[derive(Default)]
struct Plugin {
    rules: Rc<[Rule]>,
}

impl Context for Plugin {}

impl RootContext for Plugin {
    fn on_configure(&mut self, _size: usize) -> bool {
        let text = self.get_plugin_configuration().unwrap_or_default();
        match serde_json::from_slice(&text) {
            Ok(Config { replace }) if replace.iter().all(|rule| !rule.from.is_empty()) => {
                self.rules = replace.into();
                true
            }
            Ok(_) => {
                error!("`from` must not be empty");
                false
            }
            Err(why) => {
                error!(
                    "the configuration is not like {{\"replace\": [{{\"from\": \"a\", \"to\": \"b\"}}]}}: {why}"
                );
                false
            }
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Response {
            rules: Rc::clone(&self.rules),
            is_text: false,
            size: 0,
        }))
    }
}

/// One response.
struct Response {
    rules: Rc<[Rule]>,
    is_text: bool,
    /// Bytes of the body so far.
    size: usize,
}

impl Context for Response {}

impl HttpContext for Response {
    fn on_http_request_headers(&mut self, _num_headers: usize, _end_of_stream: bool) -> Action {
        // What is compressed has no texts in it.
        self.set_http_request_header("accept-encoding", None);
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _num_headers: usize, _end_of_stream: bool) -> Action {
        let kind = self
            .get_http_response_header_bytes("content-type")
            .unwrap_or_default();
        self.is_text = (kind.starts_with(b"text/") || kind.starts_with(b"application/json"))
            && self
                .get_http_response_header_bytes("content-encoding")
                .is_none();
        if self.is_text {
            // The body will have another length, and these headers leave before it is known.
            self.set_http_response_header("content-length", None);
        }
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if !self.is_text {
            return Action::Continue;
        }
        // A text may be cut in two by the end of a piece, so all of them are needed.
        self.size = size;
        if !end_of_stream {
            return Action::Pause;
        }
        self.rewrite();
        Action::Continue
    }

    /// With trailers, these are the end of the body.
    fn on_http_response_trailers(&mut self, _num_trailers: usize) -> Action {
        if self.is_text {
            self.rewrite();
        }
        Action::Continue
    }
}

impl Response {
    fn rewrite(&self) {
        let body = self
            .get_http_response_body(0, self.size)
            .unwrap_or_default();
        // Bytes that are no UTF-8 are no text.
        let Ok(mut text) = String::from_utf8(body) else {
            return;
        };
        for rule in &*self.rules {
            text = text.replace(&rule.from, &rule.to);
        }
        self.set_http_response_body(0, self.size, text.as_bytes());
    }
}
