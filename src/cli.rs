//! The command line: the only place that reads arguments, environment, terminal, and clock. One file a command.
//!
//! Standard output is the answer, standard error the story, the exit code the meaning ([`exit::Exit`]). Secrets come from a file, the
//! environment, or a prompt, with one exception: what is printed on the card itself (CAN, MRZ) may stand on the command line.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use exit::{Exit, Failure};

mod access;
mod apdu;
mod by;
mod clock;
mod conform;
mod cvca;
mod demo;
mod eid_application;
mod exit;
mod face_qr;
mod generate;
#[cfg(feature = "line")]
mod line;
mod log;
mod master;
mod named;
mod output;
mod perso;
mod pictures;
mod pin;
mod pki;
mod progress;
mod random;
mod read;
mod reader;
mod readers;
mod reading;
mod secret;
mod show;
mod sim;
mod terminal_keys;
mod token;
mod trace;
mod trust;
mod verify;

/// Make and verify chip identity cards after ICAO Doc 9303
#[derive(Debug, Parser)]
#[command(name = "cardwright", version, propagate_version = true, arg_required_else_help = true, max_term_width = 100, disable_help_subcommand = true,
    before_long_help = "Example:\n  cardwright demo --cards 20 --readers 2 --out D\n  cardwright verify --reader sim:D/cards/0001.card --can 123456 --trust D/pki/csca.cer",
    after_long_help = reader::HELP)]
struct Cli {
    /// Print the answer as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Tell more on standard error (-v, -vv, -vvv)
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Verify(verify::Verify),
    Conform(conform::Conform),
    Show(show::Show),
    Sim(sim::Sim),
    Perso(perso::Perso),
    #[cfg(feature = "line")]
    Line(line::Line),
    Pki(pki::Pki),
    Trust(trust::Trust),
    Readers(readers::Readers),
    Read(read::Read),
    Eid(eid_application::Eid),
    Pin(pin::Pin),
    Apdu(apdu::Apdu),
    Trace(trace::Trace),
    Completions(generate::Completions),
    Man(generate::Man),
}

/// What every command needs to know about how it was called.
#[derive(Debug, Clone, Copy)]
struct Context {
    /// The answer shall be JSON.
    json: bool,
}

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    log::start(cli.verbose);
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map_or_else(String::new, |l| format!(" at {}:{}", l.file(), l.line()));
        // the message of a panic may hold data of a card, so only the place is told
        eprintln!(
            "error: this is a bug in cardwright {}{place}\nhint: please report the place and what you did; leave out personal data",
            env!("CARGO_PKG_VERSION")
        );
    }));
    let context = Context { json: cli.json };
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(cli.command, context)));
    match ended {
        Ok(Ok(exit)) => exit.into(),
        Ok(Err(failure)) => {
            anstream::eprintln!("{}error:{} {failure}", ERROR.render(), ERROR.render_reset());
            failure.exit.into()
        }
        Err(_) => Exit::Bug.into(),
    }
}

const ERROR: anstyle::Style = anstyle::AnsiColor::Red.on_default().bold();

fn run(command: Command, context: Context) -> Result<Exit, Failure> {
    match command {
        Command::Demo(command) => command.run(context),
        Command::Verify(command) => command.run(context),
        Command::Conform(command) => command.run(context),
        Command::Show(command) => command.run(context),
        Command::Sim(command) => command.run(context),
        Command::Pki(command) => command.run(context),
        Command::Trust(command) => command.run(context),
        Command::Perso(command) => command.run(context),
        #[cfg(feature = "line")]
        Command::Line(command) => command.run(context),
        Command::Read(command) => command.run(context),
        Command::Eid(command) => command.run(context),
        Command::Pin(command) => command.run(context),
        Command::Readers(command) => command.run(context),
        Command::Apdu(command) => command.run(context),
        Command::Trace(command) => command.run(context),
        Command::Completions(command) => command.run(),
        Command::Man(command) => command.run(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_table_of_arguments_is_consistent() {
        super::Cli::command().debug_assert();
    }

    #[test]
    fn help_is_imperative_and_has_no_full_stop_in_its_first_line() {
        fn check(command: &clap::Command) {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            let first = about.lines().next().unwrap_or_default();
            assert!(!first.is_empty() && !first.ends_with('.'), "{}: {first:?}", command.get_name());
            for argument in command.get_arguments().filter(|a| !a.is_hide_set()) {
                let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                assert!(!help.is_empty() && !help.ends_with('.'), "{} {}: {help:?}", command.get_name(), argument.get_id());
            }
            command.get_subcommands().for_each(check);
        }
        check(&super::Cli::command());
    }
}
