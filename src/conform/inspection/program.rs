//! The command under test: its words, what stands in for placeholders in them, and a run with a limit.
//!
//! Words are split as a POSIX shell does (blanks; `'…'`, `"…"`, and `\`), without expansions. Then `{reader}`, `{can}`, `{mrz}`, `{trust}`, `{crl}`,
//! `{keys}`, `{card}`, and `{now}` are replaced in each, so that a path with blanks stays one word; `{{` is a brace. Nothing secret goes in: what a
//! password it is given is printed on the document.

use std::io::Read;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Most that is kept of what a program prints, for its JSON.
const MAX_OUTPUT: usize = 4 << 20;
/// Most that goes into a report.
const MAX_TAIL: usize = 2000;
/// How long output may come after the end of the program: from others that it has started.
const AFTER: Duration = Duration::from_millis(500);
const PLACEHOLDERS: [&str; 8] = ["reader", "can", "mrz", "trust", "crl", "keys", "card", "now"];

/// Why a command cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// It has no words.
    #[error("expected a program and its arguments, found nothing")]
    Empty,
    /// A quotation has no end.
    #[error("expected {expected} before the end of {text:?}")]
    Quote {
        /// What is missing.
        expected: char,
        /// The command.
        text: String,
    },
    /// An unknown placeholder.
    #[error("expected one of {}, found {found:?}", PLACEHOLDERS.map(|name| format!("{{{name}}}")).join(", "))]
    Placeholder {
        /// What is there.
        found: String,
    },
    /// The program cannot be started.
    #[error("{program}: {detail}")]
    Start {
        /// The program.
        program: String,
        /// What the system says.
        detail: String,
    },
}

/// Words with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    text: String,
    words: Vec<String>,
}

impl Command {
    /// Reads a command.
    ///
    /// # Errors
    /// [`CommandError`], also for a placeholder that is none.
    pub fn parse(text: &str) -> Result<Self, CommandError> {
        let command = Self { text: text.to_owned(), words: split(text)? };
        if command.words.is_empty() {
            return Err(CommandError::Empty);
        }
        command.words(&|name| PLACEHOLDERS.contains(&name).then(String::new))?;
        Ok(command)
    }

    /// As it was given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The words with values in the place of placeholders.
    pub(super) fn words(&self, value: &dyn Fn(&str) -> Option<String>) -> Result<Vec<String>, CommandError> {
        self.words.iter().map(|word| filled(word, value)).collect()
    }
}

fn filled(word: &str, value: &dyn Fn(&str) -> Option<String>) -> Result<String, CommandError> {
    let (mut out, mut rest) = (String::new(), word);
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('{') {
            out.push('{');
            rest = after;
            continue;
        }
        let unknown = |found: &str| CommandError::Placeholder { found: format!("{{{found}") };
        let (name, after) = after.split_once('}').ok_or_else(|| unknown(after))?;
        out.push_str(&value(name).ok_or_else(|| unknown(&format!("{name}}}")))?);
        rest = after;
    }
    Ok(out + rest)
}

/// Words as a shell splits them.
fn split(text: &str) -> Result<Vec<String>, CommandError> {
    let unfinished = |expected| CommandError::Quote { expected, text: text.to_owned() };
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next().ok_or_else(|| unfinished('\''))? {
                        '\'' => break,
                        letter => word.push(letter),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next().ok_or_else(|| unfinished('"'))? {
                        '"' => break,
                        '\\' => match letters.next().ok_or_else(|| unfinished('"'))? {
                            letter @ ('"' | '\\' | '$' | '`') => word.push(letter),
                            letter => word.extend(['\\', letter]),
                        },
                        letter => word.push(letter),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(letters.next().ok_or_else(|| unfinished('\\'))?),
            letter if letter.is_whitespace() => words.extend(word.take()),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    Ok(words)
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Exit(i32),
    /// By a signal.
    Killed,
    /// By us, after its limit.
    TooLong(Duration),
}

/// A program that ended.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    pub(super) how: How,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    pub(super) command: Vec<String>,
}

impl Ended {
    /// The end of what was printed, standard error last.
    pub(super) fn tail(&self) -> String {
        let end = |bytes: &[u8], most: usize| {
            let text = String::from_utf8_lossy(bytes);
            let skip = text.chars().count().saturating_sub(most);
            format!("{}{}", if skip > 0 { "…" } else { "" }, text.chars().skip(skip).collect::<String>())
        };
        let (out, err) = (end(&self.stdout, MAX_TAIL / 2), end(&self.stderr, MAX_TAIL / 2));
        [out.trim_end(), err.trim_end()].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
    }
}

/// Starts a program without a shell and with nothing to read, and waits for its end.
pub(super) fn run(command: Vec<String>, limit: Duration) -> Result<Ended, CommandError> {
    let (program, arguments) = command.split_first().ok_or(CommandError::Empty)?;
    let failed = |error: std::io::Error| CommandError::Start { program: program.clone(), detail: error.to_string() };
    let mut child = std::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let (stdout, stderr) = (child.stdout.take().map(gather), child.stderr.take().map(gather));
    let how = wait(&mut child, limit).map_err(failed)?;
    let end = Instant::now() + AFTER;
    let output = |gathered: Option<Receiver<Vec<u8>>>| {
        let mut all = Vec::new();
        while let Some(Ok(part)) = gathered.as_ref().map(|gathered| gathered.recv_timeout(end.saturating_duration_since(Instant::now()))) {
            all.extend(part.into_iter().take(MAX_OUTPUT.saturating_sub(all.len())));
        }
        all
    };
    let (stdout, stderr) = (output(stdout), output(stderr));
    Ok(Ended { how, stdout, stderr, command })
}

/// What comes out of a pipe, in parts. It is read to its end, so that the program never waits for us.
fn gather(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let (mut part, mut kept) = ([0; 8192], 0);
        while let Ok(read @ 1..) = pipe.read(&mut part) {
            let part = part.get(..read).unwrap_or_default();
            if kept < MAX_OUTPUT && sender.send(part.to_vec()).is_err() {
                return;
            }
            kept += read;
        }
    });
    receiver
}

fn wait(child: &mut Child, limit: Duration) -> std::io::Result<How> {
    let end = Instant::now() + limit;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.code().map_or(How::Killed, How::Exit));
        }
        if Instant::now() >= end {
            child.kill()?;
            child.wait()?;
            return Ok(How::TooLong(limit));
        }
        std::thread::sleep(pause.min(end.saturating_duration_since(Instant::now())));
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_does_and_nothing_is_expanded() {
        let words = |text: &str| split(text).expect("words");
        assert_eq!(words("a  'b c' \"d 'e' \\\" \\n\" f\\ g '' $HOME *"), ["a", "b c", "d 'e' \" \\n", "f g", "", "$HOME", "*"]);
        assert_eq!(words("--can='1 2'3"), ["--can=1 23"]);
        for (text, expected) in [("a 'b", '\''), ("a \"b", '"'), ("a \\", '\\'), ("\"\\", '"')] {
            assert_eq!(split(text), Err(CommandError::Quote { expected, text: text.to_owned() }));
        }
    }

    #[test]
    fn placeholders_are_replaced_inside_a_word_and_unknown_ones_are_told() {
        let command = Command::parse("reader --at={reader} {{x} '{trust}'").expect("a command");
        let value = |name: &str| Some(format!("<{name} of it>"));
        assert_eq!(command.words(&value).expect("words"), ["reader", "--at=<reader of it>", "{x}", "<trust of it>"]);
        let told = |text: &str| Command::parse(text).expect_err(text).to_string();
        assert!(told("x {pin}").ends_with("{now}, found \"{pin}\""), "{}", told("x {pin}"));
        assert!(told("x {can").ends_with("found \"{can\""), "{}", told("x {can"));
        assert_eq!(Command::parse("  "), Err(CommandError::Empty));
    }

    #[cfg(unix)]
    #[test]
    fn a_program_ends_by_itself_by_a_signal_or_by_its_limit_and_what_it_prints_is_kept() {
        let run = |script: &str, limit| run(["sh", "-c", script].map(str::to_owned).to_vec(), Duration::from_millis(limit)).expect("sh");
        let ended = run("echo said; echo wrong >&2; cat; exit 3", 60_000);
        assert_eq!((ended.how, ended.tail().as_str()), (How::Exit(3), "said\nwrong"));
        assert_eq!(run("kill -9 $$", 60_000).how, How::Killed);
        let ended = run("echo first; exec sleep 600", 300);
        assert_eq!((ended.how, ended.tail().as_str()), (How::TooLong(Duration::from_millis(300)), "first"));
        // more than is kept, from a program that must not block
        let long = run("yes 0123456789 | head -c 9000000; exit 0", 60_000);
        assert_eq!((long.how, long.stdout.len()), (How::Exit(0), MAX_OUTPUT));
        assert!(long.tail().chars().count() <= MAX_TAIL, "{}", long.tail().len());
        let missing = super::run(vec!["/nonexistent/reader".to_owned()], Duration::from_secs(1)).expect_err("no such program");
        assert!(missing.to_string().starts_with("/nonexistent/reader: "), "{missing}");
    }
}
