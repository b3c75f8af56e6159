import { expect, test, vi } from "vitest";
import { ApiError, type ItemDetail } from "./api";
import { type SheetServer, Stack } from "./stack";

const detail = (id: number) =>
  ({ id, version: 1, allowed: ["confirm", "reject"], held_by: null }) as unknown as ItemDetail;

function fakeServer(count: number) {
  const open = Array.from({ length: count }, (_, i) => i + 1);
  const asked: number[][] = [];
  const server: SheetServer = {
    async lease(n, keep) {
      const items = open.filter((id) => !keep.includes(id)).slice(0, n);
      const waiting = open.length - keep.length - items.length;
      return { items: items.map(detail), expires_at: "", waiting, kept: keep };
    },
    async decideAll(decisions) {
      asked.push(decisions.map(({ item }) => item));
      for (const { item } of decisions) open.splice(open.indexOf(item), 1);
      return { items: decisions.map(({ item }) => ({ ...detail(item), version: 2 }) as never) };
    },
    async undoAll(items) {
      open.unshift(...items.map(({ item }) => item));
      return { items: items.map(({ item }) => ({ ...detail(item), version: 3 }) as never) };
    },
    async release() {},
  };
  return { server, asked };
}

/** An answer that waits until it is let go. */
function gate() {
  let go = () => {};
  const slow = new Promise<void>((resolve) => {
    go = resolve;
  });
  return { slow, go };
}

const shown = (stack: Stack) => stack.shown.map(({ id }) => id);

test("the next sheet is ready, and exceptions come on no sheet again", async () => {
  const { server, asked } = fakeServer(10);
  const stack = new Stack(server, 4, () => {});
  await stack.fill();
  expect(shown(stack)).toEqual([1, 2, 3, 4]);
  expect(stack.ahead.map(({ id }) => id)).toEqual([5, 6, 7, 8]);
  await stack.decide("reject", new Set([2]));
  expect(asked).toEqual([[1, 3, 4]]);
  expect(shown(stack)).toEqual([5, 6, 7, 8]);
  expect(stack.ahead.map(({ id }) => id)).toEqual([9, 10]);
  expect(stack.left).toBe(7);
});

test("deciding before the next sheet is ready loses nothing", async () => {
  const { server } = fakeServer(10);
  const lease = server.lease.bind(server);
  const { slow, go } = gate();
  let asked = 0;
  server.lease = async (n, keep, release) => {
    const answer = await lease(n, keep, release);
    if (++asked === 2) await slow;
    return answer;
  };
  const stack = new Stack(server, 4, () => {});
  const filling = stack.fill();
  await new Promise((resolve) => setTimeout(resolve));
  const deciding = stack.decide("reject", new Set([2]));
  await new Promise((resolve) => setTimeout(resolve));
  go();
  await Promise.all([filling, deciding]);
  expect(stack.aside.map(({ id }) => id)).toEqual([2]);
  expect(shown(stack)).toEqual([5, 6, 7, 8]);
  expect(stack.ahead.map(({ id }) => id)).toEqual([9, 10]);
});

test("who decides the first sheet at once waits for no rest", async () => {
  const { server } = fakeServer(10);
  const stack = new Stack(
    server,
    4,
    () => {},
    () => new Promise(() => {}),
  );
  await stack.fill();
  await stack.decide("reject", new Set([2]));
  expect(shown(stack)).toEqual([5, 6, 7, 8]);
  expect(stack.canUndo).toBe(true);
});

test("undo while the sheet behind is fetched loses nothing", async () => {
  const { server } = fakeServer(14);
  const lease = server.lease.bind(server);
  const { slow, go } = gate();
  let asked = 0;
  server.lease = async (n, keep, release) => {
    const answer = await lease(n, keep, release);
    if (++asked === 3) await slow;
    return answer;
  };
  const stack = new Stack(server, 4, () => {});
  await stack.fill();
  const deciding = stack.decide("reject", new Set([2]));
  await vi.waitFor(() => expect(stack.canUndo).toBe(true));
  const undoing = stack.undo();
  go();
  await Promise.all([deciding, undoing]);
  expect(shown(stack)).toEqual([1, 2, 3, 4]);
  expect(stack.ahead.map(({ id }) => id)).toEqual([5, 6, 7, 8, 9, 10, 11, 12]);
  expect(stack.left).toBe(14);
});

test("undo before the server has answered takes back that very decision", async () => {
  const { server } = fakeServer(12);
  const decideAll = server.decideAll.bind(server);
  const { slow, go } = gate();
  server.decideAll = async (decisions) => {
    if (decisions[0]?.item === 5) await slow;
    return decideAll(decisions);
  };
  const stack = new Stack(server, 4, () => {});
  await stack.fill();
  await stack.decide("reject", new Set());
  const deciding = stack.decide("reject", new Set([6]));
  const undoing = stack.undo();
  void stack.undo(); // a key that is held down takes nothing more back
  go();
  await Promise.all([deciding, undoing]);
  expect(shown(stack)).toEqual([5, 6, 7, 8]);
  expect(stack.shown.map(({ version }) => version)).toEqual([3, 1, 3, 3]);
  expect(stack.aside).toEqual([]);
  expect(stack.left).toBe(8);
  expect(stack.isBusy).toBe(false);
});

test("undo of a decision that is refused takes back nothing else", async () => {
  const { server } = fakeServer(12);
  const stack = new Stack(server, 4, () => {});
  await stack.fill();
  await stack.decide("reject", new Set());
  server.decideAll = async () => {
    throw new ApiError(409, "stale", "changed", [], []);
  };
  const deciding = stack.decide("reject", new Set());
  await Promise.all([deciding, stack.undo()]);
  expect(shown(stack)).toEqual([5, 6, 7, 8]);
  expect(stack.error?.code).toBe("stale");
  expect(stack.canUndo).toBe(true);
});

test("undo while the next sheet is waited for is not lost", async () => {
  const { server } = fakeServer(10);
  const lease = server.lease.bind(server);
  const { slow, go } = gate();
  let asked = 0;
  server.lease = async (n, keep, release) => {
    if (++asked === 2) await slow;
    return lease(n, keep, release);
  };
  // Nothing is ahead yet: the sheet behind the first rests.
  const stack = new Stack(
    server,
    4,
    () => {},
    () => new Promise(() => {}),
  );
  await stack.fill();
  const deciding = stack.decide("reject", new Set([2]));
  await vi.waitFor(() => expect(asked).toBe(2));
  expect(stack.left).toBe(7);
  const undoing = stack.undo();
  go();
  await Promise.all([deciding, undoing]);
  expect(shown(stack)).toEqual([1, 2, 3, 4]);
  expect(stack.left).toBe(10);
});

test("undo shows the last sheet again, with its exceptions", async () => {
  const { server } = fakeServer(10);
  const stack = new Stack(server, 4, () => {});
  await stack.fill();
  await stack.decide("reject", new Set([2]));
  await stack.undo();
  expect(shown(stack)).toEqual([1, 2, 3, 4]);
  expect(stack.shown.map(({ version }) => version)).toEqual([3, 1, 3, 3]);
  expect(stack.aside).toEqual([]);
  expect(stack.left).toBe(10);
  expect(stack.canUndo).toBe(false);
});

test("what somebody else decided leaves the sheet, and nothing of it is decided", async () => {
  const { server, asked } = fakeServer(4);
  const decideAll = server.decideAll;
  server.decideAll = async () => {
    const now = { ...detail(3), version: 5, allowed: [] };
    throw new ApiError(409, "stale", "changed", [now as never], []);
  };
  const stack = new Stack(server, 4, () => {});
  await stack.fill();
  await stack.decide("reject", new Set());
  expect(stack.error?.code).toBe("stale");
  expect(shown(stack)).toEqual([1, 2, 4]);
  server.decideAll = decideAll;
  await stack.decide("reject", new Set());
  expect(asked).toEqual([[1, 2, 4]]);
});

test("another decision than the one whose answer was lost is refused", async () => {
  const { server } = fakeServer(8);
  let tries = 0;
  server.decideAll = async () => {
    tries += 1;
    const current = [1, 2, 3, 4].map(
      (id) => ({ ...detail(id), version: 2, can_undo: true }) as never,
    );
    throw tries === 1
      ? new ApiError(0, "offline", "no answer", [], [])
      : new ApiError(409, "stale", "changed", current, []);
  };
  const stack = new Stack(server, 4, () => {});
  await stack.fill();
  await stack.decide("reject", new Set());
  await stack.decide("confirm", new Set());
  expect(stack.error?.code).toBe("stale");
});

test("the same decision asked again after a lost answer brings the next sheet", async () => {
  const { server } = fakeServer(8);
  const decideAll = server.decideAll.bind(server);
  let tries = 0;
  server.decideAll = async (decisions) => {
    tries += 1;
    if (tries === 2) {
      const current = [1, 2, 3, 4].map(
        (id) => ({ ...detail(id), version: 2, can_undo: true }) as never,
      );
      throw new ApiError(409, "stale", "changed", current, []);
    }
    const answer = await decideAll(decisions);
    if (tries === 1) throw new ApiError(0, "offline", "no answer", [], []);
    return answer;
  };
  const stack = new Stack(server, 4, () => {});
  await stack.fill();
  await stack.decide("reject", new Set());
  await stack.decide("reject", new Set());
  expect(stack.error).toBeNull();
  expect(shown(stack)).toEqual([5, 6, 7, 8]);
  expect(stack.canUndo).toBe(true);
});

test("a sheet whose answer was lost makes room once the next lease tells that it was decided", async () => {
  const { server } = fakeServer(8);
  const lease = server.lease.bind(server);
  const decideAll = server.decideAll.bind(server);
  const decided: number[] = [];
  const { slow, go } = gate();
  let asked = 0;
  server.lease = async (n, keep, release) => {
    if (++asked === 2) await slow;
    const answer = await lease(n, keep, release);
    const kept = keep.filter((id) => !decided.includes(id));
    return { ...answer, kept, items: answer.items.filter(({ id }) => !keep.includes(id)) };
  };
  server.decideAll = async (decisions) => {
    decided.push(...decisions.map(({ item }) => item));
    await decideAll(decisions);
    throw new ApiError(0, "offline", "no answer", [], []);
  };
  const stack = new Stack(server, 4, () => {});
  const filling = stack.fill();
  await vi.waitFor(() => expect(asked).toBe(2));
  await stack.decide("reject", new Set());
  go();
  await filling;
  await vi.waitFor(() => expect(shown(stack)).toEqual([5, 6, 7, 8]));
});

test("what another window decided leaves the sheet, which is the same one still", async () => {
  const { server, asked } = fakeServer(10);
  const stack = new Stack(server, 4, () => {});
  await stack.fill();
  const { turn } = stack;
  stack.elsewhere(1);
  stack.elsewhere(6);
  expect(shown(stack)).toEqual([2, 3, 4]);
  expect(stack.turn).toBe(turn); // marks stay
  await stack.decide("reject", new Set([2]));
  expect(asked).toEqual([[3, 4]]);
  expect(shown(stack)).toEqual([5, 7, 8]);
  expect(stack.turn).toBe(turn + 1);
});

test("nobody confirms a sample with the others: it would be a defect without a name", async () => {
  const { server, asked } = fakeServer(4);
  const stack = new Stack(server, 4, () => {});
  await stack.fill();
  stack.shown = stack.shown.map((one) =>
    one.id === 3 ? { ...one, origin: "sample", condition: "normal" } : one,
  );
  expect(stack.decidable("reject", new Set()).map(({ id }) => id)).toEqual([1, 2, 3, 4]);
  await stack.decide("confirm", new Set([1]));
  expect(asked).toEqual([[2, 4]]);
  expect(stack.aside.map(({ id }) => id)).toEqual([1, 3]);
});

test("the sheet behind the first is asked for when that is on the screen", async () => {
  const { server } = fakeServer(10);
  let goOn = () => {};
  const rest = () => new Promise<void>((done) => (goOn = done));
  const stack = new Stack(server, 4, () => {}, rest);
  await stack.fill();
  expect(shown(stack)).toEqual([1, 2, 3, 4]);
  expect([stack.isBusy, stack.ahead.length]).toEqual([false, 0]);
  goOn();
  await vi.waitFor(() => expect(stack.ahead.length).toBe(4));
});
