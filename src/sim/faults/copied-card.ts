// Somebody copies a node's card and starts a second board from it, in the same network.
import type { NodeFault } from "./fault.ts";

export const copiedCard: NodeFault = (node, { twinOf }) => {
  const twin = node.up && node.twin === null ? twinOf(node) : null;
  if (twin === null) return null;
  twin.disk.replace(node.disk.copy());
  twin.disk.start();
  node.twin = twin;
  twin.start();
  return () => {
    twin.remove();
    node.damages += 1;
    node.twin = null;
    node.hadTwinMs = node.nowMs;
    // What the page says: give one of them a card of its own, and start both anew.
    if (!node.up) return;
    node.stopInOrder();
    node.rise();
  };
};
