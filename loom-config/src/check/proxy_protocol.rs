//! `listeners[].proxy_protocol`

use super::{Checker, networks};
use crate::limits;
use crate::model::{Address, ProxyProtocol};
use crate::raw::ProxyProtocolEntry;
use crate::tree::KeyPath;

pub(super) fn check(
    raw: Option<&ProxyProtocolEntry>,
    address: &Address,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<ProxyProtocol> {
    let everybody = ProxyProtocol {
        from: None,
        timeout: limits::PROXY_PROTOCOL_TIMEOUT,
    };
    let raw = match raw? {
        ProxyProtocolEntry::Switch(expected) => return expected.then_some(everybody),
        ProxyProtocolEntry::Full(raw) => raw,
    };
    let from = path.key("from");
    if raw.from.is_some() && matches!(address, Address::Unix(_)) {
        let message = "the peers of a Unix socket have no address; leave the key out";
        checker.fault(&from, message);
    }
    let range = &limits::PROXY_PROTOCOL_TIMEOUT_RANGE;
    let timeout = checker.duration(raw.timeout.as_ref(), range, &path.key("timeout"));
    let networks = raw.from.as_ref();
    Some(ProxyProtocol {
        from: networks.and_then(|networks| networks::check(networks, &from, checker)),
        timeout: timeout.unwrap_or(everybody.timeout),
    })
}
