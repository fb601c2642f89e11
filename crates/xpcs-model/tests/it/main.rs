//! Derivatives, limits and reference numbers of the models.

mod curves;
mod derivatives;
mod dual;
mod golden;
mod heterodyne;
mod limits;
mod rows;
mod two_component_limits;
