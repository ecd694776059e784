//! The certificates against their profile (Doc 9303-12 clause 7.1): what a conforming authority would have written otherwise.
//!
//! Kept apart from `pa.*`: these findings say how a certificate was made, not whether it can be believed, and the standard policy draws no verdict
//! from them. The rules that trust rests on (a document signer may sign, a CSCA may certify) are those of `pa.chain`. Two questions about
//! the whole document stand here too: whether the signer is for documents of this kind (`profile.document_type`), and whether certificates
//! and MRZ name one state (`profile.country`; that the state of the MRZ is the signer's at all is `pa.issuer`). Rule numbers in the
//! evidence are of the project's own checklist. Not a rule here: named curves, which most states use though clause 4.4.3 wants explicit
//! parameters.

use super::signer::Message;
use crate::cert::der;
use crate::cert::deviation_list::CertField;
use crate::cert::path::Verified;
use crate::cert::spki;
use crate::cert::x509::Certificate;
use crate::cert::x509::extension::KeyUsage;
use crate::cert::x509::name;
use crate::crypto::hash::Hash;
use crate::crypto::signature::PublicKey;
use crate::mrz::{Content, state};
use crate::oid;
use crate::protocol::finding::{Check, Finding};
use crate::tlv;

pub(super) const SIGNER: Check = Check::new("profile.signer", "Doc 9303-12 7.1");
pub(super) const CSCA: Check = Check::new("profile.csca", "Doc 9303-12 7.1");
const DOCUMENT_TYPE: Check = Check::new("profile.document_type", "Doc 9303-12 7.1.1.6");
const COUNTRY: Check = Check::new("profile.country", "Doc 9303-12 7.1");
pub(super) const ISSUER: Check = Check::new("pa.issuer", "Doc 9303-12 7.1");

/// A rule that a certificate breaks, and the field that it is about.
pub(super) struct Broken {
    rule: &'static str,
    pub(super) field: CertField,
    text: String,
}

/// Tolerances of the reader that are rules of the profile: the quirk, the rule, the field of TBSCertificate.
const QUIRKS: [(&str, &str, u8); 13] = [
    ("x509.version-not-3", "XC-002", 1),
    ("x509.serial-negative", "XC-003", 2),
    ("x509.serial-zero", "XC-003", 2),
    ("x509.serial-not-minimal", "XC-003", 2),
    ("x509.serial-too-long", "XC-003", 2),
    ("x509.unique-identifier", "XC-018", 8),
    ("x509.default-encoded", "XC-001", 0),
    ("x509.boolean-not-ff", "XC-001", 0),
    ("x509.generalized-time-before-2050", "XC-013", 5),
    ("der.time-form", "XC-013", 5),
    ("spki.rsa-parameters-not-null", "XC-015", 7),
    ("spki.cofactor-missing", "XC-016", 7),
    ("spki.curve-declared-wrong", "XC-021", 7),
];

/// What stands to an extension in a kind of certificate.
enum Wanted {
    /// Present and critical.
    Critical,
    /// Present and not critical.
    Present,
    Absent,
}

type Row = (&'static str, &'static str, Wanted);

const SIGNER_EXTENSIONS: [Row; 11] = [
    ("DS-003", oid::AUTHORITY_KEY_IDENTIFIER, Wanted::Present),
    ("DS-005", oid::KEY_USAGE, Wanted::Critical),
    ("DS-006", oid::PRIVATE_KEY_USAGE_PERIOD, Wanted::Present),
    ("DS-008", oid::SUBJECT_ALT_NAME, Wanted::Present),
    ("DS-009", oid::ISSUER_ALT_NAME, Wanted::Present),
    ("DS-010", oid::BASIC_CONSTRAINTS, Wanted::Absent),
    ("DS-011", oid::EXT_KEY_USAGE, Wanted::Absent),
    ("DS-012", oid::CRL_DISTRIBUTION_POINTS, Wanted::Present),
    ("DS-013", oid::DOCUMENT_TYPE_LIST, Wanted::Present),
    ("DS-014", oid::NAME_CHANGE, Wanted::Absent),
    ("DS-015", "2.5.29.30", Wanted::Absent),
];

const CSCA_EXTENSIONS: [Row; 9] = [
    ("CA-004", oid::SUBJECT_KEY_IDENTIFIER, Wanted::Present),
    ("CA-005", oid::KEY_USAGE, Wanted::Critical),
    ("CA-006", oid::PRIVATE_KEY_USAGE_PERIOD, Wanted::Present),
    ("CA-009", oid::SUBJECT_ALT_NAME, Wanted::Present),
    ("CA-010", oid::ISSUER_ALT_NAME, Wanted::Present),
    ("CA-012", oid::BASIC_CONSTRAINTS, Wanted::Critical),
    ("CA-015", oid::EXT_KEY_USAGE, Wanted::Absent),
    ("CA-016", oid::CRL_DISTRIBUTION_POINTS, Wanted::Present),
    ("CA-021", oid::DOCUMENT_TYPE_LIST, Wanted::Absent),
];

/// `profile.*` and `pa.issuer`. `mrz` is that of DG1 if its hash is right.
pub(super) fn findings(message: &Message<'_>, mrz: Option<&Content>) -> Vec<Finding> {
    let Some(certificate) = message.certificate() else {
        let checks = [ISSUER, SIGNER, CSCA];
        return checks.map(|check| check.not_attempted("no-signer-certificate", "EF.SOD gave no certificate of its signer")).into();
    };
    let path = message.proved().map(|proved| proved.path).find(|path| path.certificate == *certificate);
    let csca = match path {
        Some(path) => of_rules(CSCA, &csca_rules(path.issuer())),
        None => CSCA.not_attempted("no-chain", "the document signer has no path to a trust anchor"),
    };
    vec![
        issuer(certificate, mrz),
        of_rules(SIGNER, &signer_rules(certificate, path.map(AsRef::as_ref))),
        csca,
        document_type(certificate, mrz),
        country(certificate, path.map(AsRef::as_ref)),
    ]
}

/// The finding of a certificate that breaks these rules.
pub(super) fn of_rules(check: Check, broken: &[Broken]) -> Finding {
    let texts: Vec<&str> = broken.iter().map(|broken| broken.text.as_str()).collect();
    let finding = if broken.is_empty() { check.passed() } else { check.failed("profile", texts.join("; ")) };
    broken.iter().fold(finding, |finding, broken| finding.with(broken.rule, broken.text.as_str()))
}

/// Rules that the document signer's certificate breaks.
pub(super) fn signer_rules(certificate: &Certificate, path: Option<&Verified>) -> Vec<Broken> {
    let mut broken = common(certificate);
    extensions(certificate, &SIGNER_EXTENSIONS, &mut broken);
    let extension = |oid: &str| CertField::Extension(oid.to_owned());
    if certificate.extensions().key_usage.is_some_and(|usage| usage != KeyUsage::DIGITAL_SIGNATURE) {
        let text = "keyUsage: expected digitalSignature alone".to_owned();
        broken.push(Broken { rule: "DS-005", field: extension(oid::KEY_USAGE), text });
    }
    let country = certificate.subject_country().unwrap_or_default();
    if let Some(code) = state_codes(certificate).into_iter().find(|code| {
        // what names no state says nothing against this one
        state::countries(code).is_some_and(|allowed| !allowed.contains(&country.as_str()))
    }) {
        let text = format!("subjectAltName: expected the code of {country}, found {code}");
        broken.push(Broken { rule: "DS-008", field: extension(oid::SUBJECT_ALT_NAME), text });
    }
    if let Some(path) = path {
        let issuer = path.issuer();
        if certificate.issuer() != issuer.subject() {
            let text = "issuer: expected the bytes of the subject of the CSCA".to_owned();
            broken.push(Broken { rule: "DS-001", field: CertField::Body(4), text });
        }
        if !issuer.valid_on(certificate.not_before().date) {
            let text = format!("validity: the CSCA certificate was not valid when this one began, on {}", certificate.not_before().date);
            broken.push(Broken { rule: "DS-002", field: CertField::Body(5), text });
        }
        if certificate.not_after() > issuer.not_after() {
            let text = format!("validity: it ends on {}, that of the CSCA on {}", certificate.not_after().date, issuer.not_after().date);
            broken.push(Broken { rule: "DS-018", field: CertField::Body(5), text });
        }
    }
    broken
}

/// Rules that the certificate of the CSCA whose key signed the document signer breaks.
pub(super) fn csca_rules(certificate: &Certificate) -> Vec<Broken> {
    let mut broken = common(certificate);
    extensions(certificate, &CSCA_EXTENSIONS, &mut broken);
    let wanted = KeyUsage(KeyUsage::KEY_CERT_SIGN.0 | KeyUsage::CRL_SIGN.0);
    if certificate.extensions().key_usage.is_some_and(|usage| usage != wanted) {
        let text = "keyUsage: expected keyCertSign and cRLSign alone".to_owned();
        broken.push(Broken { rule: "CA-005", field: CertField::Extension(oid::KEY_USAGE.to_owned()), text });
    }
    if certificate.extensions().basic_constraints.is_some_and(|constraints| !constraints.ca || constraints.path_len != Some(0)) {
        let text = "basicConstraints: expected cA TRUE and pathLenConstraint 0".to_owned();
        broken.push(Broken { rule: "CA-012", field: CertField::Extension(oid::BASIC_CONSTRAINTS.to_owned()), text });
    }
    broken
}

/// Rules of every certificate.
fn common(certificate: &Certificate) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut note = |rule, field, text: String| broken.push(Broken { rule, field: CertField::Body(field), text });
    for (quirk, rule, field) in QUIRKS {
        if let Some(found) = certificate.quirks().iter().find(|found| found.rule == quirk) {
            note(rule, field, found.to_string());
        }
    }
    if let Some((at, _)) = der::overlong(certificate.der()) {
        note("XC-001", 0, format!("encoding: the length at offset {at} is longer than DER allows"));
    }
    let hash = certificate.signature_algorithm().ok().and_then(|a| a.algorithm(None).ok()).map(|algorithm| algorithm.hash());
    if hash == Some(Hash::Sha1) {
        note("XC-006", 3, "signature: expected SHA-224 or better, found SHA-1".to_owned());
    }
    if let Some(weak) = certificate.key().ok().and_then(|info| weak(&info.key)) {
        note("XC-022", 7, format!("subjectPublicKeyInfo: expected RSA of 2048 bits or a curve of 224 at least, found {weak}"));
    }
    for (name, what, field) in [(certificate.issuer(), "issuer", 4), (certificate.subject(), "subject", 6)] {
        if !name::country_conforms(name) {
            note("XC-008", field, format!("{what} countryName: expected two upper-case letters in a PrintableString"));
        }
        if name::values(name, oid::COMMON_NAME).is_empty() {
            note("XC-009", field, format!("{what}: commonName is missing"));
        }
    }
    if certificate.not_before() >= certificate.not_after() {
        note("XC-014", 5, "validity: it ends before it begins".to_owned());
    }
    broken
}

/// A key below what Doc 9303-12 clause 4.4 asks for, as text.
fn weak(key: &PublicKey) -> Option<String> {
    let weak = match key {
        PublicKey::Rsa(key) => key.bits() < 2048,
        PublicKey::Ec(point) => point.curve().field_len() < 28,
    };
    weak.then(|| spki::describe(key))
}

/// The codes of the MRZ that subjectAltName names as localityName of a directory name.
fn state_codes(certificate: &Certificate) -> Vec<String> {
    let value = certificate.extensions().value(certificate.der(), oid::SUBJECT_ALT_NAME).unwrap_or_default();
    let Ok(names) = tlv::single(value, der::SEQUENCE) else { return Vec::new() };
    let (mut reader, mut codes) = (names.reader(), Vec::new());
    while let Ok(Some(name)) = reader.next() {
        if name.tag.0 == 0xA4 {
            codes.extend(name::values(name.value, oid::LOCALITY));
        }
    }
    codes
}

fn extensions(certificate: &Certificate, rows: &[Row], broken: &mut Vec<Broken>) {
    for (rule, oid, wanted) in rows {
        let text = match (wanted, certificate.extension(oid)) {
            (Wanted::Critical | Wanted::Present, None) => "is missing",
            (Wanted::Critical, Some(false)) => "is not critical",
            (Wanted::Present, Some(true)) => "is critical",
            (Wanted::Absent, Some(_)) => "must not be there",
            _ => continue,
        };
        let text = format!("{} {text}", oid::describe(oid));
        broken.push(Broken { rule, field: CertField::Extension((*oid).to_owned()), text });
    }
}

/// Whether the document signer may sign documents of the kind that the MRZ names.
fn document_type(certificate: &Certificate, mrz: Option<&Content>) -> Finding {
    let types = certificate.document_types();
    let Some(mrz) = mrz else {
        return DOCUMENT_TYPE.not_attempted("dg1-not-confirmed", "the MRZ is not read, or its hash is not confirmed");
    };
    let code = mrz.document_code.trim_end_matches('<');
    if types.is_empty() {
        return DOCUMENT_TYPE.not_attempted("no-list", "the document signer's certificate has no documentTypeList");
    }
    let listed = types.iter().any(|one| one.trim_end_matches('<') == code);
    let finding = if listed {
        DOCUMENT_TYPE.passed()
    } else {
        DOCUMENT_TYPE.failed("not-listed", format!("the document signer is for documents {}, the MRZ says {code}", types.join(", ")))
    };
    finding.with("document_types", types.join(" ")).with("document_code", code)
}

/// Whether subject and issuer of the document signer, and its CSCA, name one country.
fn country(certificate: &Certificate, path: Option<&Verified>) -> Finding {
    let mut countries = vec![certificate.subject_country(), certificate.issuer_country()];
    countries.extend(path.map(|path| path.issuer().subject_country()));
    let text = |country: &Option<String>| country.clone().unwrap_or_else(|| "none".to_owned());
    let finding = if countries.windows(2).all(|pair| matches!(pair, [a, b] if a == b)) {
        COUNTRY.passed()
    } else {
        let all: Vec<_> = countries.iter().map(text).collect();
        COUNTRY.failed("countries-differ", format!("the document signer, its issuer and the CSCA name the countries {}", all.join(", ")))
    };
    finding.with("country", text(&certificate.subject_country()))
}

/// `pa.issuer`: whether the state that signed is the one that the MRZ names. A signer of one state can vouch for no document of another.
fn issuer(certificate: &Certificate, mrz: Option<&Content>) -> Finding {
    let Some(mrz) = mrz else { return ISSUER.not_attempted("dg1-not-confirmed", "the MRZ is not read, or its hash is not confirmed") };
    let signer = certificate.issuer_country();
    let finding = match (state::countries(&mrz.issuer), &signer) {
        (None, _) => {
            ISSUER.not_attempted("code-unknown", format!("the MRZ names the issuer {}, which is no state that is known", mrz.issuer))
        }
        (_, None) => ISSUER.not_attempted("no-country", "the issuer of the document signer names no country"),
        (Some(allowed), Some(signer)) if allowed.contains(&signer.as_str()) => ISSUER.passed(),
        (Some(_), Some(signer)) => {
            ISSUER.failed("another-state", format!("the MRZ names the issuer {}, the document signer is of {signer}", mrz.issuer))
        }
    };
    finding.with("mrz", mrz.issuer.as_str()).with("signer", signer.unwrap_or_default())
}

#[cfg(test)]
mod tests;
