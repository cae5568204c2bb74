//! Who all subjects are to clients of TLS, and what these clients may speak.
//!
//! Every subject has the same certificate, and OpenSSL's clients offer one cipher and one group, so that all of them settle
//! on the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Error;
use crate::programs;

/// The one cipher.
pub(super) const CIPHER: &str = "TLS_AES_128_GCM_SHA256";

/// For `openssl req`, and for wrk and h2load, whose defaults OpenSSL takes from here.
const CONFIG: &str = "\
openssl_conf = bench

[bench]
ssl_conf = ssl
[ssl]
system_default = clients
[clients]
Ciphersuites = TLS_AES_128_GCM_SHA256
Groups = X25519

[req]
prompt = no
distinguished_name = name
x509_extensions = extensions
[name]
commonName = loom bench
[extensions]
basicConstraints = critical, CA:false
subjectAltName = DNS:localhost, IP:127.0.0.1
";

/// The files of a certificate with an ECDSA key on P-256, which nobody but itself has signed.
#[derive(Debug, Clone)]
pub(super) struct Certificate {
    pub(super) chain: PathBuf,
    pub(super) key: PathBuf,
    /// One after the other, as HAProxy wants them.
    pub(super) both: PathBuf,
    /// [`CONFIG`].
    pub(super) openssl: PathBuf,
}

impl Certificate {
    /// Where it is, or will be, below `folder`.
    pub(super) fn of(folder: &Path) -> Self {
        let file = |name| folder.join("tls").join(name);
        Self {
            chain: file("cert.pem"),
            key: file("key.pem"),
            both: file("both.pem"),
            openssl: file("openssl.cnf"),
        }
    }

    /// Makes it anew.
    pub(super) fn make(&self) -> Result<(), Error> {
        let openssl = programs::need("openssl", "version", "openssl")?;
        let folder = self.openssl.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&self.openssl, CONFIG))
            .map_err(|e| Error::because(format!("cannot write {}", self.openssl.display()), e))?;
        let mut command = Command::new(&openssl.path);
        command
            .args(["req", "-x509", "-nodes", "-days", "365", "-newkey", "ec"])
            .args(["-pkeyopt", "ec_paramgen_curve:P-256"])
            .arg("-config")
            .arg(&self.openssl)
            .arg("-keyout")
            .arg(&self.key)
            .arg("-out")
            .arg(&self.chain)
            .stdin(Stdio::null());
        let output = command
            .output()
            .map_err(|e| Error::because("cannot start openssl", e))?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr);
            return Err(Error::new(format!("openssl made no certificate:\n{why}")));
        }
        let join = || {
            let both = [fs::read(&self.chain)?, fs::read(&self.key)?].concat();
            fs::write(&self.both, both)
        };
        join().map_err(|e| Error::because(format!("cannot write {}", self.both.display()), e))
    }
}
