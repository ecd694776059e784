//! What must be seen after a step.
//!
//! ```text
//! codes      9000  6982|6988  63CX  any  OK  ERR (64xx to 6Fxx)  WARN (62xx, 63xx)      X: any digit
//!            =63C1: this one, strict or not, where the digits say how many tries are left
//! wrapping   ~SM (under secure messaging)  ~plain (in the clear)
//! data       data  empty  len=8  first=60  differs (from the answer before)  lacks=8A has=87 (object in 7C)  valid (signature)
//! over steps remember (the value)  same  other (than the one remembered)     of 7C it is the value of its first object
//! EF.CVCA    cvca (the file, as it must be)  cvca=A,B (and it names the holders of these certificates, in this order)
//! protocol   opens  fails  fails@ga2  fails@ga2+ (there or later)  stops    alternatives with |
//! session    alive  gone
//! else       ok
//! ```
//!
//! A code stands for its class (9000; 62xx and 63xx; 64xx to 6Fxx), as the test plans want it, unless the codes themselves are asked for
//! (strict). After a protocol that opened, codes and wrapping say nothing: they describe the refusal.

use eid::apdu::Sw;

use super::StepError;
use super::alteration::Place;

/// One thing that must be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::conform) enum Expectation {
    /// One of these status words.
    Codes(Vec<Code>),
    /// This status word, also where codes stand for their classes.
    Exactly(u16),
    /// Under secure messaging.
    Secured,
    /// In the clear.
    Plain,
    /// Some data.
    Data,
    /// No data.
    Empty,
    /// That many bytes.
    Len(usize),
    /// The first byte.
    First(u8),
    /// Other data than the answer before.
    Differs,
    /// Any; it is kept for `same` and `other`.
    Remember,
    /// The value that was remembered.
    Same,
    /// Another value than that.
    Other,
    /// The template 7C has no such object.
    Lacks(u32),
    /// The template 7C has such an object.
    Has(u32),
    /// EF.CVCA; the names of its keys are those of these certificates, if there are some.
    Cvca(Vec<String>),
    /// A valid signature.
    Valid,
    /// One of these ends of a protocol.
    Ends(Vec<End>),
    /// The session lives.
    Alive,
    /// The session is gone.
    Gone,
    /// It was done.
    Done,
}

/// How a protocol may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::conform) enum End {
    /// With a session.
    Opens,
    /// With a refusal anywhere.
    Fails,
    /// With a refusal of that command.
    FailsAt(Place),
    /// With a refusal of that command or a later one.
    FailsFrom(Place),
    /// By another command in the place of one of its own.
    Stops,
}

/// A status word, or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::conform) enum Code {
    /// All of them.
    Any,
    /// A class.
    Class(Class),
    /// Digits that count, and their mask.
    Word {
        /// The digits, 0 where any will do.
        word: u16,
        /// F where the digit counts.
        mask: u16,
    },
}

/// Classes of status words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::conform) enum Class {
    /// 9000.
    Ok,
    /// 62xx, 63xx.
    Warning,
    /// 64xx to 6Fxx.
    Error,
    /// 61xx and what ISO/IEC 7816-4 does not have.
    Other,
}

impl Class {
    pub(in crate::conform) const fn of(sw: u16) -> Self {
        match sw {
            0x9000 => Self::Ok,
            0x6200..=0x63FF => Self::Warning,
            0x6400..=0x6FFF => Self::Error,
            _ => Self::Other,
        }
    }
}

impl Code {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "any" => Self::Any,
            "OK" => Self::Class(Class::Ok),
            "ERR" => Self::Class(Class::Error),
            "WARN" => Self::Class(Class::Warning),
            _ => {
                let (mut word, mut mask) = (0, 0);
                for c in Some(text).filter(|text| text.len() == 4)?.chars() {
                    let (digit, counts) = if c == 'X' { (0, 0) } else { (u16::try_from(c.to_digit(16)?).ok()?, 0xF) };
                    word = word << 4 | digit;
                    mask = mask << 4 | counts;
                }
                // the class must be known
                Self::Word { word, mask }.class().map(|_| Self::Word { word, mask })?
            }
        })
    }

    /// The class of all that it stands for.
    fn class(self) -> Option<Class> {
        match self {
            Self::Any => None,
            Self::Class(class) => Some(class),
            Self::Word { word, mask } => Some(Class::of(word)).filter(|&class| class != Class::Other && class == Class::of(word | !mask)),
        }
    }

    /// Whether `sw` will do.
    pub(in crate::conform) fn allows(self, sw: Sw, strict: bool) -> bool {
        match self {
            Self::Any => true,
            Self::Word { word, mask } if strict => sw.0 & mask == word,
            other => other.class() == Some(Class::of(sw.0)),
        }
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Any => f.write_str("any answer"),
            Self::Class(Class::Ok) => f.write_str("9000"),
            Self::Class(Class::Warning) => f.write_str("a warning (62xx, 63xx)"),
            Self::Class(Class::Error | Class::Other) => f.write_str("an error (64xx to 6Fxx)"),
            Self::Word { word, mask } => (0..4).rev().try_for_each(|n| match mask >> (4 * n) & 0xF {
                0 => f.write_str("X"),
                _ => write!(f, "{:X}", word >> (4 * n) & 0xF),
            }),
        }
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Opens => f.write_str("a session"),
            Self::Fails => f.write_str("a refusal"),
            Self::FailsAt(place) => write!(f, "a refusal of {place}"),
            Self::FailsFrom(place) => write!(f, "a refusal of {place} or later"),
            Self::Stops => f.write_str("a stop"),
        }
    }
}

impl Expectation {
    pub(super) fn parse(text: &str) -> Result<Self, StepError> {
        let wrong = || StepError(format!("expected something to be seen, found {text:?}"));
        Ok(match text {
            "~SM" => Self::Secured,
            "~plain" => Self::Plain,
            "data" => Self::Data,
            "empty" => Self::Empty,
            "differs" => Self::Differs,
            "remember" => Self::Remember,
            "same" => Self::Same,
            "other" => Self::Other,
            "valid" => Self::Valid,
            "cvca" => Self::Cvca(Vec::new()),
            "alive" => Self::Alive,
            "gone" => Self::Gone,
            "ok" => Self::Done,
            _ => {
                if let Some(word) = text.strip_prefix('=') {
                    let word = u16::from_str_radix(word, 16).ok().filter(|code| word.len() == 4 && Class::of(*code) != Class::Other);
                    return word.map(Self::Exactly).ok_or_else(wrong);
                }
                if let Some((name, value)) = text.split_once('=') {
                    return match name {
                        "cvca" => Some(Self::Cvca(value.split(',').map(str::to_owned).collect())),
                        "len" => value.parse().ok().map(Self::Len),
                        "first" => u8::from_str_radix(value, 16).ok().map(Self::First),
                        "has" => u32::from_str_radix(value, 16).ok().map(Self::Has),
                        "lacks" => u32::from_str_radix(value, 16).ok().map(Self::Lacks),
                        _ => None,
                    }
                    .ok_or_else(wrong);
                }
                let codes: Option<Vec<_>> = text.split('|').map(Code::parse).collect();
                let ends: Option<Vec<_>> = text.split('|').map(End::parse).collect();
                codes.map(Self::Codes).or(ends.map(Self::Ends)).ok_or_else(wrong)?
            }
        })
    }
}

impl End {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "opens" => Self::Opens,
            "fails" => Self::Fails,
            "stops" => Self::Stops,
            _ => {
                let place = text.strip_prefix("fails@")?;
                match place.strip_suffix('+') {
                    Some(place) => Self::FailsFrom(Place::from_name(place)?),
                    None => Self::FailsAt(Place::from_name(place)?),
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<Code> {
        match Expectation::parse(text) {
            Ok(Expectation::Codes(codes)) => codes,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_code_stands_for_its_class_unless_codes_are_asked_for() {
        let allows = |text: &str, sw: u16, strict: bool| codes(text).into_iter().any(|code| code.allows(Sw(sw), strict));
        assert!(allows("6982", 0x6A82, false) && !allows("6982", 0x6A82, true) && allows("6982", 0x6982, true));
        assert!(!allows("6982", 0x6300, false) && allows("6300|6A80", 0x6700, false) && !allows("6300|6A80", 0x6700, true));
        assert!(allows("63CX", 0x63C2, true) && !allows("63CX", 0x6300, true) && allows("63CX", 0x6300, false));
        assert!(allows("ERR", 0x6F00, true) && !allows("ERR", 0x9000, false) && !allows("ERR", 0x6110, false));
        assert!(allows("9000", 0x9000, true) && !allows("9000", 0x6282, false) && allows("any", 0x6110, true));
    }

    #[test]
    fn what_cannot_be_seen_is_refused() {
        for wrong in ["", "900", "XXXX", "6XXX", "ERROR", "len=x", "first=1FF", "fails@", "fails@ga9", "opens|9000", "first"] {
            assert!(Expectation::parse(wrong).is_err(), "{wrong}");
        }
        let from = Expectation::Ends(vec![End::Opens, End::FailsFrom(Place::Ga2)]);
        assert_eq!(Expectation::parse("opens|fails@ga2+"), Ok(from));
    }
}
