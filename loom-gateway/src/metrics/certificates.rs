//! How long the certificates of listeners are good for.

use std::collections::BTreeMap;
use std::fmt;

use super::expose::Page;
use crate::listener::ShownCertificate;

/// When the certificates of each listener and name end, in seconds since 1970.
pub(super) type Expiries = BTreeMap<(String, String), u64>;

/// Of several certificates for one name the first end counts.
pub(super) fn expiries(certificates: &[ShownCertificate]) -> Expiries {
    let mut ends = Expiries::new();
    for one in certificates {
        let end = ends.entry((one.listener.clone(), one.name.clone()));
        let end = end.or_insert(u64::MAX);
        *end = one.expires().min(*end);
    }
    ends
}

impl Page<'_, '_> {
    pub(super) fn certificates(&mut self, expiries: &Expiries) -> fmt::Result {
        let series = expiries.iter().map(|((listener, name), end)| {
            (
                [("listener", listener.as_str()), ("name", name.as_str())],
                *end,
            )
        });
        self.gauge(
            "loom_certificate_expiry_timestamp_seconds",
            "When a certificate that a listener shows ends to be valid, in seconds since 1970.",
            series,
        )
    }
}
