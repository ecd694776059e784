//! libeac plays the terminal: PACE and the secure messaging that follows are its arithmetic, only the APDUs around it are written here.
//!
//! `pace_terminal READER can|mrz|pin|puk SECRET FID|INSP1P2:DIGITS…` (MRZ: the three lines of a TD1 card in one); EF.CardAccess is read first and handed
//! to libeac, which decides the parameters. Each file is printed as `FID HEX` on a line of its own; what has a colon is a command with these digits, which
//! goes before the files are read (`2C0203:123456` changes the PIN).
//! Exit code 4 if the card refuses the secret, 3 without libeac, 1 for anything else.

use std::process::ExitCode;

#[cfg(libeac)]
#[path = "../../eac.rs"]
mod eac;

#[cfg(not(libeac))]
fn main() -> ExitCode {
    eprintln!("libeac-dev was not installed when this was built");
    ExitCode::from(3)
}

#[cfg(libeac)]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [reader, kind, secret, files @ ..] = arguments.as_slice() else {
        eprintln!("usage: pace_terminal READER can|mrz|pin|puk SECRET FID|INSP1P2:DIGITS...");
        return ExitCode::from(2);
    };
    match terminal::run(reader, kind, secret, files) {
        Ok(()) => ExitCode::SUCCESS,
        Err(terminal::Failure::Refused(what)) => {
            eprintln!("refused: {what}");
            ExitCode::from(4)
        }
        Err(terminal::Failure::Broken(what)) => {
            eprintln!("broken: {what}");
            ExitCode::from(1)
        }
    }
}

#[cfg(libeac)]
mod terminal {
    use super::eac::{Pace, Secret};

    pub enum Failure {
        Refused(String),
        Broken(String),
    }

    fn broken<T>(what: impl Into<String>) -> Result<T, Failure> {
        Err(Failure::Broken(what.into()))
    }

    /// A card and what it answers.
    struct Link(pcsc::Card);

    impl Link {
        fn send(&self, apdu: &[u8]) -> Result<(Vec<u8>, u16), Failure> {
            let mut buffer = vec![0; pcsc::MAX_BUFFER_SIZE_EXTENDED];
            match self.0.transmit(apdu, &mut buffer) {
                Ok([data @ .., sw1, sw2]) => Ok((data.to_vec(), u16::from_be_bytes([*sw1, *sw2]))),
                other => broken(format!("transmit: {other:?}")),
            }
        }
    }

    fn tlv(tag: &[u8], value: &[u8]) -> Vec<u8> {
        let length = match value.len() {
            n @ 0..=0x7F => vec![n as u8],
            n @ 0x80..=0xFF => vec![0x81, n as u8],
            n => vec![0x82, (n >> 8) as u8, n as u8],
        };
        [tag, &length, value].concat()
    }

    /// The data objects of `bytes`, one level, tags of one byte.
    fn objects(mut bytes: &[u8]) -> Result<Vec<(u8, &[u8])>, Failure> {
        let mut found = Vec::new();
        while let [tag, rest @ ..] = bytes {
            let (length, rest) = match rest {
                [0x82, a, b, rest @ ..] => (usize::from(*a) << 8 | usize::from(*b), rest),
                [0x81, a, rest @ ..] => (usize::from(*a), rest),
                [a @ 0..=0x7F, rest @ ..] => (usize::from(*a), rest),
                _ => return broken("length"),
            };
            let Some((value, rest)) = rest.split_at_checked(length) else { return broken("value beyond the end") };
            found.push((*tag, value));
            bytes = rest;
        }
        Ok(found)
    }

    fn object(bytes: &[u8], tag: u8) -> Result<&[u8], Failure> {
        objects(bytes)?.into_iter().find(|o| o.0 == tag).map_or_else(|| broken(format!("no object {tag:02X} in {bytes:02x?}")), |o| Ok(o.1))
    }

    pub fn run(reader: &str, kind: &str, secret: &str, files: &[String]) -> Result<(), Failure> {
        let context = pcsc::Context::establish(pcsc::Scope::User).map_err(|e| Failure::Broken(e.to_string()))?;
        let name = std::ffi::CString::new(reader).expect("reader name");
        let card = context.connect(&name, pcsc::ShareMode::Exclusive, pcsc::Protocols::ANY).map_err(|e| Failure::Broken(e.to_string()))?;
        let link = Link(card);

        // EF.CardAccess by its short identifier 1C
        let (card_access, sw) = link.send(&[0x00, 0xB0, 0x9C, 0x00, 0x00])?;
        if sw != 0x9000 && sw != 0x6282 {
            return broken(format!("EF.CardAccess: {sw:04X}"));
        }
        let (reference, secret) = match kind {
            "mrz" => (1, Secret::mrz(secret)),
            "can" => (2, Secret::can(secret)),
            "puk" => (4, Secret::puk(secret)),
            _ => (3, Secret::pin(secret)),
        };
        let mut pace = Pace::new(&card_access, secret).map_err(Failure::Broken)?;

        // MSE:Set AT: the protocol of the first PACEInfo, and the password
        let oid = pace_oid(&card_access)?;
        let set_at = [tlv(&[0x80], oid), tlv(&[0x83], &[reference])].concat();
        let (_, sw) = link.send(&[&[0x00, 0x22, 0xC1, 0xA4, set_at.len() as u8], set_at.as_slice()].concat())?;
        if sw != 0x9000 && sw >> 4 != 0x63C {
            return broken(format!("MSE:Set AT: {sw:04X}"));
        }
        let general_authenticate = |last: bool, data: Vec<u8>, wanted: u8| -> Result<Vec<u8>, Failure> {
            let body = tlv(&[0x7C], &data);
            let cla = if last { 0x00 } else { 0x10 };
            let (answer, sw) = link.send(&[&[cla, 0x86, 0x00, 0x00, body.len() as u8], body.as_slice(), &[0x00]].concat())?;
            match sw {
                0x9000 => Ok(object(object(&answer, 0x7C)?, wanted)?.to_vec()),
                0x6300 | 0x63C0..=0x63CF | 0x6982 | 0x6983 if last => Err(Failure::Refused(format!("GENERAL AUTHENTICATE {sw:04X}"))),
                _ => broken(format!("GENERAL AUTHENTICATE {sw:04X}")),
            }
        };
        let nonce = general_authenticate(false, Vec::new(), 0x80)?;
        let mapping = pace.mapping_data(&nonce).map_err(Failure::Broken)?;
        let theirs = general_authenticate(false, tlv(&[0x81], &mapping), 0x82)?;
        let ephemeral = pace.map(&theirs).map_err(Failure::Broken)?;
        let theirs = general_authenticate(false, tlv(&[0x83], &ephemeral), 0x84)?;
        let token = pace.agree(&theirs).map_err(Failure::Broken)?;
        let theirs = general_authenticate(true, tlv(&[0x85], &token), 0x86)?;
        pace.verify(&theirs).map_err(Failure::Broken)?;
        eprintln!("PACE established");

        for (command, digits) in files.iter().filter_map(|argument| argument.split_once(':')) {
            let header = u32::from_str_radix(command, 16).expect("INS, P1, and P2").to_be_bytes();
            secured(&link, &mut pace, [header[1], header[2], header[3]], digits.as_bytes(), None)?;
        }

        // the application and the files, all under libeac's secure messaging
        secured(&link, &mut pace, [0xA4, 0x04, 0x0C], &[0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01], None)?;
        for file in files.iter().filter(|argument| !argument.contains(':')) {
            let fid = u16::from_str_radix(file, 16).expect("FID").to_be_bytes();
            secured(&link, &mut pace, [0xA4, 0x02, 0x0C], &fid, None)?;
            let head = secured(&link, &mut pace, [0xB0, 0x00, 0x00], &[], Some(6))?;
            let total = match head.as_slice() {
                [_, 0x82, a, b, ..] => 4 + (usize::from(*a) << 8 | usize::from(*b)),
                [_, 0x81, a, ..] => 3 + usize::from(*a),
                [_, a @ 0..=0x7F, ..] => 2 + usize::from(*a),
                _ => return broken(format!("head of {file}: {head:02x?}")),
            };
            let mut content = Vec::new();
            while content.len() < total {
                let length = (total - content.len()).min(0xDF) as u8;
                let part = secured(&link, &mut pace, [0xB0, (content.len() >> 8) as u8, content.len() as u8], &[], Some(length))?;
                if part.is_empty() {
                    return broken(format!("{file} ends at {}", content.len()));
                }
                content.extend(part);
            }
            println!("{file} {}", content.iter().map(|b| format!("{b:02x}")).collect::<String>());
        }
        Ok(())
    }

    /// One command under secure messaging (Doc 9303-11 clause 9.8): DO'87', DO'97', DO'8E' there; DO'87', DO'99', DO'8E' back.
    fn secured(link: &Link, pace: &mut Pace, [ins, p1, p2]: [u8; 3], data: &[u8], le: Option<u8>) -> Result<Vec<u8>, Failure> {
        let header = [0x0C, ins, p1, p2];
        pace.next_command().map_err(Failure::Broken)?;
        let mut body = Vec::new();
        if !data.is_empty() {
            body.extend(tlv(&[0x87], &[&[0x01], pace.encrypt(data).map_err(Failure::Broken)?.as_slice()].concat()));
        }
        if let Some(le) = le {
            body.extend(tlv(&[0x97], &[le]));
        }
        let mac = pace.mac(&header, &body).map_err(Failure::Broken)?;
        body.extend(tlv(&[0x8E], &mac));
        let (answer, sw) = link.send(&[&header, &[body.len() as u8][..], &body, &[0x00]].concat())?;
        if answer.is_empty() {
            return broken(format!("{ins:02X} {p1:02X}{p2:02X}: {sw:04X} without secure messaging"));
        }
        let mac = object(&answer, 0x8E)?;
        let covered = &answer[..answer.len() - mac.len() - 2];
        pace.check(covered, mac).map_err(Failure::Broken)?;
        let status = object(covered, 0x99)?;
        if status != [0x90, 0x00] {
            return broken(format!("{ins:02X} {p1:02X}{p2:02X}: {status:02x?}"));
        }
        match objects(covered)?.iter().find(|o| o.0 == 0x87) {
            Some((_, [0x01, cipher @ ..])) => pace.decrypt(cipher).map_err(Failure::Broken),
            Some(_) => broken("DO'87' without padding indicator 01"),
            None => Ok(Vec::new()),
        }
    }

    /// The object identifier (content octets) of the first PACEInfo: below id-PACE 0.4.0.127.0.7.2.2.4, ten bytes.
    fn pace_oid(card_access: &[u8]) -> Result<&[u8], Failure> {
        for (_, info) in objects(object(card_access, 0x31)?)? {
            if let Ok(oid @ [0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x04, _, _]) = object(info, 0x06) {
                return Ok(oid);
            }
        }
        broken("no PACEInfo in EF.CardAccess")
    }
}
