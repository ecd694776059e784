//! `openssl verify`, `openssl cms -verify`, `openssl x509 -text` and `openssl pkey` over what we make.

use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature::Algorithm;
use eid::lds::sod::{self, LdsVersion};
use pki::KeyParameters::{self, Ec, Rsa};

use crate::support::{World, files, keys, openssl};

const PSS_256: Algorithm = Algorithm::RsaPss { hash: Hash::Sha256, mgf: Hash::Sha256, salt: 32 };
const PSS_MIXED: Algorithm = Algorithm::RsaPss { hash: Hash::Sha512, mgf: Hash::Sha256, salt: 20 };

fn judge(csca: KeyParameters, csca_algorithm: Algorithm, ds: KeyParameters, ds_algorithm: Algorithm) {
    let world = World::with(csca, csca_algorithm, ds, ds_algorithm);
    let case = format!("{csca:?} {csca_algorithm:?} {ds:?} {ds_algorithm:?}");
    let (root, signer) = (world.pem("csca", world.authority.csca().expect("CSCA")), world.pem("ds", &world.ds));
    let file = world.sod(&files(), ds_algorithm.hash());
    let content = world.directory.join("sod.der");
    std::fs::write(&content, eid::tlv::single(&file, 0x77u32).expect("77").value).expect("write");

    let Some(verify) = openssl(&["verify", "-no_check_time"], &[("-CAfile", &root), ("", &signer)]) else { return };
    assert!(verify.status.success(), "{case}: {}", String::from_utf8_lossy(&verify.stderr));
    let arguments = ["cms", "-verify", "-inform", "DER", "-purpose", "any", "-no_check_time", "-out", "/dev/null"];
    let cms = openssl(&arguments, &[("-CAfile", &root), ("-in", &content)]).expect("openssl ran before");
    assert!(cms.status.success(), "{case}: {}", String::from_utf8_lossy(&cms.stderr));

    // the judge does refuse: the same with one octet of the signature changed
    let mut damaged = std::fs::read(&content).expect("read");
    if let Some(last) = damaged.last_mut() {
        *last ^= 1;
    }
    std::fs::write(&content, damaged).expect("write");
    let cms = openssl(&arguments, &[("-CAfile", &root), ("-in", &content)]).expect("openssl ran before");
    assert!(!cms.status.success(), "{case}: openssl accepts a damaged signature");
}

#[test]
fn openssl_accepts_chain_and_security_object_on_nist_curves() {
    judge(Ec(Curve::P384), Algorithm::Ecdsa(Hash::Sha384), Ec(Curve::P256), Algorithm::Ecdsa(Hash::Sha256));
    judge(Ec(Curve::P256), Algorithm::Ecdsa(Hash::Sha256), Ec(Curve::P384), Algorithm::Ecdsa(Hash::Sha256));
    judge(Ec(Curve::P521), Algorithm::Ecdsa(Hash::Sha512), Ec(Curve::P521), Algorithm::Ecdsa(Hash::Sha512));
    judge(Ec(Curve::P224), Algorithm::Ecdsa(Hash::Sha224), Ec(Curve::P224), Algorithm::Ecdsa(Hash::Sha224));
}

#[test]
fn openssl_accepts_chain_and_security_object_on_brainpool_curves() {
    judge(Ec(Curve::BrainpoolP256r1), Algorithm::Ecdsa(Hash::Sha256), Ec(Curve::BrainpoolP256r1), Algorithm::Ecdsa(Hash::Sha256));
    judge(Ec(Curve::P384), Algorithm::Ecdsa(Hash::Sha384), Ec(Curve::BrainpoolP384r1), Algorithm::Ecdsa(Hash::Sha256));
    judge(Ec(Curve::BrainpoolP512r1), Algorithm::Ecdsa(Hash::Sha512), Ec(Curve::BrainpoolP512r1), Algorithm::Ecdsa(Hash::Sha384));
    judge(Ec(Curve::BrainpoolP320r1), Algorithm::Ecdsa(Hash::Sha384), Ec(Curve::BrainpoolP224r1), Algorithm::Ecdsa(Hash::Sha224));
}

#[test]
fn openssl_accepts_chain_and_security_object_with_rsa() {
    judge(Rsa(3072), Algorithm::RsaPkcs1(Hash::Sha256), Rsa(2048), Algorithm::RsaPkcs1(Hash::Sha256));
    judge(Rsa(2048), PSS_256, Rsa(2048), PSS_256);
    judge(Ec(Curve::P256), Algorithm::Ecdsa(Hash::Sha256), Rsa(2048), PSS_MIXED);
}

#[test]
fn lds_1_8_version_and_signing_time_are_signed_and_accepted() {
    let world = World::usual();
    let (signer, certificate) = world.authority.signer("ds", &keys(&world.directory)).expect("signer");
    let hashes = files().iter().map(|(&n, file)| (n, Hash::Sha512.digest(&[file]))).collect();
    let version = LdsVersion { lds: "0108".to_owned(), unicode: "040000".to_owned() };
    let time = eid::cert::Time { date: crate::support::today(), second: 12 * 3600 };
    let file = sod::build(&hashes, Hash::Sha512, Some(&version), signer.as_ref(), &certificate, Some(time)).expect("EF.SOD");
    let parsed = sod::Sod::parse(&file).expect("EF.SOD");
    assert_eq!((parsed.version, parsed.lds_version(), parsed.quirks.as_slice()), (1, Some(&version), &[][..]));
    assert_eq!(parsed.signed.signing_time(&parsed.signed.signers[0]), Some(time));

    let (root, content) = (world.pem("csca", world.authority.csca().expect("CSCA")), world.directory.join("sod.der"));
    std::fs::write(&content, eid::tlv::single(&file, 0x77u32).expect("77").value).expect("write");
    let arguments = ["cms", "-verify", "-inform", "DER", "-purpose", "any", "-no_check_time", "-out", "/dev/null"];
    let Some(cms) = openssl(&arguments, &[("-CAfile", &root), ("-in", &content)]) else { return };
    assert!(cms.status.success(), "{}", String::from_utf8_lossy(&cms.stderr));
    let print = openssl(&["cms", "-cmsout", "-print", "-inform", "DER"], &[("-in", &content)]).expect("openssl ran before");
    let text = String::from_utf8_lossy(&print.stdout).into_owned();
    for wanted in ["version: 3", "undefined (2.23.136.1.1.1)", "signingTime", "Nov 21 12:00:00 2026 GMT"] {
        assert!(text.contains(wanted), "{wanted} is not in {text}");
    }
}

#[test]
fn certificates_carry_what_doc_9303_12_demands() {
    let world = World::usual();
    let text = |name: &str, certificate| {
        let path = world.pem(name, certificate);
        openssl(&["x509", "-noout", "-text", "-nameopt", "utf8,show_type,sep_comma_plus_space"], &[("-in", &path)])
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (Some(csca), Some(ds)) = (text("csca", world.authority.csca().expect("CSCA")), text("ds", &world.ds)) else { return };
    for wanted in [
        "Version: 3",
        "C=PRINTABLESTRING:VN",
        "O=UTF8STRING:Cardwright Test Authority",
        "serialNumber=PRINTABLESTRING:001",
        "CN=UTF8STRING:CSCA Thử nghiệm",
        "Not Before: Nov 21 00:00:00 2026 GMT",
        "X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:0",
        "X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign",
        "X509v3 Private Key Usage Period: \n                Not Before: Nov 21 00:00:00 2026 GMT, Not After: Nov 21 23:59:59 2031 GMT",
        "X509v3 Subject Key Identifier",
        "X509v3 Subject Alternative Name: \n                DirName:/L=VNM, email:csca@csca.example",
        "X509v3 Issuer Alternative Name: \n                DirName:/L=VNM",
        "URI:http://csca.example/csca.crl",
        "ASN1 OID: secp384r1",
        "ecdsa-with-SHA384",
    ] {
        assert!(csca.contains(wanted), "CSCA: {wanted} is not in {csca}");
    }
    for wanted in [
        "X509v3 Key Usage: critical\n                Digital Signature\n",
        "Not After: Feb 19 23:59:59 2027 GMT",
        "Not After : Feb 19 23:59:59 2037 GMT",
        "X509v3 Authority Key Identifier: \n",
        "2.23.136.1.1.6.2",
        "DirName:/L=VNM",
        "URI:http://csca.example/csca.crl",
        "ASN1 OID: prime256v1",
    ] {
        assert!(ds.contains(wanted), "DS: {wanted} is not in {ds}");
    }
    // the key identifier alone: with name and serial number beside it no link certificate could stand in for the root
    let identifier = hex::encode_upper(world.authority.csca().expect("CSCA").subject_key_id().expect("an identifier"));
    let identifier: Vec<_> = identifier.as_bytes().chunks(2).map(String::from_utf8_lossy).collect();
    let wanted = format!("Authority Key Identifier: \n                {}\n            X509v3", identifier.join(":"));
    assert!(ds.contains(&wanted), "DS: {wanted} is not in {ds}");
    for forbidden in ["Basic Constraints", "Extended Key Usage"] {
        assert!(!ds.contains(forbidden), "DS: {forbidden} is in {ds}");
    }
    assert_eq!(world.ds.document_types(), ["I", "P", "ID"]);
    assert_eq!((world.ds.quirks(), world.authority.csca().expect("CSCA").quirks()), (&[][..], &[][..]));
}

#[test]
fn openssl_opens_the_key_files_and_finds_the_certified_key() {
    for (key, algorithm) in [
        (Ec(Curve::P256), Algorithm::Ecdsa(Hash::Sha256)),
        (Ec(Curve::BrainpoolP512r1), Algorithm::Ecdsa(Hash::Sha512)),
        (Rsa(2048), Algorithm::RsaPkcs1(Hash::Sha256)),
    ] {
        let world = World::with(Ec(Curve::P384), Algorithm::Ecdsa(Hash::Sha384), key, algorithm);
        let path = world.directory.join("ds.key");
        let arguments = ["pkey", "-pubout", "-outform", "DER", "-passin", "pass:a pass phrase for tests"];
        let Some(public) = openssl(&arguments, &[("-in", &path)]) else { return };
        assert!(public.status.success(), "{}", String::from_utf8_lossy(&public.stderr));
        assert_eq!(hex::encode(public.stdout), hex::encode(world.ds.spki()), "{key:?}");
        let wrong = openssl(&["pkey", "-noout", "-passin", "pass:another"], &[("-in", &path)]).expect("openssl ran before");
        assert!(!wrong.status.success());
    }
}
