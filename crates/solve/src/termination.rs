//! Why an optimiser ended.

/// Why an optimiser ended. Ending is data: every one of these comes with the best point found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Termination {
    /// The last step lowered the cost by less than the relative tolerance `ftol`.
    Cost,
    /// The last step moved the parameters by less than the relative tolerance `xtol`.
    Step,
    /// The projected gradient is below `gtol`.
    Gradient,
    /// What is left to gain is less than the rounding of the cost.
    Resolution,
    /// The limit of evaluations was reached.
    SweepLimit,
    /// No step, however short, lowers the cost, although the gradient says that one should.
    RadiusCollapsed,
    /// The caller asked to stop.
    Stopped,
}

impl Termination {
    /// Whether a test for a minimum was met.
    pub fn is_converged(self) -> bool {
        matches!(self, Self::Cost | Self::Step | Self::Gradient | Self::Resolution)
    }

    /// One sentence for a report.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Cost => "converged: the last step lowered the cost by less than ftol",
            Self::Step => "converged: the last step moved the parameters by less than xtol",
            Self::Gradient => "converged: the projected gradient is below gtol",
            Self::Resolution => {
                "converged: what is left to gain is less than the rounding of the cost"
            }
            Self::SweepLimit => "not converged: the limit of evaluations was reached",
            Self::RadiusCollapsed => {
                "not converged: no step, however short, lowers the cost although the gradient is \
                 not small"
            }
            Self::Stopped => "interrupted: the best point so far is reported",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_say_whether_it_converged() {
        use Termination::*;
        for end in [Cost, Step, Gradient, Resolution, SweepLimit, RadiusCollapsed, Stopped] {
            assert_eq!(end.sentence().starts_with("converged"), end.is_converged(), "{end:?}");
        }
    }
}
