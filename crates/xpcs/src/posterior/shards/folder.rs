//! Results of shards as files, so that a run can go on or be spread over machines.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use dyne_runtime::{Begin, Event, Flow, Identity, Observer};
use dyne_sample::SavedChains;
use npyz::npz::NpzArchive;
use serde::{Deserialize, Serialize};

use super::ShardsError;
use crate::config::FitConfig;
use crate::results::write_columns;

/// What one shard tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::posterior) struct ShardResult {
    /// Counted from 0.
    pub(in crate::posterior) shard: usize,
    pub(in crate::posterior) pairs: u64,
    /// Chains, draws, coordinates.
    #[serde(skip)]
    pub(in crate::posterior) draws: Vec<Vec<Vec<f64>>>,
    pub(in crate::posterior) r_hat: f64,
    pub(in crate::posterior) ess: f64,
    pub(in crate::posterior) divergences: usize,
    pub(in crate::posterior) evaluations: u64,
    pub(in crate::posterior) mean: Vec<f64>,
    pub(in crate::posterior) sd: Vec<f64>,
    /// Why it cannot be combined.
    pub(in crate::posterior) failure: Option<String>,
    /// Whether that is for want of time only.
    #[serde(skip)]
    pub(in crate::posterior) timed_out: bool,
}

impl ShardResult {
    /// One without draws.
    pub(in crate::posterior) fn failed(shard: usize, pairs: u64, why: String) -> Self {
        Self {
            shard,
            pairs,
            draws: Vec::new(),
            r_hat: 0.0,
            ess: 0.0,
            divergences: 0,
            evaluations: 0,
            mean: Vec::new(),
            sd: Vec::new(),
            failure: Some(why),
            timed_out: false,
        }
    }
}

/// A folder of shards: `plan.json`, and for each shard `shard-001.json` and `shard-001.npz`, while it is
/// sampled `shard-001.alive` and the records of its chains.
#[derive(Debug, Clone)]
pub struct ShardsFolder {
    dir: PathBuf,
    identity: Identity,
    shards: usize,
}

/// Content of `plan.json`.
#[derive(Debug, Serialize, Deserialize)]
struct PlanFile {
    schema: String,
    identity: String,
    shards: usize,
    /// The configuration that the shards are sampled with.
    config: FitConfig,
}

const SCHEMA: &str = "dyne-shards/1";

/// Differences that a message names.
const NAMED: usize = 3;

impl PlanFile {
    /// In what these shards differ from `shards` of `config`, in words.
    fn differences(&self, shards: usize, config: &FitConfig) -> String {
        let mut found = Vec::new();
        if self.shards != shards {
            found.push(format!("{} shards instead of {shards}", self.shards));
        }
        let [theirs, ours] = [&self.config, config].map(|config| {
            let mut all = BTreeMap::new();
            leaves("", serde_json::json!(config.of_result()), &mut all);
            all.remove("posterior.cmc.shards");
            all
        });
        let keys: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
        let of = |all: &BTreeMap<String, String>, key: &str| {
            all.get(key).cloned().unwrap_or_else(|| "nothing".to_owned())
        };
        let changed = keys.into_iter().filter(|key| theirs.get(*key) != ours.get(*key));
        let told =
            |key: &String| format!("{key}: {} instead of {}", of(&theirs, key), of(&ours, key));
        found.extend(changed.take(NAMED).map(told));
        match found.is_empty() {
            true => "data or version of the program differ".to_owned(),
            false => found.join(", "),
        }
    }
}

/// Keys and values of a configuration.
fn leaves(key: &str, value: serde_json::Value, into: &mut BTreeMap<String, String>) {
    match value {
        serde_json::Value::Object(map) => map.into_iter().for_each(|(own, value)| {
            let key = if key.is_empty() { own } else { format!("{key}.{own}") };
            leaves(&key, value, into);
        }),
        value => {
            into.insert(key.to_owned(), value.to_string());
        }
    }
}

impl ShardsFolder {
    /// Opens or begins the folder of some shards.
    ///
    /// # Errors
    /// [`ShardsError::OtherPlan`], [`ShardsError::File`].
    pub fn open(
        dir: &Path,
        identity: Identity,
        shards: usize,
        config: &FitConfig,
    ) -> Result<Self, ShardsError> {
        let path = dir.join("plan.json");
        let text: String = identity.iter().map(|byte| format!("{byte:02x}")).collect();
        match fs::read(&path) {
            Ok(bytes) => {
                let found: PlanFile = serde_json::from_slice(&bytes).map_err(|e| file(&path, e))?;
                if (&found.identity, found.shards) != (&text, shards) {
                    let differences = found.differences(shards, config);
                    return Err(ShardsError::OtherPlan { dir: dir.to_owned(), differences });
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                fs::create_dir_all(dir).map_err(|e| file(dir, e))?;
                let config = config.clone();
                let plan = PlanFile { schema: SCHEMA.into(), identity: text, shards, config };
                write_whole(&path, format!("{:#}\n", serde_json::json!(plan)).as_bytes())?;
            }
            Err(error) => return Err(file(&path, error)),
        }
        Ok(Self { dir: dir.to_owned(), identity, shards })
    }

    /// The configuration that the shards in `dir` are sampled with.
    ///
    /// # Errors
    /// [`ShardsError::File`] where there is none.
    pub fn config(dir: &Path) -> Result<FitConfig, ShardsError> {
        let path = dir.join("plan.json");
        let bytes = fs::read(&path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => ShardsError::NoFolder { dir: dir.to_owned() },
            _ => file(&path, e),
        })?;
        let plan: PlanFile = serde_json::from_slice(&bytes).map_err(|e| file(&path, e))?;
        Ok(plan.config)
    }

    fn path(&self, shard: usize, ending: &str) -> PathBuf {
        self.dir.join(format!("shard-{:03}{ending}", shard + 1))
    }

    /// Where the chains of a shard are kept while they are drawn.
    pub(in crate::posterior) fn saved(&self, shard: usize) -> SavedChains {
        SavedChains { dir: self.path(shard, ""), identity: self.identity, begin: Begin::GoOn }
    }

    /// The result of a shard, if it is there.
    pub(in crate::posterior) fn load(
        &self,
        shard: usize,
    ) -> Result<Option<ShardResult>, ShardsError> {
        let path = self.path(shard, ".json");
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|e| file(&path, e))?,
        };
        let mut result: ShardResult = serde_json::from_slice(&bytes).map_err(|e| file(&path, e))?;
        if result.failure.is_none() {
            result.draws = read_draws(&self.path(shard, ".npz"))?;
        }
        Ok(Some(result))
    }

    /// Keeps the result of a shard; the records of its chains are not needed any longer.
    pub(in crate::posterior) fn store(&self, result: &ShardResult) -> Result<(), ShardsError> {
        if let Some(first) = result.draws.first() {
            let shape = [result.draws.len() as u64, first.len() as u64, first[0].len() as u64];
            let values = result.draws.iter().flatten().flatten().copied().collect();
            let (path, part) = (self.path(result.shard, ".npz"), self.path(result.shard, ".part"));
            write_columns(&part, &[("draws".to_owned(), values)], &shape)
                .map_err(|e| ShardsError::File { path: part.clone(), reason: e.reason })?;
            fs::rename(&part, &path).map_err(|e| file(&path, e))?;
        }
        let text = format!("{:#}\n", serde_json::json!(result));
        write_whole(&self.path(result.shard, ".json"), text.as_bytes())?;
        // What is left behind only takes space.
        let _ = fs::remove_file(self.path(result.shard, ".alive"));
        let _ = fs::remove_dir_all(self.path(result.shard, ""));
        Ok(())
    }

    /// The results of all shards.
    ///
    /// # Errors
    /// [`ShardsError::Missing`] where one is not there, with when it was last heard of.
    pub(in crate::posterior) fn all(
        &self,
        silence: Duration,
    ) -> Result<Vec<ShardResult>, ShardsError> {
        let mut results = Vec::new();
        let mut missing = Vec::new();
        for shard in 0..self.shards {
            match self.load(shard)? {
                Some(result) => results.push(result),
                None => {
                    missing.push(format!("shard {} ({})", shard + 1, self.heard(shard, silence)))
                }
            }
        }
        match missing.is_empty() {
            true => Ok(results),
            false => Err(ShardsError::Missing {
                dir: self.dir.clone(),
                missing: missing.join(", "),
                shards: self.shards,
            }),
        }
    }

    /// When a shard was last heard of.
    fn heard(&self, shard: usize, silence: Duration) -> String {
        let path = self.path(shard, ".alive");
        let age = fs::metadata(&path).and_then(|m| m.modified()).ok();
        let age = age.and_then(|time| SystemTime::now().duration_since(time).ok());
        match (age, fs::read_to_string(&path)) {
            (Some(age), Ok(text)) => {
                let seconds = age.as_secs();
                let state = if age > silence { "dead" } else { "running" };
                format!("{state}: {}, heard {seconds} s ago", text.trim())
            }
            _ => "not begun".to_owned(),
        }
    }
}

fn file(path: &Path, reason: impl ToString) -> ShardsError {
    ShardsError::File { path: path.to_owned(), reason: reason.to_string() }
}

/// Writes beside and renames, so that a file is there whole or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), ShardsError> {
    let part = path.with_extension("part");
    fs::write(&part, bytes).and_then(|()| fs::rename(&part, path)).map_err(|e| file(path, e))
}

fn read_draws(path: &Path) -> Result<Vec<Vec<Vec<f64>>>, ShardsError> {
    let open = fs::File::open(path).map_err(|e| file(path, e))?;
    let mut archive = NpzArchive::new(BufReader::new(open)).map_err(|e| file(path, e))?;
    let array = archive.by_name("draws").map_err(|e| file(path, e))?;
    let array = array.ok_or_else(|| file(path, "no array `draws`"))?;
    let shape: Vec<usize> = array.shape().iter().map(|n| *n as usize).collect();
    let [_, draws, coordinates] = shape[..] else {
        return Err(file(path, "`draws` has not three axes"));
    };
    let values: Vec<f64> = array.into_vec().map_err(|e| file(path, e))?;
    let chain = |chain: &[f64]| chain.chunks(coordinates).map(<[f64]>::to_vec).collect();
    Ok(values.chunks(draws * coordinates).map(chain).collect())
}

/// Tells others that a shard is being sampled, and when it has taken too long.
pub(in crate::posterior) struct Alive<'a> {
    path: PathBuf,
    began: Instant,
    timeout: Duration,
    told: Mutex<Option<Instant>>,
    draws: AtomicU64,
    /// Number of the shard, from 1, and shards.
    shard: (usize, usize),
    observer: &'a dyn Observer,
}

/// How often a sign of life is given.
const BEAT: Duration = Duration::from_secs(5);

impl<'a> Alive<'a> {
    pub(in crate::posterior) fn new(
        folder: &ShardsFolder,
        shard: usize,
        timeout: f64,
        observer: &'a dyn Observer,
    ) -> Self {
        Self {
            path: folder.path(shard, ".alive"),
            began: Instant::now(),
            timeout: Duration::try_from_secs_f64(timeout).unwrap_or(Duration::MAX),
            told: Mutex::new(None),
            draws: AtomicU64::new(0),
            shard: (shard + 1, folder.shards),
            observer,
        }
    }

    /// Whether the shard has taken too long.
    pub(in crate::posterior) fn timed_out(&self) -> bool {
        self.began.elapsed() > self.timeout
    }
}

impl Observer for Alive<'_> {
    fn event(&self, event: &Event) -> Flow {
        if *event == Event::Drawn {
            self.draws.fetch_add(1, Ordering::Relaxed);
        }
        let mut told = self.told.lock().expect("nobody panics with the lock held");
        if told.is_none_or(|last| last.elapsed() >= BEAT) {
            *told = Some(Instant::now());
            let draws = self.draws.load(Ordering::Relaxed);
            // A sign of life that cannot be given is missed by others only.
            let _ = fs::write(&self.path, format!("{draws} draws of all its chains\n"));
        }
        drop(told);
        let mut event = event.clone();
        if let Event::Sampling { shard, .. } = &mut event {
            *shard = Some(self.shard);
        }
        match self.observer.event(&event) {
            Flow::Continue if !self.timed_out() => Flow::Continue,
            _ => Flow::Stop,
        }
    }
}
