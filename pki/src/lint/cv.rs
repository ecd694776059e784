//! CV certificates and requests (CV), TR-03110-3 annex C and Doc 9303-12 clause 7.2, and what the BSI asks of their keys (BR-005).

use eid::cert::cvc::key::{CvKey, algorithm_of};
use eid::cert::cvc::{Cvc, Request, VerifyingKey};
use eid::crypto::curve::Curve;
use eid::crypto::signature::{Algorithm, PublicKey, SignatureError};
use eid::date::Date;
use eid::oid;
use eid::tlv::Tlv;

use super::cv_body::{CvObject, Role};
use super::object::{OID, bits, children, head, named};
use super::{Context, Kind, Need, Sink};

const TYPES: [(&str, usize); 3] = [(oid::ROLE_INSPECTION, 1), (oid::ROLE_AUTHENTICATION, 5), (oid::ROLE_SIGNATURE, 1)];

/// Order of the objects in a body.
const ORDER: [u32; 8] = [0x5F29, 0x42, 0x7F49, 0x5F20, 0x7F4C, 0x5F25, 0x5F24, 0x65];

/// Judges a certificate or a request.
pub(super) fn check(sink: &mut Sink, bytes: &[u8], kind: Kind, context: &Context<'_>) {
    let Some(object) = CvObject::read(bytes) else {
        sink.add("CV-001", 0, "7F21", "7F21 { 7F4E, 5F37 }", head(bytes));
        return;
    };
    let request = kind == Kind::Request;
    structure(sink, &object, request);
    reference(sink, "CV-003", object.authority, "42 CAR", !request, object.body.at);
    reference(sink, "CV-008", object.holder, "5F20 CHR", true, object.body.at);
    public_key(sink, &object, kind);
    if request {
        request_rules(sink, bytes, &object);
    } else {
        chat(sink, &object, kind);
        sequence_start(sink, &object);
        dates(sink, &object, kind);
    }
    extensions(sink, &object);
    let issuer = context.issuer.and_then(|bytes| super::object::unwrap_pem(bytes).ok());
    if !request {
        let root = kind == Kind::Cvca;
        let signer = if root { Some(bytes) } else { issuer.as_deref() };
        signature(sink, &object, signer);
        if let Some(issuer) = issuer.as_deref().filter(|_| !root).and_then(CvObject::read) {
            against_issuer(sink, &object, &issuer);
        }
    }
    german(sink, &object);
}

fn structure(sink: &mut Sink, object: &CvObject<'_>, request: bool) {
    if object.outside != [0x7F4E, 0x5F37] || object.trailing > 0 || (!request && object.outer.tag.0 != 0x7F21) {
        let tags: Vec<_> = object.outside.iter().map(|tag| format!("{tag:X}")).collect();
        let found = format!("{} {{ {} }}, {} bytes behind", object.outer.tag, tags.join(", "), object.trailing);
        sink.add("CV-001", object.outer.at, "7F21", "7F21 { 7F4E, 5F37 } and nothing behind it", found);
    }
    match object.profile {
        Some(profile) if profile.value == [0] => {}
        found => {
            let text = found.map_or_else(|| "none".to_owned(), |profile| head(profile.value));
            sink.add("CV-002", found.map_or(object.body.at, |profile| profile.at), "5F29", "00", text);
        }
    }
    let ranks: Vec<_> = object.tags.iter().map(|tag| ORDER.iter().position(|known| known == tag)).collect();
    if ranks.iter().any(Option::is_none) || !ranks.windows(2).all(|pair| matches!(pair, [a, b] if a < b)) {
        let tags: Vec<_> = object.tags.iter().map(|tag| format!("{tag:X}")).collect();
        sink.add("CV-016", object.body.at, "7F4E", "5F29, 42, 7F49, 5F20, 7F4C, 5F25, 5F24, 65, each once", tags.join(", "));
    }
}

fn reference(sink: &mut Sink, rule: &'static str, object: Option<Tlv<'_>>, path: &'static str, mandatory: bool, at: usize) {
    const EXPECTED: &str = "8 to 16 characters: country of two upper-case letters, mnemonic of up to 9, sequence of 5";
    let Some(object) = object else {
        if mandatory {
            sink.add(rule, at, path, EXPECTED, "none");
        }
        return;
    };
    let latin = object.value.iter().all(|&octet| matches!(octet, 0x20..=0x7E | 0xA0..=0xFF));
    let country = object.value.iter().take(2).all(u8::is_ascii_uppercase);
    if !(8..=16).contains(&object.value.len()) || !latin || !country {
        let text: String = object.value.iter().copied().map(char::from).collect();
        sink.add(rule, object.at, path, EXPECTED, format!("{text:?}"));
    }
}

fn public_key(sink: &mut Sink, object: &CvObject<'_>, kind: Kind) {
    let Some(key) = &object.key else {
        sink.add("CV-004", object.body.at, "7F49", "a public key", "none");
        return;
    };
    let parts = children(key);
    let tags: Vec<u32> = parts.iter().map(|part| part.tag.0).collect();
    let identifier = parts.first().filter(|part| part.tag.0 == OID);
    let Some(algorithm) = identifier.and_then(|oid| algorithm_of(oid.value)) else {
        sink.add("CV-004", key.at, "7F49", "an identifier below id-TA", named(&object.key_oid()));
        return;
    };
    let zero = parts.iter().skip(1).filter(|part| !matches!(part.tag.0, 0x84 | 0x86)).find(|part| matches!(part.value, [] | [0, ..]));
    if let Some(part) = zero {
        sink.add("CV-004", part.at, "7F49", "unsigned integers without leading zeros", format!("{}: {}", part.tag, head(part.value)));
    }
    if !matches!(algorithm, Algorithm::Ecdsa(_)) {
        if tags != [OID, 0x81, 0x82] {
            sink.add("CV-004", key.at, "7F49", "06, 81, 82", head(key.value));
        }
        let (modulus, exponent) = (object.number(0x81).map_or(0, |n| bits(n.value)), object.number(0x82).map_or(0, |e| bits(e.value)));
        if !matches!(modulus, 2048 | 3072) || !(1..=32).contains(&exponent) {
            let found = format!("{modulus} bits, exponent of {exponent} bits");
            sink.add("CV-007", key.at, "7F49", "a modulus of 2048 or 3072 bits, an exponent of at most 32", found);
        }
        return;
    }
    let all = [OID, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87];
    let some = tags.iter().any(|tag| matches!(tag, 0x81..=0x85 | 0x87));
    if tags != [OID, 0x86] && tags != all {
        sink.add("CV-004", key.at, "7F49", "06 and 86, or 06 and 81 to 87, in this order", head(key.value));
    }
    let wanted = match kind {
        Kind::Cvca | Kind::Request => Some(true),
        Kind::CvcaLink => None,
        _ => Some(false),
    };
    if wanted.is_some_and(|wanted| wanted != some) {
        let (expected, found) = if some { ("no domain parameters", "there") } else { ("domain parameters", "none") };
        sink.add("CV-005", key.at, "7F49", expected, found);
    }
    let point = object.number(0x86);
    if !point.is_some_and(|point| point.value.first() == Some(&4) && point.value.len() > 40 && !point.value.len().is_multiple_of(2)) {
        let found = point.map_or_else(|| "none".to_owned(), |point| head(point.value));
        sink.add("CV-006", point.map_or(key.at, |point| point.at), "7F49 86", "an uncompressed point, 04 x y", found);
    } else if let Some(point) = point
        && curves(point.value).next().is_none()
    {
        sink.add("CV-006", point.at, "7F49 86", "a point of a known curve", head(point.value));
    }
}

/// The curves that a point lies on.
fn curves(point: &[u8]) -> impl Iterator<Item = Curve> {
    Curve::ALL.into_iter().filter(move |curve| eid::crypto::curve::Point::from_bytes(*curve, point).is_ok())
}

fn chat(sink: &mut Sink, object: &CvObject<'_>, kind: Kind) {
    let Some(chat) = &object.chat else {
        sink.add("CV-010", object.body.at, "7F4C", "terminal type and rights", "none");
        return;
    };
    let known = TYPES.iter().find(|(oid, _)| *oid == chat.oid);
    if chat.tags != [OID, 0x53] || known.is_none_or(|(_, len)| *len != chat.rights.len()) {
        let found = format!("{}, {} bytes", named(&chat.oid), chat.rights.len());
        sink.add("CV-010", chat.at, "7F4C", "id-IS with 1 byte, id-AT with 5, id-ST with 1", found);
    }
    let role = chat.role();
    let expected = match kind {
        Kind::Cvca | Kind::CvcaLink => Role::Cvca,
        Kind::DocumentVerifier => Role::Dv,
        _ => Role::Terminal,
    };
    let own = object.authority.map(|car| car.value) == object.holder.map(|chr| chr.value);
    if role != expected || own && role != Role::Cvca {
        sink.add("CV-011", chat.at, "7F4C 53", format!("the role bits of a {}", kind.title()), format!("{role:?}"));
    }
}

/// Doc 9303-12 clause 7.2 has the sequence begin with the country of the CA; TR-03110 leaves it free, so other terminals than inspection
/// systems are not judged.
fn sequence_start(sink: &mut Sink, object: &CvObject<'_>) {
    if object.chat.as_ref().is_none_or(|chat| chat.oid != oid::ROLE_INSPECTION) {
        return;
    }
    let (Some(authority), Some(holder)) = (object.authority, object.holder) else { return };
    let country = authority.value.get(..2).unwrap_or_default();
    let sequence = holder.value.len().checked_sub(5).and_then(|at| holder.value.get(at..)).unwrap_or_default();
    if !sequence.starts_with(country) {
        let text = |octets: &[u8]| octets.iter().copied().map(char::from).collect::<String>();
        let expected = format!("a sequence number that begins with {}, the country of the CA", text(country));
        sink.add("CV-009", holder.at, "5F20 CHR", expected, text(sequence));
    }
}

fn day(object: &Tlv<'_>) -> Option<Date> {
    let &[y1, y0, m1, m0, d1, d0] = object.value else { return None };
    if object.value.iter().any(|&digit| digit > 9) {
        return None;
    }
    Date::new(2000 + u16::from(y1 * 10 + y0), m1 * 10 + m0, d1 * 10 + d0).ok()
}

fn dates(sink: &mut Sink, object: &CvObject<'_>, kind: Kind) {
    let mut read = |rule, field: Option<Tlv<'_>>, path| {
        let date = field.as_ref().and_then(day);
        if date.is_none() {
            let found = field.map_or_else(|| "none".to_owned(), |field| head(field.value));
            sink.add(
                rule,
                field.map_or(object.body.at, |field| field.at),
                path,
                "YYMMDD, a digit in each of 6 bytes, a day that exists",
                found,
            );
        }
        date
    };
    let (from, until) = (read("CV-012", object.effective, "5F25"), read("CV-013", object.expiry, "5F24"));
    let (Some(from), Some(until)) = (from, until) else { return };
    let at = object.expiry.map_or(object.body.at, |expiry| expiry.at);
    if until < from {
        sink.add("CV-013", at, "5F24", format!("not before {from}"), until.to_string());
        return;
    }
    let days = until.days() - from.days();
    let (least, most, expected) = match kind {
        Kind::Cvca | Kind::CvcaLink => (180, 3 * 366, "6 months to 3 years"),
        Kind::DocumentVerifier => (13, 93, "2 weeks to 3 months"),
        _ => (0, 31, "1 day to 1 month"),
    };
    if !(least..=most).contains(&days) {
        sink.add("CV-017", at, "5F25 and 5F24", expected, format!("{from} to {until}"));
    }
}

fn extensions(sink: &mut Sink, object: &CvObject<'_>) {
    let Some(all) = &object.extensions else { return };
    let templates = children(all);
    let good = |template: &Tlv<'_>| {
        let parts = children(template);
        let whole = parts.iter().map(|part| part.raw.len()).sum::<usize>() == template.value.len();
        template.tag.0 == 0x73 && whole && parts.len() > 1 && parts.first().is_some_and(|first| first.tag.0 == OID)
    };
    if templates.is_empty() || !templates.iter().all(good) {
        sink.add("CV-014", all.at, "65", "templates 73, each an identifier and data", head(all.value));
    }
}

/// The key of a certificate, ready to verify with; a key without parameters is on the curve of that size on which its point lies.
fn verifying_key(key: &CvKey) -> Option<VerifyingKey> {
    key.resolve(None).ok().or_else(|| Curve::ALL.into_iter().find_map(|curve| key.resolve(Some(curve)).ok()))
}

/// Form of the signature, and whether it verifies with the key of `signer`.
fn signature(sink: &mut Sink, object: &CvObject<'_>, signer: Option<&[u8]>) {
    const EXPECTED: &str = "r and s of the same length as the order, or as long as the RSA modulus, that verify";
    let found = object.signature.map(|signature| signature.value).unwrap_or_default();
    let at = object.signature.map_or(object.body.at, |signature| signature.at);
    let Some(signer) = signer.and_then(|signer| Cvc::from_der(signer).ok()) else {
        if !(40..=512).contains(&found.len())
            || !found.len().is_multiple_of(2)
            || found.first() == Some(&0x30) && found.len() == usize::from(found.get(1).copied().unwrap_or(0)) + 2
        {
            sink.add("CV-015", at, "5F37", EXPECTED, head(found));
        }
        return;
    };
    let Some(key) = verifying_key(signer.key()) else { return sink.open("CV-015", Need::Algorithm) };
    let expected = match &key.key {
        PublicKey::Ec(point) => 2 * point.curve().scalar_len(),
        PublicKey::Rsa(key) => key.bits().div_ceil(8),
    };
    if found.len() != expected {
        sink.add("CV-015", at, "5F37", format!("{expected} bytes"), format!("{} bytes", found.len()));
        return;
    }
    match eid::crypto::signature::verify_plain(key.algorithm, &key.key, object.body.raw, found) {
        Ok(()) => {}
        Err(SignatureError::Unsupported(_)) => sink.open("CV-015", Need::Algorithm),
        Err(error) => sink.add("CV-015", at, "5F37", EXPECTED, error.to_string()),
    }
}

fn against_issuer(sink: &mut Sink, object: &CvObject<'_>, issuer: &CvObject<'_>) {
    let (Some(own), Some(above)) = (&object.chat, &issuer.chat) else { return };
    let (role, signer) = (own.role(), above.role());
    if !matches!((signer, role), (Role::Cvca, Role::Cvca | Role::Dv) | (Role::Dv, Role::Terminal)) {
        sink.add("CV-018", own.at, "7F4C 53", "CVCA to CVCA, CVCA to DV, or DV to terminal", format!("{signer:?} to {role:?}"));
    }
    let family = |object: &CvObject<'_>| {
        let oid = object.key_oid();
        oid.rsplit_once('.').map(|(family, _)| family.to_owned()).unwrap_or(oid)
    };
    if role != Role::Cvca && family(object) != family(issuer) {
        let at = object.key.map_or(object.body.at, |key| key.at);
        sink.add("CV-019", at, "7F49", format!("the family of the CA's key, {}", named(&issuer.key_oid())), named(&object.key_oid()));
    }
    if own.oid != above.oid {
        sink.add("CV-020", own.at, "7F4C", format!("the terminal type of the CA, {}", named(&above.oid)), named(&own.oid));
    }
}

fn request_rules(sink: &mut Sink, bytes: &[u8], object: &CvObject<'_>) {
    let wrapped = object.outer.tag.0 == 0x67;
    if wrapped && object.wrapper != [0x7F21, 0x42, 0x5F37] {
        sink.add("CV-023", object.outer.at, "67", "67 { 7F21, 42, 5F37 }", head(object.outer.raw));
    }
    if let Some(tag) = object.tags.iter().find(|tag| matches!(tag, 0x7F4C | 0x5F25 | 0x5F24)) {
        sink.add("CV-023", object.body.at, "7F4E", "no CHAT and no dates in a request", format!("{tag:X}"));
    }
    let at = object.signature.map_or(object.body.at, |signature| signature.at);
    match Request::from_der(bytes) {
        Ok(request) => {
            if let Err(error) = request.verify() {
                sink.add("CV-024", at, "5F37", "a signature by the new key", error.to_string());
            }
        }
        Err(_) => sink.open("CV-024", Need::Algorithm),
    }
}

fn german(sink: &mut Sink, object: &CvObject<'_>) {
    if object.authority.or(object.holder).is_none_or(|name| !name.value.starts_with(b"DE")) {
        return;
    }
    let kind = object.key_oid();
    let size = object.number(0x86).map_or(0, |point| point.value.len());
    if kind != oid::TA_ECDSA_SHA256 || size != 65 {
        let at = object.key.map_or(object.body.at, |key| key.at);
        sink.add("BR-005", at, "7F49", "ECDSA of 256 bits with SHA-256", format!("{}, point of {size} bytes", named(&kind)));
    }
}
