//! The language of the console: a word, and what it asks for.

use std::time::Duration;

use applets::bench::Reset;
use applets::card::Contents;
use applets::clock::Timing;
use applets::store::fault::Tear;

/// One command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Help,
    Cards,
    Card(usize),
    Insert(usize, Option<usize>),
    Remove(Option<usize>),
    /// After how many page programs, and what it leaves.
    Tear(Option<(u64, Tear)>),
    Reset(Reset),
    State,
    Last(usize, Contents),
    Faults,
    Fault(String),
    NoFaults,
    As(Option<String>),
    Time,
    Timing(Timing),
    Send(Vec<u8>),
    Wait(Duration),
    Quit,
}

pub(super) const HELP: &str = "\
cards                      the cards and their readers
card N                     speak of card N from now on
insert N [READER]          put card N into its reader, or that one
remove [READER]            take the card out, whatever it is doing
tear [N] [WHAT]            cut its power in the middle of its next, or N-th, page program; WHAT is left of the page:
                           new-old (unless said otherwise), old, new, erased, old-new, new-erased, garbage
tear off                   do not
reset [warm|cold]          have it forget its sessions unnoticed, or take it out and put it back; a torn card comes back
state                      what is selected, which channel is open, who is authenticated
last [N] [data]            its last 10, or N, commands and answers, as they went over the wire and as they were meant; with the contents of
                           protected files only where `data` says so
fault                      its faults, and how often each was shown
fault ID[@n] | fault off   one more, which starts to count all of them anew; none
as XX | as off             the habits of a state's cards
time [PROFILE]             how long a real card would have taken; from now on with these times
send HEX                   one command to the card, past whoever has it open
wait SECONDS               go on later
quit                       end, as the end of the input does";

/// The commands by their names.
pub(super) fn names() -> String {
    let mut names: Vec<&str> = HELP.lines().filter(|line| !line.starts_with(' ')).filter_map(|line| line.split(' ').next()).collect();
    names.dedup();
    names.join(", ")
}

/// Longest wait.
const LONGEST: f64 = 3600.0;

/// Reads a line. Nothing, or what begins with `#`, is no command.
pub(super) fn parse(line: &str) -> Result<Option<Verb>, String> {
    let mut words = line.split_whitespace();
    let Some(name) = words.next().filter(|name| !name.starts_with('#')) else { return Ok(None) };
    let words: Vec<&str> = words.collect();
    let verb = match (name, words.as_slice()) {
        ("help" | "?", []) => Verb::Help,
        ("cards", []) => Verb::Cards,
        ("card", [card]) => Verb::Card(number("a card", card)?),
        ("insert", [card]) => Verb::Insert(number("a card", card)?, None),
        ("insert", [card, reader]) => Verb::Insert(number("a card", card)?, Some(number("a reader", reader)?)),
        ("remove", []) => Verb::Remove(None),
        ("remove", [reader]) => Verb::Remove(Some(number("a reader", reader)?)),
        ("tear", ["off"]) => Verb::Tear(None),
        ("tear", words @ ([] | [_] | [_, _])) => Verb::Tear(Some(tear(words)?)),
        ("reset", [] | ["warm"]) => Verb::Reset(Reset::Warm),
        ("reset", ["cold"]) => Verb::Reset(Reset::Cold),
        ("state", []) => Verb::State,
        ("last", words @ ([] | [_] | [_, _])) => last(words)?,
        ("fault", []) => Verb::Faults,
        ("fault", ["off"]) => Verb::NoFaults,
        ("fault", [id]) => Verb::Fault((*id).to_owned()),
        ("as", ["off"]) => Verb::As(None),
        ("as", [state]) => Verb::As(Some((*state).to_owned())),
        ("time", []) => Verb::Time,
        ("time", [profile]) => Verb::Timing(profile.parse().map_err(|error: applets::clock::TimingError| error.to_string())?),
        ("send", [_, ..]) => Verb::Send(command(&words.concat())?),
        ("wait", [seconds]) => Verb::Wait(wait(seconds)?),
        ("quit" | "exit", []) => Verb::Quit,
        _ => {
            let like = HELP.lines().find(|line| line.split(' ').next() == Some(name));
            let expected = like.map_or("one of the commands", |line| line.split("   ").next().unwrap_or(line));
            return Err(format!("expected {expected}, found {line:?}"));
        }
    };
    Ok(Some(verb))
}

fn number(what: &str, text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&n| n > 0).ok_or_else(|| format!("expected the number of {what}, from 1, found {text:?}"))
}

fn tear(words: &[&str]) -> Result<(u64, Tear), String> {
    let (n, how) = match words {
        [n, rest @ ..] if n.bytes().all(|b| b.is_ascii_digit()) => (n.parse().unwrap_or(0), rest),
        rest => (1, rest),
    };
    let after =
        u64::checked_sub(n, 1).ok_or_else(|| format!("expected the number of a page program, from 1, found {}", words.join(" ")))?;
    let how = match how {
        [] => Ok(Tear::NewOld),
        [how] => how.parse().map_err(|error: applets::store::fault::NoTear| error.to_string()),
        more => Err(format!("expected tear [N] [WHAT], found {}", more.join(" "))),
    };
    Ok((after, how?))
}

fn last(words: &[&str]) -> Result<Verb, String> {
    Ok(match words {
        [] => Verb::Last(10, Contents::Hidden),
        ["data"] => Verb::Last(10, Contents::Shown),
        [n] => Verb::Last(number("exchanges", n)?, Contents::Hidden),
        [n, "data"] => Verb::Last(number("exchanges", n)?, Contents::Shown),
        more => return Err(format!("expected last [N] [data], found {}", more.join(" "))),
    })
}

fn command(digits: &str) -> Result<Vec<u8>, String> {
    let bytes = hex::decode(digits).ok().filter(|bytes| bytes.len() >= 4);
    bytes.ok_or_else(|| "expected a command of at least 4 bytes in hexadecimal digits".to_owned())
}

fn wait(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.0..=LONGEST).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| format!("expected seconds up to {LONGEST}, found {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_read_as_commands() {
        for (line, verb) in [
            ("insert 2", Verb::Insert(2, None)),
            ("  insert 2   1 ", Verb::Insert(2, Some(1))),
            ("tear", Verb::Tear(Some((0, Tear::NewOld)))),
            ("tear 3", Verb::Tear(Some((2, Tear::NewOld)))),
            ("tear 3 garbage", Verb::Tear(Some((2, Tear::Garbage)))),
            ("tear erased", Verb::Tear(Some((0, Tear::Erased)))),
            ("tear off", Verb::Tear(None)),
            ("reset", Verb::Reset(Reset::Warm)),
            ("last 3 data", Verb::Last(3, Contents::Shown)),
            ("as off", Verb::As(None)),
            ("send 00A4 0000", Verb::Send(vec![0, 0xA4, 0, 0])),
            ("wait 0.5", Verb::Wait(Duration::from_millis(500))),
            ("exit", Verb::Quit),
        ] {
            assert_eq!(parse(line), Ok(Some(verb)), "{line}");
        }
        assert_eq!((parse(""), parse("# a note")), (Ok(None), Ok(None)));
    }

    #[test]
    fn what_is_no_command_is_told_with_what_was_expected() {
        for (line, says) in [
            ("jump", "one of the commands"),
            ("insert", "insert N [READER]"),
            ("insert 0", "from 1"),
            ("tear 0", "from 1"),
            ("tear 1 2", "new-old"),
            ("tear new-old 1", "tear [N] [WHAT]"),
            ("reset hot", "reset [warm|cold]"),
            ("last data 3", "last [N] [data]"),
            ("time quick", "fast, typical"),
            ("send 00A4", "at least 4 bytes"),
            ("wait -1", "seconds"),
            ("wait NaN", "seconds"),
        ] {
            let error = parse(line).expect_err(line);
            assert!(error.contains(says), "{line}: {error}");
        }
        assert!(
            names().starts_with("cards, card, insert, remove, tear, reset, state, last, fault, as, time, send, wait, quit"),
            "{}",
            names()
        );
    }
}
