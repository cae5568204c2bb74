;; Answers every request itself.
(module
  (import "env" "proxy_send_local_response"
    (func $send (param $status i32) (param $details i32) (param $details_len i32) (param $body i32) (param $body_len i32)
      (param $headers i32) (param $headers_len i32) (param $grpc i32) (result i32)))

  (func (export "proxy_abi_version_0_2_1"))
  (memory (export "memory") 1)
  (data (i32.const 1024) "not allowed")
  (func (export "proxy_on_memory_allocate") (param $size i32) (result i32) (i32.const 4096))

  (func (export "proxy_on_request_headers") (param $id i32) (param $count i32) (param $end i32) (result i32)
    (if (call $send (i32.const 403) (i32.const 0) (i32.const 0) (i32.const 1024) (i32.const 11)
          (i32.const 0) (i32.const 0) (i32.const -1))
      (then (unreachable)))
    (i32.const 1)))
