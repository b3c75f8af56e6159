// A desk for triage that lives as long as the page: it takes items, keeps them, gives them back.
import { useEffect, useMemo, useState } from "preact/hooks";
import { api, type Choice, type Filters, type ItemDetail, type Order } from "./api";
import { Desk } from "./desk";
import { preload } from "./preload";
import { picturesOf } from "./stage";
import { useRight, useSession } from "./who";
import { onDecided, tellDecided } from "./windows";

const AHEAD = 4; // items whose pictures are fetched before they are needed

export function useDesk(filters: Filters, order: Order, first: number | null): Desk {
  const [, redraw] = useState(0);
  const canDecide = useRight("decide");
  const { lease_minutes } = useSession();
  const key = JSON.stringify([filters, order, first]);
  // Key stands for filters, order and item
  const desk = useMemo(
    () =>
      new Desk(canDecide ? leasing(filters, order) : reading(filters, order), () =>
        redraw((n) => n + 1),
      ),
    [key],
  );
  useEffect(() => {
    void desk.start(first);
    const renewing = setInterval(() => void desk.renew(), (lease_minutes * 60000) / 3);
    const leaving = () => void desk.close();
    const staying = (event: BeforeUnloadEvent) => {
      if (desk.saving.size) event.preventDefault();
    };
    addEventListener("pagehide", leaving);
    addEventListener("beforeunload", staying);
    return () => {
      clearInterval(renewing);
      removeEventListener("pagehide", leaving);
      removeEventListener("beforeunload", staying);
      void desk.close();
    };
  }, [desk, first, lease_minutes]);
  useEffect(() => onDecided((id) => void desk.elsewhere(id)), [desk]);
  useEffect(() => preload(desk.ahead.slice(0, AHEAD).flatMap(picturesOf)));
  return desk;
}

function leasing(filters: Filters, order: Order) {
  return {
    lease: (n: number, keep: number[], release: number[]) =>
      api.lease(filters, n, keep, release, order),
    decide: async (id: number, choice: Choice) => told(await api.decide(id, choice)),
    undo: async (id: number, version: number) => told(await api.undo(id, version)),
    item: api.item,
    release: api.release,
  };
}

/** An answer, after other windows were told of it. */
function told(answer: { item: ItemDetail }): { item: ItemDetail } {
  tellDecided([answer.item.id]);
  return answer;
}

/** For those who may only look: the queue's own order, nothing is held. */
function reading(filters: Filters, order: Order) {
  let cursor: string | null = null;
  let isAtEnd = false;
  return {
    ...leasing(filters, order),
    release: () => Promise.resolve(),
    lease: async (n: number, keep: number[]) => {
      let items: ItemDetail[] = [];
      let waiting = 0;
      if (n > 0 && !isAtEnd) {
        const page = await api.queue(filters, order, cursor, n);
        cursor = page.next;
        isAtEnd = page.next === null;
        waiting = page.total;
        items = await Promise.all(page.items.map(({ id }) => api.item(id)));
      }
      return { items, expires_at: "", waiting, kept: keep };
    },
  };
}
