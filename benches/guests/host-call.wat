;; Makes one host call ROUNDS times in one callback, so that the cost of the callback itself does not count.
;; The bench puts the number, a PREPARATION and the CALL (which leaves a status) in their places.
(module
  (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_replace_header_map_value" (func $replace (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_remove_header_map_value" (func $remove (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_pairs" (func $get_pairs (param i32 i32 i32) (result i32)))
  (import "env" "proxy_set_header_map_pairs" (func $set_pairs (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_property" (func $get_property (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_shared_data" (func $get_data (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_shared_data" (func $set_data (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))

  (func (export "proxy_abi_version_0_2_1"))
  (memory (export "memory") 2)
  (data (i32.const 1024) "x-guest")
  (data (i32.const 1040) "measured")
  (data (i32.const 1056) "accept")
  (data (i32.const 1072) "x-missing")
  (data (i32.const 1088) "request\00path")
  (data (i32.const 1104) "sum")

  ;; Nothing is kept from one call to the next but the pairs of PREPARATION, which are not written to again.
  (func (export "proxy_on_memory_allocate") (param $size i32) (result i32) (i32.const 65536))

  (func (export "proxy_on_configure") (param $id i32) (param $size i32) (result i32)
    ;; Whoever comes first stores the number that all VMs then add to.
    (if (call $get_data (i32.const 1104) (i32.const 3) (i32.const 16) (i32.const 20) (i32.const 24))
      (then (drop (call $set_data (i32.const 1104) (i32.const 3) (i32.const 32) (i32.const 8) (i32.const 0)))))
    (i32.const 1))

  (func (export "proxy_on_request_headers") (param $id i32) (param $count i32) (param $end i32) (result i32)
    (local $round i32)
    (local.set $round (i32.const ROUNDS))
    PREPARATION
    (loop $again
      (if CALL (then (unreachable)))
      (local.set $round (i32.sub (local.get $round) (i32.const 1)))
      (br_if $again (local.get $round)))
    (i32.const 0))

  ;; Adds one to the number that all VMs share, however often another one is faster.
  (func $count (result i32)
    (local $status i32)
    (loop $again
      (drop (call $get_data (i32.const 1104) (i32.const 3) (i32.const 16) (i32.const 20) (i32.const 24)))
      (i64.store (i32.const 32) (i64.add (i64.load (i32.load (i32.const 16))) (i64.const 1)))
      (local.set $status
        (call $set_data (i32.const 1104) (i32.const 3) (i32.const 32) (i32.const 8) (i32.load (i32.const 24))))
      (br_if $again (i32.eq (local.get $status) (i32.const 8))))
    (local.get $status)))
