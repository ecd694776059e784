//! Where somebody comes from and lives, and what else is written on the back: texts over the real tables of provinces and peoples.

use super::dice::Dice;
use crate::perso::tables;

#[rustfmt::skip]
const COMMUNES: [&str; 32] = [
    "An Bình", "An Hòa", "Bình Lợi", "Cẩm Phả", "Đại Đồng", "Đông Sơn", "Đức Thắng", "Gia Lộc", "Hòa Bình", "Hương Sơn", "Kim Liên",
    "Lạc Long", "Long Mỹ", "Mỹ Thạnh", "Nghĩa Hưng", "Ninh Giang", "Phú Lộc", "Phước Hậu", "Quảng Ngạn", "Sơn Tịnh", "Tân Thuận", "Tây Hồ",
    "Thạnh Phú", "Thịnh Vượng", "Thủy Xuân", "Tiền Phong", "Trường Thọ", "Vạn Ninh", "Vĩnh Lợi", "Xuân Lũng", "Yên Mỹ", "Ỷ La",
];

#[rustfmt::skip]
const STREETS: [&str; 16] = [
    "Bạch Đằng", "Cách Mạng Tháng Tám", "Điện Biên Phủ", "Hai Bà Trưng", "Hùng Vương", "Lê Lợi", "Lý Thường Kiệt", "Ngô Quyền",
    "Nguyễn Huệ", "Nguyễn Trãi", "Phan Chu Trinh", "Quang Trung", "Tôn Đức Thắng", "Trần Hưng Đạo", "Trần Phú", "Võ Thị Sáu",
];

#[rustfmt::skip]
const MARKS: [&str; 8] = ["Nốt ruồi", "Sẹo chấm", "Sẹo thẳng", "Nốt ruồi đỏ", "Vết chàm", "Sẹo lõm", "Nốt ruồi nổi", "Sẹo mổ"];

#[rustfmt::skip]
const BODY: [&str; 10] = [
    "dưới mép trái", "trên đuôi lông mày phải", "trước cánh mũi trái", "sau cánh mũi phải", "dưới đuôi mắt trái", "giữa trán",
    "trên gò má phải", "dưới cằm", "trên mép phải", "đầu lông mày trái",
];

/// Place of origin: commune and province.
pub(super) fn origin(dice: &mut Dice) -> String {
    let kind = dice.pick(&["Xã", "Phường"]);
    format!("{kind} {}, {}", dice.pick(&COMMUNES), dice.pick(tables::provinces()).name)
}

/// Place of residence: house or hamlet, commune, province.
pub(super) fn residence(dice: &mut Dice) -> String {
    let province = dice.pick(tables::provinces()).full_name();
    let commune = dice.pick(&COMMUNES);
    if dice.chance(55) {
        format!("Số {} Đường {}, Phường {commune}, {province}", 1 + dice.below(299), dice.pick(&STREETS))
    } else {
        format!("Thôn {}, Xã {commune}, {province}", 1 + dice.below(12))
    }
}

/// Ethnic group: about as many Kinh as there are, else one of the 53 others.
pub(super) fn ethnicity(dice: &mut Dice) -> &'static str {
    match tables::ethnic_groups() {
        [kinh, ..] if dice.chance(85) => kinh,
        groups => dice.pick(groups.get(1..).unwrap_or(groups)),
    }
}

/// Religion.
pub(super) fn religion(dice: &mut Dice) -> &'static str {
    if dice.chance(80) {
        "Không"
    } else {
        dice.pick(&["Phật giáo", "Công giáo", "Tin Lành", "Cao Đài", "Phật giáo Hòa Hảo", "Hồi giáo"])
    }
}

/// Identifying features.
pub(super) fn features(dice: &mut Dice) -> String {
    let distance = ["0,5cm", "1cm", "1,5cm", "2cm", "2,5cm"];
    format!("{} c.{} {}", dice.pick(&MARKS), dice.pick(&distance), dice.pick(&BODY))
}
