use super::*;
use crate::crypto::kdf::Suite;

/// EF.CardAccess of the Vietnamese identity card, as shipped in readers of that card.
const CCCD: &str = "3134300D060804007F0007020202020101300F060A04007F000702020302020201013012060A04007F0007020204020202010202010D";

#[test]
fn the_vietnamese_card_access_reads_and_is_written_again() {
    let bytes = hex::decode(CCCD).expect("hex");
    let infos = SecurityInfos::parse(&bytes).expect("SecurityInfos");
    let expected = [
        SecurityInfo::TerminalAuth { version: 1, ef_cvca: None },
        SecurityInfo::ChipAuth(ChipAuthInfo {
            protocol: ChipAuthProtocol { agreement: Agreement::Ecdh, suite: Suite::Aes128 },
            version: 1,
            key_id: None,
        }),
        SecurityInfo::Pace(PaceInfo { protocol: PaceProtocol::ecdh_gm(Suite::Aes128), version: 2, parameter_id: Some(13) }),
    ];
    assert_eq!(infos.infos(), expected);
    assert_eq!(SecurityInfos::new(expected).encode(), bytes);
    assert_eq!(
        infos.fields().last().map(|(name, value)| (name.as_str(), value.as_str())),
        Some(("id-PACE-ECDH-GM-AES-CBC-CMAC-128", "version 2, parameterId 13"))
    );
}

/// Doc 9303-11 appendix G.1 and I.
#[test]
fn pace_infos_of_the_worked_examples_read() {
    let one = |hex_: &str| {
        let info = hex::decode(hex_).expect("hex");
        SecurityInfos::parse(&tlv::encode(0x31, &info)).expect("SecurityInfos").infos()[0].clone()
    };
    let gm = PaceInfo { protocol: PaceProtocol::ecdh_gm(Suite::Aes128), version: 2, parameter_id: Some(13) };
    assert_eq!(one("3012060a04007f0007020204020202010202010d"), SecurityInfo::Pace(gm));
    let cam = PaceProtocol::new(Mapping::ChipAuthentication, Agreement::Ecdh, Suite::Aes128).expect("exists");
    assert_eq!(
        one("3012060a04007f0007020204060202010202010d"),
        SecurityInfo::Pace(PaceInfo { protocol: cam, version: 2, parameter_id: Some(13) })
    );
}

#[test]
fn every_protocol_identifier_leads_back_to_its_protocol() {
    use Agreement::{Dh, Ecdh};
    let suites = [Suite::TripleDes, Suite::Aes128, Suite::Aes192, Suite::Aes256];
    let mut count = 0;
    for agreement in [Dh, Ecdh] {
        for suite in suites {
            let ca = ChipAuthProtocol { agreement, suite };
            assert_eq!(ChipAuthProtocol::from_octets(&ca.octets()), Some(ca));
            for mapping in [Mapping::Generic, Mapping::Integrated, Mapping::ChipAuthentication] {
                if let Some(pace) = PaceProtocol::new(mapping, agreement, suite) {
                    assert_eq!(PaceProtocol::from_octets(&pace.octets()), Some(pace));
                    count += 1;
                }
            }
        }
    }
    assert_eq!(count, 19);
    assert_eq!(PaceProtocol::new(Mapping::ChipAuthentication, Dh, Suite::Aes128), None);
}

#[test]
fn a_set_is_written_sorted_and_every_kind_comes_back() {
    let spki = tlv::encode(0x30, &[0x05, 0x00]);
    let unknown = tlv::encode(0x30, &[0x06, 0x02, 0x2A, 0x03, 0x04, 0x01, 0xFF]);
    let set = SecurityInfos::new([
        SecurityInfo::ActiveAuth { hash: Hash::Sha256 },
        SecurityInfo::ChipAuthPublicKey(ChipAuthPublicKeyInfo {
            agreement: Agreement::Ecdh,
            spki: spki.clone(),
            key_id: Some(KeyId::from(0x1_0001)),
        }),
        SecurityInfo::PaceDomainParameter(PaceDomainParameterInfo {
            mapping: Mapping::Integrated,
            agreement: Agreement::Dh,
            domain_parameter: spki,
            parameter_id: Some(200),
        }),
        SecurityInfo::Other { oid: "1.2.3".to_owned(), raw: unknown },
        SecurityInfo::TerminalAuth { version: 2, ef_cvca: Some(tlv::encode(0x30, &[4, 2, 1, 0x1C])) },
    ]);
    let encodings: Vec<_> = set.infos().iter().map(SecurityInfo::encode).collect();
    assert!(encodings.is_sorted());
    assert_eq!(SecurityInfos::parse(set.encode()), Ok(set.clone()));
    assert_eq!(set.active_auth_hash(), Some(Hash::Sha256));
}

#[test]
fn an_active_authentication_algorithm_that_is_not_plain_is_kept_as_it_is() {
    let mut content = Vec::new();
    asn1::push_oid(&mut content, oid::AA_PROTOCOL);
    asn1::push_unsigned(&mut content, 1);
    asn1::push_oid(&mut content, oid::ECDSA_SHA256);
    let set = tlv::encode(0x31, &tlv::encode(0x30, &content));
    let infos = SecurityInfos::parse(&set).expect("SecurityInfos");
    assert_eq!((infos.active_auth_hash(), infos.x962_active_auth_hash()), (Some(Hash::Sha256), Some(Hash::Sha256)));
    assert_eq!(SecurityInfos::new(infos.infos().to_vec()).encode(), set);
}

#[test]
fn a_malformed_info_names_protocol_field_and_place() {
    // version 02 01 80: negative
    let bytes = hex::decode("3114 3012060a04007f00070202040202020180 02010d".replace(' ', "")).expect("hex");
    let error = SecurityInfos::parse(&bytes).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "id-PACE-ECDH-GM-AES-CBC-CMAC-128 at offset 2: version: expected an INTEGER 0 to 255 at offset 16, found 80"
    );
    let trailing = SecurityInfos::parse(&[0x31, 0x00, 0x00]);
    assert_eq!(trailing, Err(SecurityInfoError::Tlv(TlvError::Trailing { at: 2, count: 1 })));
    let many = tlv::encode(0x31, &[0x30, 0x04, 0x06, 0x02, 0x2A, 0x03].repeat(MAX_INFOS + 1));
    assert_eq!(SecurityInfos::parse(&many), Err(SecurityInfoError::TooMany));
}
