//! The gateway from outside: real sockets on ports that the system chose, upstreams and clients made for one test each.
//!
//! What a test waits for is an event. The deadline in `support` only ends a test that hangs.

mod access_log;
mod actions;
mod admin;
mod bodies;
mod broken_upstreams;
mod callouts;
mod check;
mod cli;
mod clients;
mod connections;
mod defaults;
mod examples;
mod failures;
mod grpc;
mod headers;
mod hostile;
mod inspect;
mod listener_plugins;
mod messages;
mod middleware;
mod open_files;
mod pages;
mod paths;
mod plugin_keys;
mod plugin_overrides;
mod plugin_urls;
mod plugins;
mod pools;
mod properties;
mod proxy_protocol;
mod redirect_https;
mod reload;
mod requests;
mod reroute;
mod routing;
mod shutdown;
mod sockets;
mod streams;
mod support;
mod tls;
mod tracing;
mod upgrades;
mod upstreams;
mod zoo;
