//! What is told unasked, in a bounded ring.

use std::collections::VecDeque;

use dita_engine::SlotView;

use crate::message::News;

/// So many wait for a program that does not look.
const RING_MAX: usize = 8192;

/// What a program is told without having asked.
#[derive(Clone, PartialEq, Debug)]
pub enum Pushed {
    /// What has happened to its trades.
    News(Box<News>),
    /// What happened between two inputs is lost.
    Gap {
        /// The first input that is lost.
        from: u64,
        /// The last one.
        to: u64,
    },
    /// Its slots whole, as they are after an input.
    Slots(u64, Vec<SlotView>),
    /// The market up to this number stands in shared memory.
    Market(u64),
    /// The server was away, and is back; what happened meanwhile was not told. The last input by now.
    Back(u64),
    /// The server ends, or is away.
    Away(String),
}

/// The last of them. Of a program that does not look the oldest are dropped, and it hears of a gap.
#[derive(Default, Debug)]
pub(crate) struct Ring {
    waiting: VecDeque<Pushed>,
    lost: Option<(u64, u64)>,
}

impl Ring {
    pub(crate) fn push(&mut self, pushed: Pushed) {
        if let (Pushed::Market(shown), Some(Pushed::Market(last))) = (&pushed, self.waiting.back_mut()) {
            *last = *shown;
            return;
        }
        self.waiting.push_back(pushed);
        while self.waiting.len() > RING_MAX {
            if let Some(Pushed::News(news)) = self.waiting.pop_front() {
                let (from, _) = self.lost.unwrap_or((news.seq, news.seq));
                self.lost = Some((from, news.seq));
            }
        }
    }

    pub(crate) fn drain(&mut self) -> Vec<Pushed> {
        let gap = self.lost.take().map(|(from, to)| Pushed::Gap { from, to });
        gap.into_iter().chain(self.waiting.drain(..)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_does_not_look_hears_what_it_has_lost() {
        let mut ring = Ring::default();
        let last = RING_MAX as u64 + 3;
        for seq in 1..=last {
            ring.push(Pushed::News(Box::new(News { seq, slots: vec![], happenings: vec![] })));
        }
        let told = ring.drain();
        assert_eq!(told[0], Pushed::Gap { from: 1, to: 3 });
        assert_eq!(told.len(), RING_MAX + 1);
        assert!(ring.drain().is_empty());
    }

    #[test]
    fn markets_that_follow_one_another_are_one() {
        let mut ring = Ring::default();
        (1..=3).for_each(|shown| ring.push(Pushed::Market(shown)));
        assert_eq!(ring.drain(), [Pushed::Market(3)]);
    }
}
