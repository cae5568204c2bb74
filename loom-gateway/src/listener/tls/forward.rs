//! What upstreams are told of a client's certificate, in the form of Envoy's `x-forwarded-client-cert`.

use http::HeaderValue;
use loom_config::CertificateFacts;
use rustls::pki_types::CertificateDer;

use super::certificate::sha256;

/// The value of the header. In a request's extensions it says what is to stand there.
#[derive(Debug, Clone)]
pub(crate) struct ForwardedClientCert(pub(crate) HeaderValue);

impl ForwardedClientCert {
    /// What there is to say of a certificate; `None` when that cannot stand in a header.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let hash = sha256(certificate);
        let value = HeaderValue::try_from(match CertificateFacts::of(certificate) {
            None => element(&hash, "", &[], &[]),
            Some(facts) => element(&hash, &facts.subject, &facts.uris, &facts.dns_names),
        });
        if value.is_err() {
            tracing::debug!("a client's certificate has names that cannot stand in a header");
        }
        value.ok().map(Self)
    }
}

fn element(hash: &str, subject: &str, uris: &[String], dns_names: &[String]) -> String {
    // The subject is always in quotes, as Envoy has it.
    let mut text = format!("Hash={hash};Subject=");
    push_quoted(&mut text, subject);
    for (key, names) in [("URI", uris), ("DNS", dns_names)] {
        for name in names {
            text.push(';');
            text.push_str(key);
            text.push('=');
            if name.contains([',', ';', '=', '"']) {
                push_quoted(&mut text, name);
            } else {
                text.push_str(name);
            }
        }
    }
    text
}

/// In quotes, so that a name cannot be taken for another part of the header.
fn push_quoted(text: &mut String, value: &str) {
    text.push('"');
    for letter in value.chars() {
        if matches!(letter, '"' | '\\') {
            text.push('\\');
        }
        text.push(letter);
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_place() {
        let own = |names: [&str; 2]| names.map(str::to_owned);
        let uris = own(["spiffe://a", r#"a;Hash="cd"#]);
        let dns_names = own(["a.test", "b.test"]);
        assert_eq!(
            element("ab", r#"CN=a\,b,O="x";Hash=cd"#, &uris, &dns_names),
            r#"Hash=ab;Subject="CN=a\\,b,O=\"x\";Hash=cd";URI=spiffe://a;URI="a;Hash=\"cd";DNS=a.test;DNS=b.test"#
        );
    }
}
