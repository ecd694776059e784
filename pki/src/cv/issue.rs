//! CVCA, link, document verifier, and terminal certificates. Nothing is stored here; dates are arguments, the key is behind a [`Signer`].

use eid::cert::chat::{Role, TerminalType};
use eid::cert::cvc::issue::Template;
use eid::cert::cvc::{CvKey, Cvc, Extension, Holder, KeyReference, TrustPoint, TrustPoints, VerifyingKey};
use eid::cert::{algorithm, spki};
use eid::crypto::hash::Hash;
use eid::crypto::signature::PublicKey;
use eid::date::Date;
use eid::signer::Signer;

use super::{CvError, Period, Rights};
use crate::lint::{Context, Kind, lint};

/// A certificate that was made, and what a person should know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The certificate.
    pub certificate: Cvc,
    /// What departs from the advice of the standards, one sentence each.
    pub remarks: Vec<String>,
}

/// Whom a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applicant {
    /// The name of the key.
    pub holder: KeyReference,
    /// The key, and the algorithm of what it signs.
    pub key: VerifyingKey,
    /// Extensions of the certificate.
    pub extensions: Vec<Extension>,
}

/// A key that certifies others: a CVCA's or a document verifier's, with what its chain lets it give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    trust: TrustPoints,
    holder: Holder,
    certificate: Cvc,
}

impl Issuer {
    /// The issuer whose certificate is the last of `chain`, which begins with a self-signed CVCA certificate. All signatures are checked, and
    /// that a chip takes the chain.
    ///
    /// # Errors
    /// [`CvError::IssuerChain`].
    pub fn new(chain: &[Cvc]) -> Result<Self, CvError> {
        let wrong = |error: &dyn std::error::Error| CvError::IssuerChain(error.to_string());
        let (root, below) = chain.split_first().ok_or_else(|| CvError::IssuerChain("expected certificates, found none".into()))?;
        let point = TrustPoint::of_cvca(root).map_err(|error| wrong(&error))?;
        root.verify(&point.key).map_err(|error| CvError::IssuerChain(format!("{}, as self-signed: {error}", root.holder())))?;
        let trust = TrustPoints::new(vec![point.clone()], root.effective()).map_err(|error| wrong(&error))?;
        let (holder, trust) = trust.verify_chain(below).map_err(|error| wrong(&error))?;
        let newest = trust.points().first().cloned().unwrap_or(point);
        let certificate = chain.last().unwrap_or(root).clone();
        Ok(Self { holder: holder.unwrap_or(newest), trust, certificate })
    }

    /// Name, key, days, and the rights that the whole chain leaves.
    #[must_use]
    pub const fn holder(&self) -> &Holder {
        &self.holder
    }

    /// The name of the key.
    #[must_use]
    pub const fn reference(&self) -> &KeyReference {
        &self.holder.reference
    }

    fn check(&self, signer: &dyn Signer) -> Result<(), CvError> {
        if signer.public_key() == self.holder.key.key && signer.algorithm() == self.holder.key.algorithm {
            Ok(())
        } else {
            Err(CvError::OtherKey(self.holder.reference.clone()))
        }
    }

    /// Gives `certificate` out if a chip takes it, as of `today`, and no rule forbids it.
    fn give_out(&self, certificate: Cvc, kind: Kind, today: Date) -> Result<Issued, CvError> {
        let trust = TrustPoints::new(self.trust.points().to_vec(), today)?;
        trust.import(&self.holder.reference, Some(&self.holder), &certificate).map_err(CvError::Refused)?;
        judged(certificate, kind, Some(self.certificate.der()))
    }
}

/// What the rules say of a certificate that was made: an error forbids it, the rest is for people.
fn judged(certificate: Cvc, kind: Kind, issuer: Option<&[u8]>) -> Result<Issued, CvError> {
    let report = lint(certificate.der(), &Context { kind: Some(kind), issuer, ..Context::default() });
    let errors: Vec<String> = report.errors().map(ToString::to_string).collect();
    if errors.is_empty() {
        let remarks = report.findings.iter().map(|finding| format!("{}: {finding}", certificate.holder())).collect();
        return Ok(Issued { certificate, remarks });
    }
    Err(CvError::Rules(errors))
}

/// A self-signed CVCA certificate, with domain parameters: the root of a chain, and what a state puts into its chips.
///
/// # Errors
/// [`CvError`].
pub fn cvca(
    terminal: TerminalType,
    holder: &KeyReference,
    own: &dyn Signer,
    rights: &Rights,
    period: Period,
    today: Date,
) -> Result<Issued, CvError> {
    let key = VerifyingKey { algorithm: own.algorithm(), key: own.public_key() };
    check_strength(holder, &key)?;
    let validity = period.of_cvca(holder, today)?;
    let template = Template {
        authority: holder.clone(),
        key: CvKey::new(&key, true)?,
        holder: holder.clone(),
        chat: rights.of_cvca(terminal)?,
        validity,
        extensions: Vec::new(),
    };
    let certificate = template.issue(own)?;
    Issuer::new(std::slice::from_ref(&certificate))?;
    judged(certificate, Kind::Cvca, None)
}

/// The link from the CVCA key of `issuer` to that of `successor`, a self-signed CVCA certificate: what brings the new key, with the domain
/// parameters that it may have changed, into chips that trust the old one. It says what the successor says, for the same days.
///
/// A CVCA key that has expired signs links still, as chips take them then too.
///
/// # Errors
/// [`CvError`].
pub fn link(issuer: &Issuer, signer: &dyn Signer, successor: &Cvc, today: Date) -> Result<Issued, CvError> {
    let old = &issuer.holder;
    if old.chat.role() != Role::Cvca {
        return Err(CvError::Role { issuer: old.reference.clone(), role: old.chat.role().name(), what: "CVCA" });
    }
    issuer.check(signer)?;
    // reads as a root, and is one
    let new = Issuer::new(std::slice::from_ref(successor))?;
    let name = |expected: String| CvError::Name { expected, found: successor.holder().to_string() };
    if *successor.holder() == old.reference {
        return Err(name(format!("another name than that of the key before, {}", old.reference)));
    }
    if successor.holder().country() != old.reference.country() {
        return Err(name(format!("the country of {}", old.reference)));
    }
    if successor.effective() > today {
        let expected = format!("an effective date not after the day of issue, {today}");
        return Err(CvError::Period { holder: successor.holder().clone(), expected, found: successor.effective().to_string() });
    }
    let template = Template {
        authority: old.reference.clone(),
        key: CvKey::new(&new.holder.key, true)?,
        holder: successor.holder().clone(),
        chat: successor.chat(),
        validity: (successor.effective(), successor.expiry()),
        extensions: successor.extensions().to_vec(),
    };
    let certificate = template.issue(signer)?;
    let mut issued = issuer.give_out(certificate, Kind::CvcaLink, today)?;
    if old.expiry < today {
        issued.remarks.push(format!("{} expired on {}; chips take the link nevertheless", old.reference, old.expiry));
    }
    Ok(issued)
}

/// The certificate of a document verifier: `role` is [`Role::DvDomestic`] (official, of the CVCA's country) or [`Role::DvForeign`].
///
/// # Errors
/// [`CvError`].
pub fn document_verifier(
    issuer: &Issuer,
    signer: &dyn Signer,
    role: Role,
    applicant: &Applicant,
    rights: &Rights,
    period: Period,
    today: Date,
) -> Result<Issued, CvError> {
    let allowed = issuer.holder.chat.role() == Role::Cvca && role.is_dv();
    if !allowed {
        return Err(CvError::Role { issuer: issuer.reference().clone(), role: issuer.holder.chat.role().name(), what: role.name() });
    }
    if role == Role::DvDomestic && applicant.holder.country() != issuer.reference().country() {
        let expected = format!("the country of {} for a domestic document verifier", issuer.reference());
        return Err(CvError::Name { expected, found: applicant.holder.to_string() });
    }
    below(issuer, signer, role, applicant, rights, period, today)
}

/// The certificate of a terminal, of the type of its chain.
///
/// # Errors
/// [`CvError`].
pub fn terminal(
    issuer: &Issuer,
    signer: &dyn Signer,
    applicant: &Applicant,
    rights: &Rights,
    period: Period,
    today: Date,
) -> Result<Issued, CvError> {
    if !issuer.holder.chat.role().is_dv() {
        let (issuer, role) = (issuer.reference().clone(), issuer.holder.chat.role().name());
        return Err(CvError::Role { issuer, role, what: Role::Terminal.name() });
    }
    below(issuer, signer, Role::Terminal, applicant, rights, period, today)
}

fn below(
    issuer: &Issuer,
    signer: &dyn Signer,
    role: Role,
    applicant: &Applicant,
    rights: &Rights,
    period: Period,
    today: Date,
) -> Result<Issued, CvError> {
    issuer.check(signer)?;
    let Applicant { holder, key, extensions } = applicant;
    check_strength(holder, key)?;
    check_family(issuer, holder, key)?;
    if holder == issuer.reference() {
        return Err(CvError::Name { expected: "another name than the issuer's".into(), found: holder.to_string() });
    }
    let validity = period.below(&issuer.holder, role, holder, today)?;
    let template = Template {
        authority: issuer.reference().clone(),
        key: CvKey::new(key, false)?,
        holder: holder.clone(),
        chat: rights.below(issuer.holder.chat, role, holder, issuer.reference())?,
        validity,
        extensions: extensions.clone(),
    };
    let certificate = template.issue(signer)?;
    issuer.give_out(certificate, if role.is_dv() { Kind::DocumentVerifier } else { Kind::Terminal }, today)
}

/// A key that chips should trust: RSA of 2048 or 3072 bits (Doc 9303-11 clause 7.1), EC of 224 bits or more, not with SHA-1.
pub(super) fn check_strength(holder: &KeyReference, key: &VerifyingKey) -> Result<(), CvError> {
    let wrong = |expected: &str, found: String| CvError::Key { holder: holder.clone(), expected: expected.to_owned(), found };
    if key.algorithm.hash() == Hash::Sha1 {
        return Err(wrong("a signature with SHA-224 or a longer digest", algorithm::describe(key.algorithm)));
    }
    let enough = match &key.key {
        PublicKey::Ec(point) => point.curve().field_len() >= 28,
        PublicKey::Rsa(key) => matches!(key.bits(), 2048 | 3072),
    };
    if enough { Ok(()) } else { Err(wrong("RSA of 2048 or 3072 bits or EC of 224 bits or more", spki::describe(&key.key))) }
}

/// A certificate below a CVCA states no domain parameters: its key is of the CVCA's kind and on the CVCA's curve, or no chip could read it.
pub(super) fn check_family(issuer: &Issuer, holder: &KeyReference, key: &VerifyingKey) -> Result<(), CvError> {
    let above = &issuer.holder.key;
    if above.curve() == key.curve() {
        return Ok(());
    }
    let expected = above.curve().map_or_else(|| "an RSA key".to_owned(), |curve| format!("a key on {}", curve.name()));
    Err(CvError::Key {
        holder: holder.clone(),
        expected: format!("{expected}, as that of {}", issuer.reference()),
        found: spki::describe(&key.key),
    })
}
