//! Which of a trade's live fills stands for which of the twin's: first those of the same intent, as they came; then what is
//! left of a leg, whatever asked for it. What nothing stands for was missed, or is extra.

use dita_kernel::id::Id;
use dita_kernel::names::Liquidity;
use dita_kernel::num::{Price, Qty};

use super::side::SideFill;

/// A part of a fill: unsigned, of the leg's side.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Part<'a> {
    pub(super) fill: &'a SideFill,
    /// Unsigned, above zero.
    pub(super) qty: Qty,
}

impl Part<'_> {
    pub(super) fn price(&self) -> Price {
        self.fill.price
    }
    pub(super) fn signed(&self) -> Qty {
        if self.fill.qty.signum() < 0 { -self.qty } else { self.qty }
    }
}

/// As much of both sides, one standing for the other.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Pairing<'a> {
    pub(super) live: Part<'a>,
    pub(super) twin: Part<'a>,
    /// True where the same intent asked for both.
    pub(super) same_intent: bool,
}

/// A leg: its entries, or its exits.
#[derive(Default, Debug)]
pub(super) struct Leg<'a> {
    pub(super) pairs: Vec<Pairing<'a>>,
    /// What only the live side has.
    pub(super) extra: Vec<Part<'a>>,
    /// What only the twin has.
    pub(super) missed: Vec<Part<'a>>,
    /// Of the twin's fills that made liquidity, what no fill of the same intent stands for.
    pub(super) unmade: Vec<Part<'a>>,
}

/// Puts the fills of one leg beside each other.
pub(super) fn match_leg<'a>(live: &[&'a SideFill], twin: &[&'a SideFill]) -> Leg<'a> {
    let mut leg = Leg::default();
    let (mut left_live, mut left_twin) = (Vec::new(), Vec::new());
    // Fills of one side of the market only ever stand for fills of the same side.
    for sign in [1, -1] {
        let of_sign = |fills: &[&'a SideFill]| -> Vec<Part<'a>> {
            let own = fills.iter().filter(|fill| fill.qty.signum() == sign);
            own.map(|fill| Part { fill, qty: fill.qty.abs() }).collect()
        };
        let (mut live, mut twin) = (of_sign(live), of_sign(twin));
        for intent_id in intents(&live) {
            pair_off(&mut live, &mut twin, Some(intent_id), &mut leg.pairs);
        }
        leg.unmade.extend(twin.iter().filter(|part| part.fill.liquidity == Liquidity::Maker));
        pair_off(&mut live, &mut twin, None, &mut leg.pairs);
        left_live.append(&mut live);
        left_twin.append(&mut twin);
    }
    leg.extra = left_live;
    leg.missed = left_twin;
    leg
}

fn intents<'a>(parts: &[Part<'a>]) -> Vec<&'a Id> {
    let mut found: Vec<&Id> = Vec::new();
    for part in parts {
        if found.last() != Some(&&part.fill.intent_id) && !found.contains(&&part.fill.intent_id) {
            found.push(&part.fill.intent_id);
        }
    }
    found
}

/// Pairs parts as they came, of one intent or of any; what was paired is taken out of both.
fn pair_off<'a>(
    live: &mut Vec<Part<'a>>,
    twin: &mut Vec<Part<'a>>,
    intent_id: Option<&Id>,
    pairs: &mut Vec<Pairing<'a>>,
) {
    let is_meant = |part: &Part<'_>| intent_id.is_none_or(|id| part.fill.intent_id == *id);
    let (mut at_live, mut at_twin) = (0, 0);
    while let (Some(live_at), Some(twin_at)) = (
        (at_live..live.len()).find(|at| is_meant(&live[*at])),
        (at_twin..twin.len()).find(|at| is_meant(&twin[*at])),
    ) {
        let qty = live[live_at].qty.min(twin[twin_at].qty);
        let taken = |part: &mut Part<'a>| {
            part.qty -= qty;
            Part { qty, ..*part }
        };
        let (one, other) = (taken(&mut live[live_at]), taken(&mut twin[twin_at]));
        let same_intent = one.fill.intent_id == other.fill.intent_id;
        pairs.push(Pairing { live: one, twin: other, same_intent });
        (at_live, at_twin) = (live_at, twin_at);
        at_live += usize::from(live[live_at].qty.is_zero());
        at_twin += usize::from(twin[twin_at].qty.is_zero());
    }
    live.retain(|part| !part.qty.is_zero());
    twin.retain(|part| !part.qty.is_zero());
}
