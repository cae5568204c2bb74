//! Taking an address, and saying what to do when it cannot be taken.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use loom_config::model::{Address, Listener};
use tokio::net::{TcpListener, TcpSocket, UnixListener};

use super::inherited;
use super::unix::{self, SocketFile};
use crate::limits;

/// A listener that has its address and accepts nothing yet.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) socket: Socket,
    /// The address that it really has: with port 0 the system chose one.
    pub(crate) address: Address,
}

/// What accepts.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpListener),
    /// Its file is removed with it, if it is ours.
    Unix(UnixListener, Option<SocketFile>),
}

/// An address that cannot be taken.
#[derive(Debug, thiserror::Error)]
#[error("listener `{name}` cannot listen on {address}: {source}; {cure}")]
pub struct BindError {
    name: String,
    address: Address,
    cure: String,
    #[source]
    source: io::Error,
}

impl BindError {
    /// Whether somebody else listens there.
    pub(crate) fn is_in_use(&self) -> bool {
        self.source.kind() == ErrorKind::AddrInUse
    }

    fn new(listener: &Listener, source: io::Error) -> Self {
        Self {
            name: listener.name.clone(),
            address: listener.address.clone(),
            cure: cure(&source, &listener.address),
            source,
        }
    }
}

/// An address that is taken to see whether it can be. Dropped, it is free again.
#[derive(Debug)]
pub(crate) enum Probe {
    Bound {
        _bound: Bound,
    },
    /// Of an address that processes share: as long as it does not listen, no connection comes to it.
    Silent {
        _socket: TcpSocket,
    },
}

impl Probe {
    /// Takes the address of `listener`.
    pub(crate) fn new(listener: &Listener) -> Result<Self, BindError> {
        match listener.address {
            Address::Ip(address) if listener.reuse_port => match socket(address, true) {
                Ok(socket) => Ok(Self::Silent { _socket: socket }),
                Err(error) => Err(BindError::new(listener, error)),
            },
            _ => Bound::bind(listener).map(|bound| Self::Bound { _bound: bound }),
        }
    }
}

impl Bound {
    /// Takes the address of `listener`: the socket that the process was started with for it, or a new one.
    pub(crate) fn bind(listener: &Listener) -> Result<Self, BindError> {
        let socket = match inherited::take(&listener.name, &listener.address) {
            Some(socket) => socket,
            None => listen(listener),
        };
        let bound = socket.and_then(|socket| {
            let address = match &socket {
                Socket::Tcp(socket) => Address::Ip(socket.local_addr()?),
                Socket::Unix(..) => listener.address.clone(),
            };
            Ok(Self { socket, address })
        });
        bound.map_err(|source| BindError::new(listener, source))
    }
}

fn listen(listener: &Listener) -> io::Result<Socket> {
    match &listener.address {
        Address::Ip(address) => tcp(*address, listener.reuse_port).map(Socket::Tcp),
        Address::Unix(path) => {
            let (socket, file) = unix::listen(path, listener.mode)?;
            Ok(Socket::Unix(socket, Some(file)))
        }
    }
}

fn tcp(address: SocketAddr, reuse_port: bool) -> io::Result<TcpListener> {
    socket(address, reuse_port)?.listen(limits::ACCEPT_BACKLOG)
}

/// A socket that has this address, and does not listen yet.
fn socket(address: SocketAddr, reuse_port: bool) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv6() {
        TcpSocket::new_v6()?
    } else {
        TcpSocket::new_v4()?
    };
    // A restart need not wait until the kernel has forgotten the last process's connections.
    socket.set_reuseaddr(true)?;
    if reuse_port {
        socket.set_reuseport(true)?;
    }
    socket.bind(address)?;
    Ok(socket)
}

fn cure(error: &io::Error, address: &Address) -> String {
    let Address::Ip(address) = address else {
        return unix::cure(error);
    };
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
