//! Writes a hierarchy as the file that it is read from, with a comment for each table, so that a beginner can go on from there.

use std::fmt::Write as _;

use super::{Csca, Hierarchy, Signers};
use crate::csca::EcParameters;
use crate::key;

impl Hierarchy {
    /// The file.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut out = String::from(
            "# The hierarchy of this authority. `cardwright pki init` makes what is declared and missing; `pki status` says what is due.\nversion = 1\n",
        );
        let state = &self.authority;
        out.push_str("\n[authority]\n");
        string(&mut out, "country", &state.country);
        string(&mut out, "state", &state.state);
        for (key, value) in [("organization", &state.organization), ("unit", &state.unit), ("contact", &state.contact)] {
            if let Some(value) = value {
                string(&mut out, key, value);
            }
        }
        out.push_str("# where relying parties find the CRL\n");
        list(&mut out, "crl", &state.crl);
        line(&mut out, "document-validity", &format!("\"{} years\"", state.document_validity));
        out.push_str(
            "# \"explicit\" as Doc 9303-12 clause 4.4.3 demands; \"named\" is what most software outside of border control reads\n",
        );
        string(&mut out, "parameters", if state.parameters == EcParameters::Named { "named" } else { "explicit" });
        if let Some(csca) = &self.csca {
            write_csca(&mut out, csca);
        }
        for (table, signers, comment) in [
            ("ds", &self.ds, "signs documents: a new one every three months or 100000 documents"),
            ("mls", &self.mls, "signs master lists"),
            ("dls", &self.dls, "signs deviation lists"),
        ] {
            if let Some(signers) = signers {
                write_signers(&mut out, table, signers, comment);
            }
        }
        out.push_str("\n[crl]\n# days to the next list, 90 at most\n");
        line(&mut out, "next-update", &format!("\"{} days\"", self.crl.next_update));
        for (name, token) in &self.tokens {
            let _ = writeln!(out, "\n[token.{name}]");
            string(&mut out, "module", &token.module);
            string(&mut out, "label", &token.label);
            for (key, value) in [("serial", &token.serial), ("prefix", &token.prefix)] {
                if let Some(value) = value {
                    string(&mut out, key, value);
                }
            }
        }
        out
    }
}

fn write_csca(out: &mut String, csca: &Csca) {
    out.push_str("\n[csca]\n# another name takes effect with the next key (`pki issue DIR csca --rollover`)\n");
    string(out, "common-name", &csca.common_name);
    if let Some(number) = &csca.serial_number {
        string(out, "serial-number", number);
    }
    string(out, "key", &csca.key.to_string());
    let algorithm = csca.algorithm.unwrap_or_else(|| key::default_algorithm(csca.key));
    string(out, "algorithm", &key::algorithm_name(algorithm));
    line(out, "key-use", &format!("\"{} years\"", csca.key_use));
    if let Some(token) = &csca.token {
        string(out, "token", token);
    }
}

fn write_signers(out: &mut String, table: &str, signers: &Signers, comment: &str) {
    let _ = writeln!(out, "\n[{table}]\n# {comment}");
    if let Some(name) = &signers.common_name {
        string(out, "common-name", name);
    }
    string(out, "key", &signers.key.to_string());
    if let Some(algorithm) = signers.algorithm {
        string(out, "algorithm", &key::algorithm_name(algorithm));
    }
    if let Some(days) = signers.key_use {
        line(out, "key-use", &format!("\"{days} days\""));
    }
    if let Some(types) = &signers.document_types {
        list(out, "document-types", types);
    }
    if let Some(token) = &signers.token {
        string(out, "token", token);
    }
}

fn line(out: &mut String, key: &str, value: &str) {
    let _ = writeln!(out, "{key} = {value}");
}

fn string(out: &mut String, key: &str, value: &str) {
    line(out, key, &toml::Value::String(value.to_owned()).to_string());
}

fn list(out: &mut String, key: &str, values: &[String]) {
    let values = values.iter().cloned().map(toml::Value::String).collect();
    line(out, key, &toml::Value::Array(values).to_string());
}
