//! Subscribers of `tracing` that are slow, or panic: whatever they do, no plugin's VM and no stream is held or lost.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use loom_layer::{FailurePolicy, LoomChain};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, with_default};
use tracing::{Event, Metadata, Subscriber};

use super::support::{Answer, Guest, eventually, get, healed, load, plugin, send};

/// A subscriber that does something of its own whenever a plugin speaks.
struct Misbehaving {
    on_enabled: Box<dyn Fn() + Send + Sync>,
    on_event: Box<dyn Fn() + Send + Sync>,
}

impl Misbehaving {
    fn on_event(does: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            on_enabled: Box::new(|| ()),
            on_event: Box::new(does),
        }
    }

    fn on_enabled(does: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            on_enabled: Box::new(does),
            on_event: Box::new(|| ()),
        }
    }

    /// Sends a request on a thread that has this subscriber.
    fn listens(
        self,
        plugins: impl Into<LoomChain> + Send + 'static,
        headers: &'static [(&str, &str)],
    ) -> std::thread::JoinHandle<Answer> {
        std::thread::spawn(move || {
            let tokio = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            with_default(self, || tokio.block_on(send(plugins, get(headers))))
        })
    }
}

impl Subscriber for Misbehaving {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        if metadata.target() == "loom::plugin" {
            (self.on_enabled)();
        }
        metadata.target().starts_with("loom")
    }

    fn event(&self, event: &Event<'_>) {
        if event.metadata().target().starts_with("loom::") {
            (self.on_event)();
        }
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn speaking() -> Guest {
    Guest::new()
        .item("(global $held (mut i32) (i32.const 0))")
        .on(
            "proxy_on_request_headers",
            r#"(if (call $has (i32.const 0) @"x-trap") (then unreachable))
               (if (call $has (i32.const 0) @"x-reach")
                 (then
                   (drop (call $set_context (global.get $held)))
                   (local.set $i (call $add (i32.const 0) @"x-reached" @"1"))
                   (drop (call $continue (i32.const 0)))
                   (drop (call $set_context (local.get $id)))
                   (call $set_num (i32.const 0) @"x-status" (local.get $i))
                   (return (i32.const 0))))
               (call $say @"a word")
               (if (call $has (i32.const 0) @"x-hold")
                 (then (global.set $held (local.get $id)) (return (i32.const 1))))
               (i32.const 0)"#,
        )
}

#[tokio::test]
async fn a_panic_about_a_line_is_nobodys_failure() {
    let plugin = load("subscriber-panics", &speaking());
    let panics = || Misbehaving::on_event(|| panic!("a test's subscriber"));
    let answer = panics().listens(plugin.clone(), &[]).join().unwrap();
    assert_eq!((answer.status.as_u16(), plugin.instances()), (200, 1));
    // The line about the failure panics too, and the VM is built anew all the same.
    let answer = panics().listens(plugin.clone(), &[("x-trap", "1")]).join();
    assert_eq!(answer.unwrap().status, 503);
    healed(&plugin).await;
}

#[tokio::test]
async fn a_slow_line_holds_neither_the_vm_nor_its_own_stream() {
    let plugin = load("subscriber-waits", &speaking());
    let (speaks, spoke): (SyncSender<()>, Receiver<()>) = sync_channel(1);
    let (go, goes) = sync_channel::<()>(1);
    let goes = Mutex::new(goes);
    let waits = Misbehaving::on_event(move || {
        speaks.send(()).unwrap();
        goes.lock().unwrap().recv().unwrap();
    });
    let held = waits.listens(plugin.clone(), &[("x-hold", "1")]);
    spoke.recv().unwrap();
    let reaches = send(plugin, get(&[("x-reach", "1")]));
    let reaching = tokio::time::timeout(Duration::from_secs(20), reaches).await;
    let reaching = reaching.expect("the VM is free");
    assert_eq!(reaching.seen("x-status"), "0", "the stream is free");
    go.send(()).unwrap();
    assert_eq!(held.join().unwrap().seen("x-reached"), "1");
}

/// Whether a line is wanted has to be asked inside of the host call.
#[tokio::test]
async fn a_panic_inside_of_a_host_call_is_a_failure_like_others() {
    for (policy, status) in [(FailurePolicy::Closed, 503), (FailurePolicy::Open, 200)] {
        let name = format!("host-panics-{policy:?}");
        let [outer, inner] =
            ["outer", "inner"].map(|at| load(&format!("{name}-{at}"), &Guest::counting()));
        let failing = plugin(&name, &speaking()).failure_policy(policy).build();
        let failing = failing.unwrap();
        let chain = LoomChain::new([outer.clone(), failing.clone(), inner.clone()]);
        let panics = Misbehaving::on_enabled(|| panic!("a test's subscriber"));
        let answer = panics.listens(chain, &[]).join().unwrap();
        assert_eq!(answer.status, status, "{name}");
        assert_eq!(answer.seen.is_some(), status == 200, "{name}");
        healed(&failing).await;
        eventually("a VM is there", || failing.instances() == 1).await;
        for around in [outer, inner] {
            let answer = send(around, get(&[])).await;
            assert_eq!(answer.seen("x-alive"), "1", "nothing is left of the others");
        }
    }
}
