//! Lists of networks and addresses.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Checker;
use crate::raw::{NetworkText, OneOrMany};
use crate::schema::quoted;
use crate::tree::KeyPath;

/// Reads a list of networks, with those that lie in or beside each other joined.
pub(super) fn check(
    raw: &OneOrMany<NetworkText>,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Vec<IpNet>> {
    let mut networks = Vec::new();
    for (index, written) in raw.iter() {
        networks.extend(network(&written.0, &path.item(index), checker));
    }
    Some(IpNet::aggregate(&networks))
}

fn network(written: &str, path: &KeyPath<'_>, checker: &mut Checker<'_>) -> Option<IpNet> {
    if let Ok(address) = written.parse::<IpAddr>() {
        return Some(IpNet::from(address.to_canonical()));
    }
    let Ok(network) = written.parse::<IpNet>() else {
        let message = format!(
            "{} is not a network; expected one such as `10.0.0.0/8`, or an address",
            quoted(written)
        );
        checker.fault(path, message);
        return None;
    };
    // Somebody meant either the address or another network.
    if network != network.trunc() {
        let message = format!("{} is an address inside of a network", quoted(written));
        let hint = format!("write `{}` or `{}`", network.trunc(), network.addr());
        checker.fault(path, message).with_hint(hint);
        return None;
    }
    Some(network)
}
