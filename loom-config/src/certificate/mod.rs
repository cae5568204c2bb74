//! What there is to read in a certificate (RFC 5280): who it is for, and how long.

use rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;
use x509_parser::time::ASN1Time;

mod attributes;
mod subject;

use subject::rfc2253;

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Its subject as RFC 2253 writes it, the last part first: `CN=client,O=Acme`.
    pub subject: String,
    /// The DNS names among its alternative names, in their order.
    pub dns_names: Vec<String>,
    /// The URIs among its alternative names, in their order.
    pub uris: Vec<String>,
    /// When it begins and ends to be valid.
    pub(crate) validity: (ASN1Time, ASN1Time),
}

impl CertificateFacts {
    /// When it begins to be valid, in seconds since 1970.
    pub fn not_before(&self) -> i64 {
        self.validity.0.timestamp()
    }

    /// When it ends to be valid, in seconds since 1970.
    pub fn not_after(&self) -> i64 {
        self.validity.1.timestamp()
    }

    /// Reads a certificate; `None` when it is none.
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = parse_x509_certificate(certificate).ok()?;
        let (mut dns_names, mut uris) = (Vec::new(), Vec::new());
        let names = parsed.subject_alternative_name().ok()?;
        for name in names.iter().flat_map(|names| &names.value.general_names) {
            match name {
                GeneralName::DNSName(name) => dns_names.push((*name).to_owned()),
                GeneralName::URI(uri) => uris.push((*uri).to_owned()),
                _ => {}
            }
        }
        let validity = parsed.validity();
        Some(Self {
            subject: rfc2253(parsed.subject()),
            dns_names,
            uris,
            validity: (validity.not_before, validity.not_after),
        })
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType, date_time_ymd};

    use super::*;

    fn certificate(change: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
        let names = vec![
            "a.test".to_owned(),
            "192.0.2.1".to_owned(),
            "b.test".to_owned(),
        ];
        let mut params = CertificateParams::new(names).expect("names");
        params.distinguished_name = DistinguishedName::new();
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        params.self_signed(&key).expect("a certificate").into()
    }

    #[test]
    fn names_and_times() {
        let certificate = certificate(|params| {
            let uri = "spiffe://test/a".try_into().expect("a URI");
            params.subject_alt_names.push(SanType::URI(uri));
            params.not_before = date_time_ymd(2001, 2, 3);
            // From 2050 on, times are written in another form.
            params.not_after = date_time_ymd(2070, 4, 5);
            for (kind, value) in [
                (DnType::CountryName, "DE"),
                (DnType::OrganizationName, "Acme, \"Inc\""),
                (DnType::CustomDnType(vec![1, 2, 3]), "x"),
                (
                    DnType::CustomDnType(vec![1, 2, 840, 113549, 1, 9, 1]),
                    "a@b.test",
                ),
                (DnType::CustomDnType(vec![2, 5, 4, 4]), "Kučera\u{7}\\"),
                (DnType::CommonName, "#a=b; "),
            ] {
                params.distinguished_name.push(kind, value);
            }
        });
        let facts = CertificateFacts::of(&certificate).expect("a certificate");
        // What OpenSSL says with `-nameopt RFC2253`, and so Envoy.
        assert_eq!(
            facts.subject,
            r#"CN=\#a=b\;\ ,SN=Ku\C4\8Dera\07\\,emailAddress=a@b.test,1.2.3=#0C0178,O=Acme\, \"Inc\",C=DE"#
        );
        assert_eq!(facts.dns_names, ["a.test", "b.test"]);
        assert_eq!(facts.uris, ["spiffe://test/a"]);
        assert_eq!(
            (facts.not_before(), facts.not_after()),
            (981_158_400, 3_163_881_600)
        );
    }

    #[test]
    fn what_is_no_certificate() {
        let whole = certificate(|_| {});
        assert_eq!(
            CertificateFacts::of(&whole).map(|facts| facts.subject),
            Some(String::new())
        );
        for length in 0..whole.len() {
            let cut = CertificateDer::from(whole[..length].to_vec());
            assert_eq!(CertificateFacts::of(&cut), None, "{length}");
        }
        // A client may send anything.
        for place in 0..whole.len() {
            let mut other = whole.to_vec();
            other[place] ^= 0x55;
            // Whatever comes of it.
            let _ = CertificateFacts::of(&CertificateDer::from(other));
        }
    }
}
