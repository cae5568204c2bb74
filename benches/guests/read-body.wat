;; Reads every byte of both bodies, piece by piece as they come, and adds them up.
(module
  (import "env" "proxy_get_buffer_bytes"
    (func $get_buffer (param $buffer i32) (param $start i32) (param $size i32) (param $at i32) (param $len i32)
      (result i32)))
  (import "env" "proxy_add_header_map_value"
    (func $add (param $map i32) (param $key i32) (param $key_len i32) (param $value i32) (param $value_len i32)
      (result i32)))

  (func (export "proxy_abi_version_0_2_1"))
  ;; A piece of up to 2 MiB fits behind the first page.
  (memory (export "memory") 33)
  (data (i32.const 1024) "x-guestread-body")
  (global $sum (mut i64) (i64.const 0))

  ;; Nothing is kept from one callback to the next, so every piece may lie in the same place.
  (func (export "proxy_on_memory_allocate") (param $size i32) (result i32) (i32.const 65536))

  ;; Shows the bench that the plugin took part.
  (func (export "proxy_on_response_headers") (param $id i32) (param $count i32) (param $end i32) (result i32)
    (drop (call $add (i32.const 2) (i32.const 1024) (i32.const 7) (i32.const 1031) (i32.const 9)))
    (i32.const 0))

  (func (export "proxy_on_request_body") (param $id i32) (param $size i32) (param $end i32) (result i32)
    (call $read (i32.const 0) (local.get $size)))
  (func (export "proxy_on_response_body") (param $id i32) (param $size i32) (param $end i32) (result i32)
    (call $read (i32.const 1) (local.get $size)))

  (func $read (param $buffer i32) (param $size i32) (result i32) (local $at i32) (local $end i32)
    (if (i32.eqz (local.get $size)) (then (return (i32.const 0))))
    (if (call $get_buffer (local.get $buffer) (i32.const 0) (local.get $size) (i32.const 16) (i32.const 20))
      (then (unreachable)))
    (local.set $at (i32.load (i32.const 16)))
    (local.set $end (i32.add (local.get $at) (i32.load (i32.const 20))))
    ;; What lies behind the last whole word is zero or old, and of no account.
    (loop $more
      (global.set $sum (i64.add (global.get $sum) (i64.load (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $more (i32.lt_u (local.get $at) (local.get $end))))
    (i32.const 0)))
