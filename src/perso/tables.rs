//! Vietnamese tables: provinces of the personal number, the provinces since July 2025, and the 54 ethnic groups.
//!
//! A two- or three-digit code alone names no province: seven GSO codes changed their meaning on 1 July 2025
//! (15 was Yên Bái and is Lào Cai). So each table is its own type and neither is looked up with the other's code.

/// A province as the first three digits of a personal number name it (Circular 07/2016/TT-BCA, annex 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BirthProvince {
    /// First three digits of the number, 1 to 96.
    pub code: u16,
    /// Its name until 30 June 2025.
    pub name: &'static str,
    /// GSO code of the province that it went into on 1 July 2025, two digits.
    pub merged_into: &'static str,
}

/// A province since 1 July 2025.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Province {
    /// GSO code, two digits.
    pub code: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Whether it is a city under the central government (thành phố), else a province (tỉnh).
    pub city: bool,
}

impl Province {
    /// The name with its kind: `Thành phố Huế`, `Tỉnh Gia Lai`.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{} {}", if self.city { "Thành phố" } else { "Tỉnh" }, self.name)
    }
}

/// The list of the states behind [`ABROAD`] is not public in a form that can be trusted. No live record has [`TEST_PROVINCE`].
pub use eid::mrz::vietnam::{ABROAD, TEST_PROVINCE};

/// The 63 provinces of the number, in order of their codes.
#[must_use]
pub const fn birth_provinces() -> &'static [BirthProvince] {
    &BIRTH_PROVINCES
}

/// The province of the first three digits of a number; `None` if none has this code.
#[must_use]
pub fn birth_province(code: u16) -> Option<&'static BirthProvince> {
    BIRTH_PROVINCES.iter().find(|province| province.code == code)
}

/// The 34 provinces since 1 July 2025, in order of their codes.
#[must_use]
pub const fn provinces() -> &'static [Province] {
    &PROVINCES
}

/// The 54 ethnic groups in the order of the statistics office (01 Kinh to 54 Rơ-măm).
#[must_use]
pub const fn ethnic_groups() -> &'static [&'static str] {
    &ETHNIC_GROUPS
}

const fn b(code: u16, name: &'static str, merged_into: &'static str) -> BirthProvince {
    BirthProvince { code, name, merged_into }
}

const fn p(code: &'static str, name: &'static str, city: bool) -> Province {
    Province { code, name, city }
}

#[rustfmt::skip]
const BIRTH_PROVINCES: [BirthProvince; 63] = [
    b(1, "Hà Nội", "01"),
    b(2, "Hà Giang", "08"),
    b(4, "Cao Bằng", "04"),
    b(6, "Bắc Kạn", "19"),
    b(8, "Tuyên Quang", "08"),
    b(10, "Lào Cai", "15"),
    b(11, "Điện Biên", "11"),
    b(12, "Lai Châu", "12"),
    b(14, "Sơn La", "14"),
    b(15, "Yên Bái", "15"),
    b(17, "Hòa Bình", "25"),
    b(19, "Thái Nguyên", "19"),
    b(20, "Lạng Sơn", "20"),
    b(22, "Quảng Ninh", "22"),
    b(24, "Bắc Giang", "24"),
    b(25, "Phú Thọ", "25"),
    b(26, "Vĩnh Phúc", "25"),
    b(27, "Bắc Ninh", "24"),
    b(30, "Hải Dương", "31"),
    b(31, "Hải Phòng", "31"),
    b(33, "Hưng Yên", "33"),
    b(34, "Thái Bình", "33"),
    b(35, "Hà Nam", "37"),
    b(36, "Nam Định", "37"),
    b(37, "Ninh Bình", "37"),
    b(38, "Thanh Hóa", "38"),
    b(40, "Nghệ An", "40"),
    b(42, "Hà Tĩnh", "42"),
    b(44, "Quảng Bình", "44"),
    b(45, "Quảng Trị", "44"),
    b(46, "Huế", "46"),
    b(48, "Đà Nẵng", "48"),
    b(49, "Quảng Nam", "48"),
    b(51, "Quảng Ngãi", "51"),
    b(52, "Bình Định", "52"),
    b(54, "Phú Yên", "66"),
    b(56, "Khánh Hòa", "56"),
    b(58, "Ninh Thuận", "56"),
    b(60, "Bình Thuận", "68"),
    b(62, "Kon Tum", "51"),
    b(64, "Gia Lai", "52"),
    b(66, "Đắk Lắk", "66"),
    b(67, "Đắk Nông", "68"),
    b(68, "Lâm Đồng", "68"),
    b(70, "Bình Phước", "75"),
    b(72, "Tây Ninh", "80"),
    b(74, "Bình Dương", "79"),
    b(75, "Đồng Nai", "75"),
    b(77, "Bà Rịa - Vũng Tàu", "79"),
    b(79, "Hồ Chí Minh", "79"),
    b(80, "Long An", "80"),
    b(82, "Tiền Giang", "82"),
    b(83, "Bến Tre", "86"),
    b(84, "Trà Vinh", "86"),
    b(86, "Vĩnh Long", "86"),
    b(87, "Đồng Tháp", "82"),
    b(89, "An Giang", "91"),
    b(91, "Kiên Giang", "91"),
    b(92, "Cần Thơ", "92"),
    b(93, "Hậu Giang", "92"),
    b(94, "Sóc Trăng", "92"),
    b(95, "Bạc Liêu", "96"),
    b(96, "Cà Mau", "96"),
];

#[rustfmt::skip]
const PROVINCES: [Province; 34] = [
    p("01", "Hà Nội", true),
    p("04", "Cao Bằng", false),
    p("08", "Tuyên Quang", false),
    p("11", "Điện Biên", false),
    p("12", "Lai Châu", false),
    p("14", "Sơn La", false),
    p("15", "Lào Cai", false),
    p("19", "Thái Nguyên", false),
    p("20", "Lạng Sơn", false),
    p("22", "Quảng Ninh", false),
    p("24", "Bắc Ninh", false),
    p("25", "Phú Thọ", false),
    p("31", "Hải Phòng", true),
    p("33", "Hưng Yên", false),
    p("37", "Ninh Bình", false),
    p("38", "Thanh Hóa", false),
    p("40", "Nghệ An", false),
    p("42", "Hà Tĩnh", false),
    p("44", "Quảng Trị", false),
    p("46", "Huế", true),
    p("48", "Đà Nẵng", true),
    p("51", "Quảng Ngãi", false),
    p("52", "Gia Lai", false),
    p("56", "Khánh Hòa", false),
    p("66", "Đắk Lắk", false),
    p("68", "Lâm Đồng", false),
    p("75", "Đồng Nai", false),
    p("79", "Hồ Chí Minh", true),
    p("80", "Tây Ninh", false),
    p("82", "Đồng Tháp", false),
    p("86", "Vĩnh Long", false),
    p("91", "An Giang", false),
    p("92", "Cần Thơ", true),
    p("96", "Cà Mau", false),
];

#[rustfmt::skip]
const ETHNIC_GROUPS: [&str; 54] = [
    "Kinh", "Tày", "Thái", "Hoa", "Khơ-me", "Mường", "Nùng", "Mông", "Dao",
    "Gia-rai", "Ngái", "Ê-đê", "Ba Na", "Xơ-đăng", "Sán Chay", "Cơ-ho", "Chăm", "Sán Dìu",
    "Hrê", "Mnông", "Ra-glai", "Xtiêng", "Bru-Vân Kiều", "Thổ", "Giáy", "Cơ-tu", "Gié-Triêng",
    "Mạ", "Khơ-mú", "Co", "Tà-ôi", "Chơ-ro", "Kháng", "Xinh-mun", "Hà Nhì", "Chu-ru",
    "Lào", "La Chí", "La Ha", "Phù Lá", "La Hủ", "Lự", "Lô Lô", "Chứt", "Mảng",
    "Pà Thẻn", "Cơ Lao", "Cống", "Bố Y", "Si La", "Pu Péo", "Brâu", "Ơ Đu", "Rơ-măm",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_birth_province_went_into_a_province_of_today() {
        let mut reached = std::collections::BTreeSet::new();
        for province in birth_provinces() {
            assert!(provinces().iter().any(|today| today.code == province.merged_into), "{province:?}");
            reached.insert(province.merged_into);
        }
        assert_eq!(reached.len(), 34, "every province of today has a predecessor");
        assert!(BIRTH_PROVINCES.is_sorted_by(|a, b| a.code < b.code));
        assert_eq!(birth_province(TEST_PROVINCE), None, "the test code must stay unassigned");
        for code in 0..=300 {
            let number = format!("{code:03}000000000");
            let known = eid::mrz::vietnam::NumberHead::of(&number).is_some_and(|head| head.province_is_known());
            assert_eq!(known, birth_province(code).is_some() || ABROAD.contains(&code), "{code}");
        }
    }

    /// The seven codes of notes on the 2025 merger: the two-digit code of one table is another province in the other.
    #[test]
    fn seven_codes_name_another_province_than_before() {
        let changed: Vec<_> = provinces()
            .iter()
            .filter(|today| birth_province(today.code.parse().expect("digits")).is_some_and(|before| before.name != today.name))
            .map(|today| today.code)
            .collect();
        assert_eq!(changed, ["15", "24", "44", "52", "80", "82", "91"]);
    }

    #[test]
    fn tables_equal_the_collected_ones() {
        let Some(corpus) = crate::testing::corpus("vn") else { return };
        let read = |name: &str| std::fs::read_to_string(corpus.join(name)).expect(name);
        let rows: Vec<String> = read("birth_province_codes_63.csv").lines().skip(1).map(str::to_owned).collect();
        assert_eq!(rows.len(), birth_provinces().len());
        for (row, ours) in rows.iter().zip(birth_provinces()) {
            assert!(row.starts_with(&format!("{:03},{},", ours.code, ours.name)) && row.ends_with(ours.merged_into), "{row}");
        }
        let groups = read("ethnic_groups_54.csv");
        for (row, ours) in groups.lines().skip(1).zip(ethnic_groups()) {
            assert_eq!(row.rsplit(',').next(), Some(*ours));
        }
        for (row, ours) in read("provinces_34_2025.csv").lines().skip(1).zip(provinces()) {
            assert!(row.starts_with(&format!("{},{},{}", ours.code, ours.name, if ours.city { "thành" } else { "tỉnh" })), "{row}");
        }
    }
}
