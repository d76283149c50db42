//! Token buckets on kernel time. A level is computed when it is asked for, and written only when a token is taken, so
//! that a refusal changes nothing.

use alloc::boxed::Box;
use alloc::format;
use serde::{Deserialize, Serialize};

use crate::num::{Decimal, Rounding, divide};
use crate::outcome::Refusal;
use crate::soundness::{Sound, hold};

/// One token. Rates are at 1e-9 tokens a second, times in ns: their product is a level, without rounding.
pub(super) const TOKEN: i128 = 1_000_000_000_000_000_000;
/// The scale of rates.
pub(super) const RATE_SCALE: u8 = 9;

/// A bucket's size and the rate at which it fills.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BucketSize {
    /// In 1e-18 tokens.
    pub(super) burst: i128,
    /// In 1e-9 tokens a second.
    pub(super) per_second: i128,
}

/// What was in a bucket, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Bucket {
    level: i128,
    at_ns: i64,
}

/// What is in a bucket, in 1e-18 tokens. One that nothing was taken from is full.
pub(super) fn level(bucket: Option<Bucket>, size: BucketSize, now_ns: i64) -> i128 {
    let Some(bucket) = bucket else { return size.burst };
    let elapsed = i128::from(now_ns).saturating_sub(i128::from(bucket.at_ns)).max(0);
    bucket.level.saturating_add(elapsed.saturating_mul(size.per_second)).min(size.burst)
}

/// Takes a token, or what is there.
pub(super) fn take(bucket: &mut Option<Bucket>, size: BucketSize, now_ns: i64) {
    let left = level(*bucket, size, now_ns).saturating_sub(TOKEN).max(0);
    *bucket = Some(Bucket { level: left, at_ns: now_ns });
}

/// The bucket has another size from here on.
pub(super) fn resize(
    bucket: &mut Option<Bucket>,
    old: Option<BucketSize>,
    new: Option<BucketSize>,
    now_ns: i64,
) {
    *bucket = match (*bucket, old, new) {
        (Some(_), Some(old), Some(new)) => {
            Some(Bucket { level: level(*bucket, old, now_ns).min(new.burst), at_ns: now_ns })
        }
        (_, _, _) => None,
    };
}

/// Whether a stored bucket is one that this code could have made.
pub(super) fn check_sound(field: &str, bucket: Option<Bucket>, size: Option<BucketSize>) -> Sound {
    let Some(bucket) = bucket else { return Ok(()) };
    let fits = size.is_some_and(|size| (0..=size.burst).contains(&bucket.level));
    hold(fits, format_args!("{field}.level"), bucket.level, "the bucket is not of that size")
}

/// Refuses where a token beyond `reserve` is not there. `limit` names the rate.
pub(super) fn check(
    limit: &'static str,
    given: Option<Decimal>,
    level: i128,
    reserve: i128,
) -> Result<(), Box<Refusal>> {
    let needed = reserve.saturating_add(TOKEN);
    if level >= needed {
        return Ok(());
    }
    let attempt = format!("needs {} tokens, has {}", tokens(needed), tokens(level));
    Err(Refusal::limit(limit, given.unwrap_or(Decimal::ZERO), attempt))
}

/// A level for people, down to 1e-9 tokens.
pub(super) fn tokens(level: i128) -> Decimal {
    let parts = divide(level, 1_000_000_000, Rounding::Floor).unwrap_or(0);
    Decimal::normalized(parts, RATE_SCALE).unwrap_or(Decimal::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_fills_with_time_and_never_past_its_size() {
        let size = BucketSize { burst: 2 * TOKEN, per_second: 500_000_000 }; // half a token a second
        let second = 1_000_000_000;
        let mut bucket = None;
        assert_eq!(level(bucket, size, 0), 2 * TOKEN, "full at first");
        for now in [0, 0, 0] {
            take(&mut bucket, size, now);
        }
        assert_eq!(level(bucket, size, 0), 0, "an exit takes what is there, and no more");
        for (now, halves) in [(second, 1), (second * 3, 3), (second * 4, 4), (second * 9, 4)] {
            assert_eq!(level(bucket, size, now), TOKEN / 2 * halves, "at {now}");
        }
        assert_eq!(level(bucket, size, 1), 500_000_000, "a nanosecond's share is not lost");
        assert_eq!(level(bucket, size, -second), 0, "time that runs backwards brings nothing");
        assert_eq!(level(bucket, size, i64::MAX), 2 * TOKEN);
    }

    #[test]
    fn a_stored_bucket_holds_no_less_than_nothing_and_no_more_than_its_size() {
        let size = Some(BucketSize { burst: 2 * TOKEN, per_second: 1 });
        for (level, size, passes) in [
            (0, size, true),
            (-1, size, false),
            (2 * TOKEN, size, true),
            (2 * TOKEN + 1, size, false),
            (0, None, false),
        ] {
            let bucket = Some(Bucket { level, at_ns: 0 });
            assert_eq!(check_sound("bucket", bucket, size).is_ok(), passes, "{level} of {size:?}");
            assert!(check_sound("bucket", None, size).is_ok(), "one that nothing was taken from");
        }
    }

    #[test]
    fn a_bucket_keeps_what_it_has_when_its_size_changes() {
        let size = |burst: i128| Some(BucketSize { burst: burst * TOKEN, per_second: 1_000_000_000 });
        for (old, new, left) in [(4, 2, 2), (4, 9, 3), (4, 3, 3)] {
            let mut bucket = None;
            take(&mut bucket, size(old).unwrap(), 0);
            resize(&mut bucket, size(old), size(new), 0);
            assert_eq!(level(bucket, size(new).unwrap(), 0), left * TOKEN, "{old} {new}");
        }
        let mut bucket = None;
        take(&mut bucket, size(4).unwrap(), 0);
        resize(&mut bucket, size(4), None, 0);
        assert_eq!(bucket, None, "lifted and set again, it is full");
    }
}
