//! Links libeac into `pace_terminal` where Debian's libeac-dev is installed; without it the program says so.

fn main() {
    println!("cargo:rustc-check-cfg=cfg(libeac)");
    println!("cargo:rerun-if-changed=/usr/include/eac/eac.h");
    if std::path::Path::new("/usr/include/eac/eac.h").exists() {
        println!("cargo:rustc-cfg=libeac");
        println!("cargo:rustc-link-arg-bin=pace_terminal=-leac");
        println!("cargo:rustc-link-arg-bin=pace_terminal=-lcrypto");
    }
}
