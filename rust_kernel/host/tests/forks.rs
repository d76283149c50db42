//! A process that was forked: the mark is the whole process's, so this stands in a program of its own.
#![allow(missing_docs, clippy::unwrap_used)]

mod scripted;

use dita_host::{HostError, Patience, was_forked};
use dita_kernel::input::Input;

use scripted::{Script, enter, kernel, list, live, put, shown};

#[test]
fn a_kernel_that_came_along_in_a_fork_takes_nothing_more_and_one_made_after_it_does() {
    let script = Script::new();
    script.line(|script, _| {
        was_forked();
        assert!(script.kernel().is_forked());
        Default::default()
    });
    let (drain, held) = kernel(script);
    let (idle, its) = live(Script::new());
    idle.start_timer(5_000).map_err(shown).unwrap();
    list(&drain, held);
    let inside = held.with(|held| drain.put(held, enter(0), None, Patience::Answer));
    assert!(matches!(inside, Err(HostError::Forked { log: false, .. })), "a child goes no further");

    for (drain, held) in [(&drain, held), (&idle, its)] {
        let later = held.with(|held| drain.put(held, Input::Time, None, Patience::Answer));
        assert!(matches!(later, Err(HostError::Forked { log: false, .. })));
        assert!(matches!(drain.settled().map(drop), Err(HostError::Forked { .. })));
        assert!(matches!(drain.open().map(drop), Err(HostError::Forked { .. })));
        assert!(held.with(|held| drain.close(held, None)).map_err(shown).unwrap(), "the parent's goes on");
        assert!(
            held.with(|held| drain.end_timer(held, None)).map_err(shown).unwrap(),
            "it has no thread here"
        );
    }

    let (own, held) = kernel(Script::new());
    assert!(put(&own, held, Input::Time).answer.outcome.accepted);
}
