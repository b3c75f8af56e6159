// What lies on a reviewer's desk: items that are held, the one looked at, decisions under way.
// The desk is optimistic: the next item is shown at once, the server decides, and what it refuses
// is told. It knows nothing of the screen.
import { ApiError, type Choice, type Item, type ItemDetail, isPassing, type Leased } from "./api";

/** What the desk asks of the server. */
export interface Server {
  lease(n: number, keep: number[], release: number[]): Promise<Leased>;
  decide(id: number, choice: Choice): Promise<{ item: ItemDetail }>;
  undo(id: number, version: number): Promise<{ item: ItemDetail }>;
  item(id: number): Promise<ItemDetail>;
  release(ids: number[]): Promise<unknown>;
}

/** A decision that the server did not take. */
export interface Refusal {
  item: ItemDetail;
  error: ApiError;
}

export type DeskChoice = Omit<Choice, "version">;

const AHEAD = 6; // items held after the one that is looked at
const BEHIND = 20; // skipped items are given back when this far behind
const RETRY_MS = 3000;

export class Desk {
  items: ItemDetail[] = [];
  at = 0;
  /** Left under the filters beyond what is held; null before the first answer. */
  waiting: number | null = null;
  decided = 0;
  taken = 0;
  refusals: Refusal[] = [];
  error: ApiError | null = null;
  /** Ids whose decision is under way, and how many of them were tried in vain. */
  readonly saving = new Set<number>();
  readonly unsaved = new Set<number>();

  private readonly done: number[] = [];
  private readonly flights = new Map<number, Promise<void>>();
  private readonly following = new Set<number>();
  private readonly held = new Set<number>();
  private filling: Promise<void> | null = null;
  private closed = false;

  constructor(
    private readonly server: Server,
    private readonly redraw: () => void,
    private readonly later: (call: () => void, ms: number) => void = (call, ms) =>
      void setTimeout(call, ms),
  ) {}

  get current(): ItemDetail | undefined {
    return this.items[this.at];
  }

  /** The items after the current one, nearest first. */
  get ahead(): ItemDetail[] {
    return this.items.slice(this.at + 1);
  }

  /** Also before the first answer: nobody is told that nothing is left before that is known. */
  get isLoading(): boolean {
    return this.filling !== null || (this.waiting === null && this.error === null);
  }

  /** Puts one item on top, such as one that was chosen in the queue. */
  async start(first: number | null): Promise<void> {
    if (first !== null) {
      try {
        this.items = [await this.server.item(first)];
      } catch (error) {
        this.error = asApiError(error);
      }
      this.redraw();
    }
    await this.fill();
  }

  /** Takes more items when few are left; at most one request at a time. */
  fill(): Promise<void> {
    if (this.closed || this.ahead.length >= AHEAD / 2) return Promise.resolve();
    this.filling ??= this.lease(AHEAD - this.ahead.length).finally(() => {
      this.filling = null;
      this.redraw();
    });
    return this.filling;
  }

  /** Renews what is held, and drops what somebody else got. */
  renew(): Promise<void> {
    return this.lease(0);
  }

  /** Another window of the same person decided an item: it is not offered here again. */
  async elsewhere(id: number): Promise<void> {
    const index = this.items.findIndex((one) => one.id === id);
    if (index < 0 || this.saving.has(id)) return;
    if (index > this.at) {
      this.drop([id]);
      await this.fill();
    } else {
      this.held.delete(id);
      // Where that fails, the server tells it with the next decision.
      await this.server.item(id).then(
        (now) => this.replace(now),
        () => {},
      );
    }
    this.redraw();
  }

  private async lease(n: number): Promise<void> {
    const passed = this.items.slice(0, Math.max(0, this.at - BEHIND)).map(({ id }) => id);
    const far = passed.filter((id) => this.held.has(id));
    const keep = [...this.held].filter((id) => !far.includes(id));
    // One that was chosen in the queue is not held, but must not come twice.
    const known = new Set(this.items.map(({ id }) => id));
    try {
      const answer = await this.server.lease(n, keep, far);
      if (this.closed) return void this.giveBack(answer.items.map(({ id }) => id));
      for (const id of far) this.held.delete(id);
      this.waiting = answer.waiting;
      this.error = null;
      this.drop(keep.filter((id) => !answer.kept.includes(id)));
      for (const { id } of answer.items) this.held.add(id);
      this.items.push(...answer.items.filter(({ id }) => !known.has(id)));
    } catch (error) {
      this.error = asApiError(error);
    }
    this.redraw();
  }

  /** Takes items off the desk that are no longer ours, but never the one that is looked at. */
  private drop(gone: readonly number[]): void {
    for (const id of gone) {
      if (!this.held.delete(id)) continue; // decided while the server was asked
      const index = this.items.findIndex((one) => one.id === id);
      if (index > this.at) {
        this.items.splice(index, 1);
        this.taken += 1;
      }
    }
  }

  /** Decides the current item and moves on at once. */
  decide(choice: DeskChoice): void {
    const item = this.current;
    if (item && this.saving.has(item.id)) return void this.decideNext(item.id, choice);
    if (!item?.allowed.includes(choice.decision)) return;
    this.done.push(item.id);
    this.held.delete(item.id); // deciding gives it back
    this.decided = this.done.length;
    this.at = this.nextUndecided();
    this.track(item.id, this.send(item, choice));
    void this.fill();
    this.redraw();
  }

  /** A key pressed while the item is still being saved, such as right after an undo, is not lost. */
  private async decideNext(id: number, choice: DeskChoice): Promise<void> {
    if (this.following.has(id)) return; // a key that is held down decides once
    this.following.add(id);
    const { refusals } = this;
    await this.flights.get(id);
    this.following.delete(id);
    // What was refused stands otherwise than the reader saw it when they pressed the key.
    const isAsSeen = this.refusals === refusals && this.current?.id === id;
    if (isAsSeen) this.decide(choice);
  }

  private nextUndecided(): number {
    const index = this.items.findIndex((one, i) => i > this.at && !this.done.includes(one.id));
    return index < 0 ? this.items.length : index;
  }

  private async send(item: ItemDetail, choice: DeskChoice): Promise<void> {
    try {
      const answer = await this.server.decide(item.id, { ...choice, version: item.version });
      this.replace(answer.item);
      this.isBack();
    } catch (error) {
      const refused = asApiError(error);
      if (isPassing(refused)) {
        this.unsaved.add(item.id);
        this.redraw();
        await new Promise<void>((resolve) => this.later(resolve, RETRY_MS));
        return this.send(item, choice);
      }
      const now = refused.current.find(({ id }) => id === item.id);
      // The answer to an earlier try was lost, but the decision was made: it is mine.
      const wasMade =
        this.unsaved.has(item.id) && now?.can_undo && now.version === item.version + 1;
      if (wasMade) this.replace(updated(item, now));
      else this.refuse(item, refused);
    }
    this.unsaved.delete(item.id);
  }

  /** The server answers again: what was said of its absence is true no more. */
  private isBack(): void {
    if (!this.error || !isPassing(this.error)) return;
    this.error = null;
    void this.fill();
  }

  private refuse(item: ItemDetail, error: ApiError): void {
    this.forget(item.id);
    const current = error.current.find(({ id }) => id === item.id);
    const known = current ? updated(item, current) : item;
    this.replace(known);
    this.refusals = [...this.refusals, { item: known, error }];
    // With what was decided meanwhile, to be looked at.
    this.server.item(item.id).then(
      (now) => this.replace(now),
      () => {},
    );
  }

  private forget(id: number): void {
    const last = this.done.lastIndexOf(id);
    if (last >= 0) this.done.splice(last, 1);
    this.decided = this.done.length;
  }

  /** Takes back the newest decision made here, and shows its item again at once. */
  async undo(): Promise<void> {
    const own = this.current?.can_undo ? this.current.id : undefined;
    const id = this.done.at(-1) ?? own;
    if (id === undefined || (id === own && this.saving.has(id))) return;
    this.forget(id); // the next undo takes back the one before
    this.show(id);
    const flight = this.flights.get(id);
    if (flight) await flight; // else at once, so that the next key finds the undo under way
    const item = this.items.find((one) => one.id === id);
    // Refused meanwhile: then there is nothing to take back.
    if (!item?.can_undo) return;
    await this.track(id, this.takeBack(item));
  }

  private async takeBack(item: ItemDetail): Promise<void> {
    try {
      this.replace((await this.server.undo(item.id, item.version)).item);
    } catch (error) {
      const refused = asApiError(error);
      const current = refused.current.find(({ id }) => id === item.id);
      if (current) this.replace(updated(item, current));
      this.refusals = [...this.refusals, { item, error: refused }];
    }
  }

  private track(id: number, flight: Promise<void>): Promise<void> {
    this.saving.add(id);
    const landed = flight.finally(() => {
      this.saving.delete(id);
      this.flights.delete(id);
      this.redraw();
    });
    this.flights.set(id, landed);
    return landed;
  }

  /** Moves to an item that lies on the desk. */
  show(id: number): void {
    const index = this.items.findIndex((one) => one.id === id);
    if (index >= 0) this.at = index;
    this.redraw();
  }

  /** Moves to any item, and puts it behind the one that is looked at where it is not there yet. */
  async open(id: number): Promise<void> {
    const isHere = () => this.items.some((one) => one.id === id);
    if (!isHere()) {
      try {
        const item = await this.server.item(id);
        if (!isHere()) this.items.splice(this.at + 1, 0, item);
      } catch (error) {
        this.error = asApiError(error);
      }
    }
    this.show(id);
  }

  next(): void {
    if (this.at < this.items.length) this.at += 1;
    void this.fill();
    this.redraw();
  }

  previous(): void {
    if (this.at > 0) this.at -= 1;
    this.redraw();
  }

  dismiss(refusal: Refusal): void {
    this.refusals = this.refusals.filter((one) => one !== refusal);
    this.redraw();
  }

  /** Gives back what was not decided. */
  async close(): Promise<void> {
    this.closed = true;
    await this.giveBack([...this.held]);
  }

  private async giveBack(held: number[]): Promise<void> {
    if (held.length) await this.server.release(held).catch(() => {});
  }

  private replace(item: ItemDetail): void {
    this.items = this.items.map((one) => (one.id === item.id ? item : one));
    this.redraw();
  }
}

/** An item as the server's short form tells it now; what only the long form tells is kept. */
export function updated(item: ItemDetail, now: Item): ItemDetail {
  return { ...item, ...now };
}

function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError(0, "internal", String(error), [], []);
}
