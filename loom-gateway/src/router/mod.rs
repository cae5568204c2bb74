//! A listener is a stack of layers around its routes: what happens to every request before its route is known.

mod access_log;
mod body_timeout;
mod catch_panic;
mod client;
mod entry;
mod forwarded;
mod host;
mod matching;
mod normalize;
mod parameters;
mod redirect_https;
mod request_id;
mod selection;
mod table;

use std::sync::Arc;

use loom_config::model::Listener;
use loom_layer::LoomChain;
use tower::ServiceBuilder;
use tower::layer::util::Identity;
use tower::util::{Either, MapResponseLayer, option_layer};

pub(crate) use access_log::Sink as AccessLog;
pub(crate) use client::clean_trailers;
pub(crate) use forwarded::client_address;
pub(crate) use host::authority;
pub(crate) use matching::{Asked, Found, Matcher, conditions};
#[cfg(feature = "fuzzing")]
pub(crate) use normalize::normalize_path;
pub(crate) use parameters::of as parameters_of;
pub(crate) use request_id::X_REQUEST_ID;
pub(crate) use selection::Selection;
pub(crate) use table::RouteTable;

use crate::grpc::GrpcLayer;
use crate::metrics::{Metrics, show_failures};
use crate::stack::Stack;
use crate::trace::{TraceLayer, Tracing};
use access_log::AccessLogLayer;
use body_timeout::BodyTimeoutLayer;
use catch_panic::CatchPanicLayer;
use client::ClientLayer;
use entry::Entry;
use forwarded::ForwardedLayer;
use normalize::NormalizePathLayer;
use redirect_https::RedirectHttpsLayer;
use request_id::RequestIdLayer;

/// What [`border`] is made of.
pub(crate) type Border = (
    ClientLayer,
    Either<RedirectHttpsLayer, Identity>,
    NormalizePathLayer,
);

/// The stack of a listener: its layers around its plugins and its routes.
pub(crate) fn listener_stack(
    listener: &Listener,
    routes: RouteTable,
    plugins: Option<LoomChain>,
    error_header: bool,
    metrics: Option<&Metrics>,
    access_log: Option<&Arc<AccessLog>>,
    tracing: Option<&Arc<Tracing>>,
) -> Stack {
    let counters = metrics.map(|metrics| metrics.listener(&listener.name));
    let stack = ServiceBuilder::new()
        // Outside of everything that names the client.
        .option_layer(ForwardedLayer::new(&listener.trusted_proxies))
        // Outside of everything that can answer: its span is the whole request, and the log names the trace that it is in.
        .option_layer(tracing.map(TraceLayer::new))
        // Before the log, which names the number. Every answer bears it, a panic's and an unknown route's too.
        .layer(RequestIdLayer)
        // Outside of everything that can answer, so that every answer is logged.
        .layer(AccessLogLayer::new(access_log.map(Arc::clone)))
        // Outside of everything that can fail, for the header that says why it did.
        .option_layer(show_failures(error_header, metrics).map(MapResponseLayer::new))
        // Whatever is inside of it answers in the words of HTTP.
        .layer(GrpcLayer::new(counters))
        // Around all that is not only the gateway's: routes, plugins, upstreams.
        .layer(CatchPanicLayer)
        .layer(border(listener))
        // Around all that reads the body, and where it is known whether there is one.
        .option_layer(listener.limits.body.map(BodyTimeoutLayer::new))
        .service(Entry::new(routes, plugins, listener.normalize_path));
    Stack::new(stack)
}

/// What makes a request the one that routes are asked about, or answers it.
pub(crate) fn border(listener: &Listener) -> Border {
    (
        // Nothing below reads an untrue header, or a request that is two.
        ClientLayer::new(&listener.limits),
        // As soon as it is known by which scheme a request came, and before anything is done for it.
        option_layer(listener.redirect_https.map(RedirectHttpsLayer::new)),
        // Just before plugins and routes, which see the normal path: the log shows it as it was sent.
        NormalizePathLayer::new(listener.normalize_path),
    )
}
