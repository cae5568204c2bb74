//! The snippets of `docs/plugin-api.md`, as one plugin that a test runs.

use std::time::Duration;

use log::{info, warn};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel, MetricType};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_context_id| Box::new(Plugin::default()));
}}

#[derive(Default)]
struct Plugin {
    greeting: String,
    queue: u32,
    requests: u32,
    sizes: u32,
    active: u32,
}

impl Context for Plugin {}

impl RootContext for Plugin {
    fn on_vm_start(&mut self, _size: usize) -> bool {
        self.get_vm_configuration().is_none()
    }

    fn on_configure(&mut self, _size: usize) -> bool {
        let config = self.get_plugin_configuration().unwrap_or_default();
        match String::from_utf8(config) {
            Ok(greeting) if !greeting.is_empty() => self.greeting = greeting,
            _ => {
                warn!("the configuration has to be a text");
                return false;
            }
        }
        self.set_tick_period(Duration::from_millis(50));
        self.queue = self.register_shared_queue("seen");
        self.define_metrics()
    }

    fn on_tick(&mut self) {
        info!(
            "{} requests",
            hostcalls::get_metric(self.requests).unwrap_or_default()
        );
    }

    fn on_queue_ready(&mut self, queue: u32) {
        // Another VM may have been faster: then there is nothing.
        while let Ok(Some(item)) = self.dequeue_shared_queue(queue) {
            info!("somebody asked for {}", String::from_utf8_lossy(&item));
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Exchange {
            greeting: self.greeting.clone(),
            queue: self.queue,
            requests: self.requests,
            sizes: self.sizes,
            active: self.active,
        }))
    }
}

impl Plugin {
    fn define_metrics(&mut self) -> bool {
        let define = |kind, name| hostcalls::define_metric(kind, name).ok();
        let metrics = (
            define(MetricType::Counter, "api.requests"),
            define(MetricType::Histogram, "api.sizes"),
            define(MetricType::Gauge, "api.active"),
        );
        let (Some(requests), Some(sizes), Some(active)) = metrics else {
            return false;
        };
        (self.requests, self.sizes, self.active) = (requests, sizes, active);
        true
    }
}

/// One request and its response.
struct Exchange {
    greeting: String,
    queue: u32,
    requests: u32,
    sizes: u32,
    active: u32,
}

impl Context for Exchange {
    fn on_http_call_response(&mut self, _call: u32, headers: usize, body_size: usize, _: usize) {
        if headers == 0 {
            // It broke off, or took too long in the middle.
            self.send_http_response(503, vec![], Some(b"no answer"));
            return;
        }
        let status = self.get_http_call_response_header(":status");
        let body = self
            .get_http_call_response_body(0, body_size)
            .unwrap_or_default();
        let about = format!("{} with {} bytes", status.unwrap_or_default(), body.len());
        self.set_http_request_header("x-asked", Some(&about));
        self.resume_http_request();
    }
}

impl HttpContext for Exchange {
    fn on_http_request_headers(&mut self, _num_headers: usize, _end_of_stream: bool) -> Action {
        let _ = hostcalls::increment_metric(self.requests, 1);
        let _ = hostcalls::increment_metric(self.active, 1);
        let path = self.get_http_request_header(":path").unwrap_or_default();
        let _ = self.enqueue_shared_queue(self.queue, Some(path.as_bytes()));
        self.edit_headers();
        self.read_properties();
        self.count_visits();
        match path.as_str() {
            "/blocked" => self.refuse(),
            "/ask" => self.ask(),
            _ => Action::Continue,
        }
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if !end_of_stream {
            // Kept until there is more; the next call sees all of it.
            return Action::Pause;
        }
        let body = self.get_http_request_body(0, size).unwrap_or_default();
        let body = body.to_ascii_uppercase();
        self.set_http_request_body(0, size, &body);
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _num_headers: usize, _end_of_stream: bool) -> Action {
        // The body will be longer than the upstream says.
        self.set_http_response_header("content-length", None);
        self.add_http_response_header("x-greeting", &self.greeting);
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        let _ = hostcalls::record_metric(self.sizes, size as u64);
        if end_of_stream {
            self.set_http_response_body(size, 0, b"\n");
        }
        Action::Continue
    }

    fn on_log(&mut self) {
        let _ = hostcalls::increment_metric(self.active, -1);
        let code = self.get_property(vec!["response", "code"]);
        let code = code
            .and_then(|bytes| bytes.try_into().ok())
            .map(u64::from_le_bytes);
        info!(
            "ended with {}",
            code.map_or("no response".to_owned(), |code| code.to_string())
        );
    }
}

impl Exchange {
    fn edit_headers(&self) {
        // All of them, with their values as bytes: a client may send what is no UTF-8.
        for (name, value) in self.get_http_request_headers_bytes() {
            if name.starts_with("x-internal-") {
                info!("{name} of {} bytes is left out", value.len());
                self.remove_http_request_header(&name);
            }
        }
        self.add_http_request_header("x-tag", "first");
        self.add_http_request_header("x-tag", "second");
        self.set_http_request_header("user-agent", Some("somebody"));
    }

    fn read_properties(&self) {
        // A path is a list. Text comes as it is.
        let route = self
            .get_property(vec!["xds", "route_name"])
            .unwrap_or_default();
        // A number is 8 bytes, the lowest first.
        let port = self.get_property(vec!["source", "port"]);
        let port = port
            .and_then(|bytes| bytes.try_into().ok())
            .map(u64::from_le_bytes);
        self.add_http_request_header("x-route", &String::from_utf8_lossy(&route));
        self.add_http_request_header("x-has-port", if port.is_some() { "yes" } else { "no" });
        // For the plugins after this one, and for this one later.
        self.set_property(vec!["my_plugin", "seen"], Some(b"yes"));
    }

    fn count_visits(&self) {
        loop {
            let (value, cas) = self.get_shared_data("visits");
            let visits = value
                .and_then(|bytes| bytes.try_into().ok())
                .map_or(0, u64::from_le_bytes);
            let next = (visits + 1).to_le_bytes();
            // A number that no value has: where there is none yet, of two VMs one is first.
            let cas = cas.unwrap_or(u32::MAX);
            if self
                .set_shared_data("visits", Some(&next), Some(cas))
                .is_ok()
            {
                self.add_http_request_header("x-visits", &(visits + 1).to_string());
                return;
            }
        }
    }

    fn refuse(&self) -> Action {
        let headers = vec![("content-type", "text/plain"), ("x-why", "blocked")];
        self.send_http_response(403, headers, Some(b"not this one"));
        Action::Pause
    }

    fn ask(&self) -> Action {
        let headers = vec![
            (":method", "GET"),
            (":path", "/verify"),
            (":authority", "auth.example"),
        ];
        let timeout = Duration::from_secs(1);
        match self.dispatch_http_call("auth", headers, None, vec![], timeout) {
            Ok(_call) => Action::Pause,
            Err(status) => {
                warn!("the call cannot be made: {status:?}");
                Action::Continue
            }
        }
    }
}
