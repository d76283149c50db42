//! The model check within small bounds, on every test run. The thorough bounds: `examples/model_check.rs`.

use dita_sim::model::{check, runs};

#[test]
fn kernel_and_venue_come_to_agree_from_every_state() {
    let report = check(runs::QUICK).expect("the first states");
    for search in &report.searches {
        assert!(search.states > 100, "{}: the bounds leave nothing to search", search.bounds.name);
    }
    let twins: u64 = report.searches.iter().map(|search| search.twins).sum();
    assert!(twins > 100, "the projection was hardly checked");
    assert!(report.errors().is_empty(), "{report}\n{}", report.errors().join("\n"));
}
