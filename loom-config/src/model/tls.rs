//! What TLS needs: certificates and keys, as they were in their files.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};

/// TLS of a listener.
#[derive(Debug, Clone, PartialEq)]
pub struct ListenerTls {
    /// Who the gateway is; never empty. The first one is for clients that no other one fits.
    pub certificates: Vec<Identity>,
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
    /// What is asked of clients; `None`: nothing.
    pub client_auth: Option<ClientAuth>,
}

/// A certificate and the key that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Where the certificate was read from.
    pub cert_file: PathBuf,
    /// The certificate, and those between it and the authority; never empty.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key of the first one.
    pub key: Arc<PrivateKeyDer<'static>>,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// What is asked of clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAuth {
    /// Whether there is no connection without a certificate.
    pub required: bool,
    /// The authorities that clients' certificates come from; never empty.
    pub authorities: Vec<CertificateDer<'static>>,
    /// What upstreams are told of a client's certificate, in this order; `None`: nothing.
    pub forward: Option<Vec<ClientCertField>>,
}

/// A part of what upstreams are told of a client's certificate, beside its digest. They are in the order in which they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClientCertField {
    /// The certificate.
    Cert,
    /// All certificates that the client showed.
    Chain,
    /// Whose it is.
    Subject,
    /// The URIs among its alternative names.
    Uri,
    /// The DNS names among them.
    Dns,
}

impl ClientCertField {
    /// Those of `forward: set`.
    pub const SET: [Self; 3] = [Self::Subject, Self::Uri, Self::Dns];

    /// Its name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cert => "cert",
            Self::Chain => "chain",
            Self::Subject => "subject",
            Self::Uri => "uri",
            Self::Dns => "dns",
        }
    }
}

/// TLS to the servers of an upstream.
#[derive(Debug, Clone, PartialEq)]
pub struct UpstreamTls {
    /// The name that certificates are for; `None`: each server's own.
    pub server_name: Option<ServerName<'static>>,
    /// The authorities that certificates come from, never empty; `None`: those that the system trusts.
    pub authorities: Option<Vec<CertificateDer<'static>>>,
    /// The gateway's own certificate.
    pub identity: Option<Identity>,
    /// Whether a server has to prove who it is.
    pub verify: bool,
    /// The protocols that are offered, never empty; `None`: the one that is spoken.
    pub alpn: Option<Vec<String>>,
}
