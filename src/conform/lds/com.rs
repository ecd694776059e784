//! `LDS_A`, EF.COM; `LDS_F`, EF.CVCA; `LDS_L`, EF.ATR/INFO: what a terminal reads first.

use std::collections::BTreeSet;

use eid::image::FileId;
use eid::lds::Elementary as _;
use eid::lds::cvca::{self, Cvca};
use eid::lds::tags;
use eid::tlv::{Reader, Tag, Tlv};

use super::walk::{digits, length, need, outer, tag};
use super::{Checked, Miss, Rule, View, absent, bsi, ensure, icao};

pub(super) const RULES: &[Rule] = &[
    icao("LDS_A_1", FileId::COM, "template tag 60", tag),
    icao("LDS_A_2", FileId::COM, "length", length),
    icao("LDS_A_3", FileId::COM, "LDS version (5F01)", lds_version),
    icao("LDS_A_4", FileId::COM, "Unicode version (5F36)", unicode_version),
    icao("LDS_A_5", FileId::COM, "the tag list (5C) names the data groups that are there", tag_list),
    bsi("LDS_F_1", FileId::CVCA, "references of the CVCA keys, newest first, filled with zeros", references),
    bsi("LDS_L_1", FileId::ATR_INFO, "a list of TLV objects", atr_list),
    bsi("LDS_L_2", FileId::ATR_INFO, "extended length information (7F66) is there", atr_lengths_there),
    bsi("LDS_L_3", FileId::ATR_INFO, "two positive INTEGERs in 7F66", atr_lengths),
    bsi("LDS_L_4", FileId::ATR_INFO, "card capabilities: bit 8 of the third byte says that chaining is understood", atr_chaining),
];

fn lds_version(view: &View<'_>) -> Checked {
    let object = need(&outer(view)?, 0x5F01)?;
    let version = digits(&object, 4)?;
    ensure(matches!(version, "0107" | "0108"), || format!("5F01 at offset {}: expected 0107 or 0108, found {version}", object.at))
}

fn unicode_version(view: &View<'_>) -> Checked {
    digits(&need(&outer(view)?, 0x5F36)?, 6).map(drop)
}

fn tag_list(view: &View<'_>) -> Checked {
    let list = need(&outer(view)?, 0x5C)?;
    let mut listed = BTreeSet::new();
    for (at, &octet) in (list.value_at()..).zip(list.value) {
        let number = tags::data_group(Tag(octet.into()));
        let number =
            number.ok_or_else(|| Miss::Broken(format!("5C at offset {at}: expected the tag of a data group, found {octet:02X}")))?;
        ensure(listed.insert(number), || format!("5C at offset {at}: DG{number} for the second time"))?;
    }
    let present = view.subject.present;
    ensure(listed == *present, || format!("expected the data groups {present:?} that are there, found {listed:?}"))
}

fn references(view: &View<'_>) -> Checked {
    let file = Cvca::parse(view.bytes).map_err(|error| Miss::Broken(error.to_string()))?;
    ensure(view.bytes.len() == cvca::LEN, || format!("expected {} bytes, found {}", cvca::LEN, view.bytes.len()))?;
    ensure(file.previous.as_ref() != Some(&file.current), || format!("expected two different references, found {} twice", file.current))
}

fn atr_list(view: &View<'_>) -> Checked {
    let mut reader = Reader::new(view.bytes);
    while reader.next()?.is_some() {}
    Ok(())
}

/// The first object `tag` that stands before anything which is no TLV: that is the first case's.
fn atr_object<'a>(view: &View<'a>, tag: u32) -> Option<Tlv<'a>> {
    let mut reader = Reader::new(view.bytes);
    while let Ok(Some(object)) = reader.next() {
        if object.tag == Tag(tag) {
            return Some(object);
        }
    }
    None
}

fn atr_lengths_there(view: &View<'_>) -> Checked {
    ensure(atr_object(view, 0x7F66).is_some(), || "expected tag 7F66, found none".to_owned())
}

fn atr_lengths(view: &View<'_>) -> Checked {
    let Some(lengths) = atr_object(view, 0x7F66) else { return absent("there is no 7F66") };
    let mut inside = lengths.reader();
    for which in ["command", "response"] {
        let number = inside.expect(0x02)?;
        let positive = number.value.first().is_some_and(|first| first & 0x80 == 0) && number.value.iter().any(|&octet| octet != 0);
        ensure(positive, || {
            format!("longest {which} at offset {}: expected a positive INTEGER, found {}", number.at, hex::encode_upper(number.value))
        })?;
    }
    Ok(inside.finish()?)
}

fn atr_chaining(view: &View<'_>) -> Checked {
    let object = atr_object(view, 0x47).ok_or_else(|| Miss::Broken("expected card capabilities (47), found none".to_owned()))?;
    let chaining = matches!(object.value, [.., third] if object.value.len() == 3 && third & 0x80 != 0);
    ensure(chaining, || format!("47 at offset {}: expected bit 8 of the third octet, found {}", object.at, hex::encode_upper(object.value)))
}
