//! A listener: a bound address, the loop that accepts connections, and one task for each of them.

mod accept;
mod activity;
mod bind;
mod body;
mod clock;
mod connection;
mod cut;
mod drain;
mod ended;
mod heard;
mod inherited;
mod places;
mod protocol;
mod proxy_protocol;
mod seldom;
mod sending;
mod service;
mod site;
mod streams;
mod tls;
mod tunnels;
mod unix;

pub use bind::BindError;

pub(crate) use accept::serve;
pub(crate) use bind::{Bound, Probe};
pub(crate) use cut::CutShort;
pub(crate) use drain::Drain;
pub(crate) use ended::Ended;
#[cfg(feature = "fuzzing")]
pub(crate) use proxy_protocol::try_proxy_header;
pub(crate) use site::{Served, Site};
pub(crate) use tls::{ForwardedClientCert, ShownCertificate, Tls};
