//! Protected answers that are wrong under the right keys: what only the chip of the session can make.

use eid::apdu::Response;
use eid::sm::{Counted, SecureMessaging, SmError, Workbench};
use eid::tlv;

use super::injection::Forgery;

/// Protects `response` with this wrong.
pub(super) fn protect(messaging: &mut SecureMessaging, response: &Response, forgery: &Forgery) -> Result<Response, SmError> {
    match forgery {
        Forgery::Stuck => {
            messaging.danger_recount(Counted::Nothing);
            messaging.protect_response(response)
        }
        Forgery::Ahead => {
            messaging.danger_skip(1);
            let protected = messaging.protect_response(response);
            messaging.danger_recount(Counted::Nothing);
            messaging.danger_recount(Counted::Nothing);
            protected
        }
        _ => messaging.danger_protect_with(|bench| write(bench, response, forgery)),
    }
}

fn write(bench: &Workbench<'_>, response: &Response, forgery: &Forgery) -> Response {
    let mut objects: Vec<(u32, Vec<u8>)> = Vec::new();
    if !response.data.is_empty() {
        let mut value = bench.encipher(padded(&response.data, bench.block_len(), forgery), *forgery == Forgery::OldIv);
        if !bench.is_odd() {
            value.insert(0, if let Forgery::Indicator(indicator) = forgery { *indicator } else { 0x01 });
        }
        objects.push((if bench.is_odd() { 0x85 } else { 0x87 }, value));
    }
    let status = if let Forgery::Status(inside) = forgery { *inside } else { response.sw.0 };
    objects.push((0x99, status.to_be_bytes().to_vec()));
    match forgery {
        Forgery::Drop(tag) => objects.retain(|(other, _)| other != tag),
        Forgery::Retag(from, to) => objects.iter_mut().filter(|(tag, _)| tag == from).for_each(|(tag, _)| *tag = *to),
        Forgery::Extra(tag, value) => objects.push((*tag, value.clone())),
        Forgery::Turned => objects.reverse(),
        _ => {}
    }
    let mut data = Vec::new();
    objects.iter().for_each(|(tag, value)| tlv::push(&mut data, *tag, value));
    let mut mac = bench.mac(&data).to_vec();
    match forgery {
        Forgery::Mac(mask) => mac.last_mut().into_iter().for_each(|last| *last ^= mask),
        Forgery::MacLength(len) => mac.truncate(*len),
        _ => {}
    }
    if *forgery != Forgery::Drop(0x8E) {
        let tag = if let Forgery::Retag(0x8E, to) = forgery { *to } else { 0x8E };
        tlv::push(&mut data, tag, &mac);
    }
    Response { data, sw: response.sw }
}

fn padded(plain: &[u8], block: usize, forgery: &Forgery) -> Vec<u8> {
    let mut padded = plain.to_vec();
    padded.push(if *forgery == Forgery::Padding { 0x01 } else { 0x80 });
    padded.resize(padded.len().next_multiple_of(block), 0);
    padded
}
