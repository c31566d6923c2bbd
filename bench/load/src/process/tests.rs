use std::collections::HashMap;

use super::{CpuTime, CpuUsed, Ticks, Watched, parse_stat, resident_in};

#[test]
fn fields_are_found_behind_an_awkward_name() {
    let stat = "4242 (a) b (c) S 7 4242 4242 0 -1 4194560 1 2 3 4 150 25 9 9 20 0 1 0 100 1 1";
    let (parent, ticks) = parse_stat(stat).unwrap();
    assert_eq!((parent, ticks.user, ticks.system), (7, 150, 25));
}

#[test]
fn resident_memory_is_in_bytes() {
    assert_eq!(resident_in("Name:\tx\nVmHWM:\t  9 kB\nVmRSS:\t    2048 kB\n"), Some(2048 * 1024));
    assert_eq!(resident_in("Name:\tkthreadd\n"), None);
}

fn reading(user: u64, system: u64, threads: &[(u32, u64)]) -> CpuTime {
    CpuTime { processes: HashMap::from([(1, Ticks { user, system })]), threads: threads.iter().copied().collect() }
}

#[test]
fn the_scheduler_is_believed_within_the_rounding_of_ticks() {
    let used = reading(7, 3, &[(1, 104_000_000)]).since(&reading(1, 0, &[(1, 1_000_000)]));
    assert_eq!(used, CpuUsed { user: 0.06, system: 0.03, total: 0.103 });
}

#[test]
fn ticks_are_believed_when_a_thread_took_its_count_with_it() {
    let used = reading(100, 0, &[(1, 0)]).since(&reading(0, 0, &[(1, 0), (2, 5)]));
    assert_eq!(used.total, 1.0);
}

#[test]
fn this_process_can_be_watched() {
    let watched = Watched::new(std::process::id());
    assert!(watched.resident().unwrap() > 0);
    assert!(CpuTime::read(watched).unwrap().processes.contains_key(&std::process::id()));
}
