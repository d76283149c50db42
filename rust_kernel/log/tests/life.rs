//! A log's life: opened, written, closed, opened again.

mod common;

use common::{Directory, config, key, open, read_all, write};

#[test]
fn what_was_appended_is_read_again_after_reopening() {
    let directory = Directory::new();
    let disk = directory.disk();
    let (mut log, recovered) = open(&disk, config()).expect("a new log opens");
    assert_eq!((recovered.last_seq, recovered.epoch, recovered.replay_from), (0, 1, 1));
    assert_eq!(write(&mut log, 100), 100);
    assert_eq!(read_all(&log, 1).expect("it reads"), 100);
    log.close().expect("it closes");
    for epoch in 2..5 {
        let (mut log, recovered) = open(&disk, config()).expect("it opens again");
        let last_seq = recovered.last_seq;
        assert_eq!((recovered.epoch, recovered.torn, recovered.remarks), (epoch, None, Vec::new()));
        assert_eq!(read_all(&log, 1).expect("it reads"), last_seq);
        assert_eq!(write(&mut log, 50), last_seq + 50);
        assert_eq!(read_all(&log, 7).expect("it reads"), last_seq + 50);
        for seq in (3..=last_seq + 50).step_by(3) {
            let found = log.find(&key(seq).expect("every third has a key")).expect("the index reads");
            assert_eq!(found, Some(seq));
        }
        assert_eq!(log.find(&[0; 16]).expect("the index reads"), None);
    }
}
