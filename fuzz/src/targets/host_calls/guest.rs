//! A plugin that does what a program tells it to, which comes with each request.
//!
//! ```text
//! 16, 20    where the program's address and length are left
//! 65536     the heap: a ring that the allocator walks
//! 196608    the page that arguments are taken from and results are written to
//! 262144    that page as it is in the beginning
//! 327680    the program
//! ```
//!
//! The program is read from its beginning to its end, across all callbacks of a request. A callback takes one byte: how
//! many calls it makes, in the lower three bits, and what it returns, in the highest one. A call takes a byte for the
//! function, and then its arguments. An argument is one byte, of which most values stand for something sensible, or a
//! byte from 224 on and four (a 64-bit number: eight) more, which are it.

use std::fmt::Write as _;

use super::imports::IMPORTS;

/// The header in which a program comes, as hexadecimal digits.
pub(super) const PROGRAM: &str = "x-program";

/// The header that tells how many streams are alive.
pub(super) const ALIVE: &str = "x-alive";

/// The longest program.
pub(super) const LONGEST: usize = 4096;

/// What stands at every 64th byte of the page.
pub(super) const TEXTS: &[&str] = &[
    "x-a",
    ":path",
    ":status",
    "content-length",
    "/b?c=d",
    "transfer-encoding",
    "peer",
    "request.path",
    "connection\\00id",
    "\\01\\00\\00\\00\\03\\00\\00\\00\\01\\00\\00\\00x-b\\00c\\00",
    "\\04\\00\\00\\00:path\\00",
    ":method\\00GET\\00",
    "\\ff\\ff\\ff\\7f\\ff\\ff\\ff\\ff",
    "compress",
    "uncompress",
    "clear_route_cache",
    "queue",
    "vm",
    "metric",
    "upstream_address\\00x",
    "123",
    "\\0d\\0a\\00bad",
    "response\\00code",
    "\\0a\\07x-grpc-\\12\\03abc",
    // A header map that an HTTP call takes.
    "\\03\\00\\00\\00\\07\\00\\00\\00\\03\\00\\00\\00\\05\\00\\00\\00\\01\\00\\00\\00\\0a\\00\\00\\00\\01\\00\\00\\00:method\\00GET\\00:path\\00/\\00:authority\\00a\\00",
];

/// The module.
pub(super) fn wasm() -> Vec<u8> {
    let text = text();
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn text() -> String {
    let mut wat = String::from("(module\n");
    for (number, import) in IMPORTS.iter().enumerate() {
        let mut parameters = String::new();
        for kind in import.kinds.chars() {
            parameters += match kind {
                'I' => " i64",
                'F' => " f64",
                _ => " i32",
            };
        }
        let result = if import.answers { "(result i32)" } else { "" };
        let _ = writeln!(
            wat,
            "(import \"{}\" \"{}\" (func $f{number} (param{parameters}) {result}))",
            import.module, import.name
        );
    }
    // The two that the machine itself needs, under names.
    for (name, import) in [
        ("get", "proxy_get_header_map_value"),
        ("replace", "proxy_replace_header_map_value"),
    ] {
        let _ = writeln!(
            wat,
            "(import \"env\" \"{import}\" (func ${name} (param i32 i32 i32 i32 i32) (result i32)))"
        );
    }
    wat += MACHINE;
    wat += &calls();
    wat += CALLBACKS;
    for (number, text) in TEXTS.iter().enumerate() {
        // The longest one takes two places.
        let _ = writeln!(
            wat,
            "(data (i32.const {}) \"{text}\")",
            262_144 + 64 * number
        );
    }
    let _ = writeln!(wat, "(data (i32.const 300000) \"{PROGRAM}{ALIVE}\"))");
    wat
}

/// `$call_one`: calls the import that the next byte names, with arguments from the bytes behind it.
fn calls() -> String {
    let count = IMPORTS.len();
    let mut body = String::from("(func $call_one (local $f i32)\n");
    let _ = writeln!(
        body,
        "(local.set $f (i32.rem_u (call $byte) (i32.const {count})))"
    );
    for (number, import) in IMPORTS.iter().enumerate() {
        let mut arguments = String::new();
        for kind in import.kinds.chars() {
            arguments += match kind {
                'p' => " (call $pointer)",
                'n' => " (call $length)",
                'I' => " (call $long)",
                'F' => " (f64.convert_i32_s (call $number))",
                _ => " (call $number)",
            };
        }
        let call = format!("(call $f{number}{arguments})");
        let call = if import.answers {
            format!("(drop {call})")
        } else {
            call
        };
        let _ = writeln!(
            body,
            "(if (i32.eq (local.get $f) (i32.const {number})) (then {call} (return)))"
        );
    }
    body + ")\n"
}

/// Memory, allocator, and the reading of programs.
const MACHINE: &str = r#"
(memory (export "memory") 8)
(func (export "proxy_abi_version_0_2_1"))
(global $heap (mut i32) (i32.const 65536))
(global $at (mut i32) (i32.const 0))
(global $end (mut i32) (i32.const 0))
(global $alive (mut i32) (i32.const 0))

(func (export "proxy_on_memory_allocate") (param $size i32) (result i32) (local $at i32)
  (if (i32.gt_u (local.get $size) (i32.const 131072)) (then (return (i32.const 0))))
  (if (i32.gt_u (i32.add (global.get $heap) (local.get $size)) (i32.const 196608))
    (then (global.set $heap (i32.const 65536))))
  (local.set $at (global.get $heap))
  (global.set $heap (i32.add (global.get $heap) (local.get $size)))
  (local.get $at))

(func $digit (param $at i32) (result i32) (local $c i32)
  (local.set $c (i32.load8_u (local.get $at)))
  (if (i32.ge_u (local.get $c) (i32.const 97))
    (then (return (i32.sub (local.get $c) (i32.const 87)))))
  (i32.sub (local.get $c) (i32.const 48)))

(func $load (local $from i32) (local $to i32) (local $last i32)
  (memory.copy (i32.const 196608) (i32.const 262144) (i32.const 4096))
  (global.set $at (i32.const 327680))
  (global.set $end (i32.const 327680))
  (if (i32.eqz (call $get (i32.const 0) (i32.const 300000) (i32.const 9) (i32.const 16) (i32.const 20)))
    (then
      (local.set $from (i32.load (i32.const 16)))
      (local.set $last (i32.add (local.get $from) (i32.load (i32.const 20))))
      (local.set $to (i32.const 327680))
      (block $done
        (loop $more
          (br_if $done (i32.ge_u (i32.add (local.get $from) (i32.const 1)) (local.get $last)))
          (i32.store8 (local.get $to)
            (i32.or (i32.shl (call $digit (local.get $from)) (i32.const 4))
                    (call $digit (i32.add (local.get $from) (i32.const 1)))))
          (local.set $to (i32.add (local.get $to) (i32.const 1)))
          (local.set $from (i32.add (local.get $from) (i32.const 2)))
          (br $more)))
      (global.set $end (local.get $to)))))

;; Behind the end there are zeros.
(func $byte (result i32)
  (if (i32.ge_u (global.get $at) (global.get $end)) (then (return (i32.const 0))))
  (global.set $at (i32.add (global.get $at) (i32.const 1)))
  (i32.load8_u (i32.sub (global.get $at) (i32.const 1))))
(func $word (result i32)
  (i32.or (call $byte)
    (i32.or (i32.shl (call $byte) (i32.const 8))
      (i32.or (i32.shl (call $byte) (i32.const 16)) (i32.shl (call $byte) (i32.const 24))))))
(func $number (result i32) (local $b i32)
  (local.set $b (call $byte))
  (if (i32.ge_u (local.get $b) (i32.const 224)) (then (return (call $word))))
  (i32.and (local.get $b) (i32.const 15)))
(func $length (result i32) (local $b i32)
  (local.set $b (call $byte))
  (if (i32.ge_u (local.get $b) (i32.const 224)) (then (return (call $word))))
  (i32.and (local.get $b) (i32.const 127)))
(func $pointer (result i32) (local $b i32)
  (local.set $b (call $byte))
  (if (i32.ge_u (local.get $b) (i32.const 224)) (then (return (call $word))))
  (i32.add (i32.const 196608) (i32.shl (i32.and (local.get $b) (i32.const 63)) (i32.const 6))))
(func $long (result i64) (local $b i32)
  (local.set $b (call $byte))
  (if (i32.ge_u (local.get $b) (i32.const 224))
    (then (return (i64.or (i64.extend_i32_u (call $word)) (i64.shl (i64.extend_i32_u (call $word)) (i64.const 32))))))
  (i64.extend_i32_s (i32.sub (i32.and (local.get $b) (i32.const 15)) (i32.const 2))))

(func $act (result i32) (local $b i32) (local $n i32)
  (local.set $b (call $byte))
  (local.set $n (i32.and (local.get $b) (i32.const 7)))
  (block $done
    (loop $more
      (br_if $done (i32.eqz (local.get $n)))
      (call $call_one)
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br $more)))
  (i32.shr_u (local.get $b) (i32.const 7)))
"#;

const CALLBACKS: &str = r#"
(func (export "proxy_on_context_create") (param $id i32) (param $parent i32)
  (if (local.get $parent)
    (then
      (global.set $alive (i32.add (global.get $alive) (i32.const 1)))
      (call $load)
      (drop (call $act)))))
(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
  (i32.store8 (i32.const 24)
    (i32.add (i32.const 48) (select (global.get $alive) (i32.const 9) (i32.lt_u (global.get $alive) (i32.const 9)))))
  (drop (call $replace (i32.const 0) (i32.const 300009) (i32.const 7) (i32.const 24) (i32.const 1)))
  (call $act))
(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (call $act))
(func (export "proxy_on_request_trailers") (param i32 i32) (result i32) (call $act))
(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) (call $act))
(func (export "proxy_on_response_body") (param i32 i32 i32) (result i32) (call $act))
(func (export "proxy_on_response_trailers") (param i32 i32) (result i32) (call $act))
(func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32) (drop (call $act)))
(func (export "proxy_on_grpc_receive_initial_metadata") (param i32 i32 i32) (drop (call $act)))
(func (export "proxy_on_grpc_receive") (param i32 i32 i32) (drop (call $act)))
(func (export "proxy_on_grpc_receive_trailing_metadata") (param i32 i32 i32) (drop (call $act)))
(func (export "proxy_on_grpc_close") (param i32 i32 i32) (drop (call $act)))
(func (export "proxy_on_queue_ready") (param i32 i32) (drop (call $act)))
(func (export "proxy_on_tick") (param i32) (drop (call $act)))
(func (export "proxy_on_done") (param i32) (result i32) (drop (call $act)) (i32.const 1))
(func (export "proxy_on_log") (param i32) (drop (call $act)))
(func (export "proxy_on_delete") (param i32)
  (drop (call $act))
  (global.set $alive (i32.sub (global.get $alive) (i32.const 1))))
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_finds_what_it_needs() {
        assert_eq!((PROGRAM.len(), ALIVE.len()), (9, 7));
        assert!(TEXTS.len() < 64);
        let last = TEXTS.last().map_or(0, |text| text.len());
        assert!(last < 4096);
        assert!(!wasm().is_empty());
    }
}
