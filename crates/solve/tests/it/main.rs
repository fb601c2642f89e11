//! Tests of the solver on problems whose data are spelled out.

mod bounds;
mod classic;
mod decay;
#[expect(unreachable_pub, reason = "shared by the test modules")]
mod explicit;
mod scipy;
mod search;
mod uncertainty;
