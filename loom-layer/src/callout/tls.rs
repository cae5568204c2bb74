//! TLS to servers that are called: whom they are trusted by, and why not.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tower_service::Service;

use super::server::tcp;
use crate::error::BoxError;

/// How a plugin's `https://` upstream proves who it is.
///
/// Certificates are always verified, and have to be for the host of the URL, which also goes out as SNI.
///
/// ```
/// # #[cfg(feature = "tls")] {
/// use loom_layer::{LoomPlugin, UpstreamTls};
///
/// # fn builder(pem: Vec<u8>) -> loom_layer::LoomPluginBuilder {
/// LoomPlugin::builder("auth-callout")
///     .file("auth_callout.wasm")
///     // A server with a public certificate,
///     .upstream("login", "https://login.example.com")
///     // and one with a certificate of our own authority.
///     .upstream_with_tls("users", "https://users.internal:8443", UpstreamTls::roots(pem))
/// # }
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct UpstreamTls(Trust);

/// The system has no certificates of authorities.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the system has no certificates of authorities {0:?}: install them, or give roots")]
pub struct NoSystemRoots(Vec<String>);

#[derive(Debug, Clone)]
enum Trust {
    System,
    Roots(Bytes),
    Config(Arc<ClientConfig>),
}

impl UpstreamTls {
    /// By an authority that the system trusts. This is what an upstream has that says nothing else.
    ///
    /// The system's certificates are those that OpenSSL would find, `SSL_CERT_FILE` and `SSL_CERT_DIR` included. They are
    /// read when the plugin is built.
    #[must_use]
    pub fn system_roots() -> Self {
        Self(Trust::System)
    }

    /// By one of these authorities and no other: certificates in PEM.
    #[must_use]
    pub fn roots(pem: impl Into<Bytes>) -> Self {
        Self(Trust::Roots(pem.into()))
    }

    /// The authorities that the system trusts, for who connects to servers without the layer, and by the same rules.
    ///
    /// # Errors
    ///
    /// When there are none.
    pub fn system_root_store() -> Result<RootCertStore, NoSystemRoots> {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let errors = found.errors.iter().map(ToString::to_string).collect();
            return Err(NoSystemRoots(errors));
        }
        Ok(roots)
    }

    /// What TLS had against a connection, if it is that which an error comes from.
    pub fn error_in<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
        cause(error)
    }

    fn config(&self) -> Result<Arc<ClientConfig>, String> {
        let mut roots = RootCertStore::empty();
        match &self.0 {
            Trust::Config(config) => return Ok(Arc::clone(config)),
            Trust::System => {
                roots = Self::system_root_store().map_err(|error| error.to_string())?;
            }
            Trust::Roots(pem) => {
                for certificate in CertificateDer::pem_slice_iter(pem) {
                    let added =
                        certificate
                            .map_err(|error| error.to_string())
                            .and_then(|certificate| {
                                roots.add(certificate).map_err(|error| error.to_string())
                            });
                    added.map_err(|error| format!("its roots cannot be read: {error}"))?;
                }
                if roots.is_empty() {
                    return Err("its roots have no certificate in PEM".to_owned());
                }
            }
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

/// For what else there is to say, such as a certificate of the client's own. Only ALPN is replaced, since that depends on the call.
impl From<Arc<ClientConfig>> for UpstreamTls {
    fn from(config: Arc<ClientConfig>) -> Self {
        Self(Trust::Config(config))
    }
}

impl From<ClientConfig> for UpstreamTls {
    fn from(config: ClientConfig) -> Self {
        Arc::new(config).into()
    }
}

/// Connects with TLS, and warns of the first connection that fails for it.
#[derive(Clone)]
pub(super) struct Secured {
    connector: HttpsConnector<HttpConnector>,
    upstream: Arc<str>,
    warned: Arc<AtomicBool>,
}

impl Secured {
    /// The connectors for HTTP/1.1 and for HTTP/2.
    pub(super) fn pair(upstream: &Arc<str>, tls: &UpstreamTls) -> Result<[Self; 2], String> {
        let config = tls.config()?;
        let warned = Arc::new(AtomicBool::new(false));
        Ok(["http/1.1", "h2"].map(|protocol| {
            let mut config = ClientConfig::clone(&config);
            config.alpn_protocols = vec![protocol.into()];
            Self {
                connector: HttpsConnector::from((tcp(), config)),
                upstream: Arc::clone(upstream),
                warned: Arc::clone(&warned),
            }
        }))
    }
}

impl Service<Uri> for Secured {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, server: Uri) -> Self::Future {
        let connecting = self.connector.call(server);
        let (upstream, warned) = (Arc::clone(&self.upstream), Arc::clone(&self.warned));
        Box::pin(async move {
            let connected = connecting.await;
            if let Some(error) = connected.as_ref().err().and_then(|error| cause(&**error))
                && !warned.swap(true, Ordering::Relaxed)
            {
                let cure = cure(error);
                tracing::warn!(target: "loom::callout", upstream = &*upstream, %error, cure, "an upstream cannot be called over TLS");
            }
            connected
        })
    }
}

/// The error of TLS in another one.
fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(error) = error.downcast_ref() {
        return Some(error);
    }
    // An `io::Error` shows its inner one, and so does not name it as its source.
    match error.downcast_ref::<io::Error>() {
        Some(io) => cause(io.get_ref()?),
        None => cause(error.source()?),
    }
}

/// What an operator can do about it.
fn cure(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => {
            "no trusted authority has signed its certificate: give its own one as the upstream's roots"
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "its certificate is for another name: use that as the host of the upstream's URL",
        rustls::Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => "its certificate is too old, or one of the clocks is wrong",
        rustls::Error::InvalidMessage(_) => "it does not speak TLS: use http:// in its URL",
        rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol) => {
            "gRPC needs HTTP/2, and HTTP calls HTTP/1.1, which it does not offer"
        }
        _ => "see the error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_have_to_be_certificates() {
        for (pem, wrong) in [
            (&b""[..], "no certificate in PEM"),
            (b"a", "no certificate in PEM"),
            (
                b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                "cannot be read",
            ),
            (b"-----BEGIN CERTIFICATE-----\nAAAA\n", "cannot be read"),
        ] {
            let error = UpstreamTls::roots(pem).config().err().unwrap_or_default();
            assert!(error.contains(wrong), "{error}");
        }
    }

    #[test]
    fn the_cause_is_found_in_errors_of_io() {
        let error = io::Error::other(io::Error::new(
            io::ErrorKind::InvalidData,
            rustls::Error::DecryptError,
        ));
        let boxed: BoxError = error.into();
        assert_eq!(cause(&*boxed), Some(&rustls::Error::DecryptError));
        assert_eq!(cause(&io::Error::other("else")), None);
    }
}
