//! The two jobs with a card in process: personalizing it, and reading and verifying it. Both sides of every channel are ours here, so
//! their floors hold the operations of the chip too. What a real chip takes for its half is no matter of this program.

use std::hint::black_box;

use applets::card::{Card, CardConfig};
use applets::rng::SeededRng;
use applets::store::nvm::RamNvm;
use cardwright::perso::build::{self, ChipKeys, Signing};
use cardwright::perso::card_profile::CardProfile;
use cardwright::perso::plan::ApduForm;
use cardwright::perso::profile::DocumentProfile;
use cardwright::perso::record::Record;
use cardwright::perso::write::{self, Masters, Writer};
use cardwright::session::Session;
use cardwright::terminal::access::Fallback;
use cardwright::terminal::inspect::{DataGroups, Request, inspect};
use cardwright::terminal::policy::StandardPolicy;
use cardwright::terminal::read;
use cardwright::terminal::report::Verdict;
use eid::cert::path::SignerCache;
use eid::crypto::agreement::ecdh;
use eid::crypto::curve::{Curve, PrivateKey};
use eid::crypto::kdf::Suite;
use eid::image::CardImage;
use eid::protocol::pace::Password;
use eid::scp03::kdf3;
use eid::secret::Secret;
use eid::transport::Transport as _;
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;

use crate::Job;
use crate::floor;
use crate::subject::{self, Rng, State};

const KDD: [u8; 10] = [0, 0, 0, 0x45, 0x49, 0x44, 0, 0, 0, 0x2A];
const NONCE: write::Nonce = *b"nonce of the job";

/// What a line has at hand before the card comes: the person, the profiles, and the chip's keys from a pool.
struct Line {
    state: State,
    record: Record,
    document: DocumentProfile,
    product: CardProfile,
    masters: Masters,
    keys: ChipKeys,
}

impl Line {
    fn new(state: State) -> Self {
        let (document, product) =
            (DocumentProfile::load("cccd-2021").expect("built in"), CardProfile::load("eid-gp-scp03").expect("built in"));
        let record = subject::record(&document, state.today);
        let keys = ChipKeys::generate(&document, &mut UnwrapErr(SysRng)).expect("keys");
        let masters = Masters::test(&product);
        Self { state, record, document, product, masters, keys }
    }

    fn image(&self) -> CardImage {
        let signing = Signing { signer: &self.state.signer, certificate: self.state.ds.der(), today: self.state.today };
        build::build(&self.record, &self.document, &self.keys, signing).expect("an image")
    }

    fn blank(&self) -> Card {
        let keys = kdf3(self.masters.get("perso-transport-kmc").expect("known"), KDD).expect("keys");
        let config = CardConfig::new(KDD, 0x30, keys);
        Card::blank(&config, RamNvm::new(config.memory), Box::new(SeededRng::new(b"card"))).expect("a card")
    }

    /// A card that is ready for its holder, and what was said to make it so: commands, and bytes of them.
    fn personalize(&self, rng: &mut Rng) -> (Card, usize, usize) {
        let (image, mut card) = (self.image(), self.blank());
        let writer = Writer { profile: &self.product, masters: &self.masters, apdu: ApduForm::Short };
        let job = write::Job { image: &image, nonce: NONCE, live: false };
        let written = writer.personalize(&mut card, job, rng, &mut (), &mut |_, _, _| ()).expect("written");
        writer.activate(&mut card, written.digest, rng, &mut ()).expect("activated");
        (card, written.apdus, written.command_bytes)
    }
}

pub(crate) fn jobs(state: State) -> Vec<Job> {
    let line = Line::new(state);
    let mut rng = UnwrapErr(SysRng);
    let (card, apdus, bytes) = line.personalize(&mut rng);
    let files: Vec<Vec<u8>> = line.image().files.into_values().collect();
    let sign = floor::signer(&line.state.ds_key);
    let mut channel = floor::Channel::new(Suite::Aes256);
    let floor_of_writing = {
        let files = files.clone();
        move || {
            // the hashes of the data groups, and the digest of the image by the host and by the card
            for _ in 0..3 {
                files.iter().for_each(|file| floor::sha256(file));
            }
            sign(&[0x31; 96]);
            // command data encrypted and decrypted, C-MAC and R-MAC made and checked
            for _ in 0..apdus {
                channel.encrypt_and_mac(bytes / apdus);
                channel.mac(16);
            }
        }
    };

    let can = Password::Can(Secret::from(line.record.can().expect("the profile has one").as_bytes()));
    let (trust, cache, today) = (line.state.trust(), SignerCache::default(), line.state.today);
    let policy = StandardPolicy::default();
    let mut card = Some(card);
    let mut read = move || {
        let mut session = Session::new(card.take().expect("it came back"));
        session.restart().expect("power");
        let passwords = [can.clone()];
        let request = Request {
            passwords: &passwords,
            fallback: Fallback::default(),
            trust: &trust,
            cache: Some(&cache),
            today,
            data_groups: DataGroups::All,
            policy: &policy,
            terminal: None,
            reading: read::Options::default(),
            challenge: None,
        };
        let inspection = inspect(&mut session, &request, &mut rng, &mut |_| ()).expect("a card");
        assert_eq!(inspection.report.verdict, Verdict::Genuine, "{:?}", inspection.report.findings);
        let traffic = inspection.report.traffic;
        card = Some(session.into_transport());
        traffic
    };
    let traffic = read();
    let floor_of_reading =
        floor_of_reading(&line, &files, usize::try_from(traffic.commands).unwrap_or(1), usize::try_from(traffic.received).unwrap_or(1));
    let mut other = UnwrapErr(SysRng);
    vec![
        Job::new("personalizing one card in process (cccd-2021)", move || {
            let (mut card, _, _) = line.personalize(&mut other);
            black_box(card.atr().expect("it lives"));
        }),
        Job::new("floor of personalizing one card in process (cccd-2021)", floor_of_writing),
        Job::new("reading and verifying one card in process (cccd-2021)", move || {
            black_box(read());
        }),
        Job::new("floor of reading and verifying one card in process (cccd-2021)", floor_of_reading),
    ]
}

/// PACE, Chip and Active Authentication of both sides, secure messaging of both sides, one signature, and the hashes.
fn floor_of_reading(line: &Line, files: &[Vec<u8>], commands: usize, received: usize) -> impl FnMut() + use<> {
    let mut rng = UnwrapErr(SysRng);
    let own = PrivateKey::generate(Curve::BrainpoolP256r1, &mut rng);
    let peer = PrivateKey::generate(Curve::BrainpoolP256r1, &mut rng).public();
    let scalar = own.scalar().expose().to_vec();
    let files = files.to_vec();
    let signature = line.state.ds.signature().to_vec();
    let verify = floor::verifier(&line.state.csca.key().expect("a key").key, line.state.ds.tbs().to_vec(), signature);
    let rsa = floor::rsa_2048();
    let mut channel = floor::Channel::new(Suite::Aes128);
    move || {
        // multiples of the generator: two mapping keys, the nonce twice, the terminal's key of Chip Authentication
        for _ in 0..5 {
            black_box(PrivateKey::from_bytes(Curve::BrainpoolP256r1, &scalar).expect("a scalar").public());
        }
        // multiples of other points: the mapping's shared point, the ephemeral public key, and the secret twice; Chip Authentication twice
        for _ in 0..8 {
            black_box(ecdh(&own, &peer).expect("a point"));
        }
        rsa();
        for _ in 0..commands {
            channel.encrypt_and_mac(received / commands);
            channel.mac(32);
        }
        files.iter().for_each(|file| floor::sha256(file));
        verify();
    }
}
