use std::sync::Arc;

use super::*;

fn row(cells: &[(&str, &str)]) -> Row {
    let cells = cells.iter().map(|(column, text)| (Arc::from(*column), (*text).to_owned())).collect();
    Row { number: 1, line: 1, cells, original: Vec::new(), fault: None }
}

fn mapping(fields: &str) -> Mapping {
    Mapping::parse("m.toml", &format!("version = 1\n[fields]\n{fields}")).expect("a mapping")
}

/// A table as a population database might hand it over.
const FOREIGN: &str = r#"
number = "so_dinh_danh"
surname = { column = "ho_ten", part = "first-word" }
given_names = { column = "ho_ten", part = "other-words" }
birth = { column = "ngay_sinh", date = "dd/MM/yyyy" }
sex = { column = "gioi_tinh", values = { Nam = "male", "Nữ" = "female" } }
ethnicity = { column = "dan_toc", table = "ethnic-groups" }
residence = { columns = ["dia_chi", "xa", { column = "ma_tinh", table = "provinces" }], join = ", " }
nationality = { constant = "VNM" }
religion = { column = "ton_giao", default = "Không" }
expiry = { column = "het_han", date = "yyyyMMdd", values = { "Không thời hạn" = "none" } }
photo = { column = "anh", as = "base64" }
finger_right_index = { column = "van_tay", as = "hex" }
"#;

#[test]
fn a_foreign_table_becomes_our_fields() {
    let mapping = mapping(FOREIGN);
    let row = row(&[
        ("so_dinh_danh", " 099505000123 "),
        ("ho_ten", "Phạm  Thị Ước Mẫu"),
        ("ngay_sinh", "05/01/2105"),
        ("gioi_tinh", "Nữ"),
        ("dan_toc", "01"),
        ("dia_chi", "Số 1 Đường Mẫu"),
        ("xa", ""),
        ("ma_tinh", "15"),
        ("ton_giao", " "),
        ("het_han", "Không thời hạn"),
        ("anh", "/9j\n/2Q=="),
        ("van_tay", r"\xffa0"),
        ("other", "not looked at"),
    ]);
    for (field, text) in [
        (Field::Number, Some("099505000123")),
        (Field::Surname, Some("Phạm")),
        (Field::GivenNames, Some("Thị Ước Mẫu")),
        (Field::Birth, Some("2105-01-05")),
        (Field::Sex, Some("female")),
        (Field::Ethnicity, Some("Kinh")),
        (Field::Residence, Some("Số 1 Đường Mẫu, Tỉnh Lào Cai")),
        (Field::Nationality, Some("VNM")),
        (Field::Religion, Some("Không")),
        (Field::Expiry, Some("none")),
        (Field::Mother, None),
    ] {
        assert_eq!(mapping.text(&row, field).expect("right").as_deref(), text, "{field:?}");
    }
    let bytes = |field| match mapping.image(&row, field) {
        Ok(Some(ImageCell::Bytes(bytes))) => bytes,
        _ => panic!("{field:?} has no bytes"),
    };
    assert_eq!(bytes(Field::Photo), [0xFF, 0xD8, 0xFF, 0xD9]);
    assert_eq!(bytes(Field::Finger(crate::perso::record::FingerPosition::RightIndex)), [0xFF, 0xA0]);
    mapping.fits(&["so_dinh_danh".to_owned()]).expect_err("columns are missing");
}

#[test]
fn what_stands_in_no_table_and_in_no_form_is_a_reason() {
    let mapping = mapping(FOREIGN);
    let row = row(&[("dan_toc", "55"), ("ma_tinh", "02"), ("ngay_sinh", "2105-01-05"), ("anh", "no base64!"), ("van_tay", "0")]);
    let told = |field| mapping.text(&row, field).map(drop).expect_err("wrong").to_string();
    assert_eq!(told(Field::Ethnicity), r#"ethnicity: expected the code of an ethnic group, 01 to 54, found "55""#);
    assert_eq!(told(Field::Residence), r#"residence: expected the code of a province since 1 July 2025, two digits, found "02""#);
    assert_eq!(told(Field::Birth), r#"birth: expected a date dd/MM/yyyy, found "2105-01-05""#);
    let image = |field| mapping.image(&row, field).map(drop).expect_err("wrong").to_string();
    assert_eq!(image(Field::Photo), "photo: expected base64, found 10 other characters");
    let finger = Field::Finger(crate::perso::record::FingerPosition::RightIndex);
    assert_eq!(image(finger), "finger_right_index: expected hexadecimal digits, found 1 other characters");
}

#[test]
fn a_mapping_that_cannot_be_is_refused_with_its_place() {
    let error = |text: &str| Mapping::parse("m.toml", text).expect_err(text).to_string();
    let fields = |text: &str| error(&format!("version = 1\n[fields]\n{text}\n"));
    assert_eq!(error("version = 2\n[fields]\n"), "profile m.toml: version: expected 1, found 2");
    assert_eq!(
        error("version = 1\ndelimiter = \"|\"\n[fields]\n"),
        "profile m.toml: delimiter: expected a comma, a semicolon, or a tab, found |"
    );
    assert_eq!(
        error("version = 1\n[fields]\n[rules]\nexpiry = \"warning\"\n"),
        "profile m.toml: rules: expected a rule whose level is free, found expiry: one that is always a quarantine"
    );
    assert!(error("version = 1\n[fields]\n[rules]\nstale = \"ignore\"\n").contains("unknown variant `ignore`"));
    assert!(fields("nmae = \"x\"").contains("expected one of the fields number, document_number, "), "{}", fields("nmae = \"x\""));
    assert!(fields("sex = { colunm = \"x\" }").contains("unknown field `colunm`"));
    assert!(fields("sex = 1").contains("expected the name of a column, or a table"));
    assert!(fields("sex = { column = \"x\", constant = \"male\" }").contains("expected one of column, columns, and constant"));
    assert!(fields("sex = {}").contains("expected one of column, columns, and constant"));
    assert!(fields("birth = { column = \"x\", date = \"dd/MM\" }").contains("date: expected yyyy, MM, and dd, each once"));
    assert_eq!(
        fields("sex = { column = \"x\", as = \"hex\" }"),
        "profile m.toml: sex: expected as with a portrait, finger, or iris only, found another field"
    );
    assert_eq!(
        fields("photo = { constant = \"x.jpg\" }"),
        "profile m.toml: photo: expected a column, found a constant: an image is of one person"
    );
}
