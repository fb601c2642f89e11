//! `dyne g2`: one-time correlation functions by age and the decays fitted to them.

use std::fmt::Write;

use dyne_runtime::{Cancel, Resources, Solo, SweepError};
use dyne_xpcs::config::{FitConfig, Override};
use dyne_xpcs::fit::FitError;
use dyne_xpcs::g2::{Ages, Curve, Decay, DecayFit, Value, curves, fit};
use dyne_xpcs::plan::Selection;
use dyne_xpcs::results::ResultFolder;
use dyne_xpcs_data::{Catalog, Matrices};
use serde_json::json;

use crate::args::G2Arguments;
use crate::failure::{Ending, Failure};
use crate::fit::pair;
use crate::progress::Progress;
use crate::{machine, provenance};

/// One curve with its fits.
struct Row {
    q: f64,
    bins: Vec<u32>,
    curve: Curve,
    fits: Vec<DecayFit>,
}

pub(crate) fn run(arguments: &G2Arguments) -> Result<Ending, Failure> {
    static CANCEL: Cancel = Cancel::new();
    let _ = ctrlc::set_handler(|| CANCEL.request());
    let config = FitConfig::from_overrides(&overrides(arguments)?)?;
    let folder = arguments.out.as_deref().map(ResultFolder::create).transpose()?;
    let reader = dyne_xpcs_h5::open(&config.data.file)?;
    let selection = Selection::resolve(&config.data, reader.catalog())?;
    let windows = ages(arguments).windows(selection.frames.len());
    let windows = windows.map_err(|e| Failure::Usage(e.to_string()))?;
    let lanes = machine::lanes(None)?;
    let triangles = reader.read(&selection.positions, selection.frames.clone(), &lanes)?;
    let matrices = Matrices::new(triangles, 0);
    let groups = selection.by_q(reader.catalog());
    let resources = Resources { lanes: &lanes, comm: &Solo, cancel: &CANCEL };
    let cut = curves(&matrices, &groups, &windows, resources).map_err(|error| match error {
        SweepError::Cancelled => Failure::Fit(FitError::Interrupted),
        other => Failure::Usage(other.to_string()),
    })?;
    let progress = Progress::new(&arguments.telling, &CANCEL)?;
    let mut rows = Vec::new();
    for (group, cut) in groups.iter().zip(cut) {
        let bin = |k: &usize| &reader.catalog().bins[selection.positions[*k]];
        for curve in cut {
            let one = |model: &Decay| fit(&curve, *model, selection.dt.seconds, &progress);
            let fits = models(arguments).iter().filter_map(one).collect();
            let bins = group.iter().map(|k| bin(k).number).collect();
            rows.push(Row { q: bin(&group[0]).q, bins, curve, fits });
        }
    }
    progress.clear();
    let dt = selection.dt.seconds;
    let told = report(&rows, &selection, reader.catalog(), provenance::hash(&config.data.file));
    if let Some(folder) = folder {
        folder.write("g2.csv", curves_csv(&rows, dt).as_bytes())?;
        folder.write("fits.csv", fits_csv(&rows, dt).as_bytes())?;
        folder.write("g2.json", format!("{told:#}\n").as_bytes())?;
        folder.publish()?;
    }
    if arguments.json {
        println!("{told:#}");
    } else if !arguments.telling.quiet {
        print!("{}", text(&rows, dt));
    }
    let trusted = rows.iter().flat_map(|row| &row.fits).any(|fit| fit.flags.is_empty());
    Ok(if trusted { Ending::Converged } else { Ending::Reservations })
}

fn overrides(arguments: &G2Arguments) -> Result<Vec<Override>, Failure> {
    // The mode stands there because a configuration has one; only its group `data` is used.
    let mut list = vec![Override::parse("mode=static")?];
    list.push(Override::text("data.file", &arguments.file.to_string_lossy())?);
    let phi: Vec<String> = arguments.phi.iter().map(|range| pair(range)).collect();
    let given = [
        ("data.q", arguments.q.clone()),
        ("data.dt", arguments.dt.clone()),
        ("data.frames", arguments.frames.as_ref().map(|range| pair(range))),
        ("data.phi", (!phi.is_empty()).then(|| format!("[{}]", phi.join(", ")))),
    ];
    for (key, value) in given {
        if let Some(value) = value {
            list.push(Override::parse(&format!("{key}={value}"))?);
        }
    }
    Ok(list)
}

fn ages(arguments: &G2Arguments) -> Ages {
    match (arguments.partials, arguments.window, arguments.step) {
        (Some(count), _, _) => Ages::Partials(count),
        (None, Some(window), Some(step)) => Ages::Sliding { window, step },
        _ => Ages::Full,
    }
}

fn models(arguments: &G2Arguments) -> &'static [Decay] {
    match arguments.model.as_str() {
        "exponential" => &[Decay::Exponential],
        "both" => &[Decay::Kww, Decay::Exponential],
        _ => &[Decay::Kww],
    }
}

fn report(
    rows: &[Row],
    selection: &Selection,
    catalog: &Catalog,
    hash: String,
) -> serde_json::Value {
    let dt = selection.dt.seconds;
    let curves = rows.iter().map(|row| {
        let points = &row.curve.points;
        let flags = |fit: &DecayFit| fit.flags.iter().map(|f| f.words()).collect::<Vec<_>>();
        json!({
            "q": row.q,
            "bins": row.bins,
            "age": row.curve.age.map(|age| age * dt),
            "lag": points.iter().map(|p| p.lag * dt).collect::<Vec<_>>(),
            "g2": points.iter().map(|p| p.mean).collect::<Vec<_>>(),
            "g2_stderr": points.iter().map(|p| p.stderr).collect::<Vec<_>>(),
            "pairs": points.iter().map(|p| p.pairs).collect::<Vec<_>>(),
            "fits": row.fits,
            "reservations": row.fits.iter().map(flags).collect::<Vec<_>>(),
        })
    });
    json!({
        "schema": "dyne-g2/1",
        "convention": "g2 = baseline + contrast*exp(-2*(lag/tau)^exponent)",
        "units": { "q": "1/angstrom", "age": "s", "lag": "s", "tau": "s" },
        "errors": "jackknife over blocks of frames",
        "weights": "equal for every bin of one q: pixel numbers are not known",
        "curves": curves.collect::<Vec<_>>(),
        "warnings": selection.warnings,
        "provenance": {
            "version": env!("CARGO_PKG_VERSION"),
            "git_revision": env!("DYNE_GIT_REVISION"),
            "file": catalog.file,
            "file_hash": hash,
            "layout": catalog.layout.to_string(),
            "frames": [selection.frames.start + 1, selection.frames.end],
            "dt_s": dt,
            "dt_source": selection.dt.derivation,
        },
    })
}

fn curves_csv(rows: &[Row], dt: f64) -> String {
    let mut out = "q (1/angstrom),age from (s),age to (s),lag (s),g2,g2 stderr,pairs\n".to_owned();
    for row in rows {
        let [from, to] = row.curve.age.map(|age| age * dt);
        for p in &row.curve.points {
            let (lag, q) = (p.lag * dt, row.q);
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{q},{from},{to},{lag},{},{},{}", p.mean, p.stderr, p.pairs);
        }
    }
    out
}

fn fits_csv(rows: &[Row], dt: f64) -> String {
    let mut out = "q (1/angstrom),age from (s),age to (s),model,contrast,contrast stderr,tau (s),\
                   tau stderr (s),exponent,exponent stderr,baseline,baseline stderr,reservations\n"
        .to_owned();
    let pair = |v: Value| match v.stderr {
        Some(stderr) => format!("{},{stderr}", v.value),
        None => format!("{},", v.value),
    };
    for row in rows {
        let [from, to] = row.curve.age.map(|age| age * dt);
        for f in &row.fits {
            let values = [f.contrast, f.tau, f.exponent, f.baseline].map(pair).join(",");
            let (q, model) = (row.q, name(f.model));
            let _ = writeln!(out, "{q},{from},{to},{model},{values},{}", words(f));
        }
    }
    out
}

fn name(model: Decay) -> &'static str {
    match model {
        Decay::Kww => "kww",
        Decay::Exponential => "exponential",
    }
}

fn words(fit: &DecayFit) -> String {
    fit.flags.iter().map(|f| f.words().replace(',', "")).collect::<Vec<_>>().join("; ")
}

fn text(rows: &[Row], dt: f64) -> String {
    let mut out = "g2 = baseline + contrast·exp(−2(t/τ)^exponent)\n".to_owned();
    let _ = writeln!(
        out,
        "{:>10} {:>16}  {:<11} {:<16} {:<16} {:<14} {:<18} reservations",
        "q (Å⁻¹)", "age (s)", "model", "contrast", "τ (s)", "exponent", "baseline"
    );
    let value = |v: Value| match v.stderr {
        Some(stderr) => dyne_xpcs_plot::value_with_error(v.value, stderr),
        None => dyne_xpcs_plot::significant(v.value, 4),
    };
    for row in rows {
        let [from, to] = row.curve.age.map(|age| dyne_xpcs_plot::significant(age * dt, 4));
        let (q, age) = (row.q, format!("{from} to {to}"));
        if row.fits.is_empty() {
            let _ = writeln!(out, "{q:>10.6} {age:>16}  no fit: fewer than five lags");
        }
        for f in &row.fits {
            let [c, t, e, b] = [f.contrast, f.tau, f.exponent, f.baseline].map(value);
            let (model, told) = (name(f.model), words(f));
            let _ = writeln!(
                out,
                "{q:>10.6} {age:>16}  {model:<11} {c:<16} {t:<16} {e:<14} {b:<18} {told}"
            );
        }
    }
    out
}
