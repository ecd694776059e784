//! The algorithms that the BSI asks for in German documents (TR-03116-2): judged where the issuer's country is DE, for others no rule.

use super::certificate::Subject;
use super::common::{Family, Key};
use super::{Kind, Sink};

const GERMANY: &str = "DE";

/// BR-001, BR-002, BR-004: key and signature of a certificate.
pub(super) fn certificate(sink: &mut Sink, subject: &Subject<'_>, kind: Kind) {
    if subject.country.as_deref() != Some(GERMANY) {
        return;
    }
    let (rule, size, hash, expected) = match kind {
        Kind::Csca | Kind::Link => ("BR-001", 512, Some("SHA-512"), "ECDSA with a Brainpool key of 512 bits and SHA-512"),
        Kind::DocumentSigner => ("BR-002", 384, None, "a Brainpool key of 384 bits"),
        Kind::BarCodeSigner => ("BR-004", 224, None, "a Brainpool key of 224 or 256 bits"),
        _ => return,
    };
    let certificate = &subject.certificate;
    let brainpool = match subject.key {
        Key::Ec(Some(curve), order) => {
            let fits = if rule == "BR-004" { (224..=256).contains(&order) } else { order == size };
            curve.name().starts_with("brainpool") && fits
        }
        _ => false,
    };
    let signature = match (hash, &subject.signature) {
        (None, _) => true,
        (Some(hash), Some((Family::Ecdsa, found))) => found == hash,
        (Some(_), _) => false,
    };
    if !brainpool || !signature {
        let key = match subject.key {
            Key::Ec(Some(curve), _) => format!("EC {}", curve.name()),
            Key::Ec(None, order) => format!("EC of {order} bits"),
            Key::Rsa(bits) => format!("RSA of {bits} bits"),
            Key::Other => "another kind of key".to_owned(),
        };
        let hash = subject.signature.as_ref().map_or("another digest", |(_, hash)| hash.as_str());
        let at = certificate.spki.map_or(certificate.tbs.at, |spki| spki.at);
        sink.add(rule, at, "tbsCertificate.subjectPublicKeyInfo", expected, format!("{key}, signed with {hash}"));
    }
}

/// BR-003 and BR-009: the digest of the data groups, and Active Authentication.
pub(super) fn document(sink: &mut Sink, country: Option<&str>, at: usize, hash: &str, numbers: &[u8]) {
    if country != Some(GERMANY) {
        return;
    }
    if hash != "SHA-384" {
        sink.add("BR-003", at, "LDSSecurityObject.hashAlgorithm", "SHA-384", hash);
    }
    if numbers.contains(&15) {
        sink.add("BR-009", at, "LDSSecurityObject.dataGroupHashValues", "no DG15: Active Authentication is not used", "a hash of DG15");
    }
}
