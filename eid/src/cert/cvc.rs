//! Card-verifiable certificates (BSI TR-03110-3 C.1, Doc 9303-12 §7): what a chip checks to know a terminal.
//!
//! ```text
//! 7F21 { 7F4E { 5F29 profile 00, 42 CAR, 7F49 public key, 5F20 CHR, 7F4C CHAT, 5F25 effective, 5F24 expiry, [65 { 73 … }] }, 5F37 signature }
//! ```
//!
//! | module | what |
//! | --- | --- |
//! | [`key`] | the public key objects, with or without domain parameters |
//! | [`request`] | requests, with their inner and outer signature |
//! | [`issue`] | making certificates and requests |
//! | [`description`] | what an authentication terminal shows to the citizen, bound by its hash |
//! | [`sector`] | for which sectors an authentication terminal gets a chip's identifier |
//! | [`chain`] | what a chip accepts, step by step, and what it remembers |
//!
//! A certificate is read from its bytes and keeps them: the signature is over the body as it stands. Refused: another order of the
//! objects, dates that do not exist, an expiry before the effective date, more than [`MAX_LEN`] bytes. Reading is no proof: only
//! [`Cvc::verify`] says something about the signature, and only [`chain`] about the place in a chain; names prove nothing.

use super::CertError;
use super::chat::Chat;
use super::der::{self, Span};
use crate::crypto::signature::{SignatureError, verify_plain};
use crate::date::Date;
use crate::quirk::Quirk;
use crate::tlv::{self, Reader, Tlv};

pub mod chain;
pub mod description;
pub mod issue;
pub mod key;
pub mod request;
pub mod sector;

pub use chain::{ChainError, Holder, TrustPoint, TrustPoints};
pub use key::{CvKey, VerifyingKey};
pub use request::Request;
pub use sector::TerminalSector;

/// Longest certificate or request that is read: an RSA-4096 key with signature, and extensions, fit several times.
pub const MAX_LEN: usize = 8192;
/// Most extensions that are read.
const MAX_EXTENSIONS: usize = 32;

/// The name of a key: country, mnemonic, and sequence number of its holder (TR-03110-3 C.1.3).
///
/// As CAR it names the key that a certificate was signed with, as CHR the key that it is for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyReference(Vec<u8>);

impl KeyReference {
    /// From its octets: 7 to 16 characters of ISO 8859-1 of which the first two are letters.
    ///
    /// # Errors
    /// Another length, or no country.
    pub fn from_octets(octets: &[u8]) -> Result<Self, CertError> {
        Self::read("key reference", octets, 0)
    }

    /// `country` of two letters, `mnemonic` of at most nine characters, `sequence` of five.
    ///
    /// # Errors
    /// Other lengths, characters outside of ISO 8859-1, or no country.
    pub fn new(country: &str, mnemonic: &str, sequence: &str) -> Result<Self, CertError> {
        let octets: Option<Vec<u8>> = [country, mnemonic, sequence].concat().chars().map(|c| u8::try_from(c).ok()).collect();
        let parts = (country.chars().count(), mnemonic.chars().count(), sequence.chars().count());
        match octets.filter(|_| matches!(parts, (2, 0..=9, 5))) {
            Some(octets) => Self::from_octets(&octets),
            None => Err(CertError::Malformed {
                what: "key reference",
                at: 0,
                expected: "a country of 2, a mnemonic of 0 to 9, and a sequence number of 5 characters of ISO 8859-1",
                found: format!("{country} {mnemonic} {sequence}").chars().take(32).collect(),
            }),
        }
    }

    fn read(what: &'static str, octets: &[u8], at: usize) -> Result<Self, CertError> {
        let letters = octets.first_chunk::<2>().is_some_and(|country| country.iter().all(u8::is_ascii_alphabetic));
        let printable = octets.iter().all(|&octet| matches!(octet, 0x20..=0x7E | 0xA0..=0xFF));
        if !(7..=16).contains(&octets.len()) || !letters || !printable {
            let found = der::hex(octets.get(..24).unwrap_or(octets));
            return Err(CertError::Malformed { what, at, expected: "7 to 16 characters, the first two a country", found });
        }
        Ok(Self(octets.to_vec()))
    }

    /// The octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The country, two letters.
    #[must_use]
    pub fn country(&self) -> String {
        latin(self.0.get(..2).unwrap_or_default())
    }

    /// The mnemonic of the holder, at most nine characters.
    #[must_use]
    pub fn mnemonic(&self) -> String {
        latin(self.0.get(2..self.0.len() - 5).unwrap_or_default())
    }

    /// The sequence number, five characters.
    #[must_use]
    pub fn sequence(&self) -> String {
        latin(self.0.get(self.0.len() - 5..).unwrap_or_default())
    }
}

fn latin(octets: &[u8]) -> String {
    octets.iter().copied().map(char::from).collect()
}

impl std::fmt::Display for KeyReference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&latin(&self.0))
    }
}

impl std::fmt::Debug for KeyReference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyReference({self})")
    }
}

/// An extension: a discretionary data template (73) that begins with an object identifier. Unknown ones are never a reason to refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Object identifier in dotted form.
    pub oid: String,
    /// What follows it, as it stands.
    pub content: Vec<u8>,
}

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cvc {
    raw: Vec<u8>,
    body: Span,
    signature: Span,
    authority: KeyReference,
    holder: KeyReference,
    key: CvKey,
    chat: Chat,
    effective: Date,
    expiry: Date,
    extensions: Vec<Extension>,
    quirks: Vec<Quirk>,
}

impl Cvc {
    /// Reads 7F21 that fills `bytes`.
    ///
    /// # Errors
    /// Not a certificate; the error names the field and its offset.
    pub fn from_der(bytes: &[u8]) -> Result<Self, CertError> {
        check_len(bytes)?;
        let certificate = tlv::single(bytes, 0x7F21)?;
        let mut reader = certificate.reader();
        let body = reader.expect(0x7F4E)?;
        let signature = reader.expect(0x5F37)?;
        reader.finish()?;
        let mut quirks = Vec::new();
        let fields = Fields::read(&body, &mut quirks)?;
        let need = |expected: u32| CertError::Tlv(tlv::TlvError::Missing { expected: expected.into(), at: body.at + body.raw.len() });
        let (chat, (effective, expiry)) = fields.chat.zip(fields.validity).ok_or_else(|| need(0x7F4C))?;
        Ok(Self {
            raw: bytes.to_vec(),
            body: Span::raw(&body),
            signature: Span::value(&signature),
            authority: fields.authority.ok_or_else(|| need(0x42))?,
            holder: fields.holder,
            key: fields.key,
            chat,
            effective,
            expiry,
            extensions: fields.extensions,
            quirks,
        })
    }

    /// Reads what PSO: VERIFY CERTIFICATE carries: body and signature, without 7F21 around them.
    ///
    /// # Errors
    /// As [`from_der`](Self::from_der); offsets count as if 7F21 were there.
    pub fn from_content(bytes: &[u8]) -> Result<Self, CertError> {
        check_len(bytes)?;
        Self::from_der(&tlv::encode(0x7F21, bytes))
    }

    /// The bytes of the certificate.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.raw
    }

    /// Body and signature, as PSO: VERIFY CERTIFICATE carries them.
    #[must_use]
    pub fn content(&self) -> Vec<u8> {
        let mut content = self.body().to_vec();
        tlv::push(&mut content, 0x5F37, self.signature());
        content
    }

    /// The body with its header: what the signature is over.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.body.of(&self.raw)
    }

    /// The signature: r ‖ s, or as long as the RSA modulus.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        self.signature.of(&self.raw)
    }

    /// Certification authority reference: names the key that signed. A name, no proof.
    #[must_use]
    pub const fn authority(&self) -> &KeyReference {
        &self.authority
    }

    /// Certificate holder reference: names the key that is certified.
    #[must_use]
    pub const fn holder(&self) -> &KeyReference {
        &self.holder
    }

    /// The public key.
    #[must_use]
    pub const fn key(&self) -> &CvKey {
        &self.key
    }

    /// Terminal type, role, and rights.
    #[must_use]
    pub const fn chat(&self) -> Chat {
        self.chat
    }

    /// First day of validity.
    #[must_use]
    pub const fn effective(&self) -> Date {
        self.effective
    }

    /// Last day of validity.
    #[must_use]
    pub const fn expiry(&self) -> Date {
        self.expiry
    }

    /// The extensions.
    #[must_use]
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    /// Tolerances used.
    #[must_use]
    pub fn quirks(&self) -> &[Quirk] {
        &self.quirks
    }

    /// Whether it names itself as its authority, as the root of a chain does. A name, no proof.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.authority == self.holder
    }

    /// Checks the signature with the key of the authority, whose identifier also says the algorithm.
    ///
    /// # Errors
    /// [`SignatureError::Wrong`], or why it cannot be checked.
    pub fn verify(&self, authority: &VerifyingKey) -> Result<(), SignatureError> {
        verify_plain(authority.algorithm, &authority.key, self.body(), self.signature())
    }

    /// Names and values for people.
    #[must_use]
    pub fn fields(&self) -> Vec<(String, String)> {
        let field = |name: &str, value: String| (name.to_owned(), value);
        let mut fields = vec![
            field("authority (CAR)", self.authority.to_string()),
            field("holder (CHR)", self.holder.to_string()),
            field("key", self.key.describe()),
            field("terminal", self.chat.terminal().name().to_owned()),
            field("role", self.chat.role().name().to_owned()),
        ];
        fields.extend(self.chat.rights().into_iter().map(|right| field("may at most", right)));
        fields.push(field("valid", format!("{} to {}", self.effective, self.expiry)));
        for extension in &self.extensions {
            fields.push(field("extension", format!("{}, {}", crate::oid::describe(&extension.oid), der::hex(&extension.content))));
        }
        fields
    }
}

const fn check_len(bytes: &[u8]) -> Result<(), CertError> {
    if bytes.len() <= MAX_LEN {
        return Ok(());
    }
    Err(CertError::Malformed { what: "CV certificate", at: 0, expected: "at most 8192 bytes", found: String::new() })
}

/// What a body holds, of a certificate or of a request.
struct Fields {
    authority: Option<KeyReference>,
    key: CvKey,
    holder: KeyReference,
    chat: Option<Chat>,
    validity: Option<(Date, Date)>,
    extensions: Vec<Extension>,
}

impl Fields {
    fn read(body: &Tlv<'_>, quirks: &mut Vec<Quirk>) -> Result<Self, CertError> {
        let mut reader = body.reader();
        let profile = reader.expect(0x5F29)?;
        if profile.value != [0] {
            return Err(CertError::malformed("certificate profile identifier (5F29)", &profile, "00"));
        }
        let authority = reader.optional(0x42)?;
        let authority = authority.map(|car| KeyReference::read("certification authority reference (42)", car.value, car.at)).transpose()?;
        let key = CvKey::read(&reader.expect(0x7F49)?, quirks)?;
        let holder = reader.expect(0x5F20)?;
        let holder = KeyReference::read("certificate holder reference (5F20)", holder.value, holder.at)?;
        let chat = reader.optional(0x7F4C)?.map(|template| Chat::read(&template)).transpose()?;
        let validity = if chat.is_some() {
            let effective = date("effective date (5F25)", &reader.expect(0x5F25)?)?;
            let end = reader.expect(0x5F24)?;
            let expiry = date("expiration date (5F24)", &end)?;
            if expiry < effective {
                return Err(CertError::malformed("expiration date (5F24)", &end, "a day not before the effective date"));
            }
            Some((effective, expiry))
        } else {
            None
        };
        let extensions = reader.optional(0x65)?.map(|all| extensions(&all)).transpose()?.unwrap_or_default();
        reader.finish()?;
        Ok(Self { authority, key, holder, chat, validity, extensions })
    }
}

fn extensions(all: &Tlv<'_>) -> Result<Vec<Extension>, CertError> {
    let mut reader = all.reader();
    let mut extensions = Vec::new();
    while !reader.is_empty() {
        let template = reader.expect(0x73)?;
        if extensions.len() == MAX_EXTENSIONS {
            return Err(CertError::malformed("certificate extensions (65)", &template, "at most 32 of them"));
        }
        let mut inside: Reader<'_> = template.reader();
        let oid = inside.expect(0x06)?;
        extensions.push(Extension { oid: der::dotted(oid.value), content: inside.rest().to_vec() });
    }
    Ok(extensions)
}

/// Six bytes, one decimal digit each: YYMMDD of this century.
fn date(what: &'static str, object: &Tlv<'_>) -> Result<Date, CertError> {
    let wrong = || CertError::malformed(what, object, "YYMMDD, one digit in each of 6 bytes, a day that exists");
    let &[y1, y0, m1, m0, d1, d0] = object.value else { return Err(wrong()) };
    if object.value.iter().any(|&digit| digit > 9) {
        return Err(wrong());
    }
    Date::new(2000 + u16::from(y1 * 10 + y0), m1 * 10 + m0, d1 * 10 + d0).map_err(|_| wrong())
}

/// The six bytes of a date; days outside of 2000 to 2099 have none.
fn date_octets(date: Date) -> Option<[u8; 6]> {
    let year = u8::try_from(date.year().checked_sub(2000)?).ok().filter(|&year| year < 100)?;
    Some([year / 10, year % 10, date.month() / 10, date.month() % 10, date.day() / 10, date.day() % 10])
}

#[cfg(test)]
mod tests;
