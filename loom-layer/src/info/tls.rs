//! What TLS settled about a connection.

/// What TLS settled about a connection: of a downstream connection for the properties `connection.tls_version`,
/// `connection.requested_server_name`, `connection.mtls` and those of the two certificates, of one to an upstream for
/// `upstream.tls_version` and those of the two certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsInfo {
    version: String,
    server_name: Option<String>,
    local: CertificateInfo,
    peer: Option<CertificateInfo>,
}

impl TlsInfo {
    /// TLS of this version, in the form `TLSv1.3`.
    pub fn new(version: impl Into<String>) -> Self {
        Self {
            version: version.into(),
            server_name: None,
            local: CertificateInfo::new(),
            peer: None,
        }
    }

    /// The name that the client asked for (SNI).
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// The own certificate of this side.
    #[must_use]
    pub fn local_certificate(mut self, certificate: CertificateInfo) -> Self {
        self.local = certificate;
        self
    }

    /// The certificate that the other side presented. If that is the client, `connection.mtls` is then true.
    #[must_use]
    pub fn peer_certificate(mut self, certificate: CertificateInfo) -> Self {
        self.peer = Some(certificate);
        self
    }

    /// Whether the client presented a certificate.
    pub(crate) fn is_mutual(&self) -> bool {
        self.peer.is_some()
    }

    /// The name that the client asked for; empty when it asked for none.
    pub(crate) fn requested_server_name(&self) -> &str {
        self.server_name.as_deref().unwrap_or_default()
    }

    /// A property by the name that it has below `connection`.
    pub(crate) fn property(&self, name: &[u8]) -> Option<&str> {
        let peer = self.peer.as_ref();
        match name {
            b"tls_version" => Some(&self.version),
            b"subject_local_certificate" => self.local.subject.as_deref(),
            b"subject_peer_certificate" => peer?.subject.as_deref(),
            b"dns_san_local_certificate" => self.local.dns_san.as_deref(),
            b"dns_san_peer_certificate" => peer?.dns_san.as_deref(),
            b"uri_san_local_certificate" => self.local.uri_san.as_deref(),
            b"uri_san_peer_certificate" => peer?.uri_san.as_deref(),
            b"sha256_peer_certificate_digest" => peer?.sha256.as_deref(),
            _ => None,
        }
    }
}

/// A certificate, as far as plugins can ask about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CertificateInfo {
    subject: Option<String>,
    dns_san: Option<String>,
    uri_san: Option<String>,
    sha256: Option<String>,
}

impl CertificateInfo {
    /// A certificate of which nothing is told.
    pub fn new() -> Self {
        Self::default()
    }

    /// Its subject, as RFC 2253 writes it.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// The first DNS name among its alternative names.
    #[must_use]
    pub fn dns_san(mut self, name: impl Into<String>) -> Self {
        self.dns_san = Some(name.into());
        self
    }

    /// The first URI among its alternative names.
    #[must_use]
    pub fn uri_san(mut self, uri: impl Into<String>) -> Self {
        self.uri_san = Some(uri.into());
        self
    }

    /// Its SHA-256, in hexadecimal digits.
    #[must_use]
    pub fn sha256(mut self, digest: impl Into<String>) -> Self {
        self.sha256 = Some(digest.into());
        self
    }
}
