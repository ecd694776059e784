//! Certificates of signers: documents (DS), lists (ML, DL), LDS2 objects (L2), seals (BC, NC), credentials (DT), and SPOC connections (SP).

use eid::oid;
use eid::tlv::Tlv;

use super::certificate::{Subject, signed_by, span};
use super::common::{Family, Key};
use super::csca::{self, SLACK_DAYS};
use super::extension::{
    self, FRESHEST_CRL, INHIBIT_ANY_POLICY, NAME_CONSTRAINTS, POLICY_CONSTRAINTS, POLICY_MAPPINGS, Row, SUBJECT_DIRECTORY_ATTRIBUTES,
    Wanted, place,
};
use super::object::{X509, children, head};
use super::{Context, Kind, Sink, name};

const DOCUMENT_SIGNER: &[Row] = &[
    ("DS-003", oid::AUTHORITY_KEY_IDENTIFIER, Wanted::Present),
    ("DS-004", oid::SUBJECT_KEY_IDENTIFIER, Wanted::Optional),
    ("DS-005", oid::KEY_USAGE, Wanted::Critical),
    ("DS-006", oid::PRIVATE_KEY_USAGE_PERIOD, Wanted::Present),
    ("DS-007", oid::CERTIFICATE_POLICIES, Wanted::Optional),
    ("DS-008", oid::SUBJECT_ALT_NAME, Wanted::Present),
    ("DS-009", oid::ISSUER_ALT_NAME, Wanted::Present),
    ("DS-010", oid::BASIC_CONSTRAINTS, Wanted::Absent),
    ("DS-011", oid::EXT_KEY_USAGE, Wanted::Absent),
    ("DS-012", oid::CRL_DISTRIBUTION_POINTS, Wanted::Present),
    ("DS-013", oid::DOCUMENT_TYPE_LIST, Wanted::Present),
    ("DS-014", oid::NAME_CHANGE, Wanted::Absent),
    ("DS-015", POLICY_MAPPINGS, Wanted::Absent),
    ("DS-015", NAME_CONSTRAINTS, Wanted::Absent),
    ("DS-015", POLICY_CONSTRAINTS, Wanted::Absent),
    ("DS-015", INHIBIT_ANY_POLICY, Wanted::Absent),
    ("DS-015", FRESHEST_CRL, Wanted::Absent),
    ("DS-015", SUBJECT_DIRECTORY_ATTRIBUTES, Wanted::Absent),
];

const MASTER_LIST_SIGNER: &[Row] = &[
    ("ML-001", oid::AUTHORITY_KEY_IDENTIFIER, Wanted::Present),
    ("ML-002", oid::SUBJECT_KEY_IDENTIFIER, Wanted::Present),
    ("ML-003", oid::KEY_USAGE, Wanted::Critical),
    ("ML-004", oid::EXT_KEY_USAGE, Wanted::Critical),
    ("ML-005", oid::PRIVATE_KEY_USAGE_PERIOD, Wanted::Optional),
    ("ML-006", oid::SUBJECT_ALT_NAME, Wanted::Present),
    ("ML-006", oid::ISSUER_ALT_NAME, Wanted::Present),
    ("ML-007", oid::BASIC_CONSTRAINTS, Wanted::Absent),
    ("ML-008", oid::CRL_DISTRIBUTION_POINTS, Wanted::Present),
    ("ML-009", oid::DOCUMENT_TYPE_LIST, Wanted::Absent),
];

const DEVIATION_LIST_SIGNER: &[Row] = &[
    ("DL-001", oid::EXT_KEY_USAGE, Wanted::Critical),
    ("DL-002", oid::KEY_USAGE, Wanted::Critical),
    ("DL-003", oid::AUTHORITY_KEY_IDENTIFIER, Wanted::Present),
    ("DL-004", oid::SUBJECT_ALT_NAME, Wanted::Present),
    ("DL-004", oid::ISSUER_ALT_NAME, Wanted::Present),
    ("DL-005", oid::CRL_DISTRIBUTION_POINTS, Wanted::Present),
    ("DL-006", oid::DOCUMENT_TYPE_LIST, Wanted::Absent),
];

const LDS2: &[Row] = &[("L2-002", oid::AUTHORITY_KEY_IDENTIFIER, Wanted::Present), ("L2-003", oid::EXT_KEY_USAGE, Wanted::Critical)];
const BAR_CODE: &[Row] = &[
    ("BC-004", oid::AUTHORITY_KEY_IDENTIFIER, Wanted::Present),
    ("BC-005", oid::DOCUMENT_TYPE_LIST, Wanted::Optional),
    ("BC-006", oid::EXT_KEY_USAGE, Wanted::Critical),
];
const SPOC: &[Row] = &[("SP-001", oid::EXT_KEY_USAGE, Wanted::Critical), ("SP-003", oid::CRL_DISTRIBUTION_POINTS, Wanted::Present)];
const DTC: &[Row] = &[("DT-001", oid::EXT_KEY_USAGE, Wanted::Critical), ("DT-003", oid::KEY_USAGE, Wanted::Critical)];
const VDS_NC: &[Row] = &[("NC-001", oid::EXT_KEY_USAGE, Wanted::Critical), ("NC-002", oid::DOCUMENT_TYPE_LIST, Wanted::Optional)];

const LDS2_PURPOSES: [&str; 3] = ["2.23.136.1.1.9.8.1", "2.23.136.1.1.9.8.2", "2.23.136.1.1.9.8.3"];
const SPOC_CLIENT: &str = "2.23.136.1.1.10.1";
const SPOC_SERVER: &str = "2.23.136.1.1.10.2";
const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";
const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";

const SIGNS: &str = "digitalSignature alone";

/// Rules for the certificate of a signer; `issuer` is the CSCA, if it is known.
pub(super) fn check(sink: &mut Sink, subject: &Subject<'_>, kind: Kind, issuer: Option<&X509<'_>>, context: &Context<'_>) {
    let certificate = &subject.certificate;
    match kind {
        Kind::MasterListSigner => master_list_signer(sink, subject, issuer),
        Kind::DeviationListSigner => {
            extension::table(sink, certificate, DEVIATION_LIST_SIGNER);
            extension::purposes(sink, "DL-001", certificate, &[oid::DEVIATION_LIST_SIGNING_KEY], &[]);
            extension::key_usage(sink, "DL-002", certificate, 0x80, SIGNS);
            extension::authority_key_id(sink, "DL-003", certificate, issuer);
            alternative_names(sink, "DL-004", subject);
            extension::distribution_points(sink, "DL-005", certificate);
        }
        Kind::Lds2Signer => lds2(sink, subject),
        Kind::BarCodeSigner => bar_code(sink, subject, issuer),
        Kind::Spoc => spoc(sink, subject),
        Kind::DtcSigner => {
            extension::table(sink, certificate, DTC);
            extension::purposes(sink, "DT-001", certificate, &["2.23.136.1.1.12.1"], &[]);
            if let Some(issuer) = issuer {
                let named = certificate.issuer.map(|name| name.raw) == issuer.subject.map(|name| name.raw);
                if !named || !issuer.is_ca() {
                    let at = certificate.issuer.map_or(certificate.tbs.at, |name| name.at);
                    let found = if named { "a certificate that is no CA" } else { "another name" };
                    sink.add("DT-002", at, "tbsCertificate.issuer", "the subject of the CSCA", found);
                }
            }
            extension::key_usage(sink, "DT-003", certificate, 0x80, SIGNS);
        }
        Kind::VdsNcSigner => {
            extension::table(sink, certificate, VDS_NC);
            extension::purposes(sink, "NC-001", certificate, &["2.23.136.1.1.14.2"], &[]);
            extension::document_types(sink, "NC-002", certificate);
            if !matches!(subject.key, Key::Ec(_, order) if order >= 255) {
                key_kind(sink, "NC-003", subject, "an EC key of at least 256 bits");
            }
        }
        _ => document_signer(sink, subject, issuer, context),
    }
}

fn alternative_names(sink: &mut Sink, rule: &'static str, subject: &Subject<'_>) {
    for dotted in [oid::SUBJECT_ALT_NAME, oid::ISSUER_ALT_NAME] {
        extension::alternative_name(sink, rule, &subject.certificate, dotted, subject.country.as_deref());
    }
}

fn key_kind(sink: &mut Sink, rule: &'static str, subject: &Subject<'_>, expected: &'static str) {
    let found = match subject.key {
        Key::Rsa(bits) => format!("RSA of {bits} bits"),
        Key::Ec(_, order) => format!("EC of {order} bits"),
        Key::Other => "another kind of key".to_owned(),
    };
    let at = subject.certificate.spki.map_or(subject.certificate.tbs.at, |spki| spki.at);
    sink.add(rule, at, "tbsCertificate.subjectPublicKeyInfo", expected, found);
}

/// An EC key, and ECDSA on the certificate.
fn ecdsa(sink: &mut Sink, rule: &'static str, subject: &Subject<'_>) {
    if !matches!(subject.key, Key::Ec(..)) {
        key_kind(sink, rule, subject, "an EC key");
    }
    if !matches!(subject.signature, Some((Family::Ecdsa, _))) {
        let algorithm = subject.certificate.inner_algorithm;
        let at = algorithm.map_or(subject.certificate.tbs.at, |algorithm| algorithm.at);
        let found = algorithm.map_or_else(|| "none".to_owned(), |algorithm| super::common::parts(&algorithm).0);
        sink.add(rule, at, "tbsCertificate.signature", "ECDSA", found);
    }
}

fn document_signer(sink: &mut Sink, subject: &Subject<'_>, issuer: Option<&X509<'_>>, context: &Context<'_>) {
    let certificate = &subject.certificate;
    extension::table(sink, certificate, DOCUMENT_SIGNER);
    extension::authority_key_id(sink, "DS-003", certificate, issuer);
    extension::subject_key_id(sink, "DS-004", certificate);
    extension::key_usage(sink, "DS-005", certificate, 0x80, SIGNS);
    let country = subject.country.as_deref();
    extension::alternative_name(sink, "DS-008", certificate, oid::SUBJECT_ALT_NAME, country);
    extension::alternative_name(sink, "DS-009", certificate, oid::ISSUER_ALT_NAME, country);
    extension::distribution_points(sink, "DS-012", certificate);
    extension::document_types(sink, "DS-013", certificate);
    let period = extension::key_period(sink, "DS-006", certificate, subject.validity);
    if let Some((from, until)) = period
        && until.date.days() - from.date.days() > 92 + SLACK_DAYS
    {
        let (at, path) = place(certificate, oid::PRIVATE_KEY_USAGE_PERIOD);
        sink.add("DS-017", at, path, "at most three months", span((from, until)));
    }
    if let Some(validity) = subject.validity {
        // a document signer may be used for as long as privateKeyUsagePeriod says; three months is what DS-017 asks for
        let used_until = period.map_or(validity.0, |(_, until)| until).date;
        let used = used_until.max(validity.0.date.plus_days(92));
        let most = context.document_years.map(|years| used.plus_years(i32::from(years)).plus_days(31 + SLACK_DAYS));
        csca::lasts(sink, "DS-016", certificate, validity, used_until, most, context);
    }
    let Some(issuer) = issuer else { return };
    if certificate.issuer.map(|name| name.raw) != issuer.subject.map(|name| name.raw) {
        let at = certificate.issuer.map_or(certificate.tbs.at, |name| name.at);
        let expected = format!("the bytes of the CSCA's subject, {}", issuer.subject.map_or_else(String::new, |name| head(name.raw)));
        sink.add("DS-001", at, "tbsCertificate.issuer", expected, certificate.issuer.map_or_else(String::new, |name| head(name.raw)));
    }
    signed_by(sink, "DS-002", certificate, issuer, "a signature by the key of the CSCA");
    let of_issuer = issuer.validity.and_then(|validity| match children(&validity).as_slice() {
        [from, until] => eid::cert::Time::read(from).ok().zip(eid::cert::Time::read(until).ok()),
        _ => None,
    });
    if let (Some(own), Some(issuer)) = (subject.validity, of_issuer) {
        let at = certificate.validity.map_or(0, |validity| validity.at);
        if own.0 < issuer.0 || own.0 > issuer.1 {
            sink.add(
                "DS-002",
                at,
                "tbsCertificate.validity.notBefore",
                format!("in the CSCA's validity, {}", span(issuer)),
                own.0.generalized(),
            );
        }
        if own.1 > issuer.1 {
            let expected = format!("not after the CSCA's, {}", issuer.1.generalized());
            sink.add("DS-018", at, "tbsCertificate.validity.notAfter", expected, own.1.generalized());
        }
    }
}

fn master_list_signer(sink: &mut Sink, subject: &Subject<'_>, issuer: Option<&X509<'_>>) {
    let certificate = &subject.certificate;
    extension::table(sink, certificate, MASTER_LIST_SIGNER);
    extension::authority_key_id(sink, "ML-001", certificate, issuer);
    extension::subject_key_id(sink, "ML-002", certificate);
    extension::key_usage(sink, "ML-003", certificate, 0x80, SIGNS);
    extension::purposes(sink, "ML-004", certificate, &[oid::CSCA_MASTER_LIST_SIGNING_KEY], &[]);
    extension::key_period(sink, "ML-005", certificate, subject.validity);
    alternative_names(sink, "ML-006", subject);
    extension::distribution_points(sink, "ML-008", certificate);
    if let Some(issuer) = issuer {
        let country = |name: Option<Tlv<'_>>| name.as_ref().and_then(name::country).unwrap_or_else(|| "none".to_owned());
        let (expected, found) = (country(issuer.subject), country(certificate.subject));
        if expected != found {
            let at = certificate.subject.map_or(certificate.tbs.at, |name| name.at);
            sink.add("ML-010", at, "tbsCertificate.subject.countryName", format!("that of the CSCA, {expected}"), found);
        }
    }
}

fn lds2(sink: &mut Sink, subject: &Subject<'_>) {
    let certificate = &subject.certificate;
    let attributes = certificate.subject.as_ref().map(name::attributes).unwrap_or_default();
    let others: Vec<_> =
        attributes.iter().filter(|a| !matches!(a.kind.as_str(), oid::COUNTRY | oid::COMMON_NAME)).map(|a| a.kind.clone()).collect();
    let common_name = attributes.iter().find(|a| a.kind == oid::COMMON_NAME).map(|a| a.text());
    let at = certificate.subject.map_or(certificate.tbs.at, |name| name.at);
    if !others.is_empty() || common_name.as_ref().is_none_or(|name| name.is_empty() || name.chars().count() > 9) {
        let found = format!("commonName {:?}, {} other attributes", common_name.unwrap_or_default(), others.len());
        sink.add("L2-001", at, "tbsCertificate.subject", "countryName and a commonName of at most 9 characters", found);
    }
    extension::table(sink, certificate, LDS2);
    if let Some(other) = extension::others(certificate, &[oid::AUTHORITY_KEY_IDENTIFIER, oid::EXT_KEY_USAGE]) {
        let (at, path) = place(certificate, &other.oid);
        sink.add("L2-002", at, path, "authorityKeyIdentifier and extKeyUsage alone", "another extension");
    }
    extension::authority_key_id(sink, "L2-002", certificate, None);
    extension::purposes(sink, "L2-003", certificate, &LDS2_PURPOSES, &[]);
    ecdsa(sink, "L2-004", subject);
    let size = certificate.outer.raw.len();
    if size > 900 {
        sink.add("L2-005", 0, "Certificate", "at most 900 bytes", format!("{size} bytes"));
    }
    if let Some((from, until)) = subject.validity
        && (until.date < from.date.plus_years(1).plus_days(-SLACK_DAYS) || until.date > from.date.plus_years(12).plus_days(124))
    {
        let at = certificate.validity.map_or(0, |validity| validity.at);
        sink.add("L2-006", at, "tbsCertificate.validity", "key use of 1 or 2 years, and documents of 10", span((from, until)));
    }
}

fn bar_code(sink: &mut Sink, subject: &Subject<'_>, issuer: Option<&X509<'_>>) {
    let certificate = &subject.certificate;
    let name = certificate.subject.as_ref().and_then(|subject| name::attribute(subject, oid::COMMON_NAME));
    let text = name.as_ref().map(name::Attribute::text).unwrap_or_default();
    if text.len() != 2 || !text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()) {
        let at = name.map_or(certificate.tbs.at, |name| name.value.at);
        sink.add("BC-001", at, "tbsCertificate.subject.commonName", "two upper-case letters or digits", format!("{text:?}"));
    }
    extension::table(sink, certificate, BAR_CODE);
    extension::authority_key_id(sink, "BC-004", certificate, issuer);
    extension::document_types(sink, "BC-005", certificate);
    extension::purposes(sink, "BC-006", certificate, &["2.23.136.1.1.11.1"], &[]);
    if let Some(other) = extension::others(certificate, &[oid::AUTHORITY_KEY_IDENTIFIER, oid::EXT_KEY_USAGE, oid::DOCUMENT_TYPE_LIST]) {
        let (at, path) = place(certificate, &other.oid);
        sink.add("BC-007", at, path, "authorityKeyIdentifier, documentTypeList, and extKeyUsage alone", "another extension");
    }
    ecdsa(sink, "BC-008", subject);
}

fn spoc(sink: &mut Sink, subject: &Subject<'_>) {
    let certificate = &subject.certificate;
    extension::table(sink, certificate, SPOC);
    let purposes = certificate.purposes();
    let is_server = purposes.iter().any(|purpose| purpose == SPOC_SERVER);
    let (own, auth) = if is_server { (SPOC_SERVER, SERVER_AUTH) } else { (SPOC_CLIENT, CLIENT_AUTH) };
    extension::purposes(sink, "SP-001", certificate, &[own], &[auth]);
    if is_server && !extension::has_dns_name(certificate) {
        let (at, path) = place(certificate, oid::SUBJECT_ALT_NAME);
        sink.add("SP-002", at, path, "the dNSName of the server", "none");
    }
    extension::distribution_points(sink, "SP-003", certificate);
    if let Some((from, until)) = subject.validity {
        let days = until.date.days() - from.date.days();
        if !(180..=550).contains(&days) {
            let at = certificate.validity.map_or(0, |validity| validity.at);
            sink.add("SP-005", at, "tbsCertificate.validity", "6 to 18 months", span((from, until)));
        }
    }
}
