//! `listeners[].tls`, `upstreams[].tls`

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Items, OneOrMany};

/// TLS of a listener. Present, it makes it one of HTTPS, with HTTP/2 and HTTP/1.1 by ALPN.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListenerTls {
    /// Who the gateway is. The client's SNI chooses by the DNS names in the certificates, wildcards included; the first one
    /// is for clients without SNI, or with one that no certificate has.
    #[schemars(required, length(min = 1))]
    pub(crate) certificates: Option<Items<CertificateFiles>>,
    /// The oldest version of TLS that is spoken: "1.2" or "1.3". Default: "1.2".
    #[schemars(extend("default" = "1.2"))]
    pub(crate) min_version: Option<TlsVersion>,
    /// Whether clients show a certificate (mTLS). Default: they are not asked for one.
    pub(crate) client_auth: Option<ClientAuth>,
}

/// A certificate and its key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CertificateFiles {
    /// The certificate in PEM, followed by those between it and the authority. The file is watched.
    #[schemars(required, title = "a file such as certs/server.pem", extend("examples" = ["certs/server.pem"]))]
    pub(crate) cert_file: Option<String>,
    /// Its private key in PEM, not encrypted. The file is watched.
    #[schemars(required, title = "a file such as certs/server.key", extend("examples" = ["certs/server.key"]))]
    pub(crate) key_file: Option<String>,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub(crate) enum TlsVersion {
    /// TLS 1.2, RFC 5246.
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3, RFC 8446.
    #[serde(rename = "1.3")]
    Tls13,
}

/// What is asked of clients.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientAuth {
    /// Whether a client without a certificate is served. A certificate that is shown has to be a valid one in both cases.
    /// Default: required.
    #[schemars(extend("default" = "required"))]
    pub(crate) mode: Option<ClientAuthMode>,
    /// The authorities that clients' certificates come from, in PEM. The file is watched.
    #[schemars(required, title = "a file such as certs/ca.pem", extend("examples" = ["certs/ca.pem"]))]
    pub(crate) ca_file: Option<String>,
    /// What upstreams are told of the client's certificate in `x-forwarded-client-cert`: `sanitize` is nothing, `set` is `[subject,
    /// uri, dns]`, and a list chooses; `Hash` and `By` come with each of them. A client's own header of this name is removed in any
    /// case, but for a trusted proxy's. Default: sanitize.
    #[schemars(extend("default" = "sanitize"))]
    pub(crate) forward: Option<ForwardClientCert>,
}

/// What upstreams are told of the client's certificate; a word will do for what is wanted most.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum ForwardClientCert {
    /// A word.
    Mode(ForwardMode),
    /// These parts.
    Fields(Items<ClientCertField>),
}

/// Whether upstreams are told of the client's certificate.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ForwardMode {
    /// They are told nothing.
    Sanitize,
    /// They are told its digest, subject and alternative names.
    Set,
}

/// A part of what upstreams are told of the client's certificate.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ClientCertField {
    /// `Subject`: whose it is.
    Subject,
    /// `URI`: each URI among its alternative names.
    Uri,
    /// `DNS`: each DNS name among them.
    Dns,
    /// `Cert`: the certificate itself, in PEM, percent-encoded.
    Cert,
    /// `Chain`: the same of all certificates that the client showed, its own first.
    Chain,
}

/// Whether clients have to show a certificate.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ClientAuthMode {
    /// Without one there is no connection.
    Required,
    /// They may.
    Optional,
}

/// TLS to the servers of an upstream. Present, it makes all connections encrypted ones.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpstreamTls {
    /// The name that the servers' certificates are for, which is asked for too (SNI). Default: each server's own name or
    /// address.
    #[schemars(title = "a name such as api.internal", extend("examples" = ["api.internal"]))]
    pub(crate) server_name: Option<String>,
    /// The authorities that the servers' certificates come from, in PEM. The file is watched. Default: those that the system
    /// trusts.
    #[schemars(title = "a file such as certs/ca.pem", extend("examples" = ["certs/ca.pem"]))]
    pub(crate) ca_file: Option<String>,
    /// The gateway's own certificate in PEM, for servers that ask for one. The file is watched. Default: none.
    #[schemars(title = "a file such as certs/client.pem", extend("examples" = ["certs/client.pem"]))]
    pub(crate) cert_file: Option<String>,
    /// The private key of `cert_file` in PEM, not encrypted. The file is watched. Default: none.
    #[schemars(title = "a file such as certs/client.key", extend("examples" = ["certs/client.key"]))]
    pub(crate) key_file: Option<String>,
    /// Whether a server has to prove who it is. Without it anybody on the way can read and change everything. Default: true.
    #[schemars(extend("default" = true))]
    pub(crate) verify: Option<bool>,
    /// The protocols that are offered to the servers (ALPN). Default: `h2` where `protocol` is `http2`, else `http/1.1`.
    pub(crate) alpn: Option<OneOrMany<ProtocolName>>,
}

/// The name of a protocol, as ALPN has it.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "a protocol such as h2 or http/1.1", extend("examples" = ["http/1.1"]))]
pub(crate) struct ProtocolName(pub(crate) String);
