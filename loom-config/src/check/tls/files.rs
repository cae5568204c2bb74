//! Files of certificates and keys: whether they can be read, and belong together.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, RootCertStore};

use super::super::Checker;
use crate::certificate::CertificateFacts;
use crate::limits;
use crate::model::Identity;
use crate::tree::KeyPath;

/// The certificate and the key of these files, each with the place of its key.
pub(super) fn identity(
    (cert_file, cert_path): (&str, &KeyPath<'_>),
    (key_file, key_path): (&str, &KeyPath<'_>),
    checker: &mut Checker<'_>,
) -> Option<Identity> {
    let chain = certificates(cert_file, cert_path, checker);
    let key = key(key_file, key_path, checker);
    let (chain, key) = (chain?, key?);
    match CertifiedKey::from_der(chain.clone(), key.clone_key(), &default_provider()) {
        Ok(_) => {}
        Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            let message = format!("the key is not that of the first certificate in `{cert_file}`");
            let hint = "`openssl x509 -noout -pubkey -in FILE` and `openssl pkey -pubout -in FILE` show what has to be the same";
            checker.fault(key_path, message).with_hint(hint);
            return None;
        }
        Err(error @ rustls::Error::InvalidCertificate(_)) => {
            let message = format!("the certificate cannot be used: {error}");
            checker.fault(cert_path, message);
            return None;
        }
        Err(error) => {
            checker.fault(key_path, format!("the key cannot be used: {error}"));
            return None;
        }
    }
    Some(Identity {
        cert_file: checker.beside(cert_path, cert_file),
        chain,
        key: Arc::new(key),
    })
}

/// The certificates of authorities in this file.
pub(super) fn authorities(
    file: &str,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Vec<CertificateDer<'static>>> {
    let certificates = certificates(file, path, checker)?;
    let mut roots = RootCertStore::empty();
    for (index, certificate) in certificates.iter().enumerate() {
        if let Err(error) = roots.add(certificate.clone()) {
            let message = format!("certificate {} cannot be used: {error}", index + 1);
            checker.fault(path, message);
            return None;
        }
    }
    Some(certificates)
}

/// The certificates in a file; at least one. Those that are not valid now, or not for long, are worth a warning.
fn certificates(
    file: &str,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Vec<CertificateDer<'static>>> {
    let bytes = read(file, path, checker)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            checker.fault(path, format!("`{file}` is no PEM: {}", why(&error)));
            return None;
        }
    };
    if found.is_empty() {
        let fault = checker.fault(path, format!("`{file}` has no certificate in PEM"));
        if is_der(&bytes) {
            fault.with_hint(format!(
                "`openssl x509 -inform der -in {file} -out FILE.pem` writes it as PEM"
            ));
        }
        return None;
    }
    for (index, certificate) in found.iter().enumerate() {
        let Some(wrong) = wrong_with_time(certificate) else {
            continue;
        };
        let which = if found.len() == 1 {
            "the certificate".to_owned()
        } else {
            format!("certificate {}", index + 1)
        };
        checker.warn(path, format!("{which} in `{file}` {wrong}"));
    }
    Some(found)
}

/// What is wrong with the time of a certificate. One that cannot be understood is for others to judge.
fn wrong_with_time(certificate: &CertificateDer<'_>) -> Option<String> {
    const DAY: i64 = 24 * 60 * 60;
    let facts = CertificateFacts::of(certificate)?;
    let (begin, end) = facts.validity;
    let now = SystemTime::UNIX_EPOCH.elapsed().ok()?.as_secs();
    let left = facts.not_after() - i64::try_from(now).ok()?;
    if left < 0 {
        Some(format!("has expired on {end}"))
    } else if facts.not_before() > i64::try_from(now).ok()? {
        Some(format!("is not valid before {begin}"))
    } else if left < limits::CERTIFICATE_DAYS * DAY {
        let days = match left / DAY {
            0 => "in less than a day".to_owned(),
            1 => "in 1 day".to_owned(),
            days => format!("in {days} days"),
        };
        Some(format!("expires on {end}, {days}"))
    } else {
        None
    }
}

fn key(
    file: &str,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<PrivateKeyDer<'static>> {
    let bytes = read(file, path, checker)?;
    match PrivateKeyDer::from_pem_slice(&bytes) {
        Ok(key) => Some(key),
        Err(pem::Error::NoItemsFound) => {
            let is_encrypted = contains(&bytes, b"BEGIN ENCRYPTED PRIVATE KEY");
            let (message, hint) = if is_encrypted {
                (
                    "is encrypted, and nobody is there to type its password",
                    format!("`openssl pkey -in {file} -out FILE.key` writes it without"),
                )
            } else if is_der(&bytes) {
                (
                    "has no private key in PEM",
                    format!("`openssl pkey -inform der -in {file} -out FILE.key` writes it as PEM"),
                )
            } else {
                (
                    "has no private key in PEM",
                    "it begins with a line such as `-----BEGIN PRIVATE KEY-----`".to_owned(),
                )
            };
            let fault = checker.fault(path, format!("`{file}` {message}"));
            fault.with_hint(hint);
            None
        }
        Err(error) => {
            checker.fault(path, format!("`{file}` is no PEM: {}", why(&error)));
            None
        }
    }
}

/// What is in a file that the configuration depends on.
fn read(file: &str, path: &KeyPath<'_>, checker: &mut Checker<'_>) -> Option<Vec<u8>> {
    let full: PathBuf = checker.beside(path, file);
    checker.report.depends_on(full.clone());
    match bytes(&full) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            let message = format!("`{file}` cannot be read: {error}");
            let fault = checker.fault(path, message);
            if Path::new(file).is_relative() && error.kind() == io::ErrorKind::NotFound {
                fault.with_hint("a relative path begins at the folder of this file");
            }
            None
        }
    }
}

fn bytes(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = limits::PEM_BYTES;
    File::open(file)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!(
            "it is larger than {most} bytes, which is the most that is read"
        )));
    }
    Ok(bytes)
}

/// The library shows bytes as numbers in some of its errors.
fn why(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "a section has no right beginning".to_owned(),
        other => other.to_string(),
    }
}

/// Every certificate and key is a sequence in DER.
fn is_der(bytes: &[u8]) -> bool {
    matches!(bytes, [0x30, 0x81..=0x83, ..])
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
