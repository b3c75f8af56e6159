// The sheets of a contact-sheet session: one that is looked at, the next one ready, and the
// exceptions laid aside. All of them are held; it knows nothing of the screen.
import {
  ApiError,
  type Choice,
  type DecisionKind,
  type Item,
  type ItemDetail,
  isPassing,
  type Leased,
} from "./api";

/** What the stack asks of the server. */
export interface SheetServer {
  lease(n: number, keep: number[], release: number[]): Promise<Leased>;
  decideAll(decisions: Ask[]): Promise<{ items: Item[] }>;
  undoAll(items: { item: number; version: number }[]): Promise<{ items: Item[] }>;
  release(ids: number[]): Promise<unknown>;
}

type Ask = { item: number } & Choice;

/** A sheet that was decided, as it was shown. */
interface Sheet {
  shown: ItemDetail[];
  decided: Item[];
}

let turns = 0; // of all stacks: marks of one sheet are never taken for those of another

export class Stack {
  shown: ItemDetail[] = [];
  ahead: ItemDetail[] = [];
  /** Marked as exceptions on earlier sheets: for triage, and on no sheet again. */
  aside: ItemDetail[] = [];
  /** Left under the filters beyond what is held; null before the first answer. */
  waiting: number | null = null;
  error: ApiError | null = null;
  isBusy = true;
  /** Number of the sheet shown: one that only loses items to others is still the same. */
  turn = 0;

  private last: Sheet | null = null;
  private isClosed = false;
  private isTakingBack = false;
  private filling: Promise<void> = Promise.resolve();
  private deciding: Promise<Sheet | null> | null = null;
  /** Decisions that no answer came to: the server may have made them. */
  private unsure: readonly Ask[] = [];

  constructor(
    private readonly server: SheetServer,
    private readonly size: number,
    private readonly redraw: () => void,
    /** Lets the first sheet come onto the screen before the next one is asked for. */
    private rest: (() => Promise<unknown>) | null = null,
  ) {}

  get left(): number {
    return (this.waiting ?? 0) + this.held.length;
  }

  get canUndo(): boolean {
    return this.last !== null && !this.isBusy;
  }

  private get held(): ItemDetail[] {
    return [...this.shown, ...this.ahead, ...this.aside];
  }

  /** Fills the sheet that is looked at, then the next one; one request after the other. */
  fill(): Promise<void> {
    this.filling = this.filling.then(() => this.fillNow());
    return this.filling;
  }

  private async fillNow(): Promise<void> {
    await this.asked(async () => {
      this.turnTo();
      if (this.shown.length === 0) this.shown = await this.lease();
      this.isBusy = this.isTakingBack;
      this.redraw();
      if (this.rest) {
        const rested = this.rest();
        this.rest = null;
        void rested.then(() => this.fill()); // and whoever decides meanwhile need not wait for it
      } else if (this.shown.length && !this.ahead.length) {
        this.ahead = await this.lease();
        // All of the sheet was decided meanwhile: elsewhere, or here and the answer was lost.
        if (this.shown.length === 0) void this.fill();
      }
    });
  }

  /** Shows the next sheet where nothing is left of this one. */
  private turnTo(): void {
    if (this.shown.length) return;
    this.shown = this.ahead;
    this.ahead = [];
    this.turn = ++turns;
  }

  private async lease(n = this.size): Promise<ItemDetail[]> {
    if (this.isClosed) return [];
    const keep = ids(this.held);
    const answer = await this.server.lease(n, keep, []);
    if (this.isClosed) {
      await this.giveBack(answer.items);
      return [];
    }
    this.waiting = answer.waiting;
    const lost = new Set(keep.filter((id) => !answer.kept.includes(id)));
    const mine = (all: ItemDetail[]) => all.filter(({ id }) => !lost.has(id));
    this.shown = mine(this.shown);
    this.ahead = mine(this.ahead);
    this.aside = mine(this.aside);
    return answer.items.filter(({ id }) => !keep.includes(id));
  }

  async renew(): Promise<void> {
    await this.asked(async () => void (await this.lease(0)));
    if (this.shown.length === 0 && !this.isBusy) void this.fill();
  }

  /** What a decision on the sheet is about: nobody confirms a sample without naming its defect. */
  decidable(decision: DecisionKind, exceptions: ReadonlySet<number>): ItemDetail[] {
    return this.shown.filter(
      (one) =>
        !exceptions.has(one.id) &&
        one.allowed.includes(decision) &&
        !(decision === "confirm" && one.condition === "normal"),
    );
  }

  /** Decides all that is shown but the exceptions; the next sheet follows. */
  decide(decision: DecisionKind, exceptions: ReadonlySet<number>): Promise<void> {
    const chosen = this.decidable(decision, exceptions);
    if (this.isBusy || chosen.length === 0) return Promise.resolve();
    this.isBusy = true;
    this.redraw();
    const asks = chosen.map(({ id, version }) => ({ item: id, version, decision }));
    const sent = this.asked(async () => {
      const items = await this.decideAll(asks);
      this.last = { shown: this.shown, decided: items };
      const decided = new Set(items.map(({ id }) => id));
      this.aside = [...this.aside, ...this.shown.filter(({ id }) => !decided.has(id))];
      this.shown = [];
    });
    this.deciding = sent.then((isDone) => {
      this.deciding = null;
      return isDone ? this.last : null;
    });
    return sent.then((isDone) => (isDone ? this.fill() : undefined));
  }

  private async decideAll(asks: Ask[]): Promise<Item[]> {
    const { unsure } = this;
    try {
      const { items } = await this.server.decideAll(asks);
      this.unsure = [];
      return items;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.unsure = isPassing(error) ? asks : [];
      const made = madeOf(asks, unsure, error);
      if (made) return made;
      throw error;
    }
  }

  /** Takes back all decisions of the last sheet and shows it again. */
  undo(): Promise<void> {
    // The decision that is on its way is meant; where it is refused, nothing is taken back.
    const meant = this.deciding ?? this.last;
    if (this.isTakingBack || !meant) return Promise.resolve();
    this.isTakingBack = true;
    this.isBusy = true;
    // Behind what is still being fetched, which would else take the place of what it pushes back.
    this.filling = Promise.all([meant, this.filling]).then(([last]) => this.takeBack(last));
    return this.filling;
  }

  private async takeBack(last: Sheet | null): Promise<void> {
    if (last) {
      this.last = null;
      await this.asked(() => this.showAgain(last));
    }
    this.isTakingBack = false;
    this.isBusy = false;
    this.redraw();
  }

  private async showAgain(last: Sheet): Promise<void> {
    const asks = last.decided.map(({ id, version }) => ({ item: id, version }));
    const { items } = await this.server.undoAll(asks);
    const now = new Map(items.map((one) => [one.id, one]));
    const wasShown = new Set(ids(last.shown));
    this.aside = this.aside.filter(({ id }) => !wasShown.has(id));
    this.ahead = [...this.shown, ...this.ahead];
    this.turn = ++turns;
    this.shown = last.shown.map((one) => ({ ...one, ...now.get(one.id) }));
  }

  /** Another window of the same person decided an item: it is on no sheet any more. */
  elsewhere(id: number): void {
    const others = (all: ItemDetail[]) => all.filter((one) => one.id !== id);
    this.shown = others(this.shown);
    this.ahead = others(this.ahead);
    this.aside = others(this.aside);
    if (this.shown.length === 0 && !this.isBusy) void this.fill();
    this.redraw();
  }

  /** Gives back all that is held. */
  async close(): Promise<void> {
    this.isClosed = true;
    await this.giveBack(this.held);
  }

  private async giveBack(held: readonly ItemDetail[]): Promise<void> {
    if (held.length) await this.server.release(ids(held)).catch(() => {});
  }

  private async asked(call: () => Promise<void>): Promise<boolean> {
    try {
      await call();
      this.error = null;
      this.redraw();
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.error = error;
      this.isBusy = false;
      // What somebody else decided or holds leaves the sheet; the rest can be decided again.
      const gone = new Set(
        error.current.filter((one) => !one.allowed.length || one.held_by).map(({ id }) => id),
      );
      const now = new Map(error.current.map((one) => [one.id, one]));
      this.shown = this.shown
        .filter(({ id }) => !gone.has(id))
        .map((one) => ({ ...one, ...now.get(one.id) }));
    }
    this.redraw();
    return false;
  }
}

/**
 * The items as they are now, where the answer to an earlier try was lost but all its decisions were
 * made: they are mine.
 */
function madeOf(asks: Ask[], unsure: readonly Ask[], error: ApiError): Item[] | null {
  const same = (one: Ask) =>
    unsure.some(({ item, decision }) => item === one.item && decision === one.decision);
  if (asks.length !== unsure.length || !asks.every(same)) return null;
  const made = asks.map(({ item, version }) =>
    error.current.find((one) => one.id === item && one.can_undo && one.version === version + 1),
  );
  return made.every((one) => one !== undefined) ? made : null;
}

function ids(items: readonly ItemDetail[]): number[] {
  return items.map(({ id }) => id);
}
