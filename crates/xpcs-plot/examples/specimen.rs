//! Writes the page, the text and the pictures of a synthetic fit: `specimen FOLDER [BINS [PIXELS]]`.

#[path = "../tests/it/specimen.rs"]
mod specimen;

use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("usage: specimen FOLDER [BINS [PIXELS]]")?;
    let bins: u32 = arguments.next().map_or(Ok(23), |n| n.parse())?;
    let pixels =
        arguments.next().map_or(Ok(dyne_xpcs_plot::map_pixels(bins as usize)), |n| n.parse())?;
    let folder = Path::new(&folder);
    let report = specimen::report(bins, pixels);

    let start = Instant::now();
    let page = dyne_xpcs_plot::html(&report);
    println!("page: {} bytes, maps of {pixels} pixels, {:?}", page.len(), start.elapsed());
    std::fs::write(folder.join("report.html"), page)?;
    std::fs::write(folder.join("report.txt"), dyne_xpcs_plot::text(&report))?;

    let start = Instant::now();
    let pictures = dyne_xpcs_plot::pictures(&report)?;
    println!("{} pictures: {:?}", pictures.len(), start.elapsed());
    for picture in pictures {
        std::fs::write(folder.join(picture.name), picture.png)?;
    }
    Ok(())
}
