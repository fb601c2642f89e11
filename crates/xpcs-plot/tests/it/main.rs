//! The page, the text and the pictures of synthetic reports.

mod files;
mod g2;
mod page;
mod posterior;
mod posterior_specimen;
mod specimen;
mod words;
