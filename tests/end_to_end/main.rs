//! The program as its users meet it: command lines in; standard output, standard error, and exit codes out.

#[path = "../support/pcscd.rs"]
mod pcscd;
#[cfg(feature = "sqlite")]
#[path = "../support/postgres.rs"]
mod postgres;

mod ceremony;
mod conform;
mod console;
mod cv;
mod eid_application;
mod evidence;
mod faults;
mod input;
mod inspection;
mod lifted;
#[cfg(feature = "sqlite")]
mod line;
mod lint;
mod pcsc;
mod pin;
mod pki;
mod plan;
mod publish;
mod reading;
mod secrets;
mod show;
mod support;
mod tamper;
mod trust;
mod usage;
mod walk;
mod write;
