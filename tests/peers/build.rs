//! Links libeac into the two programs of PACE where Debian's libeac-dev is installed; without it they say so.

fn main() {
    println!("cargo:rustc-check-cfg=cfg(libeac)");
    println!("cargo:rerun-if-changed=/usr/include/eac/eac.h");
    if std::path::Path::new("/usr/include/eac/eac.h").exists() {
        println!("cargo:rustc-cfg=libeac");
        for program in ["pace_terminal", "pace_oracle"] {
            println!("cargo:rustc-link-arg-bin={program}=-leac");
            println!("cargo:rustc-link-arg-bin={program}=-lcrypto");
        }
    }
}
