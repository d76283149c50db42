//! A lease: a name, the slots that it holds, and what becomes of its orders once its program is away.
//!
//! It is kept in the log as a line of words, in a record that no step sees.

use std::fmt::Write;

use dita_engine::form::Form;
use dita_kernel::id::Id;

/// The longest name of a lease, in bytes: the owner of a trade is no longer.
pub const NAME_BYTES_MAX: usize = 31;
/// How long a program may be away unless it says otherwise, ms.
pub const GRACE_MS: u32 = 5_000;
/// The longest that it may say, ms.
pub const GRACE_MS_MAX: u32 = 86_400_000;

/// What becomes of a lease's orders once its program is away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policy {
    /// They stay as they are.
    Keep,
    /// Its entries are canceled; exits and stops stay.
    Cancel,
    /// Every order is canceled, and every position is left.
    Flatten,
}

impl Policy {
    const ALL: [Policy; 3] = [Policy::Keep, Policy::Cancel, Policy::Flatten];

    /// Its name: `keep`, `cancel` or `flatten`.
    pub fn name(self) -> &'static str {
        match self {
            Policy::Keep => "keep",
            Policy::Cancel => "cancel",
            Policy::Flatten => "flatten",
        }
    }

    /// The one of a name.
    pub fn from_name(name: &str) -> Option<Policy> {
        Policy::ALL.into_iter().find(|policy| policy.name() == name)
    }
}

impl Form for Policy {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self as u8);
    }

    fn take(left: &mut &[u8]) -> Option<Policy> {
        Policy::ALL.get(usize::from(u8::take(left)?)).copied()
    }
}

/// What keeps others from taking a lease: a hash of the secret, never the secret itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lock {
    salt: [u8; 16],
    hash: [u8; 32],
}

impl Lock {
    /// Of a secret, with a salt that is drawn at random.
    pub fn new(secret: &str, salt: [u8; 16]) -> Lock {
        Lock { salt, hash: hash(secret, &salt).into() }
    }

    /// True for its secret. Takes as long for any other.
    pub fn opens(&self, secret: &str) -> bool {
        hash(secret, &self.salt) == blake3::Hash::from_bytes(self.hash)
    }
}

fn hash(secret: &str, salt: &[u8; 16]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_derive_key("dita lease secret, version 1");
    hasher.update(salt);
    hasher.update(secret.as_bytes());
    hasher.finalize()
}

/// A lease, as it stands in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lease {
    /// The slots, by number.
    pub slots: Vec<u32>,
    /// What becomes of its orders.
    pub policy: Policy,
    /// How long its program may be away, ms.
    pub grace_ms: u32,
    /// When it was given, kernel time, ns.
    pub since_ns: i64,
    /// What keeps others from taking it.
    pub lock: Option<Lock>,
}

impl Lease {
    /// As the log keeps it.
    pub fn text(&self) -> String {
        let slots: Vec<String> = self.slots.iter().map(u32::to_string).collect();
        let Lease { policy, grace_ms, since_ns, .. } = self;
        let mut text = format!(
            "slots={} policy={} grace_ms={grace_ms} since_ns={since_ns}",
            slots.join(","),
            policy.name()
        );
        if let Some(lock) = &self.lock {
            text.push_str(" lock=");
            lock.salt.iter().chain(&lock.hash).for_each(|byte| {
                // Writing to a String cannot fail.
                let _ = write!(text, "{byte:02x}");
            });
        }
        text
    }

    /// Of the log's text; `None` where it is none.
    pub fn read(text: &str) -> Option<Lease> {
        let mut lease =
            Lease { slots: Vec::new(), policy: Policy::Keep, grace_ms: GRACE_MS, since_ns: 0, lock: None };
        for word in text.split(' ') {
            let (name, value) = word.split_once('=')?;
            match name {
                "slots" => {
                    let numbers = value.split(',').filter(|number| !number.is_empty());
                    lease.slots = numbers.map(|number| number.parse().ok()).collect::<Option<Vec<u32>>>()?;
                }
                "policy" => lease.policy = Policy::from_name(value)?,
                "grace_ms" => lease.grace_ms = value.parse().ok()?,
                "since_ns" => lease.since_ns = value.parse().ok()?,
                "lock" => lease.lock = Some(read_lock(value)?),
                _ => return None,
            }
        }
        Some(lease)
    }
}

fn read_lock(text: &str) -> Option<Lock> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != 48 || !rest.is_empty() {
        return None;
    }
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes = pairs.iter().map(byte).collect::<Option<Vec<u8>>>()?;
    let (salt, hash) = bytes.split_first_chunk::<16>()?;
    Some(Lock { salt: *salt, hash: hash.try_into().ok()? })
}

/// What is wrong with a lease's name; `None` where it is one. No name is the beginning of another one's ids.
pub fn name_trouble(name: &str) -> Option<&'static str> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Some("must have 1 to 31 bytes");
    }
    let plain = |letter: char| !letter.is_control() && letter != ':';
    if name.chars().all(plain) { None } else { Some("must be printable, without a colon") }
}

/// An intent's id as the lease's: with its name and a colon in front; `None` where that is too long.
pub fn own_id(name: &Id, given: &Id) -> Option<Id> {
    if given.is_empty() || is_own(name, given) {
        return Some(given.clone());
    }
    Id::new(&format!("{}:{}", name.as_str(), given.as_str())).ok()
}

fn is_own(name: &Id, given: &Id) -> bool {
    given.as_str().strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_read_from_the_log_as_it_was_written() {
        let lease = Lease {
            slots: vec![0, 7],
            policy: Policy::Flatten,
            grace_ms: 1_500,
            since_ns: -3,
            lock: Some(Lock::new("open", [7; 16])),
        };
        assert_eq!(Lease::read(&lease.text()), Some(lease.clone()));
        assert!(!lease.text().contains("open"), "a secret stands in the log");
        let bare = Lease { lock: None, slots: vec![], ..lease };
        assert_eq!(Lease::read(&bare.text()), Some(bare));
        for text in ["", "slots", "slots=a", "policy=none", "lock=00", "more=1"] {
            assert_eq!(Lease::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_lock_is_opened_by_its_own_secret_alone() {
        let lock = Lock::new("open", [7; 16]);
        assert!(lock.opens("open"));
        assert!(!lock.opens("") && !lock.opens("opens"));
        assert_ne!(lock, Lock::new("open", [8; 16]), "the salt changes nothing");
    }

    #[test]
    fn ids_of_two_leases_are_never_the_same() {
        let id = |text: &str| Id::new(text).unwrap();
        assert_eq!(own_id(&id("a"), &id("b:1")), Some(id("a:b:1")));
        assert_eq!(own_id(&id("a"), &id("a:1")), Some(id("a:1")));
        assert_eq!(own_id(&id("ab"), &id("a:1")), Some(id("ab:a:1")));
        assert_eq!(own_id(&id("name"), &id(&"x".repeat(60))), None);
        assert!(name_trouble("a:b").is_some() && name_trouble("").is_some());
        assert_eq!(name_trouble("ema-2"), None);
    }
}
