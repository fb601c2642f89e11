use std::num::NonZeroUsize;

use super::*;

const GIB: u64 = 1 << 30;

/// A root folder with files, and an environment.
struct Tree {
    root: tempfile::TempDir,
    variables: BTreeMap<String, String>,
}

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let tree = Self { root, variables: BTreeMap::new() };
        for (path, text) in files {
            tree.write(path, text);
        }
        tree
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// CPUs whose cores and packages are these.
    fn cpus(self, allowed: &str, cores: &[(usize, usize)]) -> Self {
        self.write("sys/devices/system/cpu/online", format!("0-{}\n", cores.len() - 1));
        self.write("proc/self/status", format!("Name:\tdyne\nCpus_allowed_list:\t{allowed}\n"));
        for (cpu, (package, core)) in cores.iter().enumerate() {
            let folder = format!("sys/devices/system/cpu/cpu{cpu}/topology");
            self.write(&format!("{folder}/physical_package_id"), format!("{package}\n"));
            self.write(&format!("{folder}/core_id"), format!("{core}\n"));
        }
        self
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    fn machine(&self) -> Machine {
        let variables = self.variables.clone();
        let variable = move |name: &str| variables.get(name).cloned();
        let parallelism = NonZeroUsize::new(3).unwrap();
        Machine::of(&System::at(self.root.path(), variable, parallelism))
    }
}

/// Four cores of two CPUs.
const LAPTOP: [(usize, usize); 8] =
    [(0, 0), (0, 0), (0, 1), (0, 1), (0, 2), (0, 2), (0, 3), (0, 3)];

#[track_caller]
fn threads(machine: &Machine, count: usize, phrase: &str) {
    let threads = machine.threads();
    assert_eq!(threads.count.get(), count);
    let told = threads.limit.to_string();
    assert!(told.contains(phrase), "{phrase:?} is not in {told:?}");
}

#[test]
fn a_system_that_tells_nothing_has_threads() {
    let machine = Tree::new(&[]).machine();
    threads(&machine, 3, "CPUs as the system tells them");
    assert_eq!(machine.memory, Memory::default());
    assert_eq!(machine.limits, Limits::default());
    assert_eq!(machine.allocation, None);
    assert!(machine.topology.allowed_nodes().is_empty());
}

#[test]
fn files_of_junk_are_as_none() {
    let paths = [
        "proc/cpuinfo",
        "proc/meminfo",
        "proc/self/status",
        "proc/self/cgroup",
        "proc/self/limits",
        "sys/devices/system/cpu/online",
        "sys/devices/system/node/node0/cpulist",
        "sys/devices/system/cpu/cpu0/cache/index0/size",
        "sys/fs/cgroup/memory.max",
    ];
    let tree = Tree::new(&[]);
    for path in paths {
        tree.write(path, b"\xff:::\n- kB : -,\n0::\n:\n");
    }
    assert_eq!(tree.machine().limits, Limits::default());
}

#[test]
fn a_laptop_has_cores_and_no_limits() {
    let tree = Tree::new(&[
        ("proc/cpuinfo", "processor\t: 0\nmodel name\t: Laptop CPU @ 2 GHz\nprocessor\t: 1\n"),
        ("proc/meminfo", "MemTotal:       16000000 kB\nMemFree: 1 kB\nMemAvailable: 8000000 kB\n"),
        ("proc/self/cgroup", "0::/user.slice/session.scope\n"),
        ("proc/self/limits", "Max address space         unlimited   unlimited   bytes\n"),
        ("sys/fs/cgroup/user.slice/memory.max", "max\n"),
        ("sys/fs/cgroup/user.slice/cpu.max", "max 100000\n"),
        ("sys/devices/system/cpu/cpu0/cache/index0/level", "1\n"),
        ("sys/devices/system/cpu/cpu0/cache/index0/type", "Data\n"),
        ("sys/devices/system/cpu/cpu0/cache/index0/size", "48K\n"),
        ("sys/devices/system/cpu/cpu0/cache/index0/shared_cpu_list", "0-1\n"),
        ("sys/devices/system/cpu/cpu0/cache/index1/level", "3\n"),
        ("sys/devices/system/node/node0/cpulist", "0-7\n"),
        ("sys/devices/system/node/node0/meminfo", "Node 0 MemTotal:   15000000 kB\n"),
    ]);
    let machine = tree.cpus("0-7", &LAPTOP).machine();
    let topology = &machine.topology;
    assert_eq!(topology.cpu_model.as_deref(), Some("Laptop CPU @ 2 GHz"));
    assert_eq!((topology.online.len(), topology.cores.len()), (8, 4));
    assert_eq!(
        topology.caches,
        [Cache { level: 1, kind: "Data".into(), bytes: 48 << 10, shared: vec![0, 1] }]
    );
    let memory = Some(15_000_000 << 10);
    assert_eq!(topology.nodes, [Node { number: 0, cpus: (0..8).collect(), memory }]);
    assert_eq!(machine.limits, Limits::default());
    assert_eq!(machine.memory.total, Some(16_000_000 << 10));
    assert_eq!(machine.memory.available, Some(8_000_000 << 10));
    threads(&machine, 4, "physical cores that this process may use");
}

#[test]
fn the_smallest_limit_of_a_group_and_its_parents_counts() {
    let tree = Tree::new(&[
        ("proc/self/cgroup", "0::/job/step/task\n"),
        ("proc/self/limits", "Max address space  8589934592  unlimited  bytes\n"),
        ("sys/fs/cgroup/job/memory.max", "4294967296\n"),
        ("sys/fs/cgroup/job/cpu.max", "250000 100000\n"),
        ("sys/fs/cgroup/job/step/memory.max", "8589934592\n"),
        ("sys/fs/cgroup/job/step/cpu.max", "max 100000\n"),
        ("sys/fs/cgroup/job/step/task/memory.max", "max\n"),
    ]);
    let machine = tree.cpus("0-7", &LAPTOP).machine();
    let expected = Limits { memory: Some(4 * GIB), cpus: Some(2.5), address_space: Some(8 * GIB) };
    assert_eq!(machine.limits, expected);
    threads(&machine, 3, "CPU quota of the control group: 2.50 CPUs, rounded up");
}

#[test]
fn version_1_has_a_tree_for_each_controller() {
    let tree = Tree::new(&[
        ("proc/self/cgroup", "9:name=systemd:/x\n4:memory:/job/step\n3:cpu,cpuacct:/job\n0::/\n"),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "2147483648\n"),
        ("sys/fs/cgroup/memory/job/step/memory.limit_in_bytes", "9223372036854771712\n"),
        ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n"),
        ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
        ("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "20000\n"),
        ("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n"),
    ]);
    let machine = tree.cpus("0-7", &LAPTOP).machine();
    assert_eq!(machine.limits.memory, Some(2 * GIB));
    assert_eq!(machine.limits.cpus, Some(0.2));
    threads(&machine, 1, "0.20 CPUs");
}

#[test]
fn a_container_has_its_limits_at_the_mount() {
    for path in ["/docker/0123abcd", "/../../docker/0123abcd", "/"] {
        let second = Tree::new(&[("sys/fs/cgroup/memory.max", "1073741824\n")]);
        second.write("proc/self/cgroup", format!("0::{path}\n"));
        second.write("sys/fs/cgroup/cpu.max", "200000 100000\n");
        let limits = second.machine().limits;
        assert_eq!((limits.memory, limits.cpus), (Some(GIB), Some(2.0)), "{path}");
        let first = Tree::new(&[("sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n")]);
        first.write("proc/self/cgroup", format!("4:memory:{path}\n"));
        assert_eq!(first.machine().limits.memory, Some(GIB), "{path}");
    }
}

#[test]
fn the_table_of_mounts_tells_where_groups_are() {
    let table = "24 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
         33 24 0:29 / /cg/cpu\\040time rw,relatime shared:9 - cgroup none rw,cpuacct,cpu\n\
         35 24 0:30 /docker/0123 /cg/memory ro - cgroup cgroup rw,memory\n\
         41 24 0:38 / /cg/unified rw - cgroup2 cgroup2 rw,nsdelegate\n";
    let tree = Tree::new(&[
        ("proc/self/mountinfo", table),
        ("proc/self/cgroup", "4:memory:/docker/0123/job\n2:cpuacct,cpu:/job\n0::/job\n"),
        ("cg/memory/memory.limit_in_bytes", "8589934592\n"),
        ("cg/memory/job/memory.limit_in_bytes", "4294967296\n"),
        ("cg/cpu time/job/cpu.cfs_quota_us", "150000\n"),
        ("cg/cpu time/job/cpu.cfs_period_us", "100000\n"),
        ("cg/unified/job/memory.max", "2147483648\n"),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "1\n"),
    ]);
    let limits = tree.machine().limits;
    assert_eq!((limits.memory, limits.cpus), (Some(2 * GIB), Some(1.5)));
    // A group of which only the mount itself is seen, and one with a longer name.
    for path in ["/kubepods/pod", "/docker/01234/job"] {
        tree.write("proc/self/cgroup", format!("4:memory:{path}\n"));
        assert_eq!(tree.machine().limits.memory, Some(8 * GIB), "{path}");
    }
}

#[test]
fn cores_of_several_dies_are_counted_apart() {
    let tree = Tree::new(&[]).cpus("0-3", &[(0, 0), (0, 1), (0, 0), (0, 1)]);
    for (cpu, die) in [(0, 0), (1, 0), (2, 1), (3, 1)] {
        tree.write(&format!("sys/devices/system/cpu/cpu{cpu}/topology/die_id"), format!("{die}\n"));
    }
    assert_eq!(tree.machine().topology.cores.len(), 4);
}

#[test]
fn slurm_gives_memory_by_cpu_or_by_node() {
    let job = || Tree::new(&[]).cpus("0-7", &LAPTOP).set("SLURM_JOB_ID", "42");
    let by_cpu = job().set("SLURM_CPUS_PER_TASK", "2").set("SLURM_MEM_PER_CPU", "1024").machine();
    let given = by_cpu.allocation.clone().unwrap();
    assert_eq!((given.scheduler, given.job.as_str()), (Scheduler::Slurm, "42"));
    assert_eq!((given.cpus, given.memory), (NonZeroUsize::new(2), Some(2 * GIB)));
    threads(&by_cpu, 2, "CPUs that SLURM gives to a task: 2");
    let by_node = job()
        .set("SLURM_CPUS_ON_NODE", "32")
        .set("SLURM_NTASKS_PER_NODE", "4")
        .set("SLURM_MEM_PER_NODE", "4096")
        .machine();
    let given = by_node.allocation.clone().unwrap();
    assert_eq!((given.cpus, given.memory), (NonZeroUsize::new(8), Some(GIB)));
    threads(&by_node, 4, "physical cores");
    let all_of_it = job().set("SLURM_MEM_PER_NODE", "0").machine().allocation.unwrap();
    assert_eq!((all_of_it.cpus, all_of_it.memory), (None, None));
    let with_unit = job().set("SLURM_MEM_PER_NODE", "3G").machine().allocation.unwrap();
    assert_eq!(with_unit.memory, Some(3 * GIB));
    let outside = Tree::new(&[]).set("SLURM_CPUS_PER_TASK", "2").machine();
    assert_eq!(outside.allocation, None);
}

#[test]
fn pbs_gives_memory_with_a_unit() {
    let job = |size: &str| {
        let tree = Tree::new(&[]).set("PBS_JOBID", "7.server").set("NCPUS", "16");
        tree.set("PBS_RESC_MEM", size).machine().allocation.unwrap()
    };
    let sizes = [
        ("1073741824", Some(GIB)),
        ("1048576kb", Some(GIB)),
        ("1024MB", Some(GIB)),
        ("3gb", Some(3 * GIB)),
        ("1tb", Some(1024 * GIB)),
        ("much", None),
    ];
    for (size, memory) in sizes {
        assert_eq!(job(size).memory, memory, "{size}");
    }
    assert_eq!((job("3gb").scheduler, job("3gb").cpus), (Scheduler::Pbs, NonZeroUsize::new(16)));
    let older = Tree::new(&[]).set("PBS_JOBID", "7").set("PBS_NUM_PPN", "2").set("NCPUS", "16");
    assert_eq!(older.machine().allocation.unwrap().cpus, NonZeroUsize::new(2));
}

#[test]
fn half_of_two_nodes_with_two_cpus_a_core() {
    // Two packages of two cores; the second CPUs of the cores come after all first ones.
    let cores = [(0, 0), (0, 1), (1, 0), (1, 1), (0, 0), (0, 1), (1, 0), (1, 1)];
    let tree = Tree::new(&[
        ("sys/devices/system/node/node0/cpulist", "0-1,4-5\n"),
        ("sys/devices/system/node/node1/cpulist", "2-3,6-7\n"),
        ("sys/devices/system/node/node2/cpulist", "\n"),
    ]);
    let machine = tree.cpus("2-3,6-7,64-127", &cores).machine();
    let topology = &machine.topology;
    assert_eq!(topology.cores.len(), 4);
    assert_eq!(topology.nodes.len(), 3);
    assert_eq!(topology.allowed_cores(), [[2, 6], [3, 7]]);
    let node = Node { number: 1, cpus: vec![2, 3, 6, 7], memory: None };
    assert_eq!(topology.allowed_nodes(), [node]);
    threads(&machine, 2, "physical cores");
}

#[test]
fn cpus_without_cores_count_each() {
    let tree = Tree::new(&[
        ("proc/cpuinfo", "processor\t: 0\nprocessor\t: 1\n"),
        ("proc/self/status", "Cpus_allowed_list:\t0-1\n"),
    ]);
    threads(&tree.machine(), 2, "the system does not tell their cores");
}

#[test]
fn variables_of_ours_are_kept_and_no_others() {
    let machine = Tree::new(&[]).set(THREADS, "5").set("HOME", "/").machine();
    assert_eq!(machine.variables, BTreeMap::from([(THREADS, "5".to_owned())]));
}
