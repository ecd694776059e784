//! Access against scripted cards: the exact sequence of commands before the first random byte.
//! What needs a chip that knows the password is in `tests/terminal_*.rs`, against the virtual card.

use eid::protocol::bac::mrz_seed;
use eid::secret::Secret;
use eid::transport::Limits;

use super::*;
use crate::session::tests::Script;

/// 1, 2, 3, …: keys are drawn before an answer is looked at.
struct Counting(u8);

impl rand_core::TryRng for Counting {
    type Error = std::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        for byte in out {
            self.0 = self.0.wrapping_add(1);
            *byte = self.0;
        }
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Counting {}

fn can() -> Password {
    Password::Can(Secret::from(&b"123456"[..]))
}

fn mrz() -> Password {
    Password::Mrz(mrz_seed("L898902C<369080619406236"))
}

fn run(passwords: &[Password], fallback: Fallback, steps: &[(&str, &str)]) -> (Result<Method, AccessError>, Log) {
    let mut log = Log::default();
    let mut session = Session::new(Script::new(Limits::SHORT, steps));
    let result = open(&mut session, passwords, fallback, &mut Counting(0), &mut log);
    (result, log)
}

fn outcome(log: &Log, id: &str) -> (&'static str, Option<&'static str>) {
    let finding = log.findings.iter().find(|finding| finding.id() == id).unwrap_or_else(|| panic!("no finding {id}"));
    (finding.outcome.as_str(), finding.reason.as_ref().map(|reason| reason.code))
}

/// EF.CardAccess of the Vietnamese card (notes on that card, 1.2): TA, CA, and PACE-ECDH-GM-AES-128 on brainpoolP256r1.
const VIETNAM: &str = "3134300D060804007F0007020202020101300F060A04007F000702020302020201013012060A04007F0007020204020202010202010D";

/// MSE:Set AT for its PACEInfo with the CAN.
const SET_AT: &str = "0022C1A40F800A04007F00070202040202830102";
const GET_NONCE: &str = "10860000027C0000";

#[test]
fn card_access_is_read_by_short_identifier_under_the_mf() {
    let (result, log) = run(
        &[can()],
        Fallback::Forbidden,
        &[
            ("00A4000C023F00", "9000"),
            ("00B09C0006", "3134300D0608 9000"),
            ("00B0000630", &format!("{} 9000", &VIETNAM[12..])),
            (SET_AT, "9000"),
            (GET_NONCE, "6A80"),
        ],
    );
    assert!(matches!(result, Err(AccessError::Failed { protocol: "PACE", step: "step 1", .. })), "{result:?}");
    assert_eq!(outcome(&log, "read.card_access"), ("passed", None));
    assert_eq!(log.card_access.map(hex::encode_upper).as_deref(), Some(VIETNAM));
    assert!(log.quirks.is_empty());
}

#[test]
fn the_ladder_goes_on_by_file_identifier() {
    let (_, log) = run(
        &[can()],
        Fallback::Forbidden,
        &[
            ("00A4000C023F00", "9000"),
            ("00B09C0006", "6A82"),
            ("00A4020C02011C", "9000"),
            ("00B0000006", "3134300D0608 9000"),
            ("00B0000630", &format!("{} 9000", &VIETNAM[12..])),
            (SET_AT, "9000"),
            (GET_NONCE, "6982"),
        ],
    );
    assert_eq!(log.quirks.iter().map(|quirk| quirk.rule).collect::<Vec<_>>(), ["access.card_access-by-fid"]);
    assert_eq!(log.findings[0].evidence("selected"), Some("FID 011C under the MF"));
}

/// Vietnamese cards: SELECT MF answers 6D00, SELECT 011C works all the same.
#[test]
fn a_card_without_a_selectable_mf_is_read_all_the_same() {
    let (_, log) = run(
        &[can()],
        Fallback::Forbidden,
        &[
            ("00A4000C023F00", "6D00"),
            ("00A4020C02011C", "9000"),
            ("00B0000006", "3134300D0608 9000"),
            ("00B0000630", &format!("{} 9000", &VIETNAM[12..])),
            (SET_AT, "6D00"),
        ],
    );
    assert_eq!(log.findings[0].evidence("selected"), Some("FID 011C without the MF"));
    assert_eq!(outcome(&log, "access.pace"), ("failed", Some("refused")));
}

#[test]
fn a_card_without_card_access_gets_bac_and_a_refused_mrz_is_named() {
    let bac_only = [
        ("00A4000C023F00", "9000"),
        ("00B09C0006", "6A82"),
        ("00A4020C02011C", "6A82"),
        ("00A4040C07A0000002471001", "9000"),
        ("0084000008", "6982"),
    ];
    let (result, log) = run(&[mrz()], Fallback::BasicAccessControl, &bac_only);
    assert!(matches!(result, Err(AccessError::Failed { protocol: "BAC", step: "GET CHALLENGE", .. })), "{result:?}");
    assert_eq!(outcome(&log, "access.pace"), ("not-attempted", Some("not-offered")));
    let (result, _) = run(&[can()], Fallback::BasicAccessControl, &bac_only[..3]);
    assert_eq!(result, Err(AccessError::NoWay { offered: "Basic Access Control", given: "CAN".to_owned() }));
}

#[test]
fn a_damaged_card_access_is_a_failed_reading() {
    let steps = [("00A4000C023F00", "9000"), ("00B09C0006", "6581"), ("00A4020C02011C", "6581")];
    let (result, log) = run(&[can()], Fallback::BasicAccessControl, &steps);
    assert!(matches!(result, Err(AccessError::NoWay { .. })));
    assert_eq!(outcome(&log, "read.card_access"), ("failed", Some("memory-failure")));
}

#[test]
fn object_84_is_tried_where_the_card_wants_it() {
    let (_, log) = run(
        &[can()],
        Fallback::Forbidden,
        &[
            ("00A4000C023F00", "9000"),
            ("00B09C0006", "3134300D0608 9000"),
            ("00B0000630", &format!("{} 9000", &VIETNAM[12..])),
            (SET_AT, "6A88"),
            ("0022C1A412800A04007F0007020204020283010284010D", "9000"),
            (GET_NONCE, "6983"),
        ],
    );
    assert_eq!(log.quirks.iter().map(|quirk| quirk.rule).collect::<Vec<_>>(), ["access.mse-parameter-id"]);
}

#[test]
fn a_blocked_password_is_refused_with_its_status() {
    let (result, _) = run(
        &[Password::Pin(Secret::from(&b"123456"[..]))],
        Fallback::BasicAccessControl,
        &[
            ("00A4000C023F00", "9000"),
            ("00B09C0006", "3134300D0608 9000"),
            ("00B0000630", &format!("{} 9000", &VIETNAM[12..])),
            ("0022C1A40F800A04007F00070202040202830103", "63C0"),
        ],
    );
    assert_eq!(result, Err(AccessError::Refused { protocol: "PACE", password: "PIN", sw: Some(Sw(0x63C0)) }));
    assert_eq!(
        result.expect_err("refused").to_string(),
        "access refused: PACE with the PIN: 63C0 verification failed, tries left in the last digit"
    );
}

#[test]
fn an_answer_that_is_no_answer_of_pace_ends_it() {
    for (answer, text) in [("9000", "step 1"), ("7C028000 9000", "step 1"), ("7C 05 80 03 010203 9000", "step 1")] {
        let (result, _) = run(
            &[can()],
            Fallback::Forbidden,
            &[
                ("00A4000C023F00", "9000"),
                ("00B09C0006", "3134300D0608 9000"),
                ("00B0000630", &format!("{} 9000", &VIETNAM[12..])),
                (SET_AT, "9000"),
                (GET_NONCE, answer),
            ],
        );
        let Err(AccessError::Failed { protocol: "PACE", step, .. }) = result else { panic!("{answer}: {result:?}") };
        assert_eq!(step, text);
    }
}
