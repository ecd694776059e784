//! Published deviations beyond passive authentication (Doc 9303-3 clause 7): files that do not parse, EF.COM, the MRZ, and a key of Active
//! Authentication that may be in other hands.
//!
//! | deviation | finding | what becomes of it |
//! | --- | --- | --- |
//! | `DGMalformed` of one file | `read.*` of that file, `malformed` | accepted |
//! | `COMSODInconsistent` | `com.sod`, `lists-differ` | accepted |
//! | `MRZ`, `WrongData`, `WrongCheckDigit` | `cross.mrz`, `deviates` | accepted if each deviation of the MRZ is one that an entry names |
//! | `AAKeyCompromised` | `aa`, passed | not attempted: whoever has the key can make such a card |
//!
//! Never more than the entries say; and none of them touches what is signed, which passive authentication has judged before.

use super::deviations::accept;
use crate::cert::deviation_list::{Kind, MrzField};
use crate::lds::Elementary as _;
use crate::lds::dg1::Dg1;
use crate::mrz::{Field, MrzError};
use crate::protocol::finding::{Finding, Outcome};

/// Holds the deviations that the state has published about a document ([`super::Verdict::published`]) against all findings on it, those of
/// [`passive_authentication`](super::passive_authentication) excepted. `dg1` is the whole file.
pub fn apply_published(kinds: &[Kind], dg1: Option<&[u8]>, findings: &mut [Finding]) {
    for kind in kinds {
        match kind {
            Kind::DgMalformed(Some(number @ 1..=16)) => {
                accept(findings, &format!("read.dg{number}"), Outcome::Failed, &["malformed"], kind);
            }
            Kind::DgMalformed(Some(21)) => {
                accept(findings, "read.com", Outcome::Failed, &["malformed"], kind);
            }
            Kind::ComInconsistent => {
                accept(findings, "com.sod", Outcome::Failed, &["lists-differ"], kind);
            }
            Kind::AaKeyCompromised => compromised(findings, kind),
            _ => {}
        }
    }
    let named = |error: &MrzError| kinds.iter().find(|kind| names(kind, error));
    let deviations = dg1.and_then(|bytes| Dg1::parse(bytes).ok()).map(|dg1| dg1.deviations).unwrap_or_default();
    if let Some(kind) = deviations.first().and_then(named)
        && deviations.iter().all(|error| named(error).is_some())
    {
        accept(findings, "cross.mrz", Outcome::Undecided, &["deviates"], kind);
    }
}

/// Whether `kind` is about this deviation of the MRZ. Without a field, or with the generic one, it is about all of them.
fn names(kind: &Kind, error: &MrzError) -> bool {
    let (wanted, field) = match (kind, error) {
        (Kind::Mrz, _) => return true,
        (Kind::MrzWrongData(wanted), MrzError::Content { field, .. })
        | (Kind::MrzWrongCheckDigit(wanted), MrzError::CheckDigit { field, .. }) => (wanted, field),
        _ => return false,
    };
    wanted.is_none_or(|MrzField(wanted)| wanted == 0 || number_of(*field) == Some(wanted))
}

/// MRZField of Doc 9303-12 clause 10.2; the composite check digit has none.
const fn number_of(field: Field) -> Option<u8> {
    Some(match field {
        Field::DocumentCode => 1,
        Field::Issuer => 2,
        Field::Name => 3,
        Field::DocumentNumber => 4,
        Field::Nationality => 5,
        Field::DateOfBirth => 6,
        Field::Sex => 7,
        Field::DateOfExpiry => 8,
        Field::OptionalData | Field::OptionalData2 => 9,
        Field::Composite => return None,
    })
}

fn compromised(findings: &mut [Finding], kind: &Kind) {
    for finding in findings.iter_mut().filter(|finding| finding.id() == "aa" && finding.outcome == Outcome::Passed) {
        finding.outcome = Outcome::NotAttempted;
        let text = "the chip proved the key in DG15, which the state has published as one that others may have";
        *finding = finding.clone().because("key-compromised", text).with("deviation", kind.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::finding::Check;

    fn check(id: &'static str) -> Check {
        Check::new(id, "test")
    }

    /// DG1 of the passport in Doc 9303-4 appendix B, with some characters replaced: line, column from 1, character.
    fn dg1(changes: &[(usize, usize, u8)]) -> Vec<u8> {
        let mut lines = *b"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10";
        for (line, column, character) in changes {
            lines[(line - 1) * 44 + column - 1] = *character;
        }
        crate::tlv::encode(0x61, &crate::tlv::encode(0x5F1F, &lines))
    }

    fn after(kinds: &[Kind], dg1: &[u8], finding: Finding) -> (Outcome, &'static str) {
        let mut findings = [finding];
        apply_published(kinds, Some(dg1), &mut findings);
        (findings[0].outcome, findings[0].reason.as_ref().map_or("", |reason| reason.code))
    }

    const ACCEPTED: (Outcome, &str) = (Outcome::Passed, "accepted-deviation");

    #[test]
    fn a_file_that_does_not_parse_is_accepted_where_the_entry_names_it() {
        let malformed = |id| check(id).failed("malformed", "");
        let open = (Outcome::Failed, "malformed");
        for (kind, id, result) in [
            (Kind::DgMalformed(Some(14)), "read.dg14", ACCEPTED),
            (Kind::DgMalformed(Some(1)), "read.dg14", open),
            (Kind::DgMalformed(None), "read.dg14", open),
            (Kind::DgMalformed(Some(21)), "read.com", ACCEPTED),
            (Kind::DgMalformed(Some(20)), "read.com", open),
            (Kind::Lds, "read.com", open),
        ] {
            assert_eq!(after(&[kind], &dg1(&[]), malformed(id)), result, "{id}");
        }
        assert_eq!(after(&[Kind::DgMalformed(Some(14))], &dg1(&[]), check("read.dg14").failed("absent", "")).0, Outcome::Failed);
        let differ = |code| check("com.sod").failed(code, "");
        assert_eq!(after(&[Kind::ComInconsistent], &dg1(&[]), differ("lists-differ")), ACCEPTED);
        assert_eq!(after(&[Kind::ComInconsistent], &dg1(&[]), differ("lds-version-differs")).0, Outcome::Failed);
    }

    #[test]
    fn the_mrz_is_accepted_only_if_everything_in_it_that_deviates_is_named() {
        let deviates = || check("cross.mrz").undecided("deviates", "");
        let open = (Outcome::Undecided, "deviates");
        // the check digit of the document number, which the composite covers too
        let number = dg1(&[(2, 10, b'7')]);
        let sex = dg1(&[(2, 21, b'Q')]);
        let digit = |field: u8| Kind::MrzWrongCheckDigit(Some(MrzField(field)));
        let data = |field: u8| Kind::MrzWrongData(Some(MrzField(field)));
        let count = |file: &[u8]| Dg1::parse(file).expect("readable").deviations.len();
        assert_eq!((count(&dg1(&[])), count(&number), count(&sex)), (0, 2, 1));
        for (kinds, file, result) in [
            (vec![Kind::Mrz], &number, ACCEPTED),
            (vec![Kind::MrzWrongCheckDigit(None)], &number, ACCEPTED),
            (vec![digit(0)], &number, ACCEPTED),
            // the composite has no number of its own
            (vec![digit(4)], &number, open),
            (vec![digit(4), digit(0)], &number, ACCEPTED),
            (vec![data(0)], &number, open),
            (vec![data(7)], &sex, ACCEPTED),
            (vec![data(6)], &sex, open),
            (vec![digit(7)], &sex, open),
            (vec![], &sex, open),
        ] {
            assert_eq!(after(&kinds, file, deviates()), result, "{kinds:?}");
        }
        // and no other finding on it
        assert_eq!(after(&[Kind::Mrz], &sex, check("cross.dg11.name").undecided("deviates", "")), open);
    }

    #[test]
    fn a_key_that_others_may_have_proves_nothing() {
        let kinds = [Kind::AaKeyCompromised];
        assert_eq!(after(&kinds, &dg1(&[]), check("aa").passed()), (Outcome::NotAttempted, "key-compromised"));
        assert_eq!(after(&kinds, &dg1(&[]), check("aa").failed("signature-wrong", "")), (Outcome::Failed, "signature-wrong"));
        assert_eq!(after(&kinds, &dg1(&[]), check("ca").passed()), (Outcome::Passed, ""));
    }
}
