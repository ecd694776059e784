use std::collections::BTreeSet;

use chacha20::ChaCha20Rng;
use eid::cert::trust::TrustStore;
use eid::crypto::hash::Hash;
use eid::crypto::signature::Algorithm;
use eid::lds::sod::Sod;
use eid::protocol::finding::Outcome;
use eid::protocol::passive_auth;
use pki::{KeyParameters, SigningKey, SoftwareSigner, Subject, csca, ds};
use rand_core::SeedableRng as _;

use super::*;
use crate::people;
use crate::perso::record::{Eye, IrisInput};

fn today() -> Date {
    Date::new(2026, 11, 21).expect("a day")
}

fn rng(n: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([n; 32])
}

/// A document signer under a CSCA of its own.
struct Pki {
    signer: SoftwareSigner<ChaCha20Rng>,
    certificate: Vec<u8>,
    csca: Vec<u8>,
}

fn pki(algorithm: Algorithm, key: KeyParameters, document_years: u8) -> Pki {
    let subject = Subject {
        country: "VN".to_owned(),
        state_code: "VNM".to_owned(),
        organization: Some("Test".to_owned()),
        organizational_unit: None,
        serial_number: None,
        common_name: "Test CSCA".to_owned(),
        contact_email: Some("test@example.org".to_owned()),
    };
    let root_parameters = csca::CscaParameters { document_years, ..csca::CscaParameters::default() };
    let root_key = SigningKey::generate(root_parameters.key, root_parameters.algorithm, &mut rng(1)).expect("key");
    let root = SoftwareSigner::new("csca", root_key, rng(2));
    let csca = csca::create(&subject, &root_parameters, &root, &[1], today()).expect("certificate");
    let parameters = ds::DsParameters { key, algorithm, document_years, ..ds::DsParameters::default() };
    let key = SigningKey::generate(key, algorithm, &mut rng(3)).expect("key");
    let name = subject.name_with("Test DS");
    let certificate = ds::issue(&csca, &root, &name, &parameters, &key.public(), &[2], today()).expect("certificate");
    Pki { signer: SoftwareSigner::new("ds", key, rng(4)), certificate: certificate.der().to_vec(), csca: csca.der().to_vec() }
}

fn ecdsa() -> Pki {
    pki(Algorithm::Ecdsa(Hash::Sha256), KeyParameters::Ec(curve::Curve::P256), 25)
}

fn record(profile: &DocumentProfile, index: u32) -> Record {
    let person = people::citizen(9, index, today());
    Record::new(&person.input, profile, today(), &mut |name| person.load(name)).expect("valid")
}

fn image(profile: &str, pki: &Pki) -> Result<CardImage, BuildError> {
    let profile = DocumentProfile::load(profile).expect("built in");
    let keys = ChipKeys::generate(&profile, &mut rng(5)).expect("keys");
    let signing = Signing { signer: &pki.signer, certificate: &pki.certificate, today: today() };
    build(&record(&profile, 1), &profile, &keys, signing)
}

/// EF.CardAccess as readers of the Vietnamese card carry it.
#[test]
fn card_access_is_that_of_the_vietnamese_card() {
    let image = image("cccd-2021", &ecdsa()).expect("built");
    let expected = "3134300d060804007f0007020202020101300f060a04007f000702020302020201013012060a04007f0007020204020202010202010d";
    assert_eq!(hex::encode(&image.files[&FileId::CARD_ACCESS]), expected);
}

#[test]
fn every_profile_gives_the_files_they_name_and_passive_authentication_passes() {
    for (name, groups) in
        [("cccd-2021", vec![1, 2, 3, 13, 14, 15]), ("can-cuoc-2024", vec![1, 2, 3, 13, 14, 15]), ("icao-td3", vec![1, 2, 11, 12, 14, 15])]
    {
        let pki = ecdsa();
        let image = image(name, &pki).expect("built");
        let found: Vec<u8> = image.files.keys().filter_map(|file| file.dg_number()).collect();
        assert_eq!(found, groups, "{name}");
        assert_eq!(image.files.len(), groups.len() + 3);
        let files = image.files.iter().filter_map(|(file, bytes)| Some((file.dg_number()?, bytes.as_slice()))).collect();
        let mut trust = TrustStore::new();
        trust.add(&pki.csca).expect("an anchor");
        let (sod, not_read) = (Sod::parse(&image.files[&FileId::SOD]), BTreeSet::new());
        let input = passive_auth::Input {
            sod: sod.as_ref(),
            files: &files,
            not_read: &not_read,
            trust: &trust,
            cache: None,
            today: today(),
            issued: None,
        };
        for finding in passive_auth::passive_authentication(&input).findings {
            // the trust store has no revocation list
            let expected = if finding.id() == "pa.revocation" { Outcome::NotAttempted } else { Outcome::Passed };
            assert_eq!(finding.outcome, expected, "{name}: {finding:?}");
        }
        for (file, bytes) in image.files.iter().filter(|(file, _)| **file != FileId::SOD) {
            let read = eid::lds::parse(*file, bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(read.quirks.is_empty(), "{name}: {file}: {:?}", read.quirks);
        }
        let (access, dg14) = (&image.files[&FileId::CARD_ACCESS], &image.files[&FileId::dg(14).expect("DG14")]);
        let infos = |bytes: &[u8]| SecurityInfos::parse(bytes).expect("infos").infos().to_vec();
        let signed = infos(&dg14[dg14.len() - tlv::single(dg14, 0x6E).expect("DG14").value.len()..]);
        assert!(infos(access).iter().all(|info| signed.contains(info)), "EF.DG14 repeats EF.CardAccess");
        assert_eq!(image.passwords.can.is_some(), name != "icao-td3");
    }
}

/// Circular 16/2024/TT-BCA article 6: the ICAO part keeps name, number, nationality, birth, sex, expiry, and origin.
#[test]
fn the_card_of_2024_keeps_fewer_fields_in_dg13_than_that_of_2021() {
    let pki = ecdsa();
    let fields = |profile: &str| {
        let dg13 = Dg13::parse(&image(profile, &pki).expect("built").files[&Dg13::FILE]).expect("DG13");
        dg13.numbered.iter().map(|field| (field.number, field.text())).collect::<Vec<_>>()
    };
    let (old, new) = (fields("cccd-2021"), fields("can-cuoc-2024"));
    let kept = [1, 2, 3, 4, 5, 8, 12, 16];
    assert_eq!(new.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16]);
    for (number, text) in &new {
        let same = old.iter().any(|(other, before)| other == number && before == text && !text.is_empty());
        assert_eq!(same, kept.contains(number), "field {number}: {text:?}");
    }
    assert_eq!(new.iter().find(|(number, _)| *number == 13).map(|(_, text)| text.as_str()), Some(", "), "two empty names");
}

#[test]
fn an_iris_goes_into_dg4_where_the_profile_has_a_place_for_it() {
    let (pki, person) = (ecdsa(), people::citizen(9, 1, today()));
    let mut input = person.input.clone();
    input.irises = vec![IrisInput { eye: Eye::Left, file: "right-index.jpg".to_owned() }];
    let build = |profile: &str| {
        let profile = DocumentProfile::load(profile).expect("built in");
        let record = Record::new(&input, &profile, today(), &mut |name| person.load(name)).expect("valid");
        let keys = ChipKeys::generate(&profile, &mut rng(5)).expect("keys");
        let signing = Signing { signer: &pki.signer, certificate: &pki.certificate, today: today() };
        build(&record, &profile, &keys, signing).expect("built")
    };
    let image = build("can-cuoc-2024");
    let dg4 = Dg4::parse(&image.files[&Dg4::FILE]).expect("DG4");
    assert_eq!(dg4.fields()[0].0, "left eye");
    assert_eq!(Com::parse(&image.files[&FileId::COM]).expect("EF.COM").data_groups(), [1, 2, 3, 4, 13, 14, 15]);
    assert!(Sod::parse(&image.files[&FileId::SOD]).expect("EF.SOD").hash_of(4).is_some());
    assert!(!build("cccd-2021").files.contains_key(&Dg4::FILE), "the card of 2021 has no place for it");
    input.irises.push(input.irises[0].clone());
    let profile = DocumentProfile::load("can-cuoc-2024").expect("built in");
    let problems = Record::new(&input, &profile, today(), &mut |name| person.load(name)).expect_err("twice");
    assert_eq!(problems[0].to_string(), "irises: expected each eye once, found Left twice");
}

#[test]
fn the_keys_in_the_chip_are_those_in_the_signed_files() {
    let image = image("cccd-2021", &ecdsa()).expect("built");
    let dg15 = Dg15::parse(&image.files[&FileId::dg(15).expect("DG15")]).expect("readable");
    let (PublicKey::Rsa(public), Some(ActiveAuthKey::Rsa { modulus, private_exponent })) =
        (dg15.key().expect("a key").key, &image.active_auth)
    else {
        panic!("RSA keys")
    };
    assert_eq!((public.modulus(), modulus.len()), (modulus.as_slice(), 256));
    let signed = rsa::private_op(modulus, private_exponent, &[0x42; 200], &mut rng(6)).expect("signed");
    let opened = rsa::public_op(&public, &signed).expect("opened");
    assert_eq!(&opened[opened.len() - 200..], [0x42; 200]);
}

#[test]
fn a_signer_that_does_not_fit_is_refused_with_what_was_expected() {
    let error = |pki: &Pki, day: Date| {
        let profile = DocumentProfile::load("cccd-2021").expect("built in");
        let keys = ChipKeys { active_auth: None, chip_auth: None, mapping: Vec::new(), restricted_id: Vec::new() };
        let expires =
            (0..).map(|index| record(&profile, index)).find(|record| record.expiry.is_some_and(|d| d.year() > 2038)).expect("one");
        let signing = Signing { signer: &pki.signer, certificate: &pki.certificate, today: day };
        build(&expires, &profile, &keys, signing).expect_err("refused").to_string()
    };
    let rsa = pki(Algorithm::RsaPkcs1(Hash::Sha256), KeyParameters::Rsa(2048), 25);
    assert!(error(&rsa, today()).ends_with("expected one of the signatures [Ecdsa] of profile cccd-2021, found RsaPkcs1"));
    let late = error(&ecdsa(), today().plus_days(200));
    assert!(late.contains("expected a private key in use on 2027-06-09, found one in use from 2026-11-21 to "), "{late}");
    let short = error(&pki(Algorithm::Ecdsa(Hash::Sha256), KeyParameters::Ec(curve::Curve::P256), 10), today());
    assert!(short.contains("expected a certificate that outlives the document, which expires on 20"), "{short}");
}
