//! A man in the middle makes a good card another one, as far as that can be done without its keys: he answers in its place, changes its answers, or
//! gives it other commands than it was sent. What he cannot do, the card does itself: a fault of its own (`applets::fault`).
//!
//! ```text
//! answers BEGINS … = ANSWER       he answers himself; the card never hears of it
//! accepts BEGINS … = ANSWER       where the card refuses, he says this instead
//! adds    BEGINS … = DATA         he puts this before the status word of an answer with 9000
//! rewrites BEGINS … FROM -> TO    he gives the card the command with other digits
//! locks   BEGINS …                after the second such command in a row every answer is 6985
//! fault   INJECTION               the card errs
//! ```
//!
//! BEGINS are digits of a command from its first byte on, `.` for any; `has DIGITS` and `lacks DIGITS` may follow.

use applets::Card;
use applets::fault::Faults;
use eid::transport::{Limits, Transport, TransportError};

/// Which commands a rule is about.
#[derive(Clone, Debug, Default)]
struct Commands {
    begins: String,
    has: String,
    lacks: String,
}

impl Commands {
    fn parse(words: &[&str]) -> Self {
        let mut commands = Self { begins: words[0].to_owned(), ..Self::default() };
        for pair in words[1..].chunks(2) {
            match pair {
                ["has", digits] => (*digits).clone_into(&mut commands.has),
                ["lacks", digits] => (*digits).clone_into(&mut commands.lacks),
                _ => panic!("{words:?}"),
            }
        }
        commands
    }

    fn mean(&self, command: &str) -> bool {
        let same = |(rule, found): (char, char)| rule == '.' || rule == found;
        let begins = command.len() >= self.begins.len() && self.begins.chars().zip(command.chars()).all(same);
        begins && command.contains(&self.has) && (self.lacks.is_empty() || !command.contains(&self.lacks))
    }
}

/// A rule of the man in the middle, or a fault of the card.
#[derive(Clone, Debug)]
pub(crate) enum Bad {
    Rule(Rule),
    Fault(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Rule {
    commands: Commands,
    does: Does,
}

#[derive(Clone, Debug)]
enum Does {
    Answers(Vec<u8>),
    Accepts(Vec<u8>),
    Adds(Vec<u8>),
    Rewrites(String, String),
    Locks,
}

impl Bad {
    pub(crate) fn parse(text: &str) -> Self {
        let (word, rest) = text.split_once(' ').unwrap_or_else(|| panic!("{text}"));
        if word == "fault" {
            return Self::Fault(rest.to_owned());
        }
        let words: Vec<_> = rest.split_whitespace().collect();
        let bytes = |digits: &str| hex::decode(digits).unwrap_or_else(|_| panic!("{text}"));
        let (commands, does) = match (word, words.as_slice()) {
            ("answers", [commands @ .., "=", answer]) => (commands, Does::Answers(bytes(answer))),
            ("accepts", [commands @ .., "=", answer]) => (commands, Does::Accepts(bytes(answer))),
            ("adds", [commands @ .., "=", data]) => (commands, Does::Adds(bytes(data))),
            ("rewrites", [commands @ .., from, "->", to]) => (commands, Does::Rewrites((*from).to_owned(), (*to).to_owned())),
            ("locks", commands) => (commands, Does::Locks),
            _ => panic!("{text}"),
        };
        Self::Rule(Rule { commands: Commands::parse(commands), does })
    }
}

/// The card and the man in the middle.
pub(crate) struct Middle {
    card: Card,
    rules: Vec<Rule>,
    /// Commands in a row that a lock is about, and whether it closed.
    row: u32,
    locked: bool,
}

impl Middle {
    pub(crate) fn new(mut card: Card, bad: &[Bad]) -> Self {
        let mut rules = Vec::new();
        for bad in bad {
            match bad {
                Bad::Rule(rule) => rules.push(rule.clone()),
                Bad::Fault(text) => card.set_faults(&Faults::injected(text).unwrap_or_else(|error| panic!("{text}: {error}"))),
            }
        }
        Self { card, rules, row: 0, locked: false }
    }
}

impl Transport for Middle {
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        self.card.atr()
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let mut text = hex::encode_upper(command);
        let mine: Vec<_> = self.rules.iter().filter(|rule| rule.commands.mean(&text)).map(|rule| rule.does.clone()).collect();
        self.row = if mine.iter().any(|does| matches!(does, Does::Locks)) { self.row + 1 } else { 0 };
        self.locked |= self.row == 2;
        if self.locked {
            return Ok(vec![0x69, 0x85]);
        }
        for does in &mine {
            match does {
                Does::Answers(answer) => return Ok(answer.clone()),
                Does::Rewrites(from, to) => text = text.replacen(from, to, 1),
                Does::Accepts(_) | Does::Adds(_) | Does::Locks => {}
            }
        }
        let mut answer = self.card.transmit(&hex::decode(text).expect("digits"))?;
        for does in mine {
            match does {
                Does::Accepts(instead) if matches!(answer[..], [0x62..=0x6F, _]) => answer = instead,
                Does::Adds(data) if answer.ends_with(&[0x90, 0x00]) => {
                    answer.splice(answer.len() - 2..answer.len() - 2, data);
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
