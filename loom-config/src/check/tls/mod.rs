//! `listeners[].tls`, `upstreams[].tls`

mod files;
mod upstream;

pub(super) use upstream::check as upstream;

use super::Checker;
use crate::model::{Address, ClientAuth, Identity, ListenerTls, TlsVersion};
use crate::raw::{self, Items};
use crate::tree::KeyPath;

/// The TLS of a listener at this address; `None` when something is wrong with it.
pub(super) fn listener(
    raw: &raw::ListenerTls,
    address: &Address,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<ListenerTls> {
    if let Address::Unix(_) = address {
        let message = "what comes over a Unix socket does not leave the machine, and is not encrypted; leave the key out";
        checker.fault(path, message);
    }
    let section = path.key("certificates");
    let certificates: Vec<Option<Identity>> = raw
        .certificates
        .iter()
        .flat_map(Items::iter)
        .map(|(index, raw)| certificate(raw, &section.index(index), checker))
        .collect();
    let auth = raw.client_auth.as_ref();
    let auth = auth.map(|raw| client_auth(raw, &path.key("client_auth"), checker));
    let certificates: Vec<_> = certificates.into_iter().collect::<Option<_>>()?;
    // An empty list has its fault by now.
    if certificates.is_empty() {
        return None;
    }
    Some(ListenerTls {
        certificates,
        min_version: raw.min_version.map_or(TlsVersion::Tls12, TlsVersion::from),
        client_auth: auth.map_or(Some(None), |auth| auth.map(Some))?,
    })
}

fn certificate(
    raw: &raw::CertificateFiles,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Identity> {
    files::identity(
        (raw.cert_file.as_ref()?, &path.key("cert_file")),
        (raw.key_file.as_ref()?, &path.key("key_file")),
        checker,
    )
}

fn client_auth(
    raw: &raw::ClientAuth,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<ClientAuth> {
    let authorities = files::authorities(raw.ca_file.as_ref()?, &path.key("ca_file"), checker);
    Some(ClientAuth {
        required: !matches!(raw.mode, Some(raw::ClientAuthMode::Optional)),
        authorities: authorities?,
        forward: matches!(raw.forward, Some(raw::ForwardClientCert::Set)),
    })
}

impl From<raw::TlsVersion> for TlsVersion {
    fn from(raw: raw::TlsVersion) -> Self {
        match raw {
            raw::TlsVersion::Tls12 => Self::Tls12,
            raw::TlsVersion::Tls13 => Self::Tls13,
        }
    }
}
