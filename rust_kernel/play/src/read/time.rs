//! ISO 8601 times, as Python's `datetime.fromisoformat` takes them, cut to microseconds. Without an offset they are UTC.

use crate::fault::Fault;

const SECOND_NS: i64 = 1_000_000_000;
const DAY_NS: i64 = 86_400 * SECOND_NS;

/// An ISO 8601 time, ns since 1970.
///
/// # Errors
/// It is none.
pub fn time_ns(text: &str) -> Result<i64, Fault> {
    read(text.as_bytes()).ok_or_else(|| Fault::text("timestamp: expected an ISO 8601 time, got ").value(text))
}

/// Reads times of which many have the same date.
#[derive(Default)]
pub(super) struct TimeReader {
    date: [u8; 10],
    date_ns: i64,
}

impl TimeReader {
    /// ISO 8601, or a whole number whose length tells its unit, ns since 1970.
    #[inline]
    pub(super) fn read_stamp(&mut self, text: &str) -> Result<i64, Fault> {
        let bytes = text.as_bytes();
        if (10..=19).contains(&bytes.len())
            && let Some(number) = bytes.iter().try_fold(0_i128, |number, byte| {
                byte.is_ascii_digit().then(|| number * 10 + i128::from(byte - b'0'))
            })
        {
            // Seconds, milliseconds, microseconds or nanoseconds, by how many digits there are.
            let bounds =
                [(10_i128.pow(11), 1_000_000_000), (10_i128.pow(14), 1_000_000), (10_i128.pow(17), 1_000)];
            let factor = bounds.iter().find(|(bound, _)| number < *bound).map_or(1, |(_, factor)| *factor);
            if let Ok(time_ns) = i64::try_from(number * factor) {
                return Ok(time_ns);
            }
        }
        self.read(text)
    }

    /// As [`time_ns`].
    #[inline]
    pub(super) fn read(&mut self, text: &str) -> Result<i64, Fault> {
        let bytes = text.as_bytes();
        if let Some((date, rest)) = bytes.split_first_chunk::<10>()
            && let [_, clock @ ..] = rest
        {
            if *date != self.date {
                let Some(date_ns) = day_of(date) else { return time_ns(text) };
                (self.date, self.date_ns) = (*date, date_ns);
            }
            if let Some(clock_ns) = read_clock(clock) {
                return Ok(self.date_ns + clock_ns);
            }
        }
        time_ns(text)
    }
}

fn read(bytes: &[u8]) -> Option<i64> {
    let (date_ns, rest) = read_date(bytes)?;
    match rest {
        [] => Some(date_ns),
        // One character of any kind stands between date and time.
        [first, rest @ ..] => {
            let more = rest.iter().take_while(|byte| **byte & 0xC0 == 0x80).count();
            let rest = if first.is_ascii() { rest } else { &rest[more..] };
            Some(date_ns + read_clock(rest)?)
        }
    }
}

fn day_of(date: &[u8; 10]) -> Option<i64> {
    match read_date(date)? {
        (day_ns, []) => Some(day_ns),
        _ => None,
    }
}

/// The date that a text begins with: `YYYY-MM-DD`, `YYYYMMDD`, `YYYY-Www-D`, `YYYYWwwD` or without the day of the week.
fn read_date(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let year = number(bytes.get(..4)?)?;
    if year < 1 {
        return None;
    }
    let rest = &bytes[4..];
    if let [b'-', b'W', rest @ ..] | [b'W', rest @ ..] = rest {
        return read_week(year, rest, bytes[4] == b'-');
    }
    let (month, day, rest) = match rest {
        [b'-', m1, m2, b'-', d1, d2, rest @ ..] => (number(&[*m1, *m2])?, number(&[*d1, *d2])?, rest),
        [m1, m2, d1, d2, rest @ ..] => (number(&[*m1, *m2])?, number(&[*d1, *d2])?, rest),
        _ => return None,
    };
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    Some((days(year, month, day) * DAY_NS, rest))
}

fn read_week(year: i64, rest: &[u8], dashed: bool) -> Option<(i64, &[u8])> {
    let week = number(rest.get(..2)?)?;
    let (day, rest) = match (&rest[2..], dashed) {
        ([b'-', day @ b'0'..=b'9', rest @ ..], true) | ([day @ b'0'..=b'9', rest @ ..], false) => {
            (i64::from(day - b'0'), rest)
        }
        (rest, _) => (1, rest),
    };
    // The week of the fourth of January is the first one; 1970-01-01 was a Thursday.
    let fourth = days(year, 1, 4);
    let monday = fourth - (fourth + 3).rem_euclid(7);
    let next = days(year + 1, 1, 4);
    let weeks = (next - (next + 3).rem_euclid(7) - monday) / 7;
    if !(1..=weeks).contains(&week) || !(1..=7).contains(&day) {
        return None;
    }
    Some(((monday + (week - 1) * 7 + day - 1) * DAY_NS, rest))
}

/// `HH[:MM[:SS[.f]]]` or `HHMM[SS[.f]]`, then perhaps `Z` or an offset of the same form.
#[inline]
fn read_clock(bytes: &[u8]) -> Option<i64> {
    let zone = bytes.iter().position(|byte| matches!(byte, b'Z' | b'+' | b'-'));
    let (clock, zone) = bytes.split_at(zone.unwrap_or(bytes.len()));
    let at_ns = read_hours(clock)?;
    if at_ns >= DAY_NS {
        return None;
    }
    match zone {
        [] | [b'Z'] => Some(at_ns),
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let offset_ns = read_hours(rest).filter(|offset| *offset < DAY_NS)?;
            Some(if *sign == b'+' { at_ns - offset_ns } else { at_ns + offset_ns })
        }
        _ => None,
    }
}

#[inline]
fn read_hours(bytes: &[u8]) -> Option<i64> {
    let hours = number(bytes.get(..2)?)?;
    let (minutes, seconds, rest) = match &bytes[2..] {
        [b':', m1, m2, b':', s1, s2, rest @ ..] => (number(&[*m1, *m2])?, number(&[*s1, *s2])?, rest),
        [b':', m1, m2] => (number(&[*m1, *m2])?, 0, &[][..]),
        [m1, m2, s1, s2, rest @ ..] => (number(&[*m1, *m2])?, number(&[*s1, *s2])?, rest),
        [m1, m2] => (number(&[*m1, *m2])?, 0, &[][..]),
        [] => (0, 0, &[][..]),
        _ => return None,
    };
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let fraction_ns = match rest {
        [] => 0,
        [b'.' | b',', digits @ ..] if !digits.is_empty() => {
            number(digits)?;
            let kept = &digits[..digits.len().min(6)];
            number(kept)? * 10_i64.pow(9 - kept.len() as u32)
        }
        _ => return None,
    };
    Some(((hours * 60 + minutes) * 60 + seconds) * SECOND_NS + fraction_ns)
}

#[inline]
fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0_i64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| number.wrapping_mul(10).wrapping_add(i64::from(digit)))
    })
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01, by the civil calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn times_are_read_as_iso_8601_has_them() {
        for (text, seconds, nanoseconds) in [
            ("1970-01-01",                        0,             0),
            ("2022-01-01 00:00:00.000000",        1_640_995_200, 0),
            ("2022-01-01T01:00:00+01:00",         1_640_995_200, 0),
            ("20220101T000000Z",                  1_640_995_200, 0),
            ("2022-01-01T00",                     1_640_995_200, 0),
            ("2022-01-01T00:01",                  1_640_995_260, 0),
            ("2021-W52-6",                        1_640_995_200, 0),
            ("2024-02-29T23:59:59.123456789",     1_709_251_199, 123_456_000),
            ("2024-02-29T23:59:59,5-00:30",       1_709_252_999, 500_000_000),
            ("1969-12-31T23:59:59",               -1,            0),
        ] {
            let wanted = seconds * SECOND_NS + nanoseconds;
            assert_eq!(time_ns(text), Ok(wanted), "{text}");
            assert_eq!(TimeReader::default().read(text), Ok(wanted), "{text}");
        }
        for text in ["", "yesterday", "2022-02-29", "2022-13-01", "2022-01-01T24:00", "2022-01-01T", "2022-01-01T0:00"] {
            assert!(time_ns(text).is_err(), "{text}");
            assert!(TimeReader::default().read(text).is_err(), "{text}");
        }
    }
}
