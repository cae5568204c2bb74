//! `listeners`

use std::net::SocketAddr;

use super::Checker;
use crate::limits;
use crate::model::{Listener, ListenerLimits};
use crate::raw::{self, Items, ListenerEntry};
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
    checker: &mut Checker<'_>,
) -> Option<Vec<Listener>> {
    let section = KeyPath::ROOT.key("listeners");
    let listeners: Vec<Option<Listener>> = raw
        .into_iter()
        .flat_map(Items::iter)
        .map(|(index, entry)| listener(entry, &section.index(index), checker))
        .collect();
    let listeners: Vec<Listener> = listeners.into_iter().collect::<Option<_>>()?;
    Some(if listeners.is_empty() {
        vec![Listener::default()]
    } else {
        listeners
    })
}

fn listener(
    entry: &ListenerEntry,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Listener> {
    let (limits, address_path) = match entry {
        ListenerEntry::Address(_) => (ListenerLimits::default(), *path),
        ListenerEntry::Full(listener) => (
            listener_limits(listener.limits.as_ref(), &path.key("limits"), checker),
            path.key("address"),
        ),
    };
    let (name, written) = name_and_address(entry)?;
    let address = address(written, &address_path, checker)?;
    Some(Listener {
        name: name.to_owned(),
        address,
        limits,
    })
}

fn listener_limits(
    raw: Option<&raw::ListenerLimits>,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> ListenerLimits {
    let mut found = ListenerLimits::default();
    let Some(raw) = raw else { return found };
    found.connections = raw.connections.unwrap_or(found.connections);
    let range = &limits::HEADER_TIMEOUT_RANGE;
    if let Some(timeout) = checker.duration(
        raw.header_timeout.as_ref(),
        range,
        &path.key("header_timeout"),
    ) {
        found.header_timeout = timeout;
    }
    let range = &limits::HEADER_BYTES_RANGE;
    if let Some(bytes) = checker.size(raw.header_bytes.as_ref(), range, &path.key("header_bytes")) {
        found.header_bytes = bytes;
    }
    found
}

fn address(written: &str, path: &KeyPath<'_>, checker: &mut Checker<'_>) -> Option<SocketAddr> {
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

fn meant(written: &str) -> Option<String> {
    let meant = if let Some(port) = written
        .strip_prefix(':')
        .or_else(|| written.strip_prefix("*:"))
    {
        format!("0.0.0.0:{port}")
    } else if let Some(port) = written.strip_prefix("localhost:") {
        format!("127.0.0.1:{port}")
    } else if written.parse::<u16>().is_ok() {
        format!("0.0.0.0:{written}")
    } else if let Some((_, rest)) = written.split_once("://") {
        rest.trim_end_matches('/').to_owned()
    } else if let Some((ip, port)) = written.rsplit_once(':').filter(|(ip, _)| ip.contains(':')) {
        format!("[{ip}]:{port}")
    } else {
        format!("{written}:8080")
    };
    meant.parse::<SocketAddr>().is_ok().then_some(meant)
}
