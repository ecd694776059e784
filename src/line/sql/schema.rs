//! The tables, by version. A version that was ever released is never changed; the next one is added below it.
//!
//! Every number is `bigint`, every moment seconds since 1970, every truth 0 or 1; lists of texts are JSON.

use super::{Outcome, Sql, SqlError, Value};
use crate::line::audit::SITE;

/// The version that this program reads and writes.
pub(super) const VERSION: i64 = 3;

/// Tables of version 1, in the order of their references.
const TABLES: &[(&str, &str)] = &[
    ("site", "version bigint NOT NULL"),
    (
        "batch",
        "id bigint PRIMARY KEY, name text NOT NULL UNIQUE, document_profile text NOT NULL, card_profile text NOT NULL,
         profile_digest bytea NOT NULL CHECK (octet_length(profile_digest) = 32), live bigint NOT NULL CHECK (live IN (0, 1)),
         merkle_root bytea NOT NULL CHECK (octet_length(merkle_root) = 32), signature bytea NOT NULL, jobs bigint NOT NULL, stored bigint NOT NULL,
         released_first text, released_second text, closed_first text, closed_second text,
         CHECK ((released_first IS NULL) = (released_second IS NULL)), CHECK (released_first <> released_second),
         CHECK ((closed_first IS NULL) = (closed_second IS NULL)), CHECK (closed_first <> closed_second)",
    ),
    ("delivery", "name text PRIMARY KEY, cards bigint NOT NULL, time bigint NOT NULL"),
    (
        "card",
        "serial bytea PRIMARY KEY CHECK (octet_length(serial) BETWEEN 1 AND 32), delivery text NOT NULL REFERENCES delivery,
         state bigint NOT NULL",
    ),
    (
        "job",
        "id bigint PRIMARY KEY, batch bigint NOT NULL REFERENCES batch, sequence bigint NOT NULL CHECK (sequence >= 1),
         person bytea NOT NULL CHECK (octet_length(person) = 32), document_type text NOT NULL,
         number bytea NOT NULL CHECK (octet_length(number) = 32), image_digest bytea NOT NULL CHECK (octet_length(image_digest) = 32),
         image_file text NOT NULL, sealed_digest bytea NOT NULL CHECK (octet_length(sealed_digest) = 32), replaces bigint REFERENCES job,
         state bigint NOT NULL, epoch bigint NOT NULL, serial bytea REFERENCES card, station text, lease_until bigint,
         UNIQUE (batch, sequence), CHECK ((state = 10) = (lease_until IS NOT NULL)),
         CHECK (state IN (0, 10, 90) OR serial IS NOT NULL)",
    ),
    (
        "binding",
        "serial bytea PRIMARY KEY REFERENCES card, job bigint NOT NULL REFERENCES job, epoch bigint NOT NULL,
         nonce bytea NOT NULL UNIQUE CHECK (octet_length(nonce) = 16), station text NOT NULL, reader text NOT NULL, time bigint NOT NULL,
         state bigint NOT NULL",
    ),
    (
        "failure",
        "serial bytea PRIMARY KEY REFERENCES binding, reason text NOT NULL, step text NOT NULL, sw bigint, reader text NOT NULL,
         time bigint NOT NULL",
    ),
    (
        "counted",
        "serial bytea PRIMARY KEY REFERENCES card, reason text NOT NULL, first text NOT NULL, second text NOT NULL, time bigint NOT NULL,
         CHECK (first <> second)",
    ),
    ("cancelled", "number bytea PRIMARY KEY CHECK (octet_length(number) = 32)"),
    (
        "attempt",
        "station text NOT NULL, number bigint NOT NULL, reader text NOT NULL, job bigint NOT NULL, serial bytea NOT NULL,
         started bigint NOT NULL, identify bigint NOT NULL, write bigint NOT NULL, inspect bigint NOT NULL, activate bigint NOT NULL,
         wait bigint NOT NULL, apdus bigint NOT NULL, bytes bigint NOT NULL, resumed bigint NOT NULL, outcome text NOT NULL,
         PRIMARY KEY (station, number)",
    ),
    (
        "incident",
        "id bigint PRIMARY KEY, batch bigint REFERENCES batch, station text NOT NULL, serial bytea, what text NOT NULL, time bigint NOT NULL,
         released_first text, released_second text, CHECK ((released_first IS NULL) = (released_second IS NULL)),
         CHECK (released_first <> released_second)",
    ),
    (
        "account",
        "name text PRIMARY KEY, roles text NOT NULL, hash text NOT NULL, active bigint NOT NULL, failures bigint NOT NULL,
         failed bigint NOT NULL",
    ),
    ("chain", "name text PRIMARY KEY, sequence bigint NOT NULL, hash bytea NOT NULL CHECK (octet_length(hash) = 32)"),
    (
        "entry",
        "chain text NOT NULL REFERENCES chain, sequence bigint NOT NULL, time bigint NOT NULL, actors text NOT NULL, event text NOT NULL,
         subjects text NOT NULL, detail text NOT NULL, previous bytea NOT NULL, hash bytea NOT NULL, PRIMARY KEY (chain, sequence)",
    ),
    (
        "checkpoint",
        "chain text NOT NULL, sequence bigint NOT NULL, hash bytea NOT NULL, time bigint NOT NULL, signature bytea NOT NULL,
         PRIMARY KEY (chain, sequence, time, signature)",
    ),
];

/// Indices of version 1. Those that are unique are rules of the line.
const INDICES: &[&str] = &[
    "CREATE UNIQUE INDEX job_one_of_person ON job (document_type, person) WHERE state < 90",
    "CREATE UNIQUE INDEX job_one_of_number ON job (document_type, number) WHERE state < 90",
    "CREATE INDEX job_person ON job (person) WHERE state < 90",
    "CREATE INDEX job_number ON job (number) WHERE state < 90",
    "CREATE INDEX job_ready ON job (batch, sequence) WHERE state = 0",
    "CREATE INDEX job_lease ON job (lease_until) WHERE state = 10",
    "CREATE INDEX batch_running ON batch (id) WHERE released_first IS NOT NULL AND closed_first IS NULL",
    "CREATE INDEX card_state ON card (state, serial)",
    "CREATE INDEX card_delivery ON card (delivery)",
    "CREATE UNIQUE INDEX binding_one_of_job ON binding (job) WHERE state < 90",
    "CREATE INDEX binding_job ON binding (job)",
    "CREATE INDEX attempt_job ON attempt (job)",
    "CREATE INDEX incident_open ON incident (id) WHERE released_first IS NULL",
];

/// What each later version adds: the first list makes version 2 of version 1.
const UPGRADES: &[&[&str]] = &[
    &["ALTER TABLE attempt ADD COLUMN settled_by text"],
    // one index finds a person and keeps the rule, where version 1 had two: each is a page that a new job changes (docs/scale.md)
    &[
        "DROP INDEX IF EXISTS job_person",
        "DROP INDEX IF EXISTS job_number",
        "DROP INDEX job_one_of_person",
        "DROP INDEX job_one_of_number",
        "CREATE UNIQUE INDEX job_one_of_person ON job (person, document_type) WHERE state < 90",
        "CREATE UNIQUE INDEX job_one_of_number ON job (number, document_type) WHERE state < 90",
    ],
];

/// The version of a store; 0 if it has no tables of ours.
pub(super) fn version(sql: &mut dyn Sql) -> Outcome<i64> {
    if !sql.has_table("site")? {
        return Ok(0);
    }
    match sql.query("SELECT version FROM site", &[])?.as_slice() {
        [row] if let [Value::Integer(version)] = row.as_slice() => Ok(*version),
        rows => Err(SqlError::Damaged(format!("table site: expected one row, found {}", rows.len())).into()),
    }
}

/// Brings a store to [`VERSION`]; the version that it has then, which is later if a later program made it.
pub(super) fn migrate(sql: &mut dyn Sql) -> Outcome<i64> {
    let mut found = version(sql)?;
    if found == 0 {
        first(sql)?;
        found = 1;
    }
    if found >= VERSION {
        return Ok(found);
    }
    let done = usize::try_from(found - 1).unwrap_or(usize::MAX);
    for statement in UPGRADES.iter().skip(done).copied().flatten() {
        sql.execute(statement, &[])?;
    }
    sql.execute("UPDATE site SET version = $1", &[VERSION.into()])?;
    Ok(VERSION)
}

/// Makes version 1.
fn first(sql: &mut dyn Sql) -> Outcome<()> {
    for (table, columns) in TABLES {
        sql.create_table(table, columns)?;
    }
    for index in INDICES {
        sql.execute(index, &[])?;
    }
    sql.append_only("entry")?;
    sql.append_only("checkpoint")?;
    sql.execute("INSERT INTO site (version) VALUES (1)", &[])?;
    sql.execute("INSERT INTO chain (name, sequence, hash) VALUES ($1, 0, $2)", &[SITE.into(), [0; 32].into()])?;
    Ok(())
}
