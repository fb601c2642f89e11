//! Lists of CPUs as the kernel writes them: `0-3,8,10-11`.

/// Larger numbers are no CPUs: a range up to them would fill the memory.
const MOST: usize = 1 << 16;

/// The CPUs of a list, ascending; what is no number is left out.
pub(super) fn parse_cpus(list: &str) -> Vec<usize> {
    let range = |part: &str| -> Option<std::ops::RangeInclusive<usize>> {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let last = last.trim().parse().ok().filter(|last| *last < MOST)?;
        Some(first.trim().parse().ok()?..=last)
    };
    let mut cpus: Vec<usize> = list.split(',').filter_map(range).flatten().collect();
    cpus.sort_unstable();
    cpus.dedup();
    cpus
}

/// CPUs as the kernel writes them, e.g. `0-3,8`; they must ascend.
pub fn show_cpus(cpus: &[usize]) -> String {
    let runs = cpus.chunk_by(|a, b| a + 1 == *b).map(|run| match run {
        [one] => one.to_string(),
        [first, .., last] => format!("{first}-{last}"),
        [] => String::new(),
    });
    runs.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_go_there_and_back() {
        for list in ["", "0", "0-3", "0-1,4,8-11"] {
            assert_eq!(show_cpus(&parse_cpus(list)), list);
        }
        assert_eq!(parse_cpus("8, 1-2\n"), [1, 2, 8]);
        assert_eq!(parse_cpus("junk,3-x,4,0-99999999999"), [4]);
    }
}
