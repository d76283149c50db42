//! Bugs on purpose: each is what a careless author would write where a guard stands, and a named test must catch it.
//!
//! They exist only with the feature `planted`, which `make planted` alone turns on. Without it [`planted`] is a
//! constant, and nothing of a bug is compiled. The extension module refuses to be built with it.

/// True where the bugs are compiled in: what is shipped asserts that it is not.
pub const COMPILED: bool = cfg!(feature = "planted");

/// Lists the bugs: the number of the sequence that each one breaks, its name, and what it does.
macro_rules! bugs {
    ($($sequence:literal $name:ident: $what:literal)*) => {
        /// A bug: the guard that it takes away stands where it is asked for.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
            pub enum Bug {
            $(#[doc = $what] $name,)*
        }

        #[cfg(feature = "planted")]
        impl Bug {
            /// All of them: the number of the sequence, the name, what it does.
            pub const ALL: &'static [(Bug, u8, &'static str, &'static str)] =
                &[$((Bug::$name, $sequence, stringify!($name), $what),)*];
        }
    };
}

bugs! {
     1 LastWordWins: "The status is whatever an answer says, however old the answer is."
     2 FillWaitsForAck: "A fill counts only once its order is acknowledged."
     2 AckStartsAfresh: "An acknowledgement makes an order new, whatever has filled of it."
     3 CancelRejectMeansCanceled: "An order that cannot be canceled any more is taken for canceled."
     4 CancelForgetsLateFill: "Nothing can fill once a cancel is confirmed."
     5 CanceledIsBelieved: "An order that is canceled here is left alone, though the venue says that it works."
     6 TakenIdIsARefusal: "A client id that the venue has already means that the order was rejected."
     7 NotFoundIsBelieved: "What the venue does not find does not exist, however soon after it was sent."
     7 NotFoundIsAnAnswer: "After a restart one question is enough, even where the venue did not find the order yet."
     8 OldFillIsAStrangers: "A fill of no order that is remembered is a stranger's, however old it is."
     8 LogIsNotBelieved: "What the log says of an old fill changes nothing."
     8 TotalIsEnough: "Where a total told that an order is filled, its fills need no asking for after a restart."
     9 RealFillAdds: "The real fill is booked beside the inferred one that stands for it."
    10 NewIdNewFill: "A fill under an id that was never seen is a new one, whatever the order's total is."
    11 OneTradeIdOneFill: "A trade id that is known on one order is a repetition on another."
    11 SettlementFindsTheFirstHalf: "Of two fills of one id the first is settled, and settled again."
    12 TradeIdWithoutSymbol: "Fills are known by their trade id, whatever their symbol is."
    13 AmendedBelowFillsWorksOn: "An order whose new total has filled already is taken to work on."
    13 AmendFreesTooEarly: "While an amend is on its way, only the old total is held back."
    14 OverfillIsCutOff: "A fill counts only as far as the order's size goes."
    15 PriceZeroIsBelieved: "A fill at price 0 cost nothing."
    16 SilenceProvesAbsence: "What is not found while the connection is down does not exist."
    16 BackWithoutQuestions: "Once the connection is back, everything is taken to be as it was."
    17 EveryFeeInSettlement: "Every fee is paid in the settlement asset."
    17 RebateIsCharged: "A fee is an amount, and never below zero."
    18 BoundaryItselfIsMissed: "Funding is due after the boundary, not on it."
    18 LateFillMissesItsBoundary: "Funding of a boundary stands, whatever is told of the position later."
    18 FillOnBoundaryPaysNothing: "A fill stamped exactly on the boundary came after it."
    19 ForcedNeedsOurOrder: "A liquidation that names no order of ours is none of ours."
    19 FrameMovesMoney: "The account is set to the exchange's wallet, as soon as a frame tells it."
    20 ExpiryNeedsAck: "What was never acknowledged cannot expire."
    20 LostStopIsQuiet: "A stop that the venue ends is an order that ended, and no alarm."
    20 LimitedLifeIsTrusted: "The venue will tell when an order of limited life has ended."
    20 VenueClockIsTrusted: "A fill stamped before its order was sent cannot be one of it."
    21 OwnSizeIsCover: "An exit only reduces, however little the venue's net position is."
    21 ExitsOutgrowTheirSlot: "An exit stays as large as it was, whatever is left of its slot."
    21 StuckSlotStays: "A slot and its opposite that is unassigned stay open, though the venue has neither."
    21 UncoveredExitsAddNothing: "An exit never makes the account's position larger."
    21 OldestGivesFirst: "What the venue forces on a net position is taken from the oldest trade."
    22 PairsWithAnyOwner: "A fill closes whatever trade is on the other side, whoever's it is."
    22 NewestPairsFirst: "A fill closes the newest trade of the other side first."
    22 BustLeavesPairsClosed: "What a fill closed of other trades stays closed, though the fill is taken back."
    23 MarketExitDoesNotWait: "An exit leaves at once, whatever the exits in its way may still sell."
    23 StopStaysAsItWas: "An attached stop keeps the size and the price that it was first sent with."
    23 ExitsStayBehind: "What remains of a trade's exits is left at work when one of them has closed a part."
    23 AdditionIsANewTrade: "What an addition fills is the trade's size, and not what it adds."
    23 ResizedWithoutAlarm: "A position whose stop is being replaced is taken to be protected."
    23 TrailLoosens: "A trailing stop goes back with the mark."
    23 TrailIsHasty: "A trailing stop is moved by each mark, as often as marks come."
    24 ExitIsOneOrder: "An exit leaves as one order, however little the venue takes at once."
    24 OnePartIsEnough: "Of an exit in parts one order leaves."
    24 PartsAreApart: "A cancel takes back one order of an exit in parts, and the others work on."
    24 ReserveIsSpent: "Entries take all the orders that the venue lets be open."
    24 StopCoversOnePart: "An attached stop is one order, however little the venue takes at once."
}

#[cfg(not(feature = "planted"))]
#[inline(always)]
pub(crate) const fn planted(_: Bug) -> bool {
    false
}

/// The variable of the environment that names the bug to be switched on, for the process's whole life.
#[cfg(feature = "planted")]
pub const VARIABLE: &str = "DITA_PLANTED";

/// Any test of any crate can be run with a bug: the switch is read when a guard is first asked for.
#[cfg(feature = "planted")]
#[inline]
pub(crate) fn planted(bug: Bug) -> bool {
    extern crate std;
    static PLANTED: std::sync::OnceLock<Option<Bug>> = std::sync::OnceLock::new();
    let switched_on = PLANTED.get_or_init(|| {
        let wanted = std::env::var(VARIABLE).ok()?;
        let known = Bug::ALL.iter().find(|(_, _, name, _)| *name == wanted);
        assert!(known.is_some(), "{VARIABLE} names no bug: {wanted}");
        known.map(|(bug, ..)| *bug)
    });
    *switched_on == Some(bug)
}
