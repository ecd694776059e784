//! From an empty folder and a `pki.toml` of twenty lines to everything an authority hands out: each command runs as the example in its own
//! help says, so that no example can go stale, and OpenSSL reads what comes out.

use std::path::Path;
use std::process::{Command, Output};

/// Twenty lines: X.509 and CV certificates by defaults, with curves by name so that OpenSSL can judge chains.
const HIERARCHY: &str = r#"version = 1

[authority]
country = "VN"
state = "VNM"
organization = "Cardwright tests, not an authority"
crl = ["http://csca.example/csca.crl"]
parameters = "named"

[csca]
common-name = "CSCA Test"

[ds]

[mls]

[dls]

[crl]
next-update = "30 days"
"#;

/// The file that the example of `pki deviation-list` names.
const DEVIATIONS: &str = r#"version = 1
[[deviation]]
signer = { certificate = "ds" }
[[deviation.description]]
type = "LDS-DGHashWrong"
data_group = 2
text = "DG2 was written again after signing"
"#;

/// Commands in an order in which each finds what it needs; the first example of its help is what runs.
const WALK: [&[&str]; 18] = [
    &["issue"],
    &["status"],
    &["crl"],
    &["master-list"],
    &["deviation-list"],
    &["cvca"],
    &["dv"],
    &["terminal"],
    &["import"],
    &["request"],
    &["csca"],
    &["list"],
    &["register"],
    &["register", "list"],
    &["lint"],
    &["export"],
    &["revoke"],
    &["issue", "csca"],
];

/// Commands whose example is not for this walk: the first makes the folder (below), the second asks people.
const ELSEWHERE: [&str; 2] = ["init", "ceremony"];

fn cardwright(folder: &Path, arguments: &[String]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cardwright"));
    for variable in ["CARDWRIGHT_PASSPHRASE", "CARDWRIGHT_SIGNER_PASSPHRASE", "CARDWRIGHT_TERMINAL_PASSPHRASE"] {
        command.env(variable, "a pass phrase for tests");
    }
    command.current_dir(folder).args(arguments).output().expect("the program starts")
}

fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (n, part) in text.split('\'').enumerate() {
        if n % 2 == 1 {
            words.push(part.to_owned());
        } else {
            // what goes to a file is on standard output here
            let part = part.split('>').next().unwrap_or_default();
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

fn help(folder: &Path, command: &[&str]) -> String {
    let arguments: Vec<_> = ["pki"].iter().chain(command).chain(&["--help"]).map(|word| (*word).to_owned()).collect();
    let output = cardwright(folder, &arguments);
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The first example in the help of `pki COMMAND`, without the name of the program.
fn example(folder: &Path, command: &[&str]) -> Vec<String> {
    let text = help(folder, command);
    let line = text.lines().skip_while(|line| *line != "Example:").find_map(|line| line.trim().strip_prefix("cardwright "));
    words(line.unwrap_or_else(|| panic!("{command:?} has no example:\n{text}")))
}

/// The commands that the program lists below `pki`.
fn listed(folder: &Path) -> Vec<String> {
    let text = help(folder, &[]);
    let commands = text.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.trim().is_empty());
    // a description may go on in the next line, further to the right
    commands
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn twenty_lines_and_the_examples_of_the_help_make_a_whole_authority() {
    let keep = tempfile::tempdir().expect("folder");
    let folder = keep.path();
    assert!(HIERARCHY.lines().count() <= 20);
    // another state, whose root is handed over: the example of `pki init`
    let mut other = example(folder, &["init"]);
    assert_eq!(other.get(2).map(String::as_str), Some("ca"));
    other[2] = "utopia".to_owned();
    let made = cardwright(folder, &other);
    assert!(made.status.success(), "{other:?}: {}", String::from_utf8_lossy(&made.stderr));
    std::fs::copy(folder.join("utopia/csca.cer"), folder.join("UT_CSCA.cer")).expect("handed over");
    std::fs::write(folder.join("deviations.toml"), DEVIATIONS).expect("written");

    for made in ["ca", "works"] {
        std::fs::create_dir(folder.join(made)).expect("made");
    }
    std::fs::write(folder.join("ca/pki.toml"), HIERARCHY).expect("written");
    let init = ["pki", "init", "ca"].map(str::to_owned);
    assert!(cardwright(folder, &init).status.success());
    let files = |names: &[&str]| names.iter().map(|name| std::fs::read(folder.join("ca").join(name)).expect("file")).collect::<Vec<_>>();
    let names = ["pki.toml", "csca.cer", "csca.key", "mls.cer", "mls.key", "dls.cer", "dls.key", "register.jsonl", "register.head"];
    let before = files(&names);
    let again = cardwright(folder, &init);
    assert!(again.status.success() && String::from_utf8_lossy(&again.stdout).contains("nothing is missing"));
    assert_eq!(files(&names), before, "what exists is never touched");

    let listed = listed(folder);
    for command in &listed {
        let known = WALK.iter().any(|row| row[0] == command) || ELSEWHERE.contains(&command.as_str());
        assert!(known, "{command} has no place in the walk");
    }
    for command in WALK.into_iter().filter(|row| listed.iter().any(|name| name == row[0])) {
        let arguments = example(folder, command);
        let output = cardwright(folder, &arguments);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        println!("$ cardwright {}\n{}{err}", arguments.join(" "), out.chars().take(2000).collect::<String>());
        if command == ["lint"] {
            // curves by name are declared here: the one rule that issuing waives, and the lint still names it and no other
            assert_eq!((output.status.code(), out.matches("error ").count(), out.matches("XC-016").count()), (Some(1), 1, 1), "{out}");
        } else {
            assert!(output.status.success(), "cardwright {}: {out}{err}", arguments.join(" "));
        }
    }
    judge(&folder.join("ca"));

    let status = cardwright(folder, &["pki", "status", "ca", "--json"].map(str::to_owned));
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).expect("JSON");
    let states: Vec<_> = status["certificates"].as_array().expect("rows").iter().map(|row| (&row["name"], &row["state"])).collect();
    let of = |name: &str| states.iter().find(|(n, _)| n.as_str() == Some(name)).and_then(|(_, state)| state.as_str());
    assert_eq!((of("csca"), of("csca-2"), of("ds")), (Some("verifies"), Some("signs"), Some("revoked")));
    let due: Vec<_> = status["todo"].as_array().expect("tasks").iter().filter_map(|task| task["command"].as_str()).collect();
    assert!(due.contains(&"pki crl DIR") && due.contains(&"pki issue DIR ds"), "{due:?}");

    // one flipped bit is a failed check, named, and nothing is issued on such a register
    let path = folder.join("ca/register.jsonl");
    let mut text = std::fs::read(&path).expect("register");
    let at = text.iter().position(|&b| b == b'\n').expect("a line") - 5;
    text[at] ^= 1;
    std::fs::write(&path, text).expect("written");
    let verify = cardwright(folder, &["pki", "register", "ca", "verify"].map(str::to_owned));
    assert_eq!(verify.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&verify.stdout).contains("line 1"), "{}", String::from_utf8_lossy(&verify.stdout));
    let refused = cardwright(folder, &["pki", "issue", "ca", "ds"].map(str::to_owned));
    assert_eq!(refused.status.code(), Some(7), "{}", String::from_utf8_lossy(&refused.stderr));
}

/// OpenSSL on the certificates and lists in `folder`.
fn judge(folder: &Path) {
    let openssl = |arguments: &[&str]| match Command::new("openssl").args(arguments).current_dir(folder).output() {
        Ok(output) => Some((
            output.status.success(),
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
        )),
        Err(error) => {
            println!("skipped: openssl cannot be run: {error}");
            None
        }
    };
    for (name, issuer) in [("csca", "csca"), ("ds", "csca"), ("mls", "csca"), ("dls", "csca"), ("link-2", "csca"), ("csca-2", "csca-2")] {
        let der = format!("{name}.cer");
        let pem = format!("{name}.pem");
        let Some((read, _)) = openssl(&["x509", "-inform", "DER", "-in", &der, "-out", &pem]) else { return };
        assert!(read, "{name}");
        let arguments =
            ["verify", "-x509_strict", "-check_ss_sig", "-purpose", "any", "-partial_chain", "-trusted", &format!("{issuer}.pem"), &pem];
        let (good, said) = openssl(&arguments).expect("openssl ran before");
        println!("openssl on {name}: {said}");
        assert!(good, "{name}: {said}");
    }
}
