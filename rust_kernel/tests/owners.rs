//! Whose trade it is: the entry says it, slot and orders show it, and nobody else's name moves the trade.

use crate::common::{Desk, dec, id};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, SlotOverride};
use dita_kernel::names::{KernelCommandType as Action, KernelDiagnosticCode as Code, OrderType, TradeStage};
use dita_kernel::outcome::Detail;

/// Opens a trade of one unit for an owner; gives the entry order's id.
fn open_for(desk: &mut Desk, slot: u32, owner: &str) -> Id {
    desk.intent(Action::Enter, slot, |intent| {
        intent.target_size = Some(dec("1"));
        intent.owner = id(owner);
    });
    let order = desk.submitted();
    desk.fill(&order, &format!("fill-{}", desk.now), "1", "100");
    assert_eq!(desk.stage(slot), TradeStage::PositionOpen);
    order
}

fn order_owner(desk: &Desk, client_id: &Id) -> String {
    let found = desk.kernel.orders().iter().find(|order| order.client_id == *client_id);
    found.map_or_else(|| "forgotten".to_owned(), |order| order.owner().to_string())
}

fn slot_owner(desk: &Desk, slot: usize) -> String {
    desk.kernel.slots()[slot].owner.to_string()
}

#[test]
fn slot_entry_and_exit_show_the_entrys_owner() {
    let mut desk = Desk::new();
    let entry = open_for(&mut desk, 0, "scalper");
    desk.intent(Action::Exit, 0, |_| {});
    let exit = desk.submitted();
    assert_eq!(slot_owner(&desk, 0), "scalper");
    assert_eq!(order_owner(&desk, &entry), "scalper");
    assert_eq!(order_owner(&desk, &exit), "scalper", "the exit named nobody, and is of the trade's owner");
    desk.assert_replays();
}

#[test]
fn the_next_trade_of_a_slot_has_its_own_owner_and_old_orders_keep_theirs() {
    let mut desk = Desk::new();
    let first = open_for(&mut desk, 0, "scalper");
    desk.intent(Action::Exit, 0, |_| {});
    let exit = desk.submitted();
    desk.fill(&exit, "out", "1", "100");
    assert_eq!(desk.stage(0), TradeStage::Closed);
    let second = open_for(&mut desk, 0, "");
    assert_eq!(slot_owner(&desk, 0), "");
    assert_eq!((order_owner(&desk, &first), order_owner(&desk, &second)), ("scalper".into(), String::new()));
    let third = open_for(&mut desk, 1, "hedger");
    assert_eq!((slot_owner(&desk, 1), order_owner(&desk, &third)), ("hedger".into(), "hedger".into()));
    desk.assert_replays();
}

#[test]
fn another_owner_neither_exits_cancels_nor_amends() {
    let mut desk = Desk::new();
    open_for(&mut desk, 0, "scalper");
    desk.intent(Action::Exit, 0, |intent| {
        intent.order_type = OrderType::Limit;
        intent.limit_price = Some(dec("110"));
    });
    assert_eq!(desk.stage(0), TradeStage::ExitSent);
    for action in [Action::Exit, Action::Cancel, Action::Amend] {
        let refused = desk.intent(action, 0, |intent| intent.owner = id("hedger"));
        assert_eq!((refused.accepted, refused.code), (false, Code::InvalidIntent), "{action}");
        assert!(
            matches!(&refused.detail, Detail::Field { field, value, .. } if *field == "owner" && value.contains("hedger")),
            "{action}: {:?}",
            refused.detail
        );
    }
    for owner in ["", "scalper"] {
        let taken = desk.intent(Action::Cancel, 0, |intent| intent.owner = id(owner));
        assert!(taken.accepted, "{owner:?}: {:?}", taken.detail);
    }
}

#[test]
fn a_trade_without_an_owner_is_moved_by_nobodys_name() {
    let mut desk = Desk::new();
    open_for(&mut desk, 0, "");
    let refused = desk.intent(Action::Exit, 0, |intent| intent.owner = id("hedger"));
    assert_eq!(refused.code, Code::InvalidIntent);
    assert!(desk.intent(Action::Exit, 0, |_| {}).accepted);
}

#[test]
fn an_override_that_changes_the_trade_leaves_its_owner() {
    let mut desk = Desk::new();
    open_for(&mut desk, 0, "scalper");
    let mut change = SlotOverride::new(0, id("ops"), "wrong size".into());
    change.size = Some(dec("0.5"));
    assert!(desk.put(Input::Override(Box::new(change))).accepted);
    assert_eq!(slot_owner(&desk, 0), "scalper");
}
