;; Asks the upstream `origin` about every request, and holds it until the answer is there.
(module
  (import "env" "proxy_http_call"
    (func $call (param $upstream i32) (param $upstream_len i32) (param $headers i32) (param $headers_len i32)
      (param $body i32) (param $body_len i32) (param $trailers i32) (param $trailers_len i32)
      (param $timeout i32) (param $token i32) (result i32)))
  (import "env" "proxy_set_effective_context" (func $set_context (param $id i32) (result i32)))
  (import "env" "proxy_continue_stream" (func $continue (param $stream i32) (result i32)))
  (import "env" "proxy_add_header_map_value"
    (func $add (param $map i32) (param $key i32) (param $key_len i32) (param $value i32) (param $value_len i32)
      (result i32)))

  (func (export "proxy_abi_version_0_2_1"))
  ;; From 65536 on: which context waits for the call, by the call's number modulo 16384.
  (memory (export "memory") 2)
  (data (i32.const 1024) "origin")
  (data (i32.const 1040) "x-guestcallout")
  ;; `GET /ask`: a map is its number of pairs, the lengths of each, and the texts with a zero behind each.
  (data (i32.const 2048)
    "\03\00\00\00\07\00\00\00\03\00\00\00\05\00\00\00\04\00\00\00\0a\00\00\00\06\00\00\00"
    ":method\00GET\00:path\00/ask\00:authority\00origin\00")

  (func (export "proxy_on_memory_allocate") (param $size i32) (result i32) (i32.const 8192))

  (func (export "proxy_on_request_headers") (param $id i32) (param $count i32) (param $end i32) (result i32)
    (if (call $call (i32.const 1024) (i32.const 6) (i32.const 2048) (i32.const 69) (i32.const 0) (i32.const 0)
          (i32.const 0) (i32.const 0) (i32.const 5000) (i32.const 16))
      (then (unreachable)))
    (i32.store (call $slot (i32.load (i32.const 16))) (local.get $id))
    (i32.const 1))

  (func (export "proxy_on_http_call_response")
    (param $id i32) (param $token i32) (param $headers i32) (param $body i32) (param $trailers i32)
    ;; No headers: the call failed, and the request is left to wait, which the bench notices.
    (if (i32.eqz (local.get $headers)) (then (return)))
    ;; No context: the client went away meanwhile.
    (if (call $set_context (i32.load (call $slot (local.get $token)))) (then (return)))
    (if (call $continue (i32.const 0)) (then (unreachable))))

  ;; Shows the bench that the plugin took part.
  (func (export "proxy_on_response_headers") (param $id i32) (param $count i32) (param $end i32) (result i32)
    (drop (call $add (i32.const 2) (i32.const 1040) (i32.const 7) (i32.const 1047) (i32.const 7)))
    (i32.const 0))

  (func $slot (param $token i32) (result i32)
    (i32.add (i32.const 65536) (i32.shl (i32.and (local.get $token) (i32.const 16383)) (i32.const 2)))))
