//! What is known of a connection to a server: its two ends, and what TLS settled.

use std::net::SocketAddr;
use std::sync::Arc;

use loom_layer::{CertificateInfo, TlsInfo};
use rustls::{ClientConnection, ProtocolVersion};
use tokio_util::either::Either;

use super::connector::{Socket, Stream};
use crate::certificate;

/// See the module's text. Cheap to clone.
#[derive(Debug, Clone)]
pub(in crate::proxy) struct Ends {
    /// `None` of a Unix socket.
    pub(super) addresses: Option<Addresses>,
    /// `None` without TLS.
    pub(super) tls: Option<Arc<TlsInfo>>,
}

#[derive(Debug, Clone, Copy)]
pub(in crate::proxy) struct Addresses {
    pub(super) remote: SocketAddr,
    pub(super) local: SocketAddr,
}

impl Ends {
    /// Of a connection on which the gateway is who this certificate says.
    pub(super) fn of(stream: &Stream, own: Option<&CertificateInfo>) -> Self {
        let (socket, session) = match stream {
            Either::Left(socket) => (socket, None),
            Either::Right(secure) => {
                let (socket, session) = secure.get_ref();
                (socket, Some(session))
            }
        };
        Self {
            addresses: addresses(socket),
            tls: session.map(|session| Arc::new(settled(session, own))),
        }
    }
}

fn addresses(socket: &Socket) -> Option<Addresses> {
    let Either::Left(stream) = socket else {
        return None;
    };
    let (remote, local) = (stream.peer_addr().ok()?, stream.local_addr().ok()?);
    Some(Addresses { remote, local })
}

fn settled(session: &ClientConnection, own: Option<&CertificateInfo>) -> TlsInfo {
    let mut info = TlsInfo::new(match session.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "TLSv1.3",
    });
    if let Some(own) = own {
        info = info.local_certificate(own.clone());
    }
    if let Some([server, ..]) = session.peer_certificates() {
        info = info.peer_certificate(certificate::info(server));
    }
    info
}
