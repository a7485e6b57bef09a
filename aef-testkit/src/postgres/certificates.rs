//! Certificates of one's own.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::cluster::{ClusterError, as_server_user, checked, unusable};

/// What is certified, for `openssl req`. The server has a name and no address, so that it is known by that name alone.
const CONFIGURATION: &str = "[req]
prompt = no
distinguished_name = name
[name]
CN = AEF tests
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[server]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost
";

/// An authority of one's own that nobody else trusts, and its certificate for a server called `localhost`, both for two
/// days.
#[derive(Debug)]
pub struct Certificates {
    folder: TempDir,
}

impl Certificates {
    /// Makes them, with the program `openssl`, version 3 or newer.
    ///
    /// # Errors
    /// Where that is not installed, or fails.
    pub fn make() -> Result<Self, ClusterError> {
        let folder = tempfile::Builder::new().prefix("aef-certificates-").tempdir();
        let certificates = Self { folder: folder.map_err(unusable("a temporary folder"))? };
        let configuration = certificates.file("openssl.cnf");
        std::fs::write(&configuration, CONFIGURATION).map_err(unusable(&configuration.display()))?;
        certificates.certify("authority", &[])?;
        certificates.certify("server", &["-CA", "authority.pem", "-CAkey", "authority.key"])?;
        Ok(certificates)
    }

    /// The authority's certificate, by which a client knows the server.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.file("authority.pem")
    }

    /// The server's certificate, and the key to it.
    pub(super) fn server(&self) -> [PathBuf; 2] {
        [self.file("server.pem"), self.file("server.key")]
    }

    /// Makes a key and its certificate, which it signs itself unless `signer` says who does.
    fn certify(&self, name: &str, signer: &[&str]) -> Result<(), ClusterError> {
        let (key, certificate) = (format!("{name}.key"), format!("{name}.pem"));
        let mut openssl = Command::new("openssl");
        openssl
            .args(["req", "-x509", "-config", "openssl.cnf", "-days", "2", "-extensions", name])
            .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
            .args(["-keyout", &key, "-out", &certificate])
            .args(signer)
            .stdin(Stdio::null());
        // The server reads a key that is its own alone.
        as_server_user(&mut openssl, self.folder.path())?;
        let output = openssl.output().map_err(unusable("openssl, which `apt-get install openssl` brings"))?;
        checked("openssl".to_owned(), output).map(drop)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
