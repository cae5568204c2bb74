//! `admin`

use super::{Checker, listeners};
use crate::limits;
use crate::model::{Address, Admin, Listener, Secret};
use crate::raw;
use crate::tree::KeyPath;

pub(super) fn check(
    raw: Option<&raw::Admin>,
    listeners: Option<&[Listener]>,
    checker: &mut Checker<'_>,
) -> Option<Admin> {
    let raw = raw?;
    let section = KeyPath::ROOT.key("admin");
    let path = section.key("address");
    let address = listeners::address(&raw.address.as_ref()?.0, &path, checker);
    let token = raw.token.as_deref();
    if let Some(token) = token {
        check_token(token, &section.key("token"), checker);
    }
    let address = address?;
    if !address.ip().is_loopback() && token.is_none() {
        checker
            .fault(
                &path,
                "others than this machine can reach this address, so a token is needed",
            )
            .with_hint("add `token: ${ADMIN_TOKEN}`, or listen on 127.0.0.1");
    }
    let taken = listeners
        .unwrap_or_default()
        .iter()
        .find(|listener| listener.address == Address::Ip(address) && address.port() != 0);
    if let Some(listener) = taken {
        let message = format!(
            "listener `{}` binds {address} already; `admin` needs an address of its own",
            listener.name
        );
        checker.fault(&path, message);
    }
    Some(Admin {
        address,
        token: token.map(Secret::new),
    })
}

fn check_token(token: &str, path: &KeyPath<'_>, checker: &mut Checker<'_>) {
    let range = limits::TOKEN_BYTES;
    if !range.contains(&token.len()) || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let message = format!(
            "a token is {} to {} visible ASCII characters without spaces",
            range.start(),
            range.end()
        );
        checker
            .fault(path, message)
            .with_hint("`openssl rand -hex 16` makes one");
    }
}
