//! What a step does otherwise than the protocol: which variant is run, and what is changed in which of its commands.
//!
//! ```text
//! alteration = variant                       can mrz pin puk gm im cam not-cam map kat at plain old key=wrong cla=8C id=other challenge=first
//!                                            challenge=short where-there where-opened chat=34 chat=3 chat=4 nonce second aux-template aux-oid
//!            | "chat=" type [ "-without-" right ]     PACE for an authentication (at) or signature terminal (st): all rights, or all but one
//!            | "aux=" word                   auxiliary data: age age-not valid expired municipality municipality-not municipality-prefix
//!            | [ command ":" ] change        command: challenge auth mse ga1 ga2 ga3 ga4 kat ga; none where there is one command only
//! change     = "-" TAG                       the object is left out
//!            | TAG "->" TAG                  the object under another tag
//!            | TAG "=" ( HEX | word )        another value; the object is added if there was none
//!            | TAG "!" HEX                   these bytes in place of the object
//!            | "+" HEX                       these bytes after the objects
//!            | "key=" form                   a key pair of this form, by which the protocol goes on
//!            | outer=TAG bare nothing flip   the template under another tag, left out, no data at all, the last byte changed
//!            | le no-le                      with Le, without Le
//!            | last chain twice skip old     chaining bit off or on, sent twice, not sent, the answer before the last is used
//!            | before=APDU instead=APDU      another command before it, or in its place, which ends the protocol
//!            | ssc=old                       under sm: with the counter of the last answer
//! ```

use std::fmt;

use eid::cert::chat::TerminalType;

use super::{Action, StepError};
use variant::{AUXILIARY, VARIANTS};

mod variant;

pub(in crate::conform) use variant::{Auxiliary, Variant};

/// One alteration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::conform) enum Alteration {
    /// Which variant of the protocol is run.
    Variant(Variant),
    /// PACE for a terminal of this type with all rights, or all but the one of this bit number.
    Chat(TerminalType, Option<u8>),
    /// A template of auxiliary data.
    Auxiliary(Auxiliary),
    /// What is changed in one command.
    Change(Place, Change),
}

/// A command of a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::conform) enum Place {
    /// BAC: GET CHALLENGE.
    Challenge,
    /// BAC: EXTERNAL AUTHENTICATE.
    Auth,
    /// PACE and Chip Authentication: MSE:Set AT.
    Mse,
    /// PACE: GENERAL AUTHENTICATE for the nonce.
    Ga1,
    /// PACE: GENERAL AUTHENTICATE with mapping data.
    Ga2,
    /// PACE: GENERAL AUTHENTICATE with the ephemeral key.
    Ga3,
    /// PACE: GENERAL AUTHENTICATE with the token.
    Ga4,
    /// Chip Authentication: MSE:Set KAT.
    Kat,
    /// Chip Authentication: GENERAL AUTHENTICATE.
    Ga,
    /// Terminal Authentication: MSE:Set DST.
    Dst,
    /// Terminal Authentication: PSO: VERIFY CERTIFICATE.
    Verify,
    /// Terminal Authentication: MSE:Set AT.
    At,
    /// Terminal Authentication: EXTERNAL AUTHENTICATE.
    Prove,
    /// The protected command of `sm`.
    Message,
}

const PLACES: [(Place, &str); 13] = [
    (Place::Challenge, "challenge"),
    (Place::Auth, "auth"),
    (Place::Mse, "mse"),
    (Place::Ga1, "ga1"),
    (Place::Ga2, "ga2"),
    (Place::Ga3, "ga3"),
    (Place::Ga4, "ga4"),
    (Place::Kat, "kat"),
    (Place::Ga, "ga"),
    (Place::Dst, "dst"),
    (Place::Verify, "verify"),
    (Place::At, "at"),
    (Place::Prove, "prove"),
];

impl Place {
    pub(in crate::conform) fn from_name(name: &str) -> Option<Self> {
        PLACES.iter().find(|(_, known)| *known == name).map(|(place, _)| *place)
    }

    /// The order in a protocol.
    pub(in crate::conform) const fn order(self) -> u8 {
        match self {
            Self::Message | Self::Challenge | Self::Mse | Self::Kat | Self::Dst => 0,
            Self::Auth | Self::Ga1 | Self::Ga | Self::Verify => 1,
            Self::Ga2 | Self::At => 2,
            Self::Ga3 | Self::Prove => 3,
            Self::Ga4 => 4,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PLACES.iter().find(|(place, _)| place == self).map_or("sm", |(_, name)| name))
    }
}

/// What is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::conform) enum Change {
    /// The object is left out.
    Omit(u32),
    /// The object has another tag.
    Retag(u32, u32),
    /// The object has this value.
    Value(u32, Vec<u8>),
    /// The object has another value.
    Spoil(u32, Spoil),
    /// These bytes stand in place of the object.
    Raw(u32, Vec<u8>),
    /// These bytes follow the objects.
    Append(Vec<u8>),
    /// A key pair of this form.
    Key(Form),
    /// The template 7C has another tag.
    Outer(u32),
    /// The objects without their template.
    Bare,
    /// No data.
    Nothing,
    /// The last byte of the data is changed.
    Flip,
    /// With Le.
    WithLe,
    /// Without Le.
    WithoutLe,
    /// Without the chaining bit.
    Last,
    /// With the chaining bit.
    Chain,
    /// Sent twice; the second answer counts.
    Twice,
    /// Not sent.
    Skip,
    /// Sent twice; the first answer is used.
    Old,
    /// Another command before it.
    Before(Vec<u8>),
    /// Another command in its place.
    Instead(Vec<u8>),
    /// With the send sequence counter of the last answer.
    OldCounter,
}

/// Another value for an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::conform) enum Spoil {
    /// The last byte is 7F.
    Bad,
    /// The last byte is changed.
    Flip,
    /// The last byte is missing.
    Short,
    /// A byte follows.
    Long,
    /// All bytes are zero.
    Zeros,
    /// The point (0, 0).
    Origin,
    /// The first byte is 05.
    Encoding,
    /// A point beside the curve.
    OffCurve,
    /// A number above the prime.
    AboveP,
    /// A key of another domain.
    OtherSize,
    /// The value inside an object 06.
    Wrapped,
    /// A protocol that the card does not offer.
    Foreign,
    /// A reference that the card does not have.
    Unknown,
    /// The reference that the card has.
    Own,
    /// A token over the objects without their template 7F49.
    BareToken,
}

const SPOILS: [(Spoil, &str); 15] = [
    (Spoil::Bad, "bad"),
    (Spoil::Flip, "flip"),
    (Spoil::Short, "short"),
    (Spoil::Long, "long"),
    (Spoil::Zeros, "zeros"),
    (Spoil::Origin, "origin"),
    (Spoil::Encoding, "encoding"),
    (Spoil::OffCurve, "off-curve"),
    (Spoil::AboveP, "above-p"),
    (Spoil::OtherSize, "other-size"),
    (Spoil::Wrapped, "wrapped"),
    (Spoil::Foreign, "foreign"),
    (Spoil::Unknown, "unknown"),
    (Spoil::Own, "own"),
    (Spoil::BareToken, "bare-token"),
];

/// A form of a public key on a curve, which a chip must take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::conform) enum Form {
    /// x near zero.
    SmallX,
    /// x near the prime.
    LargeX,
    /// y near zero.
    SmallY,
    /// y near the prime.
    LargeY,
}

const FORMS: [(Form, &str); 4] =
    [(Form::SmallX, "x-small"), (Form::LargeX, "x-large"), (Form::SmallY, "y-small"), (Form::LargeY, "y-large")];

fn word<T: Copy>(table: &[(T, &str)], name: &str) -> Option<T> {
    table.iter().find(|(_, known)| *known == name).map(|(value, _)| *value)
}

impl Alteration {
    pub(super) fn parse(text: &str) -> Result<Self, StepError> {
        let text = text.trim();
        if let Some(variant) = word(&VARIANTS, text) {
            return Ok(Self::Variant(variant));
        }
        if let Some(asked) = text.strip_prefix("aux=").and_then(|name| word(&AUXILIARY, name)) {
            return Ok(Self::Auxiliary(asked));
        }
        if let Some((terminal, without)) = text.strip_prefix("chat=").and_then(chat) {
            return Ok(Self::Chat(terminal, without));
        }
        let wrong = || StepError(format!("expected an alteration, found {text:?}"));
        let (place, change) = match text.split_once(':') {
            Some((name, change)) => (Place::from_name(name).ok_or_else(wrong)?, change),
            None => (Place::Message, text),
        };
        Ok(Self::Change(place, Change::parse(change).ok_or_else(wrong)?))
    }

    /// Whether a step with `action` can have it.
    pub(super) fn belongs_to(&self, action: &Action) -> bool {
        use Variant::{At, Cam, Can, Gm, Im, Kat, Map, Mrz, NotCam, Old, Plain, WrongKey};
        let of_terminal = matches!(
            action,
            Action::SetDst(_) | Action::Verify(_) | Action::SetAt(_) | Action::SetAtWithKey(_) | Action::Challenge | Action::Prove(_)
        );
        match self {
            Self::Variant(Variant::WhereOpened) => true,
            Self::Variant(Variant::WhereThere) => *action == Action::ActiveAuthentication,
            Self::Variant(Variant::Chat34 | Variant::Chat3 | Variant::Chat4 | Variant::Nonce) | Self::Chat(..) => *action == Action::Pace,
            Self::Auxiliary(_) | Self::Variant(Variant::AuxTemplate | Variant::AuxOid) => {
                matches!(action, Action::SetAtWithKey(_) | Action::TerminalAuthentication2(_))
            }
            Self::Variant(Variant::Second) => matches!(action, Action::RestrictedIdentification(_)),
            Self::Variant(Plain | Variant::Class8C) if of_terminal || *action == Action::ChipAuthentication2 => true,
            Self::Variant(Variant::Class8C) => false,
            Self::Change(Place::Message, Change::Key(_)) => matches!(action, Action::SetAtWithKey(_)),
            Self::Change(Place::Mse | Place::Ga, _)
                if *action == Action::ChipAuthentication2 || matches!(action, Action::RestrictedIdentification(_)) =>
            {
                true
            }
            Self::Variant(Variant::OtherIdentifier | Variant::FirstChallenge | Variant::ShortChallenge) => {
                matches!(action, Action::Prove(_))
            }
            // no objects there
            Self::Change(Place::Message, Change::Flip | Change::Twice | Change::Before(_)) if of_terminal => true,
            Self::Change(
                Place::Message,
                Change::Omit(_) | Change::Retag(..) | Change::Value(..) | Change::Spoil(..) | Change::Raw(..) | Change::Append(_),
            ) if of_terminal => {
                matches!(action, Action::SetDst(_) | Action::Verify(_) | Action::SetAt(_) | Action::SetAtWithKey(_))
            }
            Self::Variant(Can | Mrz | Variant::Pin | Variant::Puk) if *action == Action::Ask => true,
            Self::Variant(Can | Mrz | Variant::Pin | Variant::Puk | Gm | Im | Cam | NotCam | Map) => *action == Action::Pace,
            Self::Variant(WrongKey) => matches!(action, Action::Bac | Action::Pace),
            Self::Variant(Variant::NewKey) => *action == Action::ChipAuthentication2,
            Self::Variant(Kat | At | Plain) => *action == Action::ChipAuthentication,
            Self::Variant(Old) => *action == Action::Probe,
            Self::Change(Place::Message, Change::OldCounter | Change::Omit(_) | Change::Spoil(..) | Change::Value(..)) => {
                matches!(action, Action::Secured(_))
            }
            Self::Change(Place::Message, _) | Self::Change(_, Change::OldCounter) => false,
            Self::Change(Place::Challenge, change) => {
                *action == Action::Bac && matches!(change, Change::Skip | Change::Old | Change::Twice | Change::Before(_))
            }
            Self::Change(Place::Auth, _) => *action == Action::Bac,
            Self::Change(Place::Mse, _) => matches!(action, Action::Pace | Action::ChipAuthentication),
            Self::Change(Place::Kat | Place::Ga, _) => *action == Action::ChipAuthentication,
            Self::Change(Place::Ga1 | Place::Ga2 | Place::Ga3 | Place::Ga4, _) => *action == Action::Pace,
            Self::Change(Place::Dst | Place::Verify | Place::At | Place::Prove, _) => false,
        }
    }
}

impl fmt::Display for Alteration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variant(variant) => f.write_str(VARIANTS.iter().find(|(known, _)| known == variant).map_or("", |(_, name)| name)),
            Self::Chat(terminal, without) => {
                write!(f, "chat={}", terminal.abbreviation().to_lowercase())?;
                without.map_or(Ok(()), |bit| write!(f, " without bit {bit}"))
            }
            Self::Auxiliary(asked) => write!(f, "aux={}", AUXILIARY.iter().find(|(known, _)| known == asked).map_or("", |(_, name)| name)),
            Self::Change(place, change) => write!(f, "{place}:{change:?}"),
        }
    }
}

/// `at`, `at-without-read-dg5`
fn chat(text: &str) -> Option<(TerminalType, Option<u8>)> {
    let (name, right) = text.split_once("-without-").map_or((text, None), |(name, right)| (name, Some(right)));
    let terminal = TerminalType::of_abbreviation(name).filter(|_| matches!(name, "at" | "st"))?;
    match right {
        Some(right) => terminal.right(right).map(|bit| (terminal, Some(bit))),
        None => Some((terminal, None)),
    }
}

fn tag(text: &str) -> Option<u32> {
    let right = matches!(text.len(), 2 | 4) && text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    u32::from_str_radix(text, 16).ok().filter(|_| right)
}

/// A command of at least four bytes.
fn apdu(text: &str) -> Option<Vec<u8>> {
    hex::decode(text).ok().filter(|bytes| bytes.len() >= 4)
}

impl Change {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "bare" => return Some(Self::Bare),
            "nothing" => return Some(Self::Nothing),
            "flip" => return Some(Self::Flip),
            "le" => return Some(Self::WithLe),
            "no-le" => return Some(Self::WithoutLe),
            "last" => return Some(Self::Last),
            "chain" => return Some(Self::Chain),
            "twice" => return Some(Self::Twice),
            "skip" => return Some(Self::Skip),
            "old" => return Some(Self::Old),
            "ssc=old" => return Some(Self::OldCounter),
            _ => {}
        }
        if let Some(bytes) = text.strip_prefix('+') {
            return hex::decode(bytes).ok().filter(|bytes| !bytes.is_empty()).map(Self::Append);
        }
        if let Some((from, to)) = text.split_once("->") {
            return Some(Self::Retag(tag(from)?, tag(to)?));
        }
        if let Some(omitted) = text.strip_prefix('-') {
            return tag(omitted).map(Self::Omit);
        }
        if let Some((object, bytes)) = text.split_once('!') {
            return Some(Self::Raw(tag(object)?, hex::decode(bytes).ok()?));
        }
        let (name, value) = text.split_once('=')?;
        match name {
            "outer" => tag(value).map(Self::Outer),
            "key" => word(&FORMS, value).map(Self::Key),
            "before" => apdu(value).map(Self::Before),
            "instead" => apdu(value).map(Self::Instead),
            _ => {
                let object = tag(name)?;
                match word(&SPOILS, value) {
                    Some(spoil) => Some(Self::Spoil(object, spoil)),
                    None => hex::decode(value).ok().map(|bytes| Self::Value(object, bytes)),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_read() {
        for (text, place, change) in [
            ("mse:-83", Place::Mse, Change::Omit(0x83)),
            ("mse:80->06", Place::Mse, Change::Retag(0x80, 0x06)),
            ("mse:83=", Place::Mse, Change::Value(0x83, vec![])),
            ("mse:83=09", Place::Mse, Change::Value(0x83, vec![9])),
            ("mse:83!830201", Place::Mse, Change::Raw(0x83, vec![0x83, 2, 1])),
            ("ga1:+8F0101", Place::Ga1, Change::Append(vec![0x8F, 1, 1])),
            ("ga2:81=off-curve", Place::Ga2, Change::Spoil(0x81, Spoil::OffCurve)),
            ("ga3:key=y-large", Place::Ga3, Change::Key(Form::LargeY)),
            ("ga4:outer=8C", Place::Ga4, Change::Outer(0x8C)),
            ("ga4:before=00B09C0001", Place::Ga4, Change::Before(vec![0, 0xB0, 0x9C, 0, 1])),
            ("8E=flip", Place::Message, Change::Spoil(0x8E, Spoil::Flip)),
            ("ssc=old", Place::Message, Change::OldCounter),
        ] {
            assert_eq!(Alteration::parse(text), Ok(Alteration::Change(place, change)), "{text}");
        }
        assert_eq!(Alteration::parse("not-cam"), Ok(Alteration::Variant(Variant::NotCam)));
        let at = TerminalType::Authentication;
        assert_eq!(Alteration::parse("chat=at"), Ok(Alteration::Chat(at, None)));
        assert_eq!(Alteration::parse("chat=at-without-read-dg5"), Ok(Alteration::Chat(at, Some(12))));
        assert_eq!(Alteration::parse("aux=age-not"), Ok(Alteration::Auxiliary(Auxiliary::Age(false))));
        for wrong in [
            "chat=",
            "chat=is",
            "chat=at-without-",
            "chat=at-without-read-dg23",
            "aux=",
            "aux=old",
            "",
            "mse:",
            "mse:8=00",
            "mse:80=zz",
            "ga9:last",
            "ga1:+",
            "ga1:before=00B0",
            "key=best",
            "mse:zz->80",
        ] {
            assert!(Alteration::parse(wrong).is_err(), "{wrong}");
        }
    }
}
