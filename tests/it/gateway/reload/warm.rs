//! What is ready when a reload has taken place.

use serde_json::Value;

use super::super::support::{Raw, start, within};
use super::config;

/// Its start computes for a while.
const SLOW: &str = r#"(module
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (local $left i32)
    (local.set $left (i32.const 50000000))
    (loop $more
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $more (local.get $left)))
    (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0)))"#;

#[tokio::test(flavor = "multi_thread")]
async fn all_vms_of_a_new_plugin_are_started() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("slow.wasm");
    std::fs::write(&path, wat::parse_str(SLOW).expect("valid")).expect("written");
    let gateway = start("admin: {address: '127.0.0.1:0'}\nroutes: []").await;
    let admin = gateway.admin_address().expect("an admin listener");
    let yaml = format!(
        "admin: {{address: '127.0.0.1:0'}}
plugins: [{{name: slow, path: '{}', instances: 6}}]
routes: [{{id: all, path: '/*', plugins: [slow], respond: 200}}]",
        path.display()
    );
    within(gateway.reload(config(&yaml)))
        .await
        .expect("a valid one");
    let request = "GET /plugins HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let answer = Raw::exchange(admin, request).await;
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    let plugins: Value = serde_json::from_str(body).expect("JSON");
    let vm = &plugins["vms"][0];
    assert_eq!((&vm["instances"], &vm["healthy"]), (&6.into(), &6.into()));
}
