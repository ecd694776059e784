//! Cross checks (Doc 9303-11 §5, Doc 9303-12 §7.1): do the files of a card, and its printed QR text, speak of the same document and person?
//!
//! Pure functions of files, day, QR text, and printed MRZ, so that it can be repeated without the card. A file that was not read is no difference. What
//! follows from a difference depends on who vouches for the two sides:
//!
//! | difference | outcome | why |
//! | --- | --- | --- |
//! | unsigned against signed: EF.COM, EF.CardAccess, the QR text | failed | the signed data win; somebody changed or mixed the rest |
//! | signed against signed: DG1, DG11, DG12, DG13, the MRZ itself | undecided | the issuer signed both: no forgery is shown, and a person has to look |
//! | expired; no portrait that can be read | undecided | says nothing about genuineness, and nobody should pass unseen |
//! | lawful: a name that is truncated or transliterated, unknown parts of a date, an empty field, no expiry, free text | passed, with a reason | |
//! | other alphabets, formats, and codes that are not known here | not attempted, not supported | |
//!
//! | ids | module |
//! | --- | --- |
//! | `dir.application`, `com.sod`, `card_access.dg14` | [`files`] |
//! | `document.expiry`, `cross.mrz`, `cross.issue`, `cross.dg2` | [`document`] |
//! | `cross.dg3`, `cross.dg4` | [`biometrics`] |
//! | `cross.page` | [`page`] |
//! | `cross.dg11.*`: `name`, `birth`, `number` | [`holder`] |
//! | `cross.dg13.*`: `name`, `birth`, `sex`, `expiry`, `number`; `cross.number.*`: `mrz`, `province`, `person` | [`vietnam`] |
//! | `cross.qr.*`: `number`, `name`, `birth`, `sex`, `issue`, `old_number`, `residence` | [`qr`] |
//!
//! A data group that the card does not have gives no finding. None of this is a proof: whether the signed files are signed is the question
//! of [`passive_auth`](super::passive_auth), which also holds the issuing state against the country of the document signer (`pa.issuer`).

use std::collections::BTreeMap;

use crate::date::Date;
use crate::face_qr::FaceQr;
use crate::image::FileId;
use crate::lds::Elementary;
use crate::lds::dg1::Dg1;
use crate::lds::dg13::{Dg13, Person};
use crate::lds::sod::Sod;
use crate::mrz::Mrz;

use super::finding::Finding;

pub mod biometrics;
pub mod document;
pub mod files;
pub mod holder;
pub mod page;
mod person;
pub mod qr;
pub mod vietnam;

/// What is compared.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The files that were read, as the card gave them.
    pub files: &'a BTreeMap<FileId, Vec<u8>>,
    /// The day of the inspection.
    pub today: Date,
}

/// The files of a card that the comparisons share, parsed once; `None` where a file is absent or does not parse.
#[derive(Debug)]
pub(in crate::protocol) struct Card<'a> {
    pub(in crate::protocol) input: Input<'a>,
    pub(in crate::protocol) dg1: Option<Dg1>,
    /// The fields of a Vietnamese EF.DG13.
    pub(in crate::protocol) dg13: Option<Person>,
    pub(in crate::protocol) sod: Option<Sod>,
}

impl<'a> Card<'a> {
    fn new(input: Input<'a>) -> Self {
        let mut card = Self { input, dg1: None, dg13: None, sod: None };
        card.dg1 = card.file();
        card.dg13 = card
            .bytes(Dg13::FILE)
            .filter(|bytes| Dg13::is_vietnamese(bytes))
            .and_then(|bytes| Dg13::parse(bytes).ok())
            .map(|dg13| dg13.person());
        card.sod = card.bytes(FileId::SOD).and_then(|bytes| Sod::parse(bytes).ok());
        card
    }

    fn bytes(&self, file: FileId) -> Option<&'a [u8]> {
        self.input.files.get(&file).map(Vec::as_slice)
    }

    fn file<E: Elementary>(&self) -> Option<E> {
        self.bytes(E::FILE).and_then(|bytes| E::parse(bytes).ok())
    }
}

/// Every cross check of the files among themselves, in the order of the table above.
#[must_use]
pub fn check(input: &Input<'_>) -> Vec<Finding> {
    let card = Card::new(*input);
    let mut findings = files::check(&card);
    findings.extend(document::check(&card));
    findings.extend(biometrics::check(&card));
    findings.extend(holder::check(&card));
    findings.extend(vietnam::check(&card));
    findings
}

/// The QR text of the card's face against the files.
#[must_use]
pub fn face_qr(input: &Input<'_>, qr: &FaceQr) -> Vec<Finding> {
    qr::check(&Card::new(*input), qr)
}

/// The MRZ that is printed on the page against the one of the chip.
#[must_use]
pub fn printed(input: &Input<'_>, mrz: &Mrz) -> Finding {
    page::check(&Card::new(*input), mrz)
}

#[cfg(test)]
mod tests;
