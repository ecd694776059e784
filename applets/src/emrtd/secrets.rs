//! The chip's secrets as DGIs (applet design 4.3). They are checked when they arrive and read again when they are used.
//!
//! ```text
//! 8002  7F50 { 90 MRZ seed 20, 91 CAN, 92 PIN, 93 PUK, 94 rules of the PIN }      with 94 the field changes them: `pin`
//! 8003  7F49 { 80 domain parameter id, 81 private value }  or  7F49 { 85 modulus, 86 private exponent }
//! 8004  7F49 { 80 domain parameter id, 81 private value, 82 key id } …     0 to 2 for DH, 8 to 18 for ECDH
//! 8005  7F49 { 80 domain parameter id, 81 private value, 82 key id, 83 whether a right is needed: 00 or 01 } …     Restricted Identification
//! check 84 04 first four bytes of SHA-256 over all that, then zeros
//! ```

use eid::crypto::agreement::{AgreementPrivateKey, Domain};
use eid::image::{ActiveAuthKey, ChipAuthKey, Passwords, PinRules, RestrictedIdKey};
use eid::secret::Secret;
use eid::tlv::{Reader, Tag, TlvError};

use crate::card::Card;
use crate::status::{self, Refusal};

/// DGI of the passwords.
pub(crate) const PASSWORDS: u16 = 0x8002;
/// DGI of the Active Authentication key.
pub(crate) const ACTIVE_AUTH: u16 = 0x8003;
/// DGI of the Chip Authentication keys.
pub(crate) const CHIP_AUTH: u16 = 0x8004;

/// DGI of the Restricted Identification keys.
pub(crate) const RESTRICTED_ID: u16 = 0x8005;

/// Most digits of a password.
pub(crate) const MAX_DIGITS: usize = 32;
/// Most keys of Chip Authentication, or of Restricted Identification.
const MAX_KEYS: usize = 8;

const NOT_READABLE: Refusal = Refusal::Status(status::WRONG_DATA);

impl From<TlvError> for Refusal {
    fn from(_: TlvError) -> Self {
        NOT_READABLE
    }
}

/// 6A80 unless the objects are what `dgi` holds.
pub(crate) fn validate(dgi: u16, objects: &[u8]) -> Result<(), Refusal> {
    match dgi {
        PASSWORDS => passwords(objects).map(|_| ()),
        ACTIVE_AUTH => active_auth(objects).map(|_| ()),
        RESTRICTED_ID => restricted_id(objects).map(|_| ()),
        _ => chip_auth(objects).map(|_| ()),
    }
}

/// The passwords of such a template.
pub(crate) fn passwords(objects: &[u8]) -> Result<Passwords, Refusal> {
    let mut reader = Reader::new(objects);
    let mut members = reader.expect(0x7F50)?.reader();
    reader.finish()?;
    let mut passwords = Passwords::default();
    while let Some(member) = members.next()? {
        if member.tag == Tag(PinRules::TAG) {
            let rules = PinRules::decode(member.value).filter(|_| passwords.pin_rules.is_none());
            passwords.pin_rules = Some(rules.ok_or(NOT_READABLE)?);
            continue;
        }
        let digits = is_password(member.value);
        let (place, right) = match member.tag {
            Tag(0x90) => (&mut passwords.mrz_seed, member.value.len() == 20),
            Tag(0x91) => (&mut passwords.can, digits),
            Tag(0x92) => (&mut passwords.pin, digits),
            Tag(0x93) => (&mut passwords.puk, digits),
            _ => return Err(NOT_READABLE),
        };
        if !right || place.is_some() {
            return Err(NOT_READABLE);
        }
        *place = Some(Secret::from(member.value));
    }
    if passwords.pin_rules.is_some() && passwords.pin.is_none() { Err(NOT_READABLE) } else { Ok(passwords) }
}

/// Whether that can be a CAN, a PIN, or a PUK.
pub(crate) fn is_password(octets: &[u8]) -> bool {
    (1..=MAX_DIGITS).contains(&octets.len()) && octets.iter().all(u8::is_ascii_digit)
}

fn active_auth(objects: &[u8]) -> Result<ActiveAuthKey, Refusal> {
    let mut reader = Reader::new(objects);
    let mut members = reader.expect(0x7F49)?.reader();
    reader.finish()?;
    if members.peek()? == Some(Tag(0x85)) {
        let modulus = members.expect(0x85)?.value.to_vec();
        let private_exponent = Secret::from(members.expect(0x86)?.value);
        members.finish()?;
        let odd = modulus.last().is_some_and(|octet| octet & 1 == 1) && modulus.first() != Some(&0);
        return if odd && modulus.len() >= 128 { Ok(ActiveAuthKey::Rsa { modulus, private_exponent }) } else { Err(NOT_READABLE) };
    }
    let AgreementPrivateKey::Ec(key) = agreement_key(&mut members)? else { return Err(NOT_READABLE) };
    members.finish()?;
    Ok(ActiveAuthKey::Ec(key))
}

fn chip_auth(objects: &[u8]) -> Result<Vec<ChipAuthKey>, Refusal> {
    let mut reader = Reader::new(objects);
    let mut keys = Vec::new();
    while !reader.is_empty() && keys.len() < MAX_KEYS {
        let mut members = reader.expect(0x7F49)?.reader();
        let key = agreement_key(&mut members)?;
        let key_id = members.optional(0x82)?.map(|id| number(id.value)).transpose()?;
        members.finish()?;
        keys.push(ChipAuthKey { key, key_id });
    }
    reader.finish()?;
    if keys.is_empty() { Err(NOT_READABLE) } else { Ok(keys) }
}

fn restricted_id(objects: &[u8]) -> Result<Vec<RestrictedIdKey>, Refusal> {
    let mut reader = Reader::new(objects);
    let mut keys: Vec<RestrictedIdKey> = Vec::new();
    while !reader.is_empty() && keys.len() < MAX_KEYS {
        let mut members = reader.expect(0x7F49)?.reader();
        let key = agreement_key(&mut members)?;
        let key_id = number(members.expect(0x82)?.value)?;
        let authorized_only = match members.expect(0x83)?.value {
            [0] => false,
            [1] => true,
            _ => return Err(NOT_READABLE),
        };
        members.finish()?;
        if keys.iter().any(|other| other.key_id == key_id) {
            return Err(NOT_READABLE);
        }
        keys.push(RestrictedIdKey { key, key_id, authorized_only });
    }
    reader.finish()?;
    if keys.is_empty() { Err(NOT_READABLE) } else { Ok(keys) }
}

fn agreement_key(members: &mut Reader<'_>) -> Result<AgreementPrivateKey, Refusal> {
    let &[id] = members.expect(0x80)?.value else { return Err(NOT_READABLE) };
    let domain = Domain::standardized(id).ok_or(NOT_READABLE)?;
    AgreementPrivateKey::from_bytes(&domain, members.expect(0x81)?.value).or(Err(NOT_READABLE))
}

/// A big-endian number of one to four bytes.
pub(crate) fn number(octets: &[u8]) -> Result<u32, Refusal> {
    if !(1..=4).contains(&octets.len()) {
        return Err(NOT_READABLE);
    }
    Ok(octets.iter().fold(0, |number, &octet| number << 8 | u32::from(octet)))
}

impl Card {
    /// 6A88 if the card has none of them, 6581 if the memory lost them.
    pub(crate) fn passwords(&self) -> Result<Passwords, Refusal> {
        passwords(self.secret_object(PASSWORDS)?.expose())
    }

    pub(crate) fn active_auth_key(&self) -> Result<ActiveAuthKey, Refusal> {
        active_auth(self.secret_object(ACTIVE_AUTH)?.expose())
    }

    pub(crate) fn chip_auth_keys(&self) -> Result<Vec<ChipAuthKey>, Refusal> {
        chip_auth(self.secret_object(CHIP_AUTH)?.expose())
    }

    pub(crate) fn restricted_id_keys(&self) -> Result<Vec<RestrictedIdKey>, Refusal> {
        restricted_id(self.secret_object(RESTRICTED_ID)?.expose())
    }

    fn secret_object(&self, dgi: u16) -> Result<Secret, Refusal> {
        self.store.secret(dgi)?.ok_or(Refusal::Status(status::NO_REFERENCE))
    }
}

#[cfg(test)]
mod tests {
    use eid::crypto::curve::Curve;
    use eid::dgi;

    use crate::status::refuse;

    use super::*;

    /// `eid_applet_example.json`, DGIs 8002 and 8003 in clear.
    #[test]
    fn the_objects_of_the_worked_example_are_read() {
        let plain = hex::decode("7f501e90143c4e2edb7be894f54fa2cc9a04ef09d0887526a391063132333435368404bbe13553").expect("hex");
        let read = passwords(dgi::open(&plain).expect("check value")).expect("passwords");
        assert_eq!(read.can.as_ref().map(Secret::expose), Some(&b"123456"[..]));
        assert_eq!(read.mrz_seed.map(|seed| hex::encode(seed.expose())).as_deref(), Some("3c4e2edb7be894f54fa2cc9a04ef09d0887526a3"));
        let plain =
            hex::decode("7f492580010d81200102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f208404b329bac2").expect("hex");
        let Ok(ActiveAuthKey::Ec(key)) = active_auth(dgi::open(&plain).expect("check value")) else { panic!("an EC key") };
        assert_eq!(key.curve(), Curve::BrainpoolP256r1);
    }

    #[test]
    fn foreign_objects_are_refused() {
        assert_eq!(validate(PASSWORDS, &hex::decode("7f5003910141").expect("hex")), refuse(status::WRONG_DATA), "CAN of letters");
        assert_eq!(validate(CHIP_AUTH, &hex::decode("7f4906800163810101").expect("hex")), refuse(status::WRONG_DATA), "curve 99");
        assert_eq!(validate(CHIP_AUTH, &[]), refuse(status::WRONG_DATA));
        assert_eq!(
            validate(PASSWORDS, &hex::decode("7f5008940606000 00a0000".replace(' ', "")).expect("hex")),
            refuse(status::WRONG_DATA),
            "rules without a PIN"
        );
        let restricted = |text: &str| validate(RESTRICTED_ID, &hex::decode(text.replace(' ', "")).expect("hex"));
        assert_eq!(restricted("7F490C 80010D 810105 820143 830101"), Ok(()));
        assert_eq!(restricted("7F490C 80010D 810105 820143 830102"), refuse(status::WRONG_DATA), "neither yes nor no");
        assert_eq!(restricted("7F4909 80010D 810105 830101"), refuse(status::WRONG_DATA), "no key id");
        assert_eq!(restricted(&"7F490C 80010D 810105 820143 830101".repeat(2)), refuse(status::WRONG_DATA), "one id twice");
    }
}
