//! Changes of a command's data: objects left out, renamed, spoilt.
//!
//! The objects of a command are those of its data, or those inside 7C where the data are dynamic authentication data. A change of what is
//! not there changes nothing, except that a value that is set is added.

use eid::apdu::{Command, SHORT_LE_MAX};
use eid::tlv::{self, Reader};

use super::step::alteration::{Change, Spoil};

/// Gives another value for the old one of an object, or says why there is none.
pub(super) type Spoiling<'a> = dyn FnMut(Spoil, &[u8]) -> Result<Vec<u8>, String> + 'a;

/// Dynamic authentication data.
const TEMPLATE: u32 = 0x7C;

/// The objects of a command, and the template around them.
struct Objects {
    template: Option<u32>,
    objects: Vec<(u32, Vec<u8>)>,
}

impl Objects {
    fn read(data: &[u8]) -> Option<Self> {
        let list = |bytes: &[u8]| {
            let mut reader = Reader::new(bytes);
            let mut objects = Vec::new();
            while let Some(object) = reader.next().ok()? {
                objects.push((object.tag.0, object.value.to_vec()));
            }
            Some(objects)
        };
        let outer = list(data)?;
        Some(match outer.as_slice() {
            [(TEMPLATE, inner)] => Self { template: Some(TEMPLATE), objects: list(inner)? },
            _ => Self { template: None, objects: outer },
        })
    }

    fn write(&self) -> Vec<u8> {
        let mut inner = Vec::new();
        self.objects.iter().for_each(|(tag, value)| tlv::push(&mut inner, *tag, value));
        self.template.map_or(inner.clone(), |template| tlv::encode(template, &inner))
    }
}

/// Applies a change to a command. `spoil` gives another value for the old one of an object, if that can be had.
///
/// # Errors
/// What kept a value from being spoilt, in words.
pub(super) fn apply(command: &mut Command, change: &Change, spoil: &mut Spoiling<'_>) -> Result<(), String> {
    match change {
        Change::Nothing => command.data.clear(),
        Change::Flip => flip(&mut command.data),
        Change::WithLe => command.le = Some(SHORT_LE_MAX),
        Change::WithoutLe => command.le = None,
        Change::Last => command.cla &= !0x10,
        Change::Chain => command.cla |= 0x10,
        Change::Omit(_) | Change::Retag(..) | Change::Value(..) | Change::Spoil(..) | Change::Raw(..) | Change::Append(_) => {
            let mut objects = Objects::read(&command.data).ok_or("the data of the command are no objects")?;
            let mut tail = Vec::new();
            change_objects(&mut objects, change, spoil, &mut tail)?;
            command.data = if let (Some(template), false) = (objects.template, tail.is_empty()) {
                let inner = [Objects { template: None, objects: objects.objects }.write(), tail].concat();
                tlv::encode(template, &inner)
            } else {
                [objects.write(), tail].concat()
            };
        }
        Change::Outer(tag) => {
            let inner = tlv::single(&command.data, TEMPLATE).map_err(|error| error.to_string())?.value.to_vec();
            command.data = tlv::encode(*tag, &inner);
        }
        Change::Bare => command.data = tlv::single(&command.data, TEMPLATE).map_err(|error| error.to_string())?.value.to_vec(),
        // of the sending, or of the keys
        Change::Twice | Change::Skip | Change::Old | Change::Before(_) | Change::Instead(_) | Change::OldCounter | Change::Key(_) => {}
    }
    Ok(())
}

fn change_objects(objects: &mut Objects, change: &Change, spoil: &mut Spoiling<'_>, tail: &mut Vec<u8>) -> Result<(), String> {
    let place = |tag: u32| objects.objects.iter().position(|(known, _)| *known == tag);
    match change {
        Change::Omit(tag) => objects.objects.retain(|(known, _)| known != tag),
        Change::Retag(from, to) => objects.objects.iter_mut().filter(|(known, _)| known == from).for_each(|(known, _)| *known = *to),
        Change::Value(tag, value) => set(objects, *tag, value.clone()),
        Change::Spoil(tag, how) => {
            let old = place(*tag).and_then(|at| objects.objects.get(at)).map(|(_, value)| value.clone()).unwrap_or_default();
            let value = spoil(*how, &old)?;
            set(objects, *tag, value);
        }
        Change::Raw(tag, bytes) => {
            objects.objects.retain(|(known, _)| known != tag);
            tail.extend(bytes);
        }
        Change::Append(bytes) => tail.extend(bytes),
        _ => {}
    }
    Ok(())
}

fn set(objects: &mut Objects, tag: u32, value: Vec<u8>) {
    match objects.objects.iter_mut().find(|(known, _)| *known == tag) {
        Some((_, old)) => *old = value,
        None => objects.objects.push((tag, value)),
    }
}

/// Changes the last byte.
pub(super) fn flip(bytes: &mut [u8]) {
    if let Some(last) = bytes.last_mut() {
        *last ^= 0x01;
    }
}

/// The spoils that need nothing but the old value.
pub(super) fn simple(spoil: Spoil, old: &[u8]) -> Option<Vec<u8>> {
    let mut value = old.to_vec();
    match spoil {
        Spoil::Bad => *value.last_mut()? = 0x7F,
        Spoil::Flip => flip(&mut value),
        Spoil::Short => {
            value.pop();
        }
        Spoil::Long => value.push(0x01),
        Spoil::Zeros => value.fill(0),
        Spoil::Origin => {
            value.fill(0);
            *value.first_mut()? = 0x04;
        }
        Spoil::Encoding => *value.first_mut()? = 0x05,
        // y with another last bit is not the y of this x: p is odd, and y and p - y are not neighbours
        Spoil::OffCurve => flip(&mut value),
        Spoil::AboveP => value.fill(0xFF),
        Spoil::Wrapped => value = tlv::encode(0x06, old),
        Spoil::OtherSize | Spoil::Foreign | Spoil::Unknown | Spoil::Own | Spoil::BareToken => return None,
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(data: &str, change: &Change) -> String {
        let mut command = Command::new(0x10, 0x86, 0, 0).with_data(hex::decode(data).expect("hex"));
        apply(&mut command, change, &mut |spoil, old| simple(spoil, old).ok_or_else(|| "no".to_owned())).expect("applies");
        format!("{:02X} {}", command.cla, hex::encode_upper(command.data))
    }

    #[test]
    fn changes_do_what_they_say_inside_and_outside_of_a_template() {
        for (data, change, result) in [
            ("800112830101", Change::Omit(0x83), "10 800112"),
            ("800112830101", Change::Retag(0x80, 0x81), "10 810112830101"),
            ("800112830101", Change::Value(0x83, vec![]), "10 8001128300"),
            ("800112830101", Change::Value(0x84, vec![0x0D]), "10 80011283010184010D"),
            ("800112830101", Change::Raw(0x83, vec![0x83, 2, 1]), "10 800112830201"),
            ("80021234", Change::Spoil(0x80, Spoil::Bad), "10 8002127F"),
            ("80021234", Change::Spoil(0x80, Spoil::Short), "10 800112"),
            ("80021234", Change::Spoil(0x80, Spoil::Long), "10 8003123401"),
            ("80021234", Change::Spoil(0x80, Spoil::Wrapped), "10 800406021234"),
            ("7C0381010A", Change::Retag(0x81, 0x82), "10 7C0382010A"),
            ("7C00", Change::Append(vec![0x8F, 1, 1]), "10 7C038F0101"),
            ("7C0381010A", Change::Append(vec![0x8F, 1, 1]), "10 7C0681010A8F0101"),
            ("7C0381010A", Change::Outer(0x8C), "10 8C0381010A"),
            ("7C0381010A", Change::Bare, "10 81010A"),
            ("7C0381010A", Change::Nothing, "10 "),
            ("7C0381010A", Change::Last, "00 7C0381010A"),
            ("7C058103040A0B", Change::Spoil(0x81, Spoil::Origin), "10 7C058103040000"),
            ("7C058103040A0B", Change::Spoil(0x81, Spoil::OffCurve), "10 7C058103040A0A"),
        ] {
            assert_eq!(changed(data, &change), result, "{change:?}");
        }
    }
}
