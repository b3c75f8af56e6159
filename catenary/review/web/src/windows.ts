// Other windows of this browser in which the same person decides: they get other items, and what is
// decided in one is told to the others.
import { useEffect, useState } from "preact/hooks";

type Message =
  | { kind: "who?" | "here" | "gone"; from: string }
  | { kind: "decided"; ids: readonly number[] };

const channel = new BroadcastChannel("catenary.review.desk");
const own = crypto.getRandomValues(new Uint32Array(2)).join("-");

const say = (message: Message) => channel.postMessage(message);

/** Tells the other windows which items were decided here, or taken back. */
export function tellDecided(ids: readonly number[]): void {
  say({ kind: "decided", ids });
}

/** Calls for each item that is decided in another window, until the function returned is called. */
export function onDecided(seen: (id: number) => void): () => void {
  const listener = ({ data }: MessageEvent<Message>) => {
    if (data.kind === "decided") for (const id of data.ids) seen(id);
  };
  channel.addEventListener("message", listener);
  return () => channel.removeEventListener("message", listener);
}

/** How many other windows have items of this person on their desk. */
export function useOtherWindows(): number {
  const [others, setOthers] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => {
    const listener = ({ data }: MessageEvent<Message>) => {
      if (data.kind === "decided") return;
      setOthers((known) => {
        const now = new Set(known);
        if (data.kind === "gone") now.delete(data.from);
        else now.add(data.from);
        return now;
      });
      if (data.kind === "who?") say({ kind: "here", from: own });
    };
    const leave = () => say({ kind: "gone", from: own });
    channel.addEventListener("message", listener);
    addEventListener("pagehide", leave);
    say({ kind: "who?", from: own });
    return () => {
      leave();
      removeEventListener("pagehide", leave);
      channel.removeEventListener("message", listener);
    };
  }, []);
  return others.size;
}
