//! The pivot value: everything that is on a card, independent of the product that it is written to.
//!
//! `perso::build` makes a [`CardImage`], `perso::plan` turns it into commands, the virtual card is one, and what is read back
//! is compared with it. A blank card is an image without files.

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::cert::cvc::TrustPoints;
use crate::crypto::agreement::AgreementPrivateKey;
use crate::crypto::curve;
use crate::secret::Secret;
use crate::tlv;

pub mod access;
mod pin;

pub use pin::{PinPower, PinRules};

/// An elementary file: where it lives and its file identifier (Doc 9303-10 clause 3, table of files).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId {
    /// The directory that holds it.
    pub home: Home,
    /// File identifier, two bytes.
    pub fid: u16,
}

/// The directory of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Home {
    /// The master file.
    Mf,
    /// The eMRTD application, AID A0000002471001.
    Emrtd,
    /// The eID application, AID E80704007F00070302.
    Eid,
}

/// AID of the LDS1 eMRTD application (Doc 9303-10 clause 3.5.1).
pub const EMRTD_AID: [u8; 7] = [0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01];
/// AID of the eID application (TR-03110-4 clause 2.2.1): the object identifier id-eID.
pub const EID_AID: [u8; 9] = [0xE8, 0x07, 0x04, 0x00, 0x7F, 0x00, 0x07, 0x03, 0x02];
/// Most data groups of the eID application.
pub const EID_GROUPS: u8 = 22;

impl FileId {
    /// EF.CardAccess, 011C under the MF.
    pub const CARD_ACCESS: Self = Self { home: Home::Mf, fid: 0x011C };
    /// EF.CardSecurity, 011D under the MF.
    pub const CARD_SECURITY: Self = Self { home: Home::Mf, fid: 0x011D };
    /// EF.DIR, 2F00.
    pub const DIR: Self = Self { home: Home::Mf, fid: 0x2F00 };
    /// EF.ATR/INFO, 2F01.
    pub const ATR_INFO: Self = Self { home: Home::Mf, fid: 0x2F01 };
    /// EF.COM, 011E.
    pub const COM: Self = Self { home: Home::Emrtd, fid: 0x011E };
    /// EF.SOD, 011D in the application.
    pub const SOD: Self = Self { home: Home::Emrtd, fid: 0x011D };
    /// EF.CVCA, 011C in the application.
    pub const CVCA: Self = Self { home: Home::Emrtd, fid: 0x011C };

    /// Every file of LDS1, MF first, then those of the eID application.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut all = vec![Self::CARD_ACCESS, Self::CARD_SECURITY, Self::DIR, Self::ATR_INFO, Self::COM, Self::SOD, Self::CVCA];
        all.extend((1..=16).filter_map(Self::dg));
        all.extend((1..=EID_GROUPS).filter_map(Self::eid));
        all
    }

    /// EF.DGn, 01nn; `None` unless 1 to 16.
    #[must_use]
    pub const fn dg(number: u8) -> Option<Self> {
        match number {
            1..=16 => Some(Self { home: Home::Emrtd, fid: 0x0100 | number as u16 }),
            _ => None,
        }
    }

    /// EF.DGn of the eID application, 01nn there; `None` unless 1 to 22 (TR-03110-4 table 3).
    #[must_use]
    pub const fn eid(number: u8) -> Option<Self> {
        match number {
            1..=EID_GROUPS => Some(Self { home: Home::Eid, fid: 0x0100 | number as u16 }),
            _ => None,
        }
    }

    /// Number of the data group of the eID application, 1 to 22.
    #[must_use]
    pub const fn eid_number(self) -> Option<u8> {
        match (self.home, self.fid) {
            (Home::Eid, 0x0101..=0x0116) => Some(self.fid.to_be_bytes()[1]),
            _ => None,
        }
    }

    /// Number of the data group of the eMRTD application, 1 to 16.
    #[must_use]
    pub const fn dg_number(self) -> Option<u8> {
        match (self.home, self.fid) {
            (Home::Emrtd, 0x0101..=0x0110) => Some(self.fid.to_be_bytes()[1]),
            _ => None,
        }
    }

    /// Short file identifier (Doc 9303-10, `files.csv`).
    #[must_use]
    pub const fn sfi(self) -> u8 {
        match (self.home, self.fid) {
            (Home::Mf, 0x2F00) => 0x1E,
            (Home::Mf, 0x2F01) => 0x01,
            _ => self.fid.to_be_bytes()[1] & 0x1F,
        }
    }

    /// The data grouping identifier that writes it (applet design, DGI map): the file identifier, or 3F1C and 3F1D
    /// for the two files of the MF whose identifiers the eMRTD application uses too, and 02nn for EF.DGn of the eID application.
    #[must_use]
    pub const fn dgi(self) -> u16 {
        match (self.home, self.fid) {
            (Home::Mf, 0x011C) => 0x3F1C,
            (Home::Mf, 0x011D) => 0x3F1D,
            (Home::Eid, fid) => fid.wrapping_add(0x0100),
            _ => self.fid,
        }
    }

    /// The file that a DGI writes; `None` if it writes none.
    #[must_use]
    pub fn from_dgi(dgi: u16) -> Option<Self> {
        Self::all().into_iter().find(|file| file.dgi() == dgi)
    }

    /// The name in Doc 9303: `EF.COM`, `EF.DG1`, `EF.CardAccess`; those of the eID application are `EF.eID.DG1` and so on.
    #[must_use]
    pub fn name(self) -> String {
        match (self.home, self.fid) {
            (Home::Mf, 0x011C) => "EF.CardAccess".to_owned(),
            (Home::Mf, 0x011D) => "EF.CardSecurity".to_owned(),
            (Home::Mf, 0x2F00) => "EF.DIR".to_owned(),
            (Home::Mf, 0x2F01) => "EF.ATR-INFO".to_owned(),
            (Home::Emrtd, 0x011E) => "EF.COM".to_owned(),
            (Home::Emrtd, 0x011D) => "EF.SOD".to_owned(),
            (Home::Emrtd, 0x011C) => "EF.CVCA".to_owned(),
            (Home::Eid, fid) => self.eid_number().map_or_else(|| format!("Eid/{fid:04X}"), |n| format!("EF.eID.DG{n}")),
            (home, fid) => self.dg_number().map_or_else(|| format!("{home:?}/{fid:04X}"), |n| format!("EF.DG{n}")),
        }
    }

    /// The file of that name, with or without `EF.`, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let wanted = name.trim().to_ascii_uppercase().replace('/', "-");
        let wanted = wanted.strip_prefix("EF.").unwrap_or(&wanted);
        Self::all().into_iter().find(|file| file.name().to_ascii_uppercase().strip_prefix("EF.") == Some(wanted))
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl fmt::Debug for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// The passwords of the chip. CAN and MRZ are printed on the card, PIN and PUK are not; none is ever readable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passwords {
    /// SHA-1 of the MRZ information (20 bytes): BAC uses the first 16, PACE all of it.
    pub mrz_seed: Option<Secret>,
    /// Card access number, digits.
    pub can: Option<Secret>,
    /// PIN, digits.
    pub pin: Option<Secret>,
    /// PUK, digits.
    pub puk: Option<Secret>,
    /// What may be done with the PIN; without it the PIN stays as it is, and PIN management is not there.
    pub pin_rules: Option<PinRules>,
}

impl Passwords {
    /// The template of the chip's passwords, 7F50 { 90 MRZ seed, 91 CAN, 92 PIN, 93 PUK, 94 rules of the PIN }, each where there is one; `None` if
    /// there is none.
    #[must_use]
    pub fn template(&self) -> Option<Secret> {
        let mut body = Zeroizing::new(Vec::new());
        for (tag, secret) in [(0x90_u32, &self.mrz_seed), (0x91, &self.can), (0x92, &self.pin), (0x93, &self.puk)] {
            if let Some(secret) = secret {
                tlv::push(&mut body, tag, secret.expose());
            }
        }
        if let Some(rules) = &self.pin_rules {
            tlv::push(&mut body, PinRules::TAG, &rules.encode());
        }
        (!body.is_empty()).then(|| Secret::new(tlv::encode(0x7F50, &body)))
    }
}

/// The private key of Active Authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActiveAuthKey {
    /// An EC key; signs plain r‖s.
    Ec(curve::PrivateKey),
    /// An RSA key; signs by ISO/IEC 9796-2.
    Rsa {
        /// Modulus, big-endian without leading zeros.
        modulus: Vec<u8>,
        /// Private exponent, big-endian.
        private_exponent: Secret,
    },
}

/// A private key of Chip Authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChipAuthKey {
    /// The key: a scalar of a curve, or an exponent of a multiplicative group.
    pub key: AgreementPrivateKey,
    /// Its identifier, where the chip has several keys.
    pub key_id: Option<u32>,
}

/// A private key of Restricted Identification (TR-03110-2 §3.7): what it gives a sector says nothing to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestrictedIdKey {
    /// The key.
    pub key: AgreementPrivateKey,
    /// Its identifier, by which a terminal chooses it.
    pub key_id: u32,
    /// Whether a terminal needs the right to it; else every authentication terminal may use it.
    pub authorized_only: bool,
}

/// State of the eID application: a thermometer code, bits are only ever set (applet design, states).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LifeCycle {
    /// 07: applet installed, empty.
    Initialized,
    /// 0F: a job nonce is set, content is staged, nothing is readable.
    PersoOpen,
    /// 1F: content committed and frozen.
    Personalized,
    /// 3F: as issued.
    Operational,
    /// 7F: keys and content erased.
    Terminated,
}

impl LifeCycle {
    /// The state byte.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Initialized => 0x07,
            Self::PersoOpen => 0x0F,
            Self::Personalized => 0x1F,
            Self::Operational => 0x3F,
            Self::Terminated => 0x7F,
        }
    }

    /// The state of a state byte.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0x07 => Some(Self::Initialized),
            0x0F => Some(Self::PersoOpen),
            0x1F => Some(Self::Personalized),
            0x3F => Some(Self::Operational),
            0x7F => Some(Self::Terminated),
            _ => None,
        }
    }
}

/// What a card shall hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CardImage {
    /// Every file's bytes.
    pub files: BTreeMap<FileId, Vec<u8>>,
    /// The chip's passwords.
    pub passwords: Passwords,
    /// The key of Active Authentication, if the card does it.
    pub active_auth: Option<ActiveAuthKey>,
    /// The keys of Chip Authentication, if the card does it.
    pub chip_auth: Vec<ChipAuthKey>,
    /// The keys of Restricted Identification, if the card does it.
    pub restricted_id: Vec<RestrictedIdKey>,
    /// What the chip trusts and which day it takes it to be when it is made, if it does Terminal Authentication.
    pub terminal_auth: Option<TrustPoints>,
}

impl CardImage {
    /// Digest over the clear file DGIs in ascending order: SHA-256 of id(2) ‖ length(2) ‖ value of each.
    /// Nothing secret goes in, so the digest may be stored and sent.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut by_dgi: Vec<_> = self.files.iter().map(|(file, bytes)| (file.dgi(), bytes)).collect();
        by_dgi.sort_unstable_by_key(|&(dgi, _)| dgi);
        let mut hash = Sha256::new();
        for (dgi, bytes) in by_dgi {
            hash.update(dgi.to_be_bytes());
            hash.update(u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes());
            hash.update(bytes);
        }
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_dgis_and_identifiers_lead_back_to_the_file() {
        for file in FileId::all() {
            assert_eq!((FileId::from_dgi(file.dgi()), FileId::from_name(&file.name())), (Some(file), Some(file)));
        }
        assert_eq!(FileId::from_name("dg14"), FileId::dg(14));
        assert_eq!(FileId::dg(17), None);
        let eid = |number| FileId::eid(number).expect("1 to 22");
        assert_eq!((FileId::from_name("eid.dg22"), FileId::from_name("dg22")), (FileId::eid(22), None));
        assert_eq!((eid(1).fid, eid(22).fid, eid(22).sfi(), eid(22).dgi()), (0x0101, 0x0116, 0x16, 0x0216));
        assert_eq!((FileId::eid(0), FileId::eid(23), eid(14).dg_number(), eid(14).eid_number()), (None, None, None, Some(14)));
    }

    /// The digest of `eid_applet_example.json` (GlobalPlatform vectors, derived there with an independent implementation).
    #[test]
    fn image_digest_is_that_of_the_worked_example() {
        let mut image = CardImage::default();
        image.files.insert(FileId::COM, hex::decode("60135f0104303130375f36063034303030305c0161").expect("hex"));
        let mrz = "I<UTOD231458907<<<<<<<<<<<<<<<7408122F1204159UTO<<<<<<<<<<<6ERIKSSON<<ANNA<MARIA<<<<<<<<<<";
        let dg1 = tlv::encode(0x61, &tlv::encode(0x5F1F, mrz.as_bytes()));
        image.files.insert(FileId::dg(1).expect("DG1"), dg1);
        assert_eq!(hex::encode(image.digest()), "82b775940f7a4e37264a2714895cf1f8cd9770ea013054ab773948c40824a25b");
    }
}
