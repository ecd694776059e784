//! The inspection procedure against a chip that can lie: what each lie looks like in the report.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use cardwright::Verifier;
use cardwright::session::Session;
use cardwright::terminal::access::Method;
use cardwright::terminal::report::Report;
use cardwright::terminal::{DataGroups, Fallback, Inspection, Verdict, can, mrz};
use cardwright::transport::trace::{Detail, Recorder, Replay};
use cardwright::transport::{Transport, TransportError};
use eid::crypto::curve::Curve;
use eid::crypto::kdf::Suite;
use eid::image::{CardImage, FileId};
use eid::protocol::pace::Password;

use super::chip::{Lie, LyingChip};
use super::document::{self, Authority, CAN, Options, dg, document as signed, today, unsigned};
use super::rng;

/// Signatures differ from run to run, so both are made once.
static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| Authority::new(1));
static IMAGE: LazyLock<CardImage> = LazyLock::new(|| signed(&AUTHORITY, Options::default()));

fn verifier() -> Verifier {
    Verifier::new(AUTHORITY.trust())
}

fn image() -> CardImage {
    IMAGE.clone()
}

fn inspect(chip: impl Transport, passwords: &[Password]) -> Inspection {
    verifier().inspect(chip, passwords, today(), &mut rng()).expect("the card is there")
}

fn with_can(lie: Lie) -> Report {
    inspect(LyingChip::new(image(), lie), &[can(CAN)]).report
}

/// Outcome and reason code of a check.
fn of<'a>(report: &'a Report, id: &str) -> (&'a str, &'a str) {
    let finding = report.finding(id).unwrap_or_else(|| panic!("no finding {id} in {:#?}", report.findings));
    (finding.outcome.as_str(), finding.reason.as_ref().map_or("", |reason| reason.code))
}

/// Ids of all failed checks.
fn failed(report: &Report) -> Vec<&str> {
    report.findings.iter().filter(|finding| finding.outcome.as_str() == "failed").map(|finding| finding.id()).collect()
}

#[test]
fn an_honest_card_is_genuine_by_pace_with_the_can() {
    let inspection = inspect(LyingChip::new(image(), Lie::Nothing), &[can(CAN)]);
    let report = &inspection.report;
    assert_eq!(report.verdict, Verdict::Genuine, "{}", report.to_text(Default::default()));
    assert!(matches!(inspection.method, Some(Method::Pace { password: "CAN", .. })));
    let passed: Vec<_> = report.findings.iter().filter(|f| f.outcome.as_str() == "passed").map(|f| f.id()).collect();
    let expected = [
        "read.dir",
        "read.card_access",
        "access.choice",
        "access.pace",
        "access.downgrade",
        "read.com",
        "read.sod",
        "read.dg14",
        "read.dg15",
        "read.dg1",
        "read.dg2",
        "read.dg13",
        "pa.sod",
        "pa.signature",
        "pa.chain",
        "pa.validity.signing",
        "pa.validity.today",
        "pa.hash.dg1",
        "pa.hash.dg2",
        "pa.hash.dg13",
        "pa.hash.dg14",
        "pa.hash.dg15",
        "pa.listed",
        "pa.issuer",
        "profile.signer",
        "profile.csca",
        "profile.document_type",
        "profile.country",
        "dir.application",
        "com.sod",
        "card_access.dg14",
        "document.expiry",
        "cross.mrz",
        "cross.dg2",
        "cross.number.mrz",
        "cross.number.province",
        "cross.number.person",
        "ca",
        "aa",
    ];
    assert_eq!(passed, expected);
    assert_eq!(of(report, "read.dg3"), ("not-attempted", "protected"));
    assert_eq!(of(report, "pa.hash.dg3"), ("not-attempted", "not-read"));
    assert!(report.quirks.is_empty(), "{:?}", report.quirks);
    let read: Vec<_> = inspection.files.keys().copied().collect();
    assert!(read.iter().all(|file| inspection.files[file] == image().files[file]));
    assert_eq!(read.len(), image().files.len() - 1, "all but DG3");
    let document = report.document.as_ref().expect("DG1");
    assert_eq!((document.number.as_str(), document.name.as_str()), ("505000123", "PHAM  THI UOC MAU"));
}

#[test]
fn the_text_of_an_honest_card() {
    let text = with_can(Lie::Nothing).to_text(Default::default());
    insta::assert_snapshot!(text, @"
        GENUINE
        document       ID VNM 099505000123  PHAM  THI UOC MAU
                       born 050105, expires 300105 (YYMMDD)
        not-attempted  access.bac: PACE was used (Doc 9303-11 §4.3)
        not-attempted  ta: neither DG14 nor EF.CardAccess announces Terminal Authentication version 1 (Doc 9303-11 §7.1)
        not-attempted  read.dg3: EF.DG3: protected by extended access control (6982) (Doc 9303-10 §3.6)
        not-attempted  pa.revocation: the trust store has no revocation list of the state (Doc 9303-12 7.1.4)
        not-attempted  pa.hash.dg3: EF.DG3 is listed and was not read (Doc 9303-11 5.1, step 4)
        passed         read.*(9 files) access.choice access.pace access.downgrade pa.sod pa.signature
                       pa.chain pa.validity.signing pa.validity.today pa.hash.dg{1,2,13,14,15} pa.listed
                       pa.issuer profile.signer profile.csca profile.document_type profile.country
                       dir.application com.sod card_access.dg14 document.expiry cross.mrz cross.dg2
                       cross.number.mrz cross.number.province cross.number.person ca aa
        note           cross.number.province: a number of the test province: nobody has it
        policy         standard; the card was inspected
        ");
}

#[test]
fn every_suite_and_curve_opens_short_and_extended() {
    for (suite, curve) in [
        (Suite::TripleDes, Curve::P256),
        (Suite::Aes128, Curve::BrainpoolP384r1),
        (Suite::Aes192, Curve::P384),
        (Suite::Aes256, Curve::BrainpoolP512r1),
        (Suite::Aes256, Curve::P521),
    ] {
        let image = signed(&AUTHORITY, Options { suite, curve, chip_auth: curve, ..Options::default() });
        for chip in [LyingChip::new(image.clone(), Lie::Nothing), LyingChip::new(image.clone(), Lie::Nothing).short()] {
            let report = inspect(chip, &[can(CAN)]).report;
            assert_eq!(report.verdict, Verdict::Genuine, "{suite:?} {curve:?} {}", report.to_text(Default::default()));
        }
    }
}

#[test]
fn active_authentication_with_rsa_passes() {
    let image = signed(&AUTHORITY, Options { rsa: true, ..Options::default() });
    let report = inspect(LyingChip::new(image.clone(), Lie::Nothing), &[can(CAN)]).report;
    assert_eq!((report.verdict, of(&report, "aa")), (Verdict::Genuine, ("passed", "")));
    let report = inspect(LyingChip::new(image, Lie::ReplaysSignature), &[can(CAN)]).report;
    assert_eq!((report.verdict, of(&report, "aa")), (Verdict::NotGenuine, ("failed", "signature-wrong")));
}

#[test]
fn pace_with_the_mrz_opens_too() {
    let inspection = inspect(LyingChip::new(image(), Lie::Nothing), &[mrz(&document::mrz())]);
    assert_eq!(inspection.report.verdict, Verdict::Genuine);
    assert!(matches!(inspection.method, Some(Method::Pace { password: "MRZ", .. })));
}

#[test]
fn a_card_without_pace_is_opened_by_bac() {
    let mut image = unsigned(Options::default());
    image.files.remove(&FileId::CARD_ACCESS);
    // Its DG14 offers no PACE either.
    let dg14 = eid::lds::dg14::Dg14 { infos: without_pace(&image.files[&dg(14)]) };
    image.files.insert(dg(14), eid::lds::Elementary::encode(&dg14));
    AUTHORITY.sign(&mut image);
    let inspection = inspect(LyingChip::new(image.clone(), Lie::Nothing), &[mrz(&document::mrz())]);
    let report = &inspection.report;
    assert_eq!((report.verdict, inspection.method), (Verdict::Genuine, Some(Method::Bac)), "{}", report.to_text(Default::default()));
    assert_eq!(of(report, "access.pace"), ("not-attempted", "not-offered"));
    assert_eq!(of(report, "access.downgrade"), ("passed", ""));
    assert_eq!(of(report, "card_access.dg14"), ("not-attempted", "no-card-access"));
    let report = inspect(LyingChip::new(image, Lie::Nothing), &[can(CAN)]).report;
    assert_eq!(report.verdict, Verdict::AccessRefused, "a CAN does not open it");
}

fn without_pace(dg14: &[u8]) -> eid::lds::security_info::SecurityInfos {
    use eid::lds::Elementary as _;
    use eid::lds::security_info::{SecurityInfo, SecurityInfos};
    let infos = eid::lds::dg14::Dg14::parse(dg14).expect("DG14").infos;
    SecurityInfos::new(infos.infos().iter().filter(|info| !matches!(info, SecurityInfo::Pace(_))).cloned())
}

#[test]
fn wrong_can_is_access_refused_and_nothing_else_is_tried() {
    let passwords = [can("000124"), mrz(&document::mrz())];
    let inspection = inspect(LyingChip::new(image(), Lie::Nothing), &passwords);
    let report = &inspection.report;
    assert_eq!((report.verdict, inspection.method), (Verdict::AccessRefused, None));
    assert_eq!(report.verdict.exit_code(), 4);
    let finding = report.finding("access.pace").expect("PACE");
    assert_eq!(
        finding.reason.as_ref().map(|reason| reason.text.as_str()),
        Some("access refused: PACE with the CAN: 6300 authentication failed")
    );
    assert!(report.finding("access.bac").is_none());
    assert!(inspection.files.keys().all(|file| file.home == eid::image::Home::Mf));
}

#[test]
fn wrong_mrz_is_access_refused() {
    let other = eid::mrz::vietnam::identity_card(
        "099505000124",
        "Mẫu",
        eid::mrz::Sex::Male,
        eid::mrz::MrzDate::parse("050105").expect("a date"),
        eid::mrz::MrzDate::parse("300105").expect("a date"),
    );
    let other = mrz(&other.expect("an MRZ"));
    let report = inspect(LyingChip::new(image(), Lie::Nothing), &[other]).report;
    assert_eq!(report.verdict, Verdict::AccessRefused);
    assert_eq!((of(&report, "access.pace").0, of(&report, "access.bac").0), ("failed", "failed"));
}

#[test]
fn falling_back_from_pace_is_reported_and_can_be_forbidden() {
    let chip = || LyingChip::new(image(), Lie::RefusesPace(0x6A88));
    let passwords = [can(CAN), mrz(&document::mrz())];
    let inspection = inspect(chip(), &passwords);
    let report = &inspection.report;
    assert_eq!((report.verdict, inspection.method), (Verdict::Genuine, Some(Method::Bac)), "{}", report.to_text(Default::default()));
    assert_eq!(of(report, "access.downgrade"), ("undecided", "bac-instead-of-pace"));
    let strict = verifier().with_fallback(Fallback::Forbidden).inspect(chip(), &passwords, today(), &mut rng()).expect("the card");
    assert_eq!(strict.report.verdict, Verdict::AccessRefused);
}

/// An attacker between chip and terminal hides EF.CardAccess to get Basic Access Control: DG14, signed, gives it away.
#[test]
fn a_hidden_card_access_is_seen_in_dg14() {
    let mut image = image();
    image.files.remove(&FileId::CARD_ACCESS);
    let report = inspect(LyingChip::new(image, Lie::Nothing), &[mrz(&document::mrz())]).report;
    assert_eq!((report.verdict, of(&report, "card_access.dg14")), (Verdict::NotGenuine, ("failed", "card-access-hidden")));
}

#[test]
fn a_copy_without_the_chips_keys_is_not_genuine() {
    let report = with_can(Lie::OtherChipKey);
    assert_eq!((report.verdict, failed(&report)), (Verdict::NotGenuine, vec!["ca"]));
    assert_eq!(of(&report, "ca"), ("failed", "key-not-proven"));
    // The card was opened again: everything else has its finding.
    assert_eq!((of(&report, "aa").0, of(&report, "pa.hash.dg2").0), ("passed", "passed"));
    for lie in [Lie::OtherActiveAuthKey, Lie::ReplaysSignature] {
        let report = with_can(lie);
        assert_eq!((report.verdict, failed(&report)), (Verdict::NotGenuine, vec!["aa"]), "{lie:?}");
    }
    let report = with_can(Lie::RefusesChipAuth);
    assert_eq!((report.verdict, of(&report, "ca")), (Verdict::NotGenuine, ("failed", "refused")));
}

/// A forger puts its own keys into DG14 and DG15: it can prove them, and they do not count.
#[test]
fn a_proved_key_that_nobody_signed_does_not_count() {
    let genuine = image();
    let mut forged = signed(&AUTHORITY, Options { keys: 8, ..Options::default() });
    forged.files.insert(FileId::SOD, genuine.files[&FileId::SOD].clone());
    let report = inspect(LyingChip::new(forged, Lie::Nothing), &[can(CAN)]).report;
    assert_eq!(report.verdict, Verdict::NotGenuine);
    assert_eq!(of(&report, "ca"), ("not-attempted", "key-not-confirmed"));
    assert_eq!(of(&report, "pa.hash.dg14"), ("failed", "hash-differs"));
    assert_eq!(of(&report, "aa"), ("not-attempted", "key-not-confirmed"));
}

/// The findings that may name a file.
fn names(file: FileId) -> Vec<String> {
    match (file, file.dg_number()) {
        (_, Some(n)) => vec![format!("pa.hash.dg{n}"), format!("read.dg{n}")],
        (FileId::COM, _) => vec!["com.sod".to_owned(), "read.com".to_owned()],
        (FileId::SOD, _) => ["read.sod", "pa.sod", "pa.signature", "pa.chain"].map(str::to_owned).to_vec(),
        (FileId::DIR, _) => vec!["dir.application".to_owned(), "read.dir".to_owned()],
        _ => vec!["card_access.dg14".to_owned(), "read.card_access".to_owned()],
    }
}

/// Every byte of the small files, some hundred of the large ones: changed, the card is not genuine, and the report names the file.
#[test]
fn one_changed_byte_in_any_file_is_found_and_the_file_is_named() {
    let verifier = verifier();
    let genuine = image();
    for (&file, bytes) in genuine.files.iter().filter(|(file, _)| !matches!(**file, FileId::SOD) && **file != dg(3)) {
        let step = (bytes.len() / 150).max(1);
        for at in (0..bytes.len()).step_by(step) {
            let mut image = genuine.clone();
            image.files.get_mut(&file).expect("the file")[at] ^= 0x01;
            // Both passwords, so that a changed EF.CardAccess leaves a way in.
            let passwords = [can(CAN), mrz(&document::mrz())];
            let chip = LyingChip::new(image, Lie::Nothing);
            let report = verifier.inspect(chip, &passwords, today(), &mut rng()).expect("the card is there").report;
            let text = report.to_text(Default::default());
            assert_eq!(report.verdict, Verdict::NotGenuine, "{file} byte {at}: {text}");
            let failed = failed(&report);
            assert!(names(file).iter().any(|id| failed.contains(&id.as_str())), "{file} byte {at}: {text}");
        }
    }
}

/// In EF.SOD a changed algorithm identifier is an algorithm that is not known, and a changed key identifier a signer of nobody:
/// undecided, and never genuine. Only the case of letters in the unsigned name of the signer is forgiven, and written down.
#[test]
fn one_changed_byte_in_the_sod_is_never_genuine() {
    let (genuine, verifier, mut not_genuine, mut all) = (image(), verifier(), 0, 0);
    let open = verifier.with_data_groups(DataGroups::Only(BTreeSet::new()));
    for at in 0..genuine.files[&FileId::SOD].len() {
        let mut image = genuine.clone();
        image.files.get_mut(&FileId::SOD).expect("EF.SOD")[at] ^= 1 << (at % 8);
        let chip = LyingChip::new(image, Lie::Nothing);
        let report = open.inspect(chip, &[can(CAN)], today(), &mut rng()).expect("the card is there").report;
        let text = report.to_text(Default::default());
        let forgiven = report.quirks.iter().any(|quirk| quirk.rule == "sod.signer-name-encoding");
        assert!(report.verdict != Verdict::Genuine || forgiven, "byte {at}: {text}");
        let open_or_failed = |id: &String| report.finding(id).is_some_and(|f| f.outcome.as_str() != "passed");
        assert!(forgiven || names(FileId::SOD).iter().any(open_or_failed), "byte {at}: {text}");
        not_genuine += usize::from(report.verdict == Verdict::NotGenuine);
        all += 1;
    }
    assert!(not_genuine * 10 > all * 9, "{not_genuine} of {all}");
}

#[test]
fn a_damaged_file_fails_its_reading() {
    for file in image().files.into_keys() {
        let report = with_can(Lie::Damaged(file));
        let id = cardwright::terminal::read::check(file).id;
        assert_eq!((report.verdict, of(&report, &id)), (Verdict::NotGenuine, ("failed", "memory-failure")), "{file}");
    }
}

#[test]
fn a_card_of_another_authority_of_the_same_name_is_undecided() {
    let chip = LyingChip::new(image(), Lie::Nothing);
    let stranger = Verifier::new(Authority::new(2).trust());
    let report = stranger.inspect(chip, &[can(CAN)], today(), &mut rng()).expect("the card is there").report;
    assert_eq!(report.verdict, Verdict::Undecided, "{}", report.to_text(Default::default()));
    assert_eq!(report.verdict.exit_code(), 3);
    assert_eq!(of(&report, "pa.chain").0, "undecided");
    assert_eq!(of(&report, "pa.signature").0, "passed");
}

#[test]
fn a_forged_answer_breaks_the_channel_and_is_not_genuine() {
    // The first protected answer is that to SELECT of the application, later ones carry files.
    for n in [2, 5, 9, 20] {
        let report = with_can(Lie::ForgesAnswer(n));
        assert_eq!(report.verdict, Verdict::NotGenuine, "{n}: {}", report.to_text(Default::default()));
        let report = with_can(Lie::AnswersInTheClear(n));
        assert_eq!(report.verdict, Verdict::NotGenuine, "{n}: {}", report.to_text(Default::default()));
    }
}

/// Doc 9303-11 §9.8.8: a chip that ends its channel says so in the clear. Nothing more is read, and nothing is genuine.
#[test]
fn a_channel_that_the_card_drops_is_not_genuine() {
    for (n, sw) in [(2, 0x6988), (5, 0x6987), (9, 0x6982), (20, 0x6F00)] {
        let report = with_can(Lie::DropsChannel(n, sw));
        assert_eq!(report.verdict, Verdict::NotGenuine, "{n}: {}", report.to_text(Default::default()));
    }
}

#[test]
fn data_in_the_clear_inside_a_channel_are_never_taken() {
    // Answer 4 is the rest of EF.COM.
    let inspection = inspect(LyingChip::new(image(), Lie::AnswersInTheClear(4)).short(), &[can(CAN)]);
    assert!(!inspection.files.contains_key(&FileId::COM));
    assert_eq!(of(&inspection.report, "access.channel"), ("failed", "broken"));
}

#[test]
fn a_card_that_forgets_its_channel_over_long_answers_is_read_in_short_ones() {
    let report = with_can(Lie::HatesExtended);
    assert_eq!(report.verdict, Verdict::Genuine, "{}", report.to_text(Default::default()));
    assert!(report.quirks.iter().any(|quirk| quirk.rule == "read.short-lengths-only"), "{:?}", report.quirks);
}

#[test]
fn a_card_that_leaves_is_an_error_and_no_verdict() {
    for n in [1, 3, 8, 12, 20, 30] {
        let chip = LyingChip::new(image(), Lie::Leaves(n));
        let result = verifier().inspect(chip, &[can(CAN)], today(), &mut rng());
        assert!(matches!(result, Err(TransportError::CardGone { .. })), "{n}");
    }
}

#[test]
fn a_card_without_a_selectable_mf_is_read() {
    let report = with_can(Lie::NoMf);
    assert_eq!(report.verdict, Verdict::Genuine, "{}", report.to_text(Default::default()));
    assert_eq!(report.quirks.iter().map(|quirk| quirk.rule).collect::<Vec<_>>(), ["access.card_access-by-fid"]);
}

#[test]
fn only_the_data_groups_that_were_asked_for_are_read() {
    let some = verifier().with_data_groups(DataGroups::Only(BTreeSet::from([13])));
    let inspection = some.inspect(LyingChip::new(image(), Lie::Nothing), &[can(CAN)], today(), &mut rng()).expect("the card");
    assert_eq!(inspection.report.verdict, Verdict::Genuine);
    assert!(!inspection.files.contains_key(&dg(2)) && inspection.files.contains_key(&dg(13)));
    assert_eq!(of(&inspection.report, "pa.hash.dg2"), ("not-attempted", "not-read"));
}

#[test]
fn a_recorded_inspection_replays_to_the_same_report() {
    let mut recorder = Recorder::new(LyingChip::new(image(), Lie::Nothing), Vec::new(), Detail::Full).expect("a vector");
    let first = inspect(&mut recorder, &[can(CAN)]).report;
    let text = String::from_utf8(recorder.into_inner().1).expect("text");
    assert!(!text.contains(&hex::encode_upper(CAN)));
    let mut replay = Replay::parse("test", &text).expect("a trace");
    assert_eq!(inspect(&mut replay, &[can(CAN)]).report, first);
    assert!(replay.is_finished());
}

#[test]
fn progress_counts_the_bytes_of_each_file() {
    let mut last = std::collections::BTreeMap::new();
    let mut session = Session::new(LyingChip::new(image(), Lie::Nothing).short());
    let mut tell = |step| {
        if let cardwright::terminal::Step::Reading(progress) = step {
            let before = last.insert(progress.file, (progress.done, progress.total));
            assert!(before.is_none_or(|(done, _)| done < progress.done), "{progress:?}");
        }
    };
    verifier().inspect_session(&mut session, &[can(CAN)], today(), &mut rng(), &mut tell).expect("the card");
    assert_eq!(last[&dg(2)], (20_004, 20_004));
}
