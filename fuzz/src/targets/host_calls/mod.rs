//! Host calls with any arguments, from a module that runs in wasmtime.
//!
//! The first byte of an input says what the exchange looks like; the rest is the program of the guest.

mod exchange;
mod guest;
mod imports;

pub use self::imports::{IMPORTS, Import};

use std::cell::RefCell;
use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use loom_layer::{CalloutBody, CompileCache, FailurePolicy, LogLevel, LoomPlugin, LoomRuntime};
use tokio::runtime::{Builder, Runtime};
use tower::service_fn;

use super::Target;

pub(super) const TARGET: Target = Target {
    name: "host-calls",
    about: "every host call with any arguments in any callback, in wasmtime",
    run,
    seeds,
    words: &[],
    longest: guest::LONGEST,
    short_run: 10_000,
};

/// How many inputs a VM gets, and what plugins share with it: what one input leaves there, others meet.
const INPUTS: usize = 4096;

/// How often it is looked whether contexts are left.
const LOOKS: usize = 256;

/// How often that is done again, a millisecond later, before they count as left: the background ends some.
const PATIENCE: usize = 5000;

thread_local! {
    static HOST: RefCell<Option<Host>> = const { RefCell::new(None) };
}

/// Lets the guest do what the bytes say. No VM fails, and no context is left.
///
/// # Panics
///
/// When that does not hold.
pub fn run(data: &[u8]) {
    HOST.with_borrow_mut(|kept| {
        // Taken out: after a panic, nobody uses it again.
        let mut host = match kept.take() {
            Some(host) if host.inputs < INPUTS => host,
            _ => Host::start(),
        };
        host.inputs += 1;
        host.run(data);
        *kept = Some(host);
    });
}

/// A plugin, and the runtimes that it needs.
struct Host {
    inputs: usize,
    tokio: Runtime,
    loom: LoomRuntime,
    plugins: [LoomPlugin; 2],
}

impl Host {
    fn start() -> Self {
        let tokio = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a thread's own runtime");
        let loom = LoomRuntime::builder()
            .compile_cache(CompileCache::Off)
            .build()
            .expect("a runtime");
        let plugins =
            [FailurePolicy::Closed, FailurePolicy::Open].map(|policy| plugin(&loom, policy));
        Self {
            inputs: 0,
            tokio,
            loom,
            plugins,
        }
    }

    fn run(&self, data: &[u8]) {
        let (shape, program) = data.split_first().unwrap_or((&0, &[]));
        let plugin = self.plugins[usize::from(shape >> 7)].clone();
        self.tokio
            .block_on(exchange::run(plugin, exchange::Shape(*shape), program));
        for vm in self.loom.vm_stats() {
            let failures = (vm.traps, vm.deadlines, vm.out_of_memory);
            assert_eq!(failures, (0, 0, 0), "the VM failed: {vm:?}");
        }
        if self.inputs.is_multiple_of(LOOKS) {
            self.plugins.iter().for_each(|plugin| self.is_clean(plugin));
        }
    }

    /// A request that asks for nothing has the only stream that is alive.
    fn is_clean(&self, plugin: &LoomPlugin) {
        let ask = || exchange::run(plugin.clone(), exchange::Shape(0), &[]);
        for _ in 0..PATIENCE {
            let alive = self.tokio.block_on(ask());
            if alive.is_some_and(|alive| alive == "1") {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("contexts are left");
    }
}

fn plugin(loom: &LoomRuntime, policy: FailurePolicy) -> LoomPlugin {
    let peer = service_fn(|_: Request<CalloutBody>| async {
        let answer = Full::new(Bytes::from_static(b"\0\0\0\0\x03abc"));
        Ok::<_, Infallible>(Response::new(answer))
    });
    LoomPlugin::builder(format!("fuzz-{policy:?}"))
        .bytes(guest::wasm())
        .runtime(loom)
        .instances(1)
        .failure_policy(policy)
        .memory_limit(1 << 20)
        // Only a call that hangs takes so long.
        .timeout(Duration::from_secs(10))
        .log_level(LogLevel::Error)
        .upstream_service("peer", peer)
        .build()
        .expect("the guest loads")
}

/// Each function once, with arguments that are likely to lead somewhere, in each place of a program.
fn seeds() -> Vec<Vec<u8>> {
    let mut random = fastrand::Rng::with_seed(1);
    let mut all = vec![Vec::new()];
    for number in 0..IMPORTS.len() {
        for callback in 0..8 {
            let shape = random.u8(..);
            let mut program = vec![shape];
            program.extend(std::iter::repeat_n(0, callback));
            for _ in 0..3 {
                program.push(1 + 2 * random.u8(0..2));
                program.push(u8::try_from(number).unwrap_or_default());
                program.extend((0..10).map(|_| random.u8(0..224)));
            }
            all.push(program);
        }
    }
    all
}
