//! `upstreams[].load_balancer`

use super::Checker;
use crate::model::{HashOn, LoadBalancer};
use crate::raw::{self, BalancePolicy, HashOnEntry, HashOnWord, LoadBalancerEntry, OneOrMany};
use crate::schema::quoted;
use crate::tree::KeyPath;

const HASH_ON_HINT: &str = "for example `{policy: consistent_hash, hash_on: [{header: x-user}]}`";

/// How servers are chosen; `None` when that is not clear.
pub(super) fn check(
    raw: Option<&LoadBalancerEntry>,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<LoadBalancer> {
    let (policy, hash_on) = match raw {
        None => (BalancePolicy::RoundRobin, None),
        Some(LoadBalancerEntry::Policy(policy)) => (*policy, None),
        Some(LoadBalancerEntry::Full(full)) => {
            let policy = full.policy.unwrap_or(BalancePolicy::RoundRobin);
            (policy, full.hash_on.as_ref())
        }
    };
    if policy == BalancePolicy::ConsistentHash {
        return match hash_on {
            Some(raw) => {
                parts(raw, &path.key("hash_on"), checker).map(LoadBalancer::ConsistentHash)
            }
            None => {
                let message = "`consistent_hash` needs `hash_on`: what of a request decides";
                checker.fault(path, message).with_hint(HASH_ON_HINT);
                None
            }
        };
    }
    if hash_on.is_some() {
        let message = "`hash_on` does nothing with this policy; leave it out";
        checker
            .fault(&path.key("hash_on"), message)
            .with_hint(HASH_ON_HINT);
    }
    Some(match policy {
        BalancePolicy::Random => LoadBalancer::Random,
        BalancePolicy::LeastRequest => LoadBalancer::LeastRequest,
        BalancePolicy::RoundRobin | BalancePolicy::ConsistentHash => LoadBalancer::RoundRobin,
    })
}

fn parts(
    raw: &OneOrMany<HashOnEntry>,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Vec<HashOn>> {
    let parts: Vec<Option<HashOn>> = raw
        .iter()
        .map(|(index, entry)| match entry {
            HashOnEntry::Word(HashOnWord::Ip) => Some(HashOn::Ip),
            HashOnEntry::Named(named) => part(named, &path.item(index), checker),
        })
        .collect();
    parts.into_iter().collect()
}

fn part(raw: &raw::HashOn, path: &KeyPath<'_>, checker: &mut Checker<'_>) -> Option<HashOn> {
    match (&raw.header, &raw.cookie, &raw.query) {
        (Some(header), None, None) => {
            if !is_token(header) {
                let message = format!("{} is no name of a header", quoted(header));
                checker.fault(&path.key("header"), message);
                return None;
            }
            Some(HashOn::Header(header.to_ascii_lowercase()))
        }
        (None, Some(cookie), None) => Some(HashOn::Cookie(cookie.clone())),
        (None, None, Some(query)) => Some(HashOn::Query(query.clone())),
        _ => {
            let message =
                "expected one of `header`, `cookie`, `query`, with a name, or the word `ip`";
            checker
                .fault(path, message)
                .with_hint("several parts are several items of the list");
            None
        }
    }
}

/// Whether it can be the name of a header (RFC 9110, 5.6.2).
fn is_token(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_allowed)
}
