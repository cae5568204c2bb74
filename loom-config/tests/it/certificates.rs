//! A folder with certificates and keys, such as files refer to.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};

/// Writes a certificate for this name into `NAME.pem`, and its key into `NAME.key`.
pub(crate) fn write(folder: &Path, name: &str) {
    write_until(folder, name, 2100);
}

/// As [`write`], until the begin of this year.
pub(crate) fn write_until(folder: &Path, name: &str, year: i32) {
    let mut params = CertificateParams::new(["a.test".to_owned()]).expect("a name");
    params.not_after = date_time_ymd(year, 1, 1);
    write_with(folder, name, &params);
}

/// As [`write`], for so long from now on.
pub(crate) fn write_for(folder: &Path, name: &str, left: Duration) {
    let mut params = CertificateParams::new(["a.test".to_owned()]).expect("a name");
    let now = SystemTime::UNIX_EPOCH.elapsed().expect("after 1970");
    params.not_after = date_time_ymd(1970, 1, 1) + now + left;
    write_with(folder, name, &params);
}

fn write_with(folder: &Path, name: &str, params: &CertificateParams) {
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    fs::write(folder.join(format!("{name}.pem")), certificate.pem()).expect("written");
    fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).expect("written");
}

/// Writes another certificate for the key of `NAME.key` into `OTHER.pem`.
pub(crate) fn write_another(folder: &Path, name: &str, other: &str) {
    let key = fs::read_to_string(folder.join(format!("{name}.key"))).expect("a key");
    let key = KeyPair::from_pem(&key).expect("a key");
    let params = CertificateParams::new(["b.test".to_owned()]).expect("a name");
    let certificate = params.self_signed(&key).expect("a certificate");
    fs::write(folder.join(format!("{other}.pem")), certificate.pem()).expect("written");
}
