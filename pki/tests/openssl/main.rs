//! OpenSSL as the judge of what the authority and EF.SOD's builder make, and tampering with it.

mod generations;
mod judged;
mod lists;
mod revocation;
mod support;
mod tampered;
