//! libeac plays either side of PACE, and of Terminal and Chip Authentication version 2, over lines of text, so that a program that must not link it can hold its own arithmetic against it.
//!
//! ```text
//! > terminal|chip CARDACCESS can SECRET     a new run; EF.CardAccess in hexadecimal, the text of the password
//! terminal  > z       < mapping data    > mapping data or -    < ephemeral key    > ephemeral key    < token    > token    < ok
//! chip      < z       > mapping data    < mapping data or -    > ephemeral key    < ephemeral key    > token    < token
//!
//! > eac-terminal KEY CVCA CERTIFICATE,... PROTOCOL DOMAIN     key in PKCS#8, protocol dotted, domain parameters by number
//! < ephemeral key compressed    < ephemeral key    > chip identifier, challenge, auxiliary data, each a line    < signature
//! > the chip's static public key    > nonce    > token    < ok
//! > eac-chip - CVCA CERTIFICATE,... PROTOCOL DOMAIN
//! < challenge    > ephemeral key compressed    > chip identifier    > auxiliary data    > signature    < ok
//! > number of the static key    > its public key    > ephemeral key    < nonce    < token
//! ```
//!
//! Anything that libeac refuses is answered with `error` and its reason, and ends the run. Exit code 3 without libeac.

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
    let mut lines = std::io::stdin().lines();
    while let Some(Ok(line)) = lines.next() {
        if let Err(error) = oracle::run(&line, &mut lines) {
            oracle::say(&format!("error {error}"));
        }
    }
    ExitCode::SUCCESS
}

#[cfg(libeac)]
mod oracle {
    use std::io::{Lines, StdinLock, Write as _};

    use super::eac::{Eac, Pace, Secret};

    pub fn say(line: &str) {
        let mut out = std::io::stdout().lock();
        // a reader that is gone ends this program at its next question
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }

    fn hex(bytes: &[u8]) -> String {
        if bytes.is_empty() { "-".to_owned() } else { bytes.iter().map(|byte| format!("{byte:02x}")).collect() }
    }

    fn bytes(text: &str) -> Result<Vec<u8>, String> {
        if text == "-" {
            return Ok(Vec::new());
        }
        (0..text.len())
            .step_by(2)
            .map(|at| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()).ok_or("not hexadecimal".to_owned()))
            .collect()
    }

    pub fn run(line: &str, lines: &mut Lines<StdinLock<'static>>) -> Result<(), String> {
        if let [role @ ("eac-terminal" | "eac-chip"), key, cvca, certificates, protocol, domain] = line.split(' ').collect::<Vec<_>>()[..] {
            let certificates = certificates.split(',').map(bytes).collect::<Result<Vec<_>, _>>()?;
            let domain = domain.parse().map_err(|_| "domain parameters by number")?;
            let eac = Eac::new(&bytes(key)?, &bytes(cvca)?, &certificates, protocol, domain)?;
            return if role == "eac-terminal" { eac_terminal(eac, lines) } else { eac_chip(eac, lines) };
        }
        let [role, card_access, kind, secret] = line.split(' ').collect::<Vec<_>>()[..] else { return Err("four words".into()) };
        let secret = match kind {
            "can" => Secret::can(secret),
            "pin" => Secret::pin(secret),
            _ => return Err("can or pin".into()),
        };
        let card_access = bytes(card_access)?;
        let integrated = is_integrated(&card_access);
        let mut pace = Pace::new(&card_access, secret)?;
        let mut hear = || lines.next().and_then(Result::ok).ok_or_else(|| "the end".to_owned()).and_then(|line| bytes(&line));
        if role == "terminal" {
            let mapping = pace.mapping_data(&hear()?)?;
            say(&hex(&mapping));
            let theirs = hear()?;
            // in the integrated mapping the terminal's own number is what both map with
            let key = pace.map(if integrated { &mapping } else { &theirs })?;
            say(&hex(&key));
            let token = pace.agree(&hear()?)?;
            say(&hex(&token));
            pace.verify(&hear()?)?;
            say("ok");
        } else {
            say(&hex(&pace.nonce()?));
            let theirs = hear()?;
            let own = if integrated { Vec::new() } else { pace.own_mapping_data()? };
            say(&hex(&own));
            let key = pace.map(&theirs)?;
            let peer = hear()?;
            say(&hex(&key));
            let token = pace.agree(&peer)?;
            pace.verify(&hear()?)?;
            say(&hex(&token));
        }
        Ok(())
    }

    fn next(lines: &mut Lines<StdinLock<'static>>) -> Result<Vec<u8>, String> {
        lines.next().and_then(Result::ok).ok_or_else(|| "the end".to_owned()).and_then(|line| bytes(&line))
    }

    fn eac_terminal(mut eac: Eac, lines: &mut Lines<StdinLock<'static>>) -> Result<(), String> {
        let (compressed, key) = eac.ephemeral()?;
        say(&hex(&compressed));
        say(&hex(&key));
        let (chip, challenge, auxiliary) = (next(lines)?, next(lines)?, next(lines)?);
        say(&hex(&eac.sign(&compressed, &chip, &challenge, &auxiliary)?));
        let (theirs, nonce, token) = (next(lines)?, next(lines)?, next(lines)?);
        eac.agree_as_terminal(&theirs, &nonce, &token)?;
        say("ok");
        Ok(())
    }

    fn eac_chip(mut eac: Eac, lines: &mut Lines<StdinLock<'static>>) -> Result<(), String> {
        say(&hex(&eac.challenge()?));
        let (compressed, chip, auxiliary, signature) = (next(lines)?, next(lines)?, next(lines)?, next(lines)?);
        eac.check(&compressed, &chip, &auxiliary, &signature)?;
        say("ok");
        let (private, public, theirs) = (next(lines)?, next(lines)?, next(lines)?);
        eac.set_static_key(&private, &public)?;
        let (nonce, token) = eac.agree_as_chip(&compressed, &theirs)?;
        say(&hex(&nonce));
        say(&hex(&token));
        Ok(())
    }

    /// Whether the PACEInfo is one of id-PACE-DH-IM or id-PACE-ECDH-IM: the arcs 3 and 4 below id-PACE.
    fn is_integrated(card_access: &[u8]) -> bool {
        let arc = [0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x04];
        card_access.windows(arc.len() + 1).any(|window| window.starts_with(&arc) && matches!(window.last(), Some(3 | 4)))
    }
}
