//! Evidence: the same verdict without the card, nothing taken over that speaks for it, and nothing changed unseen.

use std::sync::LazyLock;

use applets::Card;
use applets::rng::SeededRng;
use applets::store::nvm::{Nvm as _, RamNvm};
use cardwright::Verifier;
use cardwright::terminal::evidence::file::EvidenceError;
use cardwright::terminal::evidence::{Evidence, Kept};
use cardwright::terminal::report::Report;
use cardwright::terminal::{Fallback, Inspection, Verdict, can, mrz};
use eid::cert::trust::TrustStore;
use eid::crypto::curve::Curve;
use eid::crypto::kdf::Suite;
use eid::image::{CardImage, FileId};
use eid::protocol::finding::Check;
use eid::secret::Secret;
use eid::transport::Transport;

use super::chip::{Lie, LyingChip};
use super::document::{self, Authority, CAN, Options, dg, document as signed, today};
use super::personalize::personalized;
use super::rng;

pub(crate) static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| Authority::new(1));
pub(crate) static IMAGE: LazyLock<CardImage> = LazyLock::new(|| signed(&AUTHORITY, Options::default()));

fn verifier() -> Verifier {
    Verifier::new(AUTHORITY.trust())
}

pub(crate) fn inspect(card: impl Transport) -> Inspection {
    verifier().inspect(card, &[can(CAN)], today(), &mut rng()).expect("the card is there")
}

fn honest() -> Inspection {
    inspect(LyingChip::new(IMAGE.clone(), Lie::Nothing))
}

/// What a report says, whatever the order of its findings. A weak point of a tolerance may be found in another order too.
pub(crate) fn said(report: &Report) -> Vec<(String, &'static str, &'static str)> {
    let said = |f: &eid::protocol::finding::Finding| (f.id().to_owned(), f.outcome.as_str(), f.reason.as_ref().map_or("", |r| r.code));
    let mut all: Vec<_> = report.findings.iter().map(said).collect();
    all.sort_unstable();
    all
}

fn of<'a>(report: &'a Report, id: &str) -> (&'a str, &'a str) {
    let finding = report.finding(id).unwrap_or_else(|| panic!("no finding {id} in {:#?}", report.findings));
    (finding.outcome.as_str(), finding.reason.as_ref().map_or("", |reason| reason.code))
}

/// Through the file and back, and judged again.
fn again(inspection: &Inspection) -> Inspection {
    let evidence = Evidence::of(inspection);
    let read = Evidence::from_json(&evidence.to_json()).expect("evidence");
    assert_eq!((&read.files, &read.transcript, read.ended), (&evidence.files, &evidence.transcript, evidence.ended));
    verifier().judge(&read, read.date)
}

fn assert_same(inspection: &Inspection, what: &str) {
    let judged = again(inspection);
    assert_eq!(judged.report.verdict, inspection.report.verdict, "{what}: {}", judged.report.to_text(Default::default()));
    assert_eq!(said(&judged.report), said(&inspection.report), "{what}");
    assert_eq!(judged.files, inspection.files, "{what}");
    for quirk in &inspection.report.quirks {
        assert!(judged.report.quirks.contains(quirk), "{what}: {quirk} in {:?}", judged.report.quirks);
    }
}

#[test]
fn cards_of_every_kind_are_judged_the_same_without_the_card() {
    for (suite, curve, rsa) in
        [(Suite::TripleDes, Curve::P256, true), (Suite::Aes128, Curve::BrainpoolP256r1, false), (Suite::Aes256, Curve::P521, false)]
    {
        let image = signed(&AUTHORITY, Options { suite, chip_auth: curve, rsa, ..Options::default() });
        let inspection = inspect(personalized(&image));
        assert_eq!(inspection.report.verdict, Verdict::Genuine, "{}", inspection.report.to_text(Default::default()));
        assert!(inspection.transcript.chip_auth.is_some() && inspection.transcript.active_auth.is_some());
        assert_same(&inspection, &format!("{suite:?} {curve:?}"));
    }
}

#[test]
fn cards_that_lie_are_judged_the_same_without_the_card() {
    let lies = [
        Lie::OtherChipKey,
        Lie::OtherActiveAuthKey,
        Lie::ReplaysSignature,
        Lie::RefusesPace(0x6A80),
        Lie::RefusesChipAuth,
        Lie::ForgesAnswer(3),
        Lie::ForgesAnswer(12),
        Lie::AnswersInTheClear(5),
        Lie::DropsChannel(7, 0x6982),
        Lie::HatesExtended,
        Lie::Damaged(dg(2)),
        Lie::Damaged(FileId::SOD),
        Lie::Damaged(FileId::COM),
        Lie::NoMf,
    ];
    for lie in lies {
        let chip = LyingChip::new(IMAGE.clone(), lie);
        let passwords = [mrz(&document::mrz())];
        let inspection = verifier().inspect(chip, &passwords, today(), &mut rng()).expect("the card is there");
        assert_same(&inspection, &format!("{lie:?}"));
    }
}

#[test]
fn forged_files_and_damaged_memory_are_judged_the_same_without_the_card() {
    for file in [dg(1), dg(2), dg(14), dg(15), FileId::COM, FileId::SOD, FileId::CARD_ACCESS] {
        let mut image = IMAGE.clone();
        *image.files.get_mut(&file).and_then(|bytes| bytes.last_mut()).expect("a byte") ^= 1;
        let inspection = inspect(LyingChip::new(image, Lie::Nothing));
        assert_eq!(inspection.report.verdict, Verdict::NotGenuine, "{file}");
        assert_same(&inspection, &format!("{file} forged"));
    }
    let cells = personalized(&IMAGE).into_nvm().cells().to_vec();
    for (file, content) in IMAGE.files.iter().filter(|(file, _)| matches!(file.dg_number(), Some(1 | 2 | 14 | 15))) {
        let at = cells.windows(content.len()).position(|window| window == content).expect("in one piece");
        let mut cells = cells.clone();
        cells[at + content.len() / 2] ^= 0x10;
        let card = Card::boot(RamNvm::from_cells(cells), Box::new(SeededRng::new(b"boot"))).expect("the card boots");
        assert_same(&inspect(card), &format!("{file} damaged"));
    }
}

#[test]
fn a_refused_access_stays_refused() {
    let inspection =
        verifier().inspect(LyingChip::new(IMAGE.clone(), Lie::Nothing), &[can("999999")], today(), &mut rng()).expect("the card");
    assert_eq!(inspection.report.verdict, Verdict::AccessRefused);
    assert_same(&inspection, "wrong CAN");
    let strict = verifier().with_fallback(Fallback::Forbidden);
    let mut image = IMAGE.clone();
    image.files.remove(&FileId::CARD_ACCESS);
    let inspection = strict.inspect(LyingChip::new(image, Lie::Nothing), &[mrz(&document::mrz())], today(), &mut rng()).expect("the card");
    assert_eq!((inspection.report.verdict, of(&inspection.report, "access.bac")), (Verdict::AccessRefused, ("not-attempted", "forbidden")));
    assert_same(&inspection, "no BAC");
}

#[test]
fn a_flipped_byte_of_the_file_is_noticed_wherever_it_is() {
    let evidence = Evidence::of(&honest());
    let text = evidence.to_json();
    let (mut noticed, mut tried) = (0, 0);
    for at in (0..text.len()).step_by(211) {
        for bit in [0x01, 0x20] {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= bit;
            tried += 1;
            // Other space between the members changes nothing.
            match String::from_utf8(bytes).ok().map(|text| Evidence::from_json(&text)) {
                Some(Ok(read)) => assert_eq!(read, evidence, "byte {at}"),
                _ => noticed += 1,
            }
        }
    }
    assert!(tried > 300 && noticed * 10 > tried * 9, "{noticed} of {tried}");
}

/// Who can write the digest anew still cannot make the state or the chip have signed something else.
#[test]
fn what_was_changed_with_its_digest_is_found_by_judging_again() {
    type Change = fn(&mut Evidence);
    fn flip(evidence: &mut Evidence, file: FileId, at: usize) {
        let Some(Kept::Whole(bytes)) = evidence.files.get_mut(&file) else { panic!("{file}") };
        bytes[at] ^= 1;
    }
    let changes: [(&str, Change, &str); 9] = [
        ("DG1", |e| flip(e, dg(1), 40), "pa.hash.dg1"),
        ("DG2", |e| flip(e, dg(2), 9000), "pa.hash.dg2"),
        ("EF.SOD", |e| flip(e, FileId::SOD, 700), "pa.signature"),
        ("EF.COM", |e| flip(e, FileId::COM, 8), "com.sod"),
        ("challenge", |e| e.transcript.active_auth.as_mut().expect("AA").challenge[3] ^= 1, "aa"),
        ("signature", |e| e.transcript.active_auth.as_mut().expect("AA").signature[20] ^= 1, "aa"),
        ("answer", |e| e.transcript.chip_auth.as_mut().expect("CA").answer[6] ^= 1, "ca"),
        ("command", |e| e.transcript.chip_auth.as_mut().expect("CA").command[8] ^= 1, "ca"),
        ("ephemeral key", |e| e.transcript.chip_auth.as_mut().expect("CA").ephemeral = Secret::new(vec![7; 32]), "ca"),
    ];
    for (what, change, id) in changes {
        let mut evidence = Evidence::of(&honest());
        change(&mut evidence);
        let evidence = Evidence::from_json(&evidence.to_json()).expect("its digest is right");
        let report = verifier().judge(&evidence, today()).report;
        assert_eq!(report.verdict, Verdict::NotGenuine, "{what}: {}", report.to_text(Default::default()));
        let failed =
            report.findings.iter().any(|f| f.outcome.as_str() == "failed" && (f.id() == id || f.id() == "pa.sod" || f.id() == "read.com"));
        assert!(failed, "{what}: {}", report.to_text(Default::default()));
    }
}

#[test]
fn a_recorded_success_is_never_taken_over() {
    let mut evidence = Evidence::of(&honest());
    evidence.transcript = Default::default();
    let report = verifier().judge(&evidence, today()).report;
    for id in ["ca", "aa"] {
        assert_eq!(of(&report, id), ("not-attempted", "no-transcript"), "{id}");
    }
    // a forger writes that everything passed, and the verdict that goes with it
    let mut evidence = Evidence::of(&inspect(LyingChip::new(IMAGE.clone(), Lie::OtherChipKey)));
    assert_eq!(evidence.verdict, Verdict::NotGenuine);
    for finding in &mut evidence.findings {
        *finding = Check::named(finding.check.id.clone(), finding.check.clause).passed();
    }
    evidence.verdict = Verdict::Genuine;
    let report = verifier().judge(&evidence, today()).report;
    assert_eq!((report.verdict, of(&report, "ca")), (Verdict::NotGenuine, ("failed", "key-not-proven")));
}

#[test]
fn another_root_makes_the_same_evidence_undecided() {
    let evidence = Evidence::of(&honest());
    let report = Verifier::new(Authority::new(2).trust()).judge(&evidence, today()).report;
    assert_eq!((report.verdict, of(&report, "pa.chain").0), (Verdict::Undecided, "undecided"));
    assert_eq!(evidence.anchors, [hex::encode(AUTHORITY.csca.fingerprint())]);
}

#[test]
fn redacted_evidence_holds_no_data_of_the_holder_and_is_judged_by_the_hashes() {
    let inspection = honest();
    let redacted = Evidence::of(&inspection).redacted();
    let text = redacted.to_json();
    let read = Evidence::from_json(&text).expect("evidence");
    assert!(read.is_redacted());
    for personal in ["PHAM", "505000123", "099505000123"] {
        assert!(!text.contains(personal), "{personal}");
    }
    for kept in read.files.values() {
        if let Kept::Whole(bytes) = kept {
            assert!(!bytes.windows(4).any(|window| window == b"PHAM"), "the MRZ is nowhere");
        }
    }
    let report = verifier().judge(&read, today()).report;
    assert_eq!(report.verdict, Verdict::Genuine, "{}", report.to_text(Default::default()));
    assert_eq!(report.document, None);
    for number in [1, 2, 13] {
        assert_eq!(of(&report, &format!("pa.hash.dg{number}")), ("passed", "recorded-hash"));
    }
    assert_eq!((of(&report, "pa.hash.dg14"), of(&report, "ca").0, of(&report, "aa").0), (("passed", ""), "passed", "passed"));

    let mut image = IMAGE.clone();
    image.files.get_mut(&dg(1)).expect("DG1")[40] ^= 1;
    let forged = Evidence::of(&inspect(LyingChip::new(image, Lie::Nothing))).redacted();
    let report = verifier().judge(&forged, today()).report;
    assert_eq!((report.verdict, of(&report, "pa.hash.dg1")), (Verdict::NotGenuine, ("failed", "hash-differs")));
}

#[test]
fn what_is_no_evidence_says_so() {
    let text = Evidence::of(&honest()).to_json();
    assert!(matches!(Evidence::from_json("{}"), Err(EvidenceError::Version { .. })));
    assert!(matches!(Evidence::from_json("no JSON"), Err(EvidenceError::Json(_))));
    let newer = text.replacen("\"version\": 1", "\"version\": 3", 1);
    assert!(matches!(Evidence::from_json(&newer), Err(EvidenceError::Version { .. })));
    let unknown = text.replacen("\"program\"", "\"surprise\": 1, \"program\"", 1);
    assert!(matches!(Evidence::from_json(&unknown), Err(EvidenceError::Json(_))));
    let damaged = text.replacen("\"ended\": \"opened\"", "\"ended\": \"refused\"", 1);
    assert!(Evidence::from_json(&damaged).is_err_and(|error| error.is_damage()));
}

/// Written by the program when it knew no transcripts of chip authentication mapping: the success that is recorded counts for nothing.
#[test]
fn a_file_of_version_1_is_still_read() {
    let fixture = |name: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/evidence").join(name);
        std::fs::read_to_string(path).expect("a fixture")
    };
    let text = fixture("version-1.json");
    let evidence = Evidence::from_json(&text).expect("evidence");
    assert_eq!(evidence.to_json(), text, "and written again, it is the same");
    assert_eq!(evidence.findings.iter().find(|finding| finding.id() == "cam").map(|finding| finding.outcome.as_str()), Some("passed"));
    let trust = TrustStore::from_bytes(fixture("version-1.pem").as_bytes()).expect("a certificate");
    let report = Verifier::new(trust).judge(&evidence, evidence.date).report;
    assert_eq!(report.verdict, Verdict::Genuine, "{}", report.to_text(Default::default()));
    assert_eq!((of(&report, "cam"), of(&report, "ca").0, of(&report, "aa").0), (("not-attempted", "no-transcript"), "passed", "passed"));
}

/// Neither signingTime nor DG12: the question stays open in the report, and the policy lets it stand as long as the certificates are valid.
#[test]
fn a_document_that_does_not_say_when_it_was_signed_is_genuine_while_its_signer_is_valid() {
    let mut image = IMAGE.clone();
    AUTHORITY.sign_at(&mut image, None);
    let inspection = inspect(personalized(&image));
    let report = &inspection.report;
    assert_eq!(of(report, "pa.validity.signing"), ("undecided", "signing-date-unknown"));
    assert_eq!((report.verdict, report.policy.obstacles.len(), report.policy.concessions.len()), (Verdict::Genuine, 0, 1));
    let stands =
        "pa.validity.signing undecided, neither EF.SOD nor a data group says when the document was signed: all certificates are valid";
    assert!(report.to_json()["policy"]["concessions"][0].as_str().is_some_and(|line| line.starts_with(stands)));
    assert!(report.to_text(Default::default()).contains("let stand      pa.validity.signing undecided"));
    assert!(inspection.to_html().contains("<dt>let stand</dt><dd>pa.validity.signing undecided"));
    assert_same(&inspection, "no day of signing");
    // with a day there is nothing to let stand
    assert!(honest().report.policy.concessions.is_empty());
    // after the signer's certificate, and under another root
    let late = AUTHORITY.ds.not_after().date.plus_days(1);
    let expired = verifier().judge(&Evidence::of(&inspection), late).report;
    assert_eq!((of(&expired, "pa.validity.signing").0, of(&expired, "pa.validity.today")), ("undecided", ("failed", "out-of-validity")));
    assert_eq!((expired.verdict, expired.policy.concessions.len()), (Verdict::NotGenuine, 0));
    let stranger = Verifier::new(Authority::new(2).trust()).judge(&Evidence::of(&inspection), today()).report;
    assert_eq!((stranger.verdict, stranger.policy.concessions.len()), (Verdict::Undecided, 0));
}

/// Files alone: what the state signed, and an open question for what is not there.
#[test]
fn files_alone_are_verified_without_a_chip() {
    let report = |files| verifier().judge_files(files, today()).report;
    let files = IMAGE.files.clone();
    let whole = report(files.clone());
    assert_eq!(whole.verdict, Verdict::Genuine, "{}", whole.to_text(Default::default()));
    assert_eq!((of(&whole, "aa"), of(&whole, "pa.hash.dg3").0), (("not-attempted", "no-card"), "passed"));
    let mut without = files.clone();
    without.remove(&dg(3));
    assert_eq!(report(without.clone()).verdict, Verdict::Genuine, "few may read DG3");
    without.remove(&dg(2));
    let open = report(without);
    assert_eq!((open.verdict, of(&open, "read.dg2")), (Verdict::Undecided, ("undecided", "not-among-files")));
    let mut forged = files.clone();
    forged.get_mut(&dg(13)).expect("DG13").push(0);
    assert_eq!(of(&report(forged), "pa.hash.dg13"), ("failed", "hash-differs"));
    let mut added = files;
    added.insert(dg(16), vec![0x70, 0x00]);
    let added = report(added);
    assert_eq!((added.verdict, of(&added, "pa.hash.dg16")), (Verdict::NotGenuine, ("failed", "not-listed")));
}

/// A data group that no list names is found on the card all the same.
#[test]
fn a_file_that_nobody_signed_is_found_on_the_card() {
    let mut image = IMAGE.clone();
    image.files.insert(dg(16), vec![0x70, 0x00]);
    let inspection = inspect(personalized(&image));
    assert_eq!(inspection.report.verdict, Verdict::NotGenuine);
    assert_eq!(of(&inspection.report, "pa.hash.dg16"), ("failed", "not-listed"));
    assert_same(&inspection, "DG16");
}
