//! Loops for scans.

use super::emit::Emitter;
use super::schedule::Loop;
use super::storage::Storage;
use vary_core::axis::AxisSet;
use vary_runtime::program as rt;
use vary_runtime::program::Instr;

impl<'p> Emitter<'p> {
    /// A recurrence: carried values stand in buffers of one step, overwritten at the end of each.
    pub(super) fn recurrence(&mut self, scan: &Loop<'p>) {
        let depth = self.out.depth();
        let open: AxisSet = self.out.open_axes().chain([scan.axis]).collect();
        let mut carried = Vec::new();
        for carry in &scan.carries {
            let axes = self.axes(carry.var).minus(&open);
            let mut current = self.out.buffer(&self.name(carry.var), &axes);
            current.current = depth + 1;
            let init = self.storage(carry.init).clone();
            self.copy(&axes, &current, &init);
            // All values, for those who read them after the loop.
            let common = self.facts.uses.common[carry.var.0 as usize];
            let all = (common <= depth).then(|| self.allocate(carry.var, common));
            carried.push((current, all));
        }
        self.out.open(scan.axis);
        for (carry, (current, all)) in scan.carries.iter().zip(&carried) {
            self.storage[carry.var.0 as usize] = Some(current.clone());
            if let Some(all) = all {
                self.copy(self.axes(carry.var), all, current);
            }
        }
        scan.body.iter().for_each(|node| self.node(node));
        // All at once: what is itself carried is saved before it is overwritten.
        let mut nexts: Vec<Storage> =
            scan.carries.iter().map(|carry| self.storage(carry.next).clone()).collect();
        for (at, carry) in scan.carries.iter().enumerate() {
            let overwritten = carried[..at].iter().any(|(current, _)| current.buffer == nexts[at].buffer);
            if overwritten {
                let axes = self.axes(carry.var).minus(&open);
                let saved = self.out.buffer(&format!("{}.next", self.name(carry.var)), &axes);
                self.copy(&axes, &saved, &nexts[at]);
                nexts[at] = saved;
            }
        }
        for ((carry, (current, _)), next) in scan.carries.iter().zip(&carried).zip(&nexts) {
            if current.buffer != next.buffer {
                self.copy(self.axes(carry.var), current, next);
            } else if current != next {
                // A carried value that moves its own axes.
                let axes = self.axes(carry.var).minus(&open);
                let saved = self.out.buffer(&format!("{}.next", self.name(carry.var)), &axes);
                self.copy(&axes, &saved, next);
                self.copy(&axes, current, &saved);
            }
        }
        let body = self.out.close();
        let size = self.out.layout.size(scan.axis);
        self.out.push(Instr::Loop(rt::Loop { size, reverse: scan.reverse, body }));
        for (carry, (_, all)) in scan.carries.iter().zip(carried) {
            if all.is_some() {
                self.storage[carry.var.0 as usize] = all;
            }
        }
    }
}
