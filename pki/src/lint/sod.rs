//! EF.SOD (SO) and the LDSSecurityObject in it (LS), Doc 9303-10 clause 4.6.2.

use eid::lds::com::Com;
use eid::lds::{Elementary as _, tags};
use eid::oid;
use eid::tlv::{Tag, Tlv};

use super::cms::{self, Message, Rules, Signer};
use super::common;
use super::object::{
    INTEGER, OCTET_STRING, PRINTABLE_STRING, SEQUENCE, X509, check_der, children, definite, first, head, inside, named, small, unwrap_pem,
};
use super::{Context, Sink, bsi, name};

const RULES: Rules = Rules {
    info: "SO-002",
    version: "SO-003",
    digests: Some("SO-004"),
    content_type: ("SO-005", oid::LDS_SECURITY_OBJECT),
    crls: "SO-008",
    signers: "SO-009",
    signed_attributes: "SO-013",
    signing_time: false,
    digest: Some("SO-012"),
    unsigned: Some("SO-017"),
};

/// Largest file that a chip can hold with short file offsets.
const MAX_FILE: usize = 32_767;

/// Judges EF.SOD. Offsets inside of the message count from the start of ContentInfo.
pub(super) fn check(sink: &mut Sink, file: &[u8], context: &Context<'_>) {
    let content = match first(file) {
        Some((outer, trailing)) if outer.tag.0 == 0x77 => {
            if trailing > 0 {
                sink.add("SO-001", outer.raw.len(), "EF.SOD", "nothing behind the object 77", format!("{trailing} bytes"));
            }
            outer.value
        }
        Some((outer, _)) => {
            sink.add("SO-001", 0, "EF.SOD", "tag 77", format!("tag {}", outer.tag));
            file
        }
        None => {
            sink.add("SO-001", 0, "EF.SOD", "tag 77 with its exact length", head(file));
            return;
        }
    };
    let (der, rewritten) = definite(content);
    if rewritten {
        sink.add("SO-006", 0, "ContentInfo", "DER", "BER with indefinite lengths or octet strings in pieces");
    }
    let Some(message) = Message::read(&der) else {
        sink.add("SO-002", 0, "ContentInfo", "id-signedData and SignedData", head(&der));
        return;
    };
    if message.trailing > 0 || file.len() > MAX_FILE {
        let found = if message.trailing > 0 { format!("{} bytes behind it", message.trailing) } else { format!("{} bytes", file.len()) };
        sink.add("SO-019", message.outer.raw.len(), "EF.SOD", "a message that fills 77, of at most 32767 bytes", found);
    }
    cms::check(sink, &message, &RULES);
    certificates(sink, &message);
    let told = context.issuer.and_then(|bytes| unwrap_pem(bytes).ok());
    let told = told.as_deref().and_then(X509::read);
    let mut country = None;
    for signer in &message.signers {
        let certificate = message.certificate_of(signer, told.as_ref());
        country = country.or_else(|| certificate.as_ref().and_then(|c| c.issuer).as_ref().and_then(name::country));
        signer_rules(sink, &message, signer, certificate.as_ref());
    }
    security_object(sink, &message, context, country.as_deref());
}

fn certificates(sink: &mut Sink, message: &Message<'_>) {
    let at = message.signed.at;
    if message.certificates.is_empty() {
        sink.add("SO-007", at, "SignedData.certificates", "the certificate of the document signer", "none");
    }
    for certificate in &message.certificates {
        match X509::read(certificate.raw) {
            Some(read) if !read.is_ca() => {}
            Some(_) => sink.add("SO-007", certificate.at, "SignedData.certificates", "no CSCA certificate", "a CA certificate"),
            None => sink.add("SO-007", certificate.at, "SignedData.certificates", "X.509 certificates", head(certificate.raw)),
        }
    }
}

fn signer_rules(sink: &mut Sink, message: &Message<'_>, signer: &Signer<'_>, certificate: Option<&X509<'_>>) {
    let by_key = signer.sid.is_some_and(|sid| sid.tag.0 != SEQUENCE);
    let expected = if by_key { 3 } else { 1 };
    if signer.version.as_ref().and_then(small) != Some(expected) {
        let found = signer.version.map_or_else(|| "none".to_owned(), |version| head(version.value));
        sink.add("SO-010", signer.at, "SignerInfo.version", format!("{expected}, for this form of sid"), found);
    }
    let sid = signer.sid.map_or(signer.at, |sid| sid.at);
    if certificate.is_none() && !message.certificates.is_empty() {
        let found = signer.sid.map_or_else(|| "none".to_owned(), |sid| head(sid.raw));
        sink.add("SO-011", sid, "SignerInfo.sid", "the document signer's certificate", found);
    }
    let attributes = signer.attributes.map(|set| children(&set)).unwrap_or_default();
    if !attributes.is_sorted_by(|a, b| a.raw <= b.raw) {
        sink.add(
            "SO-014",
            signer.attributes.map_or(signer.at, |set| set.at),
            "SignerInfo.signedAttrs",
            "the order of DER",
            "another order",
        );
    }
    if let Some(set) = &signer.attributes {
        check_der(sink, "SO-014", set, "SignerInfo.signedAttrs");
    }
    let key = certificate.and_then(|certificate| certificate.spki).map(|spki| common::key(&mut Sink::default(), &spki));
    cms::signature_form(sink, signer, key.as_ref());
    if let Some(certificate) = certificate {
        cms::check_signature(sink, "SO-018", message, signer, certificate);
    }
}

/// One entry: number, hash, offset.
type Entry<'a> = (Option<u32>, &'a [u8], usize);

fn security_object(sink: &mut Sink, message: &Message<'_>, context: &Context<'_>, country: Option<&str>) {
    const PATH: &str = "LDSSecurityObject";
    let object = message.content.as_ref().filter(|content| content.tag.0 == OCTET_STRING);
    let Some(object) = object else {
        let found = message.content.map_or_else(|| "none".to_owned(), |content| head(content.raw));
        let at = message.encapsulated.map_or(message.signed.at, |e| e.at);
        sink.add("SO-006", at, "encapContentInfo.eContent", "an OCTET STRING with LDSSecurityObject", found);
        return;
    };
    let inner = inside(object).filter(|inner| inner.tag.0 == SEQUENCE);
    let fields = inner.as_ref().map(children).unwrap_or_default();
    let [version, algorithm, list, rest @ ..] = fields.as_slice() else {
        sink.add("SO-006", object.at, PATH, "SEQUENCE { version, hashAlgorithm, dataGroupHashValues }", head(object.value));
        return;
    };
    if let Some(inner) = &inner {
        check_der(sink, "SO-006", inner, PATH);
        if inner.raw.len() != object.value.len() {
            let found = format!("{} bytes", object.value.len() - inner.raw.len());
            sink.add("SO-006", inner.at + inner.raw.len(), PATH, "nothing behind it", found);
        }
    }
    let number = Some(version).filter(|version| version.tag.0 == INTEGER).and_then(small);
    if !matches!(number, Some(0 | 1)) {
        sink.add("LS-001", version.at, "LDSSecurityObject.version", "0 or 1", head(version.value));
    }
    version_info(sink, number, version.at, rest);

    let (name, _) = common::parts(algorithm);
    let hash = common::digest(&name);
    if !hash.is_some_and(common::is_sha2) {
        sink.add("LS-002", algorithm.at, "LDSSecurityObject.hashAlgorithm", "SHA-2", named(&name));
    }
    let entries: Vec<Entry<'_>> = children(list)
        .iter()
        .map(|entry| {
            let parts = children(entry);
            let number = parts.first().filter(|number| number.tag.0 == INTEGER).and_then(small);
            (number, parts.get(1).filter(|hash| hash.tag.0 == OCTET_STRING).map(|hash| hash.value).unwrap_or_default(), entry.at)
        })
        .collect();
    hash_list(sink, list.at, &entries, hash);
    let numbers: Vec<u8> = entries.iter().filter_map(|(number, _, _)| number.and_then(|number| u8::try_from(number).ok())).collect();
    bsi::document(sink, country, list.at, hash.unwrap_or("another digest"), &numbers);
    beside(sink, context, list.at, &entries, &numbers, hash);
}

fn version_info(sink: &mut Sink, version: Option<u32>, at: usize, rest: &[Tlv<'_>]) {
    const PATH: &str = "LDSSecurityObject.ldsVersionInfo";
    let digits =
        |text: &Tlv<'_>, n: usize| text.tag.0 == PRINTABLE_STRING && text.value.len() == n && text.value.iter().all(u8::is_ascii_digit);
    match (version, rest) {
        (Some(1), [info]) => {
            let parts = children(info);
            let good = matches!(parts.as_slice(), [lds, unicode] if digits(lds, 4) && digits(unicode, 6));
            if !good {
                sink.add("LS-008", info.at, PATH, "PrintableStrings as 0108 and 040000", head(info.raw));
            }
        }
        (Some(1), []) => sink.add("LS-008", at, PATH, "there in version 1", "none"),
        (_, []) => {}
        (_, [info, ..]) => sink.add("LS-008", info.at, PATH, "one in version 1, none in version 0", head(info.raw)),
    }
}

fn hash_list(sink: &mut Sink, at: usize, entries: &[Entry<'_>], hash: Option<&str>) {
    const PATH: &str = "LDSSecurityObject.dataGroupHashValues";
    if !(2..=16).contains(&entries.len()) {
        sink.add("LS-003", at, PATH, "2 to 16 entries", entries.len().to_string());
    }
    let mut before = 0;
    for &(number, value, at) in entries {
        match number {
            Some(number @ 1..=16) => {
                if number <= before {
                    sink.add("LS-004", at, PATH, format!("a number above {before}"), number.to_string());
                }
                before = number;
            }
            other => sink.add("LS-004", at, PATH, "a number from 1 to 16", other.map_or_else(|| "none".to_owned(), |n| n.to_string())),
        }
        if let Some(expected) = hash.and_then(common::digest_len).filter(|expected| *expected != value.len()) {
            sink.add("LS-010", at, PATH, format!("{expected} bytes"), format!("{} bytes", value.len()));
        }
    }
    for wanted in [1, 2] {
        if !entries.iter().any(|(number, _, _)| *number == Some(wanted)) {
            sink.add("LS-007", at, PATH, "hashes of DG1 and DG2", format!("none of DG{wanted}"));
        }
    }
}

/// Against the other files of the chip.
fn beside(sink: &mut Sink, context: &Context<'_>, at: usize, entries: &[Entry<'_>], numbers: &[u8], hash: Option<&str>) {
    const PATH: &str = "LDSSecurityObject.dataGroupHashValues";
    if let Some(files) = context.data_groups {
        for &(number, file) in files {
            let found = entries.iter().find(|(listed, _, _)| *listed == Some(u32::from(number)));
            let Some((_, value, at)) = found else {
                sink.add("LS-006", at, PATH, "a hash of every data group of the chip", format!("none of DG{number}"));
                continue;
            };
            if let Some(expected) = hash.and_then(cms::hash).map(|hash| hash.digest(&[file]))
                && *value != expected
            {
                sink.add("LS-005", *at, PATH, format!("hash of DG{number}, {}", head(&expected)), head(value));
            }
        }
        for number in numbers.iter().filter(|number| !files.iter().any(|(there, _)| there == *number)) {
            sink.add("LS-006", at, PATH, "a data group for every hash", format!("DG{number} is not there"));
        }
    }
    let Some(com) = context.com else { return };
    match Com::read(com, &mut Vec::new()) {
        Ok(com) => {
            let mut listed = com.data_groups();
            listed.sort_unstable();
            let mut hashed = numbers.to_vec();
            hashed.sort_unstable();
            hashed.dedup();
            let unknown = com.tags.iter().any(|&tag: &Tag| tags::data_group(tag).is_none());
            if listed != hashed || unknown {
                sink.add("LS-009", at, PATH, format!("the data groups of EF.COM, {listed:?}"), format!("{hashed:?}"));
            }
        }
        Err(error) => sink.add("LS-009", at, PATH, "an EF.COM that can be read", error.to_string()),
    }
}
