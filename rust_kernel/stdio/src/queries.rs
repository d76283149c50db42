//! What is asked, and the strategies.

use dita_host::{Foreign, HostError};

use crate::session::{Session, Trouble};
use crate::strategies::{StrategyRunner, Verb};

impl<F: Foreign, C: StrategyRunner<Interrupt = F::Interrupt>> Session<'_, F, C> {
    pub(crate) fn query(&mut self, kind: &str, params: &str) -> Result<(), Trouble<F::Interrupt>> {
        let now_ns = self.clock.now_ns();
        self.out.query_received(self.commands, kind, params);
        let is = |names: &[&str]| names.iter().any(|name| kind.eq_ignore_ascii_case(name));
        if is(&["ACCOUNT", "BALANCE"]) {
            self.tell_account(true)?;
        } else if is(&["ORDER"]) {
            match self.orders.find(params) {
                Some(place) => self.out.order_state(self.orders.at(place)),
                None => self.out.error(now_ns, &format!("order: {params:?} is no order that is known")),
            }
        } else if is(&["ORDERS"]) {
            self.orders.live().for_each(|order| self.out.order_state(order));
        } else if is(&["MARKET"]) {
            let wanted = |symbol: &str| params.is_empty() || params.eq_ignore_ascii_case(symbol);
            let moves = self.prices.iter().flatten().filter(|moved| wanted(moved.symbol.as_str()));
            let mut told = false;
            for moved in moves {
                told = true;
                self.out.market(now_ns, moved);
            }
            if !told {
                self.out.error(now_ns, "no market");
            }
        } else if is(&["STRATEGIES"]) {
            self.list(params)?;
        } else {
            let known = "ACCOUNT ORDER ORDERS MARKET STRATEGIES";
            self.out.error(now_ns, &format!("query: {kind:?} is none of {known}"));
        }
        Ok(())
    }

    pub(crate) fn strategy(&mut self, verb: Verb, name: &str) -> Result<(), Trouble<F::Interrupt>> {
        if verb != Verb::List {
            let refused = self.runner.tell(verb, name).map_err(HostError::Interrupted)?;
            if let Some(why) = refused {
                self.out.error(self.clock.now_ns(), &why);
                return Ok(());
            }
        }
        self.list(name)
    }

    fn list(&mut self, name: &str) -> Result<(), Trouble<F::Interrupt>> {
        let now_ns = self.clock.now_ns();
        for standing in self.runner.list(name).map_err(HostError::Interrupted)? {
            self.out.strategy(now_ns, &standing);
        }
        // What a strategy did at its start has changed the account.
        self.tell_account(false)
    }
}
