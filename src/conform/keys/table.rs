//! The tables of test certificates (`suites/bsi32-certificates.csv`, all of inspection systems, and `suites/bsi33-certificates.csv`).
//!
//! ```text
//! name,role,authority,holder,rights,effective,expires,key,signed_by,defect
//! DV_CERT_1,domestic,CVCA,DETESTDVDE001,34,CVCAeff,CVCAeff + 1 month,DV_KEY_01,CVCA_KEY_00,
//!
//! name,terminal,role,authority,holder,rights,effective,expires,key,signed_by,defect,extensions
//! AT_CERT_17c,AT,terminal,DETESTDVDE017,DETESTATDE017,can-allowed restricted-identification,…,AT_KEY_17,DV_KEY_17,,sector SECTOR_KEY_17
//!
//! terminal   IS AT
//! role       link domestic foreign terminal
//! day        ( CVCAeff | CVCAexp ) *( ( "+" | "-" ) n ( "day" | "month" ) )  absent  not-decimal  no-day
//! rights     34, 3, 4: the data groups that it lets read; in the second table names (read-dg1), several in a row (read-dg1..22), all, bit-31
//! extensions sector KEY [KEY]   the hashes of one or two sector keys      73 HEX   the content of a template, as it stands      separated by ;
//! ```

use eid::cert::chat::{Chat, Role, TerminalType};
use eid::crypto::signature::Algorithm;
use eid::date::Date;

use crate::conform::csv::{self, CsvError};

const TABLE: &str = include_str!("../suites/bsi32-certificates.csv");
const COLUMNS: [&str; 10] = ["name", "role", "authority", "holder", "rights", "effective", "expires", "key", "signed_by", "defect"];
const TABLE_2: &str = include_str!("../suites/bsi33-certificates.csv");
const COLUMNS_2: [&str; 12] =
    ["name", "terminal", "role", "authority", "holder", "rights", "effective", "expires", "key", "signed_by", "defect", "extensions"];

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) terminal: TerminalType,
    pub(super) role: Role,
    pub(super) authority: String,
    pub(super) holder: String,
    /// Bit numbers, of bits without a meaning too.
    pub(super) rights: Vec<u8>,
    pub(super) effective: Day,
    pub(super) expires: Day,
    /// The key that it is for.
    pub(super) key: String,
    pub(super) signed_by: String,
    pub(super) defect: Option<Defect>,
    pub(super) extensions: Vec<Extension>,
}

/// A template 73 of a certificate's extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Extension {
    /// The hashes of the sector keys of these names.
    Sector(Vec<String>),
    /// Its content.
    Content(Vec<u8>),
}

/// A day relative to the CVCA's validity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Day {
    /// The object is left out.
    Absent,
    /// A digit above nine.
    NotDecimal,
    /// The 30th of February.
    Impossible,
    /// So much after the first, or the last, day of the CVCA.
    On {
        /// From its last day.
        end: bool,
        months: i32,
        days: i64,
    },
}

/// What is wrong with a certificate, or with the key that it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Defect {
    NoChat,
    ChatOid,
    BodyTag,
    BodyLength,
    SignatureTag,
    SignatureLength,
    SignatureLast,
    SignatureShort,
    SignatureAboveModulus,
    ZeroR,
    ZeroS,
    NoKeyOid,
    KeyOid,
    NoPoint,
    NoModulus,
    NoExponent,
    KeyObject,
    ShortKey,
    NewAlgorithm,
}

const DEFECTS: [(Defect, &str); 19] = [
    (Defect::NoChat, "no-chat"),
    (Defect::ChatOid, "chat-oid"),
    (Defect::BodyTag, "body-tag"),
    (Defect::BodyLength, "body-length"),
    (Defect::SignatureTag, "signature-tag"),
    (Defect::SignatureLength, "signature-length"),
    (Defect::SignatureLast, "signature-last"),
    (Defect::SignatureShort, "signature-short"),
    (Defect::SignatureAboveModulus, "signature-above-modulus"),
    (Defect::ZeroR, "r-zero"),
    (Defect::ZeroS, "s-zero"),
    (Defect::NoKeyOid, "no-key-oid"),
    (Defect::KeyOid, "key-oid"),
    (Defect::NoPoint, "no-point"),
    (Defect::NoModulus, "no-modulus"),
    (Defect::NoExponent, "no-exponent"),
    (Defect::KeyObject, "key-object"),
    (Defect::ShortKey, "short-key"),
    (Defect::NewAlgorithm, "new-algorithm"),
];

impl Row {
    /// Whether there is such a certificate where the CVCA signs with `algorithm`.
    pub(super) const fn is_for(&self, algorithm: Algorithm) -> bool {
        let ec = matches!(algorithm, Algorithm::Ecdsa(_));
        match self.defect {
            Some(Defect::ZeroR | Defect::ZeroS | Defect::NoPoint) => ec,
            Some(Defect::NoModulus | Defect::NoExponent | Defect::SignatureAboveModulus) => !ec,
            _ => true,
        }
    }
}

impl Day {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "absent" => return Some(Self::Absent),
            "not-decimal" => return Some(Self::NotDecimal),
            "no-day" => return Some(Self::Impossible),
            _ => {}
        }
        let mut words = text.split_whitespace();
        let end = match words.next()? {
            "CVCAeff" => false,
            "CVCAexp" => true,
            _ => return None,
        };
        let (mut months, mut days) = (0, 0);
        while let Some(sign) = words.next() {
            let sign = match sign {
                "+" => 1,
                "-" => -1,
                _ => return None,
            };
            let count: i32 = words.next()?.parse().ok().filter(|count| (1..=60).contains(count))?;
            match words.next()? {
                "day" | "days" => days += i64::from(sign * count),
                "month" | "months" => months += sign * count,
                _ => return None,
            }
        }
        Some(Self::On { end, months, days })
    }

    /// The six digits, one in a byte; `None` where the object is left out. `Err` for days that six digits cannot say.
    pub(super) fn octets(self, (first, last): (Date, Date)) -> Result<Option<[u8; 6]>, ()> {
        let digits = |date: Date| {
            if !(2000..2100).contains(&date.year()) {
                return Err(());
            }
            let mut octets = [0; 6];
            octets.iter_mut().zip(date.yymmdd().bytes()).for_each(|(octet, digit)| *octet = digit.saturating_sub(b'0'));
            Ok(octets)
        };
        Ok(Some(match self {
            Self::Absent => return Ok(None),
            Self::NotDecimal => {
                let mut octets = digits(first)?;
                octets[5] = 0x0A;
                octets
            }
            Self::Impossible => {
                let mut octets = digits(last)?;
                octets[2..].copy_from_slice(&[0, 2, 3, 0]);
                octets
            }
            Self::On { end, months, days } => digits(plus_months(if end { last } else { first }, months).plus_days(days))?,
        }))
    }
}

/// The same day `months` later, or the last one of that month.
fn plus_months(date: Date, months: i32) -> Date {
    let count = i32::from(date.year()) * 12 + i32::from(date.month()) - 1 + months;
    let year = u16::try_from(count.div_euclid(12)).unwrap_or(9999);
    let month = u8::try_from(count.rem_euclid(12) + 1).unwrap_or(12);
    (0..4).filter_map(|less| Date::new(year, month, date.day().saturating_sub(less)).ok()).next().unwrap_or(date)
}

/// Reads the tables.
pub(super) fn rows() -> Result<Vec<Row>, CsvError> {
    let first = read_table(TABLE, &COLUMNS, |row| {
        let [name, role, authority, holder, rights, effective, expires, key, signed_by, defect] = row else { return None };
        Some(([name, "IS", role, authority, holder, "", effective, expires, key, signed_by, defect, ""], rights))
    })?;
    let second = read_table(TABLE_2, &COLUMNS_2, |row| {
        let cells: &[&str; 12] = row.try_into().ok()?;
        Some((*cells, ""))
    })?;
    Ok(first.into_iter().chain(second).collect())
}

/// Cells of the second table, and the digits of the first.
type Cells<'a> = ([&'a str; 12], &'a str);

fn read_table(table: &str, columns: &[&str], cells: impl for<'a> Fn(&[&'a str]) -> Option<Cells<'a>>) -> Result<Vec<Row>, CsvError> {
    let rows = csv::rows(table)?;
    let wrong = |line: usize, what: String| CsvError { line, what };
    let Some(((line, header), rows)) = rows.split_first() else { return Err(wrong(1, "expected a header, found no row".to_owned())) };
    if header.iter().map(String::as_str).ne(columns.iter().copied()) {
        return Err(wrong(*line, format!("expected the columns {}, found {}", columns.join(","), header.join(","))));
    }
    let read_row = |(line, row): &(usize, Vec<String>)| {
        let row: Vec<&str> = row.iter().map(String::as_str).collect();
        let found = cells(&row).ok_or_else(|| format!("expected {} cells, found {}", columns.len(), row.len()));
        found.and_then(|cells| read(&cells)).map_err(|what| wrong(*line, what))
    };
    rows.iter().map(read_row).collect()
}

fn found(what: &str, found: &str) -> String {
    format!("expected {what}, found {found:?}")
}

fn read((cells, digits): &Cells<'_>) -> Result<Row, String> {
    let [name, terminal, role, authority, holder, rights, effective, expires, key, signed_by, defect, extensions] = *cells;
    let terminal = TerminalType::of_abbreviation(terminal).ok_or_else(|| found("IS or AT", terminal))?;
    let role = match role {
        "link" => Role::Cvca,
        "domestic" => Role::DvDomestic,
        "foreign" => Role::DvForeign,
        "terminal" => Role::Terminal,
        other => return Err(found("a role", other)),
    };
    let digit = |digit| match digit {
        '3' => Ok(Chat::READ_DG3),
        '4' => Ok(Chat::READ_DG4),
        _ => Err(found("3, 4, or both", digits)),
    };
    let defect = match defect {
        "" => None,
        word => Some(DEFECTS.iter().find(|(_, known)| *known == word).map(|(defect, _)| *defect).ok_or_else(|| found("a defect", word))?),
    };
    let mut bits = digits.chars().map(digit).collect::<Result<Vec<_>, _>>()?;
    for word in rights.split_whitespace() {
        bits.extend(right(terminal, word).ok_or_else(|| found("rights", word))?);
    }
    Ok(Row {
        name: name.to_owned(),
        terminal,
        role,
        authority: authority.to_owned(),
        holder: holder.to_owned(),
        rights: bits,
        effective: Day::parse(effective).ok_or_else(|| found("a day", effective))?,
        expires: Day::parse(expires).ok_or_else(|| found("a day", expires))?,
        key: key.to_owned(),
        signed_by: signed_by.to_owned(),
        defect,
        extensions: extensions.split(';').map(str::trim).filter(|text| !text.is_empty()).map(extension).collect::<Result<_, _>>()?,
    })
}

/// The bits of a word.
fn right(terminal: TerminalType, word: &str) -> Option<Vec<u8>> {
    if word == "all" {
        return Some(terminal.rights().map(|(bit, _)| bit).collect());
    }
    let Some((first, last)) = word.split_once("..") else { return one_right(terminal, word).map(|bit| vec![bit]) };
    let (stem, first) = first.split_at(first.find(|c: char| c.is_ascii_digit())?);
    let (first, last): (u8, u8) = (first.parse().ok()?, last.parse().ok()?);
    (first..=last).map(|number| one_right(terminal, &format!("{stem}{number}"))).collect()
}

fn one_right(terminal: TerminalType, word: &str) -> Option<u8> {
    match word.strip_prefix("bit-") {
        Some(number) => number.parse().ok().filter(|bit| *bit < 38),
        None => terminal.right(word),
    }
}

fn extension(text: &str) -> Result<Extension, String> {
    let words: Vec<_> = text.split_whitespace().collect();
    match words.as_slice() {
        ["sector", keys @ ..] if matches!(keys.len(), 1 | 2) => Ok(Extension::Sector(keys.iter().map(|key| (*key).to_owned()).collect())),
        ["73", content] => hex::decode(content).map(Extension::Content).map_err(|_| found("hexadecimal digits", content)),
        _ => Err(found("an extension", text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_the_validity_of_the_cvca() {
        let validity = ("2026-11-30".parse().expect("a day"), "2027-12-31".parse().expect("a day"));
        for (text, octets) in [
            ("CVCAeff", Some([2, 6, 1, 1, 3, 0])),
            ("CVCAeff + 3 months", Some([2, 7, 0, 2, 2, 8])),
            ("CVCAeff + 1 month + 20 days", Some([2, 7, 0, 1, 1, 9])),
            ("CVCAexp - 1 day", Some([2, 7, 1, 2, 3, 0])),
            ("CVCAexp + 2 months", Some([2, 8, 0, 2, 2, 9])),
            ("not-decimal", Some([2, 6, 1, 1, 3, 10])),
            ("no-day", Some([2, 7, 0, 2, 3, 0])),
            ("absent", None),
        ] {
            assert_eq!(Day::parse(text).expect(text).octets(validity), Ok(octets), "{text}");
        }
        for wrong in ["", "CVCA", "CVCAeff +", "CVCAeff + 1", "CVCAeff + x days", "CVCAeff 1 day", "CVCAeff + 1 year", "CVCAeff + 99 days"]
        {
            assert_eq!(Day::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_row_is_understood() {
        let rows = rows().expect("the table");
        assert_eq!(rows.len(), 69 + 104);
        for row in &rows {
            for name in [&row.authority, &row.holder] {
                assert!(
                    ["CVCA", "CVCA-AT"].contains(&name.as_str()) || eid::cert::cvc::KeyReference::from_octets(name.as_bytes()).is_ok(),
                    "{name}"
                );
            }
            let others = rows.iter().filter(|other| other.key == row.signed_by).count();
            assert!(
                ["CVCA_KEY_00", "CVCA_AT_KEY_00"].contains(&row.signed_by.as_str()) || others > 0,
                "{}: nobody has {}",
                row.name,
                row.signed_by
            );
        }
        let of = |name: &str| &rows.iter().find(|row| row.name == name).expect(name).rights;
        assert_eq!((of("AT_CERT_19e"), of("AT_CERT_21a"), of("AT_CERT_19w").last()), (&vec![4, 12], &vec![4, 37], Some(&31)));
        assert_eq!((of("IS_CERT_3c"), of("AT_CERT_17").len()), (&vec![0, 2, 3, 4, 5], 37));
    }

    #[test]
    fn words_that_are_no_rights_or_extensions_are_refused() {
        for word in ["read", "read-dg23", "read-dg21..23", "bit-38", "bit-", "..", "read-dg1..x"] {
            assert_eq!(right(TerminalType::Authentication, word), None, "{word}");
        }
        for text in ["sector", "sector A B C", "73 0", "73", "65 00"] {
            assert!(extension(text).is_err(), "{text}");
        }
    }
}
