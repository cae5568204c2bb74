//! Plugins that serve no requests.

use loom_layer::LoomPluginBuilder;

use super::support::{Guest, eventually, logs, plugin};

/// Says that it starts, ticks and ends.
fn ticking(name: &str) -> LoomPluginBuilder {
    let guest = Guest::new()
        .import(
            "env",
            "proxy_set_tick_period_milliseconds",
            "(func $set_tick (param i32) (result i32))",
        )
        .on(
            "proxy_on_configure",
            r#"(call $say @"starts") (drop (call $set_tick (i32.const 10))) (i32.const 1)"#,
        )
        .item(r#"(func (export "proxy_on_tick") (param i32) (call $say @"ticks"))"#)
        .on("proxy_on_done", r#"(call $say @"ends") (i32.const 1)"#);
    plugin(name, &guest)
}

#[tokio::test]
async fn it_runs_in_one_vm_until_it_is_dropped() {
    let name = "service-runs";
    let service = ticking(name).build_service_async().await.unwrap();
    assert_eq!((service.name(), service.is_running()), (name, true));
    let count = |word: &str| logs::said(name).iter().filter(|line| *line == word).count();
    eventually("it ticks on", || count("ticks") >= 5).await;
    assert_eq!(count("starts"), 1);
    drop(service);
    eventually("it ends", || count("ends") == 1).await;
}

#[test]
fn more_than_one_instance_is_refused() {
    let error = ticking("service-two").instances(2).build_service();
    assert_eq!(
        error.unwrap_err().to_string(),
        "plugin `service-two`: it is a service, which has one VM, and `instances` asks for more; leave `instances` out"
    );
}
