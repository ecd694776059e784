//! What a program says of a card: by its exit code, or by a member of the JSON that it prints.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use super::super::run::Verdict;
use super::program::{Ended, How};
use super::table::Expected;

/// What a program said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// The document is genuine.
    Accepts(String),
    /// It is not, or that is not known.
    Rejects(String),
    /// Neither, with the reason.
    Nothing(String),
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepts(how) => write!(f, "accepts ({how})"),
            Self::Rejects(how) => write!(f, "does not accept ({how})"),
            Self::Nothing(why) => f.write_str(why),
        }
    }
}

/// Text that says no verdict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected /POINTER=VALUE, found {found:?}")]
pub struct JudgeError {
    /// What was found.
    found: String,
}

/// A member of a JSON document (RFC 6901) and the value with which it says "genuine".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    path: String,
    value: String,
}

impl FromStr for Pointer {
    type Err = JudgeError;

    fn from_str(text: &str) -> Result<Self, JudgeError> {
        let parts = text.split_once('=').filter(|(path, value)| path.starts_with('/') && !value.is_empty());
        let (path, value) = parts.ok_or_else(|| JudgeError { found: text.to_owned() })?;
        Ok(Self { path: path.to_owned(), value: value.to_owned() })
    }
}

/// How the verdict of a program is known. Where pointers are given they decide, else the exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judge {
    /// Exit codes that say "genuine".
    pub accept: BTreeSet<i32>,
    /// Exit codes that say anything else about the card.
    pub reject: BTreeSet<i32>,
    /// Members of the JSON on standard output: "genuine" if one has its value, otherwise not.
    pub pointers: Vec<Pointer>,
}

impl Judge {
    /// The verdict of a program that ended.
    pub(super) fn hears(&self, ended: &Ended) -> Said {
        let code = match ended.how {
            How::Exit(code) => code,
            How::Killed => return Said::Nothing("the program was ended by a signal".to_owned()),
            How::TooLong(limit) => return Said::Nothing(format!("the program was still running after {} s", limit.as_secs())),
        };
        let how = format!("exit code {code}");
        if self.pointers.is_empty() {
            return match (self.accept.contains(&code), self.reject.contains(&code)) {
                (true, _) => Said::Accepts(how),
                (_, true) => Said::Rejects(how),
                _ => Said::Nothing(format!("expected an exit code that says a verdict, found {code}")),
            };
        }
        let Ok(json) = serde_json::from_slice::<Value>(&ended.stdout) else {
            return Said::Nothing(format!("expected one JSON document on standard output, found none ({how})"));
        };
        let mut seen = Vec::new();
        for pointer in &self.pointers {
            let Some(member) = json.pointer(&pointer.path) else { continue };
            let found = member.as_str().map_or_else(|| member.to_string(), str::to_owned);
            if found == pointer.value {
                return Said::Accepts(format!("{}={found}", pointer.path));
            }
            seen.push(format!("{}={}", pointer.path, found.chars().take(80).collect::<String>()));
        }
        if seen.is_empty() {
            let names: Vec<_> = self.pointers.iter().map(|pointer| pointer.path.as_str()).collect();
            return Said::Nothing(format!("expected {} in the JSON, found none ({how})", names.join(" or ")));
        }
        Said::Rejects(seen.join(", "))
    }
}

/// The verdict of a case, and why it did not pass.
pub(super) fn verdict(expected: Expected, lenient: bool, said: &Said) -> (Verdict, String) {
    let (expected, forgiven) = match expected {
        Expected::RejectUnlessLenient => (Expected::Reject, lenient),
        expected => (expected, false),
    };
    let right = match (expected, said) {
        (_, Said::Nothing(why)) => return (Verdict::Inconclusive, why.clone()),
        (Expected::Accept | Expected::AcceptWithout(_), Said::Accepts(_))
        | (Expected::Reject, Said::Rejects(_))
        | (Expected::Either, _) => true,
        (Expected::Reject, Said::Accepts(_)) if forgiven => return (Verdict::Passed, "the plan refuses it; let pass".to_owned()),
        _ => false,
    };
    if right { (Verdict::Passed, String::new()) } else { (Verdict::Failed, format!("expected {expected}, the program {said}")) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn ended(how: How, stdout: &str) -> Ended {
        Ended { how, stdout: stdout.as_bytes().to_vec(), stderr: Vec::new(), command: Vec::new() }
    }

    #[test]
    fn an_exit_code_says_accept_or_reject_or_nothing() {
        let judge = Judge { accept: [0].into(), reject: [1, 3].into(), pointers: Vec::new() };
        let hears = |how| judge.hears(&ended(how, ""));
        assert_eq!(hears(How::Exit(0)), Said::Accepts("exit code 0".to_owned()));
        assert_eq!(hears(How::Exit(3)), Said::Rejects("exit code 3".to_owned()));
        for how in [How::Exit(2), How::Killed, How::TooLong(Duration::from_secs(9))] {
            assert!(matches!(hears(how), Said::Nothing(_)), "{how:?}");
        }
    }

    #[test]
    fn a_member_of_the_json_decides_where_one_is_named() {
        let pointers = ["/verdict=genuine", "/0/ok=true"].map(|text| text.parse().expect("a pointer")).to_vec();
        let judge = Judge { accept: [0].into(), reject: [1].into(), pointers };
        let hears = |json| judge.hears(&ended(How::Exit(0), json));
        assert_eq!(hears(r#"{"verdict": "genuine"}"#), Said::Accepts("/verdict=genuine".to_owned()));
        assert_eq!(hears(r#"[{"ok": true}]"#), Said::Accepts("/0/ok=true".to_owned()));
        assert_eq!(hears(r#"{"verdict": "forged"}"#), Said::Rejects("/verdict=forged".to_owned()));
        assert!(matches!(hears(r#"{"other": 1}"#), Said::Nothing(why) if why.contains("/verdict or /0/ok")));
        assert!(matches!(hears("genuine"), Said::Nothing(_)));
        for text in ["verdict=genuine", "/verdict", "/verdict="] {
            assert!(text.parse::<Pointer>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_verdict_that_is_not_the_expected_one_fails_and_none_is_inconclusive() {
        let (yes, no) = (Said::Accepts("exit code 0".to_owned()), Said::Rejects("exit code 1".to_owned()));
        for (expected, accepted, rejected) in [
            (Expected::Accept, Verdict::Passed, Verdict::Failed),
            (Expected::AcceptWithout(&[3]), Verdict::Passed, Verdict::Failed),
            (Expected::Reject, Verdict::Failed, Verdict::Passed),
            (Expected::Either, Verdict::Passed, Verdict::Passed),
        ] {
            for lenient in [true, false] {
                assert_eq!((verdict(expected, lenient, &yes).0, verdict(expected, lenient, &no).0), (accepted, rejected), "{expected}");
            }
            assert_eq!(verdict(expected, false, &Said::Nothing("x".to_owned())), (Verdict::Inconclusive, "x".to_owned()));
        }
        let with = |lenient, said| verdict(Expected::RejectUnlessLenient, lenient, said);
        assert_eq!((with(false, &yes).0, with(false, &no).0), (Verdict::Failed, Verdict::Passed));
        assert_eq!(with(true, &yes), (Verdict::Passed, "the plan refuses it; let pass".to_owned()));
        assert_eq!(with(true, &no), (Verdict::Passed, String::new()));
        assert_eq!(verdict(Expected::Reject, false, &yes).1, "expected reject, the program accepts (exit code 0)");
    }
}
