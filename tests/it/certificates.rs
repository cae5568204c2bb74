//! Certificates, made for one test each.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// An authority of our own.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key.
pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
    pem: String,
    key_pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new([]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "our own");
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    /// Writes its certificate into `NAME.pem`.
    pub(crate) fn write(&self, folder: &Path, name: &str) {
        fs::write(folder.join(format!("{name}.pem")), self.pem()).expect("written");
    }

    pub(crate) fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).expect("an authority");
        Arc::new(roots)
    }

    /// A certificate for this name or address.
    pub(crate) fn identity(&self, name: &str) -> Identity {
        self.identity_until(name, 2100)
    }

    /// As [`identity`](Self::identity), until the begin of this year.
    pub(crate) fn identity_until(&self, name: &str, year: i32) -> Identity {
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        params.not_after = date_time_ymd(year, 1, 1);
        self.sign(&params)
    }

    /// As [`identity`](Self::identity), for so long from now on.
    pub(crate) fn identity_for(&self, name: &str, left: Duration) -> Identity {
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        let now = SystemTime::UNIX_EPOCH.elapsed().expect("after 1970");
        params.not_after = date_time_ymd(1970, 1, 1) + now + left;
        self.sign(&params)
    }

    /// A certificate that says this.
    pub(crate) fn sign(&self, params: &CertificateParams) -> Identity {
        self.sign_key(params, &KeyPair::generate().expect("a key"))
    }

    /// Its own certificate for this name and somebody's key, in `NAME.pem`.
    pub(crate) fn write_for(&self, other: &Identity, name: &str, folder: &Path, file: &str) {
        let params = CertificateParams::new([name.to_owned()]).expect("a name");
        let key = KeyPair::from_pem(&other.key_pem).expect("a key");
        let pem = self.sign_key(&params, &key).pem;
        fs::write(folder.join(format!("{file}.pem")), pem).expect("written");
    }

    fn sign_key(&self, params: &CertificateParams, key: &KeyPair) -> Identity {
        let certificate = params.signed_by(key, &self.0).expect("a certificate");
        Identity {
            pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            chain: vec![certificate.into()],
            key: PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
        }
    }
}

impl Identity {
    /// Writes it into `NAME.pem` and `NAME.key`.
    pub(crate) fn write(&self, folder: &Path, name: &str) {
        fs::write(folder.join(format!("{name}.pem")), &self.pem).expect("written");
        fs::write(folder.join(format!("{name}.key")), &self.key_pem).expect("written");
    }

    /// The certificate itself.
    pub(crate) fn leaf(&self) -> &CertificateDer<'static> {
        &self.chain[0]
    }
}
