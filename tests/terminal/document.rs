//! A synthetic document with everything in it, and the authority that signed it. Nobody was born in these years.

use std::collections::BTreeMap;

use eid::cert::Time;
use eid::cert::trust::TrustStore;
use eid::cert::x509::Certificate;
use eid::crypto::curve::{self, Curve};
use eid::crypto::hash::Hash;
use eid::crypto::kdf::Suite;
use eid::crypto::rsa;
use eid::crypto::signature::PublicKey;
use eid::date::Date;
use eid::image::{ActiveAuthKey, CardImage, ChipAuthKey, EMRTD_AID, FileId};
use eid::lds::Elementary as _;
use eid::lds::biometrics::face::FaceImage;
use eid::lds::biometrics::finger::{FingerRecord, compression};
use eid::lds::com::Com;
use eid::lds::dg1::Dg1;
use eid::lds::dg2::Dg2;
use eid::lds::dg3::Dg3;
use eid::lds::dg15::Dg15;
use eid::lds::dir::Dir;
use eid::lds::security_info::{
    Agreement, ChipAuthInfo, ChipAuthProtocol, ChipAuthPublicKeyInfo, PaceInfo, PaceProtocol, SecurityInfo, SecurityInfos,
};
use eid::mrz::{Mrz, MrzDate, Sex};
use eid::protocol::bac;
use eid::secret::Secret;
use eid::tlv;
use pki::csca::{self, CscaParameters};
use pki::ds::{self, DsParameters};
use pki::key::{KeyParameters, SigningKey};
use pki::profile::Subject;
use pki::software::SoftwareSigner;

use applets::rng::SeededRng;

/// The day of all inspections.
pub(crate) fn today() -> Date {
    Date::new(2026, 11, 21).expect("a day")
}

/// Card access number of every test document.
pub(crate) const CAN: &str = "000123";

/// A CSCA and one document signer.
pub(crate) struct Authority {
    pub(crate) csca: Certificate,
    pub(crate) ds: Certificate,
    pub(crate) signer: SoftwareSigner<SeededRng>,
}

impl Authority {
    /// The same name for every number; other keys, another serial number.
    pub(crate) fn new(number: u8) -> Self {
        let mut rng = SeededRng::new(&[b'a', number]);
        let subject = Subject {
            country: "VN".to_owned(),
            state_code: "VNM".to_owned(),
            organization: Some("Test".to_owned()),
            organizational_unit: None,
            serial_number: Some("001".to_owned()),
            common_name: "CSCA Test".to_owned(),
            contact_email: None,
        };
        let csca_parameters = CscaParameters { key: KeyParameters::Ec(Curve::P256), algorithm: ecdsa(), ..CscaParameters::default() };
        let csca_key = SigningKey::generate(csca_parameters.key, csca_parameters.algorithm, &mut rng).expect("a key");
        let csca_signer = SoftwareSigner::new("csca", csca_key, SeededRng::new(&[b'c', number]));
        let issued = today().plus_days(-30);
        let csca = csca::create(&subject, &csca_parameters, &csca_signer, &[0x11, number], issued).expect("a CSCA");
        let parameters = DsParameters::default();
        let key = SigningKey::generate(parameters.key, parameters.algorithm, &mut rng).expect("a key");
        let name = subject.name_with(&parameters.common_name);
        let ds = ds::issue(&csca, &csca_signer, &name, &parameters, &key.public(), &[0x22], issued).expect("a document signer");
        Self { csca, ds, signer: SoftwareSigner::new("ds", key, SeededRng::new(&[b'd', number])) }
    }

    pub(crate) fn trust(&self) -> TrustStore {
        TrustStore::from_bytes(self.csca.der()).expect("a certificate")
    }

    /// EF.SOD over the data groups of `image`.
    pub(crate) fn sign(&self, image: &mut CardImage) {
        self.sign_at(image, Some(Time::midnight(today())));
    }

    /// The same with this signingTime, or none.
    pub(crate) fn sign_at(&self, image: &mut CardImage, time: Option<Time>) {
        let hashes: BTreeMap<u8, Vec<u8>> =
            image.files.iter().filter_map(|(file, bytes)| Some((file.dg_number()?, Hash::Sha256.digest(&[bytes])))).collect();
        let sod = eid::lds::sod::build(&hashes, Hash::Sha256, None, &self.signer, &self.ds, time).expect("an EF.SOD");
        image.files.insert(FileId::SOD, sod);
    }
}

const fn ecdsa() -> eid::crypto::signature::Algorithm {
    eid::crypto::signature::Algorithm::Ecdsa(Hash::Sha256)
}

pub(crate) fn dg(number: u8) -> FileId {
    FileId::dg(number).expect("a data group")
}

/// The MRZ of the holder.
pub(crate) fn mrz() -> Mrz {
    let date = |text| MrzDate::parse(text).expect("a date");
    eid::mrz::vietnam::identity_card("099505000123", "Phạm Thị Ước Mẫu", Sex::Female, date("050105"), date("300105")).expect("an MRZ")
}

/// What PACE and Chip Authentication of a document use.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    pub(crate) suite: Suite,
    /// Of PACE.
    pub(crate) curve: Curve,
    /// Of Chip Authentication.
    pub(crate) chip_auth: Curve,
    /// RSA-2048 for Active Authentication instead of ECDSA on P-256.
    pub(crate) rsa: bool,
    /// Other keys for another number.
    pub(crate) keys: u8,
}

impl Default for Options {
    fn default() -> Self {
        Self { suite: Suite::Aes128, curve: Curve::BrainpoolP256r1, chip_auth: Curve::BrainpoolP256r1, rsa: false, keys: 7 }
    }
}

/// EF.DG2 of so many bytes: the head of a grey JPEG of 300 x 400, and something for its data.
pub(crate) fn portrait(bytes: u32) -> Vec<u8> {
    let file = |len: u32| {
        let head = [0xFF, 0xD8, 0xFF, 0xC0, 0x00, 0x0B, 0x08, 0x01, 0x90, 0x01, 0x2C, 0x01, 0x01, 0x11, 0x00];
        let image = head.into_iter().chain((0..len).map(|n| (n % 249) as u8)).collect();
        Dg2::new(FaceImage::portrait(image).expect("a JPEG")).encode()
    };
    let rest = file(bytes - 1_000).len() - (bytes as usize - 1_000);
    file(bytes - u32::try_from(rest).expect("short"))
}

/// EF.DG3 with one finger: the head of a grey JPEG, and something for its data.
pub(crate) fn finger() -> Vec<u8> {
    let head = [0xFF, 0xD8, 0xFF, 0xC0, 0x00, 0x0B, 0x08, 0x01, 0x00, 0x00, 0xC0, 0x01, 0x01, 0x11, 0x00];
    let image = head.into_iter().chain([0xF1; 200]).collect();
    Dg3::new([FingerRecord::one(2, compression::JPEG, 192, 256, image)]).encode()
}

/// DG1, DG2 (20,004 bytes), DG3, DG13, DG14, DG15, EF.COM, EF.CardAccess, EF.DIR, all keys and passwords; not signed.
pub(crate) fn unsigned(options: Options) -> CardImage {
    let mut rng = SeededRng::new(&[options.keys]);
    let ca = curve::PrivateKey::generate(options.chip_auth, &mut rng);
    let (active_auth, dg15) = if options.rsa {
        let key = rsa::PrivateKey::generate(2048, &mut rng).expect("an RSA key");
        let public = key.public();
        let secret = ActiveAuthKey::Rsa { modulus: public.modulus().to_vec(), private_exponent: key.private_exponent() };
        (secret, Dg15::new(&PublicKey::Rsa(public)))
    } else {
        let key = curve::PrivateKey::generate(Curve::P256, &mut rng);
        let public = PublicKey::Ec(key.public());
        (ActiveAuthKey::Ec(key), Dg15::new(&public))
    };
    let pace = SecurityInfo::Pace(PaceInfo {
        protocol: PaceProtocol::ecdh_gm(options.suite),
        version: 2,
        parameter_id: Some(options.curve.parameter_id()),
    });
    let ca_protocol = ChipAuthProtocol { agreement: Agreement::Ecdh, suite: options.suite };
    let ca_info = SecurityInfo::ChipAuth(ChipAuthInfo { protocol: ca_protocol, version: 1, key_id: None });
    let ca_key = SecurityInfo::ChipAuthPublicKey(ChipAuthPublicKeyInfo {
        agreement: Agreement::Ecdh,
        spki: eid::cert::spki::encode(&PublicKey::Ec(ca.public())),
        key_id: None,
    });
    let aa_info = SecurityInfo::ActiveAuth { hash: Hash::Sha256 };
    let card_access = SecurityInfos::new([pace.clone(), ca_info.clone()]);
    let dg14 = SecurityInfos::new([pace, ca_info, ca_key, aa_info]);
    let files = [
        (dg(1), Dg1::new(mrz()).encode()),
        (dg(2), portrait(20_004)),
        (dg(3), finger()),
        (dg(13), tlv::encode(0x6D, &[0x30, 0x00])),
        (dg(14), tlv::encode(0x6E, dg14.encode())),
        (dg(15), dg15.encode()),
        (FileId::COM, Com::new([1, 2, 3, 13, 14, 15]).encode()),
        (FileId::CARD_ACCESS, card_access.encode().to_vec()),
        (FileId::DIR, Dir::new([&EMRTD_AID[..]]).encode()),
    ];
    let mut image = CardImage { files: files.into(), ..CardImage::default() };
    image.passwords.can = Some(Secret::from(CAN.as_bytes()));
    image.passwords.mrz_seed = Some(bac::mrz_seed(&mrz().information()));
    image.active_auth = Some(active_auth);
    image.chip_auth = vec![ChipAuthKey { key: ca.into(), key_id: None }];
    image
}

/// A document that `authority` signed.
pub(crate) fn document(authority: &Authority, options: Options) -> CardImage {
    let mut image = unsigned(options);
    authority.sign(&mut image);
    image
}
