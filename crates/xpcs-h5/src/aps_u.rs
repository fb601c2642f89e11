//! APS-U: result files of `boost_corr` since 2025, beamline 8-ID.
//!
//! A matrix is found through three lists. `c2_00001 …` count the processed bins; the
//! k-th entry of `processed_bins` is the compressed number b of the k-th of them
//! (1-based, bins without pixels left out); `dynamic_index_mapping` takes b to its
//! natural index n, counted row by row over the (q, φ) grid:
//! q = dim0[n div nφ], φ = dim1[n mod nφ].

use dyne_xpcs_data::{Bin, Catalog, Layout, ReadError};

use crate::frame_time::{self, Factor};
use crate::pixels;
use crate::reader::common_shape;
use crate::source::{Source, suffix};

/// The group of the matrices.
pub(crate) const MAP: &str = "/xpcs/twotime/correlation_map";
const PROCESSED: &str = "/xpcs/twotime/processed_bins";
const QMAP: &str = "/xpcs/qmap";
const DIM_Q: &str = "/xpcs/qmap/dynamic_v_list_dim0";
const DIM_PHI: &str = "/xpcs/qmap/dynamic_v_list_dim1";
const MAPPING: &str = "/xpcs/qmap/dynamic_index_mapping";
const NUM_PTS: &str = "/xpcs/qmap/dynamic_num_pts";
const NAMES: &str = "/xpcs/qmap/map_names";
const LABELS: &str = "/xpcs/qmap/dynamic_roi_map";

const FRAME_TIME: [Factor; 3] = [
    Factor { path: "/entry/instrument/detector_1/frame_time", name: "frame_time", unit: " s" },
    Factor { path: "/xpcs/twotime/config/stride_frame", name: "stride_frame", unit: "" },
    Factor { path: "/xpcs/twotime/config/avg_frame", name: "avg_frame", unit: "" },
];

/// Whether the file has this layout.
pub(crate) fn recognizes(source: &Source) -> bool {
    source.has_group(MAP) && source.has_group(QMAP)
}

/// Reads the lists of the file.
pub(crate) fn catalog(source: &Source) -> Result<Catalog, ReadError> {
    let mut notes = Vec::new();
    check_names(source, &mut notes)?;
    let grid = Grid::read(source, &mut notes)?;
    let matrices = numbered(source, MAP)?;
    let processed = processed(source, matrices.len())?;
    notes.push(
        "c2_ numbers count the entries of processed_bins; they are not bin numbers".to_owned(),
    );
    let mut bins = processed
        .iter()
        .zip(&matrices)
        .map(|(&number, (_, path))| grid.bin(source, number, path))
        .collect::<Result<Vec<_>, _>>()?;
    pixels::count(source, LABELS, &mut bins, &mut notes);
    let paths: Vec<String> = bins.iter().map(|bin| bin.path.clone()).collect();
    let (frames, element) = common_shape(source, MAP, &paths)?;
    let time = frame_time::read(source, &FRAME_TIME)?;
    Ok(Catalog {
        file: source.file.clone(),
        layout: Layout::ApsU,
        bins,
        frames,
        element,
        dt: time.dt,
        dt_searched: time.searched,
        notes,
    })
}

/// Datasets of a group that end in a number, with it, in the order of the numbers.
pub(crate) fn numbered(source: &Source, group: &str) -> Result<Vec<(u32, String)>, ReadError> {
    let expected = "a group of two-time matrices";
    let names = source.backend.members(group).map_err(|e| source.fault(group, expected, e))?;
    let mut found: Vec<(u32, String)> = names
        .iter()
        .filter_map(|name| suffix(name).map(|number| (number, format!("{group}/{name}"))))
        .collect();
    found.sort();
    match found.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        None => Ok(found),
        Some(pair) => Err(source.error(
            group,
            format!("{} and {}", pair[0].1, pair[1].1),
            "one matrix a number",
            "remove one of them",
        )),
    }
}

fn check_names(source: &Source, notes: &mut Vec<String>) -> Result<(), ReadError> {
    match source.optional_texts(NAMES, "the names q and phi")?.as_deref() {
        None => notes.push(format!("{NAMES} is absent; its axes are taken as q and phi")),
        Some([q, phi]) if q.trim() == "q" && phi.trim() == "phi" => {}
        Some(names) => {
            return Err(source.error(
                NAMES,
                format!("the axes {}", names.join(" and ")),
                "the axes q and phi; the models need both",
                "correlate again with a q-phi map",
            ));
        }
    }
    Ok(())
}

fn processed(source: &Source, matrices: usize) -> Result<Vec<u32>, ReadError> {
    let expected = "the numbers of the bins that have a matrix";
    let Some(list) = source.optional_counts(PROCESSED, 1, expected)? else {
        return Err(source.fault(PROCESSED, expected, crate::backend::Fault::Missing));
    };
    if list.len() != matrices {
        return Err(source.error(
            PROCESSED,
            format!("{} bin numbers", list.len()),
            format!("{matrices}, the number of matrices in {MAP}"),
            "the file was not written whole; correlate again",
        ));
    }
    let mut sorted = list.clone();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(list),
        Some(pair) => Err(source.error(
            PROCESSED,
            format!("bin {} twice", pair[0]),
            "every bin once",
            "correlate again",
        )),
    }
}

/// The (q, φ) grid of the qmap.
struct Grid {
    q: Vec<f64>,
    phi: Vec<f64>,
    /// Natural index of each compressed bin.
    natural: Vec<usize>,
}

impl Grid {
    fn read(source: &Source, notes: &mut Vec<String>) -> Result<Self, ReadError> {
        let q = source.numbers(DIM_Q, "the q of every row of the map")?;
        let phi = source.numbers(DIM_PHI, "the phi of every column of the map")?;
        if let Some(counts) = source.optional_numbers(NUM_PTS, "the numbers of q and phi")?
            && counts != [q.len() as f64, phi.len() as f64]
        {
            return Err(source.error(
                NUM_PTS,
                format!("{counts:?}"),
                format!("{} values of q and {} of phi, as in the lists", q.len(), phi.len()),
                "the map is inconsistent; make it again",
            ));
        }
        let natural = match source.optional_counts(MAPPING, 0, "indices into the q-phi grid")? {
            Some(map) => {
                notes.push(format!("bins are numbered through {MAPPING}"));
                map.into_iter().map(|n| n as usize).collect()
            }
            None => {
                notes.push(format!("{MAPPING} is absent; bins are numbered over the whole grid"));
                (0..q.len() * phi.len()).collect()
            }
        };
        Ok(Self { q, phi, natural })
    }

    fn bin(&self, source: &Source, number: u32, path: &str) -> Result<Bin, ReadError> {
        let remedy = "the map is not the one the file was correlated with; correlate again";
        let Some(&natural) = self.natural.get(number as usize - 1) else {
            let expected = format!("at most {}, the number of bins of the map", self.natural.len());
            return Err(source.error(PROCESSED, format!("bin {number}"), expected, remedy));
        };
        if natural >= self.q.len() * self.phi.len() {
            let found = format!("the index {natural} of bin {number}");
            let expected = format!("less than {} q × {} phi", self.q.len(), self.phi.len());
            return Err(source.error(MAPPING, found, expected, remedy));
        }
        let q = self.q[natural / self.phi.len()];
        let phi_deg = self.phi[natural % self.phi.len()];
        if !(q.is_finite() && phi_deg.is_finite()) {
            let found = format!("q {q} and phi {phi_deg} of bin {number}");
            return Err(source.error(DIM_Q, found, "finite values", "correct the map"));
        }
        Ok(Bin { number, q, phi_deg, path: path.to_owned(), pixels: None })
    }
}
