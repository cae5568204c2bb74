//! `upstreams[].tls`

use rustls::pki_types::ServerName;

use super::super::Checker;
use super::files;
use crate::model::{Endpoint, EndpointAddress, Identity, UpstreamTls};
use crate::raw::{self, OneOrMany};
use crate::schema::quoted;
use crate::tree::KeyPath;

/// The TLS of an upstream with these endpoints; `None` when something is wrong with it.
pub(in super::super) fn check(
    raw: &raw::UpstreamTls,
    endpoints: &[Endpoint],
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<UpstreamTls> {
    let verify = raw.verify.unwrap_or(true);
    let ca_path = path.key("ca_file");
    let ca_file = raw.ca_file.as_deref();
    let authorities = ca_file.map(|file| files::authorities(file, &ca_path, checker));
    if !verify && ca_file.is_some() {
        let message = "with `verify: false` nobody is asked for, and this would do nothing; leave out one of them";
        checker.fault(&ca_path, message);
    }
    let named = raw.server_name.as_deref();
    let named = named.map(|name| server_name(name, &path.key("server_name"), checker));
    if named.is_none() {
        check_names(endpoints, path, checker);
    }
    let has_identity = raw.cert_file.is_some() || raw.key_file.is_some();
    let identity = has_identity.then(|| identity(raw, path, checker));
    let alpn = raw.alpn.as_ref();
    let alpn = alpn.map(|names| protocols(names, &path.key("alpn"), checker));
    Some(UpstreamTls {
        server_name: whole(named)?,
        authorities: whole(authorities)?,
        identity: whole(identity)?,
        verify,
        alpn: whole(alpn)?,
    })
}

/// What is there and right, or not there; `None` when it is there and wrong.
#[expect(
    clippy::option_option,
    reason = "whether it is there, and whether it is right"
)]
fn whole<T>(found: Option<Option<T>>) -> Option<Option<T>> {
    found.map_or(Some(None), |found| found.map(Some))
}

fn identity(
    raw: &raw::UpstreamTls,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Identity> {
    for (there, key, other) in [
        (raw.cert_file.is_some(), "cert_file", "key_file"),
        (raw.key_file.is_some(), "key_file", "cert_file"),
    ] {
        if there && checker.is_empty_of(path, &[other]) {
            let message = format!("`{key}` needs `{other}`; add it beside it");
            checker.fault(&path.key(key), message);
        }
    }
    files::identity(
        (raw.cert_file.as_ref()?, &path.key("cert_file")),
        (raw.key_file.as_ref()?, &path.key("key_file")),
        checker,
    )
}

fn server_name(
    written: &str,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<ServerName<'static>> {
    let name = ServerName::try_from(written.to_owned());
    if name.is_err() {
        let message = format!(
            "{} is no name that a certificate can have; expected one such as `api.internal`",
            quoted(written)
        );
        checker.fault(path, message);
    }
    name.ok()
}

/// Reports endpoints whose own name cannot stand in a certificate.
fn check_names(endpoints: &[Endpoint], path: &KeyPath<'_>, checker: &mut Checker<'_>) {
    let nameless = endpoints
        .iter()
        .find_map(|endpoint| match &endpoint.address {
            EndpointAddress::Unix(socket) => Some(format!("unix:{}", socket.display())),
            EndpointAddress::Tcp { host, .. } => ServerName::try_from(host.as_str())
                .is_err()
                .then(|| host.clone()),
        });
    if let Some(endpoint) = nameless {
        let message = format!("the endpoint `{endpoint}` has no name that a certificate can have");
        let fault = checker.fault(path, message);
        fault.with_hint("add `server_name`, with the name that its certificate is for");
    }
}

fn protocols(
    names: &OneOrMany<raw::ProtocolName>,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Vec<String>> {
    let read = |(index, name): (Option<usize>, &raw::ProtocolName)| {
        let name = &name.0;
        // RFC 7301, 3.1
        if name.is_empty() || name.len() > 255 {
            let message = format!("{} is no protocol; expected one such as `h2`", quoted(name));
            checker.fault(&path.item(index), message);
            return None;
        }
        Some(name.clone())
    };
    let names: Vec<_> = names.iter().map(read).collect();
    names.into_iter().collect()
}
