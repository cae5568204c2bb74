//! Taking an address, and saying what to do when it cannot be taken.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use loom_config::model::Listener;
use tokio::net::{TcpListener, TcpSocket};

use crate::limits;

/// A listener that has its address and accepts nothing yet.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) socket: TcpListener,
    /// The address that it really has: with port 0 the system chose one.
    pub(crate) address: SocketAddr,
}

/// An address that cannot be taken.
#[derive(Debug, thiserror::Error)]
#[error("listener `{name}` cannot listen on {address}: {source}; {cure}")]
pub struct BindError {
    name: String,
    address: SocketAddr,
    cure: String,
    #[source]
    source: io::Error,
}

impl Bound {
    /// Takes the address of `listener`.
    pub(crate) fn bind(listener: &Listener) -> Result<Self, BindError> {
        let bound = listen(listener.address).and_then(|socket| {
            Ok(Self {
                address: socket.local_addr()?,
                socket,
            })
        });
        bound.map_err(|source| BindError {
            name: listener.name.clone(),
            address: listener.address,
            cure: cure(&source, listener.address),
            source,
        })
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() {
        TcpSocket::new_v6()?
    } else {
        TcpSocket::new_v4()?
    };
    // A restart need not wait until the kernel has forgotten the last process's connections.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(limits::ACCEPT_BACKLOG)
}

fn cure(error: &io::Error, address: SocketAddr) -> String {
    let port = address.port();
    match error.kind() {
        ErrorKind::AddrInUse => format!(
            "stop the program that has the port (`ss -ltnp 'sport = :{port}'` names it), or set another `address` for this \
             listener in the configuration"
        ),
        ErrorKind::PermissionDenied => {
            format!(
                "set a port from 1024 on, or give the program the right to use {port} (CAP_NET_BIND_SERVICE)"
            )
        }
        ErrorKind::AddrNotAvailable => {
            "set an `address` that this machine has; 0.0.0.0 stands for all of IPv4, [::] for all"
                .to_owned()
        }
        _ => "set another `address` for this listener in the configuration".to_owned(),
    }
}
