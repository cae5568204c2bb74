//! Everything that can be set about a plugin.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::source::{Source, check_digest};
use super::thread::off_thread;
use super::{LoomPlugin, PluginService};
#[cfg(feature = "tls")]
use crate::callout::UpstreamTls;
use crate::callout::{CalloutBody, Upstream, Upstreams};
use crate::error::{BoxError, Error, Kind};
use crate::limits;
use crate::log::LogLevel;
use crate::policy::{BodyMode, FailurePolicy, HeaderValues, Phase};
use crate::runtime::LoomRuntime;
use crate::stream::Terms;
use crate::vm::{Attached, PluginSpec, Root, VmSpec, check_imports, check_memory, tell_ruled_out};

/// Makes a [`LoomPlugin`].
///
/// ```no_run
/// use std::time::Duration;
/// use loom_layer::{FailurePolicy, LoomPlugin};
///
/// let plugin = LoomPlugin::builder("rate-limit")
///     .file("rate_limit.wasm")
///     .config(r#"{"requests_per_second": 100}"#)
///     .memory_limit(16_000_000)
///     .timeout(Duration::from_millis(50))
///     .failure_policy(FailurePolicy::Open)
///     .build()?;
/// # Ok::<(), loom_layer::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct LoomPluginBuilder {
    name: String,
    source: Option<Source>,
    sha256: Option<[u8; 32]>,
    config: Bytes,
    root_id: String,
    vm_id: Option<String>,
    vm_config: Bytes,
    memory_limit: u64,
    timeout: Duration,
    start_timeout: Duration,
    pause_timeout: Duration,
    log_level: Option<LogLevel>,
    terms: Terms,
    phase: Phase,
    environment: BTreeMap<String, String>,
    strict_imports: bool,
    instances: Option<usize>,
    upstreams: Upstreams,
    bad_upstream: Option<String>,
    runtime: Option<LoomRuntime>,
}

impl LoomPluginBuilder {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            source: None,
            sha256: None,
            config: Bytes::new(),
            root_id: String::new(),
            vm_id: None,
            vm_config: Bytes::new(),
            memory_limit: limits::MEMORY,
            timeout: limits::CALL_TIMEOUT,
            start_timeout: limits::START_TIMEOUT,
            pause_timeout: limits::PAUSE_TIMEOUT,
            log_level: None,
            terms: Terms {
                failure_policy: FailurePolicy::default(),
                body_while_headers_wait: false,
                body_before_inner: false,
                max_buffered_body: limits::BUFFERED_BODY,
                header_values: HeaderValues::default(),
            },
            phase: Phase::default(),
            environment: BTreeMap::new(),
            strict_imports: false,
            instances: None,
            upstreams: Upstreams::default(),
            bad_upstream: None,
            runtime: None,
        }
    }

    pub(super) fn of_file(path: &Path) -> Self {
        let name = path
            .file_stem()
            .map_or_else(|| "plugin".into(), |stem| stem.to_string_lossy());
        Self::new(name.into_owned()).file(path)
    }

    /// The `.wasm` file.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.source = Some(Source::File(path.into()));
        self
    }

    /// The bytes of the `.wasm` file, instead of [`file`](Self::file).
    pub fn bytes(mut self, wasm: impl Into<Bytes>) -> Self {
        self.source = Some(Source::Bytes(wasm.into()));
        self
    }

    /// The SHA-256 that the `.wasm` file has to have; any by default. Nothing of another one runs.
    pub fn sha256(mut self, digest: [u8; 32]) -> Self {
        self.sha256 = Some(digest);
        self
    }

    /// What the plugin reads in `proxy_on_configure`; nothing by default.
    pub fn config(mut self, config: impl Into<Bytes>) -> Self {
        self.config = config.into();
        self
    }

    /// The property `plugin_root_id`, by which modules with several plugins tell which one is meant; empty by default.
    pub fn root_id(mut self, root_id: impl Into<String>) -> Self {
        self.root_id = root_id.into();
        self
    }

    /// Plugins with the same `vm_id`, code and limits share their VMs; the plugin's name by default.
    pub fn vm_id(mut self, vm_id: impl Into<String>) -> Self {
        self.vm_id = Some(vm_id.into());
        self
    }

    /// What the plugin reads in `proxy_on_vm_start`; nothing by default.
    pub fn vm_config(mut self, config: impl Into<Bytes>) -> Self {
        self.vm_config = config.into();
        self
    }

    /// The most linear memory of one VM, in bytes; 256 MiB by default. Growing beyond it fails inside the plugin.
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.memory_limit = bytes;
        self
    }

    /// The most CPU time of one call into the plugin; 100 ms by default, with a resolution of some 5 ms. By the clock on
    /// the wall a call may take ten times as long, since a thread that is not scheduled is not at fault.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The most CPU time of a start function, of `proxy_on_vm_start` and of `proxy_on_configure`, each; 10 s by default.
    pub fn start_timeout(mut self, timeout: Duration) -> Self {
        self.start_timeout = timeout;
        self
    }

    /// How long the plugin may hold a stream with `Pause` before the client is answered with 504, and its own end with a
    /// `proxy_on_done` that answers false; 60 s by default.
    pub fn pause_timeout(mut self, timeout: Duration) -> Self {
        self.pause_timeout = timeout;
        self
    }

    /// The level from which the plugin's log lines are passed on; by default what `tracing`'s subscriber lets through for
    /// the target `loom::plugin`.
    pub fn log_level(mut self, level: LogLevel) -> Self {
        self.log_level = Some(level);
        self
    }

    /// What happens to a stream when the plugin fails; [`FailurePolicy::Closed`] by default.
    pub fn failure_policy(mut self, policy: FailurePolicy) -> Self {
        self.terms.failure_policy = policy;
        self
    }

    /// What `Pause` in a headers callback holds. By default everything, as in Envoy: the plugin gets the body only once the
    /// headers went on. With `true` the headers alone: the plugin gets the body meanwhile, and `Continue` in a body callback
    /// lets the headers go, so that a plugin can look at the body before it decides on the headers (Envoy's option of the
    /// same name).
    pub fn allow_on_headers_stop_iteration(mut self, allow: bool) -> Self {
        self.terms.body_while_headers_wait = allow;
        self
    }

    /// When the inner service gets a request with a body that the plugin looks at; [`BodyMode::Streaming`] by default.
    pub fn request_body(mut self, mode: BodyMode) -> Self {
        self.terms.body_before_inner = mode == BodyMode::BeforeInner;
        self
    }

    /// The most bytes of a body that the plugin may hold back with `Pause`, in each direction; 1 MiB by default. Beyond it
    /// the request is answered with 413 (a request's body) or 500 (a response's body), or cut when an answer is under way.
    pub fn max_buffered_body(mut self, bytes: usize) -> Self {
        self.terms.max_buffered_body = bytes;
        self
    }

    /// The first phase that the plugin takes part in; by default everything.
    pub fn phase(mut self, phase: Phase) -> Self {
        self.phase = phase;
        self
    }

    /// What becomes of header values that are not UTF-8; [`HeaderValues::Bytes`] by default.
    pub fn header_values(mut self, values: HeaderValues) -> Self {
        self.terms.header_values = values;
        self
    }

    /// An environment variable that the plugin's VM reads through WASI. Without one the environment is empty; that of the
    /// process is never shown.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// Whether a module that imports functions which this host does not have is refused, as by Envoy. By default they
    /// answer UNIMPLEMENTED, with a warning at load: many SDKs import more than a plugin uses.
    pub fn strict_imports(mut self, strict: bool) -> Self {
        self.strict_imports = strict;
        self
    }

    /// How many VMs the plugin has; by default one per available core. With 1 the plugin has one state for all requests.
    pub fn instances(mut self, instances: usize) -> Self {
        self.instances = Some(instances);
        self
    }

    /// A server that the plugin may call by this name, with `proxy_http_call`, `proxy_grpc_call` and `proxy_grpc_stream`:
    /// `https://host`, `http://host:port`, or `h2c://host:port` for one that speaks HTTP/2 only. Connections are kept and
    /// shared by all calls.
    ///
    /// HTTP calls go over HTTP/1.1, and gRPC over HTTP/2: by ALPN with `https://`, else by prior knowledge. A server with
    /// `https://` has to have a certificate for this host of an authority that the system trusts; for others there is
    /// `upstream_with_tls`. One that has none is a connection that failed, and the first time that is a warning.
    pub fn upstream(self, name: impl Into<String>, url: &str) -> Self {
        self.server(&name.into(), |name| Upstream::url(name, url))
    }

    /// As [`upstream`](Self::upstream), for an `https://` URL of a server that is not trusted by the system's authorities.
    #[cfg(feature = "tls")]
    pub fn upstream_with_tls(
        self,
        name: impl Into<String>,
        url: &str,
        tls: impl Into<UpstreamTls>,
    ) -> Self {
        let tls = tls.into();
        self.server(&name.into(), |name| Upstream::with_tls(name, url, &tls))
    }

    fn server(
        mut self,
        name: &str,
        upstream: impl FnOnce(&str) -> Result<Upstream, String>,
    ) -> Self {
        match upstream(name) {
            Ok(upstream) => self.upstreams.insert(upstream),
            Err(wrong) => self.bad_upstream = Some(format!("upstream `{name}`: {wrong}")),
        }
        self
    }

    /// A tower service that the plugin may call by this name, for what an URL cannot say. It runs on the runtime's own
    /// thread.
    ///
    /// A request has a path as its URI and the server's name in `host`. One for gRPC says so in its version:
    /// [`HTTP_2`](http::Version::HTTP_2). An error of the service is what a connection that failed is: a 503 response, or
    /// gRPC's status 14. When the plugin cancels a call, its future or its body is dropped.
    pub fn upstream_service<S, B>(mut self, name: impl Into<String>, service: S) -> Self
    where
        S: Service<Request<CalloutBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.upstreams
            .insert(Upstream::service(&name.into(), service));
        self
    }

    /// Where the upstreams are found that were not named one by one: it is asked with each call, so that what a name stands
    /// for may change while the plugin runs. It must not wait. What holds for
    /// [`upstream_service`](Self::upstream_service) holds for the services.
    ///
    /// It runs in the middle of a plugin's callback, while the plugin's VM is locked.
    pub fn upstream_lookup<S, B>(
        mut self,
        lookup: impl Fn(&str) -> Option<S> + Send + Sync + 'static,
    ) -> Self
    where
        S: Service<Request<CalloutBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.upstreams
            .look_up_others(move |name| Some(Upstream::service(name, lookup(name)?)));
        self
    }

    /// The runtime that the plugin runs in; [`LoomRuntime::global`] by default.
    pub fn runtime(mut self, runtime: &LoomRuntime) -> Self {
        self.runtime = Some(runtime.clone());
        self
    }

    /// Reads, checks, compiles, starts and configures the plugin. This blocks the calling thread: for milliseconds when the
    /// code was compiled before, for up to seconds when it was not.
    ///
    /// # Errors
    ///
    /// When any of that fails: see [`Error`].
    pub fn build(self) -> Result<LoomPlugin, Error> {
        let file = self
            .source
            .as_ref()
            .and_then(Source::file)
            .map(Path::to_path_buf);
        self.try_build()
            .map_err(|error| error.with_file(file.as_deref()))
    }

    /// As [`build`](Self::build), on a thread of its own, so that no worker thread is held up.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub async fn build_async(self) -> Result<LoomPlugin, Error> {
        let name = self.name.clone();
        off_thread(&name, || self.build()).await
    }

    /// As [`build`](Self::build), for a plugin that runs without requests: it has one VM, and is no layer.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build), and when more than one instance was asked for.
    pub fn build_service(self) -> Result<PluginService, Error> {
        self.singleton()?.build().map(PluginService::new)
    }

    /// As [`build_service`](Self::build_service), on a thread of its own.
    ///
    /// # Errors
    ///
    /// As [`build_service`](Self::build_service).
    pub async fn build_service_async(self) -> Result<PluginService, Error> {
        self.singleton()?
            .build_async()
            .await
            .map(PluginService::new)
    }

    fn singleton(self) -> Result<Self, Error> {
        if self.instances.is_some_and(|instances| instances > 1) {
            return Err(self.fault(
                "it is a service, which has one VM, and `instances` asks for more",
                "leave `instances` out",
            ));
        }
        Ok(self.instances(1))
    }

    fn try_build(self) -> Result<LoomPlugin, Error> {
        self.check()?;
        let Some(source) = &self.source else {
            return Err(self.fault("it has no code", "call `file` or `bytes` on its builder"));
        };
        let wasm = source.read(&self.name)?;
        check_digest(&self.name, &wasm, self.sha256)?;
        let runtime = match self.runtime {
            Some(runtime) => runtime,
            None => LoomRuntime::global()?,
        };
        let (code, compiled) = runtime.compile(&self.name, &wasm)?;
        check_memory(&self.name, &compiled, self.memory_limit)?;
        check_imports(&self.name, &compiled, self.strict_imports)?;
        tell_ruled_out(&self.name, &compiled, self.phase);
        let name: Arc<str> = self.name.into();
        let spec = VmSpec {
            plugin: Arc::clone(&name),
            vm_id: self.vm_id.map_or_else(|| Arc::clone(&name), Arc::from),
            configuration: self.vm_config,
            environment: self.environment.iter().collect(),
            memory_limit: self.memory_limit,
            start_timeout: self.start_timeout,
            instances: self.instances.unwrap_or_else(cores),
        };
        let root = Root::new(PluginSpec {
            name,
            root_id: self.root_id.into(),
            configuration: self.config,
            log_level: self.log_level,
            timeout: self.timeout,
            pause_timeout: self.pause_timeout,
            terms: self.terms,
            phase: self.phase,
            upstreams: Arc::new(self.upstreams),
        });
        let vm = runtime.attach(spec, code, compiled, &root)?;
        Ok(LoomPlugin {
            attached: Arc::new(Attached { vm, root }),
        })
    }

    fn check(&self) -> Result<(), Error> {
        if self.name.is_empty() {
            return Err(self.fault(
                "its name is empty",
                "give it a name, for its log lines and errors",
            ));
        }
        if self.timeout.is_zero() || self.start_timeout.is_zero() || self.pause_timeout.is_zero() {
            return Err(self.fault(
                "a timeout is zero",
                "set `timeout`, `start_timeout` and `pause_timeout` to more",
            ));
        }
        let bad_variable = self.environment.iter().find(|(name, value)| {
            name.is_empty() || name.contains(['=', '\0']) || value.contains('\0')
        });
        if let Some((name, _)) = bad_variable {
            return Err(self.fault(
                &format!("the environment variable {name:?} cannot be handed over"),
                "give it a name without `=`, and leave out NUL",
            ));
        }
        if let Some(wrong) = &self.bad_upstream {
            return Err(self.fault(
                wrong,
                "give https://host:port, http://host:port or h2c://host:port, and roots in PEM",
            ));
        }
        if self.instances == Some(0) {
            return Err(self.fault("it has no instances", "set `instances` to 1 or more"));
        }
        Ok(())
    }

    fn fault(&self, what: &str, cure: &str) -> Error {
        Error::new(Kind::Builder, &self.name, what, cure)
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}
