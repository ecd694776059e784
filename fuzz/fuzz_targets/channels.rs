//! What the two secure channels, the protocols, and card management read from the other side.
#![no_main]

use eid::apdu::{Command, Response, Sw};
use eid::crypto::cipher::CipherKey;
use eid::crypto::kdf::Suite;
use eid::gp::{Delete, GetStatus, Install, LoadBlock, RegistryEntry, SetStatus, StoreData};
use eid::protocol::{chip_auth, dynamic_auth, pace};
use eid::scp03::{host, put_key};
use eid::secret::Secret;
use eid::sm::SecureMessaging;
use eid::{dgi, scp02};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&[cla, ins, p1, p2], data)) = bytes.split_first_chunk() else { return };
    let command = Command::new(cla, ins, p1, p2).with_data(data).with_le(256);

    let channel = || SecureMessaging::from_shared(Suite::Aes128, &Secret::from([0x42; 32]), &[]);
    let _ = channel().unprotect_command(&command);
    let _ = channel().unprotect_response(&Response { data: data.to_vec(), sw: Sw(u16::from_be_bytes([p1, p2])) });

    let _ = dynamic_auth::parse(data, [0x80], [0x81, 0x82]);
    let _ = pace::chip::Selection::parse(data);
    let _ = (chip_auth::Selection::parse(data), chip_auth::KeyAgreementTemplate::parse(data), chip_auth::general_authenticate(data));

    let _ = (host::InitializeUpdateAnswer::parse(data), scp02::InitializeUpdateAnswer::parse(data));
    let dek = CipherKey::new(Suite::Aes128, &[0x42; 16]).expect("16 bytes");
    let _ = put_key::parse(data, &dek);

    if let Ok(install) = Install::parse(&command) {
        assert_eq!(Install::parse(&install.command()).as_ref(), Ok(&install));
    }
    if let Ok(delete) = Delete::parse(&command) {
        assert_eq!(Delete::parse(&delete.command()).as_ref(), Ok(&delete));
    }
    if let Ok(get) = GetStatus::parse(&command) {
        assert_eq!(GetStatus::parse(&get.command()).as_ref(), Ok(&get));
    }
    if let Ok(store) = StoreData::parse(&command) {
        assert_eq!((store.p1(), store.number), (p1, p2));
    }
    let _ = (SetStatus::parse(&command), LoadBlock::parse(&command), RegistryEntry::parse_all(data));

    let mut stream = dgi::Stream::new();
    data.chunks(usize::from(p1).max(1)).for_each(|block| stream.block(block).for_each(drop));
    let _ = (stream.finish(), dgi::open(data));
});
