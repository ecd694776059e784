//! Charts as SVG in the page: bars and a line, with words where a number counts.

use std::fmt::Write as _;

use super::super::tally::Window;
use super::{escape, moment};
use crate::line::store::Moment;

/// Width of a chart.
const WIDTH: u64 = 720;
/// Height of what is drawn over time.
const HEIGHT: u64 = 150;
/// Room for the words on its left.
const LEFT: u64 = 56;
/// Room above and below it.
const ABOVE: u64 = 14;
const BELOW: u64 = 20;
/// Bars of a list at most.
const BARS: usize = 64;

/// In hundredths of a unit, as SVG takes them: `12.34`.
fn hundredths(value: u128) -> String {
    format!("{}.{:02}", value / 100, value % 100)
}

/// `part` of `whole` on a length.
fn scaled(part: u64, whole: u64, length: u64) -> u128 {
    u128::from(part) * u128::from(length) * 100 / u128::from(whole.max(1))
}

/// Frame, the words of the axes, and the times at both ends.
fn frame(out: &mut String, label: &str, top: &str, windows: &[(Moment, Window)], width: i64) {
    let height = ABOVE + HEIGHT + BELOW;
    let (bottom, right) = (ABOVE + HEIGHT, WIDTH);
    let _ = write!(
        out,
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{label}\">\
         <path class=\"axis\" d=\"M{LEFT} {ABOVE}H{right}M{LEFT} {bottom}H{right}\"/>\
         <text x=\"{x}\" y=\"{y}\" text-anchor=\"end\">{}</text><text x=\"{x}\" y=\"{bottom}\" text-anchor=\"end\">0</text>",
        escape(top),
        x = LEFT - 6,
        y = ABOVE + 4
    );
    if let (Some((first, _)), Some((last, _))) = (windows.first(), windows.last()) {
        let (y, end) = (bottom + 15, last.saturating_add(width));
        let _ = write!(
            out,
            "<text x=\"{LEFT}\" y=\"{y}\">{}</text><text x=\"{right}\" y=\"{y}\" text-anchor=\"end\">{}</text>",
            moment(*first),
            moment(end)
        );
    }
}

/// Good and failed cards of each window, the failed ones on top.
pub(super) fn throughput(out: &mut String, windows: &[(Moment, Window)], width: i64) {
    let most = windows.iter().map(|(_, one)| one.good + one.scrap).max().unwrap_or(0).max(1);
    frame(out, &format!("cards in each {}", span(width)), &format!("{most} / {}", span(width)), windows, width);
    let count = u64::try_from(windows.len()).unwrap_or(u64::MAX).max(1);
    for (place, (start, one)) in (0..).zip(windows).filter(|(_, (_, one))| one.good + one.scrap > 0) {
        let left = u128::from(LEFT) * 100 + scaled(place, count, WIDTH - LEFT);
        // a gap between bars as long as they are wide enough for one
        let gap = if count < 200 { 100 } else { 0 };
        let across = scaled(1, count, WIDTH - LEFT).saturating_sub(gap).max(60);
        let (good, all) = (scaled(one.good, most, HEIGHT), scaled(one.good + one.scrap, most, HEIGHT));
        let bottom = u128::from(ABOVE + HEIGHT) * 100;
        let _ = write!(out, "<g><title>{}: {} good, {} failed</title>", moment(*start), one.good, one.scrap);
        for (class, from, to) in [("good", 0, good), ("scrap", good, all)].into_iter().filter(|(_, from, to)| to > from) {
            let (x, y, across, high) = (hundredths(left), hundredths(bottom - to), hundredths(across), hundredths(to - from));
            let _ = write!(out, "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{across}\" height=\"{high}\"/>");
        }
        out.push_str("</g>");
    }
    out.push_str("</svg>\n");
}

/// Share of good cards of each window that had any.
pub(super) fn yields(out: &mut String, windows: &[(Moment, Window)], width: i64) {
    frame(out, "share of good cards over time", "100 %", windows, width);
    let count = u64::try_from(windows.len()).unwrap_or(u64::MAX).max(1);
    let mut line = String::new();
    let mut dots = String::new();
    for (place, (start, one)) in (0..).zip(windows).filter(|(_, (_, one))| one.good + one.scrap > 0) {
        let x = u128::from(LEFT) * 100 + scaled(place * 2 + 1, count * 2, WIDTH - LEFT);
        let y = u128::from(ABOVE + HEIGHT) * 100 - scaled(one.good, one.good + one.scrap, HEIGHT);
        let (x, y) = (hundredths(x), hundredths(y));
        let _ = write!(line, "{}{x} {y}", if line.is_empty() { "M" } else { "L" });
        let _ = write!(
            dots,
            "<circle class=\"dot\" cx=\"{x}\" cy=\"{y}\" r=\"2.5\"><title>{}: {} of {}</title></circle>",
            moment(*start),
            one.good,
            one.good + one.scrap
        );
    }
    let _ = writeln!(out, "<path class=\"yield\" d=\"{line}\"/>{dots}</svg>");
}

/// A bar for each line: good and failed.
pub(super) fn bars(out: &mut String, lines: &[(String, u64, u64)]) {
    const LINE: u64 = 20;
    const NAME: u64 = 260;
    const NUMBER: u64 = 80;
    let shown = lines.get(..BARS.min(lines.len())).unwrap_or_default();
    let height = u64::try_from(shown.len()).unwrap_or(0) * LINE + 4;
    let most = shown.iter().map(|(_, good, scrap)| good + scrap).max().unwrap_or(0).max(1);
    let _ = write!(out, "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"cards of each\">");
    for (place, (name, good, scrap)) in (0..).zip(shown) {
        let (top, base) = (place * LINE + 3, place * LINE + 15);
        let length = WIDTH - NAME - NUMBER;
        let short: String = name.chars().take(42).collect();
        let dots = if name.chars().count() > 42 { "…" } else { "" };
        let _ = write!(
            out,
            "<g><title>{}: {good} good, {scrap} failed</title><text x=\"{x}\" y=\"{base}\" text-anchor=\"end\">{}{dots}</text>",
            escape(name),
            escape(&short),
            x = NAME - 8
        );
        let (first, second) = (scaled(*good, most, length), scaled(*scrap, most, length));
        let begin = u128::from(NAME) * 100;
        for (class, from, across) in
            [("good", begin, first), ("scrap", begin + first, second)].into_iter().filter(|(_, _, across)| *across > 0)
        {
            let _ = write!(
                out,
                "<rect class=\"{class}\" x=\"{}\" y=\"{top}\" width=\"{}\" height=\"14\"/>",
                hundredths(from),
                hundredths(across)
            );
        }
        let number = if *good > 0 && *scrap > 0 { format!("{good} + {scrap}") } else { (good + scrap).to_string() };
        let end = hundredths(begin + first + second + 600);
        let _ = write!(out, "<text x=\"{end}\" y=\"{base}\">{number}</text></g>");
    }
    out.push_str("</svg>\n");
    if lines.len() > shown.len() {
        let _ = writeln!(out, "<p>and {} more</p>", lines.len() - shown.len());
    }
}

/// A length of time in words.
fn span(seconds: i64) -> String {
    match seconds {
        60.. if seconds % 86_400 == 0 => format!("{} d", seconds / 86_400),
        60.. if seconds % 3_600 == 0 => format!("{} h", seconds / 3_600),
        60.. if seconds % 60 == 0 => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}
