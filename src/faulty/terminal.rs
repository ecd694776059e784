//! Who may read fingers and irises: a CVCA with its link certificates, a document verifier, and a terminal with its key.

use applets::rng::SeededRng;
use eid::cert::chat::{Chat, Role, TerminalType};
use eid::cert::cvc::issue::Template;
use eid::cert::cvc::{CvKey, Cvc, KeyReference, VerifyingKey};
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature::{Algorithm, PrivateKey};
use eid::date::Date;
use pki::key::SigningKey;
use pki::software::SoftwareSigner;

use super::authority::failed;
use super::issue::FaultyError;
use super::plan::wrong;

/// What a terminal shows to a chip that guards DG3 and DG4.
#[derive(Clone, Debug)]
pub struct Terminal {
    /// The certificates from the CVCA down to the terminal.
    pub certificates: Vec<Cvc>,
    /// The terminal's key.
    pub key: SigningKey,
}

/// Which keys there are, and which of them the chip trusts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Systems {
    /// Newer keys of the CVCA.
    pub(super) links: usize,
    /// The chip trusts the newest of them, so that no link is needed.
    pub(super) spare: bool,
    /// What all of them sign with.
    pub(super) algorithm: Algorithm,
    /// The id of a curve, or the bits of RSA.
    pub(super) key: usize,
}

impl Default for Systems {
    fn default() -> Self {
        let key = Curve::P256.parameter_id().into();
        Self { links: 0, spare: false, algorithm: Algorithm::Ecdsa(Hash::Sha256), key }
    }
}

struct Party {
    name: String,
    key: SigningKey,
}

impl Party {
    /// Weaker keys than an authority would be given are there to be tried.
    fn new(name: String, systems: &Systems, seed: &[u8]) -> Result<Self, FaultyError> {
        let mut rng = SeededRng::new(&[seed, name.as_bytes()].concat());
        let key = if matches!(systems.algorithm, Algorithm::Ecdsa(_)) {
            let curve = u8::try_from(systems.key).ok().and_then(Curve::from_parameter_id);
            let curve = curve.ok_or_else(|| wrong("terminal", "the id of a curve", systems.key.to_string()))?;
            PrivateKey::generate_ec(curve, &mut rng)
        } else {
            PrivateKey::generate_rsa(systems.key, &mut rng).map_err(|e| failed(&e))?
        };
        Ok(Self { name, key: SigningKey::new(key, systems.algorithm).map_err(|e| failed(&e))? })
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

/// The certificate that the chip trusts, and what a terminal has whose path from the oldest key of the CVCA goes over links.
pub(super) fn inspection_systems(country: &str, systems: &Systems, seed: &[u8], today: Date) -> Result<(Cvc, Terminal), FaultyError> {
    let long = (today.plus_days(-40), today.plus_years(3));
    let short = (today.plus_days(-10), today.plus_days(60));
    let party = |name: String| Party::new(name, systems, seed);
    let mut cvca = party(format!("{country}CVCA00001"))?;
    let mut root = cvca.certificate(&cvca, Role::Cvca, long)?;
    let mut certificates = vec![root.clone()];
    for n in 0..systems.links {
        let next = party(format!("{country}CVCA{:05}", n + 2))?;
        certificates.push(next.certificate(&cvca, Role::Cvca, long)?);
        cvca = next;
    }
    if systems.spare {
        root = cvca.certificate(&cvca, Role::Cvca, long)?;
    }
    let verifier = party(format!("{country}DV00001"))?;
    let terminal = party(format!("{country}IS00001"))?;
    certificates.push(verifier.certificate(&cvca, Role::DvDomestic, short)?);
    certificates.push(terminal.certificate(&verifier, Role::Terminal, short)?);
    Ok((root, Terminal { certificates, key: terminal.key }))
}
