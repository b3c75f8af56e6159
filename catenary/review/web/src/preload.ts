// Pictures fetched and decoded before they are needed, so that the next item is there at once.

const KEPT = 240; // pictures; crops are tens of kB
const held = new Map<string, HTMLImageElement>();

export function preload(addresses: readonly string[]): void {
  for (const address of addresses) {
    const known = held.get(address);
    if (known) {
      // Newest last: the oldest goes first.
      held.delete(address);
      held.set(address, known);
      continue;
    }
    const image = new Image();
    image.src = address;
    image.decode().catch(() => held.delete(address));
    held.set(address, image);
  }
  for (const address of held.keys()) {
    if (held.size <= KEPT) break;
    held.delete(address);
  }
}
