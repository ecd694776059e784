//! Where a PostgreSQL is, and how it is reached: URL, password, TLS.
//!
//! | `sslmode` | |
//! | --- | --- |
//! | absent | `disable` for a unix socket and for this machine, `verify-full` for any other host |
//! | `disable` | no TLS: for a tunnel, or a network of its own |
//! | `require`, `verify-full` | TLS 1.3; the server's certificate is under `sslrootcert` and names the host of the URL |
//!
//! Refused: a password inside of a URL, where logs and lists of processes show it; `allow` and `prefer`, which go on in clear where somebody
//! in between takes TLS away; TLS without `sslrootcert`, since no list of others says whom a line trusts.

use std::error::Error as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr as _;

use eid::secret::Secret;
use postgres::config::{Host, SslMode};
use postgres::{Client, Config, NoTls};

use super::chain;
use super::tls::Tls;
use crate::store::SqlError;

/// A PostgreSQL that can be connected to.
pub(crate) struct Address {
    /// For more settings of the connection.
    pub(crate) config: Config,
    /// `postgres://host/database`.
    pub(crate) name: String,
    tls: Option<Tls>,
}

impl Address {
    /// Reads a URL, and the certificates that it names.
    ///
    /// # Errors
    /// [`SqlError::Failed`]: no URL of PostgreSQL, one of those that are refused, or no certificate in the file.
    pub(crate) fn parse(url: &str, password: Option<&Secret>) -> Result<Self, SqlError> {
        let wrong = |expected: &str, found: &str| SqlError::Failed(format!("URL of PostgreSQL: expected {expected}, found {found}"));
        let (url, [mode, root]) = take(url, ["sslmode", "sslrootcert"])?;
        let mut config = Config::from_str(&url).map_err(|error| SqlError::Failed(format!("URL of PostgreSQL: {}", chain(&error))))?;
        if config.get_password().is_some() {
            return Err(wrong("no password in it", "one; give it by file or environment"));
        }
        if let Some(password) = password {
            config.password(password.expose());
        }
        let host = config.get_hosts().first().map_or_else(String::new, |host| match host {
            Host::Tcp(host) => host.clone(),
            #[cfg(unix)]
            Host::Unix(folder) => folder.display().to_string(),
        });
        let verified = match mode.as_deref() {
            None => !is_here(&config),
            Some("disable") => false,
            Some("require" | "verify-full") => true,
            Some(other) => return Err(wrong("sslmode disable, require, or verify-full", &format!("{other:?}"))),
        };
        let tls = match (verified, root) {
            (false, None) => None,
            (false, Some(_)) => return Err(wrong("sslmode=verify-full beside sslrootcert", "a connection in clear")),
            (true, None) if mode.is_none() => {
                let expected = format!("sslrootcert=FILE for the host {host}, or sslmode=disable if its network is the line's own");
                return Err(wrong(&expected, "neither"));
            }
            (true, None) => return Err(wrong("sslrootcert=FILE, the certificate above the server's", "none")),
            (true, Some(_)) if is_socket(&config) => return Err(wrong("no TLS to a unix socket", "sslrootcert")),
            (true, Some(root)) => Some(Tls::new(&PathBuf::from(root))?),
        };
        config.ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
        let name = format!("postgres://{host}/{}", config.get_dbname().unwrap_or_default());
        Ok(Self { config, name, tls })
    }

    /// A new connection.
    ///
    /// # Errors
    /// [`SqlError::Away`]: nobody answers; [`SqlError::Failed`]: who answers is not who should, or refuses.
    pub(crate) fn connect(&self) -> Result<Client, SqlError> {
        let connected = match &self.tls {
            None => self.config.connect(NoTls),
            Some(tls) => self.config.connect(tls.clone()),
        };
        connected.map_err(|error| {
            let not_trusted = error.source().is_some_and(super::tls::is_wrong_certificate);
            if not_trusted {
                let expected = "a server with a certificate under sslrootcert for the host of the URL";
                return SqlError::Failed(format!("{}: expected {expected}, found {}", self.name, chain(&error)));
            }
            super::refine(&error, SqlError::Failed)
        })
    }
}

/// Takes parameters out of a URL. The URL without them, and their values.
fn take<const N: usize>(url: &str, names: [&str; N]) -> Result<(String, [Option<String>; N]), SqlError> {
    let mut values = [const { None }; N];
    let Some((place, query)) = url.split_once('?') else { return Ok((url.to_owned(), values)) };
    let mut rest = Vec::new();
    for part in query.split('&') {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        match names.iter().zip(&mut values).find(|(known, _)| **known == name) {
            None => rest.push(part),
            Some((_, Some(_))) => return Err(SqlError::Failed(format!("URL of PostgreSQL: expected {name} once, found it twice"))),
            Some((_, slot)) => *slot = Some(decode(value)?),
        }
    }
    let mark = if rest.is_empty() { "" } else { "?" };
    Ok((format!("{place}{mark}{}", rest.join("&")), values))
}

/// Undoes `%2F` and the like (RFC 3986 clause 2.1).
fn decode(text: &str) -> Result<String, SqlError> {
    let mut bytes = Vec::new();
    let mut parts = text.split('%');
    bytes.extend(parts.next().unwrap_or_default().bytes());
    for part in parts {
        let digits = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(
            digits
                .ok_or_else(|| SqlError::Failed(format!("URL of PostgreSQL: expected two hexadecimal digits after %, found {part:?}")))?,
        );
        bytes.extend(part.bytes().skip(2));
    }
    String::from_utf8(bytes).map_err(|_| SqlError::Failed("URL of PostgreSQL: expected UTF-8, found other bytes".to_owned()))
}

fn is_socket(config: &Config) -> bool {
    #[cfg(unix)]
    return config.get_hosts().iter().any(|host| matches!(host, Host::Unix(_)));
    #[cfg(not(unix))]
    return false;
}

/// Whether every host is this machine.
fn is_here(config: &Config) -> bool {
    let named = |host: &Host| match host {
        Host::Tcp(host) => host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    config.get_hosts().iter().all(named) && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        match Address::parse(url, None) {
            Err(SqlError::Failed(text)) => text.replace("URL of PostgreSQL: expected ", ""),
            other => panic!("{url}: {:?}", other.map(|address| address.name)),
        }
    }

    #[test]
    fn this_machine_is_reached_in_clear_and_any_other_only_if_the_url_says_so() {
        for url in [
            "postgres://line@localhost/line",
            "postgres://line@127.0.0.1:5433/line?connect_timeout=3",
            "postgresql://line@[::1]/line",
            "postgres:///line?host=/run/postgresql&user=line",
            "postgres://line@db.example/line?sslmode=disable",
        ] {
            let address = Address::parse(url, None).expect(url);
            assert!(address.tls.is_none() && address.config.get_ssl_mode() == SslMode::Disable, "{url}");
        }
        for url in
            ["postgres://line@db.example/line", "postgres://line@localhost,db.example/line", "postgres://localhost/line?hostaddr=10.0.0.7"]
        {
            assert!(refused(url).starts_with("sslrootcert=FILE for the host "), "{url}");
        }
        for mode in ["allow", "prefer", "verify-ca", "", "VERIFY-FULL"] {
            let found = refused(&format!("postgres://db.example/line?sslmode={mode}"));
            assert_eq!(found, format!("sslmode disable, require, or verify-full, found {mode:?}"));
        }
        assert_eq!(refused("postgres://db/line?sslmode=require"), "sslrootcert=FILE, the certificate above the server's, found none");
        assert!(refused("postgres://db/line?sslmode=disable&sslrootcert=a.pem").ends_with("found a connection in clear"));
        assert!(refused("postgres:///line?host=/run/pg&sslmode=require&sslrootcert=a.pem").ends_with("found sslrootcert"));
        assert!(refused("postgres://db/line?sslmode=require&sslmode=disable").ends_with("sslmode once, found it twice"));
        assert!(refused("postgres://line:secret@db/line").starts_with("no password in it"));
    }

    #[test]
    fn a_file_of_certificates_is_found_behind_its_escapes() {
        let found = refused("postgres://db/line?sslmode=verify-full&sslrootcert=%2Fno%20such%2Ffile");
        assert!(found.starts_with("sslrootcert: /no such/file: "), "{found}");
        assert!(refused("postgres://db/line?sslrootcert=%2").ends_with("two hexadecimal digits after %, found \"2\""));
    }
}
