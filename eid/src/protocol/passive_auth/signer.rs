//! The signers of a message: their certificates in it, their signatures, and their paths to a CSCA.

use std::sync::Arc;

use crate::cert::CertError;
use crate::cert::cms::{SignedData, SignerInfo, VerifyError};
use crate::cert::path::{self, Chain, SignerCache, Verified};
use crate::cert::trust::{self, TrustStore};
use crate::cert::x509::Certificate;
use crate::cert::x509::name::Relation;
use crate::cert::{algorithm, der, spki};
use crate::crypto::hash::Hash;
use crate::crypto::signature::SignatureError;
use crate::protocol::finding::{Check, Finding, Outcome};
use crate::quirk::Quirk;

/// How many certificates of a message may be link certificates.
const MAX_EMBEDDED: usize = 16;

/// A signed message and what is known of each of its signers.
#[derive(Debug)]
pub(super) struct Message<'a> {
    pub(super) signed: &'a SignedData,
    file: &'static str,
    signers: Vec<Signer<'a>>,
}

/// One signer.
#[derive(Debug)]
struct Signer<'a> {
    info: &'a SignerInfo,
    certificate: Option<Arc<Certificate>>,
    standing: Standing,
    chain: Option<Chain>,
}

/// What came of a signature.
#[derive(Debug)]
enum Standing {
    Verified,
    Failed(&'static str, String),
    /// It could not be checked.
    Open(&'static str, String),
}

/// A signer whose signature stands and whose path is proved.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proved<'a> {
    pub(super) info: &'a SignerInfo,
    pub(super) path: &'a Arc<Verified>,
}

impl<'a> Message<'a> {
    /// Looks for each signer's certificate, its key, and its path. `file` is how texts call the message.
    pub(super) fn verify(
        signed: &'a SignedData,
        file: &'static str,
        trust: &TrustStore,
        cache: Option<&SignerCache>,
        quirks: &mut Vec<Quirk>,
    ) -> Self {
        let signers = signed.signers.iter().map(|info| one(signed, info, file, trust, cache, quirks)).collect();
        Self { signed, file, signers }
    }

    /// The signers that are proved. Where no signature stands, those with a path: their dates are worth a finding all the same.
    pub(super) fn proved(&self) -> impl Iterator<Item = Proved<'_>> {
        let stands = self.signers.iter().any(|signer| matches!(signer.standing, Standing::Verified));
        self.signers.iter().filter(move |signer| !stands || matches!(signer.standing, Standing::Verified)).filter_map(
            |signer| match &signer.chain {
                Some(Chain::Verified(path)) => Some(Proved { info: signer.info, path }),
                _ => None,
            },
        )
    }

    /// What is known about the path of `certificate`.
    pub(super) fn chain_of(&self, certificate: &Certificate) -> Option<&Chain> {
        let of = |signer: &&Signer<'_>| signer.certificate.as_deref() == Some(certificate);
        self.signers.iter().find(of).and_then(|signer| signer.chain.as_ref())
    }

    /// The certificate of the signer that counts: the first that is proved, else the first that is there.
    pub(super) fn certificate(&self) -> Option<&Arc<Certificate>> {
        let proved = self.proved().next().map(|proved| &proved.path.certificate);
        proved.or_else(|| self.signers.iter().find_map(|signer| signer.certificate.as_ref()))
    }

    /// Whether all signatures that can be checked are right, and one at least.
    pub(super) fn signature(&self, check: Check) -> Finding {
        let verified = |signer: &&Signer<'_>| matches!(signer.standing, Standing::Verified);
        let wrong = self.signers.iter().find(|signer| matches!(signer.standing, Standing::Failed(..)) && signer.certificate.is_some());
        let Some(signer) = wrong.or_else(|| self.signers.iter().find(verified)).or_else(|| self.signers.first()) else {
            return check.failed("signer-certificate-missing", format!("{} has no SignerInfo", self.file));
        };
        let unchecked = self.signers.iter().filter(|signer| !verified(signer)).count();
        let finding = match &signer.standing {
            Standing::Failed(code, text) => check.failed(code, text.as_str()),
            Standing::Open(code, text) => check.not_supported(code, text.as_str()),
            Standing::Verified if unchecked > 0 => {
                let text = format!("{unchecked} of {} signatures of {} could not be checked", self.signers.len(), self.file);
                check.passed().because("signers-not-checked", text)
            }
            Standing::Verified => weak(check.passed(), hashes_of(signer.info)),
        };
        let finding = if self.signers.len() > 1 { finding.with("signers", self.signers.len().to_string()) } else { finding };
        describe(finding, signer)
    }

    /// Whether a signer comes from a CSCA that is trusted, and no other signer is a forgery.
    pub(super) fn chain(&self, check: Check, trust: &TrustStore) -> Finding {
        let chains = || self.signers.iter().filter_map(|signer| signer.chain.as_ref());
        let broken = chains().find(|chain| matches!(chain, Chain::Forged { .. } | Chain::NotDocumentSigner { .. }));
        let proved = || self.proved().next().map(|proved| proved.path);
        match (broken, proved(), chains().next()) {
            (Some(chain), ..) | (None, None, Some(chain)) => open(check, chain, trust),
            (None, Some(path), _) => passed(check, path, trust),
            (None, None, None) => check.not_attempted("no-signer-certificate", format!("{} gave no certificate of its signer", self.file)),
        }
    }
}

fn one<'a>(
    signed: &SignedData,
    info: &'a SignerInfo,
    file: &'static str,
    trust: &TrustStore,
    cache: Option<&SignerCache>,
    quirks: &mut Vec<Quirk>,
) -> Signer<'a> {
    let (certificate, known) = match find(signed, info, file, trust, cache, quirks) {
        Ok(found) => found,
        Err(standing) => return Signer { info, certificate: None, standing, chain: None },
    };
    let standing = standing(signed, info, &certificate, file, quirks);
    let chain = match known {
        Some(known) => Chain::Verified(known),
        None => chain(signed, &certificate, trust, cache),
    };
    if let Chain::Verified(verified) = &chain {
        quirks.extend_from_slice(&verified.quirks);
    }
    Signer { info, certificate: Some(certificate), standing, chain: Some(chain) }
}

type Found = (Arc<Certificate>, Option<Arc<Verified>>);

/// The certificate that `info` names, wherever it stands among those of the message; from the cache if it was verified before.
fn find(
    signed: &SignedData,
    info: &SignerInfo,
    file: &'static str,
    trust: &TrustStore,
    cache: Option<&SignerCache>,
    quirks: &mut Vec<Quirk>,
) -> Result<Found, Standing> {
    let mut problem = None;
    for bytes in signed.certificates() {
        let known = cache.and_then(|cache| cache.get(&sha256(bytes), trust));
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
        match signed.names(info, &certificate) {
            Relation::Different => continue,
            Relation::Equivalent => {
                quirks.push(Quirk::new("sod.signer-name-encoding", format!("{file} SignerInfo sid")).over(signed.signer_octets(info)));
            }
            Relation::Equal => {}
        }
        quirks.extend_from_slice(certificate.quirks());
        return Ok((certificate, known));
    }
    Err(match problem {
        Some(error) => Standing::Failed("signer-certificate-malformed", format!("{file} certificate: {error}")),
        None => {
            let text = format!("{file}: expected the certificate of the signer ({}) among its certificates", signed.signer_text(info));
            Standing::Failed("signer-certificate-missing", text)
        }
    })
}

fn standing(signed: &SignedData, info: &SignerInfo, certificate: &Certificate, file: &str, quirks: &mut Vec<Quirk>) -> Standing {
    let key = match certificate.key() {
        Err(error) => return Standing::Open("key-unknown", format!("key of the document signer: {error}")),
        Ok(key) => key,
    };
    match signed.verify_noting(info, key, quirks) {
        Ok(()) => Standing::Verified,
        Err(error @ VerifyError::ContentType { .. }) => Standing::Failed("content-type-differs", format!("{file} {error}")),
        Err(error @ VerifyError::MessageDigest { .. }) => Standing::Failed("message-digest-differs", format!("{file} {error}")),
        Err(VerifyError::Algorithm(error @ CertError::Unsupported { .. })) => {
            Standing::Open("algorithm-not-implemented", format!("{file} signature: {error}"))
        }
        Err(VerifyError::Algorithm(error)) => Standing::Failed("algorithm-not-allowed", format!("{file} signature: {error}")),
        Err(error @ VerifyError::KeyForbids { .. }) => Standing::Failed("key-forbids-algorithm", format!("{file} signature: {error}")),
        Err(VerifyError::Signature(SignatureError::Unsupported(what))) => {
            Standing::Open("algorithm-not-implemented", format!("{file} signature: {what}"))
        }
        Err(VerifyError::Signature(error)) => {
            Standing::Failed("signature-wrong", format!("{file} signature under the document signer's key: {error}"))
        }
    }
}

/// The path of a certificate; a proved one goes into the cache. Link certificates that came along with it may help.
fn chain(signed: &SignedData, certificate: &Arc<Certificate>, trust: &TrustStore, cache: Option<&SignerCache>) -> Chain {
    let others = signed.certificates().filter(|bytes| *bytes != certificate.der()).take(MAX_EMBEDDED);
    let links = others.filter_map(|bytes| Certificate::from_der(bytes).ok()).filter(trust::signs_certificates).map(Arc::new);
    let chain = path::find_with(certificate, trust, &links.collect::<Vec<_>>());
    if let (Chain::Verified(verified), Some(cache)) = (&chain, cache) {
        cache.put(certificate.fingerprint(), trust, verified);
    }
    chain
}

/// The digests that a signature rests on.
fn hashes_of(info: &SignerInfo) -> impl Iterator<Item = Hash> {
    info.digest.as_ref().ok().copied().into_iter().chain(SignedData::algorithm(info).ok().map(|algorithm| algorithm.hash()))
}

/// A passed check that rests on SHA-1 says so.
pub(super) fn weak(finding: Finding, hashes: impl IntoIterator<Item = Hash>) -> Finding {
    if finding.outcome == Outcome::Passed && finding.reason.is_none() && hashes.into_iter().any(|hash| hash == Hash::Sha1) {
        return finding.because("weak-digest", "SHA-1 no longer protects against forgery by its issuer (Doc 9303-12 4.4)");
    }
    finding
}

fn describe(finding: Finding, signer: &Signer<'_>) -> Finding {
    let Some(certificate) = &signer.certificate else { return finding };
    let algorithm = SignedData::algorithm(signer.info).map_or_else(|e| e.to_string(), algorithm::describe);
    let key = certificate.key().map_or_else(ToString::to_string, |info| spki::describe(&info.key));
    finding
        .with("algorithm", algorithm)
        .with("key", key)
        .with("signer_subject", certificate.subject_text())
        .with("signer_serial", certificate.serial_hex())
        .with("signer_sha256", der::hex(&certificate.fingerprint()))
}

fn passed(check: Check, path: &Verified, trust: &TrustStore) -> Finding {
    let signed = [&path.certificate].into_iter().chain(&path.links);
    let hashes = signed.filter_map(|c| c.signature_algorithm().ok()?.algorithm(None).ok()).map(|algorithm| algorithm.hash());
    let mut finding = anchor_evidence(weak(check.passed(), hashes), &path.anchor, trust);
    if !path.links.is_empty() {
        let links: Vec<_> = path.links.iter().map(|link| der::hex(&link.fingerprint())).collect();
        finding = finding.with("links_sha256", links.join(" "));
    }
    finding
}

fn open(check: Check, chain: &Chain, trust: &TrustStore) -> Finding {
    match chain {
        Chain::Verified(path) => passed(check, path, trust),
        Chain::Forged { anchor } => {
            let text = "the document signer names this CSCA key by its authorityKeyIdentifier, and the key did not sign the certificate";
            anchor_evidence(check.failed("certificate-signature-wrong", text), anchor, trust)
        }
        Chain::NotDocumentSigner { anchor, rule } => {
            let finding = check.failed("not-a-document-signer", rule.to_string());
            match anchor {
                Some(anchor) => anchor_evidence(finding, anchor, trust),
                None => finding,
            }
        }
        Chain::NoAnchor { tried } => {
            check.undecided("no-trust-anchor", format!("expected a trusted CSCA key that signed the document signer, tried {tried} keys"))
        }
        Chain::Unsupported { what } => {
            check.not_supported("algorithm-not-implemented", format!("certificate of the document signer: {what}"))
        }
    }
}

/// Which anchor, and why it is trusted.
fn anchor_evidence(finding: Finding, anchor: &Certificate, trust: &TrustStore) -> Finding {
    let finding = finding
        .with("csca_subject", anchor.subject_text())
        .with("csca_serial", anchor.serial_hex())
        .with("csca_sha256", der::hex(&anchor.fingerprint()));
    match trust.anchor(&anchor.fingerprint()).and_then(|entry| entry.origins().first()) {
        Some(origin) => finding.with("csca_tier", origin.tier.name()).with("csca_origin", &*origin.source),
        None => finding,
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(bytes).into()
}
