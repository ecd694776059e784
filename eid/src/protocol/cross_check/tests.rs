use proptest::prelude::*;

use super::*;
use crate::lds::biometrics::face::FaceImage;
use crate::lds::biometrics::finger::{FingerRecord, compression};
use crate::lds::details::Element;
use crate::lds::dg2::Dg2;
use crate::lds::dg3::Dg3;
use crate::lds::dg11::{self, Dg11};
use crate::lds::dg12::{self, Dg12};
use crate::mrz::{Content, Format, Mrz, MrzDate, Name, Sex, vietnam as vn};
use crate::protocol::finding::Outcome;

fn day(text: &str) -> Date {
    text.parse().expect("a day")
}

/// The synthetic person of the collected facts.
fn person() -> Person {
    let text = |text: &str| Some(text.to_owned());
    Person {
        personal_number: text("079505000123"),
        full_name: text("Phạm Thị Ước Mẫu"),
        date_of_birth: text("05/01/2105"),
        sex: text("Nữ"),
        nationality: text("Việt Nam"),
        place_of_residence: text("Số 1 Đường Mẫu, Phường Mẫu, Thành phố Mẫu"),
        date_of_issue: text("10/02/2121"),
        date_of_expiry: text("05/01/2130"),
        old_number: text("000000000"),
        ..Person::default()
    }
}

fn mrz(name: &str) -> Mrz {
    let date = |text| MrzDate::parse(text).expect("a date");
    vn::identity_card("079505000123", name, Sex::Female, date("050105"), date("300105")).expect("an MRZ")
}

fn put<E: Elementary>(files: &mut BTreeMap<FileId, Vec<u8>>, file: &E) {
    files.insert(E::FILE, file.encode());
}

fn card(mrz: &Mrz, person: &Person) -> BTreeMap<FileId, Vec<u8>> {
    let mut files = BTreeMap::new();
    put(&mut files, &Dg1::new(mrz.clone()));
    put(&mut files, &Dg13::new(person));
    let jpeg = hex::decode("FFD8FFC0000B0800020003010111 00FFD9".replace(' ', "")).expect("hex");
    put(&mut files, &Dg2::new(FaceImage::portrait(jpeg).expect("JPEG")));
    files
}

const TODAY: &str = "2121-03-01";

/// Outcome and reason code of a check; `absent` if there is no such finding.
fn of(findings: &[Finding], id: &str) -> (Outcome, &'static str) {
    let finding = findings.iter().find(|finding| finding.id() == id).unwrap_or_else(|| panic!("{id} is not among {findings:?}"));
    (finding.outcome, finding.reason.as_ref().map_or("", |reason| reason.code))
}

fn checked(files: &BTreeMap<FileId, Vec<u8>>) -> Vec<Finding> {
    check(&Input { files, today: day(TODAY) })
}

fn qr(text: &str) -> FaceQr {
    FaceQr::read(text, &mut Vec::new()).expect("a QR text")
}

const QR: &str = "079505000123|000000000|Phạm Thị Ước Mẫu|05012105|Nữ|Số 1 Đường Mẫu, Phường Mẫu, Thành phố Mẫu|10022121";

#[test]
fn a_card_that_agrees_with_itself_passes_everywhere() {
    let files = card(&mrz("Phạm Thị Ước Mẫu"), &person());
    let ran: Vec<_> = checked(&files).into_iter().filter(|finding| finding.outcome != Outcome::NotAttempted).collect();
    assert!(ran.iter().all(|finding| finding.outcome == Outcome::Passed && finding.reason.is_none()), "{ran:?}");
    let ids: Vec<_> = ran.iter().map(Finding::id).collect();
    let expected = [
        "document.expiry",
        "cross.mrz",
        "cross.issue",
        "cross.dg2",
        "cross.number.mrz",
        "cross.dg13.number",
        "cross.dg13.name",
        "cross.dg13.birth",
        "cross.dg13.sex",
        "cross.dg13.expiry",
        "cross.number.province",
        "cross.number.person",
    ];
    assert_eq!(ids, expected);
    let compared = face_qr(&Input { files: &files, today: day(TODAY) }, &qr(QR));
    assert_eq!(compared.len(), 7);
    assert!(compared.iter().all(|finding| finding.outcome == Outcome::Passed && finding.reason.is_none()), "{compared:?}");
}

#[test]
fn each_field_of_dg13_that_contradicts_dg1_is_undecided_by_its_own_check() {
    let change = |change: fn(&mut Person)| {
        let mut person = person();
        change(&mut person);
        checked(&card(&mrz("Phạm Thị Ước Mẫu"), &person))
    };
    let text = |text: &str| Some(text.to_owned());
    type Change = fn(&mut Person);
    let cases: [(&str, Change); 6] = [
        ("cross.dg13.number", |p| p.personal_number = Some("079505000124".to_owned())),
        ("cross.dg13.name", |p| p.full_name = Some("Phạm Thị Khác".to_owned())),
        ("cross.dg13.birth", |p| p.date_of_birth = Some("06/01/2105".to_owned())),
        ("cross.dg13.sex", |p| p.sex = Some("Nam".to_owned())),
        ("cross.dg13.expiry", |p| p.date_of_expiry = Some("05/01/2131".to_owned())),
        ("cross.number.person", |p| p.date_of_birth = Some("05/01/2005".to_owned())),
    ];
    for (id, with) in cases {
        let findings = change(with);
        assert_eq!(of(&findings, id), (Outcome::Undecided, "differs"), "{id}");
        let others = findings.iter().filter(|f| f.id() != id && !matches!(f.outcome, Outcome::Passed | Outcome::NotAttempted)).count();
        assert_eq!(others, 0, "{id}: {findings:?}");
    }
    let mut broken = person();
    (broken.date_of_birth, broken.sex, broken.date_of_issue) = (text("x"), text("F"), text("1"));
    let findings = checked(&card(&mrz("Phạm Thị Ước Mẫu"), &broken));
    assert_eq!(of(&findings, "cross.dg13.birth"), (Outcome::Undecided, "no-date"));
    assert_eq!(of(&findings, "cross.dg13.sex"), (Outcome::Undecided, "no-sex"));
    assert_eq!(of(&findings, "cross.issue"), (Outcome::Undecided, "no-date"));
}

/// The card of 2024 leaves fields out or empty: nothing is compared, and nothing is undecided.
#[test]
fn fields_that_are_empty_or_absent_are_no_difference() {
    let nothing = checked(&card(&mrz("Phạm Thị Ước Mẫu"), &Person { full_name: Some(" ".to_owned()), ..Person::default() }));
    assert!(nothing.iter().all(|finding| matches!(finding.outcome, Outcome::Passed | Outcome::NotAttempted)), "{nothing:?}");
    assert!(!nothing.iter().any(|finding| finding.id().starts_with("cross.dg13.")), "{nothing:?}");
    let compared = face_qr(&Input { files: &card(&mrz("Phạm Thị Ước Mẫu"), &Person::default()), today: day(TODAY) }, &qr(QR));
    assert_eq!(
        compared.iter().map(Finding::id).collect::<Vec<_>>(),
        ["cross.qr.number", "cross.qr.name", "cross.qr.birth", "cross.qr.sex"]
    );
    assert!(compared.iter().all(|finding| finding.outcome == Outcome::Passed), "{compared:?}");
}

#[test]
fn a_name_that_the_mrz_had_to_cut_is_lawful() {
    let long = "Nguyễn Phước Hoàng Bảo Trâm Anh Thư Mẫu Mẫu";
    let mut stated = person();
    stated.full_name = Some(long.to_owned());
    assert_eq!(of(&checked(&card(&mrz(long), &stated)), "cross.dg13.name"), (Outcome::Passed, "name-truncated"));
    // the same words, with two of them as surname
    stated.full_name = Some("Tôn Nữ Mẫu".to_owned());
    let content = Content { name: Name::new("Tôn Nữ", "Mẫu").expect("a name"), ..mrz("Tôn").content().clone() };
    let split = Mrz::write(Format::Td1, content).expect("an MRZ");
    assert_eq!(of(&checked(&card(&split, &stated)), "cross.dg13.name"), (Outcome::Passed, ""));
    // a longer MRZ is no truncation
    stated.full_name = Some("Phạm Mẫu".to_owned());
    assert_eq!(of(&checked(&card(&mrz("Phạm Thị Mẫu"), &stated)), "cross.dg13.name"), (Outcome::Undecided, "differs"));
}

#[test]
fn province_codes_are_known_of_tests_or_undecided() {
    for (number, expected) in [
        ("079505000123", (Outcome::Passed, "")),
        ("101505000123", (Outcome::Passed, "")),
        ("099505000123", (Outcome::Passed, "test-number")),
        ("003505000123", (Outcome::Undecided, "province-unknown")),
    ] {
        let date = |text| MrzDate::parse(text).expect("a date");
        let mrz = vn::identity_card(number, "Phạm Mẫu", Sex::Female, date("050105"), date("300105")).expect("an MRZ");
        assert_eq!(of(&checked(&card(&mrz, &Person::default())), "cross.number.province"), expected, "{number}");
    }
}

/// The QR text is printed and unsigned: the chip wins.
#[test]
fn a_qr_text_of_another_card_fails() {
    let files = card(&mrz("Phạm Thị Ước Mẫu"), &person());
    let compare = |text: &str, id: &str| of(&face_qr(&Input { files: &files, today: day(TODAY) }, &qr(text)), id);
    for (id, from, to) in [
        ("cross.qr.number", "079505000123", "079505000124"),
        ("cross.qr.name", "Phạm Thị Ước Mẫu", "Phạm Thị Ước"),
        ("cross.qr.birth", "05012105", "05012005"),
        ("cross.qr.birth", "05012105", "06012105"),
        ("cross.qr.sex", "Nữ", "Nam"),
        ("cross.qr.issue", "10022121", "11022121"),
        ("cross.qr.old_number", "000000000", "000000001"),
    ] {
        assert_eq!(compare(&QR.replace(from, to), id), (Outcome::Failed, "differs"), "{id} {to}");
    }
    assert_eq!(compare(&QR.replace("Số 1", "Số 2"), "cross.qr.residence"), (Outcome::Undecided, "differs"));
    assert_eq!(compare(&QR.replace("Số 1 Đường Mẫu, ", "số 1, đường mẫu, "), "cross.qr.residence"), (Outcome::Passed, ""));
    assert_eq!(compare(&QR.replace("Phạm Thị Ước", "Pham Thị Uoc"), "cross.qr.name"), (Outcome::Passed, "marks-differ"));
    assert_eq!(compare(&QR.replace("|000000000|", "||"), "cross.qr.old_number"), (Outcome::Passed, "not-printed"));
    let nothing = BTreeMap::new();
    assert_eq!(of(&face_qr(&Input { files: &nothing, today: day(TODAY) }, &qr(QR)), "cross.qr.number"), (Outcome::NotAttempted, "no-dg1"));
}

#[test]
fn expiry_is_judged_by_the_day_and_by_the_word_for_none() {
    let expiry = |text: &str, stated: Option<&str>, today: &str| {
        let date = |text| MrzDate::parse(text).expect("a date");
        let mrz = vn::identity_card("079505000123", "Phạm Mẫu", Sex::Female, date("050105"), date(text)).expect("an MRZ");
        let files = card(&mrz, &Person { date_of_expiry: stated.map(str::to_owned), ..Person::default() });
        of(&check(&Input { files: &files, today: day(today) }), "document.expiry")
    };
    assert_eq!(expiry("260301", None, "2026-03-01"), (Outcome::Passed, ""));
    assert_eq!(expiry("260301", None, "2026-03-02"), (Outcome::Undecided, "expired"));
    // no chip document expired in 1999
    assert_eq!(expiry("991231", None, "2026-03-02"), (Outcome::Passed, ""));
    assert_eq!(expiry("200101", Some("Không thời hạn"), "2026-03-02"), (Outcome::Passed, "no-expiry"));
    assert_eq!(expiry("26<<<<", None, "2026-03-02"), (Outcome::Undecided, "no-date"));
}

#[test]
fn dates_of_issue_lie_between_birth_and_expiry() {
    let issue = |digits: &str| {
        let mut files = card(&mrz("Phạm Mẫu"), &Person::default());
        put(&mut files, &Dg12::new(vec![Element::text(dg12::DATE_OF_ISSUE, digits)], &[]));
        of(&check(&Input { files: &files, today: day("2131-01-01") }), "cross.issue")
    };
    assert_eq!(issue("21210210"), (Outcome::Passed, ""));
    assert_eq!(issue("21210200"), (Outcome::Passed, "date-in-part"));
    assert_eq!(issue("21310102"), (Outcome::Undecided, "in-the-future"));
    assert_eq!(issue("21300106"), (Outcome::Undecided, "after-expiry"));
    assert_eq!(issue("21041231"), (Outcome::Undecided, "before-birth"));
    assert_eq!(issue("2121"), (Outcome::Undecided, "no-date"));
}

fn passport(name: &str, birth: &str, number: &str) -> Vec<Finding> {
    let mrz = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10";
    let mut files = BTreeMap::new();
    put(&mut files, &Dg1::new(Mrz::parse(mrz).expect("an MRZ")));
    let elements = [(dg11::FULL_NAME, name), (dg11::DATE_OF_BIRTH, birth), (dg11::PERSONAL_NUMBER, number)];
    put(&mut files, &Dg11::new(elements.into_iter().map(|(tag, text)| Element::text(tag, text)).collect(), &[]));
    checked(&files)
}

#[test]
fn dg11_is_compared_leniently_because_states_write_it_freely() {
    let good = passport("ERIKSSON<<ANNA<MARIA", "19740812", "ZE184226B");
    for id in ["cross.dg11.name", "cross.dg11.birth", "cross.dg11.number"] {
        assert_eq!(of(&good, id), (Outcome::Passed, ""), "{id}");
    }
    assert_eq!(of(&passport("Ericsson<<Anna", "19740800", "1"), "cross.dg11.name"), (Outcome::Passed, "in-part"));
    assert_eq!(of(&passport("Ericsson<<Anna", "19740800", "1"), "cross.dg11.birth"), (Outcome::Passed, ""));
    assert_eq!(of(&passport("Ericsson<<Anna", "19740800", "1"), "cross.dg11.number"), (Outcome::NotAttempted, "not-comparable"));
    assert_eq!(of(&passport("ЭРИКССОН", "19740812", "1"), "cross.dg11.name"), (Outcome::NotAttempted, "other-script"));
    assert_eq!(of(&passport("SMITH<<JOHN", "19750812", "1"), "cross.dg11.name"), (Outcome::Undecided, "differs"));
    assert_eq!(of(&passport("SMITH<<JOHN", "19750812", "1"), "cross.dg11.birth"), (Outcome::Undecided, "differs"));
    assert_eq!(of(&good, "document.expiry"), (Outcome::Undecided, "expired"));
}

#[test]
fn umlauts_are_spelled_in_both_ways() {
    let mrz = Mrz::parse("P<D<<MUELLER<<JOERG<<<<<<<<<<<<<<<<<<<<<<<<<C11T002JM4D<<9608122F2310314<<<<<<<<<<<<<<<4").expect("an MRZ");
    assert_eq!(person::names("Müller<<Jörg", &mrz), person::Names::Same);
}

#[test]
fn an_mrz_with_a_wrong_check_digit_and_a_portrait_that_is_none_are_undecided() {
    let mut files = card(&mrz("Phạm Mẫu"), &Person::default());
    let dg1 = files.get_mut(&Dg1::FILE).expect("DG1");
    let last = dg1.len() - 31;
    dg1[last] = if dg1[last] == b'0' { b'1' } else { b'0' };
    files.insert(Dg2::FILE, vec![0x75, 0]);
    let findings = checked(&files);
    assert_eq!(of(&findings, "cross.mrz"), (Outcome::Undecided, "deviates"));
    assert_eq!(of(&findings, "cross.dg2"), (Outcome::Undecided, "malformed"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever the files hold, a comparison ends and no id comes twice.
    #[test]
    fn no_file_makes_a_comparison_panic(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
        tail in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let mut files = card(&mrz("Phạm Thị Ước Mẫu"), &person());
        put(&mut files, &Dg11::new(vec![Element { tag: dg11::FULL_NAME, value: tail.clone() }, Element { tag: dg11::DATE_OF_BIRTH, value: tail }], &[]));
        for bytes in files.values_mut() {
            for (at, octet) in &changes {
                let at = at.index(bytes.len());
                bytes[at] = *octet;
            }
        }
        let input = Input { files: &files, today: day(TODAY) };
        let findings: Vec<_> = check(&input).into_iter().chain(face_qr(&input, &qr(QR))).collect();
        let mut ids: Vec<_> = findings.iter().map(|finding| finding.id().to_owned()).collect();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(ids.len(), findings.len());
    }
}

/// The page and the chip of one booklet.
#[test]
fn a_page_that_says_something_else_than_the_chip_is_undecided() {
    let files = card(&mrz("Phạm Thị Ước Mẫu"), &person());
    let compared = |name: &str, files| {
        let finding = printed(&Input { files, today: day(TODAY) }, &mrz(name));
        (finding.outcome, finding.reason.as_ref().map_or("", |reason| reason.code))
    };
    assert_eq!(compared("Phạm Thị Ước Mẫu", &files), (Outcome::Passed, ""));
    assert_eq!(compared("Phạm Thị Khác", &files), (Outcome::Undecided, "differs"));
    assert_eq!(compared("Phạm Thị Ước Mẫu", &BTreeMap::new()), (Outcome::NotAttempted, "no-dg1"));
}

/// Header and record say which finger it is; the header must.
#[test]
fn fingers_that_cannot_be_compared_are_undecided() {
    let picture = hex::decode("FFD8FFC0000B080002000301011100FFD9").expect("hex");
    let right = Dg3::new([FingerRecord::one(2, compression::JPEG, 3, 2, picture)]);
    let judged = |dg3: &Dg3| {
        let mut files = card(&mrz("Phạm Thị Ước Mẫu"), &person());
        put(&mut files, dg3);
        of(&checked(&files), "cross.dg3")
    };
    assert_eq!(judged(&right), (Outcome::Passed, ""));
    let mut other = right.clone();
    other.fingers[0].header.objects[1].1 = vec![0x0A];
    assert_eq!(judged(&other), (Outcome::Undecided, "subtype-differs"));
    other.fingers[0].header.objects.remove(1);
    assert_eq!(judged(&other), (Outcome::Undecided, "subtype-missing"));
    let empty = Dg3::new([FingerRecord::one(2, compression::JPEG, 3, 2, Vec::new())]);
    assert_eq!(judged(&empty), (Outcome::Undecided, "image-unreadable"));
}
