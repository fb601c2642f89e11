use std::num::NonZeroUsize;

use proptest::prelude::*;

use super::*;
use crate::machine::{Scheduler, System};

const GB: u64 = 1_000_000_000;

/// A machine of `files` below a folder and `variables`.
fn machine(files: &[(&str, &str)], variables: &'static [(&'static str, &'static str)]) -> Machine {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let variable = move |name: &str| {
        variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string())
    };
    Machine::of(&System::at(root.path(), variable, NonZeroUsize::MIN))
}

const MEMINFO: (&str, &str) =
    ("proc/meminfo", "MemTotal:       64000000 kB\nMemAvailable:   10000000 kB\n");
const GROUP: (&str, &str) = ("proc/self/cgroup", "0::/job\n");
const GROUP_LIMIT: (&str, &str) = ("sys/fs/cgroup/job/memory.max", "20000000000\n");
const SLURM: (&str, &str) = ("SLURM_JOB_ID", "7");
const SLURM_MEMORY: (&str, &str) = ("SLURM_MEM_PER_NODE", "1000");

fn resolved(machine: &Machine) -> (u64, BudgetSource) {
    let budget = Budget::resolve(None, machine).unwrap();
    (budget.total(), budget.source().clone())
}

#[test]
fn what_a_person_asks_for_goes_before_what_is_measured() {
    let variables =
        &[SLURM, SLURM_MEMORY, ("DYNE_MEMORY_LIMIT", "1.5"), ("HOMODYNE_MEMORY_LIMIT", "3 GiB")];
    let all = machine(&[MEMINFO, GROUP, GROUP_LIMIT], variables);
    for source in [BudgetSource::CommandLine, BudgetSource::Config] {
        let budget = Budget::resolve(Some((5 * GB, source.clone())), &all).unwrap();
        assert_eq!((budget.total(), budget.source()), (5 * GB, &source));
    }
    assert_eq!(resolved(&all), (3 * GB / 2, BudgetSource::Variable("DYNE_MEMORY_LIMIT")));
    let older = machine(&[MEMINFO], &[("HOMODYNE_MEMORY_LIMIT", "3 GiB")]);
    assert_eq!(resolved(&older), (3 << 30, BudgetSource::Variable("HOMODYNE_MEMORY_LIMIT")));
}

#[test]
fn of_what_is_measured_the_group_goes_first_and_available_memory_last() {
    let limit = 20 * GB;
    let group = machine(&[MEMINFO, GROUP, GROUP_LIMIT], &[SLURM, SLURM_MEMORY]);
    assert_eq!(resolved(&group), (16 * GB, BudgetSource::ControlGroup { limit }));
    let memory = 1000 << 20;
    let slurm = machine(&[MEMINFO], &[SLURM, SLURM_MEMORY]);
    let source = BudgetSource::Allocation { scheduler: Scheduler::Slurm, memory };
    assert_eq!(resolved(&slurm), (memory * 4 / 5, source));
    let memory = 10_000_000 << 10;
    let available = machine(&[MEMINFO], &[]);
    assert_eq!(resolved(&available), (memory * 4 / 5, BudgetSource::Available { memory }));
    assert_eq!(resolved(&available).1.to_string(), "80 % of 10.2 GB of available memory");
    let nothing = Budget::resolve(None, &machine(&[], &[])).unwrap_err();
    assert_eq!(nothing, BudgetError::Unknown);
}

#[test]
fn a_group_that_allows_more_than_there_is_limits_nothing() {
    let large = ("sys/fs/cgroup/job/memory.max", "900000000000\n");
    let memory = 10_000_000 << 10;
    let found = resolved(&machine(&[MEMINFO, GROUP, large], &[]));
    assert_eq!(found.1, BudgetSource::Available { memory });
}

#[test]
fn a_smaller_address_space_caps_every_source() {
    let limits = (
        "proc/self/limits",
        "Limit  Soft Limit  Hard Limit  Units\nMax address space  5000000000  unlimited  bytes\n",
    );
    let measured = machine(&[MEMINFO, limits], &[]);
    let (total, source) = resolved(&measured);
    assert_eq!(total, 4 * GB);
    assert!(source.to_string().starts_with("80 % of the address space of 5.00 GB"), "{source}");
    let asked = Some((6 * GB, BudgetSource::CommandLine));
    let budget = Budget::resolve(asked, &measured).unwrap();
    assert_eq!(budget.total(), 5 * GB);
    let phrase = budget.source().to_string();
    assert_eq!(phrase, "the address space of 5.00 GB (ulimit -v), below --memory");
    let small = Some((3 * GB, BudgetSource::Config));
    let budget = Budget::resolve(small, &measured).unwrap();
    assert_eq!((budget.total(), budget.source()), (3 * GB, &BudgetSource::Config));
}

#[test]
fn a_bad_variable_is_named() {
    let error = Budget::resolve(None, &machine(&[MEMINFO], &[("DYNE_MEMORY_LIMIT", "junk")]));
    let told = error.unwrap_err().to_string();
    assert!(told.starts_with("environment variable DYNE_MEMORY_LIMIT: no number, found `junk`"));
    assert!(told.lines().count() == 2, "{told}");
    let empty = machine(&[MEMINFO], &[("HOMODYNE_MEMORY_LIMIT", "")]);
    let told = Budget::resolve(None, &empty).unwrap_err().to_string();
    assert!(told.contains("HOMODYNE_MEMORY_LIMIT"), "{told}");
}

#[test]
fn sizes_have_units() {
    let sizes = [
        ("128MB", 128_000_000),
        ("1GB", GB),
        ("1.5GiB", 3 << 29),
        (" 800 MiB ", 800 << 20),
        ("2e9", 2 * GB),
        ("2E+3kB", 2_000_000),
        ("512k", 512_000),
        ("512Ki", 512 << 10),
        ("3tb", 3000 * GB),
        ("1TiB", 1 << 40),
        ("7", 7),
        ("1.9 B", 1),
        ("18446744073709551615B", u64::MAX),
    ];
    for (text, bytes) in sizes {
        assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
    }
}

#[test]
fn what_is_no_size_is_refused() {
    use SizeFault::{Negative, NotANumber, TooLarge, Unit, Zero};
    let faults = [
        ("", NotANumber),
        ("GB", NotANumber),
        ("junk", NotANumber),
        ("NaN", NotANumber),
        ("inf", NotANumber),
        ("1.2.3GB", NotANumber),
        ("1,5GB", NotANumber),
        ("-1", Negative),
        ("-0.5GB", Negative),
        ("0", Zero),
        ("0.0GB", Zero),
        ("0.3B", Zero),
        ("5 parsecs", Unit),
        ("5e", Unit),
        ("18446744073709551616", TooLarge),
        ("1e400", TooLarge),
        ("99999999 TB", TooLarge),
    ];
    for (text, fault) in faults {
        let error = parse_bytes(text).unwrap_err();
        assert_eq!(error, SizeError { text: text.to_owned(), fault }, "{text}");
        let told = error.to_string();
        assert!(told.contains(&format!("found `{text}`")) && told.lines().count() == 2, "{told}");
    }
}

#[test]
fn sizes_are_shown_with_three_digits() {
    let shown = [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (9_996, "10.0 kB"),
        (99_960, "100 kB"),
        (128_000_000, "128 MB"),
        (999_600_000, "1.00 GB"),
        (1_500_000_000, "1.50 GB"),
        (u64::MAX, "18.4 EB"),
    ];
    for (bytes, text) in shown {
        assert_eq!(show_bytes(bytes), text);
    }
}

#[test]
fn leases_are_given_back() {
    let budget = Budget::new(100, BudgetSource::CommandLine);
    let triangles = budget.lease("triangles", 60).unwrap();
    let more = budget.clone().lease("triangles", 10).unwrap();
    let tables = budget.lease("tables", 30).unwrap();
    assert_eq!((triangles.holder(), triangles.bytes()), ("triangles", 60));
    assert_eq!(budget.holders(), [("tables", 30), ("triangles", 70)]);
    assert_eq!((budget.total(), budget.held(), budget.free()), (100, 100, 0));
    drop((triangles, tables));
    assert_eq!(budget.holders(), [("triangles", 10)]);
    drop(more);
    assert_eq!((budget.held(), budget.holders()), (0, vec![]));
}

#[test]
fn too_small_a_budget_tells_which_would_do() {
    let budget = Budget::new(GB, BudgetSource::Config);
    let _held = budget.lease("tables", GB / 4).unwrap();
    let told = budget.lease("triangles", 2 * GB).unwrap_err().to_string();
    assert_eq!(
        told,
        "memory for triangles: found 750 MB free of the budget of 1.00 GB \
         (performance.memory_limit_gb), expected 2.00 GB\nraise the budget to 2250MB with \
         --memory or performance.memory_limit_gb, or take less data"
    );
    assert!(budget.lease("all", u64::MAX).unwrap_err().to_string().contains("raise the budget"));
}

#[test]
fn threads_share_a_budget() {
    let budget = Budget::new(10, BudgetSource::CommandLine);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for bytes in (1..=10).cycle().take(1000) {
                    let lease = budget.lease("lane", bytes);
                    assert!(budget.held() <= budget.total());
                    drop(lease);
                }
            });
        }
    });
    assert_eq!(budget.free(), 10);
}

proptest! {
    #[test]
    fn no_order_of_leases_exceeds_the_total(
        total in 0u64..1000,
        steps in prop::collection::vec((0u64..400, 0usize..3, any::<bool>()), 0..60),
    ) {
        let budget = Budget::new(total, BudgetSource::CommandLine);
        let mut leases: Vec<Lease> = Vec::new();
        for (bytes, holder, give) in steps {
            let fits = bytes <= budget.free();
            let lease = budget.lease(["a", "b", "c"][holder], bytes);
            prop_assert_eq!(fits, lease.is_ok());
            leases.extend(lease);
            if give && !leases.is_empty() {
                drop(leases.swap_remove(bytes as usize % leases.len()));
            }
            let sum: u64 = leases.iter().map(Lease::bytes).sum();
            prop_assert_eq!(budget.held(), sum);
            prop_assert!(sum <= total);
            prop_assert_eq!(budget.holders().iter().map(|h| h.1).sum::<u64>(), sum);
        }
        drop(leases);
        prop_assert_eq!((budget.free(), budget.holders()), (total, vec![]));
    }

    #[test]
    fn any_number_of_bytes_reads_back(bytes in 1u64..) {
        prop_assert_eq!(parse_bytes(&format!("{bytes}B")), Ok(bytes));
        prop_assert_eq!(parse_bytes(&bytes.to_string()), Ok(bytes));
    }

    #[test]
    fn no_text_panics(text in ".{0,12}") {
        let _ = parse_bytes(&text);
    }
}
