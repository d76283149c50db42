//! The marks of a log, by instrument and time.

use std::collections::BTreeMap;

use dita_kernel::id::Id;
use dita_kernel::input::Input;
use dita_kernel::num::{Decimal, NumError};
use dita_log::{Reader, Span, past};

use crate::durable::{self, REFUSED, SharedDisk};
use crate::recovery::ReplayError;
use crate::replica::{PROGRESS_RECORDS, ReplayWatch, watch};

/// Prices by kernel time, oldest first.
#[derive(Default)]
pub(super) struct Marks(BTreeMap<Id, Vec<(i64, Decimal)>>);

impl Marks {
    /// Reads them all.
    pub(super) fn of(disk: &SharedDisk, progress: &mut ReplayWatch<'_>) -> Result<Marks, ReplayError> {
        let mark = durable::kind_of(&Input::Mark {
            symbol: Id::EMPTY,
            price: Decimal::ONE,
            venue_time_ns: 0,
            ages: false,
        });
        let mut reader = Reader::open(disk.clone(), None, past::first_seq(disk.as_ref())?, Span::Written)?;
        let mut marks = Marks::default();
        let mut records = 0_u64;
        while let Some(record) = reader.next()? {
            let (seq, ts_ns) = (record.seq, record.ts_ns);
            if durable::kind_name(record.kind) == durable::kind_name(mark) && record.kind & REFUSED == 0 {
                let input = durable::input_of(record.kind, record.payload)
                    .map_err(|cause| ReplayError::Record { seq, cause })?;
                if let Input::Mark { symbol, price, .. } = input {
                    marks.0.entry(symbol).or_default().push((ts_ns, price));
                }
            }
            records += 1;
            if records.is_multiple_of(PROGRESS_RECORDS) {
                watch(&reader, seq, progress)?;
            }
        }
        Ok(marks)
    }

    /// The last mark up to a time, and the last one up to `latency_ns` later; `None` where the log has none in between.
    pub(super) fn over(&self, symbol: &Id, time_ns: i64, latency_ns: i64) -> Option<(Decimal, Decimal)> {
        let marks = self.0.get(symbol)?;
        let up_to = |time_ns: i64| marks.partition_point(|(at_ns, _)| *at_ns <= time_ns);
        let (before, after) = (up_to(time_ns), up_to(time_ns.saturating_add(latency_ns)));
        if before == after {
            return None;
        }
        Some((marks.get(before.checked_sub(1)?)?.1, marks.get(after.checked_sub(1)?)?.1))
    }
}

/// `price + (to − from)`; `None` where it comes to nothing or less, or has too many digits.
pub(super) fn moved(price: Decimal, from: Decimal, to: Decimal) -> Option<Decimal> {
    let scale = price.scale().max(from.scale()).max(to.scale());
    let sum = || -> Result<Decimal, NumError> {
        let sum = price.at_scale(scale)? + to.at_scale(scale)? - from.at_scale(scale)?;
        Decimal::normalized(sum, scale)
    };
    sum().ok().filter(|price| price.is_positive())
}
