//! The ways through the layer that are watched for regressions: each can be run any number of times.

use std::fmt::Debug;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use loom_layer::{LoomChain, LoomPlugin};
use tower::{Layer, Service};

use crate::{
    Guest, GuestAlone, bare, get, header_plugin, post, reading, run, runtime, thread_runtime,
};

/// The names of all ways.
pub const PATHS: [&str; 9] = [
    "bare",
    "guest-alone",
    "no-plugin",
    "nothing",
    "header-1",
    "header-10",
    "reply",
    "body-untouched",
    "body-read",
];

/// Sends so many requests, one after the other, on the calling thread.
pub type Requests = Box<dyn FnMut(u64)>;

/// Makes ready what a name of [`PATHS`] stands for; `None` for any other name.
#[must_use]
pub fn path(name: &str) -> Option<Requests> {
    const BODY: Bytes = Bytes::from_static(&[b'x'; 64 << 10]);
    let body = || post(BODY);
    Some(match name {
        "bare" => repeated(bare(), get),
        "guest-alone" => guest_alone(),
        "no-plugin" => repeated(LoomChain::new([]).layer(bare()), get),
        "nothing" => repeated(Guest::nothing().load().layer(bare()), get),
        "header-1" => repeated(headers(1).layer(bare()), get),
        "header-10" => repeated(headers(10).layer(bare()), get),
        "reply" => repeated(Guest::reply().load().layer(bare()), get),
        "body-untouched" => repeated(headers(1).layer(reading()), body),
        "body-read" => repeated(Guest::read_body().load().layer(reading()), body),
        _ => return None,
    })
}

/// The guide's plugin without a host, for comparison.
fn guest_alone() -> Requests {
    let mut guest = GuestAlone::load().expect("a plugin");
    Box::new(move |times| {
        for _ in 0..times {
            guest.request().expect("no trap");
        }
    })
}

/// The guide's plugin so many times, each with a VM of its own.
#[must_use]
pub fn headers(count: usize) -> LoomChain {
    LoomChain::new((0..count).map(header))
}

fn header(number: usize) -> LoomPlugin {
    LoomPlugin::builder(format!("header-{number}"))
        .file(header_plugin())
        .runtime(runtime())
        .instances(1)
        .build()
        .expect("a plugin")
}

fn repeated<S, RB>(mut service: S, request: impl Fn() -> Request<Full<Bytes>> + 'static) -> Requests
where
    S: Service<Request<Full<Bytes>>, Response = Response<RB>> + 'static,
    S::Error: Debug,
    RB: Body<Data = Bytes>,
    RB::Error: Debug,
{
    let runtime = thread_runtime();
    Box::new(move |times| {
        runtime.block_on(async {
            for _ in 0..times {
                run(&mut service, request()).await;
            }
        });
    })
}
