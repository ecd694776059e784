//! Whatever a card says, the page stays a page.

use std::collections::{BTreeMap, BTreeSet};

use base64ct::{Base64, Encoding as _};
use eid::image::FileId;
use eid::quirk::Quirk;

use super::super::tests::sample;
use super::*;
use crate::terminal::evidence::{Ended, Transcript, sha256};
use crate::terminal::policy::{Policy, StandardPolicy, StrictPolicy};
use crate::terminal::report::PolicyNote;

fn inspection(report: Report) -> Inspection {
    let (not_read, transcript) = (BTreeSet::new(), Transcript::default());
    Inspection { report, files: BTreeMap::new(), method: None, ended: Ended::Opened, not_read, transcript }
}

const EVIL: &str = "</td><script>alert(1)</script><img src=x onerror=alert(1)>\"'&\u{202e}\u{1b}[2J";

#[test]
fn what_a_card_says_is_never_markup() {
    let mut report = sample();
    let document = report.document.as_mut().expect("sample has one");
    for field in [&mut document.name, &mut document.number, &mut document.code, &mut document.issuer, &mut document.birth] {
        *field = EVIL.to_owned();
    }
    document.personal_number = Some(EVIL.to_owned());
    for finding in &mut report.findings {
        *finding = finding.clone().because("refused", EVIL).with("found", EVIL);
    }
    report.policy.obstacles = vec![EVIL.to_owned()];
    report.quirks = vec![Quirk::new("aa.le", EVIL)];
    let mut inspection = inspection(report);
    // DG1 with markup in its name, and a DG11 with any text: both told in words
    let mrz = "I<UTOD231458907<<<<<<<<<<<<<<<7408122F1204159UTO<<<<<<<<<<<6ERIKSSON<<ANNA<MARIA<<<<<<<<<<";
    let dg1 = eid::tlv::encode(0x61, &eid::tlv::encode(0x5F1F, mrz.replace("ERIKSSON<<ANNA", "<script>alert(").as_bytes()));
    let objects = [eid::tlv::encode(0x5C, &[0x5F, 0x11]), eid::tlv::encode(0x5F11, EVIL.as_bytes())].concat();
    let files = [(1, dg1), (11, eid::tlv::encode(0x6B, &objects))];
    inspection.files = files.into_iter().filter_map(|(n, bytes)| Some((FileId::dg(n)?, bytes))).collect();
    let page = inspection.to_html();
    for markup in ["<script", "<img src=x", "\u{202e}", "\u{1b}", "alert(1)<"] {
        assert!(!page.contains(markup), "{markup:?} in {page}");
    }
    assert!(page.matches("&lt;script&gt;alert(1)&lt;/script&gt;").count() >= 8, "{page}");
}

#[test]
fn the_page_loads_nothing_and_its_style_is_the_one_that_its_policy_allows() {
    let page = inspection(sample()).to_html();
    assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("url(") && !page.contains("@import"), "{page}");
    assert!(!page.contains(" style=") && !page.contains(" onerror=") && !page.contains(" onload="), "nothing inline");
    let (_, style) = page.split_once("<style>").expect("a style");
    let (style, _) = style.split_once("</style>").expect("its end");
    let hash = Base64::encode_string(&sha256(style.as_bytes()));
    assert!(page.contains(&format!("style-src 'sha256-{hash}'")));
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn the_verdict_comes_first_and_every_check_is_there() {
    let report = sample();
    let page = inspection(report.clone()).to_html();
    let body = page.split_once("<body>").expect("a body").1;
    let place = |text: &str| body.find(text).unwrap_or_else(|| panic!("no {text} in {body}"));
    assert!(place("NOT GENUINE") < place("PHAM  THI UOC MAU"));
    for finding in &report.findings {
        place(&format!(">{} · ", finding.id()));
    }
    place("access.card_access-by-fid");
    place("the inspection contradicts it");
}

/// How a certificate was made is told in its row, and never stands beside a genuine verdict as a contradiction.
#[test]
fn a_remark_on_the_style_of_a_certificate_is_no_contradiction() {
    let mut report = sample();
    report.verdict = Verdict::Genuine;
    let check = |id: &'static str| eid::protocol::finding::Check::new(id, "test");
    report.findings = crate::terminal::policy::ALWAYS.map(|id| check(id).passed()).to_vec();
    report.findings.push(check("profile.signer").failed("profile", "an extension is missing"));
    let page = inspection(report.clone()).to_html();
    assert!(page.contains("<b>Signed by the state</b>Yes") && page.contains("an extension is missing"), "{page}");
    report.findings.push(check("pa.hash.dg2").failed("hash-differs", "DG2 differs"));
    report.verdict = Verdict::NotGenuine;
    let page = inspection(report).to_html();
    assert!(page.contains("No: contradicted") && page.contains("One check failed."), "{page}");
}

/// Signed, and made otherwise than it should be: that is said at the top, and each rule that the policy does not take is marked.
#[test]
fn what_the_policy_does_not_take_is_said_first_and_marked() {
    let mut report = sample();
    report.findings = crate::terminal::policy::ALWAYS.map(|id| eid::protocol::finding::Check::new(id, "test").passed()).to_vec();
    report.quirks.push(Quirk::new("cbeff.format-type", "EF.DG2 offset 7").over(b"FAC"));
    let mut page = |policy: &dyn Policy| {
        report.verdict = policy.judge(report.seen());
        report.policy = PolicyNote::of(policy, report.seen());
        inspection(report.clone()).to_html()
    };
    let strict = page(&StrictPolicy::default());
    let why = "but the document is not made as the standard asks.</p><ul><li>form: cbeff.format-type at EF.DG2 offset 7 (464143)</li></ul>";
    assert!(strict.contains("UNDECIDED") && strict.contains(why), "{strict}");
    assert_eq!(strict.matches("not taken").count(), 1, "{strict}");
    assert!(strict.contains("not taken</span> cbeff.format-type") && strict.contains("The policy strict does not take"), "{strict}");
    let standard = page(&StandardPolicy::default());
    assert!(standard.contains("GENUINE") && standard.contains("cbeff.format-type") && !standard.contains("not taken"), "{standard}");
}
