//! An asset's account as people read it: K's figures out of the core's ledger and books. Reads only.

use dita_kernel::id::Id;
use dita_kernel::instrument::Instrument;
use dita_kernel::kernel::{AssetState, Kernel, base_amount, margin_status};
use dita_kernel::ledger::Account;
use dita_kernel::names::MarginStatus;
use dita_kernel::num::{Decimal, Money, Rounding, multiply_divide, pow10};
use dita_kernel::reconcile::Report;

/// Decimal places of [`AccountFigures::leverage`].
const LEVERAGE_SCALE: u8 = 8;

/// The figures of one asset.
#[derive(Clone, PartialEq, Debug)]
pub struct AccountFigures {
    /// K: what the wallet must hold.
    pub capital: Money,
    /// K and what the open positions would gain at their marks. Of a quote asset, what is held on spot counts here at
    /// its mark; of the base asset it does not count again.
    pub equity: Money,
    /// Profit of what was closed, as the venue's book has it, before fees and funding.
    pub realized_pnl: Money,
    /// Profit of what is open, at the marks.
    pub unrealized_pnl: Money,
    /// Fees, + paid.
    pub fees_paid: Money,
    /// Funding, + received.
    pub funding_net: Money,
    /// Slots that hold something, and unassigned books that do.
    pub open_positions: u32,
    /// The value of all positions at their marks, unsigned.
    pub open_notional: Money,
    /// What working entries may still add to it.
    pub reserved_notional: Money,
    /// `open_notional / equity`, half-even at 1e-8; zero without equity.
    pub leverage: Decimal,
    /// What can be traded with: K without the margin of positions and reservations at their instruments' leverage and
    /// without open losses; open gains are not added. While the exchange's figure is present and not older than the
    /// last booking, the smaller of the two.
    pub available_capital: Money,
    /// What the open positions must hold so that they are not liquidated.
    pub maint_margin: Money,
    /// How far equity is above that.
    pub margin_status: MarginStatus,
    /// Instruments of this asset whose margin tiers are not known: one is assumed.
    pub assumed_tiers: Vec<Id>,
    /// Assets in which fees of this asset's instruments were paid and that no instrument prices in it: equity lacks them.
    pub unpriced_fee_assets: Vec<Id>,
    /// E beside K.
    pub report: Report,
}

/// Reads the figures of an asset; `None` where the kernel has no such asset.
pub fn account(kernel: &Kernel, asset: u16) -> Option<AccountFigures> {
    account_with(kernel, asset, kernel.verdict(asset, false)?)
}

/// The same, beside a report that the caller has.
pub(crate) fn account_with(kernel: &Kernel, asset: u16, report: Report) -> Option<AccountFigures> {
    kernel.assets().get(usize::from(asset))?;
    let balance = |account| kernel.ledger().balance(asset, account);
    let capital = balance(Account::Wallet);
    let (inventory, unrealized_pnl) = open_positions_worth(kernel, asset);
    let mut open_notional = Money::ZERO;
    let mut reserved_notional = Money::ZERO;
    let mut open_positions: u32 = 0;
    for (place, _) in (0_u32..).zip(kernel.instruments()).filter(|(_, rules)| rules.settle == asset) {
        let unassigned = kernel.unassigned(place);
        open_positions += unassigned.iter().map(|basis| u32::from(!basis.qty.is_zero())).sum::<u32>();
        open_notional += kernel.exposure().position(place);
        reserved_notional += kernel.exposure().reserved(place);
    }
    for slot in kernel.slots().iter().filter(|slot| !slot.basis.qty.is_zero()) {
        let rules = kernel.instruments().get(slot.instrument as usize);
        open_positions += u32::from(rules.is_some_and(|rules| rules.settle == asset));
    }
    let equity = capital + inventory + unrealized_pnl;
    let standing = kernel.standing(asset);
    let maint_margin = standing.maintenance();
    Some(AccountFigures {
        capital,
        equity,
        // What profit accounts owe is what the wallet got; the entries between slots cancel out in the book.
        realized_pnl: -(balance(Account::RealizedPnl) + balance(Account::InterSlot)),
        unrealized_pnl,
        fees_paid: balance(Account::Fees),
        funding_net: -balance(Account::Funding),
        open_positions,
        open_notional,
        reserved_notional,
        leverage: ratio(open_notional, equity),
        available_capital: kernel.available_capital(asset, &standing),
        maint_margin,
        margin_status: margin_status(equity, maint_margin),
        assumed_tiers: assumed_tiers(kernel, asset),
        unpriced_fee_assets: unpriced_fee_assets(kernel, asset),
        report,
    })
}

/// K and equity of an asset, without the rest of the figures; `None` where the kernel has no such asset.
pub fn worth(kernel: &Kernel, asset: u16) -> Option<(Money, Money)> {
    kernel.assets().get(usize::from(asset))?;
    let capital = kernel.ledger().balance(asset, Account::Wallet);
    let (inventory, unrealized_pnl) = open_positions_worth(kernel, asset);
    Some((capital, capital + inventory + unrealized_pnl))
}

/// What spot positions cost, which the wallet has paid for, and the profit of what is open, at the marks.
fn open_positions_worth(kernel: &Kernel, asset: u16) -> (Money, Money) {
    let (mut inventory, mut unrealized_pnl) = (Money::ZERO, Money::ZERO);
    for (place, rules) in (0_u32..).zip(kernel.instruments()) {
        let (is_base, is_settle) = (rules.base == Some(asset), rules.settle == asset);
        if !is_base && !is_settle {
            continue;
        }
        for basis in &kernel.book(place) {
            if is_base {
                inventory += -base_amount(rules, basis.qty);
            }
            if is_settle {
                unrealized_pnl += kernel.unrealized(place, basis);
                if rules.base.is_some() {
                    inventory += basis.cost;
                }
            }
        }
    }
    (inventory, unrealized_pnl)
}

/// The margin status of each asset that something settles in, by name.
pub fn margin_statuses(kernel: &Kernel) -> Vec<(Id, MarginStatus)> {
    let settles = |place: u16| kernel.instruments().iter().any(|rules| rules.settle == place);
    let assets = (0_u16..).zip(kernel.assets()).filter(|(place, _)| settles(*place));
    let status = |(place, state): (u16, &AssetState)| {
        let figures = account_with(kernel, place, kernel.verdict(place, true)?)?;
        Some((state.name.clone(), figures.margin_status))
    };
    assets.filter_map(status).collect()
}

/// Assets that something settles in and whose wallet the venue has never told: E is unknown there.
pub fn unknown_wallets(kernel: &Kernel) -> Vec<Id> {
    let settles = |place: u16| kernel.instruments().iter().any(|rules| rules.settle == place);
    let assets = (0_u16..).zip(kernel.assets());
    let unknown = assets.filter(|(place, state)| settles(*place) && state.exchange.wallet_balance.is_none());
    unknown.map(|(_, state)| state.name.clone()).collect()
}

/// Perpetuals whose margin tiers nobody has told.
pub fn all_assumed_tiers(kernel: &Kernel) -> Vec<Id> {
    let assume = kernel.instruments().iter().filter(|rules| rules.assumes_tiers());
    assume.map(|rules| rules.spec.symbol.clone()).collect()
}

/// Instruments that settle in an asset and whose margin tiers nobody has told.
fn assumed_tiers(kernel: &Kernel, asset: u16) -> Vec<Id> {
    let assumes = |rules: &&Instrument| rules.settle == asset && rules.assumes_tiers();
    kernel.instruments().iter().filter(assumes).map(|rules| rules.spec.symbol.clone()).collect()
}

/// Assets that hold fees, that nothing settles in, and that no instrument prices in `asset`.
fn unpriced_fee_assets(kernel: &Kernel, asset: u16) -> Vec<Id> {
    let settles = |place: u16| {
        kernel.instruments().iter().any(|rules| rules.settle == place || rules.base == Some(place))
    };
    if !settles(asset) {
        return Vec::new();
    }
    let settle_name = kernel.assets().get(usize::from(asset)).map(|state| &state.name);
    let priced = |name: &Id| {
        let prices = |(place, rules): (u32, &Instrument)| {
            rules.spec.base == *name
                && Some(&rules.spec.quote) == settle_name
                && kernel.valuation_price(place).is_some()
        };
        (0_u32..).zip(kernel.instruments()).any(prices)
    };
    let unpriced = (0_u16..).zip(kernel.assets()).filter(|(place, state)| {
        let paid = kernel.ledger().balance(*place, Account::Fees);
        *place != asset && paid != Money::ZERO && !settles(*place) && !priced(&state.name)
    });
    unpriced.map(|(_, state)| state.name.clone()).collect()
}

fn ratio(notional: Money, equity: Money) -> Decimal {
    if equity.0 <= 0 {
        return Decimal::ZERO;
    }
    let one = pow10(LEVERAGE_SCALE).unwrap_or(1);
    multiply_divide(notional.0, one, equity.0, Rounding::HalfEven)
        .and_then(|mantissa| Decimal::normalized(mantissa, LEVERAGE_SCALE).ok())
        .unwrap_or(Decimal::ZERO)
}
