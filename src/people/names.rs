//! Vietnamese names: surname, middle name, given name, in that order.

use super::dice::Dice;
use crate::perso::record::Sex;

/// The parts of a name.
pub(super) struct Person {
    pub(super) surname: &'static str,
    middle: &'static str,
    given: &'static str,
}

impl Person {
    /// A name; a child has the surname of its father.
    pub(super) fn new(dice: &mut Dice, sex: Sex, surname: Option<&'static str>) -> Self {
        let surname = surname.unwrap_or_else(|| if dice.chance(70) { dice.pick(&COMMON) } else { dice.pick(&SURNAMES) });
        let (middle, given) = match sex {
            Sex::Male => (dice.pick(&MIDDLE_MALE), dice.pick(&GIVEN_MALE)),
            Sex::Female => (dice.pick(&MIDDLE_FEMALE), dice.pick(&GIVEN_FEMALE)),
        };
        Self { surname, middle, given }
    }

    /// Middle and given name.
    pub(super) fn given(&self) -> String {
        format!("{} {}", self.middle, self.given).trim_start().to_owned()
    }

    /// All of it.
    pub(super) fn full(&self) -> String {
        format!("{} {}", self.surname, self.given())
    }
}

/// Most people have one of these; repeated entries are the more frequent ones.
#[rustfmt::skip]
const COMMON: [&str; 20] = [
    "Nguyễn", "Nguyễn", "Nguyễn", "Nguyễn", "Nguyễn", "Nguyễn", "Nguyễn", "Trần", "Trần", "Lê",
    "Lê", "Phạm", "Hoàng", "Huỳnh", "Phan", "Vũ", "Võ", "Đặng", "Bùi", "Đỗ",
];

#[rustfmt::skip]
const SURNAMES: [&str; 50] = [
    "Hồ", "Ngô", "Dương", "Lý", "An", "Bạch", "Cao", "Châu", "Chu", "Cù", "Diệp", "Doãn", "Đàm", "Đào", "Đinh", "Đoàn", "Giáp",
    "Hà", "Hứa", "Kiều", "La", "Lại", "Lâm", "Lương", "Lưu", "Mạc", "Mai", "Nghiêm", "Ngụy", "Nông", "Ông", "Phùng", "Quách",
    "Tạ", "Tăng", "Thạch", "Thái", "Thân", "Tô", "Tống", "Triệu", "Trịnh", "Trương", "Từ", "Ứng", "Văn", "Vi", "Viên", "Vương", "Xầm",
];

#[rustfmt::skip]
const MIDDLE_MALE: [&str; 32] = [
    "Văn", "Văn", "Văn", "Hữu", "Đức", "Quang", "Minh", "Xuân", "Công", "Thanh", "Đình", "Ngọc", "Quốc", "Trọng", "Tuấn", "Anh",
    "Bá", "Chí", "Duy", "Gia", "Hải", "Hoàng", "Khắc", "Mạnh", "Nhật", "Phúc", "Thế", "Tiến", "Viết", "Vĩnh", "Phước", "",
];

#[rustfmt::skip]
const MIDDLE_FEMALE: [&str; 28] = [
    "Thị", "Thị", "Thị", "Thị", "Ngọc", "Thanh", "Thu", "Kim", "Mỹ", "Bích", "Hồng", "Phương", "Thùy", "Diệu", "Khánh", "Lan",
    "Minh", "Mộng", "Như", "Quỳnh", "Thảo", "Thúy", "Trúc", "Tuyết", "Uyên", "Yến", "Ánh", "",
];

#[rustfmt::skip]
const GIVEN_MALE: [&str; 60] = [
    "An", "Ân", "Bách", "Bảo", "Bằng", "Bình", "Chiến", "Chính", "Cường", "Danh", "Dũng", "Duy", "Dương", "Đại", "Đạt", "Điền",
    "Đông", "Đức", "Giang", "Hải", "Hiếu", "Hiển", "Hòa", "Hoàng", "Hùng", "Huy", "Hưng", "Kiên", "Khoa", "Khôi", "Lâm", "Lộc",
    "Lợi", "Long", "Luân", "Lực", "Mạnh", "Nam", "Nghĩa", "Nhân", "Phát", "Phong", "Phú", "Phúc", "Quân", "Quý", "Sỹ", "Sơn",
    "Tài", "Tấn", "Thắng", "Thịnh", "Thọ", "Tiệp", "Toàn", "Trí", "Trưởng", "Tuấn", "Việt", "Vỹ",
];

#[rustfmt::skip]
const GIVEN_FEMALE: [&str; 62] = [
    "An", "Ái", "Ánh", "Bình", "Bưởi", "Cẩm", "Châu", "Chi", "Cúc", "Diễm", "Dung", "Duyên", "Đào", "Điệp", "Giang", "Hà",
    "Hạnh", "Hằng", "Hiền", "Hoa", "Hồng", "Huệ", "Hương", "Hường", "Khanh", "Lan", "Lệ", "Liễu", "Linh", "Loan", "Lụa", "Ly",
    "Mai", "Mận", "My", "Mỹ", "Nga", "Ngân", "Ngọc", "Nguyệt", "Nhàn", "Nhung", "Nữ", "Oanh", "Phượng", "Quyên", "Quỳnh", "Sương",
    "Tâm", "Thảo", "Thủy", "Thư", "Tiên", "Trang", "Tuyết", "Uyên", "Vân", "Vy", "Xuân", "Yến", "Ý", "Ước",
];
