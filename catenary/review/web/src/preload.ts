// Pictures fetched and decoded before they are needed, so that the next item is there at once.

const KEPT = 240; // pictures; crops are tens of kB
const held = new Map<string, HTMLImageElement>();
const given = new Map<string, string>();

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

/** Keeps a picture that came with something else, so that it is not asked for at its address. */
export function give(address: string, picture: string): void {
  given.delete(address);
  given.set(address, picture);
  for (const oldest of given.keys()) {
    if (given.size <= KEPT) break;
    given.delete(oldest);
  }
}

/** Where a picture is: here, where it was given, else at its address. */
export function sourceOf(address: string): string {
  return given.get(address) ?? address;
}
