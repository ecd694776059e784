//! The rules for every X.509 certificate (XC), then those of its kind.

use eid::cert::Time;
use eid::tlv::Tlv;

use super::common::{self, AlgorithmRules, Key, Verdict};
use super::object::{BIT_STRING, INTEGER, X509, check_der, children, head, inside, small, unwrap_pem};
use super::{Context, Kind, Need, Sink, bsi, csca, extension, name, signer, time};

/// A certificate with what is worked out of it once.
pub(super) struct Subject<'a> {
    pub(super) certificate: X509<'a>,
    /// notBefore and notAfter, if both are times.
    pub(super) validity: Option<(Time, Time)>,
    pub(super) key: Key,
    /// Family and digest of the signature on it.
    pub(super) signature: Option<(common::Family, String)>,
    pub(super) country: Option<String>,
}

/// Judges a certificate.
pub(super) fn check(sink: &mut Sink, der: &[u8], kind: Kind, context: &Context<'_>) {
    let Some(certificate) = X509::read(der) else {
        sink.add("XC-001", 0, "Certificate", "SEQUENCE { SEQUENCE tbsCertificate, … }", head(der));
        return;
    };
    let subject = common_rules(sink, certificate);
    let issuer = context.issuer.and_then(|bytes| unwrap_pem(bytes).ok());
    let issuer = issuer.as_deref().and_then(X509::read);
    let root = context.root.and_then(|bytes| unwrap_pem(bytes).ok());
    let root = root.as_deref().and_then(X509::read);
    match kind {
        Kind::Csca => csca::root(sink, &subject, context),
        Kind::Link => csca::link(sink, &subject, issuer.as_ref(), root.as_ref()),
        _ => signer::check(sink, &subject, kind, issuer.as_ref(), context),
    }
    bsi::certificate(sink, &subject, kind);
}

fn common_rules<'a>(sink: &mut Sink, certificate: X509<'a>) -> Subject<'a> {
    check_der(sink, "XC-001", &certificate.outer, "Certificate");
    if certificate.trailing > 0 {
        let at = certificate.outer.raw.len();
        sink.add("XC-001", at, "Certificate", "nothing behind the certificate", format!("{} bytes", certificate.trailing));
    }
    let tbs = certificate.tbs.at;
    structure(sink, &certificate);
    match certificate.version.as_ref().map(|version| (version, inside(version))) {
        Some((_, Some(number))) if number.tag.0 == INTEGER && small(&number) == Some(2) => {}
        Some((version, _)) => sink.add("XC-002", version.at, "tbsCertificate.version", "v3 (2)", head(version.value)),
        None => sink.add("XC-002", tbs, "tbsCertificate.version", "v3 (2)", "none, which is v1"),
    }
    if let Some(serial) = &certificate.serial {
        let value = serial.value;
        let positive = value.first().is_some_and(|first| first & 0x80 == 0) && value.iter().any(|&octet| octet != 0);
        if !positive || value.len() > 20 || !super::object::minimal(value) {
            sink.add(
                "XC-003",
                serial.at,
                "tbsCertificate.serialNumber",
                "above zero, at most 20 octets, in its shortest form",
                head(value),
            );
        }
    }
    let rules = AlgorithmRules { family: "XC-005", hash: "XC-006", pss: "XC-007" };
    let signature = certificate.inner_algorithm.and_then(|inner| common::algorithm(sink, &inner, "tbsCertificate.signature", &rules));
    if let (Some(inner), Some(outer)) = (&certificate.inner_algorithm, &certificate.algorithm)
        && inner.raw != outer.raw
    {
        let expected = format!("as in tbsCertificate, {}", head(inner.raw));
        sink.add("XC-004", outer.at, "signatureAlgorithm", expected, head(outer.raw));
    }
    name::check(sink, certificate.issuer.as_ref(), certificate.subject.as_ref());
    let validity = certificate.validity.and_then(|validity| validity_rules(sink, &validity));
    let key = certificate.spki.map_or(Key::Other, |spki| common::key(sink, &spki));
    for unique in &certificate.unique {
        sink.add("XC-018", unique.at, "tbsCertificate", "no issuerUniqueID and no subjectUniqueID", head(unique.raw));
    }
    extension::general(sink, &certificate);
    let country = certificate.issuer.as_ref().and_then(name::country);
    Subject { certificate, validity, key, signature, country }
}

/// Fields that are missing or of another type.
fn structure(sink: &mut Sink, certificate: &X509<'_>) {
    let at = certificate.tbs.at;
    let fields = [
        ("tbsCertificate.serialNumber", certificate.serial.is_some()),
        ("tbsCertificate.signature", certificate.inner_algorithm.is_some()),
        ("tbsCertificate.issuer", certificate.issuer.is_some()),
        ("tbsCertificate.validity", certificate.validity.is_some()),
        ("tbsCertificate.subject", certificate.subject.is_some()),
        ("tbsCertificate.subjectPublicKeyInfo", certificate.spki.is_some()),
        ("signatureAlgorithm", certificate.algorithm.is_some()),
        ("signatureValue", certificate.signature.is_some_and(|bits| bits.tag.0 == BIT_STRING && bits.value.first() == Some(&0))),
    ];
    for (path, there) in fields {
        if !there {
            sink.add("XC-001", at, path, "the field, of its type and in its place", "none");
        }
    }
}

fn validity_rules(sink: &mut Sink, validity: &Tlv<'_>) -> Option<(Time, Time)> {
    let times = children(validity);
    let [from, until] = times.as_slice() else {
        sink.add("XC-013", validity.at, "tbsCertificate.validity", "notBefore and notAfter", head(validity.raw));
        return None;
    };
    let from_time = time::check(sink, "XC-013", from, "tbsCertificate.validity.notBefore");
    let until_time = time::check(sink, "XC-013", until, "tbsCertificate.validity.notAfter");
    let (from_time, until_time) = from_time.zip(until_time)?;
    if from_time >= until_time {
        let found = format!("{} to {}", from_time.generalized(), until_time.generalized());
        sink.add("XC-014", validity.at, "tbsCertificate.validity", "notBefore before notAfter", found);
    }
    Some((from_time, until_time))
}

/// Judges the signature on `subject` with the key of `signer`, under `rule`.
pub(super) fn signed_by(sink: &mut Sink, rule: &'static str, subject: &X509<'_>, signer: &X509<'_>, by: &'static str) {
    match common::verify(signer, subject.algorithm.as_ref(), subject.tbs.raw, subject.signature.as_ref()) {
        Verdict::Good => {}
        Verdict::Wrong(found) => {
            let at = subject.signature.map_or(subject.outer.at, |signature| signature.at);
            sink.add(rule, at, "signatureValue", by, found);
        }
        Verdict::Unknown => sink.open(rule, Need::Algorithm),
    }
}

/// Years and days from `from` to `until`, as text.
pub(super) fn span((from, until): (Time, Time)) -> String {
    format!("{} to {}, {} days", from.date, until.date, until.date.days() - from.date.days())
}
