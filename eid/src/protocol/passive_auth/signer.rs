//! The document signer: its certificate in EF.SOD, the signature on EF.SOD, and the path to a CSCA.

use std::sync::Arc;

use super::{CHAIN, Input, SIGNATURE};
use crate::cert::cms::{SignedData, SignerInfo, VerifyError};
use crate::cert::path::{self, Chain, Verified};
use crate::cert::x509::Certificate;
use crate::cert::x509::name::Relation;
use crate::cert::{algorithm, der, spki};
use crate::crypto::hash::Hash;
use crate::crypto::signature::SignatureError;
use crate::lds::sod::Sod;
use crate::protocol::finding::Finding;
use crate::quirk::Quirk;

/// The document signer's certificate as EF.SOD carries it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) certificate: Arc<Certificate>,
    fingerprint: [u8; 32],
    known: Option<Arc<Verified>>,
}

/// Why there is none.
#[derive(Debug)]
pub(super) struct NotFound {
    code: &'static str,
    text: String,
}

/// The certificate that the first SignerInfo names, from the cache if it was verified before.
pub(super) fn find(input: &Input<'_>, sod: &Sod, quirks: &mut Vec<Quirk>) -> Result<Found, NotFound> {
    let signed = &sod.signed;
    let missing = |text: String| NotFound { code: "signer-certificate-missing", text };
    let signer = signed.signers.first().ok_or_else(|| missing("EF.SOD has no SignerInfo".to_owned()))?;
    let mut problem = None;
    for bytes in signed.certificates() {
        let fingerprint = sha256(bytes);
        let known = input.cache.and_then(|cache| cache.get(&fingerprint, input.trust));
        let certificate = match &known {
            Some(known) => Arc::clone(&known.certificate),
            None => match Certificate::from_der(bytes) {
                Ok(certificate) => Arc::new(certificate),
                Err(error) => {
                    problem = Some(error);
                    continue;
                }
            },
        };
        match signed.names(signer, &certificate) {
            Relation::Different => continue,
            Relation::Equivalent => quirks.push(Quirk::new("sod.signer-name-encoding", "EF.SOD SignerInfo sid")),
            Relation::Equal => {}
        }
        quirks.extend_from_slice(certificate.quirks());
        return Ok(Found { certificate, fingerprint, known });
    }
    Err(match problem {
        Some(error) => NotFound { code: "signer-certificate-malformed", text: format!("EF.SOD certificate: {error}") },
        None => missing(format!("EF.SOD: expected the certificate of the signer ({}) among its certificates", signed.signer_text(signer))),
    })
}

impl Found {
    /// The path of the certificate; a proved one goes into the cache.
    pub(super) fn chain(&self, input: &Input<'_>) -> Chain {
        if let Some(known) = &self.known {
            return Chain::Verified(Arc::clone(known));
        }
        let chain = path::find(&self.certificate, input.trust);
        if let (Chain::Verified(verified), Some(cache)) = (&chain, input.cache) {
            cache.put(self.fingerprint, input.trust, verified);
        }
        chain
    }
}

/// `pa.signature`.
pub(super) fn signature(sod: &Sod, found: &Result<Found, NotFound>) -> Finding {
    let found = match found {
        Ok(found) => found,
        Err(NotFound { code, text }) => return SIGNATURE.failed(code, text.as_str()),
    };
    let Some(signer) = sod.signed.signers.first() else {
        return SIGNATURE.failed("signer-certificate-missing", "EF.SOD has no SignerInfo");
    };
    let finding = match found.certificate.key() {
        Err(error) => SIGNATURE.not_supported("key-unknown", format!("key of the document signer: {error}")),
        Ok(key) => match sod.signed.verify(signer, key) {
            Ok(()) => SIGNATURE.passed(),
            Err(error @ VerifyError::ContentType { .. }) => SIGNATURE.failed("content-type-differs", format!("EF.SOD {error}")),
            Err(error @ VerifyError::MessageDigest { .. }) => SIGNATURE.failed("message-digest-differs", format!("EF.SOD {error}")),
            Err(VerifyError::Signature(SignatureError::Unsupported(what))) => {
                SIGNATURE.not_supported("algorithm-not-implemented", format!("EF.SOD signature: {what}"))
            }
            Err(VerifyError::Signature(error)) => {
                SIGNATURE.failed("signature-wrong", format!("EF.SOD signature under the document signer's key: {error}"))
            }
        },
    };
    describe_signature(weak(finding, signer.digest), signer, found)
}

/// A passed check that rests on SHA-1 says so.
pub(super) fn weak(finding: Finding, hash: Hash) -> Finding {
    if hash == Hash::Sha1 && finding.reason.is_none() {
        return finding.because("weak-digest", "SHA-1 no longer protects against forgery by its issuer (Doc 9303-12 4.4)");
    }
    finding
}

fn describe_signature(finding: Finding, signer: &SignerInfo, found: &Found) -> Finding {
    let certificate = &found.certificate;
    let algorithm = SignedData::algorithm(signer).map_or_else(|e| e.to_string(), algorithm::describe);
    let key = certificate.key().map_or_else(ToString::to_string, |info| spki::describe(&info.key));
    finding
        .with("algorithm", algorithm)
        .with("key", key)
        .with("signer_subject", certificate.subject_text())
        .with("signer_serial", certificate.serial_hex())
        .with("signer_sha256", der::hex(&found.fingerprint))
}

/// `pa.chain`.
pub(super) fn chain(chain: Option<&Chain>) -> Finding {
    let Some(chain) = chain else {
        return CHAIN.not_attempted("no-signer-certificate", "EF.SOD gave no certificate of its signer");
    };
    match chain {
        Chain::Verified(verified) => {
            let hash = verified.certificate.signature_algorithm().ok().and_then(|a| a.algorithm(None).ok()).map(|a| a.hash());
            let finding = hash.map_or_else(|| CHAIN.passed(), |hash| weak(CHAIN.passed(), hash));
            anchor_evidence(finding, &verified.anchor)
        }
        Chain::Forged { anchor } => {
            let text = "the document signer names this CSCA key by its authorityKeyIdentifier, and the key did not sign the certificate";
            anchor_evidence(CHAIN.failed("certificate-signature-wrong", text), anchor)
        }
        Chain::NotDocumentSigner { anchor, rule } => {
            let finding = CHAIN.failed("not-a-document-signer", rule.to_string());
            match anchor {
                Some(anchor) => anchor_evidence(finding, anchor),
                None => finding,
            }
        }
        Chain::NoAnchor { tried } => {
            CHAIN.undecided("no-trust-anchor", format!("expected a trusted CSCA key that signed the document signer, tried {tried} keys"))
        }
        Chain::Unsupported { what } => {
            CHAIN.not_supported("algorithm-not-implemented", format!("certificate of the document signer: {what}"))
        }
    }
}

fn anchor_evidence(finding: Finding, anchor: &Certificate) -> Finding {
    finding
        .with("csca_subject", anchor.subject_text())
        .with("csca_serial", anchor.serial_hex())
        .with("csca_sha256", der::hex(&anchor.fingerprint()))
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(bytes).into()
}
