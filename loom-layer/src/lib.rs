#![doc = include_str!("../README.md")]

mod abi;
mod error;
mod info;
mod limits;
mod log;
mod plugin;
mod policy;
mod runtime;
mod service;
mod stream;
mod sync;
mod vm;

pub use error::Error;
pub use info::{ConnectionInfo, RouteInfo};
pub use log::LogLevel;
pub use plugin::{LoomChain, LoomPlugin, LoomPluginBuilder};
pub use policy::{BodyMode, FailurePolicy, Phase};
pub use runtime::{CompileCache, LoomRuntime, LoomRuntimeBuilder};
pub use service::{BoxError, LoomFuture, LoomService, RequestBody, ResponseBody};
