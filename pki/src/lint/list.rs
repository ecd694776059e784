//! CSCA master lists (MS) and deviation lists (DV), Doc 9303-12 clauses 9 and 10.

use eid::oid;
use eid::tlv::Tlv;

use super::cms::{self, Message, Rules, Signer};
use super::object::{
    INTEGER, OCTET_STRING, OID, PRINTABLE_STRING, SEQUENCE, SET, X509, check_der, children, definite, dotted, head, inside, named, small,
};
use super::{Sink, time};

const MASTER: Rules = Rules {
    info: "MS-001",
    version: "MS-002",
    digests: None,
    content_type: ("MS-003", oid::CSCA_MASTER_LIST),
    crls: "MS-006",
    signers: "MS-007",
    signed_attributes: "MS-009",
    signing_time: true,
    digest: Some("MS-011"),
    unsigned: None,
};

const DEVIATION: Rules = Rules {
    info: "DV-001",
    version: "DV-001",
    digests: None,
    content_type: ("DV-002", oid::DEVIATION_LIST),
    crls: "DV-004",
    signers: "DV-005",
    signed_attributes: "DV-006",
    signing_time: true,
    digest: None,
    unsigned: Some("DV-007"),
};

/// Judges a master list.
pub(super) fn master(sink: &mut Sink, bytes: &[u8]) {
    let (der, rewritten) = definite(bytes);
    if rewritten {
        sink.add("MS-001", 0, "ContentInfo", "DER", "BER with indefinite lengths or octet strings in pieces");
    }
    let Some(message) = Message::read(&der) else {
        sink.add("MS-001", 0, "ContentInfo", "one SignedData", head(&der));
        return;
    };
    if message.trailing > 0 {
        sink.add("MS-001", message.outer.raw.len(), "ContentInfo", "nothing behind it", format!("{} bytes", message.trailing));
    }
    cms::check(sink, &message, &MASTER);
    signer_certificates(sink, &message, "MS-005", Some("MS-008"));
    for signer in &message.signers {
        if let Some(set) = &signer.attributes {
            check_der(sink, "MS-001", set, "SignerInfo.signedAttrs");
        }
        signer_version(sink, "MS-002", signer);
        let Some(certificate) = message.certificate_of(signer, None) else { continue };
        let purposes = certificate.purposes();
        let is_signer = purposes.iter().any(|purpose| purpose == oid::CSCA_MASTER_LIST_SIGNING_KEY);
        let is_csca = purposes.is_empty() && certificate.is_ca();
        if !is_signer && !is_csca {
            let found = if purposes.is_empty() { "none".to_owned() } else { purposes.join(", ") };
            sink.add("MS-010", signer.at, "SignerInfo.sid", "a certificate for master lists, or a CSCA's", format!("extKeyUsage {found}"));
        }
        cms::check_signature(sink, "MS-010", &message, signer, &certificate);
    }
    let content = message.content.as_ref().filter(|content| content.tag.0 == OCTET_STRING);
    let list = content.and_then(inside).filter(|list| list.tag.0 == SEQUENCE);
    let fields = list.as_ref().map(children).unwrap_or_default();
    let [version, set] = fields.as_slice() else {
        let found = message.content.map_or_else(|| "none".to_owned(), |content| head(content.value));
        sink.add("MS-004", message.signed.at, "CscaMasterList", "SEQUENCE { version 0, SET OF Certificate }", found);
        return;
    };
    if version.tag.0 != INTEGER || version.value != [0] {
        sink.add("MS-004", version.at, "CscaMasterList.version", "0", head(version.value));
    }
    if set.tag.0 != SET {
        sink.add("MS-004", set.at, "CscaMasterList.certList", "a SET", format!("tag {}", set.tag));
    }
    let entries = children(set);
    let mut sorted: Vec<_> = entries.iter().map(|entry| entry.raw).collect();
    if !sorted.is_sorted() {
        sink.add("MS-004", set.at, "CscaMasterList.certList", "the order of DER", "another order");
    }
    sorted.sort_unstable();
    for pair in sorted.windows(2).filter(|pair| matches!(pair, [a, b] if a == b)) {
        sink.add("MS-004", set.at, "CscaMasterList.certList", "every certificate once", pair.first().map_or_else(String::new, |c| head(c)));
    }
    for (n, entry) in entries.iter().enumerate() {
        match X509::read(entry.raw) {
            Some(certificate) if certificate.is_ca() => {}
            read => {
                let found = if read.is_some() { "a certificate that is no CA".to_owned() } else { head(entry.raw) };
                sink.add("MS-012", entry.at, format!("CscaMasterList.certList[{n}]"), "a CSCA root or link certificate", found);
            }
        }
    }
}

/// The version that the form of the signer's name asks for (RFC 5652 clause 5.3).
fn signer_version(sink: &mut Sink, rule: &'static str, signer: &Signer<'_>) {
    let expected = if signer.sid.is_some_and(|sid| sid.tag.0 == 0x80) { 3 } else { 1 };
    if signer.version.as_ref().and_then(small) != Some(expected) {
        let found = signer.version.map_or_else(|| "none".to_owned(), |version| head(version.value));
        sink.add(rule, signer.at, "SignerInfo.version", format!("{expected}, for this form of sid"), found);
    }
}

/// Whether the signer's certificate came along, its CSCA too, and how the signer is named.
fn signer_certificates(sink: &mut Sink, message: &Message<'_>, rule: &'static str, by_key: Option<&'static str>) {
    let certificates: Vec<_> = message.certificates.iter().filter_map(|certificate| X509::read(certificate.raw)).collect();
    for signer in &message.signers {
        let at = signer.sid.map_or(signer.at, |sid| sid.at);
        if let (Some(rule), Some(sid)) = (by_key, signer.sid)
            && sid.tag.0 != 0x80
        {
            sink.add(rule, at, "SignerInfo.sid", "subjectKeyIdentifier", "issuerAndSerialNumber");
        }
        let Some(certificate) = message.certificate_of(signer, None) else {
            sink.add(rule, at, "SignedData.certificates", "the certificate of the signer", format!("{} others", certificates.len()));
            continue;
        };
        let issuer = certificate.issuer.map(|name| name.raw);
        if !certificate.is_ca() && !certificates.iter().any(|ca| ca.is_ca() && ca.subject.map(|name| name.raw) == issuer) {
            sink.add(rule, at, "SignedData.certificates", "the certificate of the signer's CSCA", "none");
        }
    }
}

/// Judges a deviation list.
pub(super) fn deviation(sink: &mut Sink, bytes: &[u8]) {
    let (der, _) = definite(bytes);
    let Some(message) = Message::read(&der) else {
        sink.add("DV-001", 0, "ContentInfo", "one SignedData", head(&der));
        return;
    };
    cms::check(sink, &message, &DEVIATION);
    signer_certificates(sink, &message, "DV-003", None);
    for signer in &message.signers {
        signer_version(sink, "DV-001", signer);
        if let Some(certificate) = message.certificate_of(signer, None) {
            cms::check_signature(sink, "DV-006", &message, signer, &certificate);
        }
    }
    let content = message.content.as_ref().filter(|content| content.tag.0 == OCTET_STRING);
    let Some(list) = content.and_then(inside).filter(|list| list.tag.0 == SEQUENCE) else {
        sink.add("DV-008", message.signed.at, "DeviationList", "an OCTET STRING with DeviationList", head(message.octets()));
        return;
    };
    check_der(sink, "DV-008", &list, "DeviationList");
    let fields = children(&list);
    let (version, set) = match fields.as_slice() {
        [version, set] => (version, set),
        [version, algorithm, set] if algorithm.tag.0 == SEQUENCE => (version, set),
        _ => {
            sink.add("DV-008", list.at, "DeviationList", "version, digestAlgorithm or none, and a SET of deviations", head(list.raw));
            return;
        }
    };
    if version.tag.0 != INTEGER || version.value != [0] {
        sink.add("DV-008", version.at, "DeviationList.version", "0", head(version.value));
    }
    if set.tag.0 != SET {
        sink.add("DV-008", set.at, "DeviationList.deviations", "a SET", format!("tag {}", set.tag));
    }
    for (n, entry) in children(set).iter().enumerate() {
        let parts = children(entry);
        match parts.as_slice() {
            [documents, descriptions] if documents.tag.0 == SEQUENCE && descriptions.tag.0 == SET => {
                self::documents(sink, documents, n);
                for description in children(descriptions) {
                    self::description(sink, &description, n);
                }
            }
            _ => sink.add("DV-008", entry.at, format!("deviations[{n}]"), "SEQUENCE { documents, SET OF description }", head(entry.raw)),
        }
    }
}

/// DeviationDocuments: [0] type, one of [1], [2], [3] for the signer, [4] days of issue, [5] numbers; each once, in this order.
fn documents(sink: &mut Sink, documents: &Tlv<'_>, n: usize) {
    let path = || format!("deviations[{n}].documents");
    let mut before = 0;
    for part in children(documents) {
        let (rank, good) = match part.tag.0 {
            0x80 => (1, part.value.len() == 2 && super::name::printable_or_filler(part.value)),
            0xA1 => {
                let pair = children(&part);
                (2, matches!(pair.as_slice(), [issuer, serial] if issuer.tag.0 == SEQUENCE && serial.tag.0 == INTEGER))
            }
            0x82 | 0x83 => (2, !part.value.is_empty()),
            0xA4 => {
                let days = children(&part);
                let moments: Vec<_> = days.iter().filter_map(time::generalized).collect();
                (3, days.len() == 2 && matches!(moments.as_slice(), [first, last] if first <= last))
            }
            0xA5 => {
                let numbers = children(&part);
                (4, !numbers.is_empty() && numbers.iter().all(|number| number.tag.0 == PRINTABLE_STRING && !number.value.is_empty()))
            }
            _ => (before + 1, false),
        };
        if rank <= before || !good {
            let expected = "[0] type of two characters, [1] [2] or [3] signer, [4] first and last day, [5] numbers";
            sink.add("DV-009", part.at, path(), expected, head(part.raw));
        }
        before = rank;
    }
}

/// DeviationDescription: text or none, the deviation, [0] parameters, [1] national use.
fn description(sink: &mut Sink, description: &Tlv<'_>, n: usize) {
    let path = || format!("deviations[{n}].descriptions");
    let parts = children(description);
    let rest = match parts.as_slice() {
        [text, rest @ ..] if text.tag.0 == PRINTABLE_STRING => rest,
        rest => rest,
    };
    let tags: Vec<u32> = rest.iter().map(|part| part.tag.0).collect();
    if !matches!(tags.as_slice(), [OID] | [OID, 0xA0 | 0xA1] | [OID, 0xA0, 0xA1]) {
        sink.add("DV-010", description.at, path(), "text, deviation, [0] parameters, [1] national use", head(description.raw));
    }
    let Some(kind) = rest.iter().find(|part| part.tag.0 == OID) else { return };
    let name = dotted(kind);
    let known = name
        .strip_prefix("2.23.136.1.1.7.")
        .and_then(|rest| rest.split('.').next())
        .is_some_and(|first| matches!(first, "1" | "2" | "3" | "4" | "5"));
    if !known {
        sink.add("DV-011", kind.at, path(), "an identifier below 2.23.136.1.1.7, 1 to 5", named(&name));
    }
}
