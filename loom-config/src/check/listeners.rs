//! `listeners`

use std::collections::HashMap;
use std::net::SocketAddr;

use ipnet::IpNet;

use super::plugin_lists::PluginLists;
use super::{Checker, listener_limits, networks, normalize, proxy_protocol, tls};
use crate::limits;
use crate::model::{Address, Listener, ListenerLimits};
use crate::raw::{Items, ListenerEntry, RedirectHttpsEntry};
use crate::schema::quoted;
use crate::tree::KeyPath;

/// The names of the listeners: an address alone is its own name.
pub(super) fn names(
    raw: Option<&Items<ListenerEntry>>,
) -> impl Iterator<Item = (usize, Option<&str>)> {
    let items = raw.into_iter().flat_map(Items::iter);
    items.map(|(index, entry)| (index, name_and_address(entry).map(|(name, _)| name)))
}

fn name_and_address(entry: &ListenerEntry) -> Option<(&str, &str)> {
    match entry {
        ListenerEntry::Address(address) => Some((&address.0, &address.0)),
        ListenerEntry::Full(listener) => {
            let address = &listener.address.as_ref()?.0;
            Some((listener.name.as_ref().unwrap_or(address), address))
        }
    }
}

pub(super) fn check(
    raw: Option<&Items<ListenerEntry>>,
    lists: &PluginLists<'_>,
    checker: &mut Checker<'_>,
) -> Option<Vec<Listener>> {
    let section = KeyPath::ROOT.key("listeners");
    let listeners: Vec<Option<Listener>> = raw
        .into_iter()
        .flat_map(Items::iter)
        .map(|(index, entry)| listener(entry, lists, &section.index(index), checker))
        .collect();
    check_addresses(&listeners, raw, checker);
    let listeners: Vec<Listener> = listeners.into_iter().collect::<Option<_>>()?;
    Some(if listeners.is_empty() {
        vec![Listener::default()]
    } else {
        listeners
    })
}

/// Reports an address that two listeners want to bind. Port 0 takes a free one each time.
fn check_addresses(
    listeners: &[Option<Listener>],
    raw: Option<&Items<ListenerEntry>>,
    checker: &mut Checker<'_>,
) {
    let section = KeyPath::ROOT.key("listeners");
    let mut seen: HashMap<&Address, &Listener> = HashMap::new();
    let places = raw
        .into_iter()
        .flat_map(Items::iter)
        .map(|(index, _)| index);
    for (index, listener) in places.zip(listeners) {
        let Some(listener) = listener
            .as_ref()
            .filter(|listener| !listener.address.is_any_port())
        else {
            continue;
        };
        // Those of the same name have a fault already.
        let first = seen.insert(&listener.address, listener);
        if let Some(first) = first.filter(|first| first.name != listener.name) {
            let message = format!(
                "listener `{}` binds {} already; listeners have different addresses",
                first.name, first.address
            );
            let entry = section.index(index);
            checker.fault(&entry.key("address"), message);
        }
    }
}

fn listener(
    entry: &ListenerEntry,
    lists: &PluginLists<'_>,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Listener> {
    let plugins = lists.of_listener(entry.plugins(), &path.key("plugins"), checker);
    let (limits, address_path) = match entry {
        ListenerEntry::Address(_) => (ListenerLimits::default(), *path),
        ListenerEntry::Full(listener) => (
            listener_limits::check(listener.limits.as_ref(), &path.key("limits"), checker),
            path.key("address"),
        ),
    };
    let (name, written) = name_and_address(entry)?;
    let address = match written.strip_prefix("unix:") {
        Some(socket) => unix(socket, &address_path, checker),
        None => Address::Ip(address(written, &address_path, checker)?),
    };
    let (reuse_port, mode, paths) = match entry {
        ListenerEntry::Address(_) => (None, None, None),
        ListenerEntry::Full(listener) => (
            listener.reuse_port,
            listener.mode.as_deref(),
            listener.normalize_path.as_ref(),
        ),
    };
    check_kind(&address, reuse_port, mode, path, checker);
    let trusted_proxies = trusted_proxies(entry, &address, path, checker);
    let proxy_protocol = match entry {
        ListenerEntry::Address(_) => None,
        ListenerEntry::Full(listener) => proxy_protocol::check(
            listener.proxy_protocol.as_ref(),
            &address,
            &path.key("proxy_protocol"),
            checker,
        ),
    };
    let tls = match entry {
        ListenerEntry::Full(listener) => listener.tls.as_ref(),
        ListenerEntry::Address(_) => None,
    };
    let tls = match tls {
        Some(raw) => Some(tls::listener(raw, &address, &path.key("tls"), checker)?),
        None => {
            check_without_tls(path, checker);
            None
        }
    };
    Some(Listener {
        name: name.to_owned(),
        address,
        redirect_https: redirect_https(entry, path, checker),
        tls,
        limits,
        trusted_proxies,
        proxy_protocol,
        plugins: plugins?,
        normalize_path: normalize::rules(paths),
        reuse_port: reuse_port.unwrap_or(false),
        mode: mode.and_then(file_mode),
    })
}

/// Who may say who the client is. The peers of a Unix socket have no address to be trusted by.
fn trusted_proxies(
    entry: &ListenerEntry,
    address: &Address,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Vec<IpNet> {
    let ListenerEntry::Full(listener) = entry else {
        return Vec::new();
    };
    let path = path.key("trusted_proxies");
    if listener.trusted_proxies.is_some() && matches!(address, Address::Unix(_)) {
        let message = "the peers of a Unix socket have no address; leave the key out";
        checker.fault(&path, message);
    }
    let networks = listener.trusted_proxies.as_ref();
    let networks = networks.and_then(|networks| networks::check(networks, &path, checker));
    networks.unwrap_or_default()
}

/// A mode in octal digits: the rights of owner, group and others.
fn file_mode(written: &str) -> Option<u32> {
    let mode = u32::from_str_radix(written, 8).ok()?;
    (mode <= 0o777).then_some(mode)
}

fn unix(socket: &str, path: &KeyPath<'_>, checker: &mut Checker<'_>) -> Address {
    if socket.is_empty() {
        checker.fault(
            path,
            "the path of the socket is empty; expected `unix:/run/loom.sock`",
        );
    }
    Address::Unix(checker.beside(path, socket))
}

/// Reports keys that mean nothing for this kind of address.
fn check_kind(
    address: &Address,
    reuse_port: Option<bool>,
    mode: Option<&str>,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) {
    let is_unix = matches!(address, Address::Unix(_));
    if is_unix && reuse_port == Some(true) {
        let message = "a Unix socket has no port; leave the key out";
        checker.fault(&path.key("reuse_port"), message);
    }
    if let Some(mode) = mode.filter(|mode| file_mode(mode).is_none()) {
        let message = format!(
            "{} is not a mode; expected octal digits such as \"0660\"",
            quoted(mode)
        );
        checker.fault(&path.key("mode"), message);
    }
    if !is_unix && mode.is_some() {
        let message = "only the file of a Unix socket has a mode; leave the key out";
        checker.fault(&path.key("mode"), message);
    }
}

/// The port that requests are redirected to, if they are.
fn redirect_https(
    entry: &ListenerEntry,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<u16> {
    let ListenerEntry::Full(listener) = entry else {
        return None;
    };
    let port = match listener.redirect_https.as_ref()? {
        RedirectHttpsEntry::Switch(false) => return None,
        RedirectHttpsEntry::Switch(true) => limits::HTTPS_PORT,
        RedirectHttpsEntry::Full(full) => full.port.unwrap_or(limits::HTTPS_PORT),
    };
    if listener.tls.is_some() {
        let message =
            "with `tls` every request is one of HTTPS, and this would do nothing; leave it out";
        checker.fault(&path.key("redirect_https"), message);
    }
    Some(port)
}

/// Reports a time of handshakes where there are none.
fn check_without_tls(path: &KeyPath<'_>, checker: &mut Checker<'_>) {
    let limits = path.key("limits");
    let (section, key) = ("tls", "tls_handshake_timeout");
    if checker.is_empty_of(path, &[section]) && !checker.is_empty_of(&limits, &[key]) {
        let message =
            "without `tls` there is no handshake, and this would do nothing; leave it out";
        checker.fault(&limits.key(key), message);
    }
}

pub(super) fn address(
    written: &str,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<SocketAddr> {
    if let Ok(address) = written.parse() {
        return Some(address);
    }
    let message = format!(
        "{} is not an address; expected an IP address and a port",
        quoted(written)
    );
    let hint = meant(written);
    let fault = checker.fault(path, message);
    if let Some(meant) = hint {
        fault.with_hint(format!("did you mean `{meant}`?"));
    }
    None
}

/// The address that was probably meant: the first of some guesses that is one.
fn meant(written: &str) -> Option<String> {
    let bare = written
        .split_once("://")
        .map_or(written, |(_, rest)| rest.trim_end_matches('/'));
    let of_port = |start: &str| {
        bare.strip_prefix(start)
            .map(|port| format!("0.0.0.0:{port}"))
    };
    let guesses = [
        of_port(""),
        of_port(":"),
        of_port("*:"),
        bare.strip_prefix("localhost:")
            .map(|port| format!("127.0.0.1:{port}")),
        bare.rsplit_once(':')
            .map(|(ip, port)| format!("[{ip}]:{port}")),
        Some(format!("{bare}:8080")),
        Some(bare.to_owned()),
    ];
    guesses
        .into_iter()
        .flatten()
        .find(|guess| guess.parse::<SocketAddr>().is_ok())
}
