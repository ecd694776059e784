//! What a card costs the production line, and what its stores can do.

fn main() -> std::process::ExitCode {
    speed::line::main()
}
