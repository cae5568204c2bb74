//! The places of a listener: who has one may have a connection open.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

/// How many connections are open, and from where.
#[derive(Debug, Default)]
pub(super) struct Places {
    open: AtomicUsize,
    /// Only of clients that the listener counts.
    by_client: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection's place. Dropped, it is free.
#[derive(Debug)]
pub(super) struct Place(Arc<Places>);

/// A client's place, beside the connection's.
#[derive(Debug)]
pub(super) struct ClientPlace {
    places: Arc<Places>,
    client: IpAddr,
}

impl Places {
    /// How many connections are open.
    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// A place, if there are fewer than this many connections. Only the listener's own task asks.
    pub(super) fn take(self: &Arc<Self>, most: usize) -> Option<Place> {
        if self.open() >= most {
            return None;
        }
        self.open.fetch_add(1, Ordering::Relaxed);
        Some(Place(Arc::clone(self)))
    }

    /// A place for this client, if it has fewer than this many.
    pub(super) fn take_of_client(
        self: &Arc<Self>,
        client: IpAddr,
        most: usize,
    ) -> Option<ClientPlace> {
        let client = counted(client);
        let mut all = self.by_client.lock();
        let open = all.entry(client).or_default();
        if *open >= most {
            return None;
        }
        *open += 1;
        let places = Arc::clone(self);
        Some(ClientPlace { places, client })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for ClientPlace {
    fn drop(&mut self) {
        let mut all = self.places.by_client.lock();
        if let Some(open) = all.get_mut(&self.client) {
            *open -= 1;
            if *open == 0 {
                all.remove(&self.client);
            }
        }
    }
}

/// What counts as one client: an IPv4 address, or the 64 bits of an IPv6 network, of which a client has all addresses.
fn counted(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let network = u128::from(address) >> 64 << 64;
            Ipv6Addr::from(network).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_place_is_free_again() {
        let places = Arc::new(Places::default());
        let first = places.take(2).expect("a place");
        let second = places.take(2).expect("a place");
        assert!(places.take(2).is_none());
        assert_eq!(places.open(), 2);
        drop(first);
        let third = places.take(2);
        assert!(third.is_some());
        drop((second, third));
        assert_eq!(places.open(), 0);
    }

    #[test]
    fn each_client_has_its_own() {
        let places = Arc::new(Places::default());
        let take = |client| places.take_of_client(ip(client), 1);
        let first = take("192.0.2.7").expect("a place");
        assert!(take("::ffff:192.0.2.7").is_none(), "it is the same client");
        assert!(take("192.0.2.8").is_some());
        let network = take("2001:db8::1").expect("a place");
        assert!(take("2001:db8::ffff:2").is_none(), "it is the same network");
        assert!(take("2001:db8:0:1::1").is_some());
        drop((first, network));
        assert!(places.by_client.lock().is_empty());
        assert!(take("192.0.2.7").is_some());
    }
}
