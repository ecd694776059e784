//! Signed messages by their TLV, and the rules that EF.SOD, master lists, and deviation lists share (RFC 5652 clause 5).

use eid::cert::algorithm::SignatureAlgorithm;
use eid::cert::spki;
use eid::cert::x509::Certificate;
use eid::cert::x509::name::{self, Relation};
use eid::crypto::hash::Hash;
use eid::crypto::signature::SignatureError;
use eid::oid;
use eid::tlv::{self, Tlv};

use super::common::{self, Family, Key, Verdict};
use super::object::{INTEGER, OCTET_STRING, OID, SEQUENCE, SET, X509, children, dotted, first, head, inside, named, small};
use super::{Need, Sink};

/// A ContentInfo with what is there.
#[derive(Clone, Debug)]
pub(super) struct Message<'a> {
    pub(super) outer: Tlv<'a>,
    /// contentType of ContentInfo.
    pub(super) kind: String,
    /// SignedData.
    pub(super) signed: Tlv<'a>,
    pub(super) version: Option<Tlv<'a>>,
    /// digestAlgorithms: the SET.
    pub(super) digests: Option<Tlv<'a>>,
    pub(super) encapsulated: Option<Tlv<'a>>,
    /// eContentType.
    pub(super) content_kind: Option<Tlv<'a>>,
    /// eContent: the object in [0].
    pub(super) content: Option<Tlv<'a>>,
    pub(super) certificates: Vec<Tlv<'a>>,
    pub(super) crls: Option<Tlv<'a>>,
    pub(super) signers: Vec<Signer<'a>>,
    /// Bytes behind it.
    pub(super) trailing: usize,
}

/// A SignerInfo with what is there.
#[derive(Clone, Debug)]
pub(super) struct Signer<'a> {
    pub(super) at: usize,
    pub(super) version: Option<Tlv<'a>>,
    pub(super) sid: Option<Tlv<'a>>,
    pub(super) digest: Option<Tlv<'a>>,
    pub(super) attributes: Option<Tlv<'a>>,
    pub(super) algorithm: Option<Tlv<'a>>,
    pub(super) signature: Option<Tlv<'a>>,
    pub(super) unsigned: Option<Tlv<'a>>,
}

impl<'a> Message<'a> {
    /// Reads a ContentInfo; `None` if it does not begin as one.
    pub(super) fn read(der: &'a [u8]) -> Option<Self> {
        let (outer, trailing) = first(der).filter(|(outer, _)| outer.tag.0 == SEQUENCE)?;
        let info = children(&outer);
        let kind = info.first().filter(|kind| kind.tag.0 == OID)?;
        let signed = info.get(1).filter(|tagged| tagged.tag.0 == 0xA0).and_then(inside)?;
        let fields = children(&signed);
        let mut rest = fields.iter().copied().peekable();
        let version = rest.next_if(|field| field.tag.0 == INTEGER);
        let digests = rest.next_if(|field| field.tag.0 == SET);
        let encapsulated = rest.next_if(|field| field.tag.0 == SEQUENCE);
        let certificates = rest.next_if(|field| field.tag.0 == 0xA0);
        let crls = rest.next_if(|field| field.tag.0 == 0xA1);
        let signers = rest.next_if(|field| field.tag.0 == SET);
        let parts = encapsulated.map(|parts| children(&parts)).unwrap_or_default();
        Some(Self {
            outer,
            kind: dotted(kind),
            signed,
            version,
            digests,
            encapsulated,
            content_kind: parts.first().copied(),
            content: parts.iter().find(|part| part.tag.0 == 0xA0).and_then(inside),
            certificates: certificates.map(|list| children(&list)).unwrap_or_default(),
            crls,
            signers: signers.map(|set| children(&set).iter().map(Signer::read).collect()).unwrap_or_default(),
            trailing,
        })
    }

    /// eContentType, dotted; empty if there is none.
    pub(super) fn content_type(&self) -> String {
        self.content_kind.as_ref().map(dotted).unwrap_or_default()
    }

    /// The signed octets.
    pub(super) fn octets(&self) -> &'a [u8] {
        self.content.map(|content| content.value).unwrap_or_default()
    }

    /// The certificate among those that came along, then `other`, that the signer names.
    pub(super) fn certificate_of(&self, signer: &Signer<'a>, other: Option<&X509<'a>>) -> Option<X509<'a>> {
        let embedded = self.certificates.iter().filter_map(|certificate| X509::read(certificate.raw));
        embedded.chain(other.cloned()).find(|certificate| signer.names(certificate))
    }
}

impl<'a> Signer<'a> {
    fn read(info: &Tlv<'a>) -> Self {
        let fields = children(info);
        let mut rest = fields.iter().copied().peekable();
        let version = rest.next_if(|field| field.tag.0 == INTEGER);
        let sid = rest.next_if(|field| matches!(field.tag.0, SEQUENCE | 0x80 | 0xA0));
        let digest = rest.next_if(|field| field.tag.0 == SEQUENCE);
        let attributes = rest.next_if(|field| field.tag.0 == 0xA0);
        let algorithm = rest.next_if(|field| field.tag.0 == SEQUENCE);
        let signature = rest.next_if(|field| field.tag.0 == OCTET_STRING);
        let unsigned = rest.next_if(|field| field.tag.0 == 0xA1);
        Self { at: info.at, version, sid, digest, attributes, algorithm, signature, unsigned }
    }

    /// Whether it names `certificate`, as far as reading goes: serial numbers without surplus octets, names as they compare.
    pub(super) fn names(&self, certificate: &X509<'_>) -> bool {
        match self.sid {
            Some(sid) if sid.tag.0 == SEQUENCE => {
                let pair = children(&sid);
                let (Some(issuer), Some(serial)) = (pair.first(), pair.get(1)) else { return false };
                let same = |a: &[u8], b: &[u8]| strip(a) == strip(b);
                certificate.serial.is_some_and(|own| same(own.value, serial.value))
                    && certificate.issuer.is_some_and(|own| name::compare(own.raw, issuer.raw) != Relation::Different)
            }
            Some(sid) => certificate.subject_key_id() == Some(sid.value),
            None => false,
        }
    }

    /// Digest that digestAlgorithm names.
    pub(super) fn digest_name(&self) -> Option<&'static str> {
        self.digest.as_ref().and_then(|digest| common::digest(&common::parts(digest).0))
    }

    /// Values of the signed attribute of a type, for each time that it is there.
    pub(super) fn attribute(&self, kind: &str) -> Vec<Vec<Tlv<'a>>> {
        let mut out = Vec::new();
        for attribute in self.attributes.map(|set| children(&set)).unwrap_or_default() {
            if let [found, values, ..] = children(&attribute).as_slice()
                && dotted(found) == kind
            {
                out.push(children(values));
            }
        }
        out
    }
}

fn strip(mut value: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = value {
        value = rest;
    }
    value
}

/// The ids under which a message is judged; `None` where a kind of message has no such rule.
pub(super) struct Rules {
    /// id-signedData, one object.
    pub(super) info: &'static str,
    pub(super) version: &'static str,
    pub(super) digests: Option<&'static str>,
    pub(super) content_type: (&'static str, &'static str),
    pub(super) crls: &'static str,
    pub(super) signers: &'static str,
    pub(super) signed_attributes: &'static str,
    pub(super) signing_time: bool,
    pub(super) digest: Option<&'static str>,
    pub(super) unsigned: Option<&'static str>,
}

/// What all three kinds of messages are judged by.
pub(super) fn check(sink: &mut Sink, message: &Message<'_>, rules: &Rules) {
    if message.kind != oid::SIGNED_DATA {
        sink.add(rules.info, message.outer.at, "ContentInfo.contentType", "id-signedData", named(&message.kind));
    }
    let at = message.signed.at;
    match &message.version {
        Some(version) if small(version) == Some(3) => {}
        found => {
            let text = found.map_or_else(|| "none".to_owned(), |version| head(version.value));
            sink.add(rules.version, found.map_or(at, |version| version.at), "SignedData.version", "3", text);
        }
    }
    let content_type = message.content_type();
    if content_type != rules.content_type.1 {
        let at = message.content_kind.map_or(at, |kind| kind.at);
        sink.add(rules.content_type.0, at, "encapContentInfo.eContentType", rules.content_type.1, named(&content_type));
    }
    if let Some(crls) = &message.crls {
        sink.add(rules.crls, crls.at, "SignedData.crls", "absent", head(crls.raw));
    }
    if message.signers.len() != 1 {
        sink.add(rules.signers, at, "SignedData.signerInfos", "one SignerInfo", message.signers.len().to_string());
    }
    let listed: Vec<String> = message.digests.map(|set| children(&set)).unwrap_or_default().iter().map(|d| common::parts(d).0).collect();
    if let Some(rule) = rules.digests {
        let at = message.digests.map_or(at, |set| set.at);
        for name in listed.iter().filter(|name| !common::digest(name).is_some_and(common::is_sha2)) {
            sink.add(rule, at, "SignedData.digestAlgorithms", "SHA-2 alone", named(name));
        }
        for signer in &message.signers {
            let used = signer.digest.as_ref().map(|digest| common::parts(digest).0).unwrap_or_default();
            if !listed.contains(&used) {
                sink.add(
                    rule,
                    at,
                    "SignedData.digestAlgorithms",
                    format!("the signer's {}", named(&used)),
                    format!("[{}]", listed.join(", ")),
                );
            }
        }
    }
    for signer in &message.signers {
        attributes(sink, message, signer, rules);
        if let (Some(rule), Some(digest)) = (rules.digest, &signer.digest) {
            let (name, parameters) = common::parts(digest);
            if !common::digest(&name).is_some_and(common::is_sha2) {
                sink.add(rule, digest.at, "SignerInfo.digestAlgorithm", "SHA-2", named(&name));
            }
            if let Some(parameters) = parameters {
                sink.add(rule, parameters.at, "SignerInfo.digestAlgorithm", "no parameters (RFC 5754 clause 2)", head(parameters.raw));
            }
        }
        if let (Some(rule), Some(unsigned)) = (rules.unsigned, &signer.unsigned) {
            sink.add(rule, unsigned.at, "SignerInfo.unsignedAttrs", "absent", head(unsigned.raw));
        }
    }
}

fn attributes(sink: &mut Sink, message: &Message<'_>, signer: &Signer<'_>, rules: &Rules) {
    const PATH: &str = "SignerInfo.signedAttrs";
    let rule = rules.signed_attributes;
    let Some(set) = signer.attributes else {
        sink.add(rule, signer.at, PATH, "contentType and messageDigest", "no signed attributes");
        return;
    };
    let mut one = |kind: &'static str, mandatory: bool| {
        let found = signer.attribute(kind);
        match found.as_slice() {
            [] if !mandatory => None,
            [values] if values.len() == 1 => values.first().copied(),
            other => {
                let found = match other {
                    [] => "none".to_owned(),
                    [values] => format!("{} values", values.len()),
                    more => format!("{} times", more.len()),
                };
                sink.add(rule, set.at, PATH, format!("{} once, with one value", named(kind)), found);
                None
            }
        }
    };
    let content_type = one(oid::CONTENT_TYPE, true);
    let digest = one(oid::MESSAGE_DIGEST, true);
    one(oid::SIGNING_TIME, rules.signing_time);
    if let Some(found) = content_type
        && dotted(&found) != message.content_type()
    {
        sink.add(rule, found.at, PATH, format!("contentType as eContentType, {}", message.content_type()), dotted(&found));
    }
    if let (Some(found), Some(hash)) = (digest, signer.digest_name().and_then(hash)) {
        let expected = hash.digest(&[message.octets()]);
        if found.value != expected {
            sink.add(rule, found.at, PATH, format!("messageDigest {}, of the content", hex::encode(expected)), head(found.value));
        }
    }
}

/// The digest of that name.
pub(super) fn hash(name: &str) -> Option<Hash> {
    Hash::ALL.into_iter().find(|hash| hash.name() == name)
}

/// Whether the key of `certificate` made the signature, over the attributes as they stand or in the order of DER, or over the content where
/// there are none.
pub(super) fn verify(message: &Message<'_>, signer: &Signer<'_>, certificate: &X509<'_>) -> Verdict {
    let algorithm = signer.algorithm.and_then(|algorithm| SignatureAlgorithm::parse(algorithm.raw).ok());
    let told = signer.digest_name().and_then(hash);
    let key = match Certificate::from_der(certificate.outer.raw) {
        Ok(certificate) => certificate.key().ok().cloned(),
        Err(_) => certificate.spki.and_then(|spki| spki::parse(spki.raw).ok()),
    };
    let (Some(algorithm), Some(key)) = (algorithm, key) else { return Verdict::Unknown };
    let signature = signer.signature.map(|signature| signature.value).unwrap_or_default();
    let texts = match signer.attributes {
        None => vec![message.octets().to_vec()],
        Some(attributes) => {
            let mut as_it_stands = attributes.raw.to_vec();
            if let Some(tag) = as_it_stands.first_mut() {
                *tag = 0x31;
            }
            let mut parts: Vec<_> = children(&attributes).iter().map(|attribute| attribute.raw).collect();
            parts.sort_unstable();
            vec![as_it_stands, tlv::encode(SET, &parts.concat())]
        }
    };
    let mut verdict = Verdict::Unknown;
    for text in texts {
        match algorithm.verify(told, &key, &text, signature) {
            Ok(()) => return Verdict::Good,
            Err(SignatureError::Unsupported(_)) if algorithm.algorithm(told).is_ok_and(|a| key.permits(a)) => return Verdict::Unknown,
            Err(error) => verdict = Verdict::Wrong(error.to_string()),
        }
    }
    verdict
}

/// SO-015 and SO-016: whether signatureAlgorithm fits digest and key, and the form of an ECDSA signature.
pub(super) fn signature_form(sink: &mut Sink, signer: &Signer<'_>, key: Option<&Key>) {
    const PATH: &str = "SignerInfo.signatureAlgorithm";
    let Some(identifier) = &signer.algorithm else {
        sink.add("SO-015", signer.at, PATH, "the algorithm of the signature", "none");
        return;
    };
    let (name, parameters) = common::parts(identifier);
    let Some((family, digest)) = common::signature(&name) else {
        sink.add("SO-015", identifier.at, PATH, "RSA, RSASSA-PSS, DSA, or ECDSA", named(&name));
        return;
    };
    let null = parameters.is_some_and(|p| p.raw == [0x05, 0x00]);
    let form = match family {
        Family::RsaPkcs1 | Family::BareRsa => null,
        Family::Ecdsa | Family::EcdsaPlain | Family::Dsa => parameters.is_none(),
        Family::RsaPss => parameters.is_some(),
    };
    if !form {
        let found = parameters.map_or_else(|| "none".to_owned(), |p| head(p.raw));
        let expected = "parameters NULL for RSA PKCS#1, RSASSA-PSS-params for PSS, none for ECDSA";
        sink.add("SO-015", identifier.at, PATH, expected, format!("{} with {found}", named(&name)));
    }
    let digest = match family {
        Family::RsaPss => parameters
            .and_then(|p| children(&p).into_iter().find(|f| f.tag.0 == 0xA0))
            .and_then(|f| inside(&f))
            .and_then(|d| common::digest(&common::parts(&d).0)),
        _ => digest,
    };
    if let (Some(found), Some(expected)) = (digest, signer.digest_name())
        && found != expected
    {
        sink.add("SO-015", identifier.at, PATH, format!("the digest of digestAlgorithm, {expected}"), found);
    }
    let fits = matches!(
        (family, key),
        (_, None | Some(Key::Other))
            | (Family::Ecdsa | Family::EcdsaPlain, Some(Key::Ec(..)))
            | (Family::RsaPkcs1 | Family::RsaPss | Family::BareRsa, Some(Key::Rsa(_)))
    );
    if !fits {
        sink.add("SO-015", identifier.at, PATH, "an algorithm of the signer's kind of key", named(&name));
    }
    if family == Family::Ecdsa
        && let Some(signature) = &signer.signature
    {
        let numbers =
            first(signature.value).filter(|(value, rest)| value.tag.0 == SEQUENCE && *rest == 0).map(|(value, _)| children(&value));
        let positive =
            |n: &Tlv<'_>| n.tag.0 == INTEGER && super::object::minimal(n.value) && n.value.first().is_some_and(|o| o & 0x80 == 0);
        if !numbers.is_some_and(|numbers| numbers.len() == 2 && numbers.iter().all(positive)) {
            let expected = "ECDSA-Sig-Value, a SEQUENCE of two positive INTEGERs in DER";
            sink.add("SO-016", signature.at, "SignerInfo.signature", expected, head(signature.value));
        }
    }
}

/// Judges the signature of the first signer under `rule`.
pub(super) fn check_signature(sink: &mut Sink, rule: &'static str, message: &Message<'_>, signer: &Signer<'_>, certificate: &X509<'_>) {
    match verify(message, signer, certificate) {
        Verdict::Good => {}
        Verdict::Wrong(found) => {
            let at = signer.signature.map_or(signer.at, |signature| signature.at);
            sink.add(rule, at, "SignerInfo.signature", "a signature by the key of the certificate that it names", found);
        }
        Verdict::Unknown => sink.open(rule, Need::Algorithm),
    }
}
