use proptest::prelude::*;

use super::*;
use crate::date::Date;

/// Doc 9303-11 appendix D.1 and D.2; in two of them the composite digit that the appendix prints is wrong and is corrected here.
const BAC: [(&str, &str, &str, &str); 4] = [
    ("I<UTOSTEVENSON<<PETER<JOHN<<<<<<<<<<D23145890<UTO3407127M95071227349<<<8", "D23145890734", "D23145890734934071279507122", ""),
    ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<L898902C<3UTO6908061F9406236<<<<<<<2", "L898902C", "L898902C<369080619406236", ""),
    (
        "I<UTOD23145890<7349<<<<<<<<<<<3407127M9507122UTO<<<<<<<<<<<2STEVENSON<<PETER<JOHN<<<<<<<<<",
        "D23145890734",
        "D23145890734934071279507122",
        "",
    ),
    (
        "I<UTOL898902C<3<<<<<<<<<<<<<<<6908061F9406236UTO<<<<<<<<<<<2ERIKSSON<<ANNA<MARIA<<<<<<<<<<",
        "L898902C",
        "L898902C<369080619406236",
        "",
    ),
];

const UTOPIA: &str = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10\n";
const CCCD: &str = "IDVNM5050001236079505000123<<6\n0501057F3001053VNM<<<<<<<<<<<2\nPHAM<<THI<UOC<MAU<<<<<<<<<<<<<\n";

fn rewritten(mrz: &Mrz) -> Mrz {
    Mrz::write(mrz.format(), mrz.content().clone()).expect("what was read can be written")
}

#[test]
fn the_examples_of_doc_9303_11_give_their_mrz_information() {
    for (text, number, information_, optional) in BAC {
        let mrz = Mrz::parse(text).expect(text);
        let content = mrz.content();
        assert_eq!((content.document_number.as_str(), content.optional_data.as_str()), (number, optional));
        assert_eq!(mrz.information(), information_);
        assert_eq!(information(number, content.date_of_birth, content.date_of_expiry).as_deref(), Ok(information_));
        assert_eq!(rewritten(&mrz).text(), text);
    }
}

#[test]
fn the_passport_of_utopia_reads_field_by_field() {
    let mrz = Mrz::parse(UTOPIA).expect("TD3");
    let content = mrz.content();
    assert_eq!((mrz.format(), content.document_code.as_str(), content.issuer.as_str()), (Format::Td3, "P", "UTO"));
    assert_eq!((content.document_number.as_str(), content.optional_data.as_str()), ("L898902C3", "ZE184226B"));
    assert_eq!((content.name.primary().as_str(), content.name.secondary().as_str()), ("ERIKSSON", "ANNA MARIA"));
    assert_eq!((content.date_of_birth.as_str(), content.date_of_expiry.as_str(), content.sex), ("740812", "120415", Sex::Female));
    assert_eq!(mrz.information(), "L898902C3674081221204159");
    assert_eq!(rewritten(&mrz).lines(), UTOPIA.lines().collect::<Vec<_>>());
}

/// The EF.DG1 examples of Doc 9303-10: a TD2 whose number goes on in the optional data, and a TD1 whose composite check digit was
/// computed without the optional data of line 1, against Doc 9303-5.
#[test]
fn the_examples_of_doc_9303_10_read_and_the_wrong_composite_digit_of_one_is_found() {
    let td2 = "I<ATASMITH<<JOHN<T<<<<<<<<<<<<<<<<<<123456789<HMD7406221M10123120122<<<0";
    let mrz = Mrz::parse(td2).expect("TD2");
    assert_eq!((mrz.content().document_number.as_str(), mrz.content().optional_data.as_str()), ("123456789012", ""));
    assert_eq!(rewritten(&mrz).text(), td2);
    let td1 = "I<NLDXI85935F86999999990<<<<<<7208148F1108268NLD<<<<<<<<<<<4VAN<DER<STEEN<<MARIANNE<LOUISE";
    let (mrz, deviations) = Mrz::read(td1).expect("TD1");
    let composite = MrzError::CheckDigit { field: Field::Composite, line: 2, column: 30, expected: '8', found: '4' };
    assert_eq!(deviations, [composite]);
    assert_eq!((mrz.content().document_number.as_str(), mrz.content().optional_data.as_str()), ("XI85935F8", "999999990"));
    assert!(mrz.name_may_be_truncated());
    assert_eq!(rewritten(&mrz).text(), td1.replace("<4VAN", "<8VAN"));
}

#[test]
fn the_vietnamese_identity_card_is_written_from_its_record() {
    let date = |text| MrzDate::parse(text).expect(text);
    let mrz = vietnam::identity_card("079505000123", "Phạm Thị Ước Mẫu", Sex::Female, date("050105"), date("300105")).expect("MRZ");
    assert_eq!(mrz.lines(), CCCD.lines().collect::<Vec<_>>());
    assert_eq!(mrz.information(), "505000123605010573001053");
    assert_eq!(vietnam::personal_number(&mrz), Ok("079505000123"));
    let error = vietnam::identity_card("79505000123", "A", Sex::Male, date("050105"), date("300105")).expect_err("11 digits");
    assert_eq!(error.to_string(), "optional data: expected a personal number of 12 digits, found \"79505000123\"");
}

#[test]
fn a_personal_number_with_a_wrong_check_digit_is_told_apart() {
    let (mrz, deviations) = Mrz::read(&CCCD.replace("<<6", "<<7")).expect("readable");
    assert_eq!(deviations.len(), 1, "the composite covers it: {deviations:?}");
    let error = vietnam::personal_number(&mrz).expect_err("wrong digit");
    assert_eq!(error.to_string(), "optional data check digit at line 1 column 30: expected 6, found 7");
    assert!(matches!(vietnam::personal_number(&Mrz::parse(UTOPIA).expect("TD3")), Err(MrzError::Value { .. })));
}

#[test]
fn each_wrong_check_digit_is_named_with_its_place() {
    for (at, message) in [
        (14, "document number check digit at line 1 column 15: expected 6, found 0"),
        (36, "date of birth check digit at line 2 column 7: expected 7, found 0"),
        (44, "date of expiry check digit at line 2 column 15: expected 3, found 0"),
        (59, "composite check digit at line 2 column 30: expected 2, found 0"),
    ] {
        let mut text = CCCD.replace('\n', "");
        text.replace_range(at..=at, "0");
        let (_, deviations) = Mrz::read(&text).expect("readable");
        assert_eq!(deviations.first().map(ToString::to_string).as_deref(), Some(message));
        assert_eq!(Mrz::parse(&text).err(), deviations.into_iter().next());
    }
    let long = BAC[2].0.replace("7349<", "7340<");
    let error = Mrz::parse(&long).expect_err("wrong digit of a long number");
    assert_eq!(error.to_string(), "document number check digit at line 1 column 19: expected 9, found 0");
    let personal = UTOPIA.replace("<<<<<10", "<<<<<20");
    let error = Mrz::parse(&personal).expect_err("wrong digit of the personal number");
    assert_eq!(error.to_string(), "optional data check digit at line 2 column 43: expected 1, found 2");
}

#[test]
fn an_empty_personal_number_may_have_zero_or_a_filler_as_check_digit() {
    // Specimen of BSI TR-03105-5 (filler); Doc 9303-4 §4.2.2.2 allows 0 as well, which does not change the composite.
    let filler = "P<D<<MUSTERMANN<<ERIKA<<<<<<<<<<<<<<<<<<<<<<C11T002JM4D<<9608122F2310314<<<<<<<<<<<<<<<4";
    let mrz = Mrz::parse(filler).expect("filler");
    assert_eq!((mrz.content().issuer.as_str(), mrz.content().nationality.as_str()), ("D", "D"));
    let zero = rewritten(&mrz);
    assert_eq!(&zero.text()[86..], "04");
    assert_eq!(zero.content(), mrz.content());
}

#[test]
fn deviations_of_content_are_listed_and_named() {
    let text = CCCD.replace("7F3001053", "7X9999999").replace("<<<<2", "<<<<0");
    let (mrz, deviations) = Mrz::read(&text).expect("readable");
    assert_eq!(mrz.content().date_of_expiry.as_str(), "999999");
    let messages: Vec<_> = deviations.iter().map(ToString::to_string).collect();
    assert!(messages.contains(&"sex at line 2 column 8: expected M, F or <, found \"X\"".to_owned()), "{messages:?}");
    assert!(
        messages.contains(&"date of expiry at line 2 column 9: expected YYMMDD with << for unknown parts, found \"999999\"".to_owned()),
        "{messages:?}"
    );
    assert_eq!(Mrz::parse("ABC"), Err(MrzError::Length { found: 3 }));
    assert_eq!(Mrz::parse(&CCCD.replace('M', "m")), Err(MrzError::Character { at: 5, found: 'm' }));
}

#[test]
fn unknown_parts_of_a_date_are_kept() {
    let date = MrzDate::parse("74<<<<").expect("year only");
    assert_eq!((date.year(), date.month(), date.day()), (Some(74), None, None));
    let mut content = Mrz::parse(UTOPIA).expect("TD3").content().clone();
    content.date_of_birth = date;
    let mrz = Mrz::write(Format::Td3, content).expect("MRZ");
    assert_eq!(&mrz.text()[57..64], "74<<<<1");
    assert_eq!(date.on_or_before(Date::new(2026, 1, 1).expect("day")), None);
    for bad in ["741301", "7401", "740132", "74<101", "a40101"] {
        assert!(MrzDate::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_century_follows_from_the_day_of_reading() {
    let today = Date::new(2026, 11, 21).expect("day");
    let date = |text| MrzDate::parse(text).expect(text);
    assert_eq!(date("261122").on_or_before(today).map(|d| d.to_string()).as_deref(), Some("1926-11-22"));
    assert_eq!(date("261121").on_or_before(today).map(|d| d.to_string()).as_deref(), Some("2026-11-21"));
    assert_eq!(date("360101").nearest(today).map(|d| d.to_string()).as_deref(), Some("2036-01-01"));
    assert_eq!(date("990101").nearest(today).map(|d| d.to_string()).as_deref(), Some("1999-01-01"));
    assert_eq!(date("050105").nearest(Date::new(2199, 1, 1).expect("day")).map(|d| d.to_string()).as_deref(), Some("2205-01-05"));
}

/// The examples of Doc 9303-4 §4.2.3 (39 columns), Doc 9303-5 §4.2.3 (30) and Doc 9303-6 §4.2.3 (31).
#[test]
fn names_are_written_and_truncated_as_in_the_standard() {
    let bennelong = ("Bennelong Wooloomooloo Warrandyte Warnambool", "Dingo Potoroo");
    let nilavad = ("Nilavadhanananda", "Chayapa Dejthamrong Krasuang");
    for (primary, secondary, width, field, truncated) in [
        ("Eriksson", "Anna Maria", 39, "ERIKSSON<<ANNA<MARIA", false),
        ("Smith-Jones", "Susie Margaret", 39, "SMITH<JONES<<SUSIE<MARGARET", false),
        ("O'Connor", "Enya Siobhan", 39, "OCONNOR<<ENYA<SIOBHAN", false),
        ("Van Der Muellen", "Martin", 39, "VAN<DER<MUELLEN<<MARTIN", false),
        ("Arkfreith", "", 39, "ARKFREITH", false),
        ("Papandropoulous", "Jonathon Warren Trevor", 39, "PAPANDROPOULOUS<<JONATHON<WARREN<TREVOR", false),
        ("Papandropoulous", "Jonathon Alec", 30, "PAPANDROPOULOUS<<JONATHON<ALEC", false),
        (nilavad.0, nilavad.1, 39, "NILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K", true),
        (nilavad.0, nilavad.1, 31, "NILAVADHANANANDA<<CHAYAPA<DEJ<K", true),
        (nilavad.0, nilavad.1, 30, "NILAVADHANANANDA<<CHAYAPA<DE<K", true),
        ("Nilavadhanananda", "Arnpol Petch Charonguang", 39, "NILAVADHANANANDA<<ARNPOL<PETCH<CHARONGU", true),
        (bennelong.0, bennelong.1, 39, "BENNELONG<WOOLOOMOOLOO<WARRANDYTE<W<<DI", true),
        (bennelong.0, bennelong.1, 31, "BENNELONG<WOOLOOMOOLOO<W<W<<D<P", true),
        (bennelong.0, bennelong.1, 30, "BENNELONG<WOOLOOMOOLOO<W<W<<DI", true),
    ] {
        let name = Name::new(primary, secondary).expect("name");
        assert_eq!(name.fit(width), (field.to_owned(), truncated));
    }
}

#[test]
fn names_longer_than_anything_still_end_with_a_letter_in_the_last_column() {
    let long = "A".repeat(50);
    for (primary, secondary, field) in [
        (long.as_str(), "", "A".repeat(30)),
        (long.as_str(), "Bo", format!("{}<<B", "A".repeat(27))),
        ("Ab Cdefghijklmnopqrstuvwxyzabcdef", "X", "AB<CDEFGHIJKLMNOPQRSTUVWXYZ<<X".to_owned()),
        // one column would be left for the second given name
        ("Abcdefghijklmnopqrstuvwxyz", "D Potoroo", "ABCDEFGHIJKLMNOPQRSTUVWXY<<D<P".to_owned()),
    ] {
        assert_eq!(Name::new(primary, secondary).expect("name").fit(30), (field, true));
    }
    let many = "A ".repeat(40);
    let (field, truncated) = Name::new(&many, "B").expect("name").fit(30);
    assert!(truncated && field.len() <= 30 && field.ends_with("<<B"), "{field}");
}

/// The 67 capitals of the Vietnamese alphabet with a mark, by base letter.
#[test]
fn every_vietnamese_letter_has_its_base_letter() {
    for (base, letters) in [
        ('A', "ÀÁÂÃĂẠẢẤẦẨẪẬẮẰẲẴẶ"),
        ('E', "ÈÉÊẸẺẼẾỀỂỄỆ"),
        ('I', "ÌÍĨỈỊ"),
        ('O', "ÒÓÔÕƠỌỎỐỒỔỖỘỚỜỞỠỢ"),
        ('U', "ÙÚŨƯỤỦỨỪỬỮỰ"),
        ('Y', "ÝỲỴỶỸ"),
        ('D', "ĐÐ"),
    ] {
        for letter in letters.chars().chain(letters.to_lowercase().chars()) {
            assert_eq!(transliterate(&letter.to_string()), Ok(base.to_string()), "{letter}");
        }
    }
    // composed and decomposed text are the same name
    assert_eq!(transliterate("Nguye\u{0302}\u{0303}n Đư\u{031B}\u{0301}c"), transliterate("Nguyễn Đức"));
    assert_eq!(transliterate("Nguyễn  Thị-Ánh"), Ok("NGUYEN<THI<ANH".to_owned()));
    assert_eq!(transliterate("Øster Straße"), Ok("OESTER<STRASSE".to_owned()));
    let error = transliterate("Ли").expect_err("no Latin letter");
    assert_eq!(error.to_string(), "name: no MRZ letter for 'Л' (U+041B) at character 1 of the name");
    assert!(transliterate("Anna 2").is_err());
}

#[test]
fn what_does_not_fit_is_refused_by_field() {
    let base = Mrz::parse(UTOPIA).expect("TD3").content().clone();
    let refused = |format, change: &dyn Fn(&mut Content)| {
        let mut content = base.clone();
        change(&mut content);
        Mrz::write(format, content).expect_err("refused").to_string()
    };
    assert_eq!(
        refused(Format::Td3, &|c| c.document_number = "1234567890".into()),
        "document number: expected 1 to 9 characters A-Z, 0-9, found \"1234567890\""
    );
    assert_eq!(
        refused(Format::Td2, &|c| c.document_number = "123456789012345".into()),
        "document number: expected 1 to 14 characters A-Z, 0-9, found \"123456789012345\""
    );
    assert_eq!(
        refused(Format::Td3, &|c| c.issuer = "Vnm".into()),
        "issuing state: expected at most 3 characters A-Z, 0-9, <, found \"Vnm\""
    );
    let both = |c: &mut Content| (c.optional_data, c.optional_data_2) = (String::new(), "X".into());
    assert!(refused(Format::Td2, &both).starts_with("optional data of line 2: expected at most 0"));
    assert!(refused(Format::Td1, &|c| c.document_number = "É12345678".into()).starts_with("document number"));
    assert!(information("", MrzDate::UNKNOWN, MrzDate::UNKNOWN).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[A-Z0-9<]{72}|[A-Z0-9<]{88}|[A-Z0-9<]{90}|\\PC{0,100}") {
        if let Ok((mrz, _)) = Mrz::read(&text) {
            let _ = (mrz.information(), mrz.fields(), vietnam::personal_number(&mrz).is_ok());
        }
    }

    #[test]
    fn what_is_written_reads_back(
        number in "[A-Z0-9]{1,22}",
        optional in "([A-Z0-9]{1,2})?",
        primary in "[A-Z]{1,40}( [A-Z]{1,15}){0,3}|[A-Z]{20,30}",
        secondary in "([A-Z]{1,15}( [A-Z]{1,15}){0,3})?",
    ) {
        for format in [Format::Td1, Format::Td2, Format::Td3] {
            let content = Content {
                document_code: "I".into(),
                issuer: "D".into(),
                document_number: number.clone(),
                date_of_birth: MrzDate::UNKNOWN,
                sex: Sex::Unspecified,
                date_of_expiry: MrzDate::parse("301231").expect("date"),
                nationality: "UTO".into(),
                optional_data: optional.clone(),
                optional_data_2: String::new(),
                name: Name::new(&primary, &secondary).expect("name"),
            };
            let room = match format { Format::Td1 => 15, Format::Td2 => 7, Format::Td3 => 14 };
            let tail = if number.len() > 9 { number.len() - 9 + 2 } else { 0 };
            let written = Mrz::write(format, content);
            if number.len() > format.longest_number() || tail + optional.len() > room {
                prop_assert!(written.is_err());
                continue;
            }
            let mrz = written.expect("fits");
            prop_assert_eq!(&mrz.content().document_number, &number);
            prop_assert_eq!(&mrz.content().optional_data, &optional);
            let (field, truncated) = Name::new(&primary, &secondary).expect("name").fit(format.layout().name.len());
            prop_assert!(field.len() <= format.layout().name.len());
            prop_assert!(!truncated || mrz.name_may_be_truncated(), "{} of {} / {}", field, primary, secondary);
            if !truncated {
                prop_assert_eq!(mrz.content().name.primary(), primary.clone());
                prop_assert_eq!(mrz.content().name.secondary(), secondary.clone());
            }
        }
    }
}
