//! Certificate revocation lists (CR), Doc 9303-12 clause 7.1.4.

use eid::cert::Time;
use eid::cert::x509::name as x509_name;
use eid::oid;
use eid::tlv::Tlv;

use super::common::{self, AlgorithmRules, Verdict};
use super::extension::FRESHEST_CRL;
use super::object::{
    BIT_STRING, Extension, GENERALIZED_TIME, INTEGER, SEQUENCE, UTC_TIME, X509, check_der, children, extensions, first, head, minimal,
    small, unwrap_pem,
};
use super::{Context, Need, Sink, name, time};

const CRL_NUMBER: &str = "2.5.29.20";
const REASON_CODE: &str = "2.5.29.21";
const HOLD_INSTRUCTION: &str = "2.5.29.23";
const INVALIDITY_DATE: &str = "2.5.29.24";
const DELTA_INDICATOR: &str = "2.5.29.27";
const ISSUING_DISTRIBUTION_POINT: &str = "2.5.29.28";
const CERTIFICATE_ISSUER: &str = "2.5.29.29";

/// Most days from one list to the next.
const INTERVAL_DAYS: i64 = 90;

struct Crl<'a> {
    outer: Tlv<'a>,
    tbs: Tlv<'a>,
    version: Option<Tlv<'a>>,
    inner: Option<Tlv<'a>>,
    issuer: Option<Tlv<'a>>,
    this_update: Option<Tlv<'a>>,
    next_update: Option<Tlv<'a>>,
    revoked: Option<Tlv<'a>>,
    extensions: Vec<Extension<'a>>,
    algorithm: Option<Tlv<'a>>,
    signature: Option<Tlv<'a>>,
    trailing: usize,
}

impl<'a> Crl<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let (outer, trailing) = first(der).filter(|(outer, _)| outer.tag.0 == SEQUENCE)?;
        let parts = children(&outer);
        let tbs = *parts.first().filter(|tbs| tbs.tag.0 == SEQUENCE)?;
        let fields = children(&tbs);
        let mut rest = fields.iter().copied().peekable();
        let is_time = |field: &Tlv<'_>| matches!(field.tag.0, UTC_TIME | GENERALIZED_TIME);
        let version = rest.next_if(|field| field.tag.0 == INTEGER);
        let inner = rest.next_if(|field| field.tag.0 == SEQUENCE);
        let issuer = rest.next_if(|field| field.tag.0 == SEQUENCE);
        let this_update = rest.next_if(is_time);
        let next_update = rest.next_if(is_time);
        let revoked = rest.next_if(|field| field.tag.0 == SEQUENCE);
        let tagged = rest.next_if(|field| field.tag.0 == 0xA0);
        Some(Self {
            outer,
            tbs,
            version,
            inner,
            issuer,
            this_update,
            next_update,
            revoked,
            extensions: tagged.as_ref().map(extensions).unwrap_or_default(),
            algorithm: parts.get(1).filter(|part| part.tag.0 == SEQUENCE).copied(),
            signature: parts.iter().find(|part| part.tag.0 == BIT_STRING).copied(),
            trailing,
        })
    }

    fn extension(&self, dotted: &str) -> Option<&Extension<'a>> {
        self.extensions.iter().find(|extension| extension.oid == dotted)
    }

    /// Content octets of cRLNumber.
    fn number(&self) -> Option<&'a [u8]> {
        self.extension(CRL_NUMBER).and_then(Extension::object).filter(|number| number.tag.0 == INTEGER).map(|number| number.value)
    }
}

/// Judges a list.
pub(super) fn check(sink: &mut Sink, der: &[u8], context: &Context<'_>) {
    let Some(crl) = Crl::read(der) else {
        sink.add("XC-001", 0, "CertificateList", "SEQUENCE { SEQUENCE tbsCertList, … }", head(der));
        return;
    };
    check_der(sink, "XC-001", &crl.outer, "CertificateList");
    if crl.trailing > 0 {
        sink.add("XC-001", crl.outer.raw.len(), "CertificateList", "nothing behind the list", format!("{} bytes", crl.trailing));
    }
    let at = crl.tbs.at;
    if crl.version.as_ref().and_then(small) != Some(1) {
        let found = crl.version.map_or_else(|| "none, which is v1".to_owned(), |version| head(version.value));
        sink.add("CR-001", crl.version.map_or(at, |version| version.at), "tbsCertList.version", "v2 (1)", found);
    }
    let rules = AlgorithmRules { family: "CR-002", hash: "CR-002", pss: "CR-002" };
    if let Some(inner) = &crl.inner {
        common::algorithm(sink, inner, "tbsCertList.signature", &rules);
    }
    if crl.inner.map(|inner| inner.raw) != crl.algorithm.map(|outer| outer.raw) {
        let found = crl.algorithm.map_or_else(|| "none".to_owned(), |outer| head(outer.raw));
        sink.add("CR-002", crl.algorithm.map_or(at, |outer| outer.at), "signatureAlgorithm", "as in tbsCertList", found);
    }
    if let Some(issuer) = &crl.issuer
        && let Err((at, found)) = name::country_form(issuer)
    {
        sink.add("CR-003", at, "tbsCertList.issuer.countryName", "two upper-case letters in a PrintableString", found);
    }
    let times = update_times(sink, &crl);
    entries(sink, &crl);
    list_extensions(sink, &crl);
    if let (Some((this, _)), Some(date)) = (times, context.date)
        && date.days() - this.date.days() > INTERVAL_DAYS
    {
        let expected = format!("a list of the {INTERVAL_DAYS} days before {date}");
        sink.add("CR-017", crl.this_update.map_or(at, |time| time.at), "tbsCertList.thisUpdate", expected, this.date.to_string());
    }
    if let Some(previous) = context.previous.and_then(|bytes| unwrap_pem(bytes).ok()).as_deref().and_then(Crl::read) {
        after(sink, &crl, &previous, times.map(|(this, _)| this));
    }
    if let Some(issuer) = context.issuer.and_then(|bytes| unwrap_pem(bytes).ok()).as_deref().and_then(X509::read) {
        against_issuer(sink, &crl, &issuer);
    }
}

fn update_times(sink: &mut Sink, crl: &Crl<'_>) -> Option<(Time, Option<Time>)> {
    let at = crl.tbs.at;
    let this = match &crl.this_update {
        Some(object) => time::check(sink, "CR-004", object, "tbsCertList.thisUpdate"),
        None => {
            sink.add("CR-004", at, "tbsCertList.thisUpdate", "a time", "none");
            None
        }
    };
    let Some(object) = &crl.next_update else {
        sink.add("CR-005", at, "tbsCertList.nextUpdate", "a time at most 90 days after thisUpdate", "none");
        return this.map(|this| (this, None));
    };
    let next = time::check(sink, "CR-005", object, "tbsCertList.nextUpdate");
    if let (Some(this), Some(next)) = (this, next) {
        let days = next.date.days() - this.date.days();
        if next <= this || days > INTERVAL_DAYS {
            sink.add("CR-005", object.at, "tbsCertList.nextUpdate", "1 to 90 days after thisUpdate", format!("{days} days"));
        }
    }
    this.map(|this| (this, next))
}

fn entries(sink: &mut Sink, crl: &Crl<'_>) {
    const PATH: &str = "tbsCertList.revokedCertificates";
    let Some(revoked) = &crl.revoked else { return };
    let entries = children(revoked);
    if entries.is_empty() {
        sink.add("CR-006", revoked.at, PATH, "absent where nothing is revoked", "an empty list");
    }
    for entry in &entries {
        let fields = children(entry);
        match fields.first() {
            Some(serial) if serial.tag.0 == INTEGER => {
                let positive = serial.value.first().is_some_and(|o| o & 0x80 == 0) && serial.value.iter().any(|&o| o != 0);
                if !positive || !minimal(serial.value) || serial.value.len() > 20 {
                    sink.add("CR-007", serial.at, PATH, "a serial number as in a certificate", head(serial.value));
                }
            }
            _ => sink.add("CR-007", entry.at, PATH, "a serial number", head(entry.raw)),
        }
        match fields.get(1) {
            Some(date) => {
                time::check(sink, "CR-004", date, "tbsCertList.revokedCertificates.revocationDate");
            }
            None => sink.add("CR-004", entry.at, PATH, "a revocation date", "none"),
        }
        // crlEntryExtensions is the list itself, without a tag around it
        let list = fields.get(2).map(children).unwrap_or_default();
        for extension in &list {
            let parts = children(extension);
            let kind = parts.first().map(super::object::dotted).unwrap_or_default();
            match kind.as_str() {
                REASON_CODE => sink.add("CR-008", extension.at, PATH, "no reasonCode", head(extension.raw)),
                HOLD_INSTRUCTION | INVALIDITY_DATE | CERTIFICATE_ISSUER => {
                    sink.add("CR-009", extension.at, PATH, "no holdInstructionCode, invalidityDate, or certificateIssuer", kind);
                }
                _ => {}
            }
        }
    }
}

fn list_extensions(sink: &mut Sink, crl: &Crl<'_>) {
    let end = crl.tbs.at + crl.tbs.raw.len();
    match crl.extension(oid::AUTHORITY_KEY_IDENTIFIER) {
        None => sink.add("CR-010", end, "crlExtensions.authorityKeyIdentifier", "there, not critical", "none"),
        Some(extension) => {
            if extension.critical || key_id(extension).is_none() {
                let found = if extension.critical { "critical" } else { "no keyIdentifier" };
                sink.add("CR-010", extension.at, "crlExtensions.authorityKeyIdentifier", "keyIdentifier, not critical", found);
            }
        }
    }
    if let Some(extension) = crl.extension(oid::ISSUER_ALT_NAME).filter(|extension| extension.critical) {
        sink.add("CR-011", extension.at, "crlExtensions.issuerAltName", "not critical", "critical");
    }
    match crl.extension(CRL_NUMBER) {
        None => sink.add("CR-012", end, "crlExtensions.cRLNumber", "there, not critical", "none"),
        Some(extension) => {
            let number = crl.number();
            let form = number.is_some_and(|number| minimal(number) && number.len() <= 20 && number.first().is_some_and(|o| o & 0x80 == 0));
            if extension.critical || !form {
                let found = extension.value.map_or_else(|| "nothing".to_owned(), |value| head(value.value));
                sink.add("CR-012", extension.at, "crlExtensions.cRLNumber", "a number of at most 20 octets, not critical", found);
            }
        }
    }
    let forbidden = [
        ("CR-013", DELTA_INDICATOR, "crlExtensions.deltaCRLIndicator"),
        ("CR-014", ISSUING_DISTRIBUTION_POINT, "crlExtensions.issuingDistributionPoint"),
        ("CR-015", FRESHEST_CRL, "crlExtensions.freshestCRL"),
    ];
    for (rule, dotted, path) in forbidden {
        if let Some(extension) = crl.extension(dotted) {
            sink.add(rule, extension.at, path, "absent", "there");
        }
    }
}

fn key_id<'a>(extension: &Extension<'a>) -> Option<&'a [u8]> {
    let identifier = extension.object()?;
    children(&identifier).into_iter().find(|part| part.tag.0 == 0x80).map(|id| id.value)
}

/// Against the list before it: a greater number, and 48 hours between two lists of the same entries.
fn after(sink: &mut Sink, crl: &Crl<'_>, previous: &Crl<'_>, this: Option<Time>) {
    let rank = |number: Option<&[u8]>| {
        let digits: Vec<u8> = number.unwrap_or_default().iter().copied().skip_while(|&octet| octet == 0).collect();
        (digits.len(), digits)
    };
    if let (Some(new), Some(old)) = (crl.number(), previous.number())
        && rank(Some(new)) <= rank(Some(old))
    {
        let at = crl.extension(CRL_NUMBER).map_or(crl.tbs.at, |extension| extension.at);
        sink.add("CR-012", at, "crlExtensions.cRLNumber", format!("above that of the list before, {}", head(old)), head(new));
    }
    let before = previous.this_update.as_ref().and_then(|time| Time::read(time).ok());
    let same = crl.revoked.map(|list| list.raw) == previous.revoked.map(|list| list.raw);
    if let (Some(this), Some(before), true) = (this, before, same) {
        let seconds = |time: Time| time.date.days() * 86_400 + i64::from(time.second);
        if seconds(this) - seconds(before) < 2 * 86_400 {
            let at = crl.this_update.map_or(crl.tbs.at, |time| time.at);
            let expected = format!("48 hours or more after {}, as nothing new is revoked", before.generalized());
            sink.add("CR-017", at, "tbsCertList.thisUpdate", expected, this.generalized());
        }
    }
}

fn against_issuer(sink: &mut Sink, crl: &Crl<'_>, issuer: &X509<'_>) {
    let (own, subject) = (crl.issuer.map(|name| name.raw).unwrap_or_default(), issuer.subject.map(|name| name.raw).unwrap_or_default());
    if own != subject {
        let expected = format!("the bytes of the CSCA's subject, {}", x509_name::to_text(subject));
        sink.add("CR-003", crl.issuer.map_or(crl.tbs.at, |name| name.at), "tbsCertList.issuer", expected, x509_name::to_text(own));
    }
    if let (Some(extension), Some(expected)) = (crl.extension(oid::AUTHORITY_KEY_IDENTIFIER), issuer.subject_key_id())
        && let Some(found) = key_id(extension).filter(|found| *found != expected)
    {
        let expected = format!("the CSCA's subjectKeyIdentifier, {}", head(expected));
        sink.add("CR-010", extension.at, "crlExtensions.authorityKeyIdentifier", expected, head(found));
    }
    match common::verify(issuer, crl.algorithm.as_ref(), crl.tbs.raw, crl.signature.as_ref()) {
        Verdict::Good => {}
        Verdict::Wrong(found) => {
            sink.add("CR-019", crl.signature.map_or(0, |bits| bits.at), "signatureValue", "a signature by the key of the CSCA", found);
        }
        Verdict::Unknown => sink.open("CR-019", Need::Algorithm),
    }
}
