//! How much processor time the host takes: on a machine that does other things beside, a steadier
//! figure than any time on the clock.

use std::{fs, time::Duration};

/// The processor time that a process and its children have taken so far. `None` where the system
/// does not tell, as Linux does in `/proc`.
pub(crate) fn time_of(process: u32) -> Option<Duration> {
    let own = ticks(process)?;
    let others = fs::read_dir("/proc").ok()?.flatten();
    let others = others.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let children: u64 = others
        .filter_map(ticks)
        .filter(|other| other.parent == process)
        .map(|it| it.ticks)
        .sum();
    // Linux counts in hundredths of a second, whatever its own clock does (proc(5), USER_HZ).
    Some(Duration::from_millis((own.ticks + children) * 10))
}

struct Ticks {
    parent: u32,
    ticks: u64,
}

fn ticks(process: u32) -> Option<Ticks> {
    parse(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// Reads the parent and the time in user and system mode of `/proc/PID/stat`, see proc(5).
fn parse(stat: &str) -> Option<Ticks> {
    // The program's name is in parentheses and may hold anything, parentheses too.
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<_> = fields.split_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Ticks {
        parent: u32::try_from(number(4)?).ok()?,
        ticks: number(14)? + number(15)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_a_process_are_found_whatever_it_is_called() {
        let stat = "42 (a) b (c) S 7 42 42 0 -1 4194560 1 2 3 4 120 30 9 9 20 0 1 0 5";
        let ticks = parse(stat).expect("this is what Linux writes");
        assert_eq!((ticks.parent, ticks.ticks), (7, 150));
        assert!(parse("42 (a) S 7").is_none());
    }
}
