//! The plugin `add-header` once more, with an older version of the SDK.

use log::debug;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, LogLevel};

proxy_wasm::main! {{
    // What `log` lets out of the module; the host has the last word on what is shown.
    proxy_wasm::set_log_level(LogLevel::Debug);
    // One context per request, created when the request's headers have arrived.
    proxy_wasm::set_http_context(|context_id, _root_context_id| -> Box<dyn HttpContext> {
        Box::new(AddHeader { context_id })
    });
}}

/// One request and its response.
struct AddHeader {
    context_id: u32,
}

impl Context for AddHeader {}

impl HttpContext for AddHeader {
    fn on_http_request_headers(&mut self, _num_headers: usize, _end_of_stream: bool) -> Action {
        self.add_http_request_header("x-processed-by", "Loom");
        debug!("#{} adds x-processed-by to the request", self.context_id);
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _num_headers: usize, _end_of_stream: bool) -> Action {
        self.add_http_response_header("x-gateway", "Loom");
        Action::Continue
    }
}
