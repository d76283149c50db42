//! What a power loss leaves of a disk: of what was not synced, any part.
//!
//! The model is harsher than most file systems. Of each write any of its 512-byte sectors may survive without the
//! others; a file may have its new length and zeros where bytes are missing; a truncation may be undone under bytes
//! that were written after it; names are durable only when the directory is synced, each change by itself.

use super::memory::{Change, Inode, Model, place};

/// What a disk writes at once, in bytes.
const SECTOR_BYTES: u64 = 512;

/// What becomes of everything that is written and not synced. The seeds choose; the same seed gives the same image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing of it survives.
    Lost,
    /// All of it survives.
    Kept,
    /// Any subset of sectors, truncations and names survives.
    Subset(u64),
    /// The changes up to one of them survive, and of that one the sectors up to one of them.
    Torn(u64),
    /// All or a subset survives, and one bit of it is wrong.
    Flipped(u64),
}

/// A SplitMix64 generator: chance from a seed, the same everywhere.
pub(super) struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 for a bound of 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.next() % bound }
    }

    fn coin(&mut self) -> bool {
        self.next() & 1 == 1
    }
}

/// The directory after the power loss, everything in it durable.
pub(super) fn settle(model: &Model, fate: Fate) -> Model {
    let mut survival = Survival::choose(model, fate);
    let mut names = model.names_durable.clone();
    for change in &model.names_pending {
        if survival.name(change.at) {
            change.apply(&mut names);
        }
    }
    let contents: Vec<Vec<u8>> = model.inodes.iter().map(|inode| survival.contents(inode)).collect();
    let flip = survival.flip;
    Model::settled(names.into_iter().map(|(name, inode)| {
        let mut bytes = contents[inode].clone();
        if let Some((_, at, bit)) = flip.filter(|(flipped, _, _)| *flipped == inode)
            && let Some(byte) = bytes.get_mut(at)
        {
            *byte ^= 1 << bit;
        }
        (name, bytes)
    }))
}

/// Chooses what survives.
struct Survival {
    rule: Rule,
    random: Random,
    /// File, byte and bit.
    flip: Option<(usize, usize, u64)>,
}

#[derive(Clone, Copy)]
enum Rule {
    None,
    All,
    Any,
    /// Everything before this change, and so many sectors of it.
    Before(u64, u64),
}

impl Survival {
    fn choose(model: &Model, fate: Fate) -> Survival {
        let (rule, seed) = match fate {
            Fate::Lost => (Rule::None, 0),
            Fate::Kept => (Rule::All, 0),
            Fate::Subset(seed) | Fate::Torn(seed) => (Rule::Any, seed),
            Fate::Flipped(seed) => (if seed % 3 == 0 { Rule::Any } else { Rule::All }, seed),
        };
        let mut survival = Survival { rule, random: Random::new(seed), flip: None };
        match fate {
            Fate::Torn(_) => survival.cut(model),
            Fate::Flipped(_) => survival.choose_flip(model),
            Fate::Lost | Fate::Kept | Fate::Subset(_) => {}
        }
        survival
    }

    fn cut(&mut self, model: &Model) {
        let files = model.inodes.iter().flat_map(|inode| inode.pending.iter());
        let mut pending: Vec<(u64, u64)> =
            files.map(|(at, change)| (*at, sectors(change).count() as u64)).collect();
        pending.extend(model.names_pending.iter().map(|change| (change.at, 1)));
        let chosen = self.random.below(pending.len() as u64);
        self.rule = match pending.get(usize::try_from(chosen).unwrap_or(0)) {
            Some((at, sectors)) => Rule::Before(*at, self.random.below(sectors + 1)),
            None => Rule::All,
        };
    }

    fn choose_flip(&mut self, model: &Model) {
        let written: Vec<(usize, u64, u64)> = model
            .inodes
            .iter()
            .enumerate()
            .flat_map(|(index, inode)| inode.pending.iter().map(move |(_, change)| (index, change)))
            .filter_map(|(index, change)| match change {
                Change::Write { offset, bytes } if !bytes.is_empty() => {
                    Some((index, *offset, bytes.len() as u64))
                }
                Change::Write { .. } | Change::Truncate(_) => None,
            })
            .collect();
        let chosen = self.random.below(written.len() as u64);
        self.flip = written.get(usize::try_from(chosen).unwrap_or(0)).map(|(inode, offset, length)| {
            let at = offset + self.random.below(*length);
            (*inode, usize::try_from(at).unwrap_or(usize::MAX), self.random.below(8))
        });
    }

    fn name(&mut self, at: u64) -> bool {
        match self.rule {
            Rule::None => false,
            Rule::All => true,
            Rule::Any => self.random.coin(),
            Rule::Before(cut, _) => at <= cut,
        }
    }

    /// Whether a sector of a change survives.
    fn sector(&mut self, at: u64, sector: u64) -> bool {
        match self.rule {
            Rule::None => false,
            Rule::All => true,
            Rule::Any => self.random.coin(),
            Rule::Before(cut, sectors) => at < cut || at == cut && sector < sectors,
        }
    }

    fn contents(&mut self, inode: &Inode) -> Vec<u8> {
        let mut contents = inode.durable.clone();
        for (at, change) in &inode.pending {
            match change {
                Change::Write { offset, bytes } => {
                    for (index, (from, to)) in sectors(change).enumerate() {
                        if self.sector(*at, index as u64) {
                            place(&mut contents, offset + from as u64, &bytes[from..to]);
                        }
                    }
                }
                Change::Truncate(_) => {
                    if self.sector(*at, 0) {
                        change.apply(&mut contents);
                    }
                }
            }
        }
        // The new length may be durable where the bytes are not.
        if matches!(self.rule, Rule::Any) && contents.len() < inode.bytes.len() && self.random.coin() {
            contents.resize(inode.bytes.len(), 0);
        }
        contents
    }
}

/// A write's parts, each within one sector: from and to, in its bytes. A truncation is one part.
fn sectors(change: &Change) -> impl Iterator<Item = (usize, usize)> + '_ {
    let (offset, length) = match change {
        Change::Write { offset, bytes } => (*offset, bytes.len()),
        Change::Truncate(_) => (0, 1),
    };
    let mut from = 0;
    std::iter::from_fn(move || {
        let left = SECTOR_BYTES - (offset + from as u64) % SECTOR_BYTES;
        let to = length.min(from + usize::try_from(left).unwrap_or(length));
        let part = (from < length).then_some((from, to));
        from = to;
        part
    })
}
