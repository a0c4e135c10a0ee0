//! Whom we believe to be the server: the system's roots and, where the operator says so, one more file, or nothing but
//! certificates he pinned. There is no way to accept an invalid certificate.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
};
use sha2::{Digest, Sha256};

/// Why no trust could be built.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read or holds no certificate.
    #[error("{path}: {what}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// There is not one root to trust.
    #[error("no root certificates found: install Debian's ca-certificates, or name a ca_file")]
    NoRoots,
}

/// SHA-256 of a certificate, by which it is pinned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Returns the fingerprint that `text` spells in hex, with colons between bytes or without, `sha256:` before it or not;
    /// `None` where it is none.
    pub fn parse(text: &str) -> Option<Fingerprint> {
        let text = text.trim().to_ascii_lowercase();
        let hex = text
            .strip_prefix("sha256:")
            .unwrap_or(&text)
            .replace([':', ' '], "");
        let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).ok()?;
        bytes.try_into().ok().map(Fingerprint)
    }

    fn of(certificate: &CertificateDer<'_>) -> Fingerprint {
        Fingerprint(Sha256::digest(certificate).into())
    }
}

/// Returns how to speak TLS 1.2 or newer (RFC 8446, RFC 5246). Where certificates are pinned, nothing but one of them is
/// believed, and it must be valid for the host; else the system's roots and those in `ca_file` are.
pub fn client(
    ca_file: Option<&Path>,
    pinned: &[Fingerprint],
) -> Result<Arc<ClientConfig>, TlsError> {
    if !pinned.is_empty() {
        let verifier = Pinned {
            fingerprints: pinned.to_vec(),
            provider: ring::default_provider(),
        };
        let config = ClientConfig::builder()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        return Ok(Arc::new(config));
    }
    let mut roots = RootCertStore::empty();
    let (_, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        let broken = |what: String| TlsError::File {
            path: path.to_owned(),
            what,
        };
        let certificates =
            CertificateDer::pem_file_iter(path).map_err(|error| broken(error.to_string()))?;
        let before = roots.len();
        for certificate in certificates {
            let certificate = certificate.map_err(|error| broken(error.to_string()))?;
            roots
                .add(certificate)
                .map_err(|error| broken(error.to_string()))?;
        }
        if roots.len() == before {
            return Err(broken("holds no certificate".to_owned()));
        }
    }
    if roots.is_empty() {
        return Err(TlsError::NoRoots);
    }
    Ok(Arc::new(
        ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth(),
    ))
}

/// Makes ring the one provider of cryptography of this process. Call it first thing.
pub fn install_provider() {
    // An error means that it was installed before, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Returns why a handshake failed, in words.
pub fn reason(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(cause)) => cause.0.to_string(),
        other => other.to_string(),
    }
}

/// Returns whose fault a failed handshake was, and why; `None` where the connection broke before there was a reason.
pub fn failure(error: &std::io::Error) -> Option<(Fault, String)> {
    let inner = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some((Fault::of(inner), reason(inner)))
}

/// Why a handshake failed, as far as the operator can do something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The certificate has expired, or is not valid yet.
    Time,
    /// The certificate is another host's.
    Name,
    /// Nobody who is believed signed the certificate, or it signed itself.
    Issuer,
    /// Certificates are pinned, and this is none of them.
    NotPinned,
    /// What answered speaks no TLS.
    NoTls,
    /// Anything else, such as no version in common.
    Other,
}

impl Fault {
    /// Sorts what rustls says.
    pub fn of(error: &rustls::Error) -> Fault {
        use CertificateError as Certificate;
        match error {
            rustls::Error::InvalidCertificate(certificate) => match certificate {
                Certificate::Expired
                | Certificate::ExpiredContext { .. }
                | Certificate::NotValidYet
                | Certificate::NotValidYetContext { .. } => Fault::Time,
                Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                    Fault::Name
                }
                Certificate::Other(cause) if cause.0.is::<NotPinned>() => Fault::NotPinned,
                // "Other" is what the verifier says of a certificate that is its own authority.
                Certificate::UnknownIssuer | Certificate::BadSignature | Certificate::Other(_) => {
                    Fault::Issuer
                }
                _ => Fault::Other,
            },
            rustls::Error::InvalidMessage(_) => Fault::NoTls,
            _ => Fault::Other,
        }
    }
}

/// Believes certificates by their fingerprint.
#[derive(Debug)]
struct Pinned {
    fingerprints: Vec<Fingerprint>,
    provider: CryptoProvider,
}

/// A certificate that is none of those pinned.
#[derive(Debug, thiserror::Error)]
#[error("not pinned: {0}")]
struct NotPinned(String);

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let fingerprint = Fingerprint::of(end_entity);
        if !self.fingerprints.contains(&fingerprint) {
            let shown = data_encoding::HEXLOWER.encode(&fingerprint.0);
            let cause = CertificateError::Other(OtherError(Arc::new(NotPinned(shown))));
            return Err(rustls::Error::InvalidCertificate(cause));
        }
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_programs_print_it() {
        let plain = "0a".repeat(32);
        let colons = vec!["0A"; 32].join(":");
        let want = Some(Fingerprint([10; 32]));
        for text in [
            &plain,
            &format!("sha256:{plain}"),
            &colons,
            &format!("SHA256:{colons}"),
        ] {
            assert_eq!(Fingerprint::parse(text), want, "{text}");
        }
        for text in ["", "0a", &"0g".repeat(32), &"0a".repeat(20)] {
            assert_eq!(Fingerprint::parse(text), None, "{text}");
        }
    }
}
