//! The page, the text and the pictures of synthetic reports.

mod files;
mod g2;
mod page;
mod specimen;
mod words;
