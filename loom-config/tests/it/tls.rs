//! Files of certificates and keys.

use std::fs;
use std::path::Path;
use std::time::Duration;

use loom_config::{Config, Error, Loader};

use super::certificates::{write, write_for, write_until};

fn load(folder: &Path, certificate: &str, key: &str) -> Result<Config, Error> {
    let tls = format!("{{certificates: [{{cert_file: {certificate}, key_file: {key}}}]}}");
    let yaml = format!("listeners: [{{address: '127.0.0.1:0', tls: {tls}}}]");
    Loader::default().parse(folder.join("loom.yaml"), &yaml)
}

/// The only fault of files that do not fit: its key, and what it says.
fn fault(folder: &Path, certificate: &str, key: &str) -> (String, String) {
    let error = load(folder, certificate, key).expect_err("wrong files");
    assert_eq!(error.faults().len(), 1, "{error}");
    let fault = error.faults().next().expect("a fault");
    assert_eq!(fault.line(), Some(1));
    let key = fault.path().rsplit('.').next().unwrap_or_default();
    let hint = fault.hint().unwrap_or_default();
    (key.to_owned(), format!("{} {hint}", fault.message()))
}

#[test]
fn they_are_read_and_watched() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "a");
    let config = load(folder.path(), "a.pem", "a.key").expect("right files");
    let tls = config.listeners[0].tls.as_ref().expect("TLS");
    assert_eq!(tls.certificates[0].chain.len(), 1);
    assert!(config.warnings.is_empty());
    for file in ["a.pem", "a.key"] {
        assert!(config.files.contains(&folder.path().join(file)), "{file}");
    }
    // A key is no text for a log.
    let shown = format!("{config:?}");
    assert!(shown.contains("elided"), "{shown}");
}

#[test]
fn what_is_wrong_with_them_is_told_at_their_keys() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    write(folder, "a");
    write(folder, "b");
    fs::write(folder.join("empty"), "").expect("written");
    fs::write(folder.join("der"), [0x30, 0x82, 1, 2, 3]).expect("written");
    fs::write(folder.join("half"), "-----BEGIN CERTIFICATE-----\nAAAA\n").expect("written");
    fs::write(
        folder.join("odd"),
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    )
    .expect("written");
    fs::write(
        folder.join("locked"),
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    )
    .expect("written");
    fs::write(
        folder.join("odd.key"),
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    )
    .expect("written");
    for (certificate, key, at, said) in [
        ("none.pem", "a.key", "cert_file", "cannot be read"),
        ("a.pem", "none.key", "key_file", "cannot be read"),
        (
            "a.pem",
            "b.key",
            "key_file",
            "not that of the first certificate in `a.pem`",
        ),
        ("a.key", "a.key", "cert_file", "has no certificate in PEM"),
        ("empty", "a.key", "cert_file", "has no certificate in PEM"),
        ("der", "a.key", "cert_file", "openssl x509 -inform der"),
        ("half", "a.key", "cert_file", "a section has no end"),
        ("odd", "a.key", "cert_file", "cannot be used"),
        ("a.pem", "a.pem", "key_file", "has no private key in PEM"),
        ("a.pem", "der", "key_file", "openssl pkey -inform der"),
        ("a.pem", "locked", "key_file", "is encrypted"),
        ("a.pem", "odd.key", "key_file", "cannot be used"),
        (".", "a.key", "cert_file", "cannot be read"),
    ] {
        let (key_at, message) = fault(folder, certificate, key);
        assert_eq!(key_at, at, "{certificate} {key}: {message}");
        assert!(message.contains(said), "{certificate} {key}: {message}");
    }
}

#[test]
fn an_error_names_all_files_that_were_looked_at() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "a");
    let error = load(folder.path(), "a.pem", "later.key").expect_err("a file is missing");
    let files = ["loom.yaml", "a.pem", "later.key"];
    assert_eq!(error.files(), files.map(|file| folder.path().join(file)));
}

#[test]
fn a_certificate_whose_time_is_over_is_worth_a_warning() {
    let folder = tempfile::tempdir().expect("a folder");
    write_until(folder.path(), "old", 2001);
    let config = load(folder.path(), "old.pem", "old.key").expect("right files");
    let [warning] = &config.warnings[..] else {
        panic!("one warning: {:?}", config.warnings);
    };
    assert_eq!(warning.path(), "listeners[0].tls.certificates[0].cert_file");
    assert!(warning.message().contains("has expired on "), "{warning}");
}

#[test]
fn one_that_is_not_valid_for_long_is_worth_one_too() {
    const HOUR: u64 = 60 * 60;
    let folder = tempfile::tempdir().expect("a folder");
    for (hours, said) in [
        (1, Some(", in less than a day")),
        (30, Some(", in 1 day")),
        (13 * 24 + 1, Some(", in 13 days")),
        (14 * 24 + 1, None),
    ] {
        write_for(folder.path(), "a", Duration::from_secs(hours * HOUR));
        let config = load(folder.path(), "a.pem", "a.key").expect("right files");
        let warning = config.warnings.first().map(loom_config::Fault::message);
        let (Some(message), Some(said)) = (warning, said) else {
            assert_eq!(warning, said, "{hours}");
            continue;
        };
        let start = "the certificate in `a.pem` expires on ";
        assert!(
            message.starts_with(start) && message.ends_with(said),
            "{message}"
        );
    }
}
