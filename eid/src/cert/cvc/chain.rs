//! What a chip accepts from a terminal, one certificate after the other (BSI TR-03110-3 part 2 and C.1, Doc 9303-11 §7.1.4, Doc 9303-12 §7).
//!
//! | rule | |
//! | --- | --- |
//! | steps | CVCA to CVCA (link), CVCA to document verifier, document verifier to terminal, all of one terminal type |
//! | signature | with the key that CAR names, under the algorithm that this key's own identifier says |
//! | curve | DV and terminal inherit that of their CVCA and must not state one; a link may |
//! | length | RSA keys of DV and terminal have at least 2048 bits (Doc 9303-11 §7.1.5), or as many as the key that signed where that has fewer |
//! | expiry | against the chip's date; link certificates are taken also when they have expired, expired trust points sign links only |
//! | date | a link, a DV, and a terminal of a domestic DV move the chip's date forward to their effective date; it never goes back |
//! | trust points | at most two for a terminal type; a third drops the oldest |
//! | rights | the AND over the chain |
//!
//! Nothing here stores anything: [`TrustPoints::import`] gives what must be stored, all at once or not at all, before the card answers.

use super::key::{CvKey, VerifyingKey};
use super::{Cvc, Fields, KeyReference, TerminalSector, date, date_octets};
use crate::cert::CertError;
use crate::cert::chat::{Chat, Role, TerminalType};
use crate::crypto::curve::Curve;
use crate::crypto::signature::{PublicKey, SignatureError};
use crate::date::Date;
use crate::tlv::{self, Reader};

/// Fewest bits of an RSA key of a document verifier or terminal.
const MIN_RSA_BITS: usize = 2048;

/// Most trust points for one terminal type.
pub const MAX_POINTS: usize = 2;

/// Why a certificate is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// No key of that name is known.
    #[error("no key {0} is known")]
    UnknownAuthority(KeyReference),
    /// The certificate names another key than the one that was chosen.
    #[error("certificate for {holder}: signed in the name of {found}, expected {expected}")]
    OtherAuthority {
        /// Whose certificate.
        holder: KeyReference,
        /// The key that was chosen.
        expected: KeyReference,
        /// CAR of the certificate.
        found: KeyReference,
    },
    /// The signature is wrong or cannot be checked.
    #[error("certificate for {holder}: {source}")]
    Signature {
        /// Whose certificate.
        holder: KeyReference,
        /// What is wrong.
        source: SignatureError,
    },
    /// After its last day.
    #[error("{holder}: expired on {expiry}, the chip's date is {today}")]
    Expired {
        /// Whose key.
        holder: KeyReference,
        /// Its last day.
        expiry: Date,
        /// The chip's date.
        today: Date,
    },
    /// A step that no chain has.
    #[error("certificate for {holder}: a {authority} does not certify a {role}", authority = .authority.name(), role = .role.name())]
    Role {
        /// Whose certificate.
        holder: KeyReference,
        /// Role of the signer.
        authority: Role,
        /// Role of the certificate.
        role: Role,
    },
    /// Terminal type of another kind than the signer's.
    #[error("certificate for {holder}: for a {found}, its authority is for {expected}", found = .found.name(), expected = .expected.name())]
    TerminalType {
        /// Whose certificate.
        holder: KeyReference,
        /// Type of the signer.
        expected: TerminalType,
        /// Type of the certificate.
        found: TerminalType,
    },
    /// Domain parameters below a CVCA.
    #[error("certificate for {0}: states domain parameters, which only a CVCA may")]
    Parameters(KeyReference),
    /// An RSA key that is too short.
    #[error("certificate for {holder}: an RSA key of {found} bits, expected at least {expected}")]
    ShortKey {
        /// Whose certificate.
        holder: KeyReference,
        /// Fewest bits.
        expected: usize,
        /// Bits of the key.
        found: usize,
    },
    /// Another key under the name of a trust point.
    #[error("certificate for {0}: a trust point of that name has another key")]
    Known(KeyReference),
    /// The key cannot be used, such as a point off the curve.
    #[error("certificate for {holder}: {source}")]
    Key {
        /// Whose certificate.
        holder: KeyReference,
        /// What is wrong.
        source: CertError,
    },
}

/// A key that signs: a trust point, or what a certificate has brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The name of the key.
    pub reference: KeyReference,
    /// The key.
    pub key: VerifyingKey,
    /// Terminal type and role of the certificate, rights of the whole chain down to it.
    pub chat: Chat,
    /// First day.
    pub effective: Date,
    /// Last day.
    pub expiry: Date,
    /// The sectors of a terminal; other extensions are not kept.
    pub sector: Option<TerminalSector>,
}

/// A CVCA key that a chip holds for good, with the rights that it can give at most.
pub type TrustPoint = Holder;

impl Holder {
    /// The trust point that a CVCA certificate makes: what a state puts into its chips. Not checked: whoever calls trusts the certificate;
    /// [`Cvc::verify`] with [`Holder::key`] shows at least that a self-signed one is intact.
    ///
    /// # Errors
    /// Not a CVCA certificate, or an EC key without domain parameters.
    pub fn of_cvca(certificate: &Cvc) -> Result<Self, CertError> {
        if certificate.chat().role() != Role::Cvca {
            return Err(CertError::unsupported("trust point", format!("{}, a {}", certificate.holder(), certificate.chat().role().name())));
        }
        Ok(Self::of(certificate, certificate.key().resolve(None)?, certificate.chat()))
    }

    fn of(certificate: &Cvc, key: VerifyingKey, chat: Chat) -> Self {
        let (effective, expiry) = (certificate.effective(), certificate.expiry());
        Self { reference: certificate.holder().clone(), key, chat, effective, expiry, sector: None }
    }

    /// A body (7F4E) with the domain parameters, as a chip keeps it.
    fn encode(&self) -> Vec<u8> {
        let mut fields = tlv::encode(0x5F29, &[0]);
        fields.extend(CvKey::new(&self.key, true).map(|key| key.encode()).unwrap_or_default());
        tlv::push(&mut fields, 0x5F20, self.reference.as_bytes());
        fields.extend(self.chat.encode());
        tlv::push(&mut fields, 0x5F25, &date_octets(self.effective).unwrap_or_default());
        tlv::push(&mut fields, 0x5F24, &date_octets(self.expiry).unwrap_or_default());
        tlv::encode(0x7F4E, &fields)
    }
}

/// What a chip remembers for Terminal Authentication: its date, and the CVCA keys that it trusts, the newest first.
///
/// ```text
/// stored as   5F25 the chip's date, one 7F4E { 5F29, 7F49 with parameters, 5F20, 7F4C, 5F25, 5F24 } for each trust point
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustPoints {
    date: Date,
    points: Vec<TrustPoint>,
}

/// What the import of a certificate leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The key that is known from now on until the card loses power, for a DV or terminal; `None` for a link.
    pub holder: Option<Holder>,
    /// What is to be stored before the card answers; `None` if nothing changes.
    pub store: Option<TrustPoints>,
}

impl TrustPoints {
    /// The trust points of a new chip, the newest first, and its date.
    ///
    /// # Errors
    /// None, more than two for a terminal type, or a name twice.
    pub fn new(points: Vec<TrustPoint>, date: Date) -> Result<Self, CertError> {
        let wrong = |found: String| CertError::Malformed {
            what: "trust points",
            at: 0,
            expected: "one or two for a terminal type, of different names",
            found,
        };
        if points.is_empty() || date_octets(date).is_none() {
            return Err(wrong(format!("{} on {date}", points.len())));
        }
        for (n, point) in points.iter().enumerate() {
            let before = points.iter().take(n);
            let same_type = before.clone().filter(|other| other.chat.terminal() == point.chat.terminal()).count();
            if same_type == MAX_POINTS || before.clone().any(|other| other.reference == point.reference) {
                return Err(wrong(point.reference.to_string()));
            }
        }
        Ok(Self { date, points })
    }

    /// The chip's date: the newest that it can trust.
    #[must_use]
    pub const fn date(&self) -> Date {
        self.date
    }

    /// The trust points, the newest first.
    #[must_use]
    pub fn points(&self) -> &[TrustPoint] {
        &self.points
    }

    /// The names of the trust points for terminals of that type, the newest first: what EF.CVCA and PACE tell.
    pub fn references(&self, terminal: TerminalType) -> impl Iterator<Item = &KeyReference> {
        self.points.iter().filter(move |point| point.chat.terminal() == terminal).map(|point| &point.reference)
    }

    /// The stored form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = tlv::encode(0x5F25, &date_octets(self.date).unwrap_or_default());
        self.points.iter().for_each(|point| out.extend(point.encode()));
        out
    }

    /// Reads the stored form, which fills `bytes`.
    ///
    /// # Errors
    /// Another structure, or points that [`new`](Self::new) refuses.
    pub fn decode(bytes: &[u8]) -> Result<Self, CertError> {
        let mut reader = Reader::new(bytes);
        let today = date("the chip's date (5F25)", &reader.expect(0x5F25)?)?;
        let mut points = Vec::new();
        // no chip has more than two for each of three types
        while !reader.is_empty() && points.len() < 3 * MAX_POINTS {
            let body = reader.expect(0x7F4E)?;
            let fields = Fields::read(&body, &mut Vec::new())?;
            let (Some(chat), Some((effective, expiry)), None) = (fields.chat, fields.validity, fields.authority) else {
                return Err(CertError::malformed("trust point (7F4E)", &body, "CHAT and dates, and no CAR"));
            };
            if chat.role() != Role::Cvca {
                return Err(CertError::malformed("trust point (7F4E)", &body, "the role of a CVCA"));
            }
            points.push(Holder { reference: fields.holder, key: fields.key.resolve(None)?, chat, effective, expiry, sector: None });
        }
        reader.finish()?;
        Self::new(points, today)
    }

    /// Whether `reference` names a trust point, or `temporary`.
    #[must_use]
    pub fn knows(&self, reference: &KeyReference, temporary: Option<&Holder>) -> bool {
        self.find(reference, temporary).is_some()
    }

    fn find<'a>(&'a self, reference: &KeyReference, temporary: Option<&'a Holder>) -> Option<&'a Holder> {
        self.points.iter().chain(temporary).find(|holder| holder.reference == *reference)
    }

    /// Checks a certificate with the key of the name `chosen` (MSE:Set DST): a trust point, or `temporary`, the key that the certificate
    /// before this one has brought.
    ///
    /// # Errors
    /// [`ChainError`]; nothing changes.
    pub fn import(&self, chosen: &KeyReference, temporary: Option<&Holder>, certificate: &Cvc) -> Result<Imported, ChainError> {
        let holder = || certificate.holder().clone();
        let authority = self.find(chosen, temporary).ok_or_else(|| ChainError::UnknownAuthority(chosen.clone()))?;
        if certificate.authority() != chosen {
            return Err(ChainError::OtherAuthority { holder: holder(), expected: chosen.clone(), found: certificate.authority().clone() });
        }
        certificate.verify(&authority.key).map_err(|source| ChainError::Signature { holder: holder(), source })?;

        let (above, role) = (authority.chat.role(), certificate.chat().role());
        let link = (above, role) == (Role::Cvca, Role::Cvca);
        if !(link || above == Role::Cvca && role.is_dv() || above.is_dv() && role == Role::Terminal) {
            return Err(ChainError::Role { holder: holder(), authority: above, role });
        }
        let expired = |reference: &KeyReference, expiry| ChainError::Expired { holder: reference.clone(), expiry, today: self.date };
        if !link && authority.expiry < self.date {
            return Err(expired(&authority.reference, authority.expiry));
        }
        if !link && certificate.expiry() < self.date {
            return Err(expired(certificate.holder(), certificate.expiry()));
        }
        let (expected, found) = (authority.chat.terminal(), certificate.chat().terminal());
        let chat = if link { Some(certificate.chat()).filter(|_| expected == found) } else { certificate.chat().and(authority.chat) };
        let chat = chat.ok_or_else(|| ChainError::TerminalType { holder: holder(), expected, found })?;
        if !link && certificate.key().curve().is_some() {
            return Err(ChainError::Parameters(holder()));
        }
        let key = certificate.key().resolve(authority.key.curve()).map_err(|source| ChainError::Key { holder: holder(), source })?;
        if let (false, PublicKey::Rsa(own)) = (link, &key.key) {
            let signed_with = if let PublicKey::Rsa(above) = &authority.key.key { above.bits() } else { MIN_RSA_BITS };
            let (expected, found) = (MIN_RSA_BITS.min(signed_with), own.bits());
            if found < expected {
                return Err(ChainError::ShortKey { holder: holder(), expected, found });
            }
        }
        let mut new = Holder::of(certificate, key, chat);
        if role == Role::Terminal {
            new.sector = TerminalSector::of(certificate, authority.key.algorithm.hash());
        }

        let mut next = self.clone();
        if link || role.is_dv() || above == Role::DvDomestic {
            next.date = next.date.max(certificate.effective());
        }
        if !link {
            return Ok(Imported { holder: Some(new), store: Some(next).filter(|next| next != self) });
        }
        match self.points.iter().find(|point| point.reference == new.reference) {
            Some(point) if point.key == new.key => {}
            Some(_) => return Err(ChainError::Known(holder())),
            None => {
                next.points.insert(0, new);
                let mut of_this_type = 0;
                next.points.retain(|point| {
                    of_this_type += usize::from(point.chat.terminal() == found);
                    point.chat.terminal() != found || of_this_type <= MAX_POINTS
                });
            }
        }
        Ok(Imported { holder: None, store: Some(next).filter(|next| next != self) })
    }

    /// Imports a whole chain in its order, each certificate with the key that it names, and gives the last holder and what the chip would
    /// remember then: is this chain good for such a chip?
    ///
    /// # Errors
    /// The first [`ChainError`].
    pub fn verify_chain<'a>(&self, chain: impl IntoIterator<Item = &'a Cvc>) -> Result<(Option<Holder>, Self), ChainError> {
        let (mut state, mut holder) = (self.clone(), None);
        for certificate in chain {
            let imported = state.import(certificate.authority(), holder.as_ref(), certificate)?;
            holder = imported.holder.or(holder);
            state = imported.store.unwrap_or(state);
        }
        Ok((holder, state))
    }
}

/// The curve of a CVCA key in `certificates` that the key named `reference` inherits along the names, for keys that state none. A reading
/// for people and for choosing, no proof.
#[must_use]
pub fn inherited_curve(certificates: &[Cvc], reference: &KeyReference) -> Option<Curve> {
    let mut wanted = reference.clone();
    // a chain has three steps, and some links before them
    for _ in 0..16 {
        let certificate = certificates.iter().find(|certificate| *certificate.holder() == wanted)?;
        if let Some(curve) = certificate.key().curve() {
            return Some(curve);
        }
        if certificate.is_self_issued() {
            return None;
        }
        wanted = certificate.authority().clone();
    }
    None
}

/// Whether `certificate` certifies the public half of a key: the same numbers, on the curve of that key.
#[must_use]
pub fn certifies(certificate: &Cvc, key: &PublicKey) -> bool {
    let curve = match key {
        PublicKey::Ec(point) => Some(point.curve()),
        PublicKey::Rsa(_) => None,
    };
    certificate.key().curve().is_none_or(|stated| Some(stated) == curve)
        && certificate.key().resolve(curve).is_ok_and(|own| own.key == *key)
}
