//! `listeners[].tls`, `upstreams[].tls`

mod files;
mod upstream;

pub(super) use upstream::check as upstream;

use super::Checker;
use crate::model::{Address, ClientAuth, ClientCertField, Identity, ListenerTls, TlsVersion};
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
    let forward = raw.forward.as_ref();
    let forward = forward.and_then(|raw| forwarded(raw, &path.key("forward"), checker));
    Some(ClientAuth {
        required: !matches!(raw.mode, Some(raw::ClientAuthMode::Optional)),
        authorities: authorities?,
        forward,
    })
}

/// What upstreams are told, in its one order.
fn forwarded(
    raw: &raw::ForwardClientCert,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Vec<ClientCertField>> {
    let written = match raw {
        raw::ForwardClientCert::Mode(raw::ForwardMode::Sanitize) => return None,
        raw::ForwardClientCert::Mode(raw::ForwardMode::Set) => {
            return Some(ClientCertField::SET.to_vec());
        }
        raw::ForwardClientCert::Fields(written) => written,
    };
    let mut fields = Vec::new();
    for (index, field) in written.iter() {
        let field = ClientCertField::from(*field);
        if fields.contains(&field) {
            let message = format!("`{}` is in the list already", field.name());
            checker.fault(&path.index(index), message);
        }
        fields.push(field);
    }
    fields.sort_unstable();
    Some(fields)
}

impl From<raw::TlsVersion> for TlsVersion {
    fn from(raw: raw::TlsVersion) -> Self {
        match raw {
            raw::TlsVersion::Tls12 => Self::Tls12,
            raw::TlsVersion::Tls13 => Self::Tls13,
        }
    }
}

impl From<raw::ClientCertField> for ClientCertField {
    fn from(raw: raw::ClientCertField) -> Self {
        match raw {
            raw::ClientCertField::Subject => Self::Subject,
            raw::ClientCertField::Uri => Self::Uri,
            raw::ClientCertField::Dns => Self::Dns,
            raw::ClientCertField::Cert => Self::Cert,
            raw::ClientCertField::Chain => Self::Chain,
        }
    }
}
