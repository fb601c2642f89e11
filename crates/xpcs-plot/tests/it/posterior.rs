//! Pictures, page and text of a posterior.

use dyne_xpcs::posterior::report::{PosteriorReport, Trace};
use dyne_xpcs_plot::{Picture, posterior_html, posterior_pictures, posterior_text};

use crate::page::assert_balanced;
use crate::posterior_specimen::{Size, report, report_with_shards, sample};

const USUAL: Size = Size { parameters: 7, chains: 4, draws: 700, bins: 13 };
const SMALL: Size = Size { parameters: 3, chains: 2, draws: 100, bins: 1 };

#[test]
#[ignore]
fn dump() {
    let dir = std::env::var("DUMP").unwrap();
    let size = Size { draws: 1500, ..USUAL };
    let r = report_with_shards(size);
    for p in posterior_pictures(&r).unwrap() {
        std::fs::write(format!("{dir}/{}", p.name), p.png).unwrap();
    }
    std::fs::write(format!("{dir}/page.html"), posterior_html(&r)).unwrap();
    std::fs::write(format!("{dir}/text.txt"), posterior_text(&r)).unwrap();
    for (name, r) in [
        ("big", report_with_shards(Size { parameters: 14, chains: 12, draws: 5000, bins: 23 })),
        ("small", report(SMALL)),
        ("one", report(Size { parameters: 1, chains: 1, draws: 300, bins: 0 })),
        ("odd", odd()),
    ] {
        std::fs::create_dir_all(format!("{dir}/{name}")).unwrap();
        for p in posterior_pictures(&r).unwrap() {
            std::fs::write(format!("{dir}/{name}/{}", p.name), p.png).unwrap();
        }
        std::fs::write(format!("{dir}/{name}/page.html"), posterior_html(&r)).unwrap();
        std::fs::write(format!("{dir}/{name}/text.txt"), posterior_text(&r)).unwrap();
    }
}

/// A report in which about everything is missing, constant or not a number.
fn odd() -> PosteriorReport {
    let mut out = report_with_shards(SMALL);
    let headline = &mut out.samples[0];
    headline.trace.values[0][0].fill(2964.0);
    headline.trace.values[1][1].fill(f64::NAN);
    headline.trace.values[2].iter_mut().for_each(|chain| chain.fill(7.0));
    headline.trace.values[0][1][3] = f64::INFINITY;
    headline.trace.energy[0].fill(f64::NAN);
    headline.trace.energy[1].fill(1.0);
    headline.trace.divergent[0].push(100_000);
    headline.energy_fractions = vec![f64::NAN; 2];
    let p = &mut headline.parameters[1];
    (p.r_hat, p.ess_bulk, p.ess_tail, p.mcse_mean) = (f64::NAN, f64::NAN, f64::INFINITY, f64::NAN);
    (p.fit, p.fit_stderr, p.sd_independent) = (f64::NAN, None, f64::NAN);
    p.spread.quantiles = [f64::NAN; 5];
    p.spread.sd = f64::NAN;
    p.prior_draws.clear();
    let (cut, band) = &mut out.predictive[0].cuts[0];
    cut.data.fill(f64::NAN);
    cut.lag_s[0] = 0.0;
    band.quantiles.truncate(5);
    out.rates[0].band.quantiles.iter_mut().for_each(|q| q[4] = f64::INFINITY);
    out.rates[1].fit.clear();
    out.shards.as_mut().unwrap().shards[0].mean.clear();
    out
}
