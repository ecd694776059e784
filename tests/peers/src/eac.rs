//! What is used of libeac (openpace), declared by hand after `eac/eac.h` and `eac/pace.h`; the programs that link it include this file.
#![allow(dead_code)] // neither program uses all of it

use std::ffi::{c_char, c_int, c_ulong, c_void};
use std::ptr::NonNull;

/// OpenSSL's `BUF_MEM`.
#[repr(C)]
struct BufMem {
    length: usize,
    data: *mut c_char,
    max: usize,
    flags: c_ulong,
}

type Ctx = c_void;
type Sec = c_void;

unsafe extern "C" {
    fn BUF_MEM_new() -> *mut BufMem;
    fn BUF_MEM_grow(buffer: *mut BufMem, length: usize) -> usize;
    fn BUF_MEM_free(buffer: *mut BufMem);
    fn EAC_init();
    fn EAC_CTX_new() -> *mut Ctx;
    fn EAC_CTX_clear_free(ctx: *mut Ctx);
    fn EAC_CTX_init_ef_cardaccess(bytes: *const u8, length: usize, ctx: *mut Ctx) -> c_int;
    fn EAC_CTX_set_encryption_ctx(ctx: *mut Ctx, id: c_int) -> c_int;
    fn EAC_add_iso_pad(ctx: *const Ctx, data: *const BufMem) -> *mut BufMem;
    fn EAC_remove_iso_pad(data: *const BufMem) -> *mut BufMem;
    fn EAC_increment_ssc(ctx: *const Ctx) -> c_int;
    fn EAC_encrypt(ctx: *const Ctx, data: *const BufMem) -> *mut BufMem;
    fn EAC_decrypt(ctx: *const Ctx, data: *const BufMem) -> *mut BufMem;
    fn EAC_authenticate(ctx: *const Ctx, data: *const BufMem) -> *mut BufMem;
    fn EAC_verify_authentication(ctx: *const Ctx, data: *const BufMem, mac: *const BufMem) -> c_int;
    fn EAC_CTX_init_ta(ctx: *const Ctx, key: *const u8, key_length: usize, cvca: *const u8, cvca_length: usize) -> c_int;
    fn EAC_CTX_init_ca(ctx: *mut Ctx, protocol: c_int, domain: c_int) -> c_int;
    fn TA_disable_checks(ctx: *mut Ctx);
    fn TA_STEP2_import_certificate(ctx: *const Ctx, certificate: *const u8, length: usize) -> c_int;
    fn TA_STEP3_generate_ephemeral_key(ctx: *const Ctx) -> *mut BufMem;
    fn TA_STEP4_get_nonce(ctx: *const Ctx) -> *mut BufMem;
    fn TA_STEP4_set_nonce(ctx: *const Ctx, nonce: *const BufMem) -> c_int;
    fn TA_STEP5_sign(ctx: *const Ctx, key: *const BufMem, chip: *const BufMem, auxiliary: *const BufMem) -> *mut BufMem;
    fn TA_STEP6_verify(
        ctx: *const Ctx,
        key: *const BufMem,
        chip: *const BufMem,
        auxiliary: *const BufMem,
        signature: *const BufMem,
    ) -> c_int;
    fn CA_set_key(ctx: *const Ctx, private: *const u8, private_length: usize, public: *const u8, public_length: usize) -> c_int;
    fn CA_STEP2_get_eph_pubkey(ctx: *const Ctx) -> *mut BufMem;
    fn CA_STEP3_check_pcd_pubkey(ctx: *const Ctx, compressed: *const BufMem, key: *const BufMem) -> c_int;
    fn CA_STEP4_compute_shared_secret(ctx: *const Ctx, theirs: *const BufMem) -> c_int;
    fn CA_STEP5_derive_keys(ctx: *const Ctx, theirs: *const BufMem, nonce: *mut *mut BufMem, token: *mut *mut BufMem) -> c_int;
    fn CA_STEP6_derive_keys(ctx: *mut Ctx, nonce: *const BufMem, token: *const BufMem) -> c_int;
    fn OBJ_txt2nid(text: *const c_char) -> c_int;
    fn PACE_SEC_new(secret: *const c_char, length: usize, kind: c_int) -> *mut Sec;
    fn PACE_SEC_clear_free(secret: *mut Sec);
    fn PACE_STEP1_enc_nonce(ctx: *const Ctx, secret: *const Sec) -> *mut BufMem;
    fn PACE_STEP2_dec_nonce(ctx: *const Ctx, secret: *const Sec, nonce: *const BufMem) -> c_int;
    fn PACE_STEP3A_generate_mapping_data(ctx: *const Ctx) -> *mut BufMem;
    fn PACE_STEP3A_map_generator(ctx: *const Ctx, theirs: *const BufMem) -> c_int;
    fn PACE_STEP3B_generate_ephemeral_key(ctx: *mut Ctx) -> *mut BufMem;
    fn PACE_STEP3B_compute_shared_secret(ctx: *const Ctx, theirs: *const BufMem) -> c_int;
    fn PACE_STEP3C_derive_keys(ctx: *const Ctx) -> c_int;
    fn PACE_STEP3D_compute_authentication_token(ctx: *const Ctx, theirs: *const BufMem) -> *mut BufMem;
    fn PACE_STEP3D_verify_authentication_token(ctx: *const Ctx, token: *const BufMem) -> c_int;
}

/// The context of PACE (`EAC_ID_PACE`).
const PACE_CHANNEL: c_int = 0;

fn done(code: c_int, what: &str) -> Result<(), String> {
    if code == 1 { Ok(()) } else { Err(format!("libeac: {what} failed")) }
}

/// An owned `BUF_MEM`.
struct Buffer(NonNull<BufMem>);

impl Buffer {
    fn from_libeac(pointer: *mut BufMem, what: &str) -> Result<Self, String> {
        NonNull::new(pointer).map(Self).ok_or_else(|| format!("libeac: {what} failed"))
    }

    fn new(bytes: &[u8]) -> Result<Self, String> {
        // SAFETY: a fresh buffer grown to the length that is written
        unsafe {
            let buffer = Self::from_libeac(BUF_MEM_new(), "BUF_MEM_new")?;
            if !bytes.is_empty() {
                if BUF_MEM_grow(buffer.0.as_ptr(), bytes.len()) < bytes.len() {
                    return Err("libeac: out of memory".into());
                }
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), (*buffer.0.as_ptr()).data.cast(), bytes.len());
            }
            Ok(buffer)
        }
    }

    fn bytes(&self) -> Vec<u8> {
        // SAFETY: `data` holds `length` bytes as long as the buffer lives
        unsafe {
            let inner = self.0.as_ref();
            if inner.data.is_null() { Vec::new() } else { std::slice::from_raw_parts(inner.data.cast(), inner.length).to_vec() }
        }
    }

    fn raw(&self) -> *const BufMem {
        self.0.as_ptr()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: owned, freed once
        unsafe { BUF_MEM_free(self.0.as_ptr()) }
    }
}

/// A PACE password as libeac holds it.
pub struct Secret(*mut Sec);

impl Secret {
    fn new(text: &str, kind: c_int) -> Self {
        // SAFETY: libeac copies the text
        Self(unsafe { PACE_SEC_new(text.as_ptr().cast(), text.len(), kind) })
    }

    /// The lines of a TD1 card in one, 90 characters: libeac takes the fields out itself.
    pub fn mrz(text: &str) -> Self {
        Self::new(text, 1)
    }

    pub fn can(text: &str) -> Self {
        Self::new(text, 2)
    }

    pub fn pin(text: &str) -> Self {
        Self::new(text, 3)
    }

    pub fn puk(text: &str) -> Self {
        Self::new(text, 4)
    }
}

/// One run of PACE as the terminal, then its channel.
pub struct Pace {
    ctx: *mut Ctx,
    secret: Secret,
}

impl Pace {
    pub fn new(card_access: &[u8], secret: Secret) -> Result<Self, String> {
        // SAFETY: the context is owned; libeac copies EF.CardAccess
        unsafe {
            EAC_init();
            let pace = Self { ctx: EAC_CTX_new(), secret };
            if pace.ctx.is_null() || pace.secret.0.is_null() {
                return Err("libeac: no context".into());
            }
            done(EAC_CTX_init_ef_cardaccess(card_access.as_ptr(), card_access.len(), pace.ctx), "reading EF.CardAccess")?;
            Ok(pace)
        }
    }

    /// Steps 1 and 2a: takes the encrypted nonce, gives the mapping data.
    pub fn mapping_data(&mut self, nonce: &[u8]) -> Result<Vec<u8>, String> {
        let nonce = Buffer::new(nonce)?;
        // SAFETY: every pointer is owned and alive
        unsafe {
            done(PACE_STEP2_dec_nonce(self.ctx, self.secret.0, nonce.raw()), "decrypting the nonce")?;
            Ok(Buffer::from_libeac(PACE_STEP3A_generate_mapping_data(self.ctx), "mapping data")?.bytes())
        }
    }

    /// The chip's step 1: draws a nonce, gives it encrypted.
    pub fn nonce(&mut self) -> Result<Vec<u8>, String> {
        // SAFETY: every pointer is owned and alive
        unsafe { Ok(Buffer::from_libeac(PACE_STEP1_enc_nonce(self.ctx, self.secret.0), "nonce")?.bytes()) }
    }

    /// The chip's half of step 2: mapping data, for the mappings where it has some.
    pub fn own_mapping_data(&mut self) -> Result<Vec<u8>, String> {
        // SAFETY: as above
        unsafe { Ok(Buffer::from_libeac(PACE_STEP3A_generate_mapping_data(self.ctx), "mapping data")?.bytes()) }
    }

    /// Steps 2b and 3a: takes the card's mapping data, gives the ephemeral key on the mapped generator.
    pub fn map(&mut self, theirs: &[u8]) -> Result<Vec<u8>, String> {
        let theirs = Buffer::new(theirs)?;
        // SAFETY: as above
        unsafe {
            done(PACE_STEP3A_map_generator(self.ctx, theirs.raw()), "mapping")?;
            Ok(Buffer::from_libeac(PACE_STEP3B_generate_ephemeral_key(self.ctx), "ephemeral key")?.bytes())
        }
    }

    /// Steps 3b to 4a: takes the card's ephemeral key, gives our token.
    pub fn agree(&mut self, theirs: &[u8]) -> Result<Vec<u8>, String> {
        let theirs = Buffer::new(theirs)?;
        // SAFETY: as above
        unsafe {
            done(PACE_STEP3B_compute_shared_secret(self.ctx, theirs.raw()), "key agreement")?;
            done(PACE_STEP3C_derive_keys(self.ctx), "key derivation")?;
            Ok(Buffer::from_libeac(PACE_STEP3D_compute_authentication_token(self.ctx, theirs.raw()), "token")?.bytes())
        }
    }

    /// Step 4b: checks the card's token and opens the channel.
    pub fn verify(&mut self, token: &[u8]) -> Result<(), String> {
        let token = Buffer::new(token)?;
        // SAFETY: as above
        unsafe {
            done(PACE_STEP3D_verify_authentication_token(self.ctx, token.raw()), "the other side's token")?;
            done(EAC_CTX_set_encryption_ctx(self.ctx, PACE_CHANNEL), "opening the channel")
        }
    }

    pub fn next_command(&mut self) -> Result<(), String> {
        // SAFETY: as above
        unsafe { done(EAC_increment_ssc(self.ctx), "send sequence counter") }
    }

    fn padded(&self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let bytes = Buffer::new(bytes)?;
        // SAFETY: as above
        unsafe { Ok(Buffer::from_libeac(EAC_add_iso_pad(self.ctx, bytes.raw()), "padding")?.bytes()) }
    }

    pub fn encrypt(&mut self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let padded = Buffer::new(&self.padded(bytes)?)?;
        // SAFETY: as above
        unsafe { Ok(Buffer::from_libeac(EAC_encrypt(self.ctx, padded.raw()), "encryption")?.bytes()) }
    }

    pub fn decrypt(&mut self, cipher: &[u8]) -> Result<Vec<u8>, String> {
        let cipher = Buffer::new(cipher)?;
        // SAFETY: as above
        unsafe {
            let plain = Buffer::from_libeac(EAC_decrypt(self.ctx, cipher.raw()), "decryption")?;
            Ok(Buffer::from_libeac(EAC_remove_iso_pad(plain.raw()), "padding of the answer")?.bytes())
        }
    }

    /// MAC over a padded header and the data objects of a command.
    pub fn mac(&mut self, header: &[u8], body: &[u8]) -> Result<Vec<u8>, String> {
        let mut covered = self.padded(header)?;
        if !body.is_empty() {
            covered.extend(self.padded(body)?);
        }
        let covered = Buffer::new(&covered)?;
        // SAFETY: as above
        unsafe { Ok(Buffer::from_libeac(EAC_authenticate(self.ctx, covered.raw()), "MAC")?.bytes()) }
    }

    /// Checks the MAC of an answer over its data objects.
    pub fn check(&mut self, covered: &[u8], mac: &[u8]) -> Result<(), String> {
        self.next_command()?;
        let (covered, mac) = (Buffer::new(&self.padded(covered)?)?, Buffer::new(mac)?);
        // SAFETY: as above
        unsafe { done(EAC_verify_authentication(self.ctx, covered.raw(), mac.raw()), "the MAC of the answer") }
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        // SAFETY: owned, freed once
        unsafe {
            PACE_SEC_clear_free(self.secret.0);
            EAC_CTX_clear_free(self.ctx);
        }
    }
}

/// Terminal and Chip Authentication version 2, either side.
pub struct Eac(*mut Ctx);

impl Eac {
    /// `key` is the terminal's, PKCS#8; the chip has none. A terminal takes its own certificate, the last, for the trust point, since libeac
    /// would hold every other against its private key. Days of validity are not looked at, since certificates of tests are of any day.
    pub fn new(key: &[u8], cvca: &[u8], certificates: &[Vec<u8>], protocol: &str, domain: c_int) -> Result<Self, String> {
        let protocol = std::ffi::CString::new(protocol).map_err(|error| error.to_string())?;
        // SAFETY: the context is owned, every pointer is alive with its length; libeac copies what it keeps
        unsafe {
            EAC_init();
            let eac = Self(EAC_CTX_new());
            if eac.0.is_null() {
                return Err("libeac: no context".into());
            }
            TA_disable_checks(eac.0);
            let own = certificates.last().filter(|_| !key.is_empty());
            let (key_at, cvca) = own.map_or((std::ptr::null(), cvca), |own| (key.as_ptr(), own.as_slice()));
            done(EAC_CTX_init_ta(eac.0, key_at, key.len(), cvca.as_ptr(), cvca.len()), "trust point")?;
            for certificate in certificates.iter().filter(|_| own.is_none()) {
                done(TA_STEP2_import_certificate(eac.0, certificate.as_ptr(), certificate.len()), "certificate")?;
            }
            done(EAC_CTX_init_ca(eac.0, OBJ_txt2nid(protocol.as_ptr()), domain), "protocol of Chip Authentication")?;
            Ok(eac)
        }
    }

    /// Terminal: draws the ephemeral key, gives it compressed and whole.
    pub fn ephemeral(&mut self) -> Result<(Vec<u8>, Vec<u8>), String> {
        // SAFETY: every pointer is owned and alive
        unsafe {
            let compressed = Buffer::from_libeac(TA_STEP3_generate_ephemeral_key(self.0), "ephemeral key")?;
            Ok((compressed.bytes(), Buffer::from_libeac(CA_STEP2_get_eph_pubkey(self.0), "ephemeral key")?.bytes()))
        }
    }

    /// Chip: the challenge.
    pub fn challenge(&mut self) -> Result<Vec<u8>, String> {
        // SAFETY: as above
        unsafe { Ok(Buffer::from_libeac(TA_STEP4_get_nonce(self.0), "challenge")?.bytes()) }
    }

    /// Terminal: the signature over chip identifier, challenge, compressed key, and auxiliary data.
    pub fn sign(&mut self, compressed: &[u8], chip: &[u8], challenge: &[u8], auxiliary: &[u8]) -> Result<Vec<u8>, String> {
        let [compressed, chip, challenge] = [Buffer::new(compressed)?, Buffer::new(chip)?, Buffer::new(challenge)?];
        let auxiliary = Buffer::new(auxiliary)?;
        // SAFETY: as above
        unsafe {
            done(TA_STEP4_set_nonce(self.0, challenge.raw()), "challenge")?;
            Ok(Buffer::from_libeac(TA_STEP5_sign(self.0, compressed.raw(), chip.raw(), auxiliary.raw()), "signature")?.bytes())
        }
    }

    /// Chip: checks that signature.
    pub fn check(&mut self, compressed: &[u8], chip: &[u8], auxiliary: &[u8], signature: &[u8]) -> Result<(), String> {
        let [compressed, chip] = [Buffer::new(compressed)?, Buffer::new(chip)?];
        let [auxiliary, signature] = [Buffer::new(auxiliary)?, Buffer::new(signature)?];
        // SAFETY: as above
        unsafe { done(TA_STEP6_verify(self.0, compressed.raw(), chip.raw(), auxiliary.raw(), signature.raw()), "the terminal's signature") }
    }

    /// Chip: the static key, whose number and public key these are.
    pub fn set_static_key(&mut self, private: &[u8], public: &[u8]) -> Result<(), String> {
        // SAFETY: as above
        unsafe { done(CA_set_key(self.0, private.as_ptr(), private.len(), public.as_ptr(), public.len()), "static key") }
    }

    /// Chip: agrees with the terminal's key, if it is the one that was named compressed; gives nonce and token.
    pub fn agree_as_chip(&mut self, compressed: &[u8], theirs: &[u8]) -> Result<(Vec<u8>, Vec<u8>), String> {
        let (compressed, theirs) = (Buffer::new(compressed)?, Buffer::new(theirs)?);
        let (mut nonce, mut token) = (std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: as above; what comes back is owned
        unsafe {
            done(CA_STEP3_check_pcd_pubkey(self.0, compressed.raw(), theirs.raw()), "the terminal's other key")?;
            done(CA_STEP4_compute_shared_secret(self.0, theirs.raw()), "key agreement")?;
            done(CA_STEP5_derive_keys(self.0, theirs.raw(), &raw mut nonce, &raw mut token), "key derivation")?;
            Ok((Buffer::from_libeac(nonce, "nonce")?.bytes(), Buffer::from_libeac(token, "token")?.bytes()))
        }
    }

    /// Terminal: agrees with the chip's static key and checks its token.
    pub fn agree_as_terminal(&mut self, theirs: &[u8], nonce: &[u8], token: &[u8]) -> Result<(), String> {
        let [theirs, nonce, token] = [Buffer::new(theirs)?, Buffer::new(nonce)?, Buffer::new(token)?];
        // SAFETY: as above
        unsafe {
            done(CA_STEP4_compute_shared_secret(self.0, theirs.raw()), "key agreement")?;
            done(CA_STEP6_derive_keys(self.0, nonce.raw(), token.raw()), "the chip's token")
        }
    }
}

impl Drop for Eac {
    fn drop(&mut self) {
        // SAFETY: owned, freed once
        unsafe { EAC_CTX_clear_free(self.0) }
    }
}
