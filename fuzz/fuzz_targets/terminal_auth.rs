//! A chip takes the commands of Terminal Authentication in any order, with any data: without a key that it trusts nobody gets a right.
#![no_main]

use std::sync::OnceLock;

use applets::rng::SeededRng;
use eid::cert::chat::{Chat, Role, TerminalType};
use eid::cert::cvc::{Holder, KeyReference, TrustPoints, VerifyingKey};
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature::{Algorithm, PrivateKey};
use eid::date::Date;
use eid::protocol::terminal_auth::chip::{Binding, Session};
use libfuzzer_sys::fuzz_target;

fn trust() -> &'static TrustPoints {
    static TRUST: OnceLock<TrustPoints> = OnceLock::new();
    TRUST.get_or_init(|| {
        let key = PrivateKey::generate_ec(Curve::P256, &mut SeededRng::new(b"nobody has this key"));
        let day = Date::new(2026, 11, 1).expect("a day");
        let point = Holder {
            reference: KeyReference::from_octets(b"UTCVCA00001").expect("a reference"),
            key: VerifyingKey { algorithm: Algorithm::Ecdsa(Hash::Sha256), key: key.public() },
            chat: Chat::full(TerminalType::Inspection, Role::Cvca),
            effective: day,
            expiry: day.plus_years(3),
            sector: None,
        };
        TrustPoints::new(vec![point], day).expect("one")
    })
}

fuzz_target!(|commands: Vec<(u8, Vec<u8>)>| {
    let mut session = Session::default();
    let binding = Binding { chip: b"L898902C<3", chip_auth_key: Some(&[1; 32]), pace: None };
    for (kind, data) in commands.iter().take(32) {
        match kind % 5 {
            0 => drop(session.set_dst(trust(), data)),
            1 => {
                if let Ok(imported) = session.verify_certificate(trust(), data) {
                    session.accept(imported);
                }
            }
            2 => drop(session.set_at(data)),
            3 => session.give_challenge([7; 8]),
            _ => drop(session.external_authenticate(&binding, data)),
        }
    }
    assert!(session.granted().is_none(), "a right without a trusted key");
});
