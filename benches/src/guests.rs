//! The plugins that are measured.

use std::path::PathBuf;
use std::sync::{LazyLock, OnceLock};

use loom_layer::{CompileCache, LoomPlugin, LoomRuntime};

/// The runtime of all benchmarks but those of loading. It keeps nothing on the disk.
pub fn runtime() -> &'static LoomRuntime {
    static RUNTIME: LazyLock<LoomRuntime> = LazyLock::new(|| {
        let builder = LoomRuntime::builder().compile_cache(CompileCache::Off);
        builder.build().expect("a runtime")
    });
    &RUNTIME
}

/// The guide's plugin, which adds a header to the request and one to the response; built from its source once per process.
#[must_use]
pub fn header_plugin() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = || xtask::plugins::plugin(xtask::root(), "add-header").expect("it builds");
    BUILT.get_or_init(build).clone()
}

/// A module of `benches/guests`.
#[derive(Debug, Clone)]
pub struct Guest {
    name: &'static str,
    text: String,
}

impl Guest {
    /// Without callbacks.
    #[must_use]
    pub fn nothing() -> Self {
        Self::of("nothing", include_str!("../guests/nothing.wat"))
    }

    /// Reads both bodies.
    #[must_use]
    pub fn read_body() -> Self {
        Self::of("read-body", include_str!("../guests/read-body.wat"))
    }

    /// Replaces a request's body.
    #[must_use]
    pub fn rewrite_body() -> Self {
        Self::of("rewrite-body", include_str!("../guests/rewrite-body.wat"))
    }

    /// Answers every request itself.
    #[must_use]
    pub fn reply() -> Self {
        Self::of("reply", include_str!("../guests/reply.wat"))
    }

    /// Makes a host call so many times for each request: see the text of the module.
    #[must_use]
    pub fn host_call(rounds: u32, preparation: &str, call: &str) -> Self {
        let text = include_str!("../guests/host-call.wat");
        let (comment, module) = text.split_once("(module").expect("a module");
        let module = module
            .replace("ROUNDS", &rounds.to_string())
            .replace("PREPARATION", preparation)
            .replace("CALL", call);
        Self::of("host-call", &format!("{comment}(module{module}"))
    }

    fn of(name: &'static str, text: &str) -> Self {
        Self {
            name,
            text: text.to_owned(),
        }
    }

    /// The module as a plugin with one VM.
    #[must_use]
    pub fn load(&self) -> LoomPlugin {
        self.load_with_instances(1)
    }

    /// The module as a plugin with so many VMs.
    #[must_use]
    pub fn load_with_instances(&self, instances: usize) -> LoomPlugin {
        let wasm = wat::parse_str(&self.text)
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", self.name, self.text));
        LoomPlugin::builder(self.name)
            .bytes(wasm)
            .runtime(runtime())
            .instances(instances)
            .build()
            .expect("a plugin")
    }
}
