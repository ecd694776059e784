//! Signing with a key in SoftHSM2, in parallel sessions.

fn main() -> std::process::ExitCode {
    speed::token::main()
}
