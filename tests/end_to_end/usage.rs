//! Mistakes of the user: each ends with its own exit code and says what was expected, what was found, and where.

use crate::support::{cardwright, ended, run};

#[test]
fn no_arguments_and_unknown_ones_are_usage_errors() {
    let nothing: [&str; 0] = [];
    run(&nothing).expect(2).says(&["Usage:"]);
    run(&["fly"]).expect(2).says(&["fly"]);
    run(&["readers", "--speed", "9"]).expect(2).says(&["--speed"]);
}

#[test]
fn help_and_version_are_answers() {
    let help = run(&["--help"]).expect(0);
    for word in ["pcsc:NAME-OR-INDEX", "Exit codes:", "cardwright demo"] {
        assert!(help.stdout.contains(word), "{word}");
    }
    assert_eq!(run(&["--version"]).expect(0).stdout, concat!("cardwright ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn a_reader_that_is_none_is_a_usage_error() {
    run(&["apdu", "--reader", "usb:0", "00A4040C"]).expect(2).says(&["usb:0", "sim:FILE"]);
}

#[test]
fn what_is_no_apdu_is_quoted() {
    run(&["apdu", "--reader", "vpcd:1", "00A4zz"]).expect(2).says(&["00A4zz"]);
    run(&["apdu", "--reader", "vpcd:1", "00A404"]).expect(2).says(&["hint:"]);
}

#[test]
fn without_a_service_the_reader_is_gone() {
    let output = cardwright().env("PCSCLITE_CSOCK_NAME", "/nonexistent/pcscd.comm").args(["readers"]).output().expect("the program starts");
    ended(output).expect(5).says(&["service", "hint:"]);
}

#[test]
fn a_trace_that_is_none_is_named_with_its_line() {
    let dir = tempfile::tempdir().expect("folder");
    let path = dir.path().join("a.trace");
    std::fs::write(&path, "hello\n").expect("written");
    let name = path.display().to_string();
    run(&["trace", &name]).expect(2).says(&["line 1", "hello", &name]);
    run(&["trace", "/nonexistent/a.trace"]).expect(7).says(&["/nonexistent/a.trace"]);
    run(&["apdu", "--reader", "trace:/nonexistent/a.trace", "00A4040C"]).expect(5);
}

#[test]
fn a_trace_plays_back_and_refuses_another_command() {
    let dir = tempfile::tempdir().expect("folder");
    let path = dir.path().join("a.trace");
    std::fs::write(&path, "cardwright-trace 1\nlimits 261 258\natr 3B80800101\n> 00A4040C07A0000002471001\n< 9000\n").expect("written");
    let reader = format!("trace:{}", path.display());
    let answer = run(&["apdu", "--json", "--reader", &reader, "00A4040C07A0000002471001"]).expect(0);
    assert_eq!(answer.stdout, "[{\"command\":\"00A4040C07A0000002471001\",\"data\":\"\",\"sw\":\"9000\",\"meaning\":\"no error\"}]\n");
    run(&["apdu", "--reader", &reader, "00B0000000"]).expect(5).says(&["line 4", "00A4040C07A0000002471001"]);
}

#[test]
fn completions_and_manual_pages_come_from_the_table() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(run(&["completions", shell]).expect(0).stdout.contains("readers"), "{shell}");
    }
    let dir = tempfile::tempdir().expect("folder");
    let name = dir.path().join("man").display().to_string();
    run(&["man", &name]).expect(0);
    let page = std::fs::read_to_string(dir.path().join("man/cardwright.1")).expect("page");
    assert!(page.contains("Exit codes"), "{page}");
    assert!(dir.path().join("man/cardwright-perso-plan.1").exists());
}

#[test]
fn colour_goes_to_terminals_only() {
    let failed = run(&["trace", "/nonexistent/a.trace"]).expect(7);
    assert!(!failed.stderr.contains('\u{1b}'), "{:?}", failed.stderr);
}
