//! gRPC on the raw ABI: what no SDK does, or only an odd one.

use loom_layer::LoomPlugin;

use super::super::support::{Answer, Guest, eventually, get, plugin, send};
use crate::grpc_server::GrpcServer;

/// Sends two requests through a guest that may call `grpc`. The plugin has to live as long as its calls.
async fn through(name: &str, guest: &Guest) -> (Answer, GrpcServer, LoomPlugin) {
    let server = GrpcServer::start().await;
    let plugin = plugin(name, guest)
        .upstream("grpc", &format!("http://{}", server.address))
        .build_async()
        .await
        .unwrap();
    let answer = send(plugin.clone(), get(&[])).await;
    eventually("the call is made", || server.requests() > 0).await;
    let again = send(plugin.clone(), get(&[])).await;
    assert_eq!(again.seen("x-status"), answer.seen("x-status"));
    (answer, server, plugin)
}

const CALL: &str =
    "(func $grpc_call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32))";

#[tokio::test]
async fn a_guest_without_callbacks_is_told_of_nothing() {
    let guest = Guest::new().import("env", "proxy_grpc_call", CALL).on_request(
        r#"(call $set_num (i32.const 0) @"x-status" (call $grpc_call @"grpc" @"t.S" @"Echo"
             (i32.const 0) (i32.const 0) @"hello" (i32.const 1000) (i32.const 24)))
           (call $set_num (i32.const 0) @"x-low-bits" (i32.and (i32.load (i32.const 24)) (i32.const 3)))"#,
    );
    let (answer, server, _plugin) = through("grpc-deaf", &guest).await;
    assert_eq!(answer.seen("x-status"), "0");
    assert_eq!(answer.seen("x-low-bits"), "1");
    assert_eq!(server.head().uri, "http://grpc/t.S/Echo");
}

#[tokio::test]
async fn the_types_of_the_assemblyscript_sdk() {
    let guest = Guest::new()
        .import(
            "env",
            "proxy_grpc_call",
            "(func $grpc_call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32))",
        )
        .import(
            "env",
            "proxy_grpc_stream",
            "(func $grpc_stream (param i32 i32 i32 i32 i32 i32 i32) (result i32))",
        )
        .on_request(
            r#"(call $set_num (i32.const 0) @"x-status" (call $grpc_call @"grpc" @"t.S" @"Echo" @"hello"
                 (i32.const 1000) (i32.const 24)))
               (call $set_num (i32.const 0) @"x-stream" (call $grpc_stream @"grpc" @"t.S" @"Echo" (i32.const 24)))
               (call $set_num (i32.const 0) @"x-low-bits" (i32.and (i32.load (i32.const 24)) (i32.const 3)))"#,
        );
    let (answer, server, _plugin) = through("grpc-assemblyscript", &guest).await;
    assert_eq!(
        (answer.seen("x-status"), answer.seen("x-stream")),
        ("0", "0")
    );
    assert_eq!(answer.seen("x-low-bits"), "2");
    eventually("both are made, two times", || server.requests() == 4).await;
}

#[tokio::test]
async fn outside_of_their_callbacks_there_is_nothing() {
    let guest = Guest::new()
        .import("env", "proxy_grpc_call", CALL)
        .import("env", "proxy_get_status", "(func $status (param i32 i32 i32) (result i32))")
        .on_request(
            r#"(drop (call $grpc_call @"grpc" @"t.S" @"Fail" (i32.const 0) (i32.const 0) @"hello" (i32.const 1000) (i32.const 24)))
               (call $set_num (i32.const 0) @"x-status" (call $get (i32.const 4) @":status" (i32.const 16) (i32.const 20)))
               (call $set_num (i32.const 0) @"x-trailer" (call $get (i32.const 5) @"grpc-status" (i32.const 16) (i32.const 20)))
               (call $set_num (i32.const 0) @"x-pairs" (call $get_pairs (i32.const 4) (i32.const 16) (i32.const 20)))
               (call $set_num (i32.const 0) @"x-pairs-length" (call $out_len))
               (call $set_num (i32.const 0) @"x-write" (call $replace (i32.const 4) @"a" @"b"))
               (call $set_num (i32.const 0) @"x-buffer"
                 (call $get_buffer (i32.const 5) (i32.const 0) (i32.const -1) (i32.const 16) (i32.const 20)))
               (call $set_num (i32.const 0) @"x-buffer-length" (call $out_len))
               (call $set_num (i32.const 0) @"x-code-status" (call $status (i32.const 24) (i32.const 16) (i32.const 20)))
               (call $set_num (i32.const 0) @"x-code" (i32.load (i32.const 24)))"#,
        );
    let (answer, _server, _plugin) = through("grpc-outside", &guest).await;
    for (name, value) in [
        ("x-status", "2"),
        ("x-trailer", "2"),
        ("x-pairs", "0"),
        ("x-pairs-length", "0"),
        ("x-write", "2"),
        ("x-buffer", "0"),
        ("x-buffer-length", "0"),
        ("x-code-status", "0"),
        ("x-code", "0"),
    ] {
        assert_eq!(answer.seen(name), value, "{name}");
    }
}
