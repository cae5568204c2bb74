//! A module, checked to be a Proxy-Wasm plugin, compiled and linked: everything that its VMs have in common.

use std::sync::Arc;

use wasmtime::{Engine, ExternType, FuncType, InstancePre, Module, ValType};

use super::cache::{Cache, Sha};
use super::host::Host;
use super::linking::Linking;
use crate::abi::AbiVersion;
use crate::error::{Error, Kind};
use crate::limits;
use crate::policy::Phase;
use crate::stream::{Callback, Direction};

/// See the module's text.
pub(crate) struct Compiled {
    pub(super) pre: InstancePre<Host>,
    pub(super) abi: AbiVersion,
    /// The allocator's export.
    pub(super) allocator: &'static str,
    pub(crate) callbacks: Callbacks,
    /// Of the code as it was given.
    pub(crate) sha256: Sha,
    /// The memory that an instance begins with, in bytes.
    pub(crate) initial_memory: u64,
    /// The imports that this host does not have.
    stubs: Vec<String>,
    /// Whether it can read properties at all.
    pub(crate) reads_properties: bool,
    /// Whether it can ask that a route is chosen anew.
    pub(crate) clears_route: bool,
}

/// Which HTTP callbacks a module exports.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Callbacks {
    pub(crate) request_headers: bool,
    pub(crate) request_body: bool,
    pub(crate) request_trailers: bool,
    pub(crate) response_headers: bool,
    pub(crate) response_body: bool,
    pub(crate) response_trailers: bool,
    pub(crate) log: bool,
    pub(crate) done: bool,
}

impl Callbacks {
    /// Whether the module exports this one.
    pub(super) const fn has(self, callback: Callback) -> bool {
        use Direction::{Request, Response};
        match callback {
            Callback::Headers(Request, _) => self.request_headers,
            Callback::Body(Request, _) => self.request_body,
            Callback::Trailers(Request) => self.request_trailers,
            Callback::Headers(Response, _) => self.response_headers,
            Callback::Body(Response, _) => self.response_body,
            Callback::Trailers(Response) => self.response_trailers,
            Callback::Log => self.log,
            Callback::Done => self.done,
            Callback::Create | Callback::Delete => true,
        }
    }
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiled")
            .field("abi", &self.abi)
            .field("callbacks", &self.callbacks)
            .finish_non_exhaustive()
    }
}

impl Compiled {
    /// Checks, compiles (or takes from the cache) and links a module.
    pub(crate) fn new(
        engine: &Engine,
        linking: &Linking,
        cache: Option<&Cache>,
        plugin: &str,
        hash: &Sha,
        wasm: &[u8],
    ) -> Result<Arc<Self>, Error> {
        check_magic(plugin, wasm)?;
        let module = compile(engine, cache, plugin, hash, wasm)?;
        let abi = abi_version(plugin, &module)?;
        check_signatures(plugin, &module, abi)?;
        let allocator = allocator(plugin, &module)?;
        let initial_memory = initial_memory(plugin, &module)?;
        let (pre, stubs) = linking.link(plugin, &module)?;
        let imports = |names: &[&str]| {
            module
                .imports()
                .any(|import| names.contains(&import.name()))
        };
        let has = |name| matches!(module.get_export(name), Some(ExternType::Func(_)));
        Ok(Arc::new(Self {
            pre,
            abi,
            allocator,
            callbacks: Callbacks {
                request_headers: has("proxy_on_request_headers"),
                request_body: has("proxy_on_request_body"),
                request_trailers: has("proxy_on_request_trailers"),
                response_headers: has("proxy_on_response_headers"),
                response_body: has("proxy_on_response_body"),
                response_trailers: has("proxy_on_response_trailers"),
                log: has("proxy_on_log"),
                done: has("proxy_on_done"),
            },
            sha256: *hash,
            initial_memory,
            stubs,
            reads_properties: imports(&["proxy_get_property"]),
            clears_route: imports(&["proxy_clear_route_cache", "proxy_call_foreign_function"]),
        }))
    }
}

/// Tells apart what is often given instead of a module, before the compiler does it in its own words.
fn check_magic(plugin: &str, wasm: &[u8]) -> Result<(), Error> {
    let fault = |what: &str, cure: &str| Err(Error::new(Kind::Module, plugin, what, cure));
    match wasm {
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Ok(()),
        [0, b'a', b's', b'm', _, 0, 1, 0, ..] => fault(
            "this is a WebAssembly component, not a core module",
            "build for the target wasm32-wasip1 (not wasip2), as Proxy-Wasm needs it",
        ),
        [0, b'a', b's', b'm', ..] => fault(
            "this is WebAssembly of an unknown version, or cut off",
            "build it again for the target wasm32-wasip1",
        ),
        [] => fault("the file is empty", "build the plugin again"),
        [b'(', ..] => fault(
            "this looks like WebAssembly text",
            "translate it to a binary module first, with wat2wasm for example",
        ),
        [0x1f, 0x8b, ..] => fault(
            "this is a gzip file",
            "unpack it and name the .wasm file inside",
        ),
        _ => fault(
            "this is not WebAssembly: it does not begin with `\\0asm`",
            "name the .wasm file that the build of the plugin wrote, for example target/wasm32-wasip1/release/NAME.wasm",
        ),
    }
}

fn compile(
    engine: &Engine,
    cache: Option<&Cache>,
    plugin: &str,
    hash: &Sha,
    wasm: &[u8],
) -> Result<Module, Error> {
    if let Some(module) = cache.and_then(|cache| cache.get(engine, hash)) {
        return Ok(module);
    }
    let started = std::time::Instant::now();
    let module = Module::new(engine, wasm).map_err(|error| {
        Error::new(
            Kind::Module,
            plugin,
            format!("the module is invalid or cut off: {}", root_cause(&error)),
            "copy or build it again; it must be a core module without threads, 64-bit memory or garbage collection",
        )
        .with_source(error)
    })?;
    tracing::debug!(target: "loom::load", plugin, bytes = wasm.len(), elapsed = ?started.elapsed(), "compiled");
    if let Some(cache) = cache {
        cache.put(engine, hash, &module);
    }
    Ok(module)
}

/// The innermost text of an error.
pub(super) fn root_cause(error: &wasmtime::Error) -> String {
    error.root_cause().to_string()
}

fn abi_version(plugin: &str, module: &Module) -> Result<AbiVersion, Error> {
    let mut unknown = None;
    for export in module.exports() {
        let name = export.name();
        if !name.starts_with(AbiVersion::MARKER) || !matches!(export.ty(), ExternType::Func(_)) {
            continue;
        }
        match AbiVersion::from_marker(name) {
            Some(version) => return Ok(version),
            None => unknown = Some(name.to_owned()),
        }
    }
    Err(match unknown {
        Some(marker) => Error::new(
            Kind::Abi,
            plugin,
            format!(
                "the module speaks a version of Proxy-Wasm that is not supported: it exports `{marker}`"
            ),
            "supported are 0.1.0, 0.2.0 and 0.2.1: build it with an SDK for one of them",
        ),
        None => Error::new(
            Kind::Abi,
            plugin,
            "the module is not a Proxy-Wasm plugin: it exports no function `proxy_abi_version_0_2_1` (nor 0_2_0, 0_1_0)",
            "use a Proxy-Wasm SDK and export its entry point; a Rust plugin is a `cdylib` that calls `proxy_wasm::main!`",
        ),
    })
}

fn allocator(plugin: &str, module: &Module) -> Result<&'static str, Error> {
    // The ABI's order; TinyGo exports both, and its own malloc is not meant for hosts.
    for name in ["proxy_on_memory_allocate", "malloc"] {
        if let Some(ExternType::Func(ty)) = module.get_export(name)
            && is(&ty, &[I], &[I])
        {
            return Ok(name);
        }
    }
    Err(Error::new(
        Kind::Abi,
        plugin,
        "the module exports no allocator: neither `proxy_on_memory_allocate` nor `malloc` with one i32 and an i32 result",
        "export one, as every Proxy-Wasm SDK does",
    ))
}

fn initial_memory(plugin: &str, module: &Module) -> Result<u64, Error> {
    match module.get_export("memory") {
        Some(ExternType::Memory(memory)) => Ok(memory.minimum().saturating_mul(memory.page_size())),
        _ => Err(Error::new(
            Kind::Abi,
            plugin,
            "the module exports no memory named `memory`",
            "export its memory under that name",
        )),
    }
}

/// A letter for the only value type that callbacks use.
const I: ValType = ValType::I32;

/// The callbacks that this host makes, with parameters and results as numbers of i32.
const SIGNATURES: &[(&str, usize, usize)] = &[
    ("_initialize", 0, 0),
    ("_start", 0, 0),
    ("proxy_on_context_create", 2, 0),
    ("proxy_on_vm_start", 2, 1),
    ("proxy_on_configure", 2, 1),
    ("proxy_on_request_body", 3, 1),
    ("proxy_on_request_trailers", 2, 1),
    ("proxy_on_response_body", 3, 1),
    ("proxy_on_response_trailers", 2, 1),
    ("proxy_on_http_call_response", 5, 0),
    ("proxy_on_grpc_receive_initial_metadata", 3, 0),
    ("proxy_on_grpc_receive", 3, 0),
    ("proxy_on_grpc_receive_trailing_metadata", 3, 0),
    ("proxy_on_grpc_close", 3, 0),
    ("proxy_on_done", 1, 1),
    ("proxy_on_log", 1, 0),
    ("proxy_on_delete", 1, 0),
    ("proxy_on_tick", 1, 0),
    ("proxy_on_queue_ready", 2, 0),
];

fn check_signatures(plugin: &str, module: &Module, abi: AbiVersion) -> Result<(), Error> {
    let headers = if abi == AbiVersion::V0_1_0 { 2 } else { 3 };
    let by_version = [
        ("proxy_on_request_headers", headers, 1),
        ("proxy_on_response_headers", headers, 1),
    ];
    for &(name, params, results) in SIGNATURES.iter().chain(&by_version) {
        let Some(export) = module.get_export(name) else {
            continue;
        };
        let fits =
            matches!(&export, ExternType::Func(ty) if is(ty, &vec![I; params], &vec![I; results]));
        if !fits {
            return Err(Error::new(
                Kind::Abi,
                plugin,
                format!(
                    "the export `{name}` has the wrong type for Proxy-Wasm {abi}: it must be a function of {params} i32 with {results} result(s)"
                ),
                "build the plugin with an SDK whose ABI version is the one that the module exports",
            ));
        }
    }
    Ok(())
}

fn is(ty: &FuncType, params: &[ValType], results: &[ValType]) -> bool {
    let same = |actual: Vec<ValType>, wanted: &[ValType]| {
        actual.len() == wanted.len() && actual.iter().zip(wanted).all(|(a, b)| ValType::eq(a, b))
    };
    same(ty.params().collect(), params) && same(ty.results().collect(), results)
}

/// Refuses a module whose memory does not fit under the plugin's limit.
pub(crate) fn check_memory(plugin: &str, compiled: &Compiled, limit: u64) -> Result<(), Error> {
    if limit < limits::MEMORY_MIN {
        return Err(Error::new(
            Kind::Memory,
            plugin,
            format!("a memory limit of {limit} bytes is less than one page of WebAssembly"),
            format!(
                "set `memory_limit` to at least {} bytes",
                limits::MEMORY_MIN
            ),
        ));
    }
    if compiled.initial_memory > limit {
        return Err(Error::new(
            Kind::Memory,
            plugin,
            format!(
                "the module begins with {} bytes of memory, and its limit is {limit} bytes",
                compiled.initial_memory
            ),
            format!(
                "raise `memory_limit` to more than {} bytes",
                compiled.initial_memory
            ),
        ));
    }
    Ok(())
}

/// Says which imports of a module this host does not have, or refuses it for them.
pub(crate) fn check_imports(plugin: &str, compiled: &Compiled, strict: bool) -> Result<(), Error> {
    if compiled.stubs.is_empty() {
        return Ok(());
    }
    let functions = compiled.stubs.join(", ");
    if strict {
        return Err(Error::new(
            Kind::Abi,
            plugin,
            format!("the module imports functions that this host does not have: {functions}"),
            "build it without them, or set `strict_imports` to false: they then answer UNIMPLEMENTED",
        ));
    }
    tracing::warn!(target: "loom::load", plugin, functions, "imports that this host does not have answer UNIMPLEMENTED");
    Ok(())
}

/// Says which callbacks of a module are never made because of the plugin's phase.
pub(crate) fn tell_ruled_out(plugin: &str, compiled: &Compiled, phase: Phase) {
    let is_ruled_out = |callback: &Callback| {
        compiled.callbacks.has(*callback) && callback.phase().is_some_and(|of| of < phase)
    };
    let callbacks: Vec<_> = Callback::IN_PHASES
        .into_iter()
        .filter(is_ruled_out)
        .map(Callback::name)
        .collect();
    if !callbacks.is_empty() {
        let callbacks = callbacks.join(", ");
        tracing::info!(target: "loom::load", plugin, phase = phase.name(), callbacks, "callbacks that the plugin has are not made, since its phase begins later");
    }
}
