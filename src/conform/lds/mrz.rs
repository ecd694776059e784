//! `LDS_B`, EF.DG1: the MRZ field by field.

use eid::image::FileId;
use eid::mrz::{Field, Format, Mrz, MrzError, state};

use super::walk::{length, need, outer, tag};
use super::{Checked, Miss, Rule, View, dg, ensure, icao, way};

const DG1: FileId = dg(1);

pub(super) const RULES: &[Rule] = &[
    icao("LDS_B_1", DG1, "template tag 61", tag),
    icao("LDS_B_2", DG1, "length", length),
    icao("LDS_B_3", DG1, "MRZ object (5F1F) of 90, 72 or 88 characters", object),
    icao("LDS_B_4", DG1, "document code", code),
    icao("LDS_B_5", DG1, "issuing state", issuer),
    icao("LDS_B_6", DG1, "name", |view| field(view, Field::Name)),
    icao("LDS_B_7", DG1, "document number and check digit", |view| field(view, Field::DocumentNumber)),
    icao("LDS_B_8", DG1, "nationality", nationality),
    icao("LDS_B_9", DG1, "date of birth and check digit", |view| field(view, Field::DateOfBirth)),
    icao("LDS_B_10", DG1, "sex", |view| field(view, Field::Sex)),
    icao("LDS_B_11", DG1, "date of expiry and check digit", |view| field(view, Field::DateOfExpiry)),
    icao("LDS_B_12", DG1, "optional data and check digit", |view| field(view, Field::OptionalData)),
    icao("LDS_B_13", DG1, "composite check digit", |view| field(view, Field::Composite)),
    icao("LDS_B_14", DG1, "the MRZ is the printed one", printed),
];

fn text<'a>(view: &View<'a>) -> Result<&'a str, Miss> {
    let object = need(&outer(view)?, 0x5F1F)?;
    std::str::from_utf8(object.value).map_err(|_| Miss::Broken(format!("5F1F at offset {}: expected A-Z, 0-9 and <", object.at)))
}

fn read(view: &View<'_>) -> Result<(Mrz, Vec<MrzError>), Miss> {
    way(Mrz::read(way(text(view))?).map_err(|error| Miss::Broken(error.to_string())))
}

fn object(view: &View<'_>) -> Checked {
    let object = need(&outer(view)?, 0x5F1F)?;
    let len = object.value.len();
    ensure(matches!(len, 90 | 72 | 88), || format!("5F1F at offset {}: expected 90, 72 or 88 characters, found {len}", object.at))?;
    let wrong = object.value.iter().position(|b| !(b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'<'));
    wrong.map_or(Ok(()), |at| Err(Miss::Broken(format!("5F1F: expected A-Z, 0-9 or < at offset {}", object.value_at() + at))))
}

/// Nothing that deviates is in `field`.
fn field(view: &View<'_>, field: Field) -> Checked {
    let (_, deviations) = read(view)?;
    let of = |error: &&MrzError| match error {
        MrzError::CheckDigit { field: found, .. } | MrzError::Content { field: found, .. } => *found == field,
        _ => false,
    };
    deviations.iter().find(of).map_or(Ok(()), |error| Err(Miss::Broken(error.to_string())))
}

fn code(view: &View<'_>) -> Checked {
    field(view, Field::DocumentCode)?;
    let (mrz, _) = read(view)?;
    let code = &mrz.content().document_code;
    let allowed = match mrz.format() {
        Format::Td3 => "PV",
        Format::Td1 | Format::Td2 => "ACIV",
    };
    let first = code.chars().next().is_some_and(|letter| allowed.contains(letter));
    let second = code.chars().nth(1).is_none_or(|letter| letter.is_ascii_uppercase());
    ensure(first && second && code.len() <= 2, || format!("document code: expected one of {allowed} and a letter or <, found {code:?}"))
}

/// Codes of Doc 9303-3 clause 5 that are of no state: organizations that issue documents, and the country of the specimens.
const ORGANIZATIONS: [&str; 12] = ["UTO", "XBA", "XCC", "XCE", "XCO", "XDC", "XEC", "XES", "XIM", "XMP", "XOM", "XPO"];
/// Codes of the same clause for persons without a nationality: stateless, refugee, other refugee, unspecified.
const STATELESS: [&str; 4] = ["XXA", "XXB", "XXC", "XXX"];

fn known(name: &str, code: &str, others: &[&str]) -> Checked {
    let known = state::countries(code).is_some() || ORGANIZATIONS.contains(&code) || others.contains(&code);
    ensure(known, || format!("{name}: expected a code of Doc 9303-3 clause 5, found {code:?}"))
}

fn issuer(view: &View<'_>) -> Checked {
    field(view, Field::Issuer)?;
    known("issuing state", &read(view)?.0.content().issuer, &[])
}

fn nationality(view: &View<'_>) -> Checked {
    field(view, Field::Nationality)?;
    known("nationality", &read(view)?.0.content().nationality, &STATELESS)
}

fn printed(view: &View<'_>) -> Checked {
    let printed = view.subject.printed.ok_or_else(|| Miss::Undecided("nobody read the printed MRZ".to_owned()))?;
    let printed: String = printed.chars().filter(|c| !c.is_whitespace()).collect();
    let stored = way(text(view))?;
    let at = stored.chars().zip(printed.chars()).position(|(a, b)| a != b);
    ensure(stored == printed, || match at {
        Some(at) => format!("5F1F: differs from the printed MRZ at character {}", at + 1),
        None => format!("5F1F: expected {} characters as printed, found {}", printed.len(), stored.len()),
    })
}
