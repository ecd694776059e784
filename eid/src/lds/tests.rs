use proptest::prelude::*;

use super::atr_info::{AtrInfo, ExtendedLength};
use super::biometrics::face::FaceImage;
use super::biometrics::finger::{FingerRecord, compression};
use super::biometrics::image::{ImageError, ImageHeader, ImageKind, sniff};
use super::card_access::CardAccess;
use super::com::Com;
use super::details::Element;
use super::dg1::Dg1;
use super::dg2::Dg2;
use super::dg3::{Dg3, FingerData};
use super::dg11::{self, Dg11};
use super::dg12::{self, Dg12};
use super::dg13::{Dg13, Person, Value};
use super::dg14::Dg14;
use super::dg15::Dg15;
use super::dir::Dir;
use super::*;
use crate::crypto::kdf::Suite;
use crate::lds::security_info::{PaceInfo, PaceProtocol, SecurityInfo, SecurityInfos};
use crate::mrz::{Mrz, MrzError};
use crate::tlv::{self, Tag, TlvError};

mod corpus;
mod hostile;
mod optional;
mod records;

fn bytes(hex_: &str) -> Vec<u8> {
    hex::decode(hex_.replace(char::is_whitespace, "")).expect("hex")
}

fn rules(quirks: &[Quirk]) -> Vec<&'static str> {
    quirks.iter().map(|quirk| quirk.rule).collect()
}

/// Reads, writes, and reads again: the value and the bytes stay.
fn stable<T: Elementary + PartialEq + std::fmt::Debug>(file: &[u8]) -> (T, Vec<Quirk>) {
    let mut quirks = Vec::new();
    let value = T::read(file, &mut quirks).expect("a good file");
    assert_eq!(hex::encode(value.encode()), hex::encode(file));
    assert_eq!(T::parse(&value.encode()), Ok(T::parse(file).expect("a good file")));
    (value, quirks)
}

/// A white 8-bit JPEG, 3 wide and 2 high, cut after its frame header: nothing reads further.
fn jpeg() -> Vec<u8> {
    bytes("FFD8 FFE0 0010 4A46494600010101004800480000 FFC0 000B 08 0002 0003 01 01 11 00 FFD9")
}

/// Doc 9303-10 §4.6.1, example of EF.COM.
#[test]
fn ef_com_of_the_standard_reads_and_is_written_again() {
    let file = bytes("6016 5F01 04 30313037 5F36 06 303430303030 5C 04 6175766C");
    let (com, quirks) = stable::<Com>(&file);
    assert_eq!((com.lds_version.as_str(), com.unicode_version.as_str()), ("0107", "040000"));
    assert_eq!((com.data_groups(), quirks), (vec![1, 2, 4, 12], vec![]));
    assert_eq!(Com::new([1, 2, 4, 12, 4, 99]), com);
    assert_eq!(com.fields()[2], ("data groups".to_owned(), "DG1, DG2, DG4, DG12".to_owned()));
}

#[test]
fn a_data_group_listed_twice_in_ef_com_is_refused() {
    let error = Com::parse(&bytes("6015 5F01 04 30313037 5F36 06 303430303030 5C 03 617561")).expect_err("refused");
    assert_eq!(error.to_string(), "EF.COM: tag 61 at offset 22 for the second time");
}

#[test]
fn ef_com_with_other_versions_tags_or_bytes_is_named() {
    let error = Com::parse(&bytes("6014 5F01 03 303130 5F36 06 303430303030 5C 03 617563")).expect_err("refused");
    assert_eq!(error.to_string(), "EF.COM: LDS version at offset 2: expected 4 digits, found 303130");
    let error = Com::parse(&bytes("6015 5F01 04 30313037 5F36 06 303430303030 5C 03 617563 00")).expect_err("refused");
    assert_eq!(error, LdsError::Tlv { file: FileId::COM, source: TlvError::Trailing { at: 23, count: 1 } });
    let (_, quirks) = stable::<Com>(&bytes("6014 5F01 04 30313037 5F36 06 303430303030 5C 02 6177"));
    assert_eq!(rules(&quirks), ["com.unknown-tag"]);
}

#[test]
fn ef_dir_lists_applications_and_keeps_what_it_does_not_know() {
    let emrtd = crate::image::EMRTD_AID;
    assert_eq!(Dir::new([&emrtd[..]]).encode(), bytes("6109 4F07 A0000002471001"));
    let file = bytes("6109 4F07 A0000002471001 611B 4F0F E828BD080FA000000167455349474E 5003 414243 5100 5200");
    let error = Dir::parse(&file).expect_err("the second template announces more than there is");
    assert!(matches!(error, LdsError::Tlv { source: TlvError::Truncated { .. }, .. }), "{error}");
    let file = bytes("6109 4F07 A0000002471001 611A 4F0F E828BD080FA000000167455349474E 5003 414243 5100 5200");
    let (dir, _) = stable::<Dir>(&file);
    assert_eq!(dir.applications[1].label.as_deref(), Some("ABC"));
    assert_eq!(dir.applications[1].others, bytes("5100 5200"));
    let mut quirks = Vec::new();
    assert_eq!(Dir::read(&[file, vec![0; 40]].concat(), &mut quirks), Ok(dir));
    assert_eq!(rules(&quirks), ["dir.padding"]);
    let error = Dir::parse(&bytes("6104 4F02 A000")).expect_err("refused");
    assert_eq!(error.to_string(), "EF.DIR: application identifier (4F) at offset 0: expected 5 to 16 bytes, found 61044F02A000");
}

#[test]
fn ef_atr_info_tells_chaining_and_lengths() {
    let file = bytes("4703 8001C0 7F66 08 0202 03E8 0202 03E8 4301B8");
    let (info, _) = stable::<AtrInfo>(&file);
    assert_eq!((info.chaining(), info.extended()), (true, true));
    assert_eq!(info.extended_length, Some(ExtendedLength { command: 1000, response: 1000 }));
    assert_eq!(info.others, bytes("4301B8"));
    let mut quirks = Vec::new();
    for (file, odd) in [("4703 000040", true), ("4703 000040 7F67 08 0202 03E8 0202 03E8", true), ("4703 000080", false), ("4301B8", false)]
    {
        quirks.clear();
        AtrInfo::read(&bytes(file), &mut quirks).expect("read");
        assert_eq!(rules(&quirks) == ["atr-info.no-lengths"], odd, "{file}: {quirks:?}");
    }
    let error = AtrInfo::parse(&bytes("4702 8001")).expect_err("refused");
    assert_eq!(error.to_string(), "EF.ATR-INFO: card capabilities at offset 0: expected 3 bytes, found 2 bytes");
}

#[test]
fn ef_card_access_keeps_its_set_and_reports_what_follows() {
    let infos = SecurityInfos::new([SecurityInfo::Pace(PaceInfo {
        protocol: PaceProtocol::ecdh_gm(Suite::Aes128),
        version: 2,
        parameter_id: Some(13),
    })]);
    // Doc 9303-11 appendix G.1
    let file = bytes("3114 3012060A04007F0007020204020202010202010D");
    let (access, _) = stable::<CardAccess>(&file);
    assert_eq!(access, CardAccess { infos: infos.clone() });
    let mut quirks = Vec::new();
    CardAccess::read(&[&file[..], &[0; 9]].concat(), &mut quirks).expect("filled file");
    assert_eq!(quirks, [Quirk::new("card-access.trailing-bytes", "EF.CardAccess offset 22, 9 bytes")]);
    let (dg14, _) = stable::<Dg14>(&tlv::encode(0x6E, &file));
    assert_eq!(dg14.infos, infos);
}

#[test]
fn dg1_reads_although_a_check_digit_is_wrong_and_says_which() {
    let text = "I<NLDXI85935F86999999990<<<<<<7208148F1108268NLD<<<<<<<<<<<4VAN<DER<STEEN<<MARIANNE<LOUISE";
    let file = tlv::encode(0x61, &tlv::encode(0x5F1F, text.as_bytes()));
    assert_eq!(hex::encode(&file[..5]), "615d5f1f5a");
    let (dg1, quirks) = stable::<Dg1>(&file);
    assert_eq!((dg1.deviations.len(), rules(&quirks)), (1, vec!["mrz.check-digit"]));
    let right = Mrz::write(dg1.mrz.format(), dg1.mrz.content().clone()).expect("MRZ");
    assert!(stable::<Dg1>(&Dg1::new(right).encode()).1.is_empty());
    let error = Dg1::parse(&tlv::encode(0x61, &tlv::encode(0x5F1F, b"ABC"))).expect_err("refused");
    assert_eq!(error, LdsError::Mrz { file: dg(1), source: MrzError::Length { found: 3 } });
}

#[test]
fn dg2_of_a_portrait_has_the_octets_of_the_vietnamese_card_before_its_image() {
    let dg2 = Dg2::new(FaceImage::portrait(jpeg()).expect("JPEG"));
    let file = dg2.encode();
    let image = jpeg().len();
    let expected = format!(
        "75{:02X} 7F61{:02X} 020101 7F60{:02X} A10E 810102 820100 87020101 88020008 5F2E{:02X} 46414300 30313000 {:08X} 0001 \
         {:08X} 0000 000000 000000 0000 000000 000000 0100 0003 0002 0100 0000 0000",
        image + 74,
        image + 71,
        image + 65,
        image + 46,
        image + 46,
        image + 32
    );
    assert_eq!(hex::encode(&file[..file.len() - image]), hex::encode(bytes(&expected)));
    let (read, quirks) = stable::<Dg2>(&file);
    assert_eq!((read, quirks), (dg2, vec![]));
}

#[test]
fn a_face_record_whose_lengths_and_size_are_off_is_read_and_reported() {
    let file = Dg2::new(FaceImage::portrait(jpeg()).expect("JPEG")).encode();
    let record = file.len() - jpeg().len() - 46;
    let changed = |at: usize, octet: u8| {
        let mut file = file.clone();
        file[record + at] = octet;
        let mut quirks = Vec::new();
        let dg2 = Dg2::read(&file, &mut quirks).expect("tolerated");
        assert_eq!(dg2.images().next().map(|face| face.image.clone()), Some(jpeg()));
        rules(&quirks)
    };
    assert_eq!(changed(11, 0x10), ["face.record-length"]);
    assert_eq!(changed(17, 0x10), ["face.block-length"]);
    assert_eq!(changed(37, 0x01).first(), Some(&"face.size"));
    assert_eq!(changed(35, 0x01), ["face.data-type"]);
}

#[test]
fn two_images_with_a_wrong_length_between_them_are_refused() {
    let face = FaceImage::portrait(jpeg()).expect("JPEG");
    let mut dg2 = Dg2::new(face.clone());
    let dg2::FaceData::Iso19794(record) = &mut dg2.faces[0].data else { panic!("a record of ISO/IEC 19794-5") };
    record.images.push(face);
    let file = dg2.encode();
    assert_eq!(stable::<Dg2>(&file).0.images().count(), 2);
    let block = file.windows(4).position(|w| w == b"FAC\0").expect("record") + 14;
    let mut long = file.clone();
    long[block + 2] = 0x01;
    let error = Dg2::parse(&long).expect_err("refused");
    assert!(error.to_string().starts_with(&format!("EF.DG2: image at offset {}: expected", block + 32)), "{error}");
    let mut short = file;
    short[block + 3] = 5;
    let error = Dg2::parse(&short).expect_err("refused");
    assert_eq!(error.to_string(), format!("EF.DG2: facial information block length at offset {block}: expected at least 32, found 5"));
}

#[test]
fn a_count_of_faces_that_does_not_fit_is_refused() {
    let mut file = Dg2::new(FaceImage::portrait(jpeg()).expect("JPEG")).encode();
    let count = file.windows(3).position(|w| w == [2, 1, 1]).expect("count") + 2;
    file[count] = 2;
    let error = Dg2::parse(&file).expect_err("refused");
    assert_eq!(error.to_string(), "EF.DG2: number of templates at offset 5: expected 01, the templates that follow, found 02");
}

#[test]
fn image_headers_of_every_kind_are_read_and_damaged_ones_named() {
    let header = |kind, width, height, components| Ok(ImageHeader { kind, width, height, components });
    assert_eq!(sniff(&jpeg()), header(ImageKind::Jpeg, 3, 2, Some(1)));
    let codestream = bytes("FF4F FF51 002F 0000 0000019D 00000213 00000001 00000003");
    assert_eq!(sniff(&codestream), header(ImageKind::Jpeg2000Codestream, 0x19C, 0x210, None));
    let jp2 = bytes(
        "0000000C 6A502020 0D0A870A 00000014 66747970 6A703220 00000000 6A703220 0000002D 6A703268 00000016 69686472 00000213 0000019D",
    );
    assert_eq!(sniff(&jp2), header(ImageKind::Jp2, 413, 531, None));
    let wsq = bytes("FFA0 FFA8 0004 AAAA FFA2 0011 00 FF 0208 021C");
    assert_eq!(sniff(&wsq), header(ImageKind::Wsq, 540, 520, Some(1)));
    assert_eq!(sniff(&jp2[..54]), Err(ImageError::Truncated { kind: ImageKind::Jp2, at: 52 }));
    assert_eq!(sniff(&bytes("FFD8 FFDA 0002")), Err(ImageError::NoSize { kind: ImageKind::Jpeg, at: 2 }));
    assert_eq!(sniff(&bytes("FFD8 FFC0 000B 08 0000 0003")), Err(ImageError::Empty { kind: ImageKind::Jpeg, at: 7 }));
    assert_eq!(sniff(b"GIF89a"), Err(ImageError::UnknownFormat));
    assert_eq!(FaceImage::portrait(wsq), Err(ImageError::UnknownFormat));
}

#[test]
fn dg3_holds_one_template_for_each_finger() {
    let finger = |position| FingerRecord::one(position, compression::JPEG, 3, 2, jpeg());
    let dg3 = Dg3::new([finger(2), finger(7)]);
    let (read, quirks) = stable::<Dg3>(&dg3.encode());
    assert_eq!((&read, quirks), (&dg3, vec![]));
    let subtypes: Vec<_> = read.fingers.iter().map(|finger| finger.header.subtype()).collect();
    assert_eq!(subtypes, [Some(0b01001), Some(0b01010)]);
    assert_eq!(read.fields()[0].0, "right index");
    assert_eq!(read.fields()[1], ("left index".to_owned(), format!("ISO/IEC 19794-4, JPEG 3 x 2, {} bytes", jpeg().len())));
}

#[test]
fn dg3_without_a_finger_holds_random_octets() {
    let dg3 = Dg3::empty(vec![1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(dg3.encode(), bytes("6310 7F61 0D 020100 5308 0102030405060708"));
    assert!(stable::<Dg3>(&dg3.encode()).1.is_empty());
    assert_eq!(rules(&stable::<Dg3>(&bytes("6306 7F61 03 020100")).1), ["dg3.empty-without-random"]);
}

#[test]
fn a_finger_record_that_is_cut_is_refused_with_its_place() {
    let mut dg3 = Dg3::new([FingerRecord::one(1, compression::JPEG, 3, 2, jpeg())]);
    let FingerData::Iso19794(record) = &dg3.fingers[0].data else { panic!("a record of ISO/IEC 19794-4") };
    let mut cut = record.encode();
    cut.truncate(40);
    dg3.fingers[0].data = FingerData::Other { constructed: false, data: cut };
    let error = Dg3::parse(&dg3.encode()).expect_err("refused");
    let end = dg3.encode().len();
    let expected = format!("EF.DG3: impression type at offset {end}: expected 1 bytes, found 0 bytes to the end of the record");
    assert_eq!(error.to_string(), expected);
}

/// Doc 9303-10 §4.7.12, example of EF.DG12, and the same as the sixth edition had it, without the group.
#[test]
fn dg12_of_the_standard_reads_with_and_without_the_group() {
    let text = |text: &str| hex::encode(text);
    let head = format!("5C06 5F195F265F1A 5F1918 {} 5F2608 {}", text("UNITED STATES OF AMERICA"), text("20020531"));
    let grouped = bytes(&format!("6C45 {head} A015 020101 5F1A0F {}", text("SMITH<<BRENDA<P")));
    let (dg12, quirks) = stable::<Dg12>(&grouped);
    assert!(quirks.is_empty(), "{quirks:?}");
    assert_eq!(dg12.details.text(dg12::AUTHORITY).as_deref(), Some("UNITED STATES OF AMERICA"));
    assert_eq!(dg12.details.text(dg12::OTHER_PERSON).as_deref(), Some("SMITH<<BRENDA<P"));
    assert_eq!(dg12.fields()[1], ("date of issue".to_owned(), "2002-05-31".to_owned()));
    let made = [Element::text(dg12::AUTHORITY, "UNITED STATES OF AMERICA"), Element::text(dg12::DATE_OF_ISSUE, "20020531")];
    assert_eq!(Dg12::new(made.to_vec(), &["SMITH<<BRENDA<P"]), dg12);
    let single = bytes(&format!("6C40 {head} 5F1A0F {}", text("SMITH<<BRENDA<P")));
    assert_eq!(stable::<Dg12>(&single).0.details.text(dg12::OTHER_PERSON).as_deref(), Some("SMITH<<BRENDA<P"));
}

#[test]
fn packed_dates_wrong_lists_and_wrong_counts_are_reported() {
    let file = bytes("6B1A 5C04 5F2B5F11 5F2B04 19700102 A009 020102 5F0F 03 414243 5F1000");
    let file = [&file[..1], &[u8::try_from(file.len() - 2).expect("short")], &file[2..]].concat();
    let mut quirks = Vec::new();
    let dg11 = Dg11::read(&file, &mut quirks).expect("tolerated");
    assert_eq!(dg11.details.get(dg11::DATE_OF_BIRTH).and_then(Element::as_digits).as_deref(), Some("19700102"));
    let expected = ["details.group-count", "details.listed-but-absent", "details.present-but-unlisted", "details.packed-date"];
    assert_eq!(rules(&quirks), expected);
    let twice = bytes("6B0A 5C02 5F10 5F1000 5F1000");
    let twice = [&twice[..1], &[u8::try_from(twice.len() - 2).expect("short")], &twice[2..]].concat();
    assert_eq!(Dg11::parse(&twice).expect_err("refused").to_string(), "EF.DG11: object 5F10 at offset 9 for the second time");
    let cut = bytes("6B05 5C03 5F105F");
    assert_eq!(Dg11::parse(&cut).expect_err("refused").to_string(), "EF.DG11: tag list at offset 6: expected whole tags, found 5F");
}

/// `fixtures/lds/dg13-vietnam.json`.
fn vietnam() -> (Vec<u8>, Person, String) {
    let json: serde_json::Value = serde_json::from_str(include_str!("../../../fixtures/lds/dg13-vietnam.json")).expect("JSON");
    let mut file = bytes(json["head"].as_str().expect("head"));
    for field in json["fields"].as_array().expect("fields") {
        file.extend(bytes(field.as_str().expect("hex")));
    }
    let text = |name: &str| json["person"][name].as_str().map(str::to_owned);
    let person = Person {
        personal_number: text("personal_number"),
        full_name: text("full_name"),
        date_of_birth: text("date_of_birth"),
        sex: text("sex"),
        nationality: text("nationality"),
        ethnicity: text("ethnicity"),
        religion: text("religion"),
        place_of_origin: text("place_of_origin"),
        place_of_residence: text("place_of_residence"),
        identifying_features: text("identifying_features"),
        date_of_issue: text("date_of_issue"),
        date_of_expiry: text("date_of_expiry"),
        parents: text("father").zip(text("mother")),
        spouse: None,
        old_number: text("old_number"),
        chip_serial: text("chip_serial"),
    };
    (file, person, json["sha256"].as_str().expect("digest").to_owned())
}

#[test]
fn the_vietnamese_dg13_is_written_to_the_byte_and_read_back() {
    let (file, person, digest) = vietnam();
    assert_eq!((file.len(), hex::encode(crate::crypto::hash::Hash::Sha256.digest(&[&file]))), (434, digest));
    assert_eq!(hex::encode(Dg13::new(&person).encode()), hex::encode(&file));
    let (dg13, quirks) = stable::<Dg13>(&file);
    assert_eq!((dg13.person(), quirks), (person, vec![]));
    assert_eq!(dg13.fields()[12], ("parents".to_owned(), "Phạm Văn Mẫu Cha, Đỗ Thị Mẫu Mẹ".to_owned()));
}

#[test]
fn dg13_keeps_order_unknown_numbers_and_empty_fields() {
    let field = |number: u8, value: &str| tlv::encode(0x30, &[&[2, 1, number], &bytes(value)[..]].concat());
    let whole = |fields: &[Vec<u8>]| {
        let content = [bytes("020101 060628D316010008"), tlv::encode(0x31, &fields.concat())].concat();
        tlv::encode(0x6D, &tlv::encode(0x30, &content))
    };
    let file = whole(&[field(17, "0C0141"), field(9, "0C00"), field(3, "0403313233"), field(18, "0101FF"), field(19, "3003 0C0141")]);
    let (dg13, quirks) = stable::<Dg13>(&file);
    assert_eq!(rules(&quirks), ["dg13.unknown-value"]);
    let numbers: Vec<_> = dg13.numbered.iter().map(|field| field.number).collect();
    assert_eq!(numbers, [17, 9, 3, 18, 19]);
    assert_eq!((dg13.person().place_of_residence.as_deref(), dg13.person().full_name), (Some(""), None));
    assert_eq!(dg13.field(18).map(|field| field.value.clone()), Some(Value::Other(vec![1, 1, 0xFF])));
    let twice = whole(&[field(1, "0C0141"), field(1, "0C0142")]);
    assert_eq!(Dg13::parse(&twice).expect_err("refused").to_string(), "EF.DG13: field 1 at offset 25 for the second time");
}

#[test]
fn a_dg13_of_another_state_is_left_alone() {
    let id = dg(13);
    let national = parse(id, &bytes("6D04 0C024142")).expect("any content");
    assert!(matches!(national.content, Content::Opaque { tag: Tag(0x6D), len: 4 }));
    let (file, ..) = vietnam();
    assert!(matches!(parse(id, &file).expect("Vietnam").content, Content::Dg13(_)));
    let mut damaged = file;
    damaged[23] = 0x33;
    let error = parse(id, &damaged).expect_err("Vietnamese and damaged");
    assert_eq!(error.to_string(), "EF.DG13: expected tag 30 at offset 23, found 33");
}

#[test]
fn dg15_with_a_key_that_is_not_supported_still_reads() {
    let file = bytes("6F0E 300C 3006 06042A030405 030200FF");
    let (dg15, _) = stable::<Dg15>(&file);
    assert!(dg15.key().is_err());
    assert!(dg15.fields()[0].1.starts_with("not usable: "), "{:?}", dg15.fields());
}

#[test]
fn files_are_told_apart_by_their_first_tags() {
    for (file, id) in [
        ("6100", FileId::DIR),
        ("6109 4F07 A0000002471001", FileId::DIR),
        ("6103 5F1F00", dg(1)),
        ("6000", FileId::COM),
        ("7700", FileId::SOD),
        ("3100", FileId::CARD_ACCESS),
        ("3000", FileId::CARD_SECURITY),
        ("4703 800180", FileId::ATR_INFO),
        ("7000", dg(16)),
        ("6D00", dg(13)),
        ("4200", FileId::CVCA),
    ] {
        assert_eq!(detect(&bytes(file)), Ok(id), "{file}");
    }
    assert_eq!(detect(&bytes("7E00")), Err(LdsError::UnknownTag(Tag(0x7E))));
    assert!(matches!(detect(&bytes("7502")), Err(LdsError::NotTlv(TlvError::Truncated { .. }))));
}
