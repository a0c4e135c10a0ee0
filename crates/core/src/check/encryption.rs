//! What to do about a handshake that failed: each way of not being believed has a cure of its own.

use super::Cure;
use crate::tls::Fault;

/// Returns the cure.
pub fn encryption(fault: Fault) -> Cure {
    match fault {
        Fault::Time => Cure::CertificateTime,
        Fault::Name => Cure::CertificateName,
        Fault::Issuer => Cure::CertificateIssuer,
        Fault::NotPinned => Cure::CertificatePinned,
        Fault::NoTls => Cure::NotTls,
        Fault::Other => Cure::Tls,
    }
}
