//! A listener: a bound address, the loop that accepts connections, and one task for each of them.

mod accept;
mod bind;
mod connection;
mod drain;
mod inherited;
mod service;
mod site;
mod tunnels;
mod unix;

pub use bind::BindError;

pub(crate) use accept::serve;
pub(crate) use bind::{Bound, Probe};
pub(crate) use drain::Drain;
pub(crate) use site::Site;
