//! What the tests of the layer have in common.

pub(super) mod exchange;
pub(super) mod guest;
pub(super) mod logs;

use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use loom_layer::{CompileCache, LoomPlugin, LoomPluginBuilder, LoomRuntime};

pub(super) use exchange::{Answer, get, send, send_for_ever, send_to};
pub(crate) use guest::Guest;

/// Longer than anything here takes on a busy machine: only a fault waits so long.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A runtime for tests that do not test runtimes. It keeps nothing on the disk.
pub(super) fn runtime() -> &'static LoomRuntime {
    static RUNTIME: LazyLock<LoomRuntime> = LazyLock::new(|| {
        LoomRuntime::builder()
            .compile_cache(CompileCache::Off)
            .build()
            .expect("a runtime")
    });
    &RUNTIME
}

/// A plugin with one VM. Its name keeps it and its log lines apart from those of other tests.
pub(super) fn plugin(name: &str, guest: &Guest) -> LoomPluginBuilder {
    logs::listen();
    LoomPlugin::builder(name)
        .bytes(guest.wasm())
        .runtime(runtime())
        .instances(1)
}

/// As [`plugin`], with nothing more to set.
pub(super) fn load(name: &str, guest: &Guest) -> LoomPlugin {
    plugin(name, guest).build().expect("a plugin")
}

/// Waits until something holds.
pub(super) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Waits until a request is answered with 200 again.
pub(super) async fn healed(plugin: &LoomPlugin) {
    let begun = Instant::now();
    while send(plugin.clone(), get(&[])).await.status != http::StatusCode::OK {
        assert!(begun.elapsed() < PATIENCE, "no VM was built anew");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Polls once, for a task that nobody wakes.
pub(super) fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}
