//! Derivatives, limits and reference numbers of the models.

mod derivatives;
mod dual;
mod golden;
mod limits;
mod rows;
