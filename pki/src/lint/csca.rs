//! CSCA certificates: roots (CA) and links (LK), Doc 9303-12 clause 7.1.

use eid::cert::Time;
use eid::date::Date;
use eid::oid;

use super::certificate::{Subject, signed_by, span};
use super::extension::{
    self, FRESHEST_CRL, INHIBIT_ANY_POLICY, NAME_CONSTRAINTS, NETSCAPE, POLICY_CONSTRAINTS, POLICY_MAPPINGS, PRIVATE_INTERNET, Row,
    SUBJECT_DIRECTORY_ATTRIBUTES, Wanted, place, same_value, shown,
};
use super::object::{X509, head};
use super::{Context, Sink, name};

/// Days that a period may be longer than its years: the first and the last of them count, and clocks differ.
pub(super) const SLACK_DAYS: i64 = 2;
/// Days of key use of a document signer that a CSCA outlives its documents by: three months and the slack of a month.
const MARGIN_DAYS: i64 = 123;

const ROOT: &[Row] = &[
    ("CA-003", oid::AUTHORITY_KEY_IDENTIFIER, Wanted::Optional),
    ("CA-004", oid::SUBJECT_KEY_IDENTIFIER, Wanted::Present),
    ("CA-005", oid::KEY_USAGE, Wanted::Critical),
    ("CA-006", oid::PRIVATE_KEY_USAGE_PERIOD, Wanted::Present),
    ("CA-007", oid::CERTIFICATE_POLICIES, Wanted::Optional),
    ("CA-008", POLICY_MAPPINGS, Wanted::Absent),
    ("CA-009", oid::SUBJECT_ALT_NAME, Wanted::Present),
    ("CA-010", oid::ISSUER_ALT_NAME, Wanted::Present),
    ("CA-011", SUBJECT_DIRECTORY_ATTRIBUTES, Wanted::Absent),
    ("CA-012", oid::BASIC_CONSTRAINTS, Wanted::Critical),
    ("CA-013", NAME_CONSTRAINTS, Wanted::Absent),
    ("CA-014", POLICY_CONSTRAINTS, Wanted::Absent),
    ("CA-015", oid::EXT_KEY_USAGE, Wanted::Absent),
    ("CA-016", oid::CRL_DISTRIBUTION_POINTS, Wanted::Present),
    ("CA-017", INHIBIT_ANY_POLICY, Wanted::Absent),
    ("CA-018", FRESHEST_CRL, Wanted::Absent),
    ("CA-019", PRIVATE_INTERNET, Wanted::Optional),
    ("CA-020", oid::NAME_CHANGE, Wanted::Optional),
    ("CA-021", oid::DOCUMENT_TYPE_LIST, Wanted::Absent),
    ("CA-022", NETSCAPE, Wanted::Absent),
];

const LINK: &[Row] = &[
    ("LK-003", oid::AUTHORITY_KEY_IDENTIFIER, Wanted::Present),
    ("LK-004", oid::SUBJECT_KEY_IDENTIFIER, Wanted::Present),
    ("LK-005", oid::KEY_USAGE, Wanted::Critical),
    ("LK-006", oid::PRIVATE_KEY_USAGE_PERIOD, Wanted::Present),
    ("LK-007", oid::BASIC_CONSTRAINTS, Wanted::Critical),
    ("LK-008", oid::SUBJECT_ALT_NAME, Wanted::Present),
    ("LK-009", oid::ISSUER_ALT_NAME, Wanted::Present),
    ("LK-010", oid::CRL_DISTRIBUTION_POINTS, Wanted::Present),
    ("LK-011", oid::NAME_CHANGE, Wanted::Optional),
    ("LK-013", oid::EXT_KEY_USAGE, Wanted::Absent),
    ("LK-014", oid::DOCUMENT_TYPE_LIST, Wanted::Absent),
];

const KEY_USAGE: &str = "keyCertSign and cRLSign alone";

/// Rules for a self-signed certificate.
pub(super) fn root(sink: &mut Sink, subject: &Subject<'_>, context: &Context<'_>) {
    let certificate = &subject.certificate;
    if let (Some(issuer), Some(own)) = (&certificate.issuer, &certificate.subject)
        && issuer.raw != own.raw
    {
        sink.add("CA-001", own.at, "tbsCertificate.subject", "the bytes of the issuer", head(own.raw));
    }
    signed_by(sink, "CA-002", certificate, certificate, "a signature by its own key");
    extension::table(sink, certificate, ROOT);
    extension::authority_key_id(sink, "CA-003", certificate, Some(certificate));
    extension::subject_key_id(sink, "CA-004", certificate);
    extension::key_usage(sink, "CA-005", certificate, 0x06, KEY_USAGE);
    let country = subject.country.as_deref();
    extension::alternative_name(sink, "CA-009", certificate, oid::SUBJECT_ALT_NAME, country);
    if certificate.extension(oid::ISSUER_ALT_NAME).is_some()
        && !same_value(certificate, oid::ISSUER_ALT_NAME, certificate, oid::SUBJECT_ALT_NAME)
    {
        let (at, path) = place(certificate, oid::ISSUER_ALT_NAME);
        let expected = format!("as subjectAltName, {}", shown(certificate, oid::SUBJECT_ALT_NAME));
        sink.add("CA-010", at, path, expected, shown(certificate, oid::ISSUER_ALT_NAME));
    }
    extension::basic_constraints(sink, "CA-012", certificate);
    extension::distribution_points(sink, "CA-016", certificate);
    extension::name_change(sink, "CA-020", certificate);
    let period = extension::key_period(sink, "CA-006", certificate, subject.validity);
    key_use(sink, "CA-006", certificate, period);
    if let Some(validity) = subject.validity {
        let used_until = period.map_or(validity.0, |(_, until)| until).date;
        let most = context.document_years.map(|years| validity.0.date.plus_years(5 + i32::from(years)).plus_days(MARGIN_DAYS));
        lasts(sink, "CA-023", certificate, validity, used_until, most, context);
    }
}

/// Whether a certificate outlives its key use by the validity of documents, if that is told, and ends by `most`.
pub(super) fn lasts(
    sink: &mut Sink,
    rule: &'static str,
    certificate: &X509<'_>,
    validity: (Time, Time),
    used_until: Date,
    most: Option<Date>,
    context: &Context<'_>,
) {
    let years = context.document_years.unwrap_or(0);
    let least = used_until.plus_years(i32::from(years)).plus_days(-SLACK_DAYS);
    if validity.1.date < least || most.is_some_and(|most| validity.1.date > most) {
        let expected = match most {
            Some(most) => format!("an end from {least} to {most}: key use, then documents of {years} years"),
            None => format!("an end after {least}, the end of key use"),
        };
        sink.add(rule, certificate.validity.map_or(0, |v| v.at), "tbsCertificate.validity", expected, span(validity));
    }
}

/// 3 to 5 years.
fn key_use(sink: &mut Sink, rule: &'static str, certificate: &X509<'_>, period: Option<(Time, Time)>) {
    let Some((from, until)) = period else { return };
    let (least, most) = (from.date.plus_years(3).plus_days(-SLACK_DAYS), from.date.plus_years(5).plus_days(SLACK_DAYS));
    if until.date < least || until.date > most {
        let (at, path) = place(certificate, oid::PRIVATE_KEY_USAGE_PERIOD);
        sink.add(rule, at, path, "3 to 5 years", span((from, until)));
    }
}

/// Rules for a link certificate; `old` is the CSCA that signed it, `new` the root with its key.
pub(super) fn link(sink: &mut Sink, subject: &Subject<'_>, old: Option<&X509<'_>>, new: Option<&X509<'_>>) {
    let certificate = &subject.certificate;
    if let (Some(issuer), Some(own)) = (&certificate.issuer, &certificate.subject) {
        let renamed = certificate.extension(oid::NAME_CHANGE).is_some();
        if issuer.raw != own.raw && !renamed {
            let expected = "the bytes of the issuer, or the extension nameChange";
            sink.add("LK-001", own.at, "tbsCertificate.subject", expected, "another name");
            sink.add("LK-011", certificate.extensions_at, "extensions.id-icao-nameChange", "there, since the name changes", "none");
        }
        if issuer.raw == own.raw && renamed {
            let (at, path) = place(certificate, oid::NAME_CHANGE);
            sink.add("LK-011", at, path, "absent, since the name stays", "there");
        }
    }
    if let Some(old) = old {
        signed_by(sink, "LK-002", certificate, old, "a signature by the old key");
    }
    extension::table(sink, certificate, LINK);
    extension::authority_key_id(sink, "LK-003", certificate, old);
    extension::subject_key_id(sink, "LK-004", certificate);
    extension::key_usage(sink, "LK-005", certificate, 0x06, KEY_USAGE);
    let period = extension::key_period(sink, "LK-006", certificate, subject.validity);
    key_use(sink, "LK-006", certificate, period);
    extension::basic_constraints(sink, "LK-007", certificate);
    let country = certificate.subject.as_ref().and_then(name::country);
    extension::alternative_name(sink, "LK-008", certificate, oid::SUBJECT_ALT_NAME, country.as_deref());
    extension::alternative_name(sink, "LK-009", certificate, oid::ISSUER_ALT_NAME, subject.country.as_deref());
    extension::distribution_points(sink, "LK-010", certificate);
    extension::name_change(sink, "LK-011", certificate);
    if let Some(old) = old {
        compare(sink, "LK-009", certificate, oid::ISSUER_ALT_NAME, old, "as subjectAltName of the old CSCA");
    }
    let Some(new) = new else { return };
    compare(sink, "LK-004", certificate, oid::SUBJECT_KEY_IDENTIFIER, new, "as in the new root");
    compare(sink, "LK-008", certificate, oid::SUBJECT_ALT_NAME, new, "as in the new root");
    let period_of_root = extension::key_period(&mut Sink::default(), "LK-006", new, None);
    if let (Some((from, until)), Some(expected)) = (period, period_of_root)
        && (from, until) != expected
    {
        let (at, path) = place(certificate, oid::PRIVATE_KEY_USAGE_PERIOD);
        sink.add("LK-006", at, path, format!("as in the new root, {}", span(expected)), span((from, until)));
    }
    if certificate.spki.map(|spki| spki.raw) != new.spki.map(|spki| spki.raw) {
        let at = certificate.spki.map_or(certificate.tbs.at, |spki| spki.at);
        sink.add("LK-012", at, "tbsCertificate.subjectPublicKeyInfo", "the key of the new root", "another key");
    }
}

/// Whether the extension is as in `other`: issuerAltName as its subjectAltName.
fn compare(sink: &mut Sink, rule: &'static str, certificate: &X509<'_>, dotted: &'static str, other: &X509<'_>, expected: &'static str) {
    let theirs = if dotted == oid::ISSUER_ALT_NAME { oid::SUBJECT_ALT_NAME } else { dotted };
    if certificate.extension(dotted).is_some() && other.extension(theirs).is_some() && !same_value(certificate, dotted, other, theirs) {
        let (at, path) = place(certificate, dotted);
        sink.add(rule, at, path, format!("{expected}, {}", shown(other, theirs)), shown(certificate, dotted));
    }
}
