// A second window that shows the photograph of the item on the desk of the first.

export interface Followed {
  frame: number;
  item: number;
}

type Message = Followed | "which?";

const channel = new BroadcastChannel("catenary.review.item");
let current: Followed | null = null;

channel.addEventListener("message", ({ data }: MessageEvent<Message>) => {
  if (data === "which?" && current) channel.postMessage(current);
});

/** Tells which item is looked at, to windows that follow and to those that ask later. */
export function announce(item: Followed): () => void {
  current = item;
  channel.postMessage(item);
  return () => {
    if (current === item) current = null;
  };
}

export function follow(seen: (item: Followed) => void): () => void {
  const listener = ({ data }: MessageEvent<Message>) => {
    if (data !== "which?") seen(data);
  };
  channel.addEventListener("message", listener);
  channel.postMessage("which?");
  return () => channel.removeEventListener("message", listener);
}
