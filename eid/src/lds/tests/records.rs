//! Face, finger and iris records of both families, and how genuine chips deviate from their headers.

use super::super::biometrics::iso39794::face::{FaceBlock, format};
use super::super::biometrics::iso39794::finger::FingerBlock;
use super::super::biometrics::iso39794::iris::IrisBlock;
use super::super::biometrics::iso39794::{CaptureTime, Code, Quality, iris as iris39794};
use super::super::biometrics::{cbeff, face, iris};
use super::super::dg2::FaceData;
use super::super::dg4::{Dg4, IrisData};
use super::*;

fn portrait() -> Dg2 {
    Dg2::new(FaceImage::portrait(jpeg()).expect("JPEG"))
}

/// The file with one template that has this header and these data, whatever they are.
fn template(outer: u32, format_type: u16, constructed: bool, data: &[u8]) -> Vec<u8> {
    let header = [bytes("8702 0101 8802"), format_type.to_be_bytes().to_vec()].concat();
    let mut inside = tlv::encode(0xA1, &header);
    tlv::push(&mut inside, if constructed { 0x7F2E } else { 0x5F2E }, data);
    tlv::encode(outer, &tlv::encode(0x7F61, &[bytes("020101"), tlv::encode(0x7F60, &inside)].concat()))
}

fn face_record() -> Vec<u8> {
    let FaceData::Iso19794(record) = portrait().faces.remove(0).data else { panic!("a record of ISO/IEC 19794-5") };
    record.encode()
}

/// Passports of New Zealand state 8 octets too many, of the United Kingdom one (open readers tolerate both).
#[test]
fn a_face_record_whose_length_is_off_by_eight_or_by_one_reads() {
    for off in [8, 1] {
        let mut record = face_record();
        let right = u32::try_from(record.len()).expect("short");
        record[8..12].copy_from_slice(&(right + off).to_be_bytes());
        let mut quirks = Vec::new();
        let dg2 = Dg2::read(&template(0x75, cbeff::FACE_19794_5, false, &record), &mut quirks).expect("tolerated");
        assert_eq!((dg2.portraits().next(), rules(&quirks)), (Some(jpeg().as_slice()), vec!["face.record-length"]));
        // the block alone may be wrong too
        let mut record = face_record();
        record[14..18].copy_from_slice(&(right - 14 + off).to_be_bytes());
        let mut quirks = Vec::new();
        let dg2 = Dg2::read(&template(0x75, cbeff::FACE_19794_5, false, &record), &mut quirks).expect("tolerated");
        assert_eq!((dg2.portraits().next(), rules(&quirks)), (Some(jpeg().as_slice()), vec!["face.block-length"]));
    }
}

#[test]
fn the_content_decides_and_not_the_header_or_the_data_object() {
    let block = FaceBlock::portrait(jpeg(), format::JPEG).encode();
    for (format_type, constructed, data, expected) in [
        (cbeff::FACE_19794_5, false, face_record(), &[][..]),
        (cbeff::FACE_19794_5, true, face_record(), &["cbeff.record-in-7f2e"]),
        (cbeff::FACE_39794_5, false, face_record(), &["cbeff.format-type"]),
        (cbeff::FACE_39794_5, true, block.clone(), &[]),
        (cbeff::FACE_39794_5, false, block.clone(), &["cbeff.block-in-5f2e"]),
        (0x1234, true, block, &["cbeff.format-type"]),
    ] {
        let mut quirks = Vec::new();
        let dg2 = Dg2::read(&template(0x75, format_type, constructed, &data), &mut quirks).expect("read");
        assert_eq!((dg2.portraits().collect::<Vec<_>>(), rules(&quirks)), (vec![jpeg().as_slice()], expected.to_vec()));
    }
}

#[test]
fn a_portrait_that_is_padded_bare_or_grey_is_carried_as_it_is() {
    let codestream =
        bytes("FF4F FF51 0029 0000 0000019D 00000213 00000000 00000000 0000019D 00000213 00000000 00000000 0001 070101 FFD9 00000000");
    let mut face = FaceImage::portrait(codestream.clone()).expect("JPEG 2000");
    assert_eq!((face.data_type, face.width, face.height), (1, 413, 531));
    let header = face.header().expect("SIZ");
    assert_eq!((header.kind, header.is_grey()), (ImageKind::Jpeg2000Codestream, true));
    face.colour_space = 0;
    let (dg2, quirks) = stable::<Dg2>(&Dg2::new(face).encode());
    assert_eq!((dg2.portraits().next(), quirks), (Some(codestream.as_slice()), vec![]));
}

#[test]
fn a_face_record_of_another_edition_is_kept_and_reported() {
    let mut record = face_record();
    record[4..8].copy_from_slice(b"030\0");
    let (dg2, quirks) = stable::<Dg2>(&template(0x75, cbeff::FACE_19794_5, false, &record));
    assert_eq!((dg2.images().count(), rules(&quirks)), (0, vec!["cbeff.record-edition"]));
    assert_eq!(dg2.faces[0].data, FaceData::Other { constructed: false, data: record });
}

/// Version, capture date, quality, landmarks, size, and extensions of a later edition, written by hand.
#[test]
fn a_face_block_with_everything_reads_and_keeps_what_it_does_not_know() {
    let image = format!("800D {}", hex::encode(b"FFD8 no image"));
    let information = wrap("A1", "A003 800103 8401 07 A708 8002019D 81020213 9F2001FF");
    let representation = [
        "800105".to_owned(),
        wrap("A1", &wrap("A0", &wrap("A0", &format!("{image} {information}")))),
        wrap("A2", "800207EA 810105 820115"),
        wrap("A3", &format!("{} {}", wrap("30", "A007 80020101 810101 A103 800152"), wrap("30", "A007 80020101 810102 A104 A1028000"))),
        wrap("A9", &wrap("30", "A007 A005 A003 800107 A10A A008 A006 80010A 81011E")),
        "8A01FF".to_owned(),
    ];
    let block = wrap(
        "A1",
        &wrap("65", &format!("{} {} 8501AA", wrap("A0", "800103 810207E3 820101"), wrap("A1", &wrap("30", &representation.concat())))),
    );
    let data = bytes(&block);
    let mut quirks = Vec::new();
    let read = FaceBlock::read(dg(2), &data, 0, &mut quirks).expect("a block");
    assert_eq!(hex::encode(read.encode()), hex::encode(&data));
    assert_eq!((read.version.generation, read.version.year, read.version.others.len(), read.others.len()), (3, 2019, 1, 1));
    let face = &read.representations[0];
    assert_eq!((face.id, face.others.clone()), (5, vec![(Tag(0x8A), vec![0xFF])]));
    let image = face.image.as_ref().expect("2D");
    assert_eq!((image.format_name(), image.size, image.information.len()), ("JPEG 2000 lossy".to_owned(), Some((413, 531)), 2));
    assert_eq!(face.captured.map(|time| time.to_string()), Some("2026-05-21".to_owned()));
    let scores: Vec<_> = face.qualities.iter().map(ToString::to_string).collect();
    assert_eq!(scores, ["82 by 0101/0001", "not assessed by 0101/0002"]);
    assert_eq!(face.landmarks[0].position(), Some((10, 30)));
    assert!(quirks.is_empty(), "{quirks:?}");
}

/// `tag`, length, and the hex of `content`.
fn wrap(tag: &str, content: &str) -> String {
    let tag = u32::from_str_radix(tag, 16).expect("tag");
    hex::encode(tlv::encode(tag, &bytes(content)))
}

#[test]
fn an_optional_element_that_does_not_read_is_kept_and_a_mandatory_one_is_refused() {
    let mut block = FaceBlock::portrait(jpeg(), format::JPEG);
    block.representations[0].captured = Some(CaptureTime { year: 2026, month: Some(5), ..CaptureTime::default() });
    let mut data = block.encode();
    let at = data.windows(4).position(|w| w == [0x07, 0xEA, 0x81, 0x01]).expect("month") + 4;
    data[at] = 13;
    let mut quirks = Vec::new();
    let read = FaceBlock::read(dg(2), &data, 0, &mut quirks).expect("read all the same");
    assert_eq!((read.representations[0].captured, rules(&quirks)), (None, vec!["iso39794.element-not-read"]));
    assert_eq!(hex::encode(read.encode()), hex::encode(&data));
    let version = data.windows(3).position(|w| w == [0x80, 1, 3]).expect("generation");
    data[version] = 0x8F;
    let error = FaceBlock::read(dg(2), &data, 0, &mut Vec::new()).expect_err("no generation");
    assert_eq!(error.to_string(), "EF.DG2: generation at offset 4: expected element 80, found none");
    let twice = bytes("A1 0C 65 0A A003 800103 A003 800103");
    let error = FaceBlock::read(dg(2), &twice, 0, &mut Vec::new()).expect_err("twice");
    assert_eq!(error.to_string(), "EF.DG2: element A0 at offset 9 for the second time");
}

#[test]
fn finger_blocks_read_with_position_format_and_sampling() {
    let mut block = FingerBlock::one(7, 1, bytes("FFA0 FFA8 0004 AAAA FFA2 0011 00 FF 0208 021C"));
    block.representations[0].sampling = Some((500, 0));
    block.representations[0].qualities = vec![Quality { organization: 0x0101, algorithm: 0x002E, score: Ok(67), others: Vec::new() }];
    block.representations[0].others = vec![(Tag(0x88), vec![0xFF]), (Tag(0x9F20), vec![1, 2])];
    let dg3 = Dg3::new_39794([block]);
    let (read, quirks) = stable::<Dg3>(&dg3.encode());
    assert_eq!((&read, quirks), (&dg3, vec![]));
    assert_eq!(read.fingers[0].header.subtype(), Some(0b01010));
    assert_eq!(read.fields(), [("left index".to_owned(), "ISO/IEC 39794-4, WSQ 540 x 520, 18 bytes".to_owned())]);
    let whole = read.encode();
    let text = hex::encode(&whole);
    assert!(text.contains("a003800107a103800100a2038001018312ffa0"), "{text}");
    assert!(text.contains("a707800201f4810100"), "{text}");
    let extended = Code { value: Some(2), extension: Some(bytes("800102 9F2001AA")) };
    let FingerData::Iso39794(mut block) = read.fingers[0].data.clone() else { panic!("a block") };
    block.representations[0].format = extended.clone();
    let FingerData::Iso39794(again) = stable::<Dg3>(&Dg3::new_39794([block]).encode()).0.fingers.remove(0).data else { panic!("a block") };
    assert_eq!(again.representations[0].format, extended);
    assert_eq!(again.representations[0].format_name(), "extension (JPEG 2000 lossy)");
}

#[test]
fn iris_records_and_blocks_read_and_are_written_again() {
    let record = |side| iris::IrisRecord::one(side, iris::format::GREY_JPEG_2000, 3, 2, jpeg());
    let dg4 = Dg4::new([record(1), record(2)]);
    let (read, quirks) = stable::<Dg4>(&dg4.encode());
    assert_eq!((&read, quirks), (&dg4, vec![]));
    assert_eq!(read.irises.iter().map(|iris| iris.header.subtype()).collect::<Vec<_>>(), [Some(1), Some(2)]);
    assert_eq!(read.fields()[1].0, "left eye");
    let time = CaptureTime { year: 2026, ..CaptureTime::default() };
    let block = IrisBlock::one(1, iris39794::JPEG_2000_LOSSLESS, time, jpeg());
    let dg4 = Dg4::new_39794([block]);
    let (read, quirks) = stable::<Dg4>(&dg4.encode());
    assert_eq!((&read, quirks), (&dg4, vec![]));
    assert_eq!(read.fields()[0], ("right eye".to_owned(), format!("ISO/IEC 39794-6, JPEG 3 x 2, {} bytes", jpeg().len())));
    assert!(hex::encode(dg4.encode()).contains("800101a103800103820108a303800103840100850100860100a703810100a804800207ea89"));
}

#[test]
fn iris_records_with_wrong_counts_and_lengths_are_refused_or_reported() {
    let record = iris::IrisRecord::one(1, iris::format::GREY_RAW, 3, 2, vec![0; 6]).encode();
    let read = |record: &[u8]| {
        let mut quirks = Vec::new();
        Dg4::read(&template(0x76, cbeff::IRIS_19794_6, false, record), &mut quirks).map(|_| rules(&quirks)).map_err(|e| e.to_string())
    };
    assert_eq!(read(&record), Ok(vec![]));
    let change = |at: usize, value: u8| {
        let mut changed = record.clone();
        changed[at] = value;
        changed
    };
    assert_eq!(read(&change(11, 99)), Ok(vec!["iris.record-length"]));
    assert_eq!(read(&change(16, 44)), Ok(vec!["iris.header-length"]));
    assert_eq!(read(&change(14, 3)), Err("EF.DG4: number of eyes at offset 38: expected 1 to 2, found 3".to_owned()));
    assert_eq!(read(&change(46, 0xFF)), Err("EF.DG4: number of iris images at offset 70: expected at most 16, found 65281".to_owned()));
    let expected = "EF.DG4: iris image at offset 83: expected 4278190086 bytes, found 6 bytes to the end of the record";
    assert_eq!(read(&change(55, 0xFF)), Err(expected.to_owned()));
    assert_eq!(rules(&stable::<Dg4>(&bytes("7606 7F61 03 020100")).1), ["dg4.empty-without-random"]);
    assert!(stable::<Dg4>(&Dg4::empty(vec![7; 16]).encode()).1.is_empty());
}

#[test]
fn other_formats_stay_as_they_are() {
    let file = template(0x76, 0x7777, false, b"vendor template");
    let (dg4, quirks) = stable::<Dg4>(&file);
    assert_eq!(dg4.irises[0].data, IrisData::Other { constructed: false, data: b"vendor template".to_vec() });
    assert_eq!((dg4.fields()[0].1.as_str(), quirks), ("format 7777 of owner 0101, 15 bytes, not decoded", vec![]));
    assert_eq!(face::MAX_IMAGES, 16);
}
