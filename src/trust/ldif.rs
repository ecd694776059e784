//! Records of the ICAO PKD in LDIF (RFC 2849), one after the other: a directory of many megabytes is never held as a whole.
//!
//! ```text
//! version: 1
//!
//! dn: cn=…,o=dsc,c=DE,dc=data,dc=download,dc=pkd,dc=icao,dc=int
//! pkdConformanceText: ERR:DSC:Subject: …
//! userCertificate;binary:: MIIDGDCC…       base64; a line that starts with a space goes on with the one before
//! ```
//!
//! A record that cannot be read is named with its line, and the next one is read all the same. Refused: lines above 1 MiB, records above
//! 64 MiB or of more than 10 000 attributes, values that are a URL (nothing is fetched), records that change or delete others.

use std::io::{self, BufRead, Read as _};

use eid::cert::pem::base64;

const MAX_LINE: usize = 1 << 20;
const MAX_RECORD: usize = 1 << 26;
const MAX_ATTRIBUTES: usize = 10_000;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Line of its `dn`, from 1.
    pub line: usize,
    /// Its distinguished name in the directory.
    pub dn: String,
    /// Its attributes in their order.
    pub attributes: Vec<Attribute>,
}

/// One attribute with one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name, options among it: `userCertificate;binary`.
    pub name: String,
    /// Its value.
    pub value: Vec<u8>,
    /// Its line, from 1.
    pub line: usize,
}

impl Record {
    /// The values of the attribute `name` as text, whatever its case and options.
    pub fn texts<'a>(&'a self, name: &'a str) -> impl Iterator<Item = String> + 'a {
        let is = move |a: &&Attribute| a.name.split(';').next().is_some_and(|base| base.eq_ignore_ascii_case(name));
        self.attributes.iter().filter(is).map(|a| String::from_utf8_lossy(&a.value).into_owned())
    }
}

/// Why a record is passed over, or the end of what can be read.
#[derive(Debug, thiserror::Error)]
pub enum LdifError {
    /// One record; the next can be read.
    #[error("line {line}: {detail}")]
    Record {
        /// Where, from 1.
        line: usize,
        /// What is wrong.
        detail: &'static str,
    },
    /// The input ends in an error.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Whether the first bytes of a file look like LDIF: its first line that is no comment is `version:` or `dn:`.
#[must_use]
pub fn is_ldif(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let mut lines = head.split(|&b| b == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    lines.next().is_some_and(|line| {
        let starts = |word: &[u8]| line.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
        starts(b"version:") || starts(b"dn:")
    })
}

/// Reads records from `input`.
#[derive(Debug)]
pub struct Records<R> {
    input: R,
    line: usize,
    ended: bool,
    /// A physical line that was read ahead, to see whether it goes on with the one before.
    ahead: Option<Line>,
}

#[derive(Debug)]
enum Line {
    Text(Vec<u8>),
    TooLong,
}

impl<R: BufRead> Records<R> {
    /// A reader over `input`.
    pub const fn new(input: R) -> Self {
        Self { input, line: 0, ended: false, ahead: None }
    }

    /// The next physical line without its end; `None` at the end of the input.
    fn physical(&mut self) -> io::Result<Option<Line>> {
        if let Some(line) = self.ahead.take() {
            self.line += 1;
            return Ok(Some(line));
        }
        let mut text = Vec::new();
        let limit = u64::try_from(MAX_LINE + 2).unwrap_or(u64::MAX);
        (&mut self.input).take(limit).read_until(b'\n', &mut text)?;
        if text.is_empty() {
            return Ok(None);
        }
        self.line += 1;
        let whole = text.ends_with(b"\n");
        while text.last().is_some_and(|b| matches!(b, b'\n' | b'\r')) {
            text.pop();
        }
        if text.len() <= MAX_LINE {
            return Ok(Some(Line::Text(text)));
        }
        if !whole {
            self.input.skip_until(b'\n')?;
        }
        Ok(Some(Line::TooLong))
    }

    /// The next line with what continues it, and where it starts. Comments are passed over.
    fn logical(&mut self) -> Result<Option<(usize, Vec<u8>)>, LdifError> {
        loop {
            let Some(first) = self.physical()? else { return Ok(None) };
            let line = self.line;
            let mut too_long = matches!(first, Line::TooLong);
            let mut text = if let Line::Text(text) = first { text } else { Vec::new() };
            if line == 1 && text.starts_with(b"\xEF\xBB\xBF") {
                text.drain(..3);
            }
            while !text.is_empty() || too_long {
                match self.physical()? {
                    Some(Line::Text(next)) if next.first() == Some(&b' ') => {
                        too_long |= text.len() + next.len() > MAX_RECORD;
                        if !too_long {
                            text.extend_from_slice(next.get(1..).unwrap_or_default());
                        }
                    }
                    Some(other) => {
                        self.ahead = Some(other);
                        self.line -= 1;
                        break;
                    }
                    None => break,
                }
            }
            if too_long {
                return Err(LdifError::Record { line, detail: "the line is too long" });
            }
            if !text.starts_with(b"#") {
                return Ok(Some((line, text)));
            }
        }
    }

    /// Reads on to the empty line behind a record that is passed over.
    fn skip_record(&mut self) -> Result<(), LdifError> {
        loop {
            match self.logical() {
                Ok(Some((_, text))) if !text.is_empty() => {}
                Err(LdifError::Record { .. }) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn record(&mut self) -> Result<Option<Record>, LdifError> {
        let mut record: Option<Record> = None;
        let mut size = 0usize;
        while let Some((line, text)) = self.logical()? {
            if text.is_empty() {
                if record.is_some() {
                    break;
                }
                continue;
            }
            let refuse = |detail| LdifError::Record { line, detail };
            size = size.saturating_add(text.len());
            let (name, value) = split(&text).map_err(refuse)?;
            match &mut record {
                None if name.eq_ignore_ascii_case("version") => {
                    if value != b"1" {
                        return Err(refuse("expected version 1"));
                    }
                }
                None if name.eq_ignore_ascii_case("dn") => {
                    let dn = String::from_utf8_lossy(&value).into_owned();
                    record = Some(Record { line, dn, attributes: Vec::new() });
                }
                None => return Err(refuse("expected dn")),
                Some(_) if name.eq_ignore_ascii_case("changetype") => {
                    if !value.eq_ignore_ascii_case(b"add") {
                        return Err(refuse("a change of other records"));
                    }
                }
                Some(record) => {
                    if size > MAX_RECORD || record.attributes.len() == MAX_ATTRIBUTES {
                        return Err(refuse("the record is too large"));
                    }
                    record.attributes.push(Attribute { name, value, line });
                }
            }
        }
        Ok(record)
    }
}

impl<R: BufRead> Iterator for Records<R> {
    type Item = Result<Record, LdifError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let read = match self.record() {
            Ok(read) => read.map(Ok),
            Err(error @ LdifError::Record { .. }) => match self.skip_record() {
                Ok(()) => Some(Err(error)),
                Err(error) => Some(Err(error)),
            },
            Err(error) => Some(Err(error)),
        };
        self.ended = matches!(read, None | Some(Err(LdifError::Io(_))));
        read
    }
}

/// `name: text`, `name:: base64`; a URL (`name:< …`) is refused.
fn split(line: &[u8]) -> Result<(String, Vec<u8>), &'static str> {
    let at = line.iter().position(|&b| b == b':').filter(|&at| at > 0).ok_or("expected a name and a colon")?;
    let (name, rest) = line.split_at(at);
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b';' | b'.' | b'_');
    if !name.iter().all(is_name) {
        return Err("expected the name of an attribute");
    }
    let name = String::from_utf8_lossy(name).into_owned();
    match rest {
        [b':', b':', text @ ..] => {
            let text: String = text.iter().filter(|b| !b.is_ascii_whitespace()).map(|&b| char::from(b)).collect();
            Ok((name, base64(&text).ok_or("a value that is not base64")?))
        }
        [b':', b'<', ..] => Err("a value that is a URL"),
        [b':', text @ ..] => Ok((name, text.trim_ascii_start().to_vec())),
        _ => Err("expected a colon"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Result<Record, String>> {
        Records::new(text.as_bytes()).map(|record| record.map_err(|error| error.to_string())).collect()
    }

    fn names(records: &[Result<Record, String>]) -> Vec<String> {
        let describe = |record: &Result<Record, String>| match record {
            Ok(record) => {
                let attributes: Vec<_> =
                    record.attributes.iter().map(|a| format!("{}={}@{}", a.name, String::from_utf8_lossy(&a.value), a.line)).collect();
                format!("{}@{} {}", record.dn, record.line, attributes.join(" "))
            }
            Err(error) => error.clone(),
        };
        records.iter().map(describe).collect()
    }

    #[test]
    fn folded_lines_comments_line_ends_and_base64_are_read() {
        let text = "\u{FEFF}# the directory\n  of states\r\nversion: 1\r\n\r\ndn: c=DE,\r\n dc=int\r\nuserCertificate;binary:: MA\r\n A=\r\n# between\r\nc: D\n E\n\n\n\ndn:: Yz1WTg==\nsn: 1\nempty:\n";
        assert_eq!(names(&read(text)), ["c=DE,dc=int@5 userCertificate;binary=0\0@7 c=DE@10", "c=VN@15 sn=1@16 empty=@17"]);
    }

    #[test]
    fn a_bad_record_is_named_with_its_line_and_the_rest_is_kept() {
        let text = "dn: a\nx:: !!\ny: 1\n\ndn: b\ny: 2\n\ny: 3\n\ndn: c\nphoto:< file:///etc/passwd\n\ndn: d\nchangetype: delete\n\nno colon\n\n\
            dn: e\nchangetype: add\ny: 4\n";
        assert_eq!(
            names(&read(text)),
            [
                "line 2: a value that is not base64",
                "b@5 y=2@6",
                "line 8: expected dn",
                "line 11: a value that is a URL",
                "line 14: a change of other records",
                "line 16: expected a name and a colon",
                "e@18 y=4@20"
            ]
        );
    }

    #[test]
    fn what_is_too_long_is_refused_and_not_held() {
        let long = format!("dn: a\nx: {}\ny: 1\n\ndn: b\n", "z".repeat(3 * MAX_LINE));
        assert_eq!(names(&read(&long)), ["line 2: the line is too long", "b@5 "]);
        let many = format!("dn: a\n{}\ndn: b\n", "y: 1\n".repeat(MAX_ATTRIBUTES + 1));
        assert_eq!(names(&read(&many)), ["line 10002: the record is too large", "b@10004 "]);
        assert_eq!(names(&read("version: 2\n\ndn: a\n")), ["line 1: expected version 1", "a@3 "]);
        assert_eq!(names(&read("")), Vec::<String>::new());
    }

    #[test]
    fn only_what_starts_like_ldif_is_taken_for_it() {
        for text in ["version: 1\n", "# x\n\nDN: c=DE", "dn:: Yz1WTg=="] {
            assert!(is_ldif(text.as_bytes()), "{text}");
        }
        for text in ["", "# dn: x", "-----BEGIN CERTIFICATE-----", "{\"dn\": 1}", "0\u{82}dn:"] {
            assert!(!is_ldif(text.as_bytes()), "{text}");
        }
    }
}
