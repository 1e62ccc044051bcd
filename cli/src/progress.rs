//! The progress of a fit, on terminals.

use indicatif::{ProgressBar, ProgressStyle};
use vary_runtime::fit::{Observer, Progress};

use crate::output::Output;

/// A bar on stderr with the recent mean of the objective, or nothing.
pub struct Bar(Option<ProgressBar>);

impl Bar {
    /// A bar where the output may be animated.
    pub fn new(output: &Output) -> Self {
        Bar(output.animates().then(|| {
            let bar = ProgressBar::new(0);
            // The template is a constant; were it wrong, indicatif's own style would do.
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} steps  {msg}  {eta} left") {
                bar.set_style(style);
            }
            bar
        }))
    }
}

impl Drop for Bar {
    /// Removes the bar from the terminal.
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Bar {
    fn progress(&mut self, progress: &Progress) {
        if let Some(bar) = &self.0 {
            bar.set_length(progress.steps);
            bar.set_message(format!("objective {:.4}", progress.objective));
            bar.set_position(progress.step);
        }
    }
}
