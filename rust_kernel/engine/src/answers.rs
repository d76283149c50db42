//! The answers that their owners have not taken yet.

use std::collections::VecDeque;

use crate::answer::Answer;
use crate::run::Ticket;

/// Answers by ticket. Tickets count, and answers nearly always come and go in their order: then a place is found without
/// a search, however many of a batch wait.
#[derive(Default)]
pub(crate) struct Answers {
    /// In the order of the tickets.
    waiting: VecDeque<(Ticket, Answer)>,
}

impl Answers {
    /// Where the ticket's answer is, or belongs.
    #[inline]
    fn place(&self, ticket: Ticket) -> Result<usize, usize> {
        let (Some((first, _)), Some((last, _))) = (self.waiting.front(), self.waiting.back()) else {
            return Err(0);
        };
        if *last <= ticket {
            let end = self.waiting.len();
            return if *last == ticket { Ok(end - 1) } else { Err(end) };
        }
        // Where none between has been taken, the place follows from the number.
        let ahead = usize::try_from(ticket.since(*first)).unwrap_or(usize::MAX);
        match self.waiting.get(ahead) {
            Some((known, _)) if *known == ticket => Ok(ahead),
            Some(_) | None => self.waiting.binary_search_by(|(known, _)| known.cmp(&ticket)),
        }
    }

    /// The answer so far.
    #[inline]
    pub(crate) fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Answer> {
        let at = self.place(ticket).ok()?;
        self.waiting.get_mut(at).map(|(_, answer)| answer)
    }

    pub(crate) fn has(&self, ticket: Ticket) -> bool {
        self.place(ticket).is_ok()
    }

    /// Keeps a ticket's first answer.
    #[inline]
    pub(crate) fn keep(&mut self, ticket: Ticket, answer: Answer) {
        match self.place(ticket) {
            Ok(at) => self.waiting[at].1 = answer,
            Err(at) if at == self.waiting.len() => self.waiting.push_back((ticket, answer)),
            Err(at) => self.waiting.insert(at, (ticket, answer)),
        }
    }

    #[inline]
    pub(crate) fn take(&mut self, ticket: Ticket) -> Option<Answer> {
        let at = self.place(ticket).ok()?;
        let taken = if at == 0 { self.waiting.pop_front() } else { self.waiting.remove(at) };
        taken.map(|(_, answer)| answer)
    }
}

#[cfg(test)]
mod tests {
    use dita_kernel::names::{KernelDiagnosticCode, Severity};
    use dita_kernel::outcome::{Detail, Outcome};

    use super::*;

    fn answer(seq: u64) -> Answer {
        Answer::of(Outcome {
            seq,
            accepted: true,
            code: KernelDiagnosticCode::Ok,
            severity: Severity::Info,
            slot_id: None,
            state: None,
            detail: Detail::None,
        })
    }

    #[test]
    fn each_ticket_finds_its_own_answer_in_whatever_order_they_come_and_go() {
        let tickets = |numbers: &[u64]| numbers.iter().map(|number| Ticket::of(*number)).collect::<Vec<_>>();
        for (come, go) in [
            (&[1, 2, 3, 4, 5][..], &[1, 2, 3, 4, 5][..]),
            (&[1, 2, 3, 4, 5], &[5, 4, 3, 2, 1]),
            (&[1, 2, 3, 4, 5], &[3, 1, 5, 2, 4]),
            (&[2, 9, 40, 41, 99], &[41, 2, 99, 9, 40]),
            (&[9, 2, 41, 99, 40], &[2, 40, 9, 99, 41]),
        ] {
            let mut answers = Answers::default();
            for (number, ticket) in come.iter().zip(tickets(come)) {
                assert!(!answers.has(ticket));
                answers.keep(ticket, answer(*number));
            }
            for (number, ticket) in go.iter().zip(tickets(go)) {
                assert_eq!(answers.get_mut(ticket).map(|answer| answer.outcome.seq), Some(*number));
                assert_eq!(answers.take(ticket).map(|answer| answer.outcome.seq), Some(*number));
                assert!(answers.take(ticket).is_none() && !answers.has(ticket));
            }
            assert!(answers.waiting.is_empty());
        }
    }
}
