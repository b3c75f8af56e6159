// A second window that shows the photograph of the item on the desk of the first.

export interface Followed {
  frame: number;
  item: number;
}

const channel = new BroadcastChannel("catenary.review.item");

export function announce(item: Followed): void {
  channel.postMessage(item);
}

export function follow(seen: (item: Followed) => void): () => void {
  const listener = (event: MessageEvent<Followed>) => seen(event.data);
  channel.addEventListener("message", listener);
  return () => channel.removeEventListener("message", listener);
}
