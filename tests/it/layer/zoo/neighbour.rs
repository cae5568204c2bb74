//! A plugin of another route, in the same runtime, that is served all the while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::super::support::{Guest, get, logs, send};
use super::animal::runtime;
use loom_layer::LoomPlugin;

/// See the module's text.
pub(super) struct Neighbour {
    stop: Arc<AtomicBool>,
    serving: JoinHandle<usize>,
}

impl Neighbour {
    /// Sends one request after the other from now on. Each has to be served, and before long.
    pub(super) fn start(of: &str) -> Self {
        logs::listen();
        let plugin = LoomPlugin::builder(format!("zoo-{of}-neighbour"))
            .bytes(Guest::counting().wasm())
            .runtime(runtime())
            .instances(1)
            .build()
            .unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let serving = tokio::spawn({
            let stop = Arc::clone(&stop);
            async move {
                let mut served = 0;
                while !stop.load(Ordering::Relaxed) || served == 0 {
                    let begun = Instant::now();
                    let answer = send(plugin.clone(), get(&[])).await;
                    assert_eq!((answer.status.as_u16(), answer.seen("x-alive")), (200, "1"));
                    // Only a fault waits so long, however busy the machine is.
                    assert!(begun.elapsed() < Duration::from_secs(20));
                    served += 1;
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                assert_eq!(plugin.instances(), 1);
                served
            }
        });
        Self { stop, serving }
    }

    /// Stops, and holds that all requests were served.
    pub(super) async fn was_served(self) {
        self.stop.store(true, Ordering::Relaxed);
        let served = self.serving.await.expect("every request is served");
        assert!(served > 0);
    }
}
