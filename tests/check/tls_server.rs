//! A TLS server of openssl's with a certificate that is wrong in one way, before anything is said over it.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::support::{LIMIT, wait_until};

/// What the certificate is like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Certificate {
    /// Whose it says to be.
    pub(crate) name: &'static str,
    /// Its first and last day, as openssl takes them.
    pub(crate) days: (&'static str, &'static str),
    /// What it is for.
    pub(crate) usage: &'static str,
    /// Whether the authority that is trusted signed it.
    pub(crate) is_trusted: bool,
}

impl Certificate {
    /// One with nothing wrong.
    pub(crate) const GOOD: Certificate = Certificate {
        name: "localhost",
        days: ("20200101000000Z", "20491231000000Z"),
        usage: "serverAuth",
        is_trusted: true,
    };
}

/// The server, as long as the test lives.
pub(crate) struct TlsServer {
    /// Where it listens.
    pub(crate) port: u16,
    /// The authority's certificate is `ca.pem` in it.
    pub(crate) dir: TempDir,
    child: Child,
}

impl TlsServer {
    pub(crate) fn start(certificate: Certificate) -> TlsServer {
        let dir = tempfile::tempdir().expect("a directory");
        authority(dir.path(), "ca");
        let signer = if certificate.is_trusted {
            "ca"
        } else {
            "other"
        };
        if !certificate.is_trusted {
            authority(dir.path(), "other");
        }
        sign(dir.path(), signer, certificate);
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("it is bound").port();
        drop(free);
        #[rustfmt::skip]
        let child = Command::new("openssl")
            .args(["s_server", "-quiet", "-cert", "server.pem", "-key", "server.key", "-accept", &format!("127.0.0.1:{port}")])
            .current_dir(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl runs");
        let server = TlsServer { port, dir, child };
        wait_until(LIMIT, "openssl listens", || {
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        server
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const KEY: [&str; 5] = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
];

fn authority(dir: &Path, name: &str) {
    let (key, pem) = (format!("{name}.key"), format!("{name}.pem"));
    #[rustfmt::skip]
    let rest = [
        "-days", "30", "-subj", &format!("/CN={name}"), "-keyout", &key, "-out", &pem,
        "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign",
    ];
    openssl(dir, &[&["req", "-x509"], &KEY[..], &rest].concat());
}

/// Signs by `openssl ca`, which alone takes any first and last day.
fn sign(dir: &Path, signer: &str, certificate: Certificate) {
    let Certificate { name, usage, .. } = certificate;
    let config = format!(
        "[ca]\ndefault_ca=a\n[a]\ndatabase=index\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\npolicy=p\n\
         private_key={signer}.key\ncertificate={signer}.pem\nx509_extensions=x\n[p]\ncommonName=supplied\n\
         [x]\nsubjectAltName=DNS:{name}\nbasicConstraints=CA:FALSE\nextendedKeyUsage={usage}\n"
    );
    std::fs::write(dir.join("ca.conf"), config).expect("written");
    std::fs::write(dir.join("index"), "").expect("written");
    let subject = format!("/CN={name}");
    let rest = [
        "-subj",
        &subject,
        "-keyout",
        "server.key",
        "-out",
        "server.csr",
    ];
    openssl(dir, &[&["req"], &KEY[..], &rest].concat());
    let (from, to) = certificate.days;
    #[rustfmt::skip]
    openssl(dir, &["ca", "-batch", "-config", "ca.conf", "-in", "server.csr", "-out", "server.pem", "-notext", "-startdate", from, "-enddate", to]);
}

fn openssl(dir: &Path, arguments: &[&str]) {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(dir)
        .output()
        .expect("openssl runs");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}
