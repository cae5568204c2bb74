//! A gateway with certificates, and clients that speak TLS to it.

use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use loom_config::Config;
use loom_gateway::{Gateway, Running};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::super::support::{parse, read_head, within};
use crate::certificates::{Authority, Identity, provider};

pub(in super::super) const ECHO: &str = "routes: [{id: all, path: '/*', upstream: echo}]
upstreams: [{name: echo, builtin: echo}]
";

/// A folder with the certificate of an authority in `ca.pem`.
pub(in super::super) fn folder(authority: &Authority) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    authority.write(folder.path(), "ca");
    folder
}

/// A listener with the certificates of these names, which stand in the folder, and more about its TLS.
pub(in super::super) fn listener(certificates: &[&str], more: &str) -> String {
    let mut yaml =
        "listeners:\n  - name: web\n    address: '127.0.0.1:0'\n    tls:\n      certificates:\n"
            .to_owned();
    for name in certificates {
        let entry = format!("{{cert_file: {name}.pem, key_file: {name}.key}}");
        writeln!(yaml, "        - {entry}").expect("a string takes everything");
    }
    for line in more.lines() {
        writeln!(yaml, "      {line}").expect("a string takes everything");
    }
    yaml
}

/// A configuration whose files stand in this folder.
pub(in super::super) fn config(folder: &Path, yaml: &str) -> Config {
    let config = parse(folder.join("loom.yaml"), yaml);
    config.unwrap_or_else(|faults| panic!("{faults}"))
}

/// A gateway whose files stand in this folder.
pub(in super::super) async fn start(folder: &Path, yaml: &str) -> Running {
    Gateway::start(config(folder, yaml))
        .await
        .expect("a gateway")
}

/// What a client is like.
#[derive(Clone)]
pub(in super::super) struct Client {
    config: ClientConfig,
}

impl Client {
    /// One that trusts this authority.
    pub(in super::super) fn new(authority: &Authority) -> Self {
        Self::speaking(authority, &[&TLS13, &TLS12])
    }

    /// One that speaks these versions only.
    pub(in super::super) fn speaking(
        authority: &Authority,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        Self::made(&authority.roots(), versions, None)
    }

    /// One that has a certificate.
    pub(in super::super) fn with(authority: &Authority, identity: Identity) -> Self {
        Self::made(&authority.roots(), &[&TLS13, &TLS12], Some(identity))
    }

    fn made(
        roots: &Arc<RootCertStore>,
        versions: &[&'static SupportedProtocolVersion],
        identity: Option<Identity>,
    ) -> Self {
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)
            .expect("versions")
            .with_root_certificates(Arc::clone(roots));
        let config = match identity {
            None => config.with_no_client_auth(),
            Some(Identity { chain, key, .. }) => config
                .with_client_auth_cert(chain, key)
                .expect("a certificate"),
        };
        Self { config }
    }

    /// Offers these protocols.
    pub(in super::super) fn alpn(mut self, protocols: &[&str]) -> Self {
        self.config.alpn_protocols = protocols.iter().map(|&name| name.into()).collect();
        self
    }

    /// Asks for no name.
    pub(in super::super) fn without_sni(mut self) -> Self {
        self.config.enable_sni = false;
        self
    }

    /// Settles TLS with a gateway that has to be of this name.
    pub(in super::super) async fn connect(
        &self,
        gateway: SocketAddr,
        name: &str,
    ) -> io::Result<Secure> {
        self.over(TcpStream::connect(gateway).await?, name).await
    }

    /// Settles TLS over a connection on which something was said before.
    pub(in super::super) async fn over(&self, stream: TcpStream, name: &str) -> io::Result<Secure> {
        let connector = TlsConnector::from(Arc::new(self.config.clone()));
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        within(connector.connect(name, stream)).await.map(Secure)
    }
}

/// A connection.
pub(in super::super) struct Secure(pub(in super::super) TlsStream<TcpStream>);

impl Secure {
    /// The certificate that the gateway showed.
    pub(in super::super) fn certificate(&self) -> CertificateDer<'static> {
        let certificates = self.0.get_ref().1.peer_certificates();
        certificates.expect("a certificate")[0].clone().into_owned()
    }

    /// Sends a request for this path, and gives the response.
    ///
    /// With TLS 1.3 a client learns only then that its certificate was refused.
    pub(in super::super) async fn get(&mut self, path: &str) -> io::Result<String> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: a.test\r\n\r\n");
        self.send(&request).await
    }

    /// Sends a request, and gives the response.
    pub(in super::super) async fn send(&mut self, request: &str) -> io::Result<String> {
        self.0.write_all(request.as_bytes()).await?;
        // An end instead of a response is an error.
        let mut first = [0];
        within(self.0.read_exact(&mut first)).await?;
        let head = read_head(&mut self.0).await;
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().expect("a number"));
        let mut body = vec![0; length];
        within(self.0.read_exact(&mut body)).await?;
        let first = char::from(first[0]);
        Ok(format!("{first}{head}{}", String::from_utf8_lossy(&body)))
    }
}
