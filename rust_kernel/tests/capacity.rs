//! A kernel that is opened with more room than it had.

use crate::common::{Desk, id};
use dita_kernel::input::Input;
use dita_kernel::names::KernelDiagnosticCode as Code;
use dita_kernel::outcome::Detail;

fn capacity(desk: &mut Desk, max_slots: u32, remembered_orders: u32) -> (Code, String) {
    let outcome = desk.put(Input::Capacity { max_slots, remembered_orders });
    match outcome.detail {
        Detail::Field { field, value, .. } => (outcome.code, format!("{field} {value}")),
        _ => (outcome.code, String::new()),
    }
}

#[test]
fn a_kernel_with_more_slots_takes_a_trade_in_the_last_of_them() {
    let mut desk = Desk::new();
    let has = desk.kernel.config().clone();
    let slots = has.max_slots + 5;
    assert_eq!(desk.enter(slots - 1, "1").code, Code::InvalidSlotId);
    let remembered = u32::try_from(has.remembered_orders).expect("a number");
    assert_eq!(capacity(&mut desk, slots, remembered + 1), (Code::Ok, String::new()));
    let now = desk.kernel.config();
    assert_eq!((now.max_slots, now.remembered_orders), (slots, has.remembered_orders + 1));
    assert!(desk.enter(slots - 1, "1").accepted);
    assert_eq!(desk.kernel.busy_slots(), 1);
    desk.assert_replays();
    let stored = desk.kernel.to_snapshot().expect("a snapshot");
    let again = dita_kernel::kernel::Kernel::from_snapshot(&stored).expect("a kernel");
    assert_eq!(again.state_hash(), desk.kernel.state_hash());
}

#[test]
fn less_room_or_too_much_is_refused_by_its_name_and_changes_nothing() {
    let mut desk = Desk::new();
    desk.enter(2, "1");
    let has = desk.kernel.config().clone();
    let remembered = u32::try_from(has.remembered_orders).expect("a number");
    let before = desk.kernel.state_hash();
    for (slots, orders, told) in [
        (has.max_slots - 1, remembered, format!("max_slots {}", has.max_slots - 1)),
        (8_388_609, remembered, "max_slots 8388609".to_owned()),
        (has.max_slots, remembered - 1, format!("remembered_orders {}", remembered - 1)),
    ] {
        assert_eq!(capacity(&mut desk, slots, orders), (Code::InvalidIntent, told));
        assert_eq!(desk.kernel.state_hash(), before);
    }
    assert_eq!(desk.kernel.in_the_way(2), Some((2, &id("trade-2-1"))));
    assert_eq!(desk.kernel.in_the_way(3), None);
}
