//! Which key and protocol of DG14 or EF.CardSecurity a terminal takes for Chip Authentication.
//!
//! The strongest first: by cipher (AES-256, AES-192, AES-128, 3DES), then by the security of the key (half the bits of a curve; 80, 112, 128
//! for DH primes of 1024, 2048, 3072 bits), then ECDH before DH, then in the order of the file. A key without a ChipAuthenticationInfo is
//! taken with 3DES, which chips of 2013 leave unsaid; that and everything else that deviates is a quirk.

use super::Version;
use crate::cert::spki::agreement;
use crate::crypto::agreement::{AgreementKey, Domain};
use crate::crypto::kdf::Suite;
use crate::lds::security_info::{Agreement, ChipAuthProtocol, KeyId, SecurityInfos};
use crate::quirk::Quirk;

/// A way to authenticate the chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Agreement and cipher.
    pub protocol: ChipAuthProtocol,
    /// Which procedure.
    pub version: Version,
    /// The chip's static key.
    pub key: AgreementKey,
    /// Its identifier, if it has one.
    pub key_id: Option<KeyId>,
    /// Whether the chip has several keys, so that the identifier must be named to it.
    pub several: bool,
}

/// The ways that the set offers, the strongest first, and why others are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// The ways.
    pub ways: Vec<Choice>,
    /// Keys that cannot be used, in words.
    pub unusable: Vec<String>,
}

/// Reads what `infos` offer; tolerances go to `quirks`.
#[must_use]
pub fn choices(infos: &SecurityInfos, quirks: &mut Vec<Quirk>) -> Choices {
    let mut choices = Choices::default();
    let several = infos.chip_auth_public_keys().count() > 1;
    for info in infos.chip_auth_public_keys() {
        let place = info.key_id.map_or_else(String::new, |id| format!(" {id}"));
        let key = match agreement::parse(&info.spki) {
            Ok(read) => {
                quirks.extend(read.quirks);
                read.key
            }
            Err(error) => {
                choices.unusable.push(format!("the key{place} for Chip Authentication: {error}"));
                continue;
            }
        };
        let kind = match key {
            AgreementKey::Ec(_) => Agreement::Ecdh,
            AgreementKey::Dh(_) => Agreement::Dh,
        };
        if kind != info.agreement {
            choices
                .unusable
                .push(format!("the key{place} for Chip Authentication: announced for {:?}, found one for {kind:?}", info.agreement));
            continue;
        }
        let mut offered = 0;
        for announced in infos.chip_auth().filter(|ca| ca.protocol.agreement == kind) {
            // Where there is one key, an identifier on one side alone is an oversight.
            let same = announced.key_id == info.key_id || !several && (announced.key_id.is_none() || info.key_id.is_none());
            if !same {
                continue;
            }
            let version = match announced.version {
                1 => Version::One,
                2 => Version::Two,
                other => {
                    choices.unusable.push(format!("{} version {other}", crate::oid::describe(announced.protocol.oid())));
                    continue;
                }
            };
            offered += 1;
            choices.ways.push(Choice { protocol: announced.protocol, version, key: key.clone(), key_id: info.key_id, several });
        }
        if offered == 0 && infos.chip_auth().all(|ca| ca.protocol.agreement != kind) {
            quirks.push(Quirk::new("ca.no-info", format!("the key{place} for Chip Authentication has no ChipAuthenticationInfo")));
            let protocol = ChipAuthProtocol { agreement: kind, suite: Suite::TripleDes };
            choices.ways.push(Choice { protocol, version: Version::One, key: key.clone(), key_id: info.key_id, several });
        }
    }
    // A stable sort: what is equally strong stays in the order of the file.
    choices.ways.sort_by_key(|way| std::cmp::Reverse(strength(way)));
    choices
}

/// Cipher, bits of security, and ECDH before DH.
fn strength(choice: &Choice) -> (Suite, usize, bool) {
    let (bits, curve) = match choice.key.domain() {
        Domain::Ec(curve) => (curve.field_len() * 4, true),
        Domain::Dh(group) => (
            match group.bits() {
                ..2048 => 80,
                2048..3072 => 112,
                _ => 128,
            },
            false,
        ),
    };
    (choice.protocol.suite, bits, curve)
}
