import { beforeEach, expect, test } from "vitest";
import { ApiError, type Choice, type ItemDetail, type Leased } from "./api";
import { Desk, type Server } from "./desk";

/** A server in a few lines: versions, leases and refusals as the real one answers them. */
class FakeServer implements Server {
  open = Array.from({ length: 30 }, (_, i) => i + 1);
  decided: [number, string][] = [];
  released: number[] = [];
  fails: ApiError[] = [];
  version = new Map<number, number>();

  async lease(n: number, keep: number[], release: number[]): Promise<Leased> {
    this.released.push(...release);
    const items = this.open.filter((id) => !keep.includes(id)).slice(0, n);
    this.open = this.open.filter((id) => !items.includes(id));
    return {
      items: items.map((id) => this.detail(id)),
      expires_at: "",
      waiting: this.open.length,
      kept: keep,
    };
  }
  async decide(id: number, choice: Choice): Promise<{ item: ItemDetail }> {
    const failure = this.fails.shift();
    if (failure) throw failure;
    this.decided.push([id, choice.decision]);
    this.version.set(id, choice.version + 1);
    return { item: { ...this.detail(id), reviewer: "me", can_undo: true } };
  }
  async undo(id: number, version: number): Promise<{ item: ItemDetail }> {
    this.decided.push([id, "undo"]);
    this.version.set(id, version + 1);
    return { item: this.detail(id) };
  }
  async release(ids: number[]): Promise<void> {
    this.released.push(...ids);
  }
  async item(id: number): Promise<ItemDetail> {
    return this.detail(id);
  }
  detail(id: number): ItemDetail {
    return {
      id,
      version: this.version.get(id) ?? 1,
      state: "open",
      reviewer: null,
      can_undo: false,
      allowed: ["confirm", "reject", "observe", "cannot_judge"],
    } as unknown as ItemDetail;
  }
}

let server: FakeServer;
let desk: Desk;
const landed = () => new Promise((resolve) => setTimeout(resolve));

beforeEach(async () => {
  server = new FakeServer();
  desk = new Desk(
    server,
    () => {},
    (call) => setTimeout(call),
  );
  await desk.start(null);
});

test("the next item is shown before the server has answered", () => {
  desk.decide({ decision: "confirm" });
  expect(desk.current?.id).toBe(2);
  expect(server.decided).toEqual([[1, "confirm"]]);
  expect(desk.saving).toEqual(new Set([1]));
});

test("items are always ready ahead, each once", async () => {
  for (let i = 0; i < 30; i++) {
    desk.decide({ decision: "reject" });
    await landed();
    expect(desk.ahead.length).toBeGreaterThanOrEqual(Math.min(3, 29 - i - 1));
  }
  expect(server.decided.map(([id]) => id)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
  expect(desk.current).toBeUndefined();
});

test("an item chosen in the queue comes first and not again", async () => {
  desk = new Desk(server, () => {});
  await desk.start(9);
  expect(desk.items.map(({ id }) => id).filter((id) => id === 9)).toEqual([9]);
  expect(desk.current?.id).toBe(9);
});

test("undo goes back to the newest decision, waiting for it to be saved", async () => {
  desk.decide({ decision: "confirm" });
  desk.decide({ decision: "reject" });
  const undone = desk.undo();
  expect(desk.current?.id).toBe(2);
  await undone;
  expect(server.decided.at(-1)).toEqual([2, "undo"]);
  expect(desk.current?.version).toBe(3);
  expect(desk.decided).toBe(1);
});

/** Answers of the server wait until they are let go. */
function slow(): () => void {
  let go = () => {};
  const wait = new Promise<void>((resolve) => {
    go = resolve;
  });
  const [decide, undo] = [server.decide.bind(server), server.undo.bind(server)];
  server.decide = async (id, choice) => wait.then(() => decide(id, choice));
  server.undo = async (id, version) => wait.then(() => undo(id, version));
  return go;
}

test("two undos pressed before the server has answered take back two decisions", async () => {
  const go = slow();
  desk.decide({ decision: "confirm" });
  desk.decide({ decision: "reject" });
  const undone = [desk.undo(), desk.undo()];
  go();
  await Promise.all(undone);
  const undos = server.decided.filter(([, what]) => what === "undo").map(([id]) => id);
  expect(undos.toSorted()).toEqual([1, 2]);
  expect(desk.current?.id).toBe(1);
  expect(desk.decided).toBe(0);
  expect(desk.refusals).toEqual([]);
});

test("what is decided right after an undo is not lost, and once only", async () => {
  desk.decide({ decision: "confirm" });
  await landed();
  const go = slow();
  const undone = desk.undo();
  desk.decide({ decision: "reject" });
  desk.decide({ decision: "reject" });
  expect(desk.current?.id).toBe(1);
  go();
  await undone;
  for (let i = 0; i < 3; i++) await landed();
  expect(server.decided).toEqual([
    [1, "confirm"],
    [1, "undo"],
    [1, "reject"],
  ]);
  expect(desk.current?.id).toBe(2);
});

test("what is decided while an earlier decision is refused is not sent unseen", async () => {
  desk.decide({ decision: "confirm" });
  const now = { id: 1, version: 7, state: "rejected", reviewer: "li", allowed: ["confirm"] };
  server.decide = async () => {
    throw new ApiError(409, "stale", "changed", [now as never], []);
  };
  await landed();
  desk.decide({ decision: "confirm" });
  desk.show(2);
  desk.decide({ decision: "confirm" });
  for (let i = 0; i < 3; i++) await landed();
  expect(server.decided).toEqual([[1, "confirm"]]);
  expect(desk.refusals).toHaveLength(1);
});

test("a stale decision is told, does not count, and the item is as the server says", async () => {
  const now = { id: 1, version: 7, state: "rejected", reviewer: "li", allowed: [] };
  server.fails.push(new ApiError(409, "stale", "changed", [now as never], []));
  desk.decide({ decision: "confirm" });
  await landed();
  expect(desk.refusals).toHaveLength(1);
  expect(desk.refusals[0]?.item).toMatchObject({ id: 1, version: 7, reviewer: "li" });
  expect(desk.decided).toBe(0);
  expect(desk.current?.id).toBe(2);
});

test("a decision is tried again until the server is back", async () => {
  const gone = new ApiError(503, "store_gone", "gone", [], []);
  server.fails.push(gone, gone);
  desk.decide({ decision: "observe" });
  await landed();
  expect(desk.unsaved).toEqual(new Set([1]));
  for (let i = 0; i < 5; i++) await landed();
  expect(server.decided).toEqual([[1, "observe"]]);
  expect(desk.unsaved.size).toBe(0);
  expect(desk.refusals).toEqual([]);
});

test("once the server is back nobody is told that it is away", async () => {
  const gone = new ApiError(0, "offline", "", [], []);
  const lease = server.lease.bind(server);
  server.lease = async () => {
    throw gone;
  };
  await desk.renew();
  expect(desk.error?.code).toBe("offline");
  server.lease = lease;
  desk.decide({ decision: "reject" });
  await landed();
  await landed();
  expect(desk.error).toBeNull();
  expect(desk.ahead.length).toBeGreaterThan(2);
});

test("a decision whose answer was lost counts when the server has it", async () => {
  const now = { id: 1, version: 2, reviewer: "me", can_undo: true };
  server.fails.push(new ApiError(0, "offline", "", [], []));
  server.fails.push(new ApiError(409, "stale", "changed", [now as never], []));
  desk.decide({ decision: "confirm" });
  for (let i = 0; i < 5; i++) await landed();
  expect(desk.refusals).toEqual([]);
  expect(desk.decided).toBe(1);
  expect(desk.items[0]?.version).toBe(2);
});

test("an item for a second reading is held as well, though somebody decided it", async () => {
  const lease = server.lease.bind(server);
  const kept: number[][] = [];
  server.lease = async (n, keep, release) => {
    kept.push(keep);
    const answer = await lease(n, keep, release);
    return { ...answer, items: answer.items.map((one) => ({ ...one, reviewer: "li" })) };
  };
  desk = new Desk(server, () => {});
  await desk.start(null);
  await desk.renew();
  expect(kept.at(-1)).toEqual(desk.items.map(({ id }) => id));
});

test("after going back to one item, the next is one that was not decided", async () => {
  for (let i = 0; i < 3; i++) desk.decide({ decision: "reject" });
  await landed();
  desk.show(2);
  desk.decide({ decision: "confirm" });
  expect(desk.current?.id).toBe(4);
});

test("what is not allowed is not sent", () => {
  desk.items[0] = { ...desk.items[0]!, allowed: [] };
  desk.decide({ decision: "confirm" });
  expect(server.decided).toEqual([]);
  expect(desk.current?.id).toBe(1);
});

test("items that somebody else got are dropped, but not the one on the screen", async () => {
  server.lease = async () => ({ items: [], expires_at: "", waiting: 0, kept: [2] });
  await desk.renew();
  expect(desk.items.map(({ id }) => id)).toEqual([1, 2]);
  expect(desk.taken).toBe(4);
});

test("leaving gives back what was not decided", async () => {
  desk.decide({ decision: "confirm" });
  await landed();
  await desk.close();
  expect(server.released).toEqual(desk.items.slice(1).map(({ id }) => id));
});

test("what arrives after leaving is given back too", async () => {
  desk = new Desk(server, () => {});
  const starting = desk.start(null);
  await desk.close();
  await starting;
  expect(server.released).toEqual([7, 8, 9, 10, 11, 12]);
});

test("what another window decided is not offered here again", async () => {
  const [next] = desk.ahead;
  await desk.elsewhere(next?.id ?? 0);
  expect(desk.ahead.map(({ id }) => id)).not.toContain(next?.id);
  expect(desk.taken).toBe(1);
});

test("the item that is looked at stays, as another window decided it", async () => {
  const id = desk.current?.id ?? 0;
  server.version.set(id, 2);
  await desk.elsewhere(id);
  expect(desk.current).toMatchObject({ id, version: 2 });
  await desk.close();
  expect(server.released).not.toContain(id);
});

test("an item that another was joined with comes next to it, and once only", async () => {
  await Promise.all([desk.open(25), desk.open(25)]);
  expect(desk.items.slice(0, 3).map(({ id }) => id)).toEqual([1, 25, 2]);
  expect(desk.current?.id).toBe(25);
  desk.previous();
  expect(desk.current?.id).toBe(1);
  await desk.open(3);
  expect(desk.current?.id).toBe(3);
  expect(desk.items.filter(({ id }) => id === 3)).toHaveLength(1);
});

test("an item that cannot be read is told, and the one looked at stays", async () => {
  server.item = async () => {
    throw new ApiError(404, "not_found", "no such item", [], []);
  };
  await desk.open(25);
  expect(desk.error?.code).toBe("not_found");
  expect(desk.current?.id).toBe(1);
});

test("before the first answer nobody is told that nothing is left", async () => {
  const fresh = new Desk(server, () => {});
  expect(fresh.isLoading).toBe(true);
  await fresh.start(null);
  expect(fresh.isLoading).toBe(false);
});
