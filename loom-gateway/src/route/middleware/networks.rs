//! `ip_allow` and `ip_deny`: which networks clients may be in.

use std::net::IpAddr;

use axum::body::Body;
use http::{Request, Response};
use ipnet::IpNet;

use super::gate::Check;
use crate::errors::Failure;
use crate::router::client_address;

/// The networks that clients may, and may not, be in.
#[derive(Debug)]
pub(super) struct Networks {
    allow: Option<Set>,
    deny: Set,
}

impl Networks {
    /// `None` when every client may come.
    pub(super) fn new(allow: Option<&[IpNet]>, deny: Option<&[IpNet]>) -> Option<Self> {
        (allow.is_some() || deny.is_some()).then(|| Self {
            allow: allow.map(Set::new),
            deny: Set::new(deny.unwrap_or_default()),
        })
    }

    /// Whether a client may come. One without an address is in no network.
    fn admit(&self, address: Option<IpAddr>) -> bool {
        let is_in = |set: &Set| address.is_some_and(|address| set.contains(address));
        !is_in(&self.deny) && self.allow.as_ref().is_none_or(is_in)
    }
}

impl Check for Networks {
    fn refuse(&self, request: &mut Request<Body>) -> Option<Response<Body>> {
        let refused = !self.admit(client_address(request.extensions()));
        refused.then(|| Failure::IpDenied.respond(request.uri().path(), None))
    }
}

/// Networks of which none has addresses of another one, in order.
#[derive(Debug)]
struct Set(Box<[IpNet]>);

impl Set {
    fn new(networks: &[IpNet]) -> Self {
        let mut networks = IpNet::aggregate(&networks.to_vec());
        networks.sort_unstable();
        Self(networks.into())
    }

    fn contains(&self, address: IpAddr) -> bool {
        // IPv4 comes before IPv6, and the one that may have it is the last that does not begin behind it.
        let behind = self
            .0
            .partition_point(|network| network.network() <= address);
        let last = behind.checked_sub(1).map(|place| &self.0[place]);
        last.is_some_and(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(written: &[&str]) -> Vec<IpNet> {
        let networks = written.iter().map(|one| one.parse().expect("a network"));
        networks.collect()
    }

    #[test]
    fn a_set_has_the_addresses_of_its_networks_and_no_others() {
        let set = Set::new(&networks(&[
            "2001:db8::/32",
            "10.1.0.0/16",
            "10.0.0.0/8",
            "192.0.2.7/32",
            "fd00::1/128",
            "127.0.0.0/8",
        ]));
        for (address, is_in) in [
            ("10.255.0.1", true),
            ("10.1.2.3", true),
            ("11.0.0.0", false),
            ("9.255.255.255", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("127.0.0.1", true),
            ("0.0.0.0", false),
            ("255.255.255.255", false),
            ("2001:db8:ffff::1", true),
            ("2001:db9::", false),
            ("::1", false),
            ("fd00::1", true),
            ("fd00::2", false),
        ] {
            let address: IpAddr = address.parse().expect("an address");
            assert_eq!(set.contains(address), is_in, "{address}");
        }
        assert!(!Set::new(&[]).contains(IpAddr::from([127, 0, 0, 1])));
    }

    #[test]
    fn what_is_denied_is_denied_though_it_is_allowed() {
        let (allow, deny) = (networks(&["10.0.0.0/8"]), networks(&["10.0.0.7/32"]));
        let address = |last| Some(IpAddr::from([10, 0, 0, last]));
        let both = Networks::new(Some(&allow), Some(&deny)).expect("rules");
        assert!(both.admit(address(1)) && !both.admit(address(7)));
        assert!(!both.admit(None), "it cannot be where it has to be");
        let only_denied = Networks::new(None, Some(&deny)).expect("rules");
        assert!(only_denied.admit(None) && only_denied.admit(Some([192, 0, 2, 1].into())));
        assert!(Networks::new(None, None).is_none());
    }
}
