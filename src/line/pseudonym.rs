//! Names for persons and documents that tell nothing: HMAC-SHA-256 (RFC 2104) under a key of the site.
//!
//! Store, log, and reports hold only these. Who has the key and a number can ask whether they belong together, and nobody else can.

use eid::secret::Secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::store::Pseudonym;
use crate::perso::profile::NumberRule;
use crate::perso::record::Record;

/// Bytes of the key.
pub const KEY_LEN: usize = 32;

/// Makes the pseudonyms of a site.
#[derive(Clone, Debug)]
pub struct Pseudonyms {
    key: Secret,
}

impl Pseudonyms {
    /// With the key of the site, [`KEY_LEN`] bytes; `None` for another length.
    #[must_use]
    pub fn new(key: Secret) -> Option<Self> {
        (key.len() == KEY_LEN).then_some(Self { key })
    }

    /// Of a person, by what names them for life: the personal number, or the number that their state gives.
    #[must_use]
    pub fn person(&self, number: &str) -> Pseudonym {
        self.of("person", number)
    }

    /// Of a document, by its number.
    #[must_use]
    pub fn document(&self, number: &str) -> Pseudonym {
        self.of("document", number)
    }

    /// Of the person and of the document of a record, by its [`numbers`].
    #[must_use]
    pub fn of_record(&self, record: &Record, rule: NumberRule) -> (Pseudonym, Pseudonym) {
        let (person, document) = numbers(record, rule);
        (self.person(&person), self.document(&document))
    }

    fn of(&self, kind: &str, text: &str) -> Pseudonym {
        let mut mac = match Hmac::<Sha256>::new_from_slice(self.key.expose()) {
            Ok(mac) => mac,
            // RFC 2104 takes keys of every length
            Err(_) => unreachable!("HMAC takes keys of every length"),
        };
        // no kind holds a zero byte, so no two pairs of kind and text are the same message
        for part in [kind.as_bytes(), &[0], text.as_bytes()] {
            mac.update(part);
        }
        Pseudonym(mac.finalize().into_bytes().into())
    }
}

/// What names the person and the document of a record. A person: the personal number where there is one, else the document number. A document:
/// its own number where it has one; an identity card that shows only a part of the personal number, by all of that.
#[must_use]
pub fn numbers(record: &Record, rule: NumberRule) -> (String, String) {
    let document = || record.mrz().content().document_number.clone();
    let person = record.number().map_or_else(document, |number| number.to_string());
    let document = if rule == NumberRule::DocumentNumber { document() } else { person.clone() };
    (person, document)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people;
    use crate::perso::profile::DocumentProfile;

    #[test]
    fn a_passport_is_named_by_its_own_number_and_an_identity_card_by_that_of_its_holder() {
        let today = "2026-11-22".parse().expect("a day");
        let citizen = people::citizen(1, 1, today);
        let named = |profile: &str| {
            let profile = DocumentProfile::load(profile).expect("built in");
            let record = Record::new(&citizen.input, &profile, today, &mut |name| citizen.load(name)).expect("a record");
            let own = record.mrz().content().document_number.clone();
            (numbers(&record, profile.mrz.number), record.number().map(|number| number.to_string()), own)
        };
        let (card, holder, own) = named("cccd-2021");
        let holder = holder.expect("a personal number");
        assert_eq!(card, (holder.clone(), holder.clone()));
        assert_eq!(own.as_str(), &holder[3..], "nine digits of twelve are not of one person alone");
        let (passport, _, own) = named("icao-td3");
        assert_eq!(passport, (holder.clone(), own.clone()));
        assert_ne!(own, holder);
    }

    /// HMAC-SHA-256 as Python's `hmac` and `hashlib` compute it, over `person\0` and `document\0` with the number.
    #[test]
    fn pseudonyms_are_those_of_another_implementation() {
        let site = Pseudonyms::new(Secret::new((0..32).collect())).expect("a key");
        assert_eq!(hex::encode(site.person("099505000123").0), "9135678548ccbb7f74ffdd5fc81b77e93a9f244eb2334702019c60cb66991952");
        assert_eq!(hex::encode(site.document("505000123").0), "419ffa935998e93632f25fcd91ce80bee7a55b274f586e6609905dcfd3c7c2d5");
        assert_ne!(site.person("505000123"), site.document("505000123"));
        assert!(Pseudonyms::new(Secret::new(vec![0; 31])).is_none());
        assert_eq!(format!("{:?}", site.person("099505000123")).len(), 8);
    }
}
