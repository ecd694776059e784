//! Lists that states published, written again from what was read of them: a writer that gives the same octets writes as they do.

use std::collections::BTreeMap;

use eid::cert::cms::SignedData;
use eid::cert::cms::build::{self as cms, Message, NamedBy};
use eid::cert::crl::Crl;
use eid::cert::crl::build::{self, Contents, Entry};
use eid::cert::master_list::{self, MasterList};
use eid::cert::x509::Certificate;
use eid::cert::x509::name::Relation;
use eid::crypto::signature::{Algorithm, PublicKey, Signature};
use eid::signer::{Signer, SignerError};
use eid::tlv;

use crate::corpus;

/// Gives the signature that the original has.
struct Recorded {
    algorithm: Algorithm,
    key: PublicKey,
    signature: Vec<u8>,
}

impl Signer for Recorded {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn public_key(&self) -> PublicKey {
        self.key.clone()
    }

    fn sign(&self, _: &[u8]) -> Result<Signature, SignerError> {
        // the variant whose octets are taken as they are
        Ok(Signature::Rsa(self.signature.clone()))
    }
}

/// Some key: a CRL is written without asking for it.
fn any_key() -> PublicKey {
    let d = eid::crypto::curve::Curve::P256.parameters();
    PublicKey::Ec(eid::crypto::curve::Point::from_bytes(eid::crypto::curve::Curve::P256, &[&[4], d.x, d.y].concat()).expect("a point"))
}

/// The parts of a constructed object.
fn parts(der: &[u8], tag: u32) -> Vec<Vec<u8>> {
    let mut reader = tlv::single(der, tag).expect("an object").reader();
    let mut out = Vec::new();
    while let Some(part) = reader.next().expect("a part") {
        out.push(part.raw.to_vec());
    }
    out
}

/// tbsCertList without its algorithm and extensions, the algorithm, and the extensions in order of their octets.
fn sorted(der: &[u8]) -> (Vec<u8>, Vec<u8>, Vec<Vec<u8>>) {
    let mut fields = parts(&parts(der, 0x30)[0], 0x30);
    let mut extensions = parts(&parts(&fields.pop().expect("extensions"), 0xA0)[0], 0x30);
    extensions.sort();
    let algorithm = fields.remove(1);
    (fields.concat(), algorithm, extensions)
}

#[test]
fn revocation_lists_of_states_are_written_again_octet_for_octet() {
    let Some(root) = corpus::root() else { return };
    let mut found: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for path in corpus::files(&root.join("crl")) {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let crl = Crl::parse(&std::fs::read(&path).expect("a file")).expect("a list");
        let entries: Vec<_> =
            crl.revoked().iter().map(|r| Entry { serial: crl.serial_of(r).to_vec(), date: r.date, reason: r.reason }).collect();
        let contents = Contents {
            issuer: crl.issuer(),
            this_update: crl.this_update(),
            next_update: crl.next_update().expect("nextUpdate"),
            revoked: &entries,
            authority_key_id: crl.authority_key_id().expect("authorityKeyIdentifier"),
            number: crl.number().expect("crlNumber"),
            former_names: &[],
        };
        let signature = tlv::single(&parts(crl.der(), 0x30)[2], 0x03u32).expect("BIT STRING").value[1..].to_vec();
        let algorithm = crl.signature_algorithm().expect("an algorithm").algorithm(None).expect("an algorithm");
        let written = build::sign(&contents, &Recorded { algorithm, key: any_key(), signature }).expect("signed");
        let (ours, theirs) = (sorted(&written), sorted(crl.der()));
        let class = match (written == crl.der(), ours.0 == theirs.0, ours.1 == theirs.1, ours.2 == theirs.2) {
            (true, ..) => "the same",
            (_, true, true, true) => "crlNumber before authorityKeyIdentifier",
            (_, true, false, true) => "another algorithm identifier",
            (_, true, true, false) => "another extension",
            _ => "different",
        };
        found.entry(class).or_default().push(name.split(['_', '.']).next().unwrap_or_default().to_owned());
    }
    // FI writes NULL behind ECDSA; EE and NO write the digests of PSS without NULL; CH names the key by issuer and serial number too
    let expected = [
        ("another algorithm identifier", vec!["EE", "FI", "FI", "NO"]),
        ("another extension", vec!["CH"]),
        ("crlNumber before authorityKeyIdentifier", vec!["EE", "ES", "GB", "GB", "RO"]),
        ("the same", vec!["AT", "AU", "BG", "CY", "DE", "NL"]),
    ];
    assert_eq!(found, expected.map(|(class, names)| (class, names.into_iter().map(str::to_owned).collect())).into());
}

#[test]
fn master_lists_of_states_are_written_again_octet_for_octet() {
    let Some(root) = corpus::root() else { return };
    let mut found = BTreeMap::new();
    for path in corpus::files(&root.join("masterlists")).into_iter().filter(|p| p.extension().is_some_and(|e| e == "ml")) {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).expect("a file");
        let list = MasterList::parse(&bytes).expect("a list");
        let certificates: Vec<&Certificate> = list.certificates().map(AsRef::as_ref).collect();
        assert!(master_list::encode(&certificates) == list.signed.content(), "{name}: CscaMasterList differs");
        let written = message(&list.signed, &bytes);
        // ContentInfo, [0], SignedData: all but signerInfos
        let body = |der: &[u8]| parts(&parts(&parts(der, 0x30)[1], 0xA0)[0], 0x30);
        let (ours, theirs) = (body(&written), body(&bytes));
        let differs: Vec<_> = (0..ours.len().max(theirs.len())).filter(|&n| ours.get(n) != theirs.get(n)).collect();
        assert_eq!(differs.is_empty(), written == bytes);
        found.insert(name, differs);
    }
    // the fields of SignedData that differ: signerInfos (4) of DE, EE, and IT have the attribute CMSAlgorithmProtection besides; IT writes
    // NULL behind the digest (1)
    let expected = [
        ("DE_ML_2024-08-07-07-38-24", vec![4]),
        ("DE_ML_2026-05-28-08-28-45", vec![4]),
        ("EE_CSCA_masterlist", vec![4]),
        ("IT_MasterListCSCA_2023", vec![1, 4]),
        ("NL_ML_2026-07-22", vec![]),
    ];
    assert_eq!(found, expected.map(|(name, fields)| (name.to_owned(), fields)).into());
}

/// The message written again: the same content, certificates, names, and time, with the signature that it has.
fn message(signed: &SignedData, bytes: &[u8]) -> Vec<u8> {
    let info = &signed.signers[0];
    let all: Vec<_> = signed.certificates().map(|der| Certificate::from_der(der).expect("a certificate")).collect();
    let (signers, others): (Vec<_>, Vec<_>) = all.iter().partition(|c| signed.names(info, c) != Relation::Different);
    // the signature is the last thing in the message
    let mut value = bytes.to_vec();
    let signature = loop {
        let object = tlv::Reader::new(&value).next().expect("an object").expect("an object");
        if object.tag.0 == 0x04 {
            break object.value.to_vec();
        }
        value = parts(&value, object.tag.0).pop().expect("a part");
    };
    let key = signers[0].key().expect("a key").key.clone();
    let recorded = Recorded { algorithm: SignedData::algorithm(info).expect("an algorithm"), key, signature };
    let named_by = if SignedData::expected_version(info) == 3 { NamedBy::KeyId } else { NamedBy::IssuerSerial };
    let message = Message {
        content_type: eid::oid::CSCA_MASTER_LIST,
        content: signed.content(),
        certificate: signers[0],
        others: &others,
        named_by,
        signing_time: signed.signing_time(info),
    };
    cms::sign(&message, &recorded).expect("signed")
}
