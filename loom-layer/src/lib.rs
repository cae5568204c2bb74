#![doc = include_str!("../README.md")]

mod abi;
mod afterwards;
mod callout;
mod error;
mod foreign;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod grpc;
mod info;
mod limits;
mod log;
mod observer;
mod outbox;
mod plugin;
mod policy;
mod runtime;
mod service;
mod shared;
mod stats;
mod stream;
mod sync;
mod vm;

pub use callout::CalloutBody;
#[cfg(feature = "tls")]
pub use callout::{NoSystemRoots, UpstreamTls};
pub use error::{BoxError, Error};
pub use foreign::{ForeignCall, ForeignError};
pub use info::{
    CertificateInfo, ConnectionInfo, LocalReplyInfo, PathParameters, PluginFailure, Reroute,
    RouteInfo, TlsInfo, UpstreamFailure, UpstreamInfo, UserInfo,
};
pub use log::LogLevel;
pub use observer::{CalloutAnswer, CalloutObserver, PhaseObserver, PhaseOutcome, StreamObserver};
pub use plugin::{LoomChain, LoomPlugin, LoomPluginBuilder, PluginService, PluginVariant};
pub use policy::{BodyMode, FailurePolicy, HeaderValues, Phase};
pub use runtime::{CompileCache, LoomRuntime, LoomRuntimeBuilder};
pub use service::{LoomFuture, LoomService, RequestBody, ResponseBody};
pub use shared::{Histogram, Metric, MetricValue};
pub use stats::{CallStats, PluginStats, VmStats};
