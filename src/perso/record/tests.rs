use eid::date::Date;
use unicode_normalization::UnicodeNormalization as _;

use super::*;
use crate::people;

fn date(text: &str) -> Date {
    text.parse().expect("a date")
}

fn today() -> Date {
    date("2026-11-21")
}

/// A record with every field, over the synthetic person of the collected MRZ example.
fn example() -> Input {
    let text = |text: &str| Some(text.to_owned());
    Input {
        number: text("099505000123"),
        surname: text("Phạm"),
        given_names: text("Thị Ước Mẫu"),
        birth: text("2105-01-05"),
        sex: text("female"),
        ethnicity: text("Kinh"),
        origin: text("Phường Mẫu, Thành phố Mẫu"),
        residence: text("Số 1 Đường Mẫu, Phường Mẫu, Thành phố Mẫu"),
        features: text("Nốt ruồi c.1cm dưới mép trái"),
        father: text("Phạm Văn Mẫu"),
        mother: text("Lê Thị Mẫu"),
        old_number: text("000000000"),
        card_serial: text("0123456789abcdef"),
        issue: text("2121-02-10"),
        photo: text("portrait.jpg"),
        fingers: vec![FingerInput { position: FingerPosition::RightIndex, file: "right-index.jpg".to_owned() }],
        ..Input::default()
    }
}

fn check(input: &Input, profile: &str) -> Result<Record, Vec<Problem>> {
    let person = people::citizen(1, 1, today());
    let profile = DocumentProfile::load(profile).expect("built in");
    let mut load = |name: &str| match name {
        "truncated.jpg" => person.load("portrait.jpg").map(|bytes| bytes[..5_000].to_vec()),
        "portrait.txt" => Ok(b"no image".to_vec()),
        _ => person.load(name),
    };
    Record::new(input, &profile, date("2121-02-10"), &mut load)
}

/// The problems of the example after `change`, one text.
fn problems(change: impl FnOnce(&mut Input)) -> String {
    let mut input = example();
    change(&mut input);
    let problems = check(&input, "cccd-2021").expect_err("must be refused");
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// MRZ of the notes on the Vietnamese card, with the number of the test province.
#[test]
fn the_example_becomes_a_record_with_its_mrz_and_can() {
    let record = check(&example(), "cccd-2021").expect("valid");
    let lines = record.mrz().lines();
    assert!(lines[0].starts_with("IDVNM5050001236099505000123<<"), "{lines:?}");
    assert_eq!((&lines[1][..18], lines[2]), ("0501057F3001053VNM", "PHAM<<THI<UOC<MAU<<<<<<<<<<<<<"));
    assert_eq!((record.can(), record.expiry()), (Some("000123"), Some(date("2130-01-05"))));
    assert_eq!((record.full_name().as_str(), record.religion.as_str()), ("Phạm Thị Ước Mẫu", "Không"));
}

#[test]
fn the_whole_worked_mrz_comes_out_for_its_own_number() {
    let mut input = example();
    input.number = Some("079505000123".to_owned());
    let lines = ["IDVNM5050001236079505000123<<6", "0501057F3001053VNM<<<<<<<<<<<2", "PHAM<<THI<UOC<MAU<<<<<<<<<<<<<"];
    input.mrz = Some(lines.map(str::to_owned).to_vec());
    input.can = Some("000123".to_owned());
    assert_eq!(check(&input, "cccd-2021").expect("valid").mrz().lines(), lines);
}

#[test]
fn every_broken_field_says_expected_and_found() {
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(problems(|i| i.number = text("09950500012")), r#"number: expected 12 digits, found "09950500012""#);
    assert_eq!(problems(|i| i.number = text("099405000123")), "number: expected digit 4 to be 5 for female born in 2105, found 4");
    assert_eq!(problems(|i| i.number = None), "number: expected 12 digits, found nothing");
    assert_eq!(problems(|i| i.birth = text("2105-02-29")), r#"birth: expected a date YYYY-MM-DD that exists, found "2105-02-29""#);
    assert_eq!(problems(|i| i.sex = text("f")), r#"sex: expected male or female, found "f""#);
    assert_eq!(problems(|i| i.surname = text(" ")), "surname: expected a text, found nothing");
    assert_eq!(problems(|i| i.ethnicity = text("Kính")), r#"ethnicity: expected one of the 54 ethnic groups, found "Kính""#);
    assert_eq!(problems(|i| i.nationality = text("UTO")), r#"nationality: expected VNM: the card is for citizens, found "UTO""#);
    assert_eq!(problems(|i| i.old_number = text("12345678X")), r#"old_number: expected 9 digits, found "12345678X""#);
    assert_eq!(problems(|i| i.card_serial = None), "card_serial: expected 16 hexadecimal digits, found nothing");
    assert_eq!(
        problems(|i| i.mother = text("Lê\u{7}")),
        "mother: expected letters, digits, and punctuation, found control character U+0007"
    );
    assert_eq!(problems(|i| i.residence = Some("x".repeat(151))), "residence: expected at most 150 characters, found 151");
    assert_eq!(problems(|i| i.can = text("654321")), "can: expected the last six digits of the number, found another");
    assert_eq!(problems(|i| i.mrz = Some(Vec::new())), "mrz: expected the lines that follow from the other fields, found other lines");
    assert_eq!(problems(|i| i.live = true), "number: expected the number of a person in a live record, found the test province 099");
}

#[test]
fn a_name_that_does_not_fit_is_refused_with_its_transliteration() {
    assert_eq!(
        problems(|i| i.given_names = Some("Thị Nguyễn Hoàng Phương Quỳnh Trang".to_owned())),
        "surname, given_names: expected at most 30 characters in the MRZ, found 41 in PHAM<<THI<NGUYEN<HOANG<PHUONG<QUYNH<TRANG"
    );
    assert_eq!(
        problems(|i| i.given_names = Some("Thị 漢".to_owned())),
        "surname, given_names: expected letters with a transliteration to A-Z, found name: no MRZ letter for '漢' (U+6F22) at character 5 of the name"
    );
    // The passport profile cuts the same name as Doc 9303-3 says.
    let mut input = example();
    input.given_names = Some("Thị Nguyễn Hoàng Phương Quỳnh Trang".to_owned());
    input.document_number = Some("X0000001".to_owned());
    let record = check(&input, "icao-td3").expect("cut");
    assert!(record.mrz().name_may_be_truncated());
}

#[test]
fn portraits_that_are_missing_truncated_or_foreign_are_refused() {
    let photo = |name: Option<&str>| problems(|i| i.photo = name.map(str::to_owned));
    assert_eq!(photo(None), "photo: expected the file of a JPEG portrait, found nothing");
    assert_eq!(photo(Some("away.jpg")), "photo: expected the file away.jpg, found no file away.jpg");
    assert_eq!(
        photo(Some("truncated.jpg")),
        "photo: expected a JPEG image up to its end marker FFD9, found a truncated one in truncated.jpg"
    );
    assert_eq!(
        photo(Some("portrait.txt")),
        "photo: expected a JPEG, JPEG 2000, or WSQ image, found a file that starts 6E6F2069 in portrait.txt"
    );
    assert_eq!(problems(|i| i.fingers.clear()), "fingers: expected at least one finger image for DG3, found none");
    assert_eq!(problems(|i| i.fingers.push(i.fingers[0].clone())), "fingers: expected each finger once, found RightIndex twice");
}

#[test]
fn dates_must_fit_the_law_and_the_day_of_production() {
    let issue = |birth: &str, day: &str, number: &str| {
        problems(|i| (i.birth, i.issue, i.number) = (Some(birth.to_owned()), Some(day.to_owned()), Some(number.to_owned())))
    };
    assert_eq!(
        issue("2115-02-11", "2121-02-10", "099515000123"),
        "birth: expected an age of at least 6 years on the day of issue 2121-02-10, found 2115-02-11"
    );
    assert_eq!(
        issue("2121-02-11", "2121-02-10", "099521000123"),
        "birth: expected a day before the day of issue 2121-02-10, found 2121-02-11"
    );
    assert_eq!(
        issue("2105-01-05", "2122-02-12", "099505000123"),
        "issue: expected a day within a year from today 2121-02-10, found 2122-02-12"
    );
    assert_eq!(
        issue("2005-01-05", "2020-06-01", "099305000123"),
        "issue: expected a day from 2021-01-01 on, when this document was introduced, found 2020-06-01"
    );
    assert_eq!(
        issue("2000-01-05", "2022-06-01", "099300000123"),
        "issue: expected a document that is still valid today 2121-02-10, found one that expires on 2025-01-05"
    );
    assert_eq!(
        problems(|i| i.expiry = Some("2131-02-10".to_owned())),
        r#"expiry: expected 2130-01-05 for a birth on 2105-01-05 and an issue on 2121-02-10, found "2131-02-10""#
    );
}

#[test]
fn all_problems_of_a_record_are_told_at_once() {
    assert_eq!(
        problems(|i| (i.sex, i.photo) = (None, None)),
        "sex: expected male or female, found nothing; photo: expected the file of a JPEG portrait, found nothing"
    );
}

#[test]
fn one_person_and_a_list_are_read_and_unknown_fields_are_refused() {
    let json = serde_json::to_string(&example()).expect("JSON");
    assert_eq!(parse("x.json", &json).map(|inputs| inputs.len()), Ok(1));
    assert_eq!(parse("x.json", &format!("[{json},{json}]")).map(|inputs| inputs.len()), Ok(2));
    let message = parse("x.json", r#"{"number":"1","nmae":"x"}"#).expect_err("unknown").to_string();
    assert!(message.starts_with("x.json: unknown field `nmae`, expected one of `number`"), "{message}");
    let profile = DocumentProfile::load("cccd-2021").expect("built in");
    let mut other = example();
    other.sex = None;
    let person = people::citizen(1, 1, today());
    let list = serde_json::to_string(&[example(), other]).expect("JSON");
    let error = read("x.json", &list, &profile, date("2121-02-10"), &mut |name| person.load(name)).expect_err("second record");
    assert_eq!(error.to_string(), "x.json, record 2: sex: expected male or female, found nothing");
}

#[test]
fn names_are_kept_composed() {
    let mut input = example();
    input.given_names = Some("Thị Ước Mẫu".nfd().collect());
    assert_eq!(check(&input, "cccd-2021").expect("valid").full_name(), "Phạm Thị Ước Mẫu");
}

#[test]
fn debug_output_tells_nothing_that_opens_the_chip() {
    let record = check(&example(), "cccd-2021").expect("valid");
    assert_eq!(format!("{:?} {record:?}", example()), "Input(099505******) Record(Some(099505******))");
}
