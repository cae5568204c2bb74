//! Upstreams that lead back to the gateway itself, and from there to themselves.

use std::net::IpAddr;

use super::Checker;
use crate::model::{Action, Address, Config, Endpoint, EndpointAddress, Listener, Route, Target};
use crate::tree::{KeyPath, Value};

/// An endpoint that is a listener of the same file.
#[derive(Clone, Copy, PartialEq)]
struct Own<'a> {
    upstream: usize,
    /// Its place among the endpoints of the upstream.
    place: usize,
    endpoint: &'a Endpoint,
    listener: usize,
}

/// Warns of endpoints by which a request comes back to the listener that it came from. Whether one does is for its path to
/// decide, and for the rest of what routes ask for; and somebody may want it.
pub(super) fn check(config: &Config, checker: &mut Checker<'_>) {
    let own: Vec<Own<'_>> = own(config);
    if own.is_empty() {
        return;
    }
    let leads = leads(config, &own);
    for one in &own {
        // From a listener whose requests may take it, to that endpoint, and on to the same listener.
        let mut takers = leads.iter().enumerate().filter(|(_, to)| to.contains(one));
        if !takers.any(|(from, _)| is_reached(&leads, one.listener, from)) {
            continue;
        }
        let upstream = &config.upstreams[one.upstream];
        let listener = &config.listeners[one.listener];
        let message = format!(
            "endpoint {} of upstream `{}` is this gateway's own listener `{}`: a request that takes it comes back, and each pass holds a connection",
            shown(one.endpoint),
            upstream.name,
            listener.name
        );
        let path = KeyPath::ROOT.key("upstreams");
        let path = path.index(one.upstream);
        let path = path.key("endpoints");
        let in_list = matches!(checker.tree.nearest(&path).value, Value::List(_));
        checker.warn(&path.item(in_list.then_some(one.place)), message);
    }
}

fn own(config: &Config) -> Vec<Own<'_>> {
    let mut all = Vec::new();
    for (upstream, model) in config.upstreams.iter().enumerate() {
        let Target::Servers(servers) = &model.target else {
            continue;
        };
        for (place, endpoint) in servers.endpoints.iter().enumerate() {
            let speaks = |listener: &Listener| listener.tls.is_some() == servers.tls.is_some();
            let is_it = |listener: &Listener| is_at(&endpoint.address, &listener.address);
            let mut listeners = config.listeners.iter();
            let listener = listeners.position(|listener| is_it(listener) && speaks(listener));
            all.extend(listener.map(|listener| Own {
                upstream,
                place,
                endpoint,
                listener,
            }));
        }
    }
    all
}

/// From each listener, the endpoints that its requests may be sent to.
fn leads<'a>(config: &Config, own: &[Own<'a>]) -> Vec<Vec<Own<'a>>> {
    let mut leads = vec![Vec::new(); config.listeners.len()];
    for route in &config.routes {
        for one in own.iter().filter(|one| uses(route, one.upstream)) {
            for &from in &route.listeners {
                // What is redirected goes nowhere.
                let passes = config.listeners[from].redirect_https.is_none();
                if passes && !leads[from].contains(one) {
                    leads[from].push(*one);
                }
            }
        }
    }
    leads
}

/// Whether a request that comes to `from` may come to `to`, or is there already.
fn is_reached(leads: &[Vec<Own<'_>>], from: usize, to: usize) -> bool {
    let mut seen = vec![false; leads.len()];
    let mut next = vec![from];
    while let Some(at) = next.pop() {
        if at == to {
            return true;
        }
        if !std::mem::replace(&mut seen[at], true) {
            next.extend(leads[at].iter().map(|one| one.listener));
        }
    }
    false
}

fn uses(route: &Route, upstream: usize) -> bool {
    match &route.action {
        Action::Upstream(used) => *used == upstream,
        Action::Split(shares) => shares.iter().any(|share| share.upstream == upstream),
        Action::Redirect(_) | Action::Respond(_) => false,
    }
}

/// Whether who connects there meets this listener, as far as that can be told from what is written.
fn is_at(endpoint: &EndpointAddress, listener: &Address) -> bool {
    match (endpoint, listener) {
        (EndpointAddress::Unix(one), Address::Unix(other)) => one == other,
        (EndpointAddress::Tcp { host, port }, Address::Ip(listens)) => {
            *port == listens.port() && *port != 0 && takes(listens.ip(), host)
        }
        _ => false,
    }
}

fn takes(listens: IpAddr, host: &str) -> bool {
    let Ok(ip) = host.parse::<IpAddr>() else {
        let is_local = listens.is_loopback() || listens.is_unspecified();
        return host == "localhost" && is_local;
    };
    // Whether the machine has another address is not known here.
    let is_own = ip.is_loopback() || ip.is_unspecified();
    ip == listens || is_own && listens.is_unspecified() && (ip.is_ipv4() || listens.is_ipv6())
}

fn shown(endpoint: &Endpoint) -> String {
    match &endpoint.address {
        EndpointAddress::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
        EndpointAddress::Tcp { host, port } => format!("{host}:{port}"),
        EndpointAddress::Unix(path) => format!("unix:{}", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_meets_which_listener() {
        for (host, listens, meets) in [
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "0.0.0.0", true),
            ("127.0.0.1", "::", true),
            ("::1", "::", true),
            ("::1", "0.0.0.0", false),
            ("127.0.0.1", "127.0.0.2", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "0.0.0.0", false),
            ("localhost", "127.0.0.1", true),
            ("localhost", "::", true),
            ("localhost", "10.0.0.1", false),
            ("example.com", "0.0.0.0", false),
        ] {
            let listener = listens.parse().expect("an address");
            assert_eq!(takes(listener, host), meets, "{host} {listens}");
        }
    }
}
