//! The form in which the kernel's thread hands the frequent inputs to the queue's: whole words, stored where they come to lie
//! by instructions that hardly ask anything. Both threads are of one build, and nothing of it ever leaves the process: it
//! has no version, and may be another one tomorrow. The codec's bytes are made of it by the thread that has the time.
//!
//! An input with a part that is seldom there (a text of any length, a list) has no such form.
//!
//! What goes over costs by the byte: it comes to lie where the other thread has read, which is cold here. So a number is as
//! long as it has to be, and an id that is the one [before](Before) it takes a bit.

use dita_kernel::id::{ID_BYTES_MAX, Id};
use dita_kernel::input::{AccountEvent, Input, Intent, VenueEvent};
use dita_kernel::names::{
    AccountEventKind, KernelCommandType, KernelEventKind, Liquidity, OrderSide, OrderType, PositionSide,
    TimeInForce, TradeSide, VenueOrderStatus,
};
use dita_kernel::num::Decimal;

use super::HEAD_BYTES;

/// A part begins before here, in the room for one input.
const STARTS: usize = 1 << 10;
/// So much room there must be for one input. No part stores more than [`STORED_MAX`] bytes from where it begins, so that none
/// can leave the room; a power of two bounds the starts, which costs less than asking.
pub(super) const ROOM: usize = STARTS + STORED_MAX;
const STORED_MAX: usize = 1 + ID_BYTES_MAX;

/// [`Id::from_ascii`] takes so many.
const ASCII_BYTES_MAX: usize = 32;

/// Where an enumeration that may be absent is.
const ABSENT: u8 = u8::MAX;

/// The ids of the last input that had some, of those that come again and again. Both sides have them, and begin without any
/// with what is handed over together.
#[derive(Default)]
pub(super) struct Before {
    trade_id: Id,
    venue_order_id: Id,
    venue_client_id: Id,
    asset: Id,
}

/// What is written, and up to where.
struct Out<'a> {
    room: &'a mut [u8; ROOM],
    at: usize,
    before: &'a mut Before,
}

impl Out<'_> {
    /// The place of the next part, from which it may store without being asked again.
    #[inline(always)]
    fn place(&mut self) -> Option<&mut [u8; STORED_MAX]> {
        debug_assert!(self.at < STARTS, "a part that begins at {}", self.at);
        self.room.get_mut(self.at & (STARTS - 1)..).and_then(<[u8]>::first_chunk_mut)
    }

    /// Goes on behind what was used of it.
    #[inline(always)]
    fn advance(&mut self, used: usize) {
        self.at = self.at.wrapping_add(used);
    }

    #[inline(always)]
    fn bytes<const N: usize>(&mut self, bytes: [u8; N]) {
        if let Some(to) = self.place().and_then(|place| place.first_chunk_mut()) {
            *to = bytes;
        }
        self.advance(N);
    }
}

/// What is left to read.
struct Left<'a> {
    bytes: &'a [u8],
    before: &'a mut Before,
}

impl Left<'_> {
    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(*taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.bytes().map(|[byte]| byte)
    }
}

/// A part of an input.
trait Part: Sized {
    /// So many bytes at most.
    const BYTES_MAX: usize;
    fn put(&self, out: &mut Out<'_>);
    fn take(left: &mut Left<'_>) -> Option<Self>;
}

/// Numbers, as they lie in memory.
macro_rules! numbers {
    ($($number:ty)+) => {
        $(impl Part for $number {
            const BYTES_MAX: usize = size_of::<$number>();

            #[inline(always)]
            fn put(&self, out: &mut Out<'_>) {
                out.bytes(self.to_le_bytes());
            }

            fn take(left: &mut Left<'_>) -> Option<$number> {
                left.bytes().map(<$number>::from_le_bytes)
            }
        }
        )+
    };
}

numbers!(u32 i64);

/// As long where it is absent, so that the place of what follows is known when this is compiled.
impl Part for Option<u32> {
    const BYTES_MAX: usize = 1 + size_of::<u32>();

    #[inline(always)]
    fn put(&self, out: &mut Out<'_>) {
        self.is_some().put(out);
        self.unwrap_or_default().put(out);
    }

    fn take(left: &mut Left<'_>) -> Option<Option<u32>> {
        match (bool::take(left)?, u32::take(left)?) {
            (true, number) => Some(Some(number)),
            (false, 0) => Some(None),
            (false, _) => None,
        }
    }
}

impl Part for bool {
    const BYTES_MAX: usize = 1;

    #[inline(always)]
    fn put(&self, out: &mut Out<'_>) {
        out.bytes([u8::from(*self)]);
    }

    fn take(left: &mut Left<'_>) -> Option<bool> {
        match left.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

/// Enumerations, as their place in the list of all.
macro_rules! names {
    ($($name:ident)+) => {
        $(impl Part for $name {
            const BYTES_MAX: usize = 1;

            #[inline(always)]
            fn put(&self, out: &mut Out<'_>) {
                out.bytes([*self as u8]);
            }

            fn take(left: &mut Left<'_>) -> Option<$name> {
                $name::ALL.get(usize::from(left.byte()?)).copied()
            }
        }

        impl Part for Option<$name> {
            const BYTES_MAX: usize = 1;

            #[inline(always)]
            fn put(&self, out: &mut Out<'_>) {
                out.bytes([self.map_or(ABSENT, |name| name as u8)]);
            }

            fn take(left: &mut Left<'_>) -> Option<Option<$name>> {
                match left.byte()? {
                    ABSENT => Some(None),
                    place => $name::ALL.get(usize::from(place)).copied().map(Some),
                }
            }
        }

        const _: () = assert!($name::ALL.len() <= ABSENT as usize);)+
    };
}

names! {
    AccountEventKind KernelCommandType KernelEventKind Liquidity OrderSide OrderType PositionSide TimeInForce TradeSide
    VenueOrderStatus
}

/// Above the scale: how many bytes the mantissa has beyond 4.
const LENGTH_SHIFT: u32 = 5;

/// So many bytes a mantissa needs: 4, 8 or 12.
#[inline(always)]
fn mantissa_bytes(mantissa: i128) -> u8 {
    let is_longer = |fits: bool| if fits { 0 } else { 4 };
    4 + is_longer(i128::from(mantissa as i32) == mantissa)
        + is_longer(i128::from(mantissa as i64) == mantissa)
}

impl Part for Decimal {
    /// The scale with the mantissa's length, and a mantissa of 32, 64 or 96 bits.
    const BYTES_MAX: usize = 13;

    #[inline(always)]
    fn put(&self, out: &mut Out<'_>) {
        let mantissa = self.mantissa();
        let bytes = mantissa_bytes(mantissa);
        if let Some(place) = out.place() {
            place[0] = self.scale() | (((bytes - 4) / 4) << LENGTH_SHIFT);
            // All of it, wherever the next part begins.
            if let Some((low, high)) = place[1..].split_first_chunk_mut() {
                *low = (mantissa as u64).to_le_bytes();
                if let Some(high) = high.first_chunk_mut() {
                    *high = ((mantissa >> 64) as u32).to_le_bytes();
                }
            }
        }
        out.advance(1_usize.wrapping_add(usize::from(bytes)));
    }

    fn take(left: &mut Left<'_>) -> Option<Decimal> {
        let first = left.byte()?;
        let mantissa = match first >> LENGTH_SHIFT {
            0 => i128::from(i32::from_le_bytes(left.bytes()?)),
            1 => i128::from(i64::from_le_bytes(left.bytes()?)),
            2 => {
                let low = u64::from_le_bytes(left.bytes()?);
                let high = i32::from_le_bytes(left.bytes()?);
                i128::from(high) << 64 | i128::from(low)
            }
            _ => return None,
        };
        let is_shortest = mantissa_bytes(mantissa) == 4 + (first >> LENGTH_SHIFT) * 4;
        is_shortest.then(|| Decimal::new(mantissa, first & ((1 << LENGTH_SHIFT) - 1)).ok())?
    }
}

impl Part for Id {
    /// The length, and the text.
    const BYTES_MAX: usize = STORED_MAX;

    #[inline(always)]
    fn put(&self, out: &mut Out<'_>) {
        let text = self.as_bytes();
        if let Some(place) = out.place() {
            place[0] = text.len() as u8;
            copy(text, place);
        }
        out.advance(1_usize.wrapping_add(text.len()));
    }

    fn take(left: &mut Left<'_>) -> Option<Id> {
        let length = usize::from(left.byte()?);
        let (text, rest) = left.bytes.split_at_checked(length)?;
        left.bytes = rest;
        if length <= ASCII_BYTES_MAX && text.is_ascii() {
            // An id of almost any venue, and several times as fast.
            return Some(Id::from_ascii(text));
        }
        Id::new(core::str::from_utf8(text).ok()?).ok()
    }
}

/// Behind the length, by words that may overlap: cheaper than a copy of a length that is only known here.
#[inline(always)]
fn copy(text: &[u8], place: &mut [u8; STORED_MAX]) {
    match text.len() {
        32.. => ends::<32>(text, place),
        16.. => ends::<16>(text, place),
        8.. => ends::<8>(text, place),
        4.. => ends::<4>(text, place),
        2.. => ends::<2>(text, place),
        _ => ends::<1>(text, place),
    }
}

/// The first `N` bytes and the last `N` ones: all of them, where there are from `N` to two times `N`.
#[inline(always)]
fn ends<const N: usize>(text: &[u8], place: &mut [u8; STORED_MAX]) {
    let Some(place) = place[1..].get_mut(..text.len()) else { return };
    if let (Some(to), Some(first)) = (place.first_chunk_mut::<N>(), text.first_chunk()) {
        *to = *first;
    }
    if let (Some(to), Some(last)) = (place.last_chunk_mut::<N>(), text.last_chunk()) {
        *to = *last;
    }
}

/// A part that is often absent: then it takes a bit, and is not put.
trait Optional: Part {
    const ABSENT: Self;
    fn is_there(&self) -> bool;
}

impl Optional for Id {
    const ABSENT: Id = Id::EMPTY;

    #[inline(always)]
    fn is_there(&self) -> bool {
        !self.is_empty()
    }
}

/// Where it is there.
macro_rules! optional_numbers {
    ($($number:ty)+) => {
        $(impl Optional for Option<$number> {
            const ABSENT: Option<$number> = None;

            #[inline(always)]
            fn is_there(&self) -> bool {
                self.is_some()
            }
        }

        impl Part for Option<$number> {
            const BYTES_MAX: usize = <$number as Part>::BYTES_MAX;

            #[inline(always)]
            fn put(&self, out: &mut Out<'_>) {
                if let Some(number) = self {
                    number.put(out);
                }
            }

            fn take(left: &mut Left<'_>) -> Option<Option<$number>> {
                <$number as Part>::take(left).map(Some)
            }
        })+
    };
}

optional_numbers!(i64 Decimal);

/// A part that is seldom there.
trait Seldom {
    fn is_there(&self) -> bool;
}

impl<T> Seldom for Option<Box<T>> {
    #[inline(always)]
    fn is_there(&self) -> bool {
        self.is_some()
    }
}

impl<T> Seldom for Vec<T> {
    #[inline(always)]
    fn is_there(&self) -> bool {
        !self.is_empty()
    }
}

impl Seldom for Box<str> {
    #[inline(always)]
    fn is_there(&self) -> bool {
        !self.is_empty()
    }
}

/// An input of one kind.
trait Whole: Sized {
    /// False where it has a part that is seldom there.
    fn put(&self, out: &mut Out<'_>) -> bool;
    fn take(left: &mut Left<'_>) -> Option<Self>;
}

/// The parts of an input in the order of this form: first those that are always as long, whose places are known when this is
/// compiled; then ids that mostly are the ones before; then the rest. One that is left out does not compile.
macro_rules! whole {
    (
        $whole:ident {
            always { $($part:ident: $kind:ty,)+ }
            repeated { $($repeated:ident,)+ }
            optional { $($optional:ident: $optional_kind:ty,)+ }
            seldom { $($seldom:ident,)* }
        }
    ) => {
        const _: () = {
            let ids = [$(stringify!($repeated)),+].len();
            let parts = ids * <Id as Part>::BYTES_MAX
                $(+ <$kind as Part>::BYTES_MAX)+ $(+ <$optional_kind as Part>::BYTES_MAX)+;
            // The head, the kind's byte, the bits.
            assert!(HEAD_BYTES + 1 + <u32 as Part>::BYTES_MAX + parts <= STARTS, "more than the room");
            assert!(ids + [$(stringify!($optional)),+].len() <= u32::BITS as usize, "more than there are bits");
        };

        impl Whole for $whole {
            #[inline(always)]
            fn put(&self, out: &mut Out<'_>) -> bool {
                let $whole { $($part,)+ $($repeated,)+ $($optional,)+ $($seldom,)* } = self;
                if $($seldom.is_there() ||)* false {
                    return false;
                }
                $(<$kind as Part>::put($part, out);)+
                let bits_at = out.at;
                let (mut bits, mut bit) = (0_u32, 1_u32);
                out.advance(<u32 as Part>::BYTES_MAX);
                $(
                    if out.before.$repeated != *$repeated {
                        bits |= bit;
                        $repeated.put(out);
                        out.before.$repeated.clone_from($repeated);
                    }
                    bit = bit.wrapping_shl(1);
                )+
                $(
                    if $optional.is_there() {
                        bits |= bit;
                        <$optional_kind as Part>::put($optional, out);
                    }
                    bit = bit.wrapping_shl(1);
                )+
                let _ = bit;
                let end = core::mem::replace(&mut out.at, bits_at);
                bits.put(out);
                out.at = end;
                true
            }

            fn take(left: &mut Left<'_>) -> Option<$whole> {
                $(let $part = <$kind as Part>::take(left)?;)+
                let mut bits = u32::take(left)?;
                $(
                    if bits & 1 == 1 {
                        let id = Id::take(left)?;
                        if id == left.before.$repeated {
                            return None;
                        }
                        left.before.$repeated = id;
                    }
                    let $repeated = left.before.$repeated.clone();
                    bits >>= 1;
                )+
                $(
                    let $optional = if bits & 1 == 0 {
                        <$optional_kind as Optional>::ABSENT
                    } else {
                        <$optional_kind as Part>::take(left)?
                    };
                    bits >>= 1;
                )+
                $(let $seldom = Default::default();)*
                (bits == 0).then_some($whole { $($part,)+ $($repeated,)+ $($optional,)+ $($seldom,)* })
            }
        }
    };
}

whole! {
    Intent {
        always {
            timestamp_ns: i64,
            slot_id: u32,
            side: TradeSide,
            action: KernelCommandType,
            order_type: OrderType,
            time_in_force: TimeInForce,
            post_only: bool,
            reduce_only: bool,
        }
        repeated {
            trade_id,
            asset,
        }
        optional {
            intent_id: Id,
            reason: Id,
            stage: Id,
            oco_group: Id,
            target_client_id: Id,
            owner: Id,
            reference_price: Option<Decimal>,
            target_size: Option<Decimal>,
            leverage: Option<Decimal>,
            limit_price: Option<Decimal>,
            trigger_price: Option<Decimal>,
            quote_size: Option<Decimal>,
            expire_time_ns: Option<i64>,
            valid_until_ns: Option<i64>,
        }
        seldom {
            exit_leg_ratios,
            metadata,
            provenance,
            attached,
        }
    }
}

whole! {
    VenueEvent {
        always {
            timestamp_ns: i64,
            received_ns: i64,
            slot_id: Option<u32>,
            kind: KernelEventKind,
            status: Option<VenueOrderStatus>,
            order_side: Option<OrderSide>,
            position_side: Option<PositionSide>,
            side: Option<TradeSide>,
            liquidity: Option<Liquidity>,
        }
        repeated {
            trade_id,
            venue_order_id,
            venue_client_id,
            asset,
        }
        optional {
            event_id: Id,
            venue_trade_id: Id,
            fee_asset: Id,
            price: Option<Decimal>,
            size: Option<Decimal>,
            filled_size: Option<Decimal>,
            remaining_size: Option<Decimal>,
            order_size: Option<Decimal>,
            order_price: Option<Decimal>,
            average_price: Option<Decimal>,
            fee: Option<Decimal>,
            realized_pnl: Option<Decimal>,
            venue_sequence: Option<i64>,
        }
        seldom {
            rare,
        }
    }
}

whole! {
    AccountEvent {
        always {
            timestamp_ns: i64,
            kind: AccountEventKind,
            position_side: Option<PositionSide>,
        }
        repeated {
            asset,
        }
        optional {
            event_id: Id,
            venue_txn_id: Id,
            symbol: Id,
            venue_trade_id: Id,
            fee_asset: Id,
            amount: Option<Decimal>,
            realized_pnl: Option<Decimal>,
            fee: Option<Decimal>,
            wallet_balance: Option<Decimal>,
            available_margin: Option<Decimal>,
            used_margin: Option<Decimal>,
            maint_margin: Option<Decimal>,
            size: Option<Decimal>,
            entry_price: Option<Decimal>,
            rate: Option<Decimal>,
            mark_price: Option<Decimal>,
            venue_sequence: Option<i64>,
        }
        seldom {}
    }
}

/// The first byte says which kind of input follows.
const INTENT: u8 = 0;
const VENUE: u8 = 1;
const ACCOUNT: u8 = 2;
const MARK: u8 = 3;

/// Writes an input from `at` on, and returns where it ends; `None` where it has no such form.
#[inline(never)] // once, in a place of its own: it is as long as the rest of the engine's loop
pub(super) fn put(input: &Input, room: &mut [u8; ROOM], at: usize, before: &mut Before) -> Option<usize> {
    let mut out = Out { room, at, before };
    let is_put = match input {
        Input::Intent(intent) => {
            out.bytes([INTENT]);
            intent.put(&mut out)
        }
        Input::Venue(event) => {
            out.bytes([VENUE]);
            event.put(&mut out)
        }
        Input::Account(event) => {
            out.bytes([ACCOUNT]);
            event.put(&mut out)
        }
        Input::Mark { symbol, price, venue_time_ns, ages } => {
            out.bytes([MARK, u8::from(*ages)]);
            venue_time_ns.put(&mut out);
            price.put(&mut out);
            symbol.put(&mut out);
            true
        }
        Input::Instrument(_)
        | Input::Seed { .. }
        | Input::Time
        | Input::Effect(_)
        | Input::Control(_)
        | Input::Opening(_)
        | Input::Funding(_)
        | Input::Adopt(_)
        | Input::Override(_)
        | Input::Calibration(_)
        | Input::Edge { .. }
        | Input::Restart
        | Input::Recalled(_)
        | Input::Capacity { .. }
        | Input::Bots(_)
        | Input::BotLimits(_)
        | Input::Listed(_) => false,
    };
    is_put.then_some(out.at)
}

/// An input of its bytes in this form; `None` where they are none.
pub(super) fn take(bytes: &[u8], before: &mut Before) -> Option<Input> {
    let mut left = Left { bytes, before };
    let input = match left.byte()? {
        INTENT => Input::Intent(Box::new(Intent::take(&mut left)?)),
        VENUE => Input::Venue(Box::new(VenueEvent::take(&mut left)?)),
        ACCOUNT => Input::Account(Box::new(AccountEvent::take(&mut left)?)),
        MARK => {
            let ages = left.byte()? != 0;
            let venue_time_ns = i64::take(&mut left)?;
            let price = Decimal::take(&mut left)?;
            let symbol = Id::take(&mut left)?;
            Input::Mark { symbol, price, venue_time_ns, ages }
        }
        _ => return None,
    };
    left.bytes.is_empty().then_some(input)
}

#[cfg(test)]
mod tests;
