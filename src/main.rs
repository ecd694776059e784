//! The program `cardwright`: arguments in, an answer out, an exit code with a meaning.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
