//! When a station stops by itself.

use std::collections::VecDeque;

use super::Settings;

/// The outcomes of the last cards.
#[derive(Debug)]
pub(super) struct Rules {
    window: usize,
    allowed: usize,
    last: VecDeque<bool>,
}

impl Rules {
    pub(super) const fn new(settings: &Settings) -> Self {
        Self { window: settings.window, allowed: settings.scrap_allowed, last: VecDeque::new() }
    }

    /// A card is settled. `Err` with the number of scrapped ones if there are too many of them.
    pub(super) fn settled(&mut self, good: bool) -> Result<(), usize> {
        self.last.push_back(good);
        while self.last.len() > self.window {
            self.last.pop_front();
        }
        let scrapped = self.last.iter().filter(|good| !**good).count();
        if !good && scrapped > self.allowed { Err(scrapped) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules::new(&Settings::default())
    }

    #[test]
    fn the_fifth_scrap_of_two_hundred_cards_stops_the_line_and_the_fifth_of_more_does_not() {
        let mut close = rules();
        let mut wide = rules();
        for n in 0..4 {
            assert_eq!(close.settled(false), Ok(()), "{n}");
            assert_eq!(wide.settled(false), Ok(()), "{n}");
        }
        (0..195).for_each(|_| close.settled(true).expect("good"));
        assert_eq!(close.settled(false), Err(5), "the 200th card");
        (0..196).for_each(|_| wide.settled(true).expect("good"));
        assert_eq!(wide.settled(false), Ok(()), "the first of the five is the 201st last");
    }
}
