//! The certificates that listeners show, and how long they are good for.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use loom_config::CertificateFacts;
use loom_config::model::Config;

/// A certificate that a listener shows.
#[derive(Debug)]
pub(crate) struct ShownCertificate {
    pub(crate) listener: String,
    /// The first DNS name that it is for, or else its subject.
    pub(crate) name: String,
    pub(crate) file: PathBuf,
    pub(crate) dns_names: Vec<String>,
    pub(crate) not_before: SystemTime,
    pub(crate) not_after: SystemTime,
}

impl ShownCertificate {
    /// Those of all listeners, in the order of the configuration. One that cannot be understood has no end to tell of.
    pub(crate) fn all(config: &Config) -> Vec<Self> {
        let listeners = config.listeners.iter();
        let each = listeners.filter_map(|listener| Some((listener, listener.tls.as_ref()?)));
        each.flat_map(|(listener, tls)| {
            tls.certificates.iter().filter_map(|identity| {
                let facts = CertificateFacts::of(identity.chain.first()?)?;
                let first = facts.dns_names.first();
                Some(Self {
                    listener: listener.name.clone(),
                    name: first.unwrap_or(&facts.subject).clone(),
                    file: identity.cert_file.clone(),
                    not_before: time(facts.not_before()),
                    not_after: time(facts.not_after()),
                    dns_names: facts.dns_names,
                })
            })
        })
        .collect()
    }

    /// When it ends to be valid, in seconds since 1970.
    pub(crate) fn expires(&self) -> u64 {
        let since = self.not_after.duration_since(SystemTime::UNIX_EPOCH);
        since.unwrap_or_default().as_secs()
    }
}

/// What was before 1970 is as good as then.
fn time(seconds: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}
