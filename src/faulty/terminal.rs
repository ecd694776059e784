//! Who may read fingers and irises: a CVCA with its link certificates, a document verifier, and a terminal with its key.

use applets::rng::SeededRng;
use eid::cert::chat::{Chat, Role, TerminalType};
use eid::cert::cvc::issue::Template;
use eid::cert::cvc::{CvKey, Cvc, KeyReference, VerifyingKey};
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature::Algorithm;
use eid::date::Date;
use pki::key::{KeyParameters, SigningKey};
use pki::software::SoftwareSigner;

use super::authority::failed;
use super::issue::FaultyError;

/// What a terminal shows to a chip that guards DG3 and DG4.
#[derive(Clone, Debug)]
pub struct Terminal {
    /// The certificates from the CVCA down to the terminal.
    pub certificates: Vec<Cvc>,
    /// The terminal's key.
    pub key: SigningKey,
}

struct Party {
    name: String,
    key: SigningKey,
}

impl Party {
    fn new(name: String, seed: &[u8]) -> Result<Self, FaultyError> {
        let mut rng = SeededRng::new(&[seed, name.as_bytes()].concat());
        let key = SigningKey::generate(KeyParameters::Ec(Curve::P256), Algorithm::Ecdsa(Hash::Sha256), &mut rng);
        Ok(Self { name, key: key.map_err(|e| failed(&e))? })
    }

    /// A certificate for this party, signed by `authority`.
    fn certificate(&self, authority: &Self, role: Role, validity: (Date, Date)) -> Result<Cvc, FaultyError> {
        let key = VerifyingKey { algorithm: self.key.algorithm, key: self.key.public() };
        let template = Template {
            authority: KeyReference::from_octets(authority.name.as_bytes())?,
            key: CvKey::new(&key, role == Role::Cvca)?,
            holder: KeyReference::from_octets(self.name.as_bytes())?,
            chat: Chat::new(TerminalType::Inspection, role, [Chat::READ_DG3, Chat::READ_DG4]),
            validity,
            extensions: Vec::new(),
        };
        let signer = SoftwareSigner::new(authority.name.clone(), authority.key.clone(), SeededRng::new(self.name.as_bytes()));
        template.issue(&signer).map_err(|e| failed(&e))
    }
}

/// The certificate that the chip trusts, and what a terminal has whose path from it goes over `links` newer keys of the CVCA.
pub(super) fn inspection_systems(country: &str, links: usize, seed: &[u8], today: Date) -> Result<(Cvc, Terminal), FaultyError> {
    let long = (today.plus_days(-40), today.plus_years(3));
    let short = (today.plus_days(-10), today.plus_days(60));
    let mut cvca = Party::new(format!("{country}CVCA00001"), seed)?;
    let root = cvca.certificate(&cvca, Role::Cvca, long)?;
    let mut certificates = vec![root.clone()];
    for n in 0..links {
        let next = Party::new(format!("{country}CVCA{:05}", n + 2), seed)?;
        certificates.push(next.certificate(&cvca, Role::Cvca, long)?);
        cvca = next;
    }
    let verifier = Party::new(format!("{country}DV00001"), seed)?;
    let terminal = Party::new(format!("{country}IS00001"), seed)?;
    certificates.push(verifier.certificate(&cvca, Role::DvDomestic, short)?);
    certificates.push(terminal.certificate(&verifier, Role::Terminal, short)?);
    Ok((root, Terminal { certificates, key: terminal.key }))
}
