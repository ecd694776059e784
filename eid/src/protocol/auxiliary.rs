//! Authenticated auxiliary data of Terminal Authentication version 2 (BSI TR-03110-3 A.7.5 and B.6): what a terminal commits to, so that the
//! chip answers yes or no and gives nothing away: is the holder old enough, is the document still valid, does the holder live there?
//!
//! ```text
//! in MSE:Set AT   67 { 73 { 06 identifier, 53 value } … }
//! VERIFY          8C 20 80 00   06 identifier      -> 9000 yes, 6300 no, 6982 without the right, 6A88 nothing was committed to
//! date of birth   53 YYYYMMDD   yes if the stored date is not after it      right: age verification
//! date of expiry  53 YYYYMMDD   yes if the stored date is not before it     right: none, any authentication terminal
//! municipality    53 octets     yes if the stored ID begins with them       right: municipality verification
//! ```
//!
//! Of several templates with one identifier the last counts; what is no such template is ignored. A day of birth that is not known counts as
//! the last that it can be.

use crate::apdu::Command;
use crate::cert::chat::Chat;
use crate::date::Date;
use crate::lds::eid::{EidGroup, PartialDate, Value};
use crate::oid;
use crate::tlv::{self, Reader};

/// Most templates that are looked at.
const MAX_TEMPLATES: usize = 32;

/// A question that a chip answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// Was the holder born on this day or before?
    Age,
    /// Does the document expire on this day or later?
    Validity,
    /// Does the municipality ID begin so?
    Municipality,
}

impl Question {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Age, Self::Validity, Self::Municipality];

    /// The object identifier in dotted form.
    #[must_use]
    pub const fn oid(self) -> &'static str {
        match self {
            Self::Age => oid::AUX_DATE_OF_BIRTH,
            Self::Validity => oid::AUX_DATE_OF_EXPIRY,
            Self::Municipality => oid::AUX_MUNICIPALITY_ID,
        }
    }

    /// The data group that it is asked of: 8, 3, 18.
    #[must_use]
    pub const fn group(self) -> u8 {
        match self {
            Self::Age => 8,
            Self::Validity => 3,
            Self::Municipality => 18,
        }
    }

    /// The bit of the right that an authentication terminal needs; `None` where it needs none.
    #[must_use]
    pub const fn right(self) -> Option<u8> {
        match self {
            Self::Age => Some(Chat::AGE_VERIFICATION),
            Self::Validity => None,
            Self::Municipality => Some(Chat::MUNICIPALITY_VERIFICATION),
        }
    }

    /// The question of the content octets of an identifier.
    #[must_use]
    pub fn of_octets(octets: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|question| oid::encode(question.oid()) == octets)
    }

    /// VERIFY: asks the chip.
    #[must_use]
    pub fn command(self) -> Command {
        Command::new(0x80, 0x20, 0x80, 0x00).with_data(tlv::encode(0x06u32, &oid::encode(self.oid())))
    }

    /// Reads the data field of VERIFY: content octets of the identifier; `None` if it is no such field.
    #[must_use]
    pub fn asked(data: &[u8]) -> Option<&[u8]> {
        tlv::single(data, 0x06u32).ok().map(|object| object.value)
    }

    /// What the chip answers: does the stored data group fulfil what the terminal committed to? `None` if `committed` is no value for this
    /// question, or `stored` another data group.
    #[must_use]
    pub fn holds(self, stored: &EidGroup, committed: &[u8]) -> Option<bool> {
        if stored.number() != self.group() {
            return None;
        }
        let date = || PartialDate::parse(committed).map(PartialDate::first);
        match (self, stored.value()) {
            (Self::Age, Value::Date(birth)) => Some(birth.last() <= date()?),
            (Self::Validity, Value::Date(expiry)) => Some(expiry.first() >= date()?),
            (Self::Municipality, Value::Octets(own)) => Some(!committed.is_empty() && own.starts_with(committed)),
            _ => None,
        }
    }
}

/// What a terminal commits to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuxiliaryData {
    templates: Vec<u8>,
}

impl AuxiliaryData {
    /// The same with a value for this question too.
    #[must_use]
    pub fn with(mut self, question: Question, value: &[u8]) -> Self {
        let mut template = tlv::encode(0x06u32, &oid::encode(question.oid()));
        tlv::push(&mut template, 0x53u32, value);
        tlv::push(&mut self.templates, 0x73u32, &template);
        self
    }

    /// The same with a date.
    #[must_use]
    pub fn with_date(self, question: Question, date: Date) -> Self {
        self.with(question, date.yyyymmdd().as_bytes())
    }

    /// DO'67' as it goes into MSE:Set AT and under the terminal's signature; empty if there is nothing.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        if self.templates.is_empty() { Vec::new() } else { tlv::encode(0x67u32, &self.templates) }
    }
}

/// What a terminal committed to for the identifier of these content octets: the value of the last such template in DO'67'. `None` if there is
/// none.
#[must_use]
pub fn committed<'a>(object: &'a [u8], identifier: &[u8]) -> Option<&'a [u8]> {
    let mut reader = tlv::single(object, 0x67u32).ok()?.reader();
    let mut last = None;
    for _ in 0..MAX_TEMPLATES {
        let Ok(Some(template)) = reader.next() else { break };
        if template.tag != tlv::Tag(0x73) {
            continue;
        }
        let mut inside: Reader<'a> = template.reader();
        let same = inside.expect(0x06u32).is_ok_and(|kind| kind.value == identifier);
        if let (true, Ok(value)) = (same, inside.expect(0x53u32)) {
            last = Some(value.value);
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::FileId;

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text.replace(' ', "")).expect("hex")
    }

    fn group(number: u8, file: &str) -> EidGroup {
        EidGroup::read(FileId::eid(number).expect("1 to 22"), &bytes(file), &mut Vec::new()).expect("a file")
    }

    /// By hand: identifiers of `oids.csv`, structure of TR-03110-3 table 19.
    #[test]
    fn what_a_terminal_commits_to_is_found_again_and_the_last_counts() {
        let day = |text: &str| text.parse::<Date>().expect("a date");
        let data = AuxiliaryData::default().with_date(Question::Age, day("2008-11-22")).with(Question::Municipality, &[0x02, 0x76]);
        let expected = "67 28 73 15 06 09 04007F000703010401 53 08 3230303831313232 73 0F 06 09 04007F000703010403 53 02 0276";
        assert_eq!(data.encode(), bytes(expected));
        let of = |data: &AuxiliaryData, question: Question| committed(&data.encode(), &oid::encode(question.oid())).map(<[u8]>::to_vec);
        assert_eq!(of(&data, Question::Age).as_deref(), Some(&b"20081122"[..]));
        assert_eq!((of(&data, Question::Validity), of(&data, Question::Municipality)), (None, Some(vec![0x02, 0x76])));
        let again = data.with_date(Question::Age, day("2000-01-01"));
        assert_eq!(of(&again, Question::Age).as_deref(), Some(&b"20000101"[..]));
        assert!(AuxiliaryData::default().encode().is_empty());
        assert_eq!(Question::Age.command().encode().map(hex::encode_upper).as_deref(), Ok("802080000B060904007F000703010401"));
    }

    #[test]
    fn what_is_no_template_is_ignored() {
        let age = oid::encode(Question::Age.oid());
        for object in [
            "67 13 74 11 06 09 04007F000703010401 53 04 32303038",
            "67 13 73 11 07 09 04007F000703010401 53 04 32303038",
            "67 13 73 11 06 09 04007F000703010401 54 04 32303038",
            "67 0D 73 0B 06 09 04007F000703010401",
            "67 00",
            "",
            "67 05 73 09 06",
        ] {
            assert_eq!(committed(&bytes(object), &age), None, "{object}");
        }
        assert_eq!(committed(&bytes("67 15 05 00 73 11 06 09 04007F000703010401 53 04 32303038"), &age), Some(&b"2008"[..]));
    }

    #[test]
    fn the_chip_says_yes_on_the_day_itself() {
        let birth = group(8, "68 0A 12 08 3230303831313232");
        let holds = |question: Question, stored: &EidGroup, committed: &[u8]| question.holds(stored, committed);
        assert_eq!(holds(Question::Age, &birth, b"20081122"), Some(true));
        assert_eq!(holds(Question::Age, &birth, b"20081121"), Some(false));
        let month = group(8, "68 0A 12 08 3230303831312020");
        assert_eq!((holds(Question::Age, &month, b"20081129"), holds(Question::Age, &month, b"20081130")), (Some(false), Some(true)));
        let expiry = group(3, "63 0A 12 08 3230333031313232");
        assert_eq!(holds(Question::Validity, &expiry, b"20301122"), Some(true));
        assert_eq!(holds(Question::Validity, &expiry, b"20301123"), Some(false));
        let home = group(18, "72 09 04 07 02760378900276");
        for (asked, yes) in [
            (&[0x02, 0x76][..], true),
            (&bytes("02760378900276"), true),
            (&bytes("0276037890027600"), false),
            (&[0x03], false),
            (&[], false),
        ] {
            assert_eq!(holds(Question::Municipality, &home, asked), Some(yes), "{asked:?}");
        }
        assert_eq!((holds(Question::Age, &expiry, b"20301122"), holds(Question::Age, &birth, b"2008112")), (None, None));
    }
}
