//! TLS to the servers of an upstream.

use std::io;
use std::sync::Arc;

use loom_config::model::{self, Protocol};
use loom_layer::{CertificateInfo, NoSystemRoots, UpstreamTls};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::certificate;

/// What an upstream's servers are trusted by, and who the gateway is to them.
#[derive(Debug)]
pub(crate) struct Secure {
    config: ClientConfig,
    server_name: Option<ServerName<'static>>,
    protocol: Protocol,
    alpn: Option<Vec<Vec<u8>>>,
    own: Option<CertificateInfo>,
}

/// Why there can be no TLS to an upstream.
#[derive(Debug, thiserror::Error)]
pub enum SecureError {
    /// The system has no authorities.
    #[error(transparent)]
    Roots(#[from] NoSystemRoots),
    /// A certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

/// A server with which there is no TLS.
#[derive(Debug, thiserror::Error)]
#[error("no TLS with {name}")]
pub(in crate::proxy) struct TlsError {
    name: String,
    #[source]
    source: io::Error,
}

/// A server that speaks something else than it is to be spoken to in.
#[derive(Debug, thiserror::Error)]
#[error("the server does not offer HTTP/2")]
struct NoHttp2;

impl Secure {
    /// What this configuration says. The system's authorities are read if they are needed.
    pub(crate) fn new(tls: &model::UpstreamTls, protocol: Protocol) -> Result<Self, SecureError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let config = if tls.verify {
            let roots = match &tls.authorities {
                None => UpstreamTls::system_root_store()?,
                Some(authorities) => {
                    let mut roots = RootCertStore::empty();
                    for authority in authorities {
                        roots.add(authority.clone())?;
                    }
                    roots
                }
            };
            config.with_root_certificates(roots)
        } else {
            let verifier = Arc::new(Unverified(provider));
            config
                .dangerous()
                .with_custom_certificate_verifier(verifier)
        };
        let config = match &tls.identity {
            None => config.with_no_client_auth(),
            Some(identity) => {
                config.with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())?
            }
        };
        let own = tls.identity.as_ref();
        let own = own.and_then(|identity| identity.chain.first());
        Ok(Self {
            config,
            own: own.map(certificate::info),
            server_name: tls.server_name.clone(),
            protocol,
            alpn: tls
                .alpn
                .as_ref()
                .map(|names| names.iter().map(|name| name.clone().into_bytes()).collect()),
        })
    }
}

/// TLS to one server, in one protocol.
#[derive(Clone)]
pub(super) struct Handshake {
    connector: TlsConnector,
    /// `None`: the host is no name that a certificate can have. That was looked at when the configuration was read.
    name: Option<ServerName<'static>>,
    /// Whether the server has to choose HTTP/2.
    http2: bool,
    /// Who the gateway is to servers that ask.
    own: Option<CertificateInfo>,
}

impl std::fmt::Debug for Handshake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Handshake");
        shown.field("name", &self.name).finish_non_exhaustive()
    }
}

impl Handshake {
    /// With the server of this host.
    pub(super) fn new(secure: &Secure, host: &str, protocol: Protocol) -> Self {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = match &secure.server_name {
            Some(name) => Some(name.clone()),
            None => ServerName::try_from(host.to_owned()).ok(),
        };
        let usual: &[u8] = match protocol {
            Protocol::Http1 => b"http/1.1",
            Protocol::Http2 => b"h2",
        };
        let asked = secure.alpn.as_ref();
        let asked = asked.filter(|_| protocol == secure.protocol);
        let mut config = secure.config.clone();
        config.alpn_protocols = asked.cloned().unwrap_or_else(|| vec![usual.to_vec()]);
        Self {
            // Without any ALPN it is known from elsewhere what the server speaks.
            http2: protocol == Protocol::Http2 && !config.alpn_protocols.is_empty(),
            connector: TlsConnector::from(Arc::new(config)),
            own: secure.own.clone(),
            name,
        }
    }

    /// The gateway's own certificate.
    pub(super) fn own(&self) -> Option<&CertificateInfo> {
        self.own.as_ref()
    }

    /// Settles TLS on a connection.
    pub(super) async fn settle<S>(&self, stream: S) -> Result<Box<TlsStream<S>>, TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Some(name) = &self.name else {
            return Err(self.failed(io::ErrorKind::InvalidInput.into()));
        };
        let settled = self.connector.connect(name.clone(), stream).await;
        let stream = settled.map_err(|error| self.failed(error))?;
        let chosen = stream.get_ref().1.alpn_protocol();
        if self.http2 && chosen != Some(b"h2") {
            return Err(self.failed(io::Error::other(NoHttp2)));
        }
        Ok(Box::new(stream))
    }

    fn failed(&self, source: io::Error) -> TlsError {
        TlsError {
            name: match &self.name {
                Some(name) => name.to_str().into_owned(),
                None => "a server without a name".to_owned(),
            },
            source,
        }
    }
}

/// Takes every certificate, and sees to it that the server has the key of it.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
