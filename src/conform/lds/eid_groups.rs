//! `EAC2_EIDDATA_B`: the data groups of the eID application, each as its type (TR-03110-4 clause 2.2.3). They are on the chip for whoever has the right to
//! read them: a run has them with test keys of authentication terminals only.

use eid::image::FileId;
use eid::lds::eid::EidGroup;

use super::{Checked, Miss, Rule, View, bsi_2, ensure};

/// EF.DGn of the eID application as a constant; `number` is 1 to 22.
const fn group(number: u8) -> FileId {
    match FileId::eid(number) {
        Some(file) => file,
        None => FileId::COM,
    }
}

const fn of(id: &'static str, number: u8, title: &'static str) -> Rule {
    bsi_2(id, group(number), title, encoded)
}

pub(super) const RULES: &[Rule] = &[
    of("EAC2_EIDDATA_B_1", 1, "document type, as its ASN.1 type"),
    of("EAC2_EIDDATA_B_2", 2, "issuing state, as its ASN.1 type"),
    of("EAC2_EIDDATA_B_3", 3, "date of expiry, as its ASN.1 type"),
    of("EAC2_EIDDATA_B_4", 4, "given names, as its ASN.1 type"),
    of("EAC2_EIDDATA_B_5", 5, "family names, as its ASN.1 type"),
    of("EAC2_EIDDATA_B_6", 6, "nom de plume, as its ASN.1 type"),
    of("EAC2_EIDDATA_B_7", 7, "academic title, as its ASN.1 type"),
    of("EAC2_EIDDATA_B_8", 8, "date of birth, as its ASN.1 type"),
    of("EAC2_EIDDATA_B_9", 9, "place of birth, as its ASN.1 type"),
    of("EAC2_EIDDATA_B_10", 10, "nationality, as its ASN.1 type"),
    of("EAC2_EIDDATA_B_11", 11, "sex, as its ASN.1 type"),
    of("EAC2_EIDDATA_B_12", 12, "optional data, as its ASN.1 type"),
    of("EAC2_EIDDATA_B_13", 17, "place of residence, as its ASN.1 type"),
    of("EAC2_EIDDATA_B_14", 18, "municipality ID, as its ASN.1 type"),
    of("EAC2_EIDDATA_B_15", 19, "residence permit I, as its ASN.1 type"),
    of("EAC2_EIDDATA_B_16", 20, "residence permit II, as its ASN.1 type"),
    of("EAC2_EIDDATA_B_17", 21, "phone number, as its ASN.1 type"),
    of("EAC2_EIDDATA_B_18", 22, "email address, as its ASN.1 type"),
    of("EAC2_EIDDATA_B_19", 13, "birth name, as its ASN.1 type"),
    of("EAC2_EIDDATA_B_20", 14, "written signature, as its ASN.1 type"),
    of("EAC2_EIDDATA_B_21", 15, "date of issuance, as its ASN.1 type"),
];

fn encoded(view: &View<'_>) -> Checked {
    let mut quirks = Vec::new();
    EidGroup::read(view.file, view.bytes, &mut quirks).map_err(|error| Miss::Broken(error.to_string()))?;
    ensure(quirks.is_empty(), || quirks.iter().map(|quirk| format!("{}: {}", quirk.rule, quirk.place)).collect::<Vec<_>>().join("; "))
}
