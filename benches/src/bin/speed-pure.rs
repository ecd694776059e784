//! The jobs without the second backend: `speed` starts it and asks it for rounds.

fn main() -> std::process::ExitCode {
    speed::main()
}
