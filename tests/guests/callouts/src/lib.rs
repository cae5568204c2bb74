//! Makes the calls that a request, or the configuration, asks for, and tells what came of them.
//!
//! A request says what to do in its headers `x-...`, a configuration in lines `...: `. The names say when, the values are
//! steps, separated by ` | `:
//!
//! | when | |
//! |---|---|
//! | `start` | the request's headers came, or the configuration |
//! | `tick`, `tick-ms` | each so many milliseconds (configuration only) |
//! | `initial`, `message`, `message-2`, `trailing`, `closed`, `answer` | that callback came; `message-2`: the second one |
//!
//! | step | |
//! |---|---|
//! | `call UPSTREAM SERVICE METHOD MILLISECONDS MESSAGE` | `proxy_grpc_call` |
//! | `stream UPSTREAM SERVICE METHOD` | `proxy_grpc_stream` |
//! | `send MESSAGE`, `end MESSAGE`, `close`, `cancel` | to the call that the callback is about, or the last one |
//! | `cancel-below ID` | cancels all gRPC calls and streams with lower ids |
//! | `http UPSTREAM MILLISECONDS PATH BODY` | `proxy_http_call` |
//! | `again N STEP` | the step, so many times |
//! | `until N STEP` | the step, if fewer than so many calls were made |
//! | `about ID STEP` | the step, about the call with this id; below 400, the one with this number |
//! | `hold`, `finish` | do not answer when the last call is over; answer now |
//! | `trap` | |
//!
//! A message `*N` is so many `x`; UPSTREAM as `=HEX` is those bytes. The request is held until the calls are over, and is
//! answered with what happened, a line for each event. The same lines are logged.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, BufferType, ContextType, LogLevel, MapType};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Debug);
    proxy_wasm::set_root_context(|_| Box::new(Root { caller: Caller::default() }));
}}

/// Who makes calls: a request, or the plugin itself.
#[derive(Default)]
struct Caller {
    /// Steps, by what they wait for.
    plan: HashMap<String, String>,
    told: Vec<String>,
    /// The calls' numbers, by their ids.
    open: BTreeMap<u32, usize>,
    /// The ids of all calls, by their numbers.
    ids: HashMap<u32, u32>,
    messages: HashMap<u32, usize>,
    made: usize,
    last: u32,
    held: bool,
    finished: bool,
}

impl Caller {
    fn tell(&mut self, line: String) {
        let _ = hostcalls::log(LogLevel::Info, &line);
        self.told.push(line);
    }

    fn number(&self, id: u32) -> String {
        self.open
            .get(&id)
            .map_or_else(|| format!("?{id}"), usize::to_string)
    }

    /// Does what the plan says for an event of a call.
    fn react(&mut self, when: &str, id: u32) {
        if let Some(steps) = self.plan.get(when).cloned() {
            for step in steps.split(" | ") {
                self.step(step.trim(), id);
            }
        }
    }

    /// Does one step. `id` is the call that it is about; 0 is the last one.
    fn step(&mut self, step: &str, id: u32) {
        let id = if id == 0 { self.last } else { id };
        let (verb, rest) = step.split_once(' ').unwrap_or((step, ""));
        let words: Vec<_> = rest.splitn(5, ' ').collect();
        let word = |at: usize| words.get(at).copied().unwrap_or_default();
        match verb {
            "call" => {
                let timeout = Duration::from_millis(word(3).parse().unwrap_or(0));
                let message = message(word(4));
                let made = dispatch(word(0), word(1), word(2), Some((&message, timeout)));
                self.note("call", made);
            }
            "stream" => {
                let made = dispatch(word(0), word(1), word(2), None);
                self.note("stream", made);
            }
            "http" => {
                let body = message(word(3));
                let headers = vec![
                    (":method", "POST"),
                    (":path", word(2)),
                    (":authority", "callee.test"),
                ];
                let timeout = Duration::from_millis(word(1).parse().unwrap_or(0));
                let made =
                    hostcalls::dispatch_http_call(word(0), headers, Some(&body), vec![], timeout);
                self.note("http", made.map_err(|status| status as u32));
            }
            "send" | "end" => {
                let sent = send(id, &message(rest), verb == "end");
                self.refused(verb, sent);
            }
            "close" => {
                let closed = unsafe { proxy_grpc_close(id) };
                self.refused(verb, closed);
            }
            "cancel" => {
                let cancelled = unsafe { proxy_grpc_cancel(id) };
                self.open.remove(&id);
                self.refused(verb, cancelled);
            }
            "again" => {
                let (count, step) = rest.split_once(' ').unwrap_or_default();
                for _ in 0..count.parse().unwrap_or(0) {
                    self.step(step, id);
                }
            }
            "until" => {
                let (count, step) = rest.split_once(' ').unwrap_or_default();
                if self.made < count.parse().unwrap_or(0) {
                    self.step(step, id);
                }
            }
            "about" => {
                let (id, step) = rest.split_once(' ').unwrap_or_default();
                let id = id.parse().unwrap_or(0);
                let id = if id < 400 {
                    self.ids.get(&id).copied().unwrap_or(id)
                } else {
                    id
                };
                self.step(step, id);
            }
            "cancel-below" => {
                for id in 1..rest.parse().unwrap_or(0) {
                    unsafe { proxy_grpc_cancel(id) };
                }
            }
            "hold" => self.held = true,
            "finish" => self.finish(),
            "trap" => panic!("as it was told"),
            "" => {}
            other => self.tell(format!("no such step: {other}")),
        }
    }

    fn note(&mut self, what: &str, made: Result<u32, u32>) {
        match made {
            Ok(id) => {
                self.made += 1;
                self.last = id;
                self.open.insert(id, self.made);
                self.ids.insert(self.made as u32, id);
            }
            Err(status) => self.tell(format!("{what} refused {status}")),
        }
    }

    fn refused(&mut self, what: &str, status: u32) {
        if status != 0 {
            self.tell(format!("{what} refused {status}"));
        }
    }

    fn over(&mut self, id: u32, when: &str) {
        self.react(when, id);
        self.open.remove(&id);
        self.finish_if_over();
    }

    fn finish_if_over(&mut self) {
        if self.open.is_empty() && !self.held {
            self.finish();
        }
    }

    fn finish(&mut self) {
        if !self.finished && self.plan.contains_key("request") {
            self.finished = true;
            let text = self.told.join("\n");
            let _ = hostcalls::send_http_response(200, vec![], Some(text.as_bytes()));
        }
    }

    fn answer(&mut self, id: u32, headers: usize, trailers: usize) {
        let number = self.number(id);
        let status = (headers > 0)
            .then(|| hostcalls::get_map_value(MapType::HttpCallResponseHeaders, ":status"));
        let status = status.and_then(|status| status.ok().flatten());
        let body = text(BufferType::HttpCallResponseBody);
        let code = last_status();
        let status = status.unwrap_or_default();
        self.tell(format!(
            "{number}: answer {status} of {headers} headers, {trailers} trailers: {body} ({code})"
        ));
        self.over(id, "answer");
    }

    fn response(&mut self, id: u32, status: u32, size: usize) {
        let number = self.number(id);
        if size > 0 || status == 0 {
            let body = text(BufferType::GrpcReceiveBuffer);
            self.tell(format!("{number}: response of {size}: {body}"));
        } else {
            let code = last_status();
            self.tell(format!("{number}: failed {status}: {code}"));
        }
        self.over(id, "closed");
    }

    fn metadata(&mut self, id: u32, when: &str, map: MapType, count: u32) {
        let number = self.number(id);
        let mut pairs: Vec<_> = hostcalls::get_map_bytes(map)
            .unwrap_or_default()
            .into_iter()
            // What depends on the host or the time.
            .filter(|(name, _)| {
                !matches!(name.as_str(), "date" | "server" | "content-length")
                    && !name.starts_with("x-envoy")
            })
            .map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(&value)))
            .collect();
        pairs.sort();
        self.tell(format!("{number}: {when} of {count}: {}", pairs.join(" ")));
        self.react(when, id);
    }

    fn message(&mut self, id: u32, size: usize) {
        let number = self.number(id);
        let body = text(BufferType::GrpcReceiveBuffer);
        self.tell(format!("{number}: message of {size}: {body}"));
        let count = self.messages.entry(id).or_default();
        *count += 1;
        let this = format!("message-{count}");
        self.react("message", id);
        self.react(&this, id);
    }

    fn closed(&mut self, id: u32, status: u32) {
        let number = self.number(id);
        let code = last_status();
        self.tell(format!("{number}: closed {status}: {code}"));
        self.over(id, "closed");
    }
}

fn message(word: &str) -> Vec<u8> {
    match word.strip_prefix('*').and_then(|count| count.parse().ok()) {
        Some(count) => vec![b'x'; count],
        None => word.as_bytes().to_vec(),
    }
}

/// A buffer, shortened where it is long.
fn text(buffer: BufferType) -> String {
    let bytes = hostcalls::get_buffer(buffer, 0, usize::MAX)
        .ok()
        .flatten()
        .unwrap_or_default();
    if bytes.len() > 100 {
        return format!("{} bytes", bytes.len());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn last_status() -> String {
    match hostcalls::get_grpc_status() {
        Ok((code, text)) => format!("{code} {}", text.unwrap_or_default()),
        Err(status) => format!("none {}", status as u32),
    }
}

// The SDK panics at statuses that it does not expect; here each of them is told.
#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_grpc_send(id: u32, message: *const u8, len: usize, end: u32) -> u32;
    fn proxy_grpc_close(id: u32) -> u32;
    fn proxy_grpc_cancel(id: u32) -> u32;
}

fn send(id: u32, message: &[u8], end: bool) -> u32 {
    unsafe { proxy_grpc_send(id, message.as_ptr(), message.len(), u32::from(end)) }
}

/// `proxy_grpc_call`, or without a message `proxy_grpc_stream`.
fn dispatch(
    upstream: &str,
    service: &str,
    method: &str,
    call: Option<(&[u8], Duration)>,
) -> Result<u32, u32> {
    let metadata: Vec<(&str, &[u8])> = vec![("x-from", b"guest")];
    let bytes = upstream
        .strip_prefix('=')
        .map_or_else(|| upstream.as_bytes().to_vec(), unhex);
    // SAFETY: the SDK wants text, and only passes it on.
    let upstream = unsafe { String::from_utf8_unchecked(bytes) };
    match call {
        Some((message, timeout)) => hostcalls::dispatch_grpc_call(
            &upstream,
            service,
            method,
            metadata,
            Some(message),
            timeout,
        ),
        None => hostcalls::open_grpc_stream(&upstream, service, method, metadata),
    }
    .map_err(|status| status as u32)
}

fn unhex(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap_or_default();
    (0..hex.len() / 2).map(|byte| digit(2 * byte)).collect()
}

/// The callbacks of calls, which requests and the plugin itself have in common.
macro_rules! calls {
    ($context:ty) => {
        impl Context for $context {
            fn on_http_call_response(
                &mut self,
                id: u32,
                headers: usize,
                _: usize,
                trailers: usize,
            ) {
                self.caller.answer(id, headers, trailers);
            }

            fn on_grpc_call_response(&mut self, id: u32, status: u32, size: usize) {
                self.caller.response(id, status, size);
            }

            fn on_grpc_stream_initial_metadata(&mut self, id: u32, count: u32) {
                self.caller
                    .metadata(id, "initial", MapType::GrpcReceiveInitialMetadata, count);
            }

            fn on_grpc_stream_message(&mut self, id: u32, size: usize) {
                self.caller.message(id, size);
            }

            fn on_grpc_stream_trailing_metadata(&mut self, id: u32, count: u32) {
                self.caller
                    .metadata(id, "trailing", MapType::GrpcReceiveTrailingMetadata, count);
            }

            fn on_grpc_stream_close(&mut self, id: u32, status: u32) {
                self.caller.closed(id, status);
            }
        }
    };
}

struct Root {
    caller: Caller,
}

calls!(Root);

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        let config = self.get_plugin_configuration().unwrap_or_default();
        for line in String::from_utf8_lossy(&config).lines() {
            if let Some((when, steps)) = line.split_once(": ") {
                self.caller.plan.insert(when.to_owned(), steps.to_owned());
            }
        }
        if let Some(period) = self.caller.plan.get("tick-ms") {
            self.set_tick_period(Duration::from_millis(period.parse().unwrap_or(0)));
        }
        self.caller.react("start", 0);
        true
    }

    fn on_tick(&mut self) {
        self.caller.react("tick", 0);
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream {
            caller: Caller::default(),
        }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Stream {
    caller: Caller,
}

calls!(Stream);

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        for (name, value) in self.get_http_request_headers() {
            if let Some(when) = name.strip_prefix("x-") {
                self.caller.plan.insert(when.to_owned(), value);
            }
        }
        if !self.caller.plan.contains_key("start") {
            return Action::Continue;
        }
        self.caller.plan.insert("request".to_owned(), String::new());
        self.caller.react("start", 0);
        self.caller.finish_if_over();
        Action::Pause
    }
}
