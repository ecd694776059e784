//! Both backends, the floors, and the peers: prints the table.

fn main() -> std::process::ExitCode {
    speed::main()
}
