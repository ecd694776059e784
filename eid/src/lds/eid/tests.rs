//! The files of Debian's emulated German card (vsmartcard-vpicc 3.3, person Erika Mustermann), worked out by hand from what its source gives
//! each file, and what the definitions of TR-03110-4 do not allow.

use proptest::prelude::*;

use super::*;

fn eid(number: u8) -> FileId {
    FileId::eid(number).expect("1 to 22")
}

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).expect("hex")
}

/// Number, file, what it says.
fn good() -> Vec<(u8, Vec<u8>, &'static str)> {
    [
        (1, "61 04 13 02 4944", "document type: ID"),
        (2, "62 03 13 01 44", "issuing state: D"),
        (2, "62 10 30 0E AB05 0C03 485545 AD05 1303 564E4D", "issuing state: HUE, VNM"),
        (3, "63 0A 12 08 3230323031303331", "date of expiry: 2020-10-31"),
        (4, "64 07 0C 05 4552494B41", "given names: ERIKA"),
        (5, "65 0C 0C 0A 4D55535445524D414E4E", "family names: MUSTERMANN"),
        (6, "66 02 0C 00", "nom de plume: "),
        (8, "68 0A 12 08 3139363430383132", "date of birth: 1964-08-12"),
        (8, "68 0A 12 08 3139363430382020", "date of birth: 1964-08"),
        (8, "68 0A 12 08 3139363420202020", "date of birth: 1964"),
        (9, "69 0A A1 08 0C06 4245524C494E", "place of birth: BERLIN"),
        (9, "69 06 A2 04 0C02 2D2D", "place of birth: --"),
        (10, "6A 03 13 01 44", "nationality: D"),
        (11, "6B 03 13 01 46", "sex: F"),
        (11, "6B 03 13 01 20", "sex:  "),
        (12, "6C 0B 31 09 3007 0603 883703 0500", "optional data, 2.999.3: 2 bytes"),
        (13, "6D 0C 0C 0A 4D55535445524D414E4E", "birth name: MUSTERMANN"),
        (14, "6E 04 04 02 FF4F", "written signature: 2 bytes"),
        (15, "6F 0A 12 08 3230313030333031", "date of issuance: 2010-03-01"),
        (16, "70 00", "reserved: 0 bytes"),
        (
            17,
            "71 2B 30 29 AA 11 0C 0F 48454944455354524153534520 3137 AB 06 0C 04 4B4F4C4E AD 03 13 01 44 AE 07 13 05 3531313437",
            "place of residence: HEIDESTRASSE 17, 51147 KOLN, D",
        ),
        (17, "71 0E 31 0C A1 04 0C02 4142 A1 04 0C02 4344", "place of residence: AB; place of residence: CD"),
        (18, "72 09 04 07 02760378900276", "municipality ID: 02760378900276"),
        (19, "73 06 A1 04 0C02 4142", "residence permit I: AB"),
        (20, "74 06 A2 04 0402 4B00", "residence permit II: compressed, 2 bytes"),
        (21, "75 0F 13 0D 74656C3A2B3439303030303031", "phone number: tel:+49000001"),
        (22, "76 09 16 07 6140622E6E6574", "email address: a@b.net"),
    ]
    .into_iter()
    .map(|(number, file, says)| (number, bytes(file), says))
    .collect()
}

#[test]
fn the_files_of_the_emulated_german_card_are_read_and_written() {
    for (number, file, says) in good() {
        let mut quirks = Vec::new();
        let group = EidGroup::read(eid(number), &file, &mut quirks).expect(says);
        let told: Vec<_> = group.fields().iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!((told.join("; ").as_str(), group.encode(), group.number()), (says, file, number));
        assert_eq!(EidGroup::new(number, group.value().clone()), Some(group));
        assert_eq!(quirks, []);
    }
}

#[test]
fn its_nationality_of_two_letters_is_read_and_reported() {
    let mut quirks = Vec::new();
    let group = EidGroup::read(eid(10), &bytes("6A 04 13 02 4445"), &mut quirks).expect("tolerated");
    let rules: Vec<_> = quirks.iter().map(|quirk| quirk.rule).collect();
    assert_eq!((group.value(), rules.as_slice()), (&Value::Text("DE".to_owned()), &["eid.country-of-two-letters"][..]));
}

#[test]
fn what_the_definitions_do_not_allow_is_refused() {
    for (number, file) in [
        (1, "61 05 13 03 494441"),
        (1, "61 04 0C 02 4944"),
        (1, "61 04 13 02 6964"),
        (1, "62 04 13 02 4944"),
        (1, "61 04 13 02 4944 00"),
        (1, "61 06 13 02 4944 0500"),
        (2, "62 06 13 04 41414141"),
        (2, "62 07 30 05 AB03 0C01 41"),
        (3, "63 0A 12 08 3230323031333331"),
        (3, "63 0A 12 08 3230323030323330"),
        (3, "63 0A 12 08 2020202020202020"),
        (3, "63 0A 12 08 3230323020203331"),
        (3, "63 0A 17 08 3230323031303331"),
        (3, "63 09 12 07 32303230313033"),
        (4, "64 03 0C 01 FF"),
        (4, "64 03 0C 01 07"),
        (10, "6A 02 13 00"),
        (11, "6B 03 13 01 58"),
        (11, "6B 04 13 02 4D46"),
        (14, "6E 02 03 00"),
        (19, "73 04 A1 02 0400"),
        (21, "75 03 13 01 40"),
        (22, "76 03 16 01 E4"),
    ] {
        assert!(EidGroup::read(eid(number), &bytes(file), &mut Vec::new()).is_err(), "DG{number} {file}");
    }
    let many = tlv::encode(0x71, &tlv::encode(0x31, &bytes("A1020C00").repeat(MAX_MEMBERS + 1)));
    assert!(EidGroup::read(eid(17), &many, &mut Vec::new()).is_err());
    assert!(EidGroup::read(FileId::COM, &bytes("6000"), &mut Vec::new()).is_err());
    assert_eq!(EidGroup::new(11, Value::Text("X".to_owned())), None);
    assert_eq!(EidGroup::new(8, Value::Text("X".to_owned())), None);
    assert_eq!((title(8), title(0), title(23)), (Some("date of birth"), None, None));
}

#[test]
fn an_unknown_day_may_be_any_of_its_month_or_year() {
    let dates = |text: &[u8]| PartialDate::parse(text).map(|date| (date.first().to_string(), date.last().to_string()));
    let expect = |first: &str, last: &str| Some((first.to_owned(), last.to_owned()));
    assert_eq!(dates(b"19640812"), expect("1964-08-12", "1964-08-12"));
    assert_eq!(dates(b"196402  "), expect("1964-02-01", "1964-02-29"));
    assert_eq!(dates(b"196312  "), expect("1963-12-01", "1963-12-31"));
    assert_eq!(dates(b"1964    "), expect("1964-01-01", "1964-12-31"));
    assert_eq!((dates(b"1964  12"), dates(b"19640"), dates(b"196408\xFF\xFF")), (None, None, None));
}

/// By hand: the identifier is of `oids.csv`, the sets are sorted by their encodings.
#[test]
fn the_application_says_what_it_has() {
    let expected =
        "3037 0608 04007F000702020D 302B 3106 020103 020108 3100 010100 010100 010100 3116 0609 04007F000703010401 0609 04007F000703010402";
    assert_eq!(application_info(&[8, 3], &[crate::oid::AUX_DATE_OF_EXPIRY, crate::oid::AUX_DATE_OF_BIRTH]), bytes(expected));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_and_what_is_read_settles(
        tail in proptest::collection::vec(any::<u8>(), 0..60),
        at in any::<proptest::sample::Index>(),
        octet: u8,
    ) {
        for (number, good, _) in good() {
            let mut changed = good.clone();
            *at.get_mut(&mut changed) = octet;
            for file in [changed, tlv::encode(u32::from(good[0]), &tail), tail.clone()] {
                if let Ok(group) = EidGroup::read(eid(number), &file, &mut Vec::new()) {
                    let _ = group.fields();
                    let written = group.encode();
                    prop_assert_eq!(EidGroup::read(eid(number), &written, &mut Vec::new()).map(|again| again.encode()), Ok(written));
                }
            }
        }
    }
}
