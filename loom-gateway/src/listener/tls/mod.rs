//! TLS of a listener's connections: rustls, with the certificate that fits what the client asks for.
//!
//! Each certificate has a configuration of rustls of its own, which is chosen once the client has said for which name it
//! comes. So it is known which certificate a connection got, and plugins can ask about it.

mod choice;
mod forward;
mod shown;

use std::io;
use std::sync::Arc;

use loom_config::model::{self, TlsVersion};
use loom_layer::{CertificateInfo, TlsInfo};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{Ticketer, default_provider};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{Acceptor, ServerConfig, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{ProtocolVersion, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

pub(crate) use forward::ForwardedClientCert;
pub(crate) use shown::ShownCertificate;

use choice::Names;

use crate::certificate;

const HTTP2: &[u8] = b"h2";

/// What is spoken over TLS, the better one first.
const PROTOCOLS: [&[u8]; 2] = [HTTP2, b"http/1.1"];

static FROM_TLS12: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
static FROM_TLS13: &[&SupportedProtocolVersion] = &[&TLS13];

/// The certificates of a listener, and what it asks of clients.
#[derive(Debug)]
pub(crate) struct Tls {
    model: model::ListenerTls,
    certificates: Vec<Certificate>,
    names: Names,
}

/// A connection with TLS.
#[derive(Debug)]
pub(super) struct Settled<S> {
    pub(super) stream: TlsStream<S>,
    /// Whether client and gateway settled on HTTP/2.
    pub(super) http2: bool,
    /// What plugins can ask about it.
    pub(super) info: TlsInfo,
    /// What upstreams are told of the client's certificate, if they are.
    pub(super) forwarded: Option<ForwardedClientCert>,
}

/// One of them, ready to be shown.
#[derive(Debug)]
struct Certificate {
    key: Arc<CertifiedKey>,
    info: CertificateInfo,
    /// The URIs among its alternative names.
    uris: Vec<String>,
    config: Arc<ServerConfig>,
}

impl Tls {
    /// What this configuration says.
    ///
    /// # Errors
    ///
    /// When a certificate or a key cannot be used. That was looked at when the configuration was read.
    pub(crate) fn new(model: &model::ListenerTls) -> Result<Self, rustls::Error> {
        let maker = Maker {
            provider: Arc::new(default_provider()),
            verifier: verifier(model.client_auth.as_ref())?,
            versions: match model.min_version {
                TlsVersion::Tls12 => FROM_TLS12,
                TlsVersion::Tls13 => FROM_TLS13,
            },
            // What a client needs to come back sooner is with the client, so that nothing is kept for those that do not.
            ticketer: Ticketer::new()?,
        };
        let certificates = model.certificates.iter();
        let certificates: Vec<Certificate> = certificates
            .map(|identity| maker.certificate(identity))
            .collect::<Result<_, _>>()?;
        let each = certificates.iter().map(|one| one.key.cert.first());
        Ok(Self {
            names: Names::new(each.map(|leaf| leaf.map(certificate::names).unwrap_or_default())),
            certificates,
            model: model.clone(),
        })
    }

    /// The configuration that it was made from.
    pub(crate) fn model(&self) -> &model::ListenerTls {
        &self.model
    }

    /// Settles TLS with a client, and says what upstreams are told of its certificate.
    ///
    /// # Errors
    ///
    /// When the client goes away, does not speak TLS, offers nothing that is spoken here, or its certificate is refused. It
    /// has been told, where TLS has words for it.
    pub(super) async fn handshake<S>(&self, stream: S) -> io::Result<Settled<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let hello = start.client_hello();
        let certificate = self.choose(hello.server_name(), hello.signature_schemes());
        let stream = start.into_stream(Arc::clone(&certificate.config)).await?;
        let (_, session) = stream.get_ref();
        let http2 = session.alpn_protocol() == Some(HTTP2);
        let version = match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "TLSv1.3",
        };
        let mut info = TlsInfo::new(version).local_certificate(certificate.info.clone());
        if let Some(name) = session.server_name() {
            info = info.server_name(name);
        }
        let mut forwarded = None;
        if let Some(shown @ [peer, ..]) = session.peer_certificates() {
            info = info.peer_certificate(certificate::info(peer));
            let auth = self.model.client_auth.as_ref();
            if let Some(fields) = auth.and_then(|auth| auth.forward.as_deref()) {
                forwarded = ForwardedClientCert::of(shown, &certificate.uris, fields);
            }
        }
        Ok(Settled {
            stream,
            http2,
            info,
            forwarded,
        })
    }

    /// Of the certificates for this name the first one whose kind of key the client knows.
    fn choose(&self, name: Option<&str>, schemes: &[rustls::SignatureScheme]) -> &Certificate {
        let fitting = self.names.find(name);
        let knows = |index: &&usize| {
            let key = &self.certificates[**index].key.key;
            key.choose_scheme(schemes).is_some()
        };
        let known = fitting.iter().find(knows).or(fitting.first());
        &self.certificates[known.copied().unwrap_or(0)]
    }
}

/// What all certificates of a listener have in common.
struct Maker {
    provider: Arc<CryptoProvider>,
    verifier: Arc<dyn ClientCertVerifier>,
    versions: &'static [&'static SupportedProtocolVersion],
    ticketer: Arc<dyn rustls::server::ProducesTickets>,
}

impl Maker {
    fn certificate(&self, identity: &model::Identity) -> Result<Certificate, rustls::Error> {
        let (chain, key) = (identity.chain.clone(), identity.key.clone_key());
        let key = Arc::new(CertifiedKey::from_der(chain, key, &self.provider)?);
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(self.versions)?
            .with_client_cert_verifier(Arc::clone(&self.verifier))
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(&key))));
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
        config.ticketer = Arc::clone(&self.ticketer);
        let leaf = key.end_entity_cert()?;
        Ok(Certificate {
            info: certificate::info(leaf),
            uris: certificate::uris(leaf),
            key,
            config: Arc::new(config),
        })
    }
}

/// Who judges clients' certificates.
fn verifier(
    auth: Option<&model::ClientAuth>,
) -> Result<Arc<dyn ClientCertVerifier>, rustls::Error> {
    let Some(auth) = auth else {
        return Ok(WebPkiClientVerifier::no_client_auth());
    };
    let mut roots = RootCertStore::empty();
    for authority in &auth.authorities {
        roots.add(authority.clone())?;
    }
    let provider = Arc::new(default_provider());
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = if auth.required {
        builder
    } else {
        builder.allow_unauthenticated()
    };
    let built = builder.build();
    built.map_err(|error| rustls::Error::General(error.to_string()))
}
