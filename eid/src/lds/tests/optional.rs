//! The data groups that few states issue: DG5 to DG10, DG16, and what real files do to DG11, DG12 and DG13.

use super::super::dg16::{self, Dg16};
use super::super::displayed::{Dg5, Dg7};
use super::super::features::{Dg6, Dg8, Dg10};
use super::*;

#[test]
fn displayed_portraits_and_signatures_read_with_and_without_their_count() {
    let dg5 = Dg5::new(vec![jpeg()]);
    let (read, quirks) = stable::<Dg5>(&dg5.encode());
    assert_eq!((&read, quirks), (&dg5, vec![]));
    assert_eq!(read.fields(), [("portrait 1".to_owned(), format!("JPEG 3 x 2, {} bytes", jpeg().len()))]);
    let (_, quirks) = stable::<Dg7>(&bytes("6709 020101 5F4303 FFD8FF"));
    assert_eq!(rules(&quirks), ["displayed.image-header"]);
    let mut quirks = Vec::new();
    assert_eq!(Dg7::read(&bytes("6706 5F4303 FFD8FF"), &mut quirks).expect("tolerated").images.len(), 1);
    assert_eq!(rules(&quirks), ["displayed.image-header", "displayed.no-count"]);
    let mut quirks = Vec::new();
    Dg7::read(&bytes("6706 020102 5F4300"), &mut quirks).expect("tolerated");
    assert_eq!(rules(&quirks), ["displayed.image-header", "displayed.count"]);
    let error = Dg7::parse(&bytes("6706 020101 5F4000")).expect_err("a portrait");
    assert_eq!(error.to_string(), "EF.DG7: expected tag 5F43 at offset 5, found 5F40");
}

#[test]
fn features_and_reserved_content_are_kept_as_they_are() {
    let (dg8, quirks) = stable::<Dg8>(&bytes("6808 020101 8003 616263"));
    assert_eq!((dg8.count, dg8.objects(), quirks), (Some(1), Some(vec![(Tag(0x80), 3)]), vec![]));
    assert_eq!(Dg8::new(&[bytes("8003616263")]), dg8);
    assert_eq!(rules(&stable::<Dg10>(&bytes("6A03 FFFFFF")).1), ["features.no-count", "features.not-objects"]);
    assert_eq!(stable::<Dg6>(&bytes("6602 ABCD")).0.content, [0xAB, 0xCD]);
    assert!(matches!(parse(dg(9), &bytes("6903 020100")).expect("DG9").content, Content::Dg9(_)));
}

/// Doc 9303-10 §4.7.16, example of EF.DG16.
#[test]
fn persons_to_notify_read_in_their_templates() {
    let person = |date: &str, name: &str, telephone: &str, address: &str| {
        vec![
            Element::text(dg16::DATE, date),
            Element::text(dg16::NAME, name),
            Element::text(dg16::TELEPHONE, telephone),
            Element::text(dg16::ADDRESS, address),
        ]
    };
    let dg16 = Dg16::new([
        person("20020101", "SMITH<<CHARLES<R", "19525551212", "123 MAPLE RD<ANYTOWN<MN<55100"),
        person("20020315", "BROWN<<MARY<J", "14155551212", "49 REDWOOD LN<OCEAN BREEZE<CA<94000"),
    ]);
    let (read, quirks) = stable::<Dg16>(&dg16.encode());
    assert_eq!((&read, quirks), (&dg16, vec![]));
    assert_eq!(hex::encode(&dg16.encode()[..7]), "7081a2020102a1");
    assert_eq!(read.persons[1].text(dg16::NAME).as_deref(), Some("BROWN<<MARY<J"));
    assert_eq!(read.fields()[0], ("person 1 recorded".to_owned(), "20020101".to_owned()));
    let mut quirks = Vec::new();
    Dg16::read(&bytes("700D 020102 A208 5F5004 20020101 A300"), &mut quirks).expect_err("cut");
    let file = bytes("700E 020101 A207 5F5004 20020101 A300");
    Dg16::read(&file, &mut quirks).expect("tolerated");
    assert_eq!(rules(&quirks), ["dg16.date-form", "dg16.numbers", "dg16.count"]);
    let error = Dg16::parse(&bytes("7007 020102 A100 A100")).expect_err("twice");
    assert_eq!(error.to_string(), "EF.DG16: template A1 at offset 7 for the second time");
    assert_eq!(
        Dg16::parse(&bytes("7005 020101 B000")).expect_err("tag").to_string(),
        "EF.DG16: template at offset 5: expected tags A1 to AF, found B0"
    );
}

fn dg11_file(content: &str) -> Vec<u8> {
    tlv::encode(0x6B, &bytes(content))
}

/// Of a Chinese passport: 5F0F on its own; of a Belarusian one: A0 in the tag list (open readers tolerate both).
#[test]
fn other_names_outside_of_their_group_and_a_group_in_the_list_read() {
    let single = dg11_file(&format!("5C04 5F0E5F0F 5F0E04 {} 5F0F03 {}", hex::encode("WANG"), hex::encode("ABC")));
    let (dg11, quirks) = stable::<Dg11>(&single);
    assert_eq!((dg11.details.text(dg11::OTHER_NAME).as_deref(), quirks), (Some("ABC"), vec![]));
    let listed = dg11_file(&format!("5C03 5F0EA0 5F0E04 {} A009 020101 5F0F03 {}", hex::encode("WANG"), hex::encode("ABC")));
    let (dg11, quirks) = stable::<Dg11>(&listed);
    assert_eq!((dg11.details.text(dg11::OTHER_NAME).as_deref(), quirks), (Some("ABC"), vec![]));
}

#[test]
fn repeated_fillers_are_reported_and_names_read_all_the_same() {
    let name = "DUPONT<MARTIN<<<<JEAN<PAUL<<<<";
    let file = dg11_file(&format!("5C04 5F0E5F11 5F0E{:02X} {} 5F1106 {}", name.len(), hex::encode(name), hex::encode("PARIS<")));
    let (dg11, quirks) = stable::<Dg11>(&file);
    let element = dg11.details.get(dg11::FULL_NAME).expect("name");
    assert_eq!(element.name(), ("DUPONT MARTIN".to_owned(), "JEAN PAUL".to_owned()));
    assert_eq!(dg11.details.get(dg11::PLACE_OF_BIRTH).expect("place").parts(), ["PARIS"]);
    assert_eq!(rules(&quirks), ["details.fillers", "details.fillers"]);
}

#[test]
fn dates_of_dg12_read_packed_and_with_unknown_parts() {
    let file = tlv::encode(0x6C, &bytes("5C04 5F265F55 5F2604 20200000 5F5507 20200229123456"));
    let (dg12, quirks) = stable::<Dg12>(&file);
    assert_eq!(dg12.fields()[0].1, "2020-00-00");
    assert_eq!(dg12.fields()[1].1, "2020-02-29 12:34:56");
    assert_eq!(rules(&quirks), ["details.packed-date", "details.packed-date"]);
}

/// All objects of both tables, in the order of the standard.
#[test]
fn every_object_of_dg11_and_dg12_has_a_name() {
    let names = |file: &[u8]| parse(detect(file).expect("known"), file).expect("read").fields();
    let whole = |outer: u32, tags: &[u32]| {
        let list: Vec<u8> = tags.iter().flat_map(|tag| tag.to_be_bytes().into_iter().skip(2)).collect();
        let mut inside = tlv::encode(0x5C, &list);
        tags.iter().for_each(|&tag| tlv::push(&mut inside, tag, b"20200101"));
        tlv::encode(outer, &inside)
    };
    let dg11 = [0x5F0E, 0x5F0F, 0x5F10, 0x5F2B, 0x5F11, 0x5F42, 0x5F12, 0x5F13, 0x5F14, 0x5F15, 0x5F16, 0x5F17, 0x5F18];
    let dg12 = [0x5F19, 0x5F26, 0x5F1A, 0x5F1B, 0x5F1C, 0x5F1D, 0x5F1E, 0x5F55, 0x5F56];
    for (outer, tags) in [(0x6B, &dg11[..]), (0x6C, &dg12[..])] {
        let named = names(&whole(outer, tags));
        assert_eq!(named.len(), tags.len());
        assert!(named.iter().all(|(name, _)| !name.starts_with("tag ")), "{named:?}");
    }
}

/// Passports of Singapore have a DG13 that is no TLV; it is hashed like any other and must not stop an inspection.
#[test]
fn a_dg13_that_is_no_tlv_is_opaque_and_reported() {
    let file = parse(dg(13), b"just bytes").expect("opaque");
    assert!(matches!(file.content, Content::Opaque { tag: Tag(0), len: 10 }));
    assert_eq!(rules(&file.quirks), ["dg13.not-tlv"]);
    assert!(parse(dg(13), &[]).is_err());
    assert!(parse(dg(13), &bytes("6D05 0102")).is_err(), "cut");
}
