//! PostgreSQL over TLS: reached only where its certificate is under the root that was given, and names the host.

use std::path::Path;

use cardwright::line::intake::{Mapping, PostgresSource};
use cardwright::store::Sql as _;
use cardwright::store::postgres::Postgres as Client;
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Name};

use super::Postgres;

fn key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("P-256");
    PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key")
}

/// A certificate under `issuer`, or under itself.
fn certificate(name: &str, key: &PKey<Private>, issuer: Option<(&X509, &PKey<Private>)>, host: Option<&str>) -> X509 {
    let mut subject = X509Name::builder().expect("a name");
    subject.append_entry_by_text("CN", name).expect("a name");
    let subject = subject.build();
    let mut builder = X509::builder().expect("a certificate");
    builder.set_version(2).expect("version 3");
    let serial = BigNum::from_u32(if issuer.is_some() { 2 } else { 1 }).and_then(|number| number.to_asn1_integer()).expect("a number");
    builder.set_serial_number(&serial).expect("a number");
    builder.set_subject_name(&subject).expect("a name");
    builder.set_issuer_name(issuer.map_or(&*subject, |(issuer, _)| issuer.subject_name())).expect("a name");
    builder.set_pubkey(key).expect("a key");
    builder.set_not_before(&Asn1Time::from_unix(0).expect("a time")).expect("a time");
    builder.set_not_after(&Asn1Time::days_from_now(3_650).expect("a time")).expect("a time");
    match host {
        None => builder.append_extension(BasicConstraints::new().critical().ca().build().expect("an extension")).expect("an extension"),
        Some(host) => {
            let names = SubjectAlternativeName::new().dns(host).build(&builder.x509v3_context(issuer.map(|(issuer, _)| &**issuer), None));
            builder.append_extension(names.expect("an extension")).expect("an extension");
        }
    }
    builder.sign(issuer.map_or(key, |(_, key)| key), MessageDigest::sha256()).expect("signed");
    builder.build()
}

fn refused(url: &str) -> String {
    let error = Client::open(url, None).expect_err("refused").to_string();
    // a query of intake goes the same way
    let source = PostgresSource::open(url, None, "SELECT 'x' AS surname", &Mapping::default()).expect_err("refused").to_string();
    assert!(source.ends_with(&error), "{source}\n{error}");
    error
}

#[test]
fn a_server_is_reached_by_tls_only_if_its_certificate_names_the_host_under_the_given_root() {
    let (root_key, server_key, other_key) = (key(), key(), key());
    let root = certificate("root of the test", &root_key, None, None);
    let other = certificate("another root", &other_key, None, None);
    let server = certificate("server", &server_key, Some((&root, &root_key)), Some("localhost"));
    let pem = (server.to_pem().expect("PEM"), server_key.private_key_to_pem_pkcs8().expect("PEM"));
    let Some(server) = Postgres::start_with_tls(&pem.0, &pem.1) else { return };
    let folder = tempfile::tempdir().expect("directory");
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("written");
        path
    };
    let (root, other) = (file("root.pem", &root.to_pem().expect("PEM")), file("other root.pem", &other.to_pem().expect("PEM")));
    let with = |host: &str, root: &Path| {
        format!("{}?sslmode=verify-full&sslrootcert={}", server.on_host(host), root.display().to_string().replace(' ', "%20"))
    };

    let mut client = Client::open(&with("localhost", &root), None).expect("reached");
    let secured = client.query("SELECT ssl::int::bigint, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).expect("an answer");
    assert_eq!(secured, [[1_i64.into(), "TLSv1.3".into()]]);
    let rows = "SELECT 'x' AS surname";
    PostgresSource::open(&with("localhost", &root), None, rows, &Mapping::default()).expect("reached");

    let unknown = refused(&with("localhost", &other));
    assert!(unknown.contains("expected a server with a certificate under sslrootcert for the host of the URL, found "), "{unknown}");
    assert!(unknown.contains("UnknownIssuer"), "{unknown}");
    let name = refused(&with("127.0.0.1", &root));
    assert!(name.contains("expected a server with a certificate under sslrootcert") && name.contains("127.0.0.1"), "{name}");
    let none = refused(&with("localhost", &file("no.pem", b"no certificate")));
    assert!(none.ends_with("no.pem: no certificate in it"), "{none}");
}

#[test]
fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    let root_key = key();
    let root = certificate("root of the test", &root_key, None, None).to_pem().expect("PEM");
    // a server that answers the question for TLS with N, and would go on in clear
    let listener = std::net::TcpListener::bind("localhost:0").expect("a port");
    let port = listener.local_addr().expect("a port").port();
    let server = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut socket, _) = listener.accept().expect("a client");
        let mut question = [0; 8];
        socket.read_exact(&mut question).expect("eight bytes");
        socket.write_all(b"N").expect("an answer");
        let mut rest = Vec::new();
        // nothing is said in clear after that
        socket.read_to_end(&mut rest).map(|_| (question, rest))
    });
    let folder = tempfile::tempdir().expect("directory");
    let path = folder.path().join("root.pem");
    std::fs::write(&path, root).expect("written");
    let url = format!("postgres://cardwright@localhost:{port}/line?sslmode=require&sslrootcert={}", path.display());
    let error = Client::open(&url, None).expect_err("refused").to_string();
    assert!(error.contains("server does not support TLS"), "{error}");
    let (question, rest) = server.join().expect("a server").expect("an end");
    assert_eq!((question, rest.len()), ([0, 0, 0, 8, 4, 210, 22, 47], 0));
}
