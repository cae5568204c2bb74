//! How an upstream was reached.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::TlsInfo;

/// How an upstream was reached, for the properties `upstream.*`.
///
/// The inner service puts it into the extensions of its response; without it these properties are not found.
///
/// ```
/// use loom_layer::UpstreamInfo;
///
/// let mut response = http::Response::new(());
/// let upstream = UpstreamInfo::new().address("192.0.2.9:3000".parse()?).endpoints(2);
/// response.extensions_mut().insert(upstream);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamInfo {
    address: Option<SocketAddr>,
    local_address: Option<SocketAddr>,
    attempts: u32,
    endpoints: Option<usize>,
    ready_after: Option<Duration>,
    tls: Option<Arc<TlsInfo>>,
    failure: Option<UpstreamFailure>,
}

/// Why an upstream gave no response, so that the inner service made one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpstreamFailure {
    /// There is no endpoint that may be used.
    NoEndpoint,
    /// There is no connection.
    Connect,
    /// The connection ended before a response began.
    Closed,
    /// What came was no valid response.
    Protocol,
    /// The upstream has as many requests as it takes.
    Overflow,
    /// It did not answer within the time for one try.
    TryTimeout,
}

impl Default for UpstreamInfo {
    fn default() -> Self {
        Self::new()
    }
}

impl UpstreamInfo {
    /// An upstream that was asked once.
    pub fn new() -> Self {
        Self {
            address: None,
            local_address: None,
            attempts: 1,
            endpoints: None,
            ready_after: None,
            tls: None,
            failure: None,
        }
    }

    /// The address of the server that answered, or did not.
    #[must_use]
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// The own address of the connection to it.
    #[must_use]
    pub fn local_address(mut self, address: SocketAddr) -> Self {
        self.local_address = Some(address);
        self
    }

    /// How often the request was sent.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// How many endpoints the upstream has.
    #[must_use]
    pub fn endpoints(mut self, endpoints: usize) -> Self {
        self.endpoints = Some(endpoints);
        self
    }

    /// How long it took until there was a connection.
    #[must_use]
    pub fn ready_after(mut self, time: Duration) -> Self {
        self.ready_after = Some(time);
        self
    }

    /// Says that the connection to it is encrypted: `upstream.tls_version` and the properties of the two certificates. "Local" is
    /// who asks, "peer" is the server.
    #[must_use]
    pub fn with_tls(mut self, tls: impl Into<Arc<TlsInfo>>) -> Self {
        self.tls = Some(tls.into());
        self
    }

    /// Says that the response is not the upstream's own, and why.
    #[must_use]
    pub fn failure(mut self, failure: UpstreamFailure) -> Self {
        self.failure = Some(failure);
        self
    }

    /// The address of the server that answered, or did not.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.address
    }

    pub(crate) fn local(&self) -> Option<SocketAddr> {
        self.local_address
    }

    /// How often the request was sent.
    pub fn attempt_count(&self) -> u32 {
        self.attempts
    }

    pub(crate) fn endpoint_count(&self) -> Option<usize> {
        self.endpoints
    }

    pub(crate) fn ready_duration(&self) -> Option<Duration> {
        self.ready_after
    }

    pub(crate) fn tls(&self) -> Option<&TlsInfo> {
        self.tls.as_deref()
    }

    pub(crate) fn why_failed(&self) -> Option<UpstreamFailure> {
        self.failure
    }
}

impl UpstreamFailure {
    /// Envoy's bit for it in `response.flags`.
    pub(crate) const fn flag(self) -> u64 {
        match self {
            Self::NoEndpoint => 0x2,
            Self::Connect => 0x20,
            Self::Closed => 0x40,
            Self::Protocol => 0x80_0000,
            Self::Overflow => 0x80,
            Self::TryTimeout => 0x4,
        }
    }

    /// Envoy's words for it in `response.code_details`.
    pub(crate) const fn details(self) -> &'static str {
        match self {
            Self::NoEndpoint => "no_healthy_upstream",
            Self::Connect => "upstream_reset_before_response_started{remote_connection_failure}",
            Self::Closed => "upstream_reset_before_response_started{connection_termination}",
            Self::Protocol => "upstream_reset_before_response_started{protocol_error}",
            Self::Overflow => "upstream_reset_before_response_started{overflow}",
            Self::TryTimeout => "upstream_per_try_timeout",
        }
    }
}
