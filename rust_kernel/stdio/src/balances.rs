//! What the account has free and what it holds back, by the kernel's own books.

use dita_kernel::id::Id;
use dita_kernel::kernel::Kernel;
use dita_kernel::ledger::Account;
use dita_kernel::names::OrderSide;
use dita_kernel::num::{MONEY_SCALE, Money, Qty};

use crate::json::Out;

/// One asset's.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Balance {
    asset: Id,
    free: Money,
    locked: Money,
}

/// All assets', as they were last told.
#[derive(Default)]
pub(crate) struct Balances {
    told: Vec<Balance>,
    now: Vec<Balance>,
    /// What sells at work hold back, by instrument: spot alone counts.
    selling: Vec<Qty>,
}

impl Balances {
    pub(crate) fn new(instruments: usize) -> Balances {
        Balances { selling: vec![Qty::ZERO; instruments], ..Balances::default() }
    }

    /// What is at work of an order changes by so much.
    #[inline]
    pub(crate) fn hold(&mut self, instrument: u32, side: OrderSide, by: Qty) {
        if side == OrderSide::Sell
            && let Some(held) = self.selling.get_mut(instrument as usize)
        {
            *held += by;
        }
    }

    fn read(&mut self, kernel: &Kernel) {
        self.now.clear();
        for (asset, state) in (0_u16..).zip(kernel.assets()) {
            let wallet = kernel.ledger().balance(asset, Account::Wallet);
            let standing = kernel.standing(asset);
            let mut free = standing.available();
            for (place, rules) in (0_u32..).zip(kernel.instruments()) {
                if rules.base == Some(asset)
                    && let Some(held) = self.selling.get(place as usize)
                {
                    free -= dita_kernel::kernel::base_amount(rules, *held);
                }
            }
            self.now.push(Balance { asset: state.name.clone(), free, locked: wallet - free });
        }
    }

    /// Tells them where they are others than before, or in any case.
    pub(crate) fn tell(&mut self, now_ns: i64, kernel: &Kernel, in_any_case: bool, out: &mut Out) {
        self.read(kernel);
        if self.now == self.told && !in_any_case {
            return;
        }
        std::mem::swap(&mut self.now, &mut self.told);
        let line = out.event("account").time("ts_ns", now_ns);
        line.list("balances", &self.told, |line, balance| {
            let _written = line
                .text("asset", balance.asset.as_str())
                .scaled("free", balance.free.0, MONEY_SCALE)
                .scaled("locked", balance.locked.0, MONEY_SCALE);
        })
        .end();
    }
}
