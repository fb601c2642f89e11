//! Derivatives, limits and reference numbers of the models.

mod curves;
mod decays;
mod derivatives;
mod dual;
mod golden;
mod heterodyne;
mod limits;
mod over_q;
mod rows;
mod two_component_limits;
