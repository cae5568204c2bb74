//! One request that lets an animal out, and what everybody saw of it.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Request, Response, StatusCode, request, response};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, StreamBody};
use loom_layer::{
    CalloutBody, FailurePolicy, LoomChain, LoomPlugin, LoomPluginBuilder, RequestBody,
};
use tower::{Layer, ServiceExt, service_fn};

use super::super::support::{PATIENCE, eventually, logs};
use super::animal::{Animal, Phase, runtime};

/// Only a fault takes so long.
const LONG: Duration = Duration::from_secs(60);

/// A body that comes in pieces, with trailers.
pub(super) type Pieces = StreamBody<stream::Iter<std::vec::IntoIter<Piece>>>;
type Piece = Result<Frame<Bytes>, Infallible>;

/// What the client got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The inner service's answer, whole, and the inner service had got the whole request.
    Served,
    /// An answer of this status that the inner service did not give, whole.
    Answered(u16),
    /// An answer that broke off.
    Cut,
}

/// See the module's text.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) name: String,
    pub(super) plugin: LoomPlugin,
    phase: Phase,
    pub(super) outcome: Outcome,
}

/// A plugin of the zoo. It may call `peer`, which answers at once.
pub(super) fn plugin(name: &str, animal: &Animal, policy: FailurePolicy) -> LoomPluginBuilder {
    logs::listen();
    let peer = service_fn(|_: Request<CalloutBody>| async {
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    });
    LoomPlugin::builder(name)
        .bytes(animal.guest.wasm())
        .runtime(runtime())
        .instances(1)
        .failure_policy(policy)
        .timeout(animal.timeout)
        .pause_timeout(Duration::from_millis(15))
        .memory_limit(animal.memory_limit)
        .upstream_service("peer", peer)
}

/// Lets an animal out in a phase.
pub(super) async fn visit(animal: &Animal, phase: Phase, policy: FailurePolicy) -> Visit {
    let name = format!("zoo-{}-{phase:?}-{policy:?}", animal.name);
    let plugin = plugin(&name, animal, policy).build().unwrap();
    let exchange = request(plugin.clone(), &[("x-phase", phase.letter())]).await;
    let seen = exchange.seen.iter().map(|seen| &seen.headers);
    for headers in seen.chain([&exchange.response.headers]) {
        let smuggled = headers.keys().any(|name| name.as_str().contains("evil"));
        assert!(!smuggled, "{name}: {headers:?}");
        let lengths = headers.get_all("content-length").iter().count();
        assert!(
            lengths <= 1 && !headers.contains_key("transfer-encoding"),
            "{name}"
        );
    }
    Visit {
        outcome: exchange.outcome(),
        name,
        plugin,
        phase,
    }
}

/// What everybody saw of a request.
#[derive(Debug)]
pub(super) struct Exchange {
    /// What the inner service got, if it was called, and the body that it read.
    pub(super) seen: Option<request::Parts>,
    got: Option<Whole>,
    /// What the client got.
    response: response::Parts,
    body: Option<Whole>,
}

/// A body that was read to its end: its text, and its trailer.
type Whole = (String, String);

impl Exchange {
    fn outcome(&self) -> Outcome {
        let Some(body) = &self.body else {
            return Outcome::Cut;
        };
        if !self.response.headers.contains_key("x-inner") {
            return Outcome::Answered(self.response.status.as_u16());
        }
        assert_eq!(self.response.status, StatusCode::OK);
        assert_eq!(*body, ("hello".to_owned(), "1".to_owned()));
        let got = self
            .got
            .as_ref()
            .expect("the inner service answers a whole request");
        assert_eq!(*got, ("one two".to_owned(), "1".to_owned()));
        Outcome::Served
    }
}

/// A request with a body and trailers, to a service that reads all of it and answers with a body and trailers.
pub(super) async fn request(plugins: impl Into<LoomChain>, headers: &[(&str, &str)]) -> Exchange {
    let seen = Arc::new(Mutex::new((None, None)));
    let inner = service_fn({
        let seen = Arc::clone(&seen);
        move |request: Request<RequestBody<Pieces>>| {
            let seen = Arc::clone(&seen);
            async move {
                let (parts, body) = request.into_parts();
                seen.lock().unwrap().0 = Some(parts);
                let body = body.collect().await.ok();
                seen.lock().unwrap().1 = body.map(whole);
                let mut response = Response::new(pieces(["hel", "lo"]));
                response
                    .headers_mut()
                    .insert("x-inner", "1".parse().unwrap());
                Ok::<_, Infallible>(response)
            }
        }
    });
    let mut request = Request::post("/zoo");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(pieces(["one", " two"])).unwrap();
    let call = plugins.into().layer(inner).oneshot(request);
    let response = tokio::time::timeout(LONG, call).await;
    let response = response
        .expect("every request is answered")
        .expect("plugins cause no service error");
    let (response, body) = response.into_parts();
    let body = tokio::time::timeout(LONG, body.collect()).await;
    let body = body.expect("every body ends").ok().map(whole);
    let (seen, got) = std::mem::take(&mut *seen.lock().unwrap());
    Exchange {
        seen,
        got,
        response,
        body,
    }
}

fn pieces(texts: [&'static str; 2]) -> Pieces {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-trailer", "1".parse().unwrap());
    let data = texts.map(|text| Ok(Frame::data(Bytes::from(text))));
    let frames: Vec<Piece> = data
        .into_iter()
        .chain([Ok(Frame::trailers(trailers))])
        .collect();
    StreamBody::new(stream::iter(frames))
}

fn whole(body: http_body_util::Collected<Bytes>) -> Whole {
    let trailer = body
        .trailers()
        .and_then(|trailers| trailers.get("x-trailer"))
        .map(|value| value.to_str().unwrap().to_owned());
    let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    (text, trailer.unwrap_or_default())
}

impl Visit {
    /// What the client and the inner service saw of it.
    pub(super) fn ended_as(&self, expected: &Outcome) {
        let why = || format!("{}: {:?}", self.name, logs::of(&self.name));
        assert_eq!(self.outcome, *expected, "{}", why());
    }

    fn failures(&self) -> Vec<logs::Line> {
        let lines = logs::of(&self.name).into_iter();
        lines.filter(|line| line.target == "loom::vm").collect()
    }

    /// The VM failed once, in the phase, and the log says why.
    pub(super) async fn failed_in_its_phase(&self, cause: &str) {
        eventually("it fails", || !self.failures().is_empty()).await;
        let failures = self.failures();
        assert_eq!(failures.len(), 1, "{}: {failures:?}", self.name);
        let line = &failures[0];
        assert_eq!(line.level, tracing::Level::ERROR);
        assert_eq!(
            line.field("callback"),
            self.phase.callback(),
            "{}",
            self.name
        );
        let said = line.field("cause");
        assert!(said.contains(cause), "{}: {said}", self.name);
    }

    /// The animal was let out, and the VM lives.
    pub(super) async fn survived(&self) {
        if !self.phase.is_in_stream() {
            // It may come after the answer.
            let begun = Instant::now();
            loop {
                let plain = request(self.plugin.clone(), &[]).await;
                let seen = plain.seen.expect("it is forwarded");
                if seen.headers["x-visits"] != "0" {
                    break;
                }
                assert!(begun.elapsed() < PATIENCE, "{}: never let out", self.name);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        let failures = self.failures();
        assert!(failures.is_empty(), "{}: {failures:?}", self.name);
    }
}
