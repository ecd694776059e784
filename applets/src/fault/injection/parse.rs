//! The reader of injections: left to right, one step after the other; what does not fit is told with the step.

use eid::cert::chat::Role;
use eid::image::FileId;

use super::{Change, Does, Event, Field, FileChange, Forgery, Habit, InjectionError, Step, Target, Trigger, VALUES, VERBS, Verb};

/// Reads an injection; `-` is none.
pub(crate) fn parse(text: &str) -> Result<Vec<Step>, InjectionError> {
    if text.trim() == "-" {
        return Ok(Vec::new());
    }
    text.split(';').map(str::trim).map(step).collect()
}

/// The remaining text of a step.
struct Rest<'a> {
    step: &'a str,
    text: &'a str,
}

impl<'a> Rest<'a> {
    fn wrong<T>(&self, expected: &'static str) -> Result<T, InjectionError> {
        Err(InjectionError { step: self.step.to_owned(), expected, found: self.text.to_owned() })
    }

    fn eat(&mut self, token: &str) -> bool {
        let rest = self.text.strip_prefix(token);
        self.text = rest.unwrap_or(self.text);
        rest.is_some()
    }

    fn expect(&mut self, token: &'static str) -> Result<(), InjectionError> {
        if self.eat(token) { Ok(()) } else { self.wrong(token) }
    }

    /// Letters, digits, underscores.
    fn word(&mut self) -> &'a str {
        let end = self.text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(self.text.len());
        let (word, rest) = self.text.split_at(end);
        self.text = rest;
        word
    }

    /// All that is left.
    fn all(&mut self) -> &'a str {
        std::mem::take(&mut self.text)
    }

    fn argument(&mut self) -> Result<Option<&'a str>, InjectionError> {
        let Some(rest) = self.text.strip_prefix('(') else { return Ok(None) };
        let Some((argument, rest)) = rest.split_once(')') else { return self.wrong("a closing bracket") };
        self.text = rest;
        Ok(Some(argument))
    }

    fn needed(&mut self) -> Result<&'a str, InjectionError> {
        match self.argument()? {
            Some(argument) => Ok(argument),
            None => self.wrong("something in brackets"),
        }
    }

    fn parsed<T>(&mut self, expected: &'static str, read: impl FnOnce(&str) -> Option<T>) -> Result<T, InjectionError> {
        let found = self.all();
        read(found).ok_or_else(|| InjectionError { step: self.step.to_owned(), expected, found: found.to_owned() })
    }

    fn status(&mut self) -> Result<u16, InjectionError> {
        self.parsed("a status word of four hexadecimal digits", |text| {
            Some(text).filter(|text| text.len() == 4).and_then(|text| u16::from_str_radix(text, 16).ok())
        })
    }

    fn count(&mut self) -> Result<usize, InjectionError> {
        self.parsed("a number up to 1048576", |text| text.parse().ok().filter(|&count| count <= 1 << 20))
    }

    fn bytes(&mut self) -> Result<Vec<u8>, InjectionError> {
        self.parsed("hexadecimal digits", hex_bytes)
    }

    fn byte(&mut self) -> Result<u8, InjectionError> {
        self.parsed("two hexadecimal digits", |text| u8::from_str_radix(text, 16).ok())
    }

    fn tag(&mut self) -> Result<u32, InjectionError> {
        self.parsed("a tag", tag)
    }
}

fn tag(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 16).ok().filter(|&tag| tag > 0 && tag <= 0xFFFF)
}

fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let digits = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let whole = text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if whole { text.as_bytes().chunks(2).map(digits).collect() } else { None }
}

fn step(text: &str) -> Result<Step, InjectionError> {
    let (what, at) = text.rsplit_once('@').unwrap_or((text, ""));
    let trigger = match at.strip_suffix('+') {
        _ if at.is_empty() && what == text => Some(Trigger::Always),
        Some(number) => number.parse().ok().filter(|&n| n > 0).map(Trigger::From),
        None => at.parse().ok().filter(|&n| n > 0).map(Trigger::At),
    };
    let mut rest = Rest { step: text, text: what };
    let Some(at) = trigger else {
        rest.text = at;
        return rest.wrong("a number after @, from 1");
    };
    let does = match rest.word() {
        "apdu" => apdu(&mut rest)?,
        "sm" => message(&mut rest)?,
        "crypto" => value(&mut rest)?,
        "file" => file(&mut rest)?,
        "read" => habit(&mut rest)?,
        "env" => event(&mut rest)?,
        "wire" => wire(&mut rest)?,
        _ => {
            rest.text = what;
            return rest.wrong("apdu, sm, crypto, file, read, env, or wire");
        }
    };
    if rest.text.is_empty() { Ok(Step { does, at }) } else { rest.wrong("the end of the step") }
}

fn target(rest: &mut Rest<'_>) -> Result<Target, InjectionError> {
    rest.expect(".")?;
    let word = rest.word();
    let Some((_, verb)) = VERBS.into_iter().find(|(name, _)| *name == word) else {
        rest.text = word;
        return rest.wrong("a command");
    };
    let mut target = Target { verb, file: None, role: None, above: None, below: None, object: None };
    for argument in rest.argument()?.into_iter().flat_map(|arguments| arguments.split(',')).map(str::trim) {
        let understood = if let Some(le) = argument.strip_prefix("le>") {
            target.above = le.parse().ok();
            target.above.is_some()
        } else if let Some(le) = argument.strip_prefix("le<") {
            target.below = le.parse().ok();
            target.below.is_some()
        } else if let Some((word @ ("has" | "lacks"), name)) = argument.split_once(' ') {
            target.object = tag(name).map(|tag| (tag, word == "has"));
            target.object.is_some()
        } else if matches!(verb, Verb::SelectEf | Verb::Read | Verb::Update) {
            target.file = FileId::from_name(argument);
            target.file.is_some()
        } else {
            target.role = role(argument).filter(|_| verb == Verb::TaPso);
            target.role.is_some()
        };
        if !understood {
            return rest.wrong("a file, le>n, le<n, has TAG, lacks TAG, or cvca, dv, is");
        }
    }
    Ok(target)
}

fn role(word: &str) -> Option<Role> {
    match word {
        "cvca" => Some(Role::Cvca),
        "dv" => Some(Role::DvDomestic),
        "is" => Some(Role::Terminal),
        _ => None,
    }
}

fn apdu(rest: &mut Rest<'_>) -> Result<Does, InjectionError> {
    let target = target(rest)?;
    if rest.eat("=") {
        return Ok(Does::Refuse(target, rest.status()?));
    }
    rest.expect(".")?;
    match rest.word() {
        "data" => Ok(Does::Answer(target, Field::Data, change(rest)?)),
        "do" => {
            let argument = rest.needed()?;
            let Some(tag) = tag(argument) else { return rest.wrong("a tag in brackets") };
            Ok(Does::Answer(target, Field::Object(tag), change(rest)?))
        }
        "sw" => {
            rest.expect("=")?;
            Ok(Does::Status(target, rest.status()?))
        }
        "command" => Ok(Does::Command(target, change(rest)?)),
        "rng" if rest.eat("=const") => Ok(Does::Constant(target)),
        _ => rest.wrong("sw=HHHH, data, do(TAG), command, or rng=const"),
    }
}

fn change(rest: &mut Rest<'_>) -> Result<Change, InjectionError> {
    if rest.eat("^=") {
        return Ok(Change::Flip { at: -1, mask: rest.bytes()? });
    }
    if rest.eat("+=") {
        return Ok(Change::Append(rest.bytes()?));
    }
    if rest.eat("->") {
        return Ok(Change::Retag(rest.tag()?));
    }
    if rest.eat(".len=") {
        return Ok(Change::Length(rest.count()?));
    }
    if let Some((number, after)) = rest.text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        let at = number.parse::<i32>().ok().filter(|at| at.unsigned_abs() <= 1 << 20);
        let Some(at) = at else { return rest.wrong("an offset in square brackets") };
        rest.text = after;
        return if rest.eat("^=") {
            Ok(Change::Flip { at, mask: rest.bytes()? })
        } else {
            rest.expect("=")?;
            Ok(Change::Put { at, bytes: rest.bytes()? })
        };
    }
    rest.expect("=")?;
    rest.parsed("bytes, or one of the words", |text| {
        Some(match text {
            "none" => Change::Drop,
            "empty" => Change::Set(Vec::new()),
            "random" => Change::Random,
            "echo" => Change::Echo,
            "zeros" => Change::Zeros,
            "one" => Change::One,
            "minus-one" => Change::MinusOne,
            "above" => Change::Above,
            "compressed" => Change::Compressed,
            "cut" => Change::Cut,
            "der" => Change::Der,
            text => Change::Set(hex_bytes(text).filter(|bytes| !bytes.is_empty())?),
        })
    })
}

fn message(rest: &mut Rest<'_>) -> Result<Does, InjectionError> {
    let target = target(rest)?;
    rest.expect(".")?;
    let word = rest.word();
    let argument = rest.argument()?.map(tag);
    let forgery = match (word, argument) {
        ("drop", Some(Some(tag))) => Forgery::Drop(tag),
        ("retag", Some(Some(tag))) if rest.eat("=") => Forgery::Retag(tag, rest.tag()?),
        ("extra", Some(Some(tag))) if rest.eat("=") => Forgery::Extra(tag, rest.bytes()?),
        ("status", None) if rest.eat("=") => Forgery::Status(rest.status()?),
        ("mac", None) if rest.eat("^=") => Forgery::Mac(rest.byte()?),
        ("mac", None) if rest.eat(".len=") => Forgery::MacLength(rest.count()?.min(8)),
        ("indicator", None) if rest.eat("=") => Forgery::Indicator(rest.byte()?),
        ("padding", None) if rest.eat("=wrong") => Forgery::Padding,
        ("iv", None) if rest.eat("=old") => Forgery::OldIv,
        ("order", None) if rest.eat("=turned") => Forgery::Turned,
        ("ssc", None) if rest.eat("=stuck") => Forgery::Stuck,
        ("ssc", None) if rest.eat("=ahead") => Forgery::Ahead,
        ("replay", None) => Forgery::Replay,
        ("off", None) => Forgery::Off,
        ("abort", None) if rest.eat("=") => Forgery::Abort(rest.status()?),
        _ => return rest.wrong("a forgery of a protected answer"),
    };
    Ok(Does::Message(target, forgery))
}

fn value(rest: &mut Rest<'_>) -> Result<Does, InjectionError> {
    rest.expect(".")?;
    rest.parsed("a value and a word of the table", |text| {
        let (name, word) = text.split_once('=')?;
        VALUES.into_iter().find(|(known, how, _)| (*known, *how) == (name, word)).map(|(.., value)| Does::Value(value))
    })
}

fn file(rest: &mut Rest<'_>) -> Result<Does, InjectionError> {
    let name = rest.needed()?;
    let Some(file) = FileId::from_name(name) else { return rest.wrong("the name of a file in brackets") };
    if rest.eat(".by_block=") {
        return Ok(Does::File(file, FileChange::ByBlock(rest.count()?)));
    }
    if rest.eat(".reread=other") {
        return Ok(Does::File(file, FileChange::Reread));
    }
    if rest.eat(".truncate=") {
        return Ok(Does::File(file, FileChange::Bytes(Change::Length(rest.count()?))));
    }
    Ok(Does::File(file, FileChange::Bytes(change(rest)?)))
}

fn habit(rest: &mut Rest<'_>) -> Result<Does, InjectionError> {
    rest.expect(".")?;
    let word = rest.word();
    rest.expect("=")?;
    Ok(Does::Habit(match word {
        "sfi" if rest.eat("off") => Habit::NoSfi,
        "fid" if rest.eat("off") => Habit::NoFid,
        "eof" => Habit::EndOfFile(rest.status()?),
        "short" => Habit::Short(rest.count()?.max(1)),
        "long" => Habit::Long(rest.count()?),
        _ => return rest.wrong("sfi=off, fid=off, eof=HHHH, short=n, or long=n"),
    }))
}

fn event(rest: &mut Rest<'_>) -> Result<Does, InjectionError> {
    let target = target(rest)?;
    rest.expect("=")?;
    let event = match rest.word() {
        "drop" => Event::Drop,
        "lost" => Event::Lost,
        "reset" => Event::Reset,
        "delay" if rest.eat(":") => {
            Event::Delay(rest.parsed("milliseconds up to 600000", |text| text.parse().ok().filter(|&time| time <= 600_000))?)
        }
        _ => return rest.wrong("drop, lost, reset, or delay:MS"),
    };
    Ok(Does::Event(target, event))
}

fn wire(rest: &mut Rest<'_>) -> Result<Does, InjectionError> {
    if rest.eat(".chain=") {
        return rest.parsed("a number from 1 to 255", |text| text.parse().ok().filter(|n| (1..=255).contains(n))).map(Does::Chain);
    }
    if rest.eat(".uid=random") { Ok(Does::Uid) } else { rest.wrong(".chain=n or .uid=random") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Step {
        parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).remove(0)
    }

    #[test]
    fn steps_are_read_with_their_triggers() {
        let target = |verb| Target { verb, file: None, role: None, above: None, below: None, object: None };
        assert_eq!(one("apdu.select_aid=6A82"), Step { does: Does::Refuse(target(Verb::SelectAid), 0x6A82), at: Trigger::Always });
        assert_eq!(one("env.any=drop@20").at, Trigger::At(20));
        assert_eq!(one("sm.any.mac^=01@3+"), Step { does: Does::Message(target(Verb::Any), Forgery::Mac(1)), at: Trigger::From(3) });
        let dg2 = Target { file: FileId::dg(2), ..target(Verb::Read) };
        assert_eq!(one("apdu.read(DG2)=6982").does, Does::Refuse(dg2, 0x6982));
        assert_eq!(
            one("apdu.pace_2.do(82)[-1]^=80").does,
            Does::Answer(target(Verb::Pace(2)), Field::Object(0x82), Change::Flip { at: -1, mask: vec![0x80] })
        );
        assert_eq!(one("apdu.ta_pso(dv)=6300").does, Does::Refuse(Target { role: Some(Role::DvDomestic), ..target(Verb::TaPso) }, 0x6300));
        assert_eq!(parse("crypto.ca.key=other; crypto.aa.key=other").expect("two").len(), 2);
        assert_eq!(parse("-"), Ok(Vec::new()));
        for text in [
            "apdu.pace_4.do(8A)->8B",
            "apdu.read(DG2, le>192)=6700",
            "apdu.aa_sign(le<65536)=6700",
            "apdu.pace_mse(lacks 84)=6A88",
            "apdu.select_ef(CardAccess).sw=6283",
            "apdu.bac_challenge.data.len=7",
            "apdu.aa_sign.command=0000000000000000",
            "apdu.ta_challenge.rng=const",
            "sm.read.drop(87)",
            "sm.any.retag(99)=98",
            "sm.any.extra(80)=00",
            "sm.read.abort=6988@9",
            "file(DG2).truncate=100",
            "file(SOD)[0]=7F",
            "file(DG1)+=0000",
            "file(DG2).by_block=128",
            "read.eof=6B00",
            "env.read(DG2)=delay:4000",
            "wire.chain=240",
            "wire.uid=random",
        ] {
            let _ = one(text);
        }
    }

    #[test]
    fn what_is_no_injection_is_told_with_its_place() {
        for text in [
            "",
            "apdu",
            "apdu.foo=6A82",
            "apdu.read(DG99)=6A82",
            "apdu.select_mf(DG1)=6A82",
            "apdu.read(le>)=6A82",
            "apdu.pace_mse(lacks)=6A82",
            "apdu.read(dv)=6A82",
            "apdu.read=6A8",
            "apdu.read.data=0",
            "apdu.read.data=",
            "apdu.any=6A82@0",
            "apdu.any=6A82@",
            "apdu.any=6A82@x",
            "sm.any.drop(00)",
            "sm.any.mac=01",
            "crypto.ca.key=old",
            "file(DG2).truncate=99999999",
            "read.short=-1",
            "env.any=delay:1000000",
            "wire.chain=256",
            "apdu.any=6A82 x",
            "data.dg1.tag",
            "-;-",
            "apdu.any=6A82;",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        let error = parse("apdu.read(DG2=6982").expect_err("no bracket").to_string();
        assert_eq!(error, r#""apdu.read(DG2=6982": expected a closing bracket, found "(DG2=6982""#);
    }
}
