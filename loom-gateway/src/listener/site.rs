//! What a listener does with connections and requests. A reload puts another one in its place while they run.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use axum::body::Body;
use http::Request;
use loom_config::model::{ListenerLimits, ProxyProtocol};

use super::ended::Ended;
use super::places::{ClientPlace, Place, Places};
use super::protocol::Protocol;
use super::seldom::Seldom;
use super::tls::Tls;
use crate::errors::Chain;
use crate::limits;
use crate::metrics::Connections;
use crate::stack::{Stack, StackFuture};

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Site {
    /// Looked up by each request, so that the next one on an old connection meets the new stack.
    stack: ArcSwap<Stack>,
    /// Looked up by each connection. Apart from the stack, which a connection would otherwise keep for as long as it lives.
    terms: ArcSwap<Terms>,
    places: Arc<Places>,
    counters: ArcSwapOption<Connections>,
    told: [Seldom; Ended::COUNT],
}

/// What a configuration has a listener do.
#[derive(Debug)]
pub(crate) struct Served {
    /// Its name in the log.
    pub(crate) name: String,
    /// What answers its requests.
    pub(crate) stack: Stack,
    pub(crate) limits: ListenerLimits,
    /// `None`: connections begin with what they are for.
    pub(crate) proxy_protocol: Option<ProxyProtocol>,
    /// `None`: connections are not encrypted.
    pub(crate) tls: Option<Arc<Tls>>,
    /// Who counts its connections.
    pub(crate) counters: Option<Arc<Connections>>,
}

/// What holds for connections.
#[derive(Debug)]
pub(super) struct Terms {
    name: String,
    pub(super) protocol: Protocol,
    pub(super) limits: ListenerLimits,
    pub(super) proxy_protocol: Option<ProxyProtocol>,
    pub(super) tls: Option<Arc<Tls>>,
}

impl Terms {
    fn new(served: &Served) -> Self {
        Self {
            name: served.name.clone(),
            protocol: Protocol::new(served),
            limits: served.limits,
            proxy_protocol: served.proxy_protocol.clone(),
            tls: served.tls.clone(),
        }
    }

    fn are(&self, served: &Served) -> bool {
        self.name == served.name
            && self.limits == served.limits
            && self.proxy_protocol == served.proxy_protocol
            && self.tls.as_ref().map(Arc::as_ptr) == served.tls.as_ref().map(Arc::as_ptr)
    }
}

/// A connection that is served. Dropped, it is counted as closed, and its place is free.
#[derive(Debug)]
pub(super) struct Open {
    _place: Place,
    counters: Option<Arc<Connections>>,
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(counters) = &self.counters {
            counters.closed();
        }
    }
}

impl Site {
    pub(crate) fn new(served: Served) -> Arc<Self> {
        Arc::new(Self {
            terms: ArcSwap::from_pointee(Terms::new(&served)),
            stack: ArcSwap::from_pointee(served.stack),
            places: Arc::default(),
            counters: ArcSwapOption::new(served.counters),
            told: std::array::from_fn(|_| Seldom::default()),
        })
    }

    /// From now on, requests go here, and these terms hold for new connections. What runs ends as it began.
    pub(crate) fn replace(&self, served: Served) {
        if !self.terms.load().are(&served) {
            self.terms.store(Arc::new(Terms::new(&served)));
        }
        self.stack.store(Arc::new(served.stack));
        self.counters.store(served.counters);
    }

    /// Open connections.
    pub(crate) fn open(&self) -> usize {
        self.places.open()
    }

    pub(super) fn send(&self, request: Request<Body>) -> StackFuture {
        self.stack.load().send(request)
    }

    pub(super) fn terms(&self) -> Arc<Terms> {
        self.terms.load_full()
    }

    /// Who counts connections.
    pub(super) fn counters(&self) -> Option<Arc<Connections>> {
        self.counters.load_full()
    }

    /// Takes one more connection, if one more may be open.
    pub(super) fn take(&self) -> Option<Open> {
        let most = self.terms.load().limits.connections;
        let place = self.places.take(most)?;
        let counters = self.counters();
        if let Some(counters) = &counters {
            counters.opened();
        }
        Some(Open {
            _place: place,
            counters,
        })
    }

    /// The client's place among those of its address: `Ok(None)` when addresses are not counted.
    pub(super) fn take_of_client(
        &self,
        client: Option<IpAddr>,
    ) -> Result<Option<ClientPlace>, Ended> {
        let most = self.terms.load().limits.connections_per_address;
        let (Some(most), Some(client)) = (most, client) else {
            return Ok(None);
        };
        let place = self.places.take_of_client(client, most);
        place.map(Some).ok_or(Ended::AddressLimit)
    }

    /// Counts and logs that the gateway ended a connection, or did not take it.
    pub(super) fn ended(
        &self,
        why: Ended,
        peer: Option<SocketAddr>,
        cause: Option<&(dyn Error + 'static)>,
    ) {
        if let Some(counters) = &*self.counters.load() {
            counters.ended(why);
        }
        let terms = self.terms.load();
        let (listener, code) = (&*terms.name, why.code());
        let peer = peer.map(tracing::field::display);
        let cause = cause.map(|cause| tracing::field::display(Chain(cause)));
        if why.is_notable() && self.told[why as usize].is_due(limits::ENDED_REPORTS) {
            tracing::warn!(listener, code, peer, cause, "connections are turned away");
        } else {
            tracing::debug!(listener, code, peer, cause, "connection ended");
        }
    }
}
