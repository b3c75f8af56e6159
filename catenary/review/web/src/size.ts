// The size of an element on the screen, kept up to date.
import type { RefObject } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";
import type { Room } from "./scale";

export function useRoom(element: RefObject<HTMLElement | null>): Room {
  const [room, setRoom] = useState<Room>({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const shown = element.current;
    if (!shown) return;
    const measure = () => setRoom({ width: shown.clientWidth, height: shown.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(shown);
    measure();
    return () => observer.disconnect();
  }, [element]);
  return room;
}
