//! The eID application (BSI TR-03110-4): its selection and reading, auxiliary data for Terminal Authentication, restricted identification.

use std::collections::BTreeMap;

use eid::apdu::Command;
use eid::cert::chat::TerminalType;
use eid::image::{EID_AID, EID_GROUPS};
use eid::oid;
use eid::protocol::auxiliary::Question;
use eid::protocol::restricted_id::Protocol;
use eid::tlv::{self, Reader};
use rand_core::CryptoRng;

use super::super::link::{Answer, Wrapping};
use super::super::step::alteration::{Alteration, Auxiliary, Place, Spoil, Variant};
use super::{Outcome, Player, Seen, Sent, Trouble, taken};

/// The certificates that let a terminal do everything in it.
const READER: [&str; 2] = ["DV_CERT_17", "AT_CERT_17"];
/// Longest data group that is read: a portrait fits.
const MAX_GROUP: usize = 1 << 16;
/// Bytes of one READ BINARY: with padding and objects 87, 99, and 8E they fit into 256.
const PART: u8 = 200;

/// How far a date is from the true one.
const YEARS: i32 = 10;

impl Player<'_, '_> {
    pub(super) fn select_eid(&mut self) -> Result<Answer, Trouble> {
        Ok(self.link.send(&Command::new(0x00, 0xA4, 0x04, 0x0C).with_data(EID_AID))?)
    }

    /// Every data group that the card lets a terminal with all rights read. `Err` inside says what kept it from being one.
    pub(in crate::conform) fn eid_groups(&mut self) -> Result<Result<BTreeMap<u8, Vec<u8>>, String>, Trouble> {
        self.link.reset()?;
        let opened = self.pace(&[Alteration::Chat(TerminalType::Authentication, None)])?;
        if opened.outcome != Outcome::Opened {
            return Ok(Err(format!("PACE for an authentication terminal: {}", opened.describe())));
        }
        let names = READER.map(str::to_owned);
        let shown = self.terminal_authentication_2(&names, &[])?;
        if shown.outcome != Outcome::Done {
            return Ok(Err(format!("Terminal Authentication: {}", shown.describe())));
        }
        let agreed = self.chip_authentication_2(&[])?;
        if agreed.outcome != Outcome::Opened {
            return Ok(Err(format!("Chip Authentication: {}", agreed.describe())));
        }
        let selected = self.select_eid()?;
        if !selected.sw.is_ok() {
            return Ok(Err(format!("SELECT: {}", selected.sw)));
        }
        let mut groups = BTreeMap::new();
        for number in 1..=EID_GROUPS {
            if let Some(bytes) = self.eid_group(number)? {
                groups.insert(number, bytes);
            }
        }
        Ok(Ok(groups))
    }

    /// A data group by its short identifier, as long as its outer tag says.
    fn eid_group(&mut self, number: u8) -> Result<Option<Vec<u8>>, Trouble> {
        let mut bytes = Vec::new();
        loop {
            let [high, low] = u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes();
            let (p1, p2) = if bytes.is_empty() { (0x80 | number, 0) } else { (high, low) };
            let answer = self.link.send(&Command::new(0x00, 0xB0, p1, p2).with_le(PART.into()))?;
            let reads = answer.wrapping == Wrapping::Secured && (answer.sw.is_ok() || answer.sw.sw1() == 0x62);
            if !reads || answer.data.is_empty() {
                return Ok(Some(bytes).filter(|bytes| !bytes.is_empty()));
            }
            bytes.extend(answer.data);
            match Reader::new(&bytes).next() {
                // what follows the object is not the data group's
                Ok(Some(object)) => return Ok(Some(object.raw.to_vec())),
                _ if bytes.len() >= MAX_GROUP.min(0x7F00) => return Ok(Some(bytes)),
                _ => {}
            }
        }
    }

    /// DO'67' with what the step asks for; empty if it asks for nothing.
    pub(super) fn auxiliary(&self, alterations: &[Alteration]) -> Result<Vec<u8>, Trouble> {
        let wants = |variant| alterations.contains(&Alteration::Variant(variant));
        let template: u32 = if wants(Variant::AuxTemplate) { 0x74 } else { 0x73 };
        let name: u32 = if wants(Variant::AuxOid) { 0x07 } else { 0x06 };
        let mut all = Vec::new();
        for alteration in alterations {
            let Alteration::Auxiliary(asked) = alteration else { continue };
            let (question, reference) = self.reference(*asked);
            let number = question.group();
            let reference =
                reference.ok_or_else(|| Trouble::Missing(format!("EF.DG{number} of the eID application, which could not be read")))?;
            let mut inside = tlv::encode(name, &oid::encode(question.oid()));
            tlv::push(&mut inside, 0x53, &reference);
            tlv::push(&mut all, template, &inside);
        }
        Ok(if all.is_empty() { all } else { tlv::encode(0x67, &all) })
    }

    /// What the chip is asked, and with what it shall compare; `None` if its own is not known.
    fn reference(&self, asked: Auxiliary) -> (Question, Option<Vec<u8>>) {
        let content = |question: Question| {
            let outer = Reader::new(self.profile.eid.get(&question.group())?).next().ok()??;
            outer.reader().next().ok().flatten().map(|inner| inner.value.to_vec())
        };
        // the first of January where the day is not known
        let date = |question: Question, years: i32| {
            let text = String::from_utf8(content(question)?).ok()?;
            let (year, day) = text.split_at_checked(4)?;
            let day = if day.bytes().all(|b| b.is_ascii_digit()) && day.len() == 4 { day } else { "0101" };
            Some(format!("{:04}{day}", year.parse::<i32>().ok()? + years).into_bytes())
        };
        match asked {
            Auxiliary::Age(right) => (Question::Age, date(Question::Age, if right { YEARS } else { -YEARS })),
            Auxiliary::Valid(right) => (Question::Validity, date(Question::Validity, if right { -YEARS } else { YEARS })),
            Auxiliary::Municipality(right) => {
                let mut own = content(Question::Municipality);
                if let Some(first) = own.as_mut().and_then(|own| own.first_mut()).filter(|_| !right) {
                    // another country
                    *first ^= 0x01;
                }
                (Question::Municipality, own)
            }
            Auxiliary::MunicipalityPrefix => {
                (Question::Municipality, content(Question::Municipality).map(|own| own.into_iter().take(2).collect()))
            }
        }
    }

    /// MSE:Set AT { 80 protocol, 84 key } and GENERAL AUTHENTICATE 7C { A0 or A2 sector's key } (TR-03110-3 B.4).
    pub(super) fn restricted_identification(&mut self, name: &str, alterations: &[Alteration]) -> Result<Seen, Trouble> {
        let none = || Trouble::Impossible("neither EF.CardAccess nor EF.CardSecurity announces restricted identification".to_owned());
        let (protocol, key_id) = self.profile.restricted.first().cloned().ok_or_else(none)?;
        let key = self.with_keys(|keys, rng| keys.sector_key(name, rng))?;
        let mut objects = tlv::encode(0x80, &protocol);
        tlv::push(&mut objects, 0x84, &key_id);
        let tag: u32 = if alterations.contains(&Alteration::Variant(Variant::Second)) { 0xA2 } else { 0xA0 };
        let key = tlv::single(&key, 0x7F49u32).map_err(|error| Trouble::Impossible(error.to_string()))?.value;
        let template = tlv::encode(0x7C, &tlv::encode(tag, key));
        let commands = [
            (Place::Mse, Command::new(0x00, 0x22, 0x41, 0xA4).with_data(objects)),
            (Place::Ga, Command::new(0x00, 0x86, 0x00, 0x00).with_data(template).with_le(256)),
        ];
        let mut last = None;
        for (place, command) in commands {
            let offered: Vec<_> = self.profile.restricted.iter().map(|(protocol, _)| protocol.clone()).collect();
            let mut spoil = |how: Spoil, _: &[u8], _: &mut dyn CryptoRng| match how {
                Spoil::Foreign => foreign(&offered).ok_or_else(|| "the card offers every restricted identification".to_owned()),
                _ => Err("not a change of restricted identification".to_owned()),
            };
            let answer = match self.exchange(place, command, alterations, &mut spoil)? {
                Sent::Answer(answer) => answer,
                Sent::Stopped(answer) => return Ok(Seen::new(Outcome::Stopped, Some(answer))),
            };
            if !taken(answer.sw) {
                return Ok(Seen::new(Outcome::Refused(place), Some(answer)));
            }
            last = Some(answer);
        }
        Ok(Seen::new(Outcome::Answered, last))
    }
}

/// A protocol of restricted identification on curves that is not offered.
fn foreign(offered: &[Vec<u8>]) -> Option<Vec<u8>> {
    let own = Protocol::ECDH_SHA256.octets();
    (1..=5_u8)
        .map(|hash| {
            let mut octets = own.clone();
            octets.iter_mut().next_back().into_iter().for_each(|last| *last = hash);
            octets
        })
        .find(|octets| !offered.contains(octets))
}
