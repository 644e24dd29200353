//! How often clients are told.

use execution_coordinator::rpc::pace::Pace;
use std::time::Duration;
use tokio::time::Instant;

/// The milliseconds at which words are sent that are ready at these.
fn sent(pace: &mut Pace, begin: Instant, ready_ms: impl Iterator<Item = u64>) -> Vec<u128> {
    let mut now = begin;
    ready_ms
        .map(|ready_ms| {
            now = pace.next_at(now.max(begin + Duration::from_millis(ready_ms)));
            pace.count(now);
            (now - begin).as_millis()
        })
        .collect()
}

#[test]
fn at_once_after_a_quiet_time_and_twice_a_second_under_a_flood() {
    let (mut pace, begin) = (Pace::default(), Instant::now());
    let seldom = sent(&mut pace, begin, [0, 700, 1_400, 2_100].into_iter());
    assert_eq!(seldom, [0, 700, 1_400, 2_100], "each at once");
    let begin = begin + Duration::from_secs(60);
    let flood = sent(&mut pace, begin, (0..40).map(|_| 0));
    assert!(
        flood.windows(2).all(|two| two[1] - two[0] >= 50),
        "what comes together is told as one: {flood:?}"
    );
    assert!(flood[11] <= 600, "some come at once: {flood:?}");
    assert!(flood[39] - flood[19] >= 9_900, "then two a second: {flood:?}");
    let begin = begin + Duration::from_secs(60);
    assert_eq!(
        sent(&mut pace, begin, [0, 60, 120].into_iter()),
        [0, 60, 120],
        "a quiet time gives some back"
    );
}
