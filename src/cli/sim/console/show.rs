//! How the console shows a card: its place, its state, its last commands, its time.

use applets::bench::Bench;
use applets::card::{CardState, Contents, Exchange, Message};
use applets::clock::{ChipTime, Timing};
use eid::apdu::Sw;
use serde_json::{Value, json};

use super::Answer;
use crate::cli::trace::explain_command;

/// Most bytes of a message on a line for people, where not all is asked for.
const SHORT: usize = 24;

pub(super) fn cards(bench: &Bench, spoken_of: usize) -> Answer {
    let (mut lines, mut rows) = (Vec::new(), Vec::new());
    for card in 1..=bench.cards() {
        let (name, reader) = (bench.name(card).unwrap_or_default(), bench.reader_of(card));
        let opened = bench.card(card).map(|card| card.is_torn());
        let place = match (reader, &opened) {
            (_, Err(error)) => error.to_string(),
            (Some(reader), _) => match bench.address(reader) {
                Ok(Some(address)) => format!("in reader {reader} at {address}"),
                _ => format!("in reader {reader}"),
            },
            (None, Ok(true)) => "torn".to_owned(),
            (None, Ok(false)) => "out".to_owned(),
        };
        lines.push(format!("{} {card}  {name}  {place}", if card == spoken_of { ">" } else { " " }));
        rows.push(json!({ "card": card, "name": name, "reader": reader, "torn": opened.as_ref().is_ok_and(|torn| *torn),
            "error": opened.err().map(|error| error.to_string()) }));
    }
    let readers: Vec<Value> = (1..=bench.readers())
        .map(|reader| json!({ "reader": reader, "card": bench.in_reader(reader), "address": bench.address(reader).ok().flatten() }))
        .collect();
    Answer::new(lines.join("\n"), json!({ "card": spoken_of, "cards": rows, "readers": readers }))
}

pub(super) fn state(card: usize, reader: Option<usize>, state: &CardState, torn: bool, life_cycle: &str) -> Answer {
    let none = || "-".to_owned();
    let file = state.file.map(|file| file.name());
    let tear = state.tear.map(|(after, tear)| json!({ "program": after + 1, "leaves": tear.name() }));
    let place = match (reader, torn) {
        (Some(reader), _) => format!("reader {reader}"),
        (None, true) => "out, torn".to_owned(),
        (None, false) => "out".to_owned(),
    };
    let rows = [
        ("card", format!("{card}, {place}")),
        ("life cycle", format!("{life_cycle} ({:02X}), card {:02X}", state.life_cycle.code(), state.card_state)),
        ("selected", format!("{}{}", state.selected, file.as_ref().map_or_else(String::new, |file| format!(", {file}")))),
        ("channel", state.channel.clone()),
        ("access", state.access.map_or_else(none, str::to_owned)),
        ("chip", if state.chip_authenticated { "authenticated".to_owned() } else { none() }),
        ("terminal", state.terminal.clone().unwrap_or_else(none)),
        (
            "tries",
            format!(
                "PIN {}, PUK {}; failed in a row: access {}, keys {}",
                state.pin_tries, state.puk_tries, state.access_failures, state.key_failures
            ),
        ),
        ("memory", format!("{} bytes free, {} pages programmed", state.free, state.programs)),
        ("cut", state.tear.map_or_else(none, |(after, tear)| format!("at page program {} from now: {tear}", after + 1))),
        ("mute", state.mute.clone().unwrap_or_else(none)),
    ];
    let text: Vec<String> = rows.iter().map(|(name, value)| format!("{name:<11} {value}")).collect();
    let json = json!({
        "card": card, "reader": reader, "torn": torn, "life_cycle": life_cycle, "life_cycle_code": format!("{:02X}", state.life_cycle.code()),
        "card_state": format!("{:02X}", state.card_state), "selected": state.selected, "file": file, "channel": state.channel, "access": state.access,
        "chip_authenticated": state.chip_authenticated, "terminal": state.terminal, "pin_tries": state.pin_tries, "puk_tries": state.puk_tries,
        "access_failures": state.access_failures, "key_failures": state.key_failures, "sequence": state.sequence, "free": state.free,
        "programs": state.programs, "mute": state.mute, "tear": tear,
    });
    Answer::new(text.join("\n"), json)
}

/// Digits, shortened for people unless contents are asked for.
fn digits(message: &Message, contents: Contents) -> String {
    let bytes = message.bytes();
    let shown = if contents == Contents::Shown { bytes } else { bytes.get(..SHORT).unwrap_or(bytes) };
    let text = hex::encode_upper(shown);
    if shown.len() == message.full_len() { text } else { format!("{text}... ({} bytes)", message.full_len()) }
}

fn answer_line(message: &Message, contents: Contents) -> String {
    let status = Sw(message.status());
    match message.full_len() {
        0..=2 => format!("{:04X} {}", status.0, status.meaning()),
        _ => format!("{}  {:04X} {}", digits(message, contents), status.0, status.meaning()),
    }
}

pub(super) fn last<'a>(card: usize, kept: impl DoubleEndedIterator<Item = &'a Exchange>, count: usize, contents: Contents) -> Answer {
    let mut wanted: Vec<&Exchange> = kept.rev().take(count).collect();
    wanted.reverse();
    let (mut lines, mut rows) = (Vec::new(), Vec::new());
    for exchange in wanted {
        let (answer, plain) = (exchange.answer(contents), exchange.plain_answer(contents));
        let meant = exchange.plain_command.as_ref().unwrap_or(&exchange.command);
        let of = exchange.file.map_or_else(String::new, |file| format!(", {}", file.name()));
        let meaning = format!("{}{of}", explain_command(&hex::encode_upper(meant.bytes())));
        lines.push(format!("{:>5} > {}  {meaning}", exchange.number, digits(&exchange.command, contents)));
        if let Some(plain) = &exchange.plain_command {
            lines.push(format!("      inside > {}", digits(plain, contents)));
        }
        if let Some(plain) = &plain {
            lines.push(format!("      inside < {}", answer_line(plain, contents)));
        }
        lines.push(format!("      < {}", answer.as_ref().map_or_else(|| "no answer".to_owned(), |answer| answer_line(answer, contents))));
        let message = |message: &Message| json!({ "hex": hex::encode_upper(message.bytes()), "bytes": message.full_len(), "whole": message.is_whole() });
        let status = plain.as_ref().or(answer.as_ref()).map(|answer| format!("{:04X}", answer.status()));
        rows.push(json!({
            "number": exchange.number, "meaning": meaning, "file": exchange.file.map(|file| file.name()), "status": status,
            "command": message(&exchange.command), "answer": answer.as_ref().map(message),
            "plain_command": exchange.plain_command.as_ref().map(message), "plain_answer": plain.as_ref().map(message),
            "nanoseconds": u64::try_from(exchange.time.as_nanos()).unwrap_or(u64::MAX),
        }));
    }
    let text = if lines.is_empty() { "nothing yet".to_owned() } else { lines.join("\n") };
    Answer::new(text, json!({ "card": card, "last": rows }))
}

pub(super) fn time(card: usize, timing: Option<Timing>, time: &ChipTime) -> Answer {
    let nanoseconds = |time: std::time::Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let parts: serde_json::Map<String, Value> =
        time.parts().iter().map(|(name, time)| ((*name).to_owned(), nanoseconds(*time).into())).collect();
    let profile = timing.map_or_else(|| "no model".to_owned(), |timing| timing.to_string());
    let text = format!(
        "{time}\n{profile}; {} bytes in, {} out, {} frames, {} pages programmed, {} operations with keys",
        time.bytes_in, time.bytes_out, time.frames, time.written, time.key_operations
    );
    let json = json!({
        "card": card, "timing": timing.map(|timing| timing.to_string()), "nanoseconds": nanoseconds(time.total()), "parts": parts,
        "commands": time.commands, "bytes_in": time.bytes_in, "bytes_out": time.bytes_out, "frames": time.frames, "pages": time.written,
        "erased": time.erased, "key_operations": time.key_operations,
    });
    Answer::new(text, json)
}
