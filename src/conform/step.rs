//! The language of test steps (docs/conform.md): what is done to the card, and what must be seen.
//!
//! ```text
//! steps       = step *( " ; " step )
//! step        = action " -> " expectation *( " " expectation )
//! action      = word [ "[" alteration *( "," alteration ) "]" ] [ " " APDU | " " certificate *( " " certificate ) ]
//! ```
//!
//! It refuses words that it does not know and APDUs that are none, so that a row that says nothing cannot pass for a test.

use std::fmt;

pub(super) mod alteration;
pub(super) mod expect;

use alteration::Alteration;
use expect::Expectation;

/// Why text is no step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct StepError(pub(super) String);

/// Something that is done to the card, and what must be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) action: Action,
    pub(super) alterations: Vec<Alteration>,
    pub(super) expect: Vec<Expectation>,
    /// As it stands in the suite.
    text: String,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Cold reset.
    Reset,
    /// SELECT of the MF.
    Mf,
    /// SELECT of the eMRTD application, in the session if one is open.
    Application,
    /// A command in the clear.
    Plain(Apdu),
    /// A command under secure messaging.
    Secured(Apdu),
    /// A harmless command under secure messaging: does the session live?
    Probe,
    /// Basic Access Control.
    Bac,
    /// PACE.
    Pace,
    /// MSE:Set AT of PACE alone.
    Ask,
    /// Wrong PINs until the card says that one try is left.
    Suspend,
    /// PACE, or Basic Access Control where there is none, and the application.
    Access,
    /// Chip Authentication.
    ChipAuthentication,
    /// Active Authentication.
    ActiveAuthentication,
    /// Terminal Authentication, where DG3 and DG4 need it.
    Rights,
    /// MSE:Set DST for a certificate.
    SetDst(String),
    /// PSO: VERIFY CERTIFICATE.
    Verify(String),
    /// Both for each of these certificates, until one is refused.
    Chain(Vec<String>),
    /// MSE:Set AT for the terminal of a certificate.
    SetAt(String),
    /// The same of version 2, with a new ephemeral key.
    SetAtWithKey(String),
    /// Chip Authentication version 2, with the key that Terminal Authentication was bound to.
    ChipAuthentication2,
    /// Terminal Authentication version 2 from the first to the last of these certificates, until something is refused.
    TerminalAuthentication2(Vec<String>),
    /// SELECT of the eID application, in the session if one is open.
    EidApplication,
    /// Restricted identification with a sector's key.
    RestrictedIdentification(String),
    /// GET CHALLENGE in a session.
    Challenge,
    /// EXTERNAL AUTHENTICATE with the key of a certificate.
    Prove(String),
}

impl Action {
    /// Whether it selects the eMRTD application or works in it.
    pub(super) const fn in_application(&self) -> bool {
        match self {
            Self::Application | Self::Bac | Self::Access | Self::ChipAuthentication | Self::ActiveAuthentication | Self::Rights => true,
            Self::Reset | Self::Mf | Self::Plain(_) | Self::Secured(_) | Self::Probe | Self::Pace | Self::Ask | Self::Suspend => false,
            // Terminal Authentication version 2 comes before the application.
            Self::SetDst(_) | Self::Verify(_) | Self::Chain(_) | Self::SetAt(_) | Self::SetAtWithKey(_) => false,
            Self::Challenge | Self::Prove(_) | Self::ChipAuthentication2 | Self::TerminalAuthentication2(_) => false,
            Self::EidApplication | Self::RestrictedIdentification(_) => false,
        }
    }
}

/// A command APDU with places for random bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Apdu(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Bytes(Vec<u8>),
    /// `<rnd8>`: that many random bytes.
    Random(usize),
    /// EF.CVCA, wherever the card has it.
    Cvca(CvcaPlace),
    /// A PIN or CAN with its length before it, as Lc.
    Digits(Digits),
}

/// A way to name EF.CVCA in a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CvcaPlace {
    /// `<cvca>`: the file identifier, two bytes.
    Fid,
    /// `<cvca-sfi>`: the short file identifier, one byte.
    Sfi,
    /// `<cvca-p1>`: P1 of READ BINARY by short file identifier.
    P1,
}

/// A value for RESET RETRY COUNTER.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Digits {
    /// `<pin>`: the PIN that was given.
    Pin,
    /// `<new-pin>`: another one than the card has now.
    NewPin,
    /// `<short-pin>`: the PIN that was given without its last digit.
    ShortPin,
    /// `<can>`: the CAN that was given.
    Can,
    /// `<new-can>`: another one than the card has now.
    NewCan,
}

const DIGITS: [(&str, Digits); 5] =
    [("pin", Digits::Pin), ("new-pin", Digits::NewPin), ("short-pin", Digits::ShortPin), ("can", Digits::Can), ("new-can", Digits::NewCan)];

/// Most random bytes in one place.
const MAX_RANDOM: usize = 64;

impl Apdu {
    fn parse(text: &str) -> Result<Self, StepError> {
        let wrong = |found: &str| StepError(format!("expected hexadecimal digits, <rndN>, or <cvca>, found {found:?}"));
        let mut pieces = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find('<').unwrap_or(rest.len());
            let (digits, after) = rest.split_at(end);
            if !digits.is_empty() {
                pieces.push(Piece::Bytes(hex::decode(digits).map_err(|_| wrong(digits))?));
            }
            rest = after;
            if let Some(place) = rest.strip_prefix('<') {
                let (name, after) = place.split_once('>').ok_or_else(|| wrong(rest))?;
                let digits = DIGITS.into_iter().find(|(known, _)| *known == name).map(|(_, digits)| digits);
                let count = name.strip_prefix("rnd").and_then(|count| count.parse().ok()).filter(|count| (1..=MAX_RANDOM).contains(count));
                pieces.push(match (name, count) {
                    _ if digits.is_some() => Piece::Digits(digits.ok_or_else(|| wrong(name))?),
                    ("cvca", _) => Piece::Cvca(CvcaPlace::Fid),
                    ("cvca-sfi", _) => Piece::Cvca(CvcaPlace::Sfi),
                    ("cvca-p1", _) => Piece::Cvca(CvcaPlace::P1),
                    (_, count) => Piece::Random(count.ok_or_else(|| wrong(name))?),
                });
                rest = after;
            }
        }
        let apdu = Self(pieces);
        if apdu.len() < 4 { Err(StepError(format!("expected a command of at least four bytes, found {text:?}"))) } else { Ok(apdu) }
    }

    fn len(&self) -> usize {
        let len = |piece: &Piece| match piece {
            Piece::Bytes(bytes) => bytes.len(),
            Piece::Random(count) => *count,
            Piece::Cvca(CvcaPlace::Fid) => 2,
            Piece::Cvca(_) | Piece::Digits(_) => 1,
        };
        self.0.iter().map(len).sum()
    }

    /// The PIN or CAN in it.
    pub(super) fn digits(&self) -> Option<Digits> {
        self.0.iter().find_map(|piece| if let Piece::Digits(digits) = piece { Some(*digits) } else { None })
    }

    /// The bytes, random ones drawn; `cvca` is file identifier and short file identifier of EF.CVCA, `digits` the PIN or CAN in it.
    pub(super) fn bytes(&self, (fid, sfi): (u16, u8), digits: &[u8], rng: &mut dyn rand_core::CryptoRng) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in &self.0 {
            match piece {
                Piece::Bytes(bytes) => out.extend(bytes),
                Piece::Cvca(CvcaPlace::Fid) => out.extend(fid.to_be_bytes()),
                Piece::Cvca(CvcaPlace::Sfi) => out.push(sfi),
                Piece::Cvca(CvcaPlace::P1) => out.push(0x80 | sfi),
                Piece::Digits(_) => {
                    out.extend(u8::try_from(digits.len()));
                    out.extend(digits);
                }
                Piece::Random(count) => {
                    let at = out.len();
                    out.resize(at + count, 0);
                    if let Some(place) = out.get_mut(at..) {
                        rng.fill_bytes(place);
                    }
                }
            }
        }
        out
    }
}

/// Reads the steps of a case; none for an empty text.
pub(super) fn parse(text: &str) -> Result<Vec<Step>, StepError> {
    if text.trim().is_empty() { Ok(Vec::new()) } else { text.split(" ; ").map(|step| Step::parse(step.trim())).collect() }
}

impl Step {
    fn parse(text: &str) -> Result<Self, StepError> {
        let (left, right) = text.split_once(" -> ").ok_or_else(|| StepError(format!("expected ACTION -> EXPECTATION, found {text:?}")))?;
        let (left, right) = (left.trim(), right.trim());
        let end = left.find([' ', '[']).unwrap_or(left.len());
        let (word, rest) = left.split_at(end);
        let (alterations, operand) = match rest.strip_prefix('[') {
            Some(rest) => {
                let (inside, operand) = rest.split_once(']').ok_or_else(|| StepError(format!("expected ], found {left:?}")))?;
                (inside.split(',').map(Alteration::parse).collect::<Result<Vec<_>, _>>()?, operand.trim())
            }
            None => (Vec::new(), rest.trim()),
        };
        let without =
            |action| if operand.is_empty() { Ok(action) } else { Err(StepError(format!("{word} takes no APDU, found {operand:?}"))) };
        let named = |action: fn(String) -> Action| {
            if is_name(operand) {
                Ok(action(operand.to_owned()))
            } else {
                Err(StepError(format!("{word} takes a certificate, found {operand:?}")))
            }
        };
        let names: Vec<_> = operand.split_whitespace().map(str::to_owned).collect();
        let action = match word {
            "reset" => without(Action::Reset)?,
            "mf" => without(Action::Mf)?,
            "application" => without(Action::Application)?,
            "plain" => Action::Plain(Apdu::parse(operand)?),
            "sm" => Action::Secured(Apdu::parse(operand)?),
            "probe" => without(Action::Probe)?,
            "bac" => without(Action::Bac)?,
            "pace" => without(Action::Pace)?,
            "ask" => without(Action::Ask)?,
            "suspend" => without(Action::Suspend)?,
            "access" => without(Action::Access)?,
            "ca" => without(Action::ChipAuthentication)?,
            "aa" => without(Action::ActiveAuthentication)?,
            "rights" => without(Action::Rights)?,
            "dst" => named(Action::SetDst)?,
            "verify" => named(Action::Verify)?,
            "at" => named(Action::SetAt)?,
            "at2" => named(Action::SetAtWithKey)?,
            "ca2" => without(Action::ChipAuthentication2)?,
            "prove" => named(Action::Prove)?,
            "challenge" => without(Action::Challenge)?,
            "chain" if !names.is_empty() && names.iter().all(|name| is_name(name)) => Action::Chain(names),
            "ta2" if names.len() > 1 && names.iter().all(|name| is_name(name)) => Action::TerminalAuthentication2(names),
            "ta2" => return Err(StepError(format!("ta2 takes a chain of certificates, found {operand:?}"))),
            "eid" => without(Action::EidApplication)?,
            "ri" => named(Action::RestrictedIdentification)?,
            "chain" => return Err(StepError(format!("chain takes certificates, found {operand:?}"))),
            _ => return Err(StepError(format!("expected an action, found {word:?}"))),
        };
        if let Some(alteration) = alterations.iter().find(|alteration| !alteration.belongs_to(&action)) {
            return Err(StepError(format!("{alteration} is no alteration of {word}")));
        }
        let expect = right.split_whitespace().map(Expectation::parse).collect::<Result<Vec<_>, _>>()?;
        if expect.is_empty() {
            return Err(StepError(format!("expected something to be seen, found {text:?}")));
        }
        Ok(Self { action, alterations, expect, text: text.to_owned() })
    }
}

/// Whether it can be the name of a certificate.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_read_step_by_step() {
        let steps = parse("reset -> ok ; sm[-8E] 00A4020C02011E -> 6987|6988 ~plain ; pace[map,ga2:key=x-small] -> opens").expect("steps");
        assert_eq!(steps.len(), 3);
        assert_eq!(steps[0].action, Action::Reset);
        assert!(matches!(&steps[1].action, Action::Secured(apdu) if apdu.len() == 7));
        assert_eq!((steps[1].alterations.len(), steps[1].expect.len()), (1, 2));
        assert_eq!((&steps[2].action, steps[2].alterations.len()), (&Action::Pace, 2));
        assert_eq!(steps[1].to_string(), "sm[-8E] 00A4020C02011E -> 6987|6988 ~plain");
        assert_eq!(parse(""), Ok(Vec::new()));
    }

    #[test]
    fn random_bytes_are_drawn_each_time() {
        const CVCA: (u16, u8) = (0x011C, 0x1C);
        let apdu = Apdu::parse("0088000004<rnd4>00").expect("an APDU");
        let mut rng = applets::rng::SeededRng::new(b"steps");
        let (one, other) = (apdu.bytes(CVCA, b"", &mut rng), apdu.bytes(CVCA, b"", &mut rng));
        assert_eq!((one.len(), &one[..5], one[9]), (10, &[0x00, 0x88, 0, 0, 4][..], 0));
        assert_ne!(one, other);
        let apdu = Apdu::parse("00B0<cvca-p1><cvca-sfi><cvca>").expect("an APDU");
        assert_eq!((apdu.len(), hex::encode_upper(apdu.bytes(CVCA, b"", &mut rng))), (6, "00B09C1C011C".to_owned()));
        let apdu = Apdu::parse("002C0203<new-pin>").expect("an APDU");
        assert_eq!(
            (apdu.digits(), hex::encode_upper(apdu.bytes(CVCA, b"12", &mut rng))),
            (Some(Digits::NewPin), "002C0203023132".to_owned())
        );
    }

    #[test]
    fn what_is_no_step_is_refused() {
        for wrong in [
            "reset",
            "reset ->",
            "-> ok",
            "restart -> ok",
            "plain -> 9000",
            "plain 00A4 -> 9000",
            "plain 00A402 0C -> 9000",
            "plain 00A4020x -> 9000",
            "plain 00880000<rnd0> -> 9000",
            "plain 00880000<rnd4 -> 9000",
            "reset 00 -> ok",
            "pace[ga2:81=short -> fails",
            "pace[ga5:last] -> fails",
            "bac[ga1:last] -> fails",
            "sm[ga1:last] 00B00000 -> ERR",
            "dst -> 9000",
            "dst A B -> 9000",
            "chain -> ok",
            "chain A+B -> ok",
            "challenge A -> 9000",
            "ta2 A -> ok",
            "ri -> 9000",
            "eid A -> 9000",
            "ta2[second] A B -> ok",
            "ca2[aux=age] -> opens",
            "dst[id=other] A -> 9000",
            "ca[cla=8C] -> fails",
            "plain 00B0<cvca-x>0000 -> 9000",
            "sm 002C0203<old-pin> -> 9000",
            "ask[key=wrong] -> 9000",
            "suspend[pin] -> 63C1",
            "bac[pin] -> opens",
            "reset -> =9000|6982",
            "reset -> ok ;; reset -> ok",
            "plain 00B0000000 -> 90000",
            "plain 00B0000000 -> perhaps",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
