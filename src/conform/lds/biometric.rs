//! `LDS_C`, `LDS_G`, `LDS_H`: the nesting of EF.DG2, EF.DG3 and EF.DG4, and what the face record says of its image.
//!
//! ```text
//! 75 | 63 | 76 { 7F61 { 02 n, 7F60 { A1 { … 82 … 87 owner 88 type }, 5F2E record | 7F2E { A1 { 65 | 64 | 66 block } } } n times } }
//! ```
//!
//! Cases of ISO/IEC 19794 and of 39794 apply to the templates of that form: a block in `7F2E { A1 … }` is of 39794, everything else of 19794.

use eid::image::FileId;
use eid::lds::biometrics::face::{FaceImage, FaceRecord};
use eid::lds::biometrics::image;
use eid::lds::biometrics::iso39794::face::FaceBlock;
use eid::tlv::{Reader, Tag, Tlv};

use super::walk::{children, find, length, need, outer, tag};
use super::{Checked, Miss, Rule, View, absent, broken, bsi, dg, ensure, icao, way};

const DG2: FileId = dg(2);
const DG3: FileId = dg(3);
const DG4: FileId = dg(4);

pub(super) const RULES: &[Rule] = &[
    icao("LDS_C_1", DG2, "template tag 75", tag),
    icao("LDS_C_2", DG2, "length", length),
    icao("LDS_C_3", DG2, "biometric group template 7F61", |view| group(view).map(drop)),
    icao("LDS_C_4", DG2, "number of instances, 1 to 9, is that of the templates", |view| count(view, 1..=9)),
    icao("LDS_C_5", DG2, "biometric templates 7F60", |view| templates(view).map(drop)),
    icao("LDS_C_6", DG2, "header template A1 comes first", |view| each(view, |template| header(template).map(drop))),
    icao("LDS_C_7", DG2, "format owner 0101 (87)", owner),
    icao("LDS_C_8", DG2, "format type 0008 (88), ISO/IEC 19794-5", |view| kind(view, Form::Iso19794)),
    icao("LDS_C_9", DG2, "data block 5F2E or 7F2E", |view| each(view, |template| data(template).map(drop))),
    icao("LDS_C_10", DG2, "face record header: FAC, 010, length, number of images", face_header),
    icao("LDS_C_11", DG2, "facial information block", facial_information),
    icao("LDS_C_12", DG2, "feature points", |view| faces(view, feature_points)),
    icao("LDS_C_13", DG2, "image information is that of the image", |view| faces(view, image_information)),
    icao("LDS_C_14", DG2, "format type 002A (88), ISO/IEC 39794-5", |view| kind(view, Form::Iso39794)),
    icao("LDS_C_15", DG2, "data block 7F2E", constructed),
    icao("LDS_C_16", DG2, "inner template A1", inner),
    icao("LDS_C_17", DG2, "face image data block 65", |view| block(view).map(drop)),
    icao("LDS_C_18", DG2, "version: generation 3, year 2019 or later", version),
    icao("LDS_C_19", DG2, "representations are there", |view| representations(view).map(drop)),
    icao("LDS_C_20", DG2, "one representation", one_representation),
    icao("LDS_C_21", DG2, "gender", gender),
    icao("LDS_C_22", DG2, "image representation is there", |view| representation(view, &[0xA1])),
    icao("LDS_C_23", DG2, "two-dimensional image is there", |view| representation(view, &[0xA1, 0xA0, 0xA0])),
    icao("LDS_C_24", DG2, "image format JPEG or JPEG 2000, as the image is", |view| faces_39794(view, image_format)),
    icao("LDS_C_25", DG2, "kind of image: portrait of a travel document", image_kind),
    icao("LDS_G_11", DG3, "format type fits the data", fits),
    icao("LDS_G_12", DG3, "format type 0028 (88), ISO/IEC 39794-4", |view| kind(view, Form::Iso39794)),
    icao("LDS_G_13", DG3, "data block 7F2E", constructed),
    icao("LDS_G_14", DG3, "inner template A1 with block 64", |view| block(view).map(drop)),
    icao("LDS_H_11", DG4, "format type fits the data", fits),
    icao("LDS_H_12", DG4, "format type 002C (88), ISO/IEC 39794-6", |view| kind(view, Form::Iso39794)),
    icao("LDS_H_13", DG4, "data block 7F2E", constructed),
    icao("LDS_H_14", DG4, "inner template A1", inner),
    icao("LDS_H_15", DG4, "iris image data block 66", |view| block(view).map(drop)),
    bsi("LDS_G_1", DG3, "template tag 63", tag),
    bsi("LDS_G_2", DG3, "length", length),
    bsi("LDS_G_3", DG3, "biometric group template 7F61", |view| group(view).map(drop)),
    bsi("LDS_G_4", DG3, "number of instances is that of the templates", |view| count(view, 0..=9)),
    bsi("LDS_G_5", DG3, "biometric templates 7F60", |view| templates(view).map(drop)),
    bsi("LDS_G_6", DG3, "header template A1 comes first", |view| each(view, |template| header(template).map(drop))),
    bsi("LDS_G_7", DG3, "format owner 0101 (87)", owner),
    bsi("LDS_G_8", DG3, "format type 0007 (88), ISO/IEC 19794-4", |view| kind(view, Form::Iso19794)),
    bsi("LDS_G_9", DG3, "biometric subtype (82)", subtype),
    bsi("LDS_G_10", DG3, "data block 5F2E or 7F2E", |view| each(view, |template| data(template).map(drop))),
    bsi("LDS_G_11", DG3, "format type fits the data", fits),
    bsi("LDS_H_1", DG4, "template tag 76", tag),
    bsi("LDS_H_2", DG4, "length", length),
    bsi("LDS_H_3", DG4, "biometric group template 7F61", |view| group(view).map(drop)),
    bsi("LDS_H_4", DG4, "number of instances is that of the templates", |view| count(view, 0..=9)),
    bsi("LDS_H_5", DG4, "biometric templates 7F60", |view| templates(view).map(drop)),
    bsi("LDS_H_6", DG4, "header template A1 comes first", |view| each(view, |template| header(template).map(drop))),
    bsi("LDS_H_7", DG4, "format owner 0101 (87)", owner),
    bsi("LDS_H_8", DG4, "format type 0009 or 000B (88), ISO/IEC 19794-6", |view| kind(view, Form::Iso19794)),
    bsi("LDS_H_9", DG4, "biometric subtype (82)", subtype),
    bsi("LDS_H_10", DG4, "data block 5F2E or 7F2E", |view| each(view, |template| data(template).map(drop))),
    bsi("LDS_H_11", DG4, "format type fits the data", fits),
];

/// Which standard the data of a template follow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Iso19794,
    Iso39794,
}

/// What a file's templates hold: first octets of the record, its format types, tag of the block, format type of the block.
fn forms(file: FileId) -> (&'static [u8; 4], &'static [u16], u32, u16) {
    match file.dg_number() {
        Some(3) => (b"FIR\0", &[0x0007], 0x64, 0x0028),
        Some(4) => (b"IIR\0", &[0x0009, 0x000B], 0x66, 0x002C),
        _ => (b"FAC\0", &[0x0008], 0x65, 0x002A),
    }
}

fn group<'a>(view: &View<'a>) -> Result<Tlv<'a>, Miss> {
    need(&outer(view)?, 0x7F61)
}

/// The templates: everything in the group but the count and the filler of an empty group (53).
fn templates<'a>(view: &View<'a>) -> Result<Vec<Tlv<'a>>, Miss> {
    let members = children(&way(group(view))?)?;
    let templates: Vec<_> = members.into_iter().filter(|member| !matches!(member.tag.0, 0x02 | 0x53)).collect();
    match templates.iter().find(|template| template.tag != Tag(0x7F60)) {
        Some(other) => Err(Miss::Broken(format!("expected tag 7F60 at offset {}, found {}", other.at, other.tag))),
        None => Ok(templates),
    }
}

fn each<'a>(view: &View<'a>, rule: impl Fn(&Tlv<'a>) -> Checked) -> Checked {
    let templates = way(templates(view))?;
    if templates.is_empty() {
        return absent("the group has no template");
    }
    templates.iter().try_for_each(rule)
}

/// The templates of a form; the case is about something else if there are none.
fn of_form<'a>(view: &View<'a>, form: Form) -> Result<Vec<Tlv<'a>>, Miss> {
    let mut found = Vec::new();
    for template in way(templates(view))? {
        if form_of(&template)? == form {
            found.push(template);
        }
    }
    match (found.is_empty(), form) {
        (false, _) => Ok(found),
        (true, Form::Iso19794) => absent("no template is of ISO/IEC 19794"),
        (true, Form::Iso39794) => absent("no template is of ISO/IEC 39794"),
    }
}

fn form_of(template: &Tlv<'_>) -> Result<Form, Miss> {
    let constructed = data(template).ok().filter(|data| data.tag == Tag(0x7F2E));
    let block = constructed.is_some_and(|data| matches!(data.reader().peek(), Ok(Some(tag)) if tag.is_constructed()));
    // a header that names a format of ISO/IEC 39794 is believed where the data are no record either
    let named = header(template).ok().and_then(|header| find(&header, 0x88).ok().flatten()).map(|object| object.value);
    let record = data(template).is_ok_and(|data| matches!(data.value, [b'F', b'A', b'C', 0, ..] | [b'F' | b'I', b'I', b'R', 0, ..]));
    let block = block || (!record && matches!(named, Some([0x00, 0x28 | 0x2A | 0x2C])));
    Ok(if block { Form::Iso39794 } else { Form::Iso19794 })
}

fn count(view: &View<'_>, allowed: std::ops::RangeInclusive<usize>) -> Checked {
    let members = children(&way(group(view))?)?;
    let Some((first, rest)) = members.split_first().filter(|(first, _)| first.tag == Tag(0x02)) else {
        return broken("expected the number of instances (02) first in 7F61, found none");
    };
    let [number] = *first.value else {
        return broken(format!("02 at offset {}: expected one octet, found {}", first.at, first.value.len()));
    };
    let (number, found) = (usize::from(number), rest.iter().filter(|member| member.tag == Tag(0x7F60)).count());
    let (low, high) = (*allowed.start(), *allowed.end());
    ensure(allowed.contains(&number), || format!("02 at offset {}: expected {low} to {high}, found {number}", first.at))?;
    ensure(number == found, || format!("02 at offset {}: says {number}, found {found} templates 7F60", first.at))
}

fn header<'a>(template: &Tlv<'a>) -> Result<Tlv<'a>, Miss> {
    let first = template.reader().next()?.filter(|first| first.tag == Tag(0xA1));
    first.ok_or_else(|| Miss::Broken(format!("expected tag A1 first in the template at offset {}", template.at)))
}

fn data<'a>(template: &Tlv<'a>) -> Result<Tlv<'a>, Miss> {
    let found = children(template)?.into_iter().find(|child| matches!(child.tag.0, 0x5F2E | 0x7F2E));
    found.ok_or_else(|| Miss::Broken(format!("expected tag 5F2E or 7F2E in the template at offset {}", template.at)))
}

fn owner(view: &View<'_>) -> Checked {
    each(view, |template| {
        let owner = need(&way(header(template))?, 0x87)?;
        ensure(owner.value == [0x01, 0x01], || {
            format!("87 at offset {}: expected 0101, found {}", owner.at, hex::encode_upper(owner.value))
        })
    })
}

/// The format type of a template: 2 octets.
fn named(template: &Tlv<'_>) -> Result<(u16, usize), Miss> {
    let object = need(&way(header(template))?, 0x88)?;
    let value = <[u8; 2]>::try_from(object.value);
    let value = value.map_err(|_| Miss::Broken(format!("88 at offset {}: expected 2 octets, found {}", object.at, object.value.len())))?;
    Ok((u16::from_be_bytes(value), object.at))
}

fn kind(view: &View<'_>, form: Form) -> Checked {
    let (_, records, _, block) = forms(view.file);
    for template in of_form(view, form)? {
        let (found, at) = named(&template)?;
        let right = if form == Form::Iso39794 { found == block } else { records.contains(&found) };
        ensure(right, || match form {
            Form::Iso19794 => format!("88 at offset {at}: expected {records:04X?}, found {found:04X}"),
            Form::Iso39794 => format!("88 at offset {at}: expected {block:04X}, found {found:04X}"),
        })?;
    }
    Ok(())
}

/// The format type names what the data are, whatever they are.
fn fits(view: &View<'_>) -> Checked {
    let (magic, records, _, block) = forms(view.file);
    each(view, |template| {
        let (found, at) = named(template)?;
        let data = way(data(template))?;
        let is_record = data.value.starts_with(magic);
        let right = if is_record { records.contains(&found) } else { found == block && form_of(template)? == Form::Iso39794 };
        let what = if is_record { "a record of ISO/IEC 19794" } else { "no such record" };
        ensure(right, || format!("88 at offset {at}: says {found:04X}, the data at offset {} are {what}", data.value_at()))
    })
}

fn subtype(view: &View<'_>) -> Checked {
    each(view, |template| {
        let object = need(&way(header(template))?, 0x82)?;
        ensure(object.value.len() == 1, || format!("82 at offset {}: expected 1 octet, found {}", object.at, object.value.len()))
    })
}

fn constructed(view: &View<'_>) -> Checked {
    for template in of_form(view, Form::Iso39794)? {
        let data = way(data(&template))?;
        ensure(data.tag == Tag(0x7F2E), || format!("expected tag 7F2E at offset {}, found {}", data.at, data.tag))?;
    }
    Ok(())
}

fn inner(view: &View<'_>) -> Checked {
    for template in of_form(view, Form::Iso39794)? {
        inner_of(&template)?;
    }
    Ok(())
}

fn inner_of<'a>(template: &Tlv<'a>) -> Result<Tlv<'a>, Miss> {
    let data = way(data(template))?;
    let first = data.reader().next()?.filter(|first| first.tag == Tag(0xA1));
    first.ok_or_else(|| Miss::Broken(format!("expected tag A1 first in {} at offset {}", data.tag, data.at)))
}

/// The block of the first template of ISO/IEC 39794.
fn block<'a>(view: &View<'a>) -> Result<Tlv<'a>, Miss> {
    let (_, _, tag, _) = forms(view.file);
    let mut first = None;
    for template in of_form(view, Form::Iso39794)? {
        // of DG3, one case is about both
        let inner = if view.file == DG3 { inner_of(&template)? } else { way(inner_of(&template))? };
        let found = need(&inner, tag)?;
        first = first.or(Some(found));
    }
    first.ok_or_else(|| Miss::Broken("expected a block, found none".to_owned()))
}

fn face_header(view: &View<'_>) -> Checked {
    for template in of_form(view, Form::Iso19794)? {
        let data = way(data(&template))?;
        let at = data.value_at();
        let mut head = Reader::new(data.value).rest().iter().copied();
        let mut take = |n: usize| head.by_ref().take(n).collect::<Vec<u8>>();
        let (magic, version, len, images) = (take(4), take(4), take(4), take(2));
        ensure(magic == b"FAC\0", || format!("offset {at}: expected FAC, found {}", hex::encode_upper(&magic)))?;
        ensure(version == b"010\0", || format!("offset {}: expected version 010, found {}", at + 4, hex::encode_upper(&version)))?;
        let number = |octets: &[u8]| octets.iter().fold(0_usize, |n, &octet| n << 8 | usize::from(octet));
        ensure(len.len() == 4 && number(&len) == data.value.len(), || {
            format!("offset {}: length of the record says {}, found {} bytes", at + 8, number(&len), data.value.len())
        })?;
        ensure(images.len() == 2 && number(&images) > 0, || format!("offset {}: expected at least one image", at + 12))?;
    }
    Ok(())
}

/// Every image in a record of ISO/IEC 19794-5.
fn faces(view: &View<'_>, rule: impl Fn(&FaceImage) -> Checked) -> Checked {
    for template in of_form(view, Form::Iso19794)? {
        let data = way(data(&template))?;
        let record = FaceRecord::read(view.file, data.value, data.value_at(), &mut Vec::new());
        way(record.map_err(|error| Miss::Broken(error.to_string())))?.images.iter().try_for_each(&rule)?;
    }
    Ok(())
}

/// A record behind a right header that does not read has wrong lengths in its blocks.
fn facial_information(view: &View<'_>) -> Checked {
    way(face_header(view))?;
    for template in of_form(view, Form::Iso19794)? {
        let data = way(data(&template))?;
        let record = FaceRecord::read(view.file, data.value, data.value_at(), &mut Vec::new());
        record.map_err(|error| Miss::Broken(error.to_string()))?.images.iter().try_for_each(gender_19794)?;
    }
    Ok(())
}

fn gender_19794(image: &FaceImage) -> Checked {
    ensure(matches!(image.gender, 0..=2 | 0xFF), || format!("gender: expected 0, 1, 2 or FF, found {:02X}", image.gender))
}

fn feature_points(image: &FaceImage) -> Checked {
    for (n, point) in (1..).zip(&image.feature_points) {
        let [kind, code, x1, x0, y1, y0, ..] = *point;
        ensure(kind == 1, || format!("feature point {n}: expected type 01 (MPEG-4), found {kind:02X}"))?;
        ensure(code >> 4 != 0 && code & 0x0F != 0, || format!("feature point {n}: expected group and index from 1, found {code:02X}"))?;
        let (x, y) = (u16::from_be_bytes([x1, x0]), u16::from_be_bytes([y1, y0]));
        ensure(x < image.width && y < image.height, || {
            format!("feature point {n}: expected a place in {} x {}, found ({x}, {y})", image.width, image.height)
        })?;
    }
    Ok(())
}

fn image_information(face: &FaceImage) -> Checked {
    ensure(matches!(face.image_type, 0..=2), || format!("image type: expected 0, 1 or 2, found {}", face.image_type))?;
    let header = face.header().map_err(|error| Miss::Broken(format!("image: {error}")))?;
    let expected = u8::from(header.kind != image::ImageKind::Jpeg);
    ensure(face.data_type == expected, || format!("image data type: says {}, found {}", face.data_type, header.kind.name()))?;
    ensure((u32::from(face.width), u32::from(face.height)) == (header.width, header.height), || {
        format!("image size: says {} x {}, found {} x {}", face.width, face.height, header.width, header.height)
    })?;
    ensure(matches!(face.colour_space, 0..=4 | 128..), || format!("colour space: expected 0 to 4, found {}", face.colour_space))
}

/// Every block of ISO/IEC 39794-5.
fn faces_39794(view: &View<'_>, rule: impl Fn(&FaceBlock) -> Checked) -> Checked {
    way(block(view))?;
    for template in of_form(view, Form::Iso39794)? {
        let data = way(data(&template))?;
        let block = FaceBlock::read(view.file, data.value, data.value_at(), &mut Vec::new());
        rule(&way(block.map_err(|error| Miss::Broken(error.to_string())))?)?;
    }
    Ok(())
}

fn version(view: &View<'_>) -> Checked {
    let version = need(&way(block(view))?, 0xA0)?;
    let (generation, year) = (number(&need(&version, 0x80)?), number(&need(&version, 0x81)?));
    ensure(generation == 3 && year >= 2019, || {
        format!("version at offset {}: expected generation 3, year 2019 or later, found {generation}, {year}", version.at)
    })
}

fn representations<'a>(view: &View<'a>) -> Result<Vec<Tlv<'a>>, Miss> {
    let list = need(&way(block(view))?, 0xA1)?;
    let found = children(&list)?;
    ensure(!found.is_empty(), || format!("A1 at offset {}: expected a representation, found none", list.at))?;
    Ok(found)
}

fn one_representation(view: &View<'_>) -> Checked {
    let found = way(representations(view))?;
    ensure(found.len() == 1, || format!("expected one representation, found {}", found.len()))
}

/// Every representation has objects along `path`.
fn representation(view: &View<'_>, path: &[u32]) -> Checked {
    for member in way(representations(view))? {
        // each object on the way to the last is another case's
        let Some((last, before)) = path.split_last() else { continue };
        let at = way(before.iter().take(1).try_fold(member, |at, &tag| need(&at, tag)))?;
        let at = before.iter().skip(1).try_fold(at, |at, &tag| need(&at, tag))?;
        need(&at, *last)?;
    }
    Ok(())
}

/// The value of an INTEGER; only its last 32 bits count.
fn number(object: &Tlv<'_>) -> u32 {
    object.value.iter().fold(0, |n, &octet| n << 8 | u32::from(octet))
}

/// The value of a `code or extension`, `[0] code | [1] { [0] fallback }`.
fn code(choice: &Tlv<'_>) -> Result<Option<u32>, Miss> {
    let code = match find(choice, 0x80)? {
        Some(code) => Some(code),
        None => find(choice, 0xA1)?.map(|extension| find(&extension, 0x80)).transpose()?.flatten(),
    };
    Ok(code.map(|code| number(&code)))
}

fn gender(view: &View<'_>) -> Checked {
    let mut found = false;
    for member in way(representations(view))? {
        let Some(gender) = find(&member, 0xA8)?.map(|identity| find(&identity, 0xA0)).transpose()?.flatten() else { continue };
        found = true;
        // unknown, other, male, female (ISO/IEC 39794-5 GenderCode)
        ensure(matches!(code(&gender)?, Some(0..=3)), || format!("gender at offset {}: expected 0 to 3", gender.at))?;
    }
    if found { Ok(()) } else { absent("no representation says a gender") }
}

fn image_format(block: &FaceBlock) -> Checked {
    for face in block.images() {
        let header = image::sniff(&face.image).map_err(|error| Miss::Broken(format!("image: {error}")))?;
        let jpeg = header.kind == image::ImageKind::Jpeg;
        let right = matches!((face.format.value, jpeg), (Some(2), true) | (Some(3 | 4), false));
        ensure(right, || format!("image format: says {:?}, found {}", face.format.value, header.kind.name()))?;
    }
    Ok(())
}

fn image_kind(view: &View<'_>) -> Checked {
    for member in way(representations(view))? {
        let information = way([0xA1, 0xA0, 0xA0, 0xA1].iter().try_fold(member, |at, &tag| need(&at, tag)))?;
        let Some(kind) = find(&information, 0xA1)? else { return absent("no image says its kind") };
        ensure(code(&kind)? == Some(0), || format!("kind of image at offset {}: expected 0, the portrait of a travel document", kind.at))?;
    }
    Ok(())
}
