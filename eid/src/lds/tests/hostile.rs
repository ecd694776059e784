//! No bytes make a parser panic, and what one accepts it can write and read again.

use super::super::biometrics::iris::IrisRecord;
use super::super::biometrics::iso39794::finger::FingerBlock;
use super::super::biometrics::iso39794::iris::IrisBlock;
use super::super::biometrics::iso39794::{CaptureTime, face as face39794};
use super::super::dg4::Dg4;
use super::*;

/// One good file of each kind.
fn good() -> Vec<(FileId, Vec<u8>)> {
    let (dg13, ..) = vietnam();
    let infos = SecurityInfos::parse(&bytes(
        "3134300D060804007F0007020202020101300F060A04007F000702020302020201013012060A04007F0007020204020202010202010D",
    ))
    .expect("SecurityInfos");
    let mrz = Mrz::parse("I<UTOD231458907<<<<<<<<<<<<<<<7408122F1204159UTO<<<<<<<<<<<6ERIKSSON<<ANNA<MARIA<<<<<<<<<<").expect("MRZ");
    let finger = |position| FingerRecord::one(position, compression::JPEG, 3, 2, jpeg());
    let elements = vec![Element::text(dg11::FULL_NAME, "ERIKSSON<<ANNA"), Element::text(dg11::DATE_OF_BIRTH, "19740812")];
    vec![
        (FileId::CARD_ACCESS, CardAccess { infos: infos.clone() }.encode()),
        (FileId::DIR, Dir::new([&crate::image::EMRTD_AID[..]]).encode()),
        (FileId::ATR_INFO, bytes("4703 8001C0 7F66 08 0202 03E8 0202 03E8 4301B8")),
        (FileId::COM, Com::new([1, 2, 3, 13, 14, 15]).encode()),
        (dg(1), Dg1::new(mrz).encode()),
        (dg(2), Dg2::new(FaceImage::portrait(jpeg()).expect("JPEG")).encode()),
        (dg(3), Dg3::new([finger(2), finger(7)]).encode()),
        (dg(2), Dg2::new_39794(face39794::FaceBlock::portrait(jpeg(), face39794::format::JPEG)).encode()),
        (dg(3), Dg3::new_39794([FingerBlock::one(2, 1, jpeg())]).encode()),
        (dg(4), Dg4::new([IrisRecord::one(1, 0x000E, 3, 2, jpeg())]).encode()),
        (dg(4), Dg4::new_39794([IrisBlock::one(2, 3, CaptureTime { year: 2026, ..CaptureTime::default() }, jpeg())]).encode()),
        (dg(5), displayed::Dg5::new(vec![jpeg()]).encode()),
        (dg(6), bytes("6602 ABCD")),
        (dg(7), displayed::Dg7::new(vec![jpeg()]).encode()),
        (dg(8), bytes("6808 020101 8003 616263")),
        (dg(10), bytes("6A03 020100")),
        (dg(16), dg16::Dg16::new([vec![Element::text(dg16::NAME, "SMITH<<CHARLES")]]).encode()),
        (dg(11), Dg11::new(elements, &["MUSTER<<ANNA"]).encode()),
        (dg(12), Dg12::new(vec![Element::text(dg12::DATE_OF_ISSUE, "20200101")], &[]).encode()),
        (dg(13), dg13),
        (dg(14), Dg14 { infos }.encode()),
        (dg(15), bytes("6F0E 300C 3006 06042A030405 030200FF")),
    ]
}

/// Reads as `id`; what is read is shown, and written so that it reads again and is written the same.
fn settle(id: FileId, file: &[u8]) -> Result<(), TestCaseError> {
    let _ = detect(file);
    if let Ok(read) = parse(id, file) {
        let _ = read.fields();
        if let Some(written) = read.encode() {
            let again = parse(id, &written);
            prop_assert!(again.is_ok(), "{} wrote {} and does not read it: {:?}", id, hex::encode(&written), again.err());
            prop_assert_eq!(again.ok().and_then(|again| again.encode()), Some(written));
        }
    }
    Ok(())
}

#[test]
fn every_good_file_is_told_apart_and_settles() {
    for (id, file) in good() {
        assert_eq!(detect(&file), Ok(id));
        assert_eq!(parse(id, &file).expect("good").encode(), Some(file.clone()), "{id}");
    }
}

#[test]
fn a_good_file_cut_anywhere_is_refused() {
    for (id, file) in good() {
        for len in 0..file.len() {
            let cut = &file[..len];
            // EF.ATR/INFO and EF.DIR are several objects, so a cut between them is a shorter file
            let boundary =
                matches!(id, FileId::ATR_INFO | FileId::DIR) && parse(id, cut).is_ok_and(|read| read.encode() == Some(cut.to_vec()));
            assert!(boundary || parse(id, cut).is_err(), "{id} cut to {len}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_read_or_refused(tail in proptest::collection::vec(any::<u8>(), 0..200), wrapped: bool) {
        for (id, file) in good() {
            // random content under the right outer tag goes deeper than random bytes
            let bytes = if wrapped { tlv::encode(u32::from(file[0]), &tail) } else { tail.clone() };
            settle(id, &bytes)?;
        }
    }

    #[test]
    fn mutated_good_files_are_read_or_refused(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
        insert in proptest::option::of((any::<proptest::sample::Index>(), proptest::collection::vec(any::<u8>(), 0..6))),
    ) {
        for (id, mut file) in good() {
            for (at, octet) in &changes {
                let at = at.index(file.len());
                file[at] = *octet;
            }
            if let Some((at, octets)) = &insert {
                let at = at.index(file.len());
                file.splice(at..at, octets.iter().copied());
            }
            settle(id, &file)?;
        }
    }
}
