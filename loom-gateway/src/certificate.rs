//! What plugins and others are told of a certificate.

use std::fmt::Write;

use loom_config::CertificateFacts;
use loom_layer::CertificateInfo;
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};

/// What plugins can ask about a certificate.
pub(crate) fn info(certificate: &CertificateDer<'_>) -> CertificateInfo {
    let mut info = CertificateInfo::new().sha256(sha256(certificate));
    let Some(facts) = CertificateFacts::of(certificate) else {
        return info;
    };
    info = info.subject(facts.subject);
    if let Some(name) = facts.dns_names.into_iter().next() {
        info = info.dns_san(name);
    }
    if let Some(uri) = facts.uris.into_iter().next() {
        info = info.uri_san(uri);
    }
    info
}

/// The DNS names that a certificate is for.
pub(crate) fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let facts = CertificateFacts::of(certificate);
    facts.map(|facts| facts.dns_names).unwrap_or_default()
}

/// The URIs that a certificate is for.
pub(crate) fn uris(certificate: &CertificateDer<'_>) -> Vec<String> {
    let facts = CertificateFacts::of(certificate);
    facts.map(|facts| facts.uris).unwrap_or_default()
}

/// The digest of a whole certificate, in hexadecimal digits.
pub(crate) fn sha256(certificate: &CertificateDer<'_>) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(certificate) {
        // A string takes everything.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_has_a_digest() {
        let none = CertificateDer::from(b"abc".to_vec());
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(info(&none), CertificateInfo::new().sha256(digest));
        assert!(names(&none).is_empty());
    }
}
