// The classes, the first that fits a file is its own. Facts that the collection states of itself stand beside them.

const FILES: usize = 577;

const CLASSES: &[Class] = &[
    // every list verifies with its embedded signer
    class(
        "masterlists/",
        &[".ml"],
        master_list,
        &[
            ("verified, 333 certificates, 0 unreadable", 1),
            ("verified, 374 certificates, 0 unreadable", 1),
            ("verified, 411 certificates, 0 unreadable", 1),
            ("verified, 541 certificates, 0 unreadable", 1),
            ("verified, 588 certificates, 0 unreadable", 1),
        ],
    ),
    class("masterlists/anchors/", &[], ca, &[("self-signed, verified", 4)]),
    class("csca/", &[], ca, &[("link, verified", 53), ("self-signed, verified", 64)]),
    class("vn/csca/", &[], ca, &[("self-signed, verified", 2)]),
    // as the table beside it says: 113 without an issuer here, of which three are for another use; three CSCA certificates of Germany, Japan and Kuwait
    class(
        "dsc/bulk/",
        &[".der"],
        bulk,
        &[(
            "110 no anchor here, 3 refused: keyUsage of the document signer lacks digitalSignature, 3 refused: the certificate has extKeyUsage, so its key is for something else than documents, 1870 verified",
            1,
        )],
    ),
    class("dsc/bulk/", &[".csv"], text, &[("text", 1)]),
    class("dsc/VN/", &[], document_signer, &[("verified", 22)]),
    // the one of Japan is a CSCA certificate
    class("dsc/odd/", &[], document_signer, &[("refused: keyUsage of the document signer lacks digitalSignature", 1), ("verified", 9)]),
    // 28 certificates of CAs and of a signer of lists are among them
    class(
        "dsc/sample/",
        &[],
        document_signer,
        &[
            ("no anchor here", 7),
            ("refused: keyUsage of the document signer lacks digitalSignature", 27),
            ("refused: the certificate has extKeyUsage, so its key is for something else than documents", 1),
            ("verified", 85),
        ],
    ),
    class("chips/dsc/", &[], document_signer, &[("no anchor here", 2)]),
    // no certificate of the CSCA behind one of them is in the collection
    class("crl/", &[], revocation_list, &[("parsed, no key of the state here signed it", 1), ("verified", 15)]),
    // the CSCA of sha512_rsapss_64_65537_2048 is not in the collection
    class("mock-pki/", &[".pem"], mock_certificate, &[("self-signed, verified", 23), ("verified by 0", 1), ("verified by 1", 25)]),
    // RFC 5915 keys with explicit parameters are left as they are
    class("mock-pki/", &[".key"], private_key, &[("EC PRIVATE KEY, no PKCS#8", 24), ("key", 25)]),
    class("chips/", &["_pk.bin"], public_key, &[("key EC brainpoolP224r1", 1), ("key RSA 1024", 1)]),
    class("chips/", &["_sk.pkcs8"], private_key, &[("key", 2)]),
    // each by the rule that it breaks
    class(
        "chips/malformed-sod/",
        &[],
        security_object,
        &[
            ("refused: pa.signature message-digest-differs", 1),
            ("refused: pa.signature signature-wrong", 1),
            ("refused: pa.sod security-object-malformed", 1),
            ("refused: pa.sod signed-data-malformed", 1),
            ("refused: pa.sod signed-data-version", 1),
        ],
    ),
    class("chips/", &["EF_SOD.bin"], security_object, &[("verified", 2)]),
    class(
        "chips/",
        &[],
        data_group,
        &[
            ("parsed EF.COM", 1),
            ("parsed EF.DG1", 4),
            ("parsed EF.DG11", 1),
            ("parsed EF.DG14", 3),
            ("parsed EF.DG15", 2),
            ("parsed EF.DG2", 1),
            ("parsed EF.DG3", 1),
            ("parsed EF.DG4", 1),
            ("parsed EF.DG7", 1),
        ],
    ),
    // one has bytes after the SET, one is padded with zeros
    class("ef/", &["EF.CardAccess.bin"], card_access, &[("parsed, 0 quirks", 3), ("parsed, 1 quirks", 2)]),
    // test states: nobody trusts them
    class("ef/", &["Security.bin"], signed_infos, &[("signature passed, chain undecided no-trust-anchor", 24)]),
    class("ef/", &[".json"], json, &[("json", 1)]),
    class("cvc/", &[".cvcert"], card_verifiable, &[("parsed, its issuer is here", 24), ("parsed, its issuer is not here", 3)]),
    class("cvc/", &[".pkcs8"], private_key, &[("key", 6)]),
    class("cvc/", &[".csr"], request, &[("parsed as no certificate", 1)]),
    class("cvc/", &[".bin", ".der"], tlv_only, &[("TLV", 9)]),
    class("biometrics/asn1/", &[], text, &[("text", 2)]),
    class("biometrics/dg2/", &[], data_group, &[("parsed EF.DG2", 1)]),
    class("biometrics/face-image/", &[], picture, &[("header Jp2", 1)]),
    class("biometrics/wsq/", &[], picture, &[("header Wsq", 2)]),
    class("biometrics/face-record/", &[], face_record, &[("1 face", 2), ("TLV", 1)]),
    class("biometrics/cbeff/", &[], tlv_only, &[("TLV", 1)]),
    // headers here; decoded by the tests of the pictures
    class(
        "jp2/",
        &[],
        picture,
        &[
            ("header Jp2", 24),
            ("header Jpeg2000Codestream", 9),
            ("refused: expected the signature of JPEG, JPEG 2000 or WSQ, found neither", 1),
        ],
    ),
    class("vn/", &[".hex"], hexadecimal, &[("parsed EF.DG13", 1)]),
    class("", &[".json"], json, &[("json", 21)]),
    class("", &[".csv", ".md", ".ldif", ".toml"], text, &[("text", 14)]),
];
