//! A plugin that does something that it should not do, in the callback that the request names.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use loom_layer::{CompileCache, LoomRuntime};

use super::super::support::{Guest, PATIENCE, eventually, get, logs, send};
use super::visit::{Outcome, Visit};

/// The callback in which an animal is let out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Create,
    RequestHeaders,
    RequestBody,
    RequestTrailers,
    ResponseHeaders,
    ResponseBody,
    ResponseTrailers,
    Log,
    Done,
    Delete,
    Tick,
    QueueReady,
    CallResponse,
}

impl Phase {
    pub(super) const ALL: [Self; 13] = [
        Self::Create,
        Self::RequestHeaders,
        Self::RequestBody,
        Self::RequestTrailers,
        Self::ResponseHeaders,
        Self::ResponseBody,
        Self::ResponseTrailers,
        Self::Log,
        Self::Done,
        Self::Delete,
        Self::Tick,
        Self::QueueReady,
        Self::CallResponse,
    ];

    /// The name of the export.
    pub(super) const fn callback(self) -> &'static str {
        match self {
            Self::Create => "proxy_on_context_create",
            Self::RequestHeaders => "proxy_on_request_headers",
            Self::RequestBody => "proxy_on_request_body",
            Self::RequestTrailers => "proxy_on_request_trailers",
            Self::ResponseHeaders => "proxy_on_response_headers",
            Self::ResponseBody => "proxy_on_response_body",
            Self::ResponseTrailers => "proxy_on_response_trailers",
            Self::Log => "proxy_on_log",
            Self::Done => "proxy_on_done",
            Self::Delete => "proxy_on_delete",
            Self::Tick => "proxy_on_tick",
            Self::QueueReady => "proxy_on_queue_ready",
            Self::CallResponse => "proxy_on_http_call_response",
        }
    }

    /// How a request names it: one letter.
    pub(super) const fn letter(self) -> &'static str {
        const LETTERS: [&str; 13] = [
            "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m",
        ];
        LETTERS[self as usize]
    }

    /// The letter as WebAssembly has it.
    fn code(self) -> String {
        format!("(i32.const {})", self.letter().as_bytes()[0])
    }

    /// A callback of the request's way to the inner service.
    pub(super) const fn is_request(self) -> bool {
        matches!(
            self,
            Self::Create | Self::RequestHeaders | Self::RequestBody | Self::RequestTrailers
        )
    }

    /// A callback after the response's head went out, and before the end.
    pub(super) const fn is_late(self) -> bool {
        matches!(self, Self::ResponseBody | Self::ResponseTrailers)
    }

    /// A callback in which a stream can still be held, answered or cut.
    pub(super) const fn is_in_stream(self) -> bool {
        self.is_request() || self.is_late() || matches!(self, Self::ResponseHeaders)
    }
}

/// See the module's text.
#[derive(Debug)]
pub(super) struct Animal {
    pub(super) name: &'static str,
    pub(super) guest: Guest,
    /// What the log says of the failure; nothing when the VM is to survive.
    fails_with: Option<&'static str>,
    /// What the log has in any case.
    says: Option<&'static str>,
    /// What the log has when the answer is not the inner service's.
    explained_by: Option<&'static str>,
    pub(super) timeout: Duration,
    pub(super) memory_limit: u64,
}

impl Animal {
    /// `does` runs with the phase's letter in `$phase`, and leaves what a headers, body or trailers callback returns.
    pub(super) fn new(name: &'static str, does: &str) -> Self {
        Self::of(name, guest(), does)
    }

    /// As [`new`](Self::new), with more in the module.
    pub(super) fn of(name: &'static str, guest: Guest, does: &str) -> Self {
        let guest = guest.item(&format!(
            "(func $misbehave (param $phase i32) (result i32) (local $i i32) (local $j i32) {does})"
        ));
        Self {
            name,
            guest,
            fails_with: None,
            says: None,
            explained_by: None,
            timeout: Duration::from_secs(10),
            memory_limit: 2 << 20,
        }
    }

    /// The VM fails, and the log gives this for a cause.
    pub(super) fn fails_with(mut self, cause: &'static str) -> Self {
        self.fails_with = Some(cause);
        self
    }

    /// The plugin's log has this line.
    pub(super) fn says(mut self, line: &'static str) -> Self {
        self.says = Some(line);
        self
    }

    /// When the answer is not the inner service's, the log says this.
    pub(super) fn explained_by(mut self, line: &'static str) -> Self {
        self.explained_by = Some(line);
        self
    }

    pub(super) fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The log line, the VM, and what is left in it.
    pub(super) async fn check(&self, visit: &Visit) {
        match self.fails_with {
            Some(cause) => visit.failed_in_its_phase(cause).await,
            None => visit.survived().await,
        }
        let explained = self
            .explained_by
            .filter(|_| visit.outcome != Outcome::Served);
        for line in self.says.into_iter().chain(explained) {
            // A line of the background may come after what it is about.
            eventually(&format!("{line} in {}", visit.name), || {
                let lines = logs::of(&visit.name);
                lines.iter().any(|said| said.message().contains(line))
            })
            .await;
        }
        eventually("a VM is there", || visit.plugin.instances() == 1).await;
        // Nothing of the visit is left: the plain request's own context is the only one, as soon as the background is done.
        let begun = Instant::now();
        let answer = loop {
            let answer = send(visit.plugin.clone(), get(&[])).await;
            assert_eq!(answer.status, 200, "{} heals", visit.name);
            if answer.seen("x-alive") == "1" {
                break answer;
            }
            assert!(begun.elapsed() < PATIENCE, "{} leaves contexts", visit.name);
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        let is_new = answer.seen("x-visits") == "0";
        assert_eq!(is_new, self.fails_with.is_some(), "{}", visit.name);
    }
}

/// A runtime of its own: floods fill what plugins share.
pub(super) fn runtime() -> &'static LoomRuntime {
    static RUNTIME: LazyLock<LoomRuntime> = LazyLock::new(|| {
        LoomRuntime::builder()
            .compile_cache(CompileCache::Off)
            .build()
            .expect("a runtime")
    });
    &RUNTIME
}

/// A plugin with every callback. It counts its contexts and what it was let out for, and tells plain requests of both.
pub(super) fn guest() -> Guest {
    let mut guest = Guest::new()
        .item("(global $alive (mut i32) (i32.const 0))")
        .item("(global $visits (mut i32) (i32.const 0))")
        .item("(global $armed (mut i32) (i32.const 0))")
        .item(LET_OUT)
        .on("proxy_on_context_create", &{
            let create = Phase::Create.code();
            format!(
                "(if (local.get $parent)
                   (then
                     (global.set $alive (i32.add (global.get $alive) (i32.const 1)))
                     (drop (call $asked {create}))))"
            )
        })
        .on("proxy_on_request_headers", &{
            let headers = Phase::RequestHeaders.code();
            format!(
                r#"(call $set_num (i32.const 0) @"x-alive" (global.get $alive))
                   (call $set_num (i32.const 0) @"x-visits" (global.get $visits))
                   (call $asked {headers})"#
            )
        })
        .on("proxy_on_delete", &{
            let [delete, tick, queue, call] = [
                Phase::Delete,
                Phase::Tick,
                Phase::QueueReady,
                Phase::CallResponse,
            ]
            .map(Phase::code);
            // What belongs to no stream is let out when the one that asked for it is over.
            format!(
                r#"(global.set $alive (i32.sub (global.get $alive) (i32.const 1)))
                   (if (call $wanted {tick})
                     (then (global.set $armed {tick}) (drop (call $set_tick (i32.const 1)))))
                   (if (call $wanted {queue})
                     (then
                       (global.set $armed {queue})
                       (drop (call $register @"zoo" (i32.const 28)))
                       (drop (call $enqueue (i32.load (i32.const 28)) @"item"))))
                   (if (call $wanted {call})
                     (then
                       (global.set $armed {call})
                       (drop (call $http_call @"peer" {CALL_HEADERS} (i32.const 0) (i32.const 0)
                         (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 28)))))
                   (drop (call $asked {delete}))"#
            )
        });
    for phase in [
        Phase::RequestBody,
        Phase::RequestTrailers,
        Phase::ResponseHeaders,
        Phase::ResponseBody,
        Phase::ResponseTrailers,
    ] {
        guest = guest.on(phase.callback(), &format!("(call $asked {})", phase.code()));
    }
    guest = guest
        .on(
            Phase::Log.callback(),
            &format!("(drop (call $asked {}))", Phase::Log.code()),
        )
        .on(
            Phase::Done.callback(),
            &format!("(drop (call $asked {})) (i32.const 1)", Phase::Done.code()),
        );
    for phase in [Phase::Tick, Phase::QueueReady, Phase::CallResponse] {
        let code = phase.code();
        guest = guest.on(
            phase.callback(),
            &format!(
                "(if (i32.eq (global.get $armed) {code})
                   (then (global.set $armed (i32.const 0)) (drop (call $out_now {code}))))"
            ),
        );
    }
    for (name, import) in IMPORTS {
        guest = guest.import("env", name, import);
    }
    guest
}

/// Whether the request names this phase, or all of them by an asterisk; and letting the animal out if so.
const LET_OUT: &str = r#"
    (func $wanted (param $phase i32) (result i32)
      (if (call $get (i32.const 0) @"x-phase" (i32.const 16) (i32.const 20)) (then (return (i32.const 0))))
      (if (i32.ne (call $out_len) (i32.const 1)) (then (return (i32.const 0))))
      (if (i32.eq (i32.load8_u (call $out)) (i32.const 42)) (then (return (i32.const 1))))
      (i32.eq (i32.load8_u (call $out)) (local.get $phase)))
    (func $out_now (param $phase i32) (result i32)
      (global.set $visits (i32.add (global.get $visits) (i32.const 1)))
      (call $misbehave (local.get $phase)))
    (func $asked (param $phase i32) (result i32)
      (if (result i32) (call $wanted (local.get $phase))
        (then (call $out_now (local.get $phase)))
        (else (i32.const 0))))"#;

/// `GET /` to `peer`, as pairs.
pub(super) const CALL_HEADERS: &str = r#"@"\03\00\00\00\07\00\00\00\03\00\00\00\05\00\00\00\01\00\00\00\0a\00\00\00\04\00\00\00:method\00GET\00:path\00/\00:authority\00peer\00""#;

/// What animals call beside the prelude's functions.
const IMPORTS: [(&str, &str); 14] = [
    (
        "proxy_set_tick_period_milliseconds",
        "(func $set_tick (param i32) (result i32))",
    ),
    (
        "proxy_set_buffer_bytes",
        "(func $set_buffer (param i32 i32 i32 i32 i32) (result i32))",
    ),
    (
        "proxy_close_stream",
        "(func $close (param i32) (result i32))",
    ),
    (
        "proxy_continue_request",
        "(func $continue_request (result i32))",
    ),
    (
        "proxy_continue_response",
        "(func $continue_response (result i32))",
    ),
    (
        "proxy_register_shared_queue",
        "(func $register (param i32 i32 i32) (result i32))",
    ),
    (
        "proxy_enqueue_shared_queue",
        "(func $enqueue (param i32 i32 i32) (result i32))",
    ),
    (
        "proxy_set_shared_data",
        "(func $set_shared (param i32 i32 i32 i32 i32) (result i32))",
    ),
    (
        "proxy_define_metric",
        "(func $define_metric (param i32 i32 i32 i32) (result i32))",
    ),
    (
        "proxy_increment_metric",
        "(func $increment (param i32 i64) (result i32))",
    ),
    (
        "proxy_record_metric",
        "(func $record (param i32 i64) (result i32))",
    ),
    (
        "proxy_http_call",
        "(func $http_call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32))",
    ),
    (
        "proxy_call_foreign_function",
        "(func $foreign (param i32 i32 i32 i32 i32 i32) (result i32))",
    ),
    (
        "proxy_get_status",
        "(func $get_status (param i32 i32 i32) (result i32))",
    ),
];
