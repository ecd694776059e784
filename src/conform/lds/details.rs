//! `LDS_N`, EF.DG11, and `LDS_O`, EF.DG12: a tag list and the objects that it names.

use std::collections::BTreeSet;

use eid::image::FileId;
use eid::lds::biometrics::image;
use eid::lds::{dg11, dg12};
use eid::tlv::{Tag, Tlv};

use super::walk::{children, digits, find, length, need, outer, tag};
use super::{Checked, Miss, Rule, View, absent, broken, dg, ensure, icao};

const DG11: FileId = dg(11);
const DG12: FileId = dg(12);

pub(super) const RULES: &[Rule] = &[
    icao("LDS_N_1", DG11, "template tag 6B", tag),
    icao("LDS_N_2", DG11, "length", length),
    icao("LDS_N_3", DG11, "the tag list (5C) names the objects that are there", tag_list),
    icao("LDS_N_4", DG11, "full name (5F0E)", |view| text(view, dg11::FULL_NAME)),
    icao("LDS_N_5", DG11, "other names (A0 with 5F0F)", |view| group(view, dg11::OTHER_NAME)),
    icao("LDS_N_6", DG11, "personal number (5F10)", |view| text(view, dg11::PERSONAL_NUMBER)),
    icao("LDS_N_7", DG11, "full date of birth (5F2B), 8 digits", |view| date(view, dg11::DATE_OF_BIRTH, 8)),
    icao("LDS_N_8", DG11, "place of birth (5F11)", |view| text(view, dg11::PLACE_OF_BIRTH)),
    icao("LDS_N_9", DG11, "address (5F42)", |view| text(view, dg11::ADDRESS)),
    icao("LDS_N_10", DG11, "telephone (5F12)", |view| text(view, dg11::TELEPHONE)),
    icao("LDS_N_11", DG11, "profession (5F13)", |view| text(view, dg11::PROFESSION)),
    icao("LDS_N_12", DG11, "title (5F14)", |view| text(view, dg11::TITLE)),
    icao("LDS_N_13", DG11, "summary (5F15)", |view| text(view, dg11::SUMMARY)),
    icao("LDS_N_14", DG11, "proof of citizenship (5F16)", |view| picture(view, dg11::CITIZENSHIP)),
    icao("LDS_N_15", DG11, "numbers of other documents (5F17), separated by <", numbers),
    icao("LDS_O_1", DG12, "template tag 6C", tag),
    icao("LDS_O_2", DG12, "length", length),
    icao("LDS_O_3", DG12, "the tag list (5C) names the objects that are there", tag_list),
    icao("LDS_O_4", DG12, "issuing authority (5F19)", |view| text(view, dg12::AUTHORITY)),
    icao("LDS_O_5", DG12, "date of issue (5F26), 8 digits", |view| date(view, dg12::DATE_OF_ISSUE, 8)),
    icao("LDS_O_6", DG12, "other persons (A0 with 5F1A)", |view| group(view, dg12::OTHER_PERSON)),
    icao("LDS_O_7", DG12, "endorsements (5F1B)", |view| text(view, dg12::ENDORSEMENTS)),
    icao("LDS_O_8", DG12, "tax and exit requirements (5F1C)", |view| text(view, dg12::TAX_EXIT)),
    icao("LDS_O_9", DG12, "front image (5F1D)", |view| picture(view, dg12::FRONT)),
    icao("LDS_O_10", DG12, "rear image (5F1E)", |view| picture(view, dg12::REAR)),
    icao("LDS_O_11", DG12, "time of personalization (5F55), 14 digits", |view| date(view, dg12::PERSONALIZED_AT, 14)),
    icao("LDS_O_12", DG12, "serial number of the personalization system (5F56)", |view| text(view, dg12::DEVICE)),
];

const GROUP: u32 = 0xA0;

/// The tags of the list: one octet, or two where the low five bits of the first are set.
fn listed(list: &Tlv<'_>) -> Result<BTreeSet<Tag>, Miss> {
    let mut tags = BTreeSet::new();
    let mut octets = list.value.iter();
    while let Some(&first) = octets.next() {
        let mut tag = u32::from(first);
        if first & 0x1F == 0x1F {
            let second = octets.next().ok_or_else(|| Miss::Broken(format!("5C at offset {}: the last tag is cut", list.at)))?;
            tag = tag << 8 | u32::from(*second);
        }
        if !tags.insert(Tag(tag)) {
            return Err(Miss::Broken(format!("5C at offset {}: tag {} for the second time", list.at, Tag(tag))));
        }
    }
    Ok(tags)
}

/// Of a group, the list may name the group, its members, or both.
fn tag_list(view: &View<'_>) -> Checked {
    let content = outer(view)?;
    let mut listed = listed(&need(&content, 0x5C)?)?;
    let mut present = BTreeSet::new();
    for object in children(&content)? {
        match object.tag.0 {
            0x5C => {}
            GROUP => {
                let members: BTreeSet<_> = children(&object)?.into_iter().map(|member| member.tag).filter(|tag| tag.0 != 0x02).collect();
                let named = listed.remove(&Tag(GROUP));
                present.extend(members.into_iter().filter(|member| !named || listed.contains(member)));
            }
            _ => _ = present.insert(object.tag),
        }
    }
    ensure(listed == present, || format!("5C: expected the objects {present:?} that are there, found {listed:?}"))
}

fn object<'a>(view: &View<'a>, tag: Tag) -> Result<Tlv<'a>, Miss> {
    match find(&outer(view)?, tag.0)? {
        Some(object) => Ok(object),
        None => absent(format!("there is no {tag}")),
    }
}

/// UTF-8 without control characters, and something in it.
fn plain(object: &Tlv<'_>) -> Checked {
    let text = std::str::from_utf8(object.value)
        .map_err(|error| Miss::Broken(format!("{} at offset {}: expected UTF-8, {error}", object.tag, object.at)))?;
    ensure(!text.is_empty() && !text.chars().any(char::is_control), || {
        format!("{} at offset {}: expected text without control characters, {} bytes", object.tag, object.at, text.len())
    })
}

fn text(view: &View<'_>, tag: Tag) -> Checked {
    plain(&object(view, tag)?)
}

fn date(view: &View<'_>, tag: Tag, len: usize) -> Checked {
    let object = object(view, tag)?;
    let text = digits(&object, len)?;
    let part = |range: std::ops::Range<usize>| text.get(range).and_then(|part| part.parse::<u8>().ok()).unwrap_or_default();
    // 00 stands for a month or a day that is not known
    let right = part(4..6) <= 12 && part(6..8) <= 31 && part(8..10) < 24 && part(10..12) < 60 && part(12..14) < 60;
    ensure(right, || format!("{tag} at offset {}: expected a date{}, found {text}", object.at, if len > 8 { " and time" } else { "" }))
}

fn picture(view: &View<'_>, tag: Tag) -> Checked {
    let object = object(view, tag)?;
    match image::sniff(object.value) {
        Ok(_) => Ok(()),
        Err(error) => broken(format!("{tag} at offset {}: {error}", object.at)),
    }
}

fn numbers(view: &View<'_>) -> Checked {
    let object = object(view, dg11::OTHER_DOCUMENTS)?;
    plain(&object)?;
    let right = object.value.split(|&b| b == b'<').all(|number| !number.is_empty() && number.iter().all(u8::is_ascii_alphanumeric));
    ensure(right, || format!("{} at offset {}: expected numbers separated by one <", object.tag, object.at))
}

/// `A0 { 02 01 n, member n times }`.
fn group(view: &View<'_>, member: Tag) -> Checked {
    let Some(group) = find(&outer(view)?, GROUP)? else { return absent("there is no group A0") };
    let objects = children(&group)?;
    let Some((count, members)) = objects.split_first().filter(|(first, _)| first.tag == Tag(0x02)) else {
        return broken(format!("A0 at offset {}: expected the number of members (02) first, found none", group.at));
    };
    let said = count.value.iter().fold(0_usize, |n, &octet| n.saturating_mul(256).saturating_add(octet.into()));
    ensure(count.value.len() == 1 && said == members.len(), || {
        format!("02 at offset {}: says {said}, found {} members", count.at, members.len())
    })?;
    members.iter().try_for_each(|object| {
        ensure(object.tag == member, || format!("expected tag {member} at offset {}, found {}", object.at, object.tag))?;
        plain(object)
    })
}
