//! A man in the middle: he makes a good card another one, as far as that can be done without its keys. He answers in its place, changes its
//! answers, or gives it other commands than it was sent.

use applets::Card;
use eid::transport::{Limits, Transport, TransportError};

/// Which commands a rule is about: bytes in hexadecimal digits, `.` for any digit, from the first byte on; and digits that stand in it, or do not.
#[derive(Clone, Copy)]
pub(crate) struct Commands {
    begins: &'static str,
    has: &'static str,
    lacks: &'static str,
}

pub(crate) const fn commands(begins: &'static str) -> Commands {
    Commands { begins, has: "", lacks: "" }
}

impl Commands {
    pub(crate) const fn has(self, has: &'static str) -> Self {
        Self { has, ..self }
    }

    pub(crate) const fn lacks(self, lacks: &'static str) -> Self {
        Self { lacks, ..self }
    }

    fn mean(&self, command: &str) -> bool {
        let begins = command.len() >= self.begins.len()
            && self.begins.chars().zip(command.chars()).all(|(rule, found)| rule == '.' || rule == found);
        begins && command.contains(self.has) && (self.lacks.is_empty() || !command.contains(self.lacks))
    }
}

/// What the man in the middle does.
#[derive(Clone, Copy)]
pub(crate) enum Does {
    /// Answers himself; the card never hears of it.
    Answers(&'static str),
    /// Where the card refuses, says this instead.
    Accepts(&'static str),
    /// Puts this before the status word of an answer with 9000.
    Adds(&'static str),
    /// Gives the card a command with other digits.
    Rewrites(&'static str, &'static str),
}

/// The man in the middle, and his rules.
pub(crate) struct Middle<'a> {
    pub(crate) card: Card,
    pub(crate) rules: &'a [(Commands, Does)],
}

impl Transport for Middle<'_> {
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        self.card.atr()
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let mut text = hex::encode_upper(command);
        let bytes = |digits: &str| hex::decode(digits).expect("digits");
        let mine: Vec<_> = self.rules.iter().filter(|(commands, _)| commands.mean(&text)).map(|(_, does)| *does).collect();
        for does in &mine {
            match does {
                Does::Answers(answer) => return Ok(bytes(answer)),
                Does::Rewrites(from, to) => text = text.replacen(from, to, 1),
                Does::Accepts(_) | Does::Adds(_) => {}
            }
        }
        let mut answer = self.card.transmit(&bytes(&text))?;
        for does in mine {
            match does {
                Does::Accepts(instead) if matches!(answer[..], [0x62..=0x6F, _]) => answer = bytes(instead),
                Does::Adds(data) if answer.ends_with(&[0x90, 0x00]) => {
                    answer.splice(answer.len() - 2..answer.len() - 2, bytes(data));
                }
                _ => {}
            }
        }
        Ok(answer)
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        self.card.reset()
    }

    fn limits(&self) -> Limits {
        self.card.limits()
    }
}
