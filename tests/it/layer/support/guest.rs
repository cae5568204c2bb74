//! Guests, written in WebAssembly text of named pieces: a prelude with every host call, and the callbacks of one test.
//!
//! In a piece, `@"text"` stands for the two constants that a host call takes: the text's address and its length. Bytes are
//! written as in WebAssembly text (`\ff`).
//!
//! ```text
//! 16, 20   where host calls leave an address and a length ($out, $out_len)
//! 24       where host calls leave a number
//! 64       digits
//! 1024     texts
//! 65536    the heap: a ring that the allocator walks
//! ```

use std::fmt::Write as _;

const TEXTS: usize = 1024;

/// A module in the making.
#[derive(Debug, Clone)]
pub(crate) struct Guest {
    marker: Option<String>,
    memory: Option<u32>,
    allocator: Option<String>,
    imports: String,
    items: String,
    texts: String,
    end_of_texts: usize,
}

impl Guest {
    /// A plugin that does nothing.
    pub(crate) fn new() -> Self {
        Self {
            marker: Some("proxy_abi_version_0_2_1".to_owned()),
            memory: Some(4),
            allocator: Some(ALLOCATOR.to_owned()),
            imports: String::new(),
            items: String::new(),
            texts: String::new(),
            end_of_texts: TEXTS,
        }
    }

    /// A plugin that tells each request how many contexts are alive in its VM, the request's own among them.
    pub(crate) fn counting() -> Self {
        Self::new()
            .item("(global $alive (mut i32) (i32.const 0))")
            .on(
                "proxy_on_context_create",
                "(if (local.get $parent)
                   (then (global.set $alive (i32.add (global.get $alive) (i32.const 1)))))",
            )
            .on(
                "proxy_on_delete",
                "(global.set $alive (i32.sub (global.get $alive) (i32.const 1)))",
            )
            .on_request(r#"(call $set_num (i32.const 0) @"x-alive" (global.get $alive))"#)
    }

    /// Another marker; an empty one is none.
    pub(crate) fn marker(mut self, marker: &str) -> Self {
        self.marker = (!marker.is_empty()).then(|| marker.to_owned());
        self
    }

    /// So many pages of memory to begin with; 0 exports no memory.
    pub(crate) fn memory(mut self, pages: u32) -> Self {
        self.memory = (pages > 0).then_some(pages);
        self
    }

    /// What `proxy_on_memory_allocate` does with `$size`; an empty piece exports no allocator.
    pub(crate) fn allocator(mut self, body: &str) -> Self {
        let body = self.intern(body);
        self.allocator = (!body.is_empty()).then_some(body);
        self
    }

    /// One more import.
    pub(crate) fn import(mut self, module: &str, name: &str, item: &str) -> Self {
        let _ = writeln!(self.imports, "(import \"{module}\" \"{name}\" {item})");
        self
    }

    /// A function, global or export of its own.
    pub(crate) fn item(mut self, item: &str) -> Self {
        let item = self.intern(item);
        let _ = writeln!(self.items, "{item}");
        self
    }

    /// A callback.
    pub(crate) fn on(self, callback: &str, body: &str) -> Self {
        let ty = signature(callback);
        self.item(&format!(
            "(func (export \"{callback}\") {ty} (local $i i32) {body})"
        ))
    }

    /// `proxy_on_request_headers`, after which the request goes on.
    pub(crate) fn on_request(self, body: &str) -> Self {
        self.on("proxy_on_request_headers", &format!("{body} (i32.const 0)"))
    }

    /// `proxy_on_response_headers`, after which the response goes on.
    pub(crate) fn on_response(self, body: &str) -> Self {
        self.on(
            "proxy_on_response_headers",
            &format!("{body} (i32.const 0)"),
        )
    }

    /// The module.
    pub(crate) fn wasm(&self) -> Vec<u8> {
        let mut wat = String::from("(module\n");
        wat.push_str(&self.imports);
        wat.push_str(IMPORTS);
        if let Some(pages) = self.memory {
            let _ = writeln!(wat, "(memory (export \"memory\") {pages})");
        } else {
            wat.push_str("(memory 4)\n");
        }
        if let Some(marker) = &self.marker {
            let _ = writeln!(wat, "(func (export \"{marker}\"))");
        }
        if let Some(body) = &self.allocator {
            let _ = writeln!(
                wat,
                "(func (export \"proxy_on_memory_allocate\") (param $size i32) (result i32) (local $at i32) {body})"
            );
        }
        wat.push_str(PRELUDE);
        wat.push_str(&self.items);
        let _ = writeln!(wat, "(data (i32.const {TEXTS}) \"{}\"))", self.texts);
        wat::parse_str(&wat).unwrap_or_else(|error| panic!("{error}\n{wat}"))
    }

    /// Puts addresses and lengths in the place of texts.
    fn intern(&mut self, piece: &str) -> String {
        let mut parts = piece.split("@\"");
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (text, rest) = part.split_once('"').expect("a text ends");
            let len = text.len() - 2 * text.matches('\\').count();
            let at = self.end_of_texts;
            let _ = write!(out, "(i32.const {at}) (i32.const {len}){rest}");
            self.texts.push_str(text);
            self.end_of_texts += len;
        }
        out
    }
}

fn signature(callback: &str) -> &'static str {
    match callback {
        "proxy_on_context_create" => "(param $id i32) (param $parent i32)",
        "proxy_on_vm_start" | "proxy_on_configure" => {
            "(param $id i32) (param $size i32) (result i32)"
        }
        "proxy_on_request_headers" | "proxy_on_response_headers" => {
            "(param $id i32) (param $count i32) (param $end i32) (result i32)"
        }
        "proxy_on_request_body" | "proxy_on_response_body" => {
            "(param $id i32) (param $size i32) (param $end i32) (result i32)"
        }
        "proxy_on_request_trailers" | "proxy_on_response_trailers" => {
            "(param $id i32) (param $count i32) (result i32)"
        }
        "proxy_on_tick" => "(param $id i32)",
        "proxy_on_queue_ready" => "(param $id i32) (param $queue i32)",
        "proxy_on_http_call_response" => {
            "(param $id i32) (param $call i32) (param $headers i32) (param $size i32) (param $trailers i32)"
        }
        "proxy_on_done" => "(param $id i32) (result i32)",
        "proxy_on_log" | "proxy_on_delete" => "(param $id i32)",
        "_start" | "_initialize" => "",
        other => panic!("no signature for {other}"),
    }
}

/// Walks through the heap in a ring. 0 when there will never be room.
const ALLOCATOR: &str = "
    (if (i32.gt_u (local.get $size) (i32.const 131072)) (then (return (i32.const 0))))
    (if (i32.gt_u (i32.add (global.get $heap) (local.get $size)) (i32.const 262144))
        (then (global.set $heap (i32.const 65536))))
    (local.set $at (global.get $heap))
    (global.set $heap (i32.add (global.get $heap) (local.get $size)))
    (local.get $at)";

/// Host calls, under short names.
const IMPORTS: &str = r#"
(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
(import "env" "proxy_get_log_level" (func $get_log_level (param i32) (result i32)))
(import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))
(import "env" "proxy_get_header_map_size" (func $map_size (param i32 i32) (result i32)))
(import "env" "proxy_get_header_map_pairs" (func $get_pairs (param i32 i32 i32) (result i32)))
(import "env" "proxy_set_header_map_pairs" (func $set_pairs (param i32 i32 i32) (result i32)))
(import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_replace_header_map_value" (func $replace (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_remove_header_map_value" (func $remove (param i32 i32 i32) (result i32)))
(import "env" "proxy_get_property" (func $get_property (param i32 i32 i32 i32) (result i32)))
(import "env" "proxy_set_property" (func $set_property (param i32 i32 i32 i32) (result i32)))
(import "env" "proxy_get_buffer_bytes" (func $get_buffer (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_get_buffer_status" (func $buffer_status (param i32 i32 i32) (result i32)))
(import "env" "proxy_set_effective_context" (func $set_context (param i32) (result i32)))
(import "env" "proxy_done" (func $proxy_done (result i32)))
(import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
(import "env" "proxy_send_local_response"
  (func $send (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
"#;

const PRELUDE: &str = r#"
(global $heap (mut i32) (i32.const 65536))
(global $digits (mut i32) (i32.const 0))
(global $digits_len (mut i32) (i32.const 0))

;; The number in decimal.
(func $format (param $n i32)
  (global.set $digits (i32.const 96))
  (loop $more
    (global.set $digits (i32.sub (global.get $digits) (i32.const 1)))
    (i32.store8 (global.get $digits)
      (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
    (local.set $n (i32.div_u (local.get $n) (i32.const 10)))
    (br_if $more (local.get $n)))
  (global.set $digits_len (i32.sub (i32.const 96) (global.get $digits))))

;; Sets a header to a text or number.
(func $set (param $map i32) (param $k i32) (param $kl i32) (param $v i32) (param $vl i32)
  (drop (call $replace (local.get $map) (local.get $k) (local.get $kl) (local.get $v) (local.get $vl))))
(func $set_num (param $map i32) (param $k i32) (param $kl i32) (param $n i32)
  (call $format (local.get $n))
  (call $set (local.get $map) (local.get $k) (local.get $kl) (global.get $digits) (global.get $digits_len)))

;; Whether a header is there.
(func $has (param $map i32) (param $k i32) (param $kl i32) (result i32)
  (i32.eqz (call $get (local.get $map) (local.get $k) (local.get $kl) (i32.const 16) (i32.const 20))))

;; Logs a text, or a number, at level info.
(func $say (param $text i32) (param $len i32)
  (drop (call $log (i32.const 2) (local.get $text) (local.get $len))))
(func $say_num (param $n i32)
  (call $format (local.get $n))
  (call $say (global.get $digits) (global.get $digits_len)))

;; What the last host call gave.
(func $out (result i32) (i32.load (i32.const 16)))
(func $out_len (result i32) (i32.load (i32.const 20)))

;; Answers the request with a status and nothing else.
(func $reply (param $status i32)
  (drop (call $send (local.get $status) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i32.const -1))))

;; Works without an end, or for so many rounds.
(func $for_ever (loop $again (br $again)))
(func $busy (param $rounds i32)
  (loop $again
    (local.set $rounds (i32.sub (local.get $rounds) (i32.const 1)))
    (br_if $again (local.get $rounds))))
"#;
