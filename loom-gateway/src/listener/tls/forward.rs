//! What upstreams are told of a client's certificate, in the form of Envoy's `x-forwarded-client-cert`.
//!
//! It is an element of `key=value` pairs, in Envoy's order: `By` and `Hash` always, then what the configuration chose.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use loom_config::CertificateFacts;
use loom_config::model::ClientCertField;
use rustls::pki_types::CertificateDer;

use crate::certificate::sha256;

/// The value of the header. In a request's extensions it says what is to stand there.
#[derive(Debug, Clone)]
pub(crate) struct ForwardedClientCert(pub(crate) HeaderValue);

impl ForwardedClientCert {
    /// What there is to say of a client that showed this chain, its own certificate first, to a gateway whose certificate has
    /// these URIs. `None` when that cannot stand in a header.
    pub(super) fn of(
        chain: &[CertificateDer<'_>],
        by: &[String],
        fields: &[ClientCertField],
    ) -> Option<Self> {
        let value = HeaderValue::try_from(element(chain, by, fields)?);
        if value.is_err() {
            tracing::debug!("a client's certificate has names that cannot stand in a header");
        }
        value.ok().map(Self)
    }
}

fn element(
    chain: &[CertificateDer<'_>],
    by: &[String],
    fields: &[ClientCertField],
) -> Option<String> {
    let leaf = chain.first()?;
    let facts = CertificateFacts::of(leaf);
    let (subject, uris, dns_names) = match &facts {
        Some(facts) => (
            facts.subject.as_str(),
            &facts.uris[..],
            &facts.dns_names[..],
        ),
        None => ("", &[][..], &[][..]),
    };
    let mut element = Element::default();
    element.names("By", by);
    element.pair("Hash", &sha256(leaf));
    for field in fields {
        match field {
            ClientCertField::Cert => element.quoted("Cert", &url_encoded_pem(leaf)),
            ClientCertField::Chain => {
                let chain: String = chain.iter().map(url_encoded_pem).collect();
                element.quoted("Chain", &chain);
            }
            // RFC 2253 has put a backslash before each quote and each backslash by now.
            ClientCertField::Subject => element.quoted("Subject", subject),
            // Envoy has this key in any case.
            ClientCertField::Uri if uris.is_empty() => element.pair("URI", ""),
            ClientCertField::Uri => element.names("URI", uris),
            ClientCertField::Dns => element.names("DNS", dns_names),
        }
    }
    Some(element.0)
}

/// The pairs so far.
#[derive(Default)]
struct Element(String);

impl Element {
    /// A pair for each of these names.
    fn names(&mut self, key: &str, names: &[String]) {
        for name in names {
            if name.contains([',', ';', '=', '"', '\\']) {
                // So that a name cannot be taken for another part of the header.
                let escaped = name.replace('\\', r"\\").replace('"', r#"\""#);
                self.quoted(key, &escaped);
            } else {
                self.pair(key, name);
            }
        }
    }

    /// A value in which nothing ends the quotes.
    fn quoted(&mut self, key: &str, value: &str) {
        self.pair(key, &format!("\"{value}\""));
    }

    fn pair(&mut self, key: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push(';');
        }
        self.0.push_str(key);
        self.0.push('=');
        self.0.push_str(value);
    }
}

/// A certificate in PEM, with what means something in a URL or a header percent-encoded.
fn url_encoded_pem(certificate: &CertificateDer<'_>) -> String {
    let base64 = STANDARD.encode(certificate);
    let mut text = String::with_capacity(base64.len() * 5 / 4 + 128);
    text.push_str("-----BEGIN%20CERTIFICATE-----%0A");
    for (index, letter) in base64.chars().enumerate() {
        // RFC 7468, 2: lines of 64 letters.
        if index > 0 && index % 64 == 0 {
            text.push_str("%0A");
        }
        match letter {
            '+' => text.push_str("%2B"),
            '/' => text.push_str("%2F"),
            '=' => text.push_str("%3D"),
            other => text.push(other),
        }
    }
    text.push_str("%0A-----END%20CERTIFICATE-----%0A");
    text
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// The words of an array.
    fn words(of: &Value) -> Vec<String> {
        let all = of.as_array().expect("an array").iter();
        all.map(|word| word.as_str().expect("a word").to_owned())
            .collect()
    }

    fn field(word: &str) -> ClientCertField {
        match word {
            "cert" => ClientCertField::Cert,
            "chain" => ClientCertField::Chain,
            "subject" => ClientCertField::Subject,
            "uri" => ClientCertField::Uri,
            "dns" => ClientCertField::Dns,
            other => panic!("{other} is no part"),
        }
    }

    /// `envoy.json` is what Envoy 1.40.0 told an upstream of clients with these certificates: a listener with
    /// `forward_client_cert_details: SANITIZE_SET`, and in `set_current_client_cert_details` what `fields` says. Where the gateway
    /// differs on purpose, it is `loom`.
    #[test]
    fn the_header_is_that_of_envoy() {
        let recorded: Value = serde_json::from_str(include_str!("envoy.json")).expect("JSON");
        for case in recorded.as_array().expect("cases") {
            let chain = words(&case["chain"]).into_iter();
            let chain: Vec<_> = chain
                .map(|one| STANDARD.decode(one).expect("base64").into())
                .collect();
            let fields: Vec<_> = words(&case["fields"])
                .iter()
                .map(|word| field(word))
                .collect();
            let told = ForwardedClientCert::of(&chain, &words(&case["by"]), &fields);
            let ForwardedClientCert(told) = told.expect("a header");
            let expected = case.get("loom").unwrap_or(&case["envoy"]);
            assert_eq!(
                std::str::from_utf8(told.as_bytes()).ok(),
                expected.as_str(),
                "{}",
                case["name"]
            );
        }
    }

    #[test]
    fn a_name_that_can_stand_in_no_header_is_not_told_of() {
        let chain = [CertificateDer::from(b"abc".to_vec())];
        let by = ["urn:a\nb".to_owned()];
        assert!(ForwardedClientCert::of(&chain, &by, &[]).is_none());
    }

    #[test]
    fn names_cannot_leave_their_place() {
        let mut element = Element::default();
        let names = ["spiffe://a", r#"a;Hash="cd"#, r"a\", "a,b=c"].map(str::to_owned);
        element.names("URI", &names);
        assert_eq!(
            element.0,
            r#"URI=spiffe://a;URI="a;Hash=\"cd";URI="a\\";URI="a,b=c""#
        );
    }

    #[test]
    fn what_is_no_certificate_has_a_digest_and_no_names() {
        let none = [CertificateDer::from(b"abc".to_vec())];
        let hash = sha256(&none[0]);
        let all = [
            ClientCertField::Subject,
            ClientCertField::Uri,
            ClientCertField::Dns,
        ];
        let element = element(&none, &[], &all);
        assert_eq!(element, Some(format!("Hash={hash};Subject=\"\";URI=")));
    }

    #[test]
    fn lines_of_pem_are_complete() {
        for (length, lines) in [(0, 0), (1, 1), (48, 1), (49, 2), (96, 2)] {
            let text = url_encoded_pem(&CertificateDer::from(vec![0xff; length]));
            assert_eq!(text.matches("%0A").count(), lines.max(1) + 2, "{length}");
            assert!(!text.contains(['+', '/', '=', ' ', '\n']), "{text}");
        }
    }
}
