// The server's contract (docs/review.md, section API) as types, and the one way to call it.
// Boxes and points are pixels of the whole photograph; times are ISO 8601 in UTC.

export interface Words {
  zh: string;
  en: string;
}
export type Box = [x0: number, y0: number, x1: number, y1: number];
export type Right =
  | "view"
  | "decide"
  | "second"
  | "settle"
  | "export"
  | "statistics"
  | "assign"
  | "people";
export type DecisionKind = "confirm" | "reject" | "observe" | "cannot_judge";
export type Verdict = "defect" | "cannot_judge" | "normal";
export type Order = "risk" | "probability" | "place" | "newest" | "decided";

export interface Session {
  user: { name: string; role: string } | null;
  accounts: boolean;
  csrf_token: string;
  can: Right[];
  /** Somebody else chose the password: it is good for choosing another, and nothing else. */
  must_change: boolean;
  break_after_minutes: number;
  break_minutes: number;
  lease_minutes: number;
  version: string;
}

export interface Account {
  id: number;
  name: string;
  role: string;
  created_at: string;
  disabled_at: string | null;
  must_change: boolean;
}

export interface MastName {
  line: string;
  direction: string;
  section: string;
  number: string;
}
export interface Mast extends MastName {
  id: number;
}

export interface Item {
  id: number;
  version: number;
  run: string;
  run_id: number;
  origin: "scan" | "sample" | "manual";
  state: string;
  component: string;
  condition: string;
  grade: number | null;
  verdict: Verdict;
  probability: number | null;
  box: Box;
  frame_id: number;
  camera: string;
  view: string;
  file_name: string;
  frame_width: number;
  frame_height: number;
  mast: Mast | null;
  kilometre_m: number | null;
  kilometre: string;
  views: number;
  entered_at: string;
  reviewer: string | null;
  decided_at: string | null;
  note: string;
  held_by: string | null;
  /** The item that goes on, where two turned out to be one part. */
  merged_into: number | null;
  allowed: DecisionKind[];
  can_undo: boolean;
}

export interface Crop {
  x0: number;
  y0: number;
  width: number;
  height: number;
}

export interface Line {
  role: string;
  label: Words;
  colour: string;
  points: [x: number, y: number][];
}

export interface Evidence {
  source: string;
  label: Words;
  condition: string;
  verdict: Verdict;
  score: number | null;
  reason: Words;
  measurements: { name: Words; value: Words; limit: Words | null }[];
  lines: Line[];
}

export interface View {
  frame_id: number;
  camera: string;
  view: string;
  file_name: string;
  frame_width: number;
  frame_height: number;
  verdict: Verdict;
  condition: string;
  probability: number | null;
  box: Box;
  crop: Crop;
  leads: boolean;
  evidence: Evidence[];
}

export interface Earlier {
  run: string;
  run_id: number;
  date: string;
  frame_id: number;
  camera: string;
  frame_width: number;
  frame_height: number;
  box: Box;
  crop: Crop;
  items: Item[];
}

export interface Standing {
  state: string;
  condition: string;
  grade: number | null;
  box: Box;
  reviewer: string | null;
}

export interface Decision {
  id: number;
  made_at: string;
  made_by: string;
  role: string;
  stage: "first" | "second" | "settle" | "revise";
  decision: DecisionKind | "undo" | "draw";
  note: string;
  version: number;
  before: Standing;
  after: Standing;
  undone: boolean;
  /** False of a second reading by somebody who had been told the first one. */
  blind: boolean;
  model: string;
  rules: string;
  taxonomy: string;
}

/** How a decision came to `item` from `other`, or went into it. */
export interface Inheritance {
  made_at: string;
  kind: string;
  label: Words;
  item: number;
  other: number | null;
  from_part: string;
  to_part: string;
}

/** A defect of an earlier run that is not closed, and that an item may show again. */
export interface KnownDefect {
  id: number;
  state: string;
  state_label: Words;
  run: string;
  condition: string;
  grade: number;
  /** For its picture. */
  item: number;
  registered_at: string;
  due: string | null;
  overdue: boolean;
}

export interface ItemDetail extends Item {
  why: Words;
  views_say: Words;
  crop: Crop;
  /** The leading one first. */
  seen_in: View[];
  earlier: Earlier[];
  change: { change: string; label: Words; earlier_run: string } | null;
  decisions: Decision[];
  inherited: Inheritance[];
  /** I read it a second time and took that back: I know the first reading. */
  read_before: boolean;
  /** The likeliest first; none once it was decided. */
  known: KnownDefect[];
  /** In the closed loop, once it was confirmed. */
  defect: { id: number; state: string; state_label: Words } | null;
  versions: { model: string; rules: string; taxonomy: string };
}

export interface Facet {
  value: string | number | null;
  label: Words;
  count: number;
}
export const FACETS = [
  "state",
  "grade",
  "component",
  "condition",
  "verdict",
  "run",
  "line",
  "section",
  "mast",
  "camera",
  "view",
  "reviewer",
] as const;
export type FacetName = (typeof FACETS)[number];

export type Filters = Partial<Record<FacetName, string[]>> & { km_from?: number; km_to?: number };

export interface QueuePage {
  items: Item[];
  next: string | null;
  total: number;
}
export interface QueueFilters {
  total: number;
  facets: Record<FacetName, Facet[]>;
  kilometre_m: [number, number] | null;
}
export interface Leased {
  items: ItemDetail[];
  expires_at: string;
  waiting: number;
  kept: number[];
}

export interface LeasedSheet extends Leased {
  /** By the id of their item, as data URLs; only those that were asked for and are there at once. */
  pictures: Record<string, string>;
}

/** How a picture is wanted. */
export interface Look {
  maxSide: number;
  brighten: boolean;
}

export interface Choice {
  decision: DecisionKind;
  version: number;
  condition?: string;
  grade?: number;
  box?: Box;
  note?: string;
}

export interface FrameDetail {
  id: number;
  run: string;
  run_id: number;
  file_name: string;
  camera: string;
  view: string;
  mast: Mast | null;
  kilometre_m: number | null;
  kilometre: string;
  taken_at: string | null;
  width: number;
  height: number;
  outcome: "done" | "unusable" | "failed" | null;
  reason: Words;
  tiles: { size: number; overlap: number; max_level: number; min_level: number } | null;
  items: (Item & { view_box: Box })[];
  components: {
    component: string;
    box: Box;
    score: number;
    verdict: "normal" | "";
    probability: number | null;
  }[];
  previous: number | null;
  next: number | null;
}

export interface MastRow {
  id: number;
  line: string;
  direction: string;
  section: string;
  number: string;
  run: string;
  run_id: number;
  kilometre_m: number | null;
  kilometre: string;
  frames: number;
  items: number;
  waiting: number;
}
export interface Photograph {
  frame_id: number;
  camera: string;
  view: string;
  file_name: string;
  width: number;
  height: number;
  outcome: FrameDetail["outcome"];
  items: number;
}
/** A photograph that a mast got, or gave away. */
export interface Moved {
  frame_id: number;
  file_name: string;
  made_at: string;
  made_by: string;
  why: string;
  before: MastName | null;
  after: MastName | null;
}
export interface MastDetail extends MastRow {
  photographs: Photograph[];
  previous: number | null;
  next: number | null;
  other_runs: { run: string; run_id: number; date: string; mast_id: number }[];
  moved: Moved[];
}

export interface Taxonomy {
  version: string;
  components: {
    id: string;
    zh: string;
    en: string;
    conditions: { id: string; zh: string; en: string; grade: number; severity: string }[];
  }[];
  grades: { grade: number; label: Words }[];
  states: { id: string; label: Words }[];
  loop_states: { id: string; label: Words }[];
  conclusions: { id: string; label: Words }[];
  decisions: { id: string; label: Words }[];
  directions: { id: string; label: Words }[];
  roles: { id: string; label: Words }[];
  verdicts: { id: string; label: Words }[];
}

export const STEP_FIELDS = ["conclusion", "of", "due", "note"] as const;
export type StepField = (typeof STEP_FIELDS)[number];
export type DefectOrder = "due" | "newest" | "place";

export interface AllowedStep {
  step: string;
  label: Words;
  needs: StepField[];
  may_have: StepField[];
}

export interface Defect {
  id: number;
  version: number;
  item_id: number;
  run: string;
  run_id: number;
  state: string;
  state_label: Words;
  component: string;
  condition: string;
  grade: number;
  mast: Mast | null;
  kilometre_m: number | null;
  kilometre: string;
  frame_id: number;
  camera: string;
  view: string;
  box: Box;
  registered_at: string;
  repair_by: string;
  reinspect_by: string | null;
  due: string | null;
  overdue: boolean;
  conclusion: string | null;
  sightings: number;
  suspected_of: number | null;
  joined_to: number | null;
  changed_at: string;
  changed_by: string;
  allowed: AllowedStep[];
}

export interface LoopStanding {
  state: string;
  condition: string;
  grade: number;
  repair_by: string;
  reinspect_by: string | null;
  conclusion: string | null;
  suspected_of: number | null;
  joined_to: number | null;
}

export interface StepMade {
  id: number;
  step: string;
  label: Words;
  made_at: string;
  made_by: string;
  role: string;
  note: string;
  version: number;
  before: LoopStanding | null;
  after: LoopStanding;
  other: number | null;
  decision_id: number | null;
}

export interface LaterRun {
  run: string;
  run_id: number;
  date: string;
  mast_id: number | null;
  found: string;
  label: Words;
  photographs: number;
  items: Item[];
}

export interface DefectDetail extends Defect {
  steps: StepMade[];
  sightings_of: { defect_id: number; item: Item }[];
  suspects: Defect[];
  later: LaterRun[];
  conclusions: { id: string; label: Words }[];
}

export const DEFECT_FACETS = [
  "state",
  "grade",
  "component",
  "condition",
  "line",
  "section",
  "mast",
  "run",
] as const;
export type DefectFacet = (typeof DEFECT_FACETS)[number];

export type DefectFilters = Partial<Record<DefectFacet, string[]>> & {
  overdue?: boolean;
  suspected?: boolean;
};

export interface DefectPage {
  defects: Defect[];
  next: string | null;
  total: number;
  overdue: number;
}

export interface StepAsked {
  step: string;
  version: number;
  note?: string;
  conclusion?: string;
  due?: string;
  of?: number;
}

export interface Run {
  id: number;
  name: string;
  line: string;
  direction: string;
  date: string;
  images: number;
  done: number;
  unusable: number;
  failed: number;
  pending: number;
  items: Record<string, number>;
  model: string;
  rules: string;
  taxonomy: string;
}

export const REPORT_FORMATS = ["xlsx", "docx", "pdf", "html", "csv", "coco"] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

export interface Report {
  id: string;
  run: string;
  run_id: number;
  format: ReportFormat;
  decided: boolean | null;
  selection: Words | null;
  stage: "waiting" | "making" | "done" | "failed";
  /** Made before it, while it waits. */
  before: number;
  /** Parts written so far, of how many; 0 of 0 until that is known. */
  made: number;
  total: number;
  asked_at: string;
  ended_at: string | null;
  file_name: string;
  size: number;
  sha256: string;
  problem: { code: string; message: string } | null;
}

export interface ReportAsked {
  run_id: number;
  format: ReportFormat;
  decided: boolean;
}

export interface Agreement {
  agreed: number;
  total: number;
  low: number;
  high: number;
}
export interface Statistics {
  reviewers: {
    name: string;
    decisions: number;
    days: { day: string; count: number }[];
    by_decision: Record<string, number>;
    second_reading: Agreement;
    /** Second readings made after the first one was known. */
    not_blind: number;
    vigilance: Agreement;
  }[];
  states: Record<string, number>;
}

/** An answer that is no success; `code` is the server's, or `offline` when there was none. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly current: Item[],
    readonly fields: { field: string; message: string }[],
    /** The number under which the server's log has it. */
    readonly trace = "",
  ) {
    super(message);
  }
}

/** Whether the same request may succeed a little later. */
export function isPassing(error: ApiError): boolean {
  return error.code === "offline" || error.status === 503;
}

let token = "";

/** Called when the server says that nobody is logged in any more. */
export const onLoggedOut: { call: () => void } = { call: () => {} };

/** `isLast`: the page is being left, and the request must outlive it. */
async function call<T>(method: string, path: string, body?: unknown, isLast = false): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRF-Token"] = token;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(`api/${path}`, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      keepalive: isLast,
    });
  } catch {
    throw new ApiError(0, "offline", "the server does not answer", [], []);
  }
  if (response.ok) return (await response.json()) as T;
  throw await errorOf(response);
}

async function errorOf(response: Response): Promise<ApiError> {
  interface Told {
    error?: {
      code: string;
      message: string;
      id: string | null;
      current: Item[] | null;
      details: { field: string; message: string }[];
    };
  }
  const told = ((await response.json().catch(() => ({}))) as Told).error;
  if (response.status === 401 && told?.code === "login_needed") onLoggedOut.call();
  return new ApiError(
    response.status,
    told?.code ?? "internal",
    told?.message ?? response.statusText,
    told?.current ?? [],
    told?.details ?? [],
    told?.id ?? "",
  );
}

async function session(
  method: "GET" | "POST" | "DELETE",
  body?: unknown,
  path = "session",
): Promise<Session> {
  const answer = await call<Session>(method, path, body);
  token = answer.csrf_token;
  return answer;
}

/** The filters as the query of a URL, without the question mark. */
export function filterQuery(filters: Filters | DefectFilters): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filters)) {
    for (const one of Array.isArray(value) ? value : [value]) query.append(name, String(one));
  }
  return query.toString();
}

/** Items under way back to the queue: who asks for the next ones waits, to get them again. */
let releasing: Promise<unknown> = Promise.resolve();

function filterBody(filters: Filters): unknown {
  return { ...filters, ...(filters.grade ? { grade: filters.grade.map(Number) } : {}) };
}

export const api = {
  session: () => session("GET"),
  logIn: (name: string, password: string) => session("POST", { name, password }),
  logOut: () => session("DELETE"),
  changePassword: (old: string, chosen: string) =>
    session("POST", { old, new: chosen }, "session/password"),

  reports: () => call<{ reports: Report[] }>("GET", "reports"),
  askReport: (asked: ReportAsked, { run: _run, ...filters }: Filters) =>
    call<{ reports: Report[] }>("POST", "reports", { ...asked, filters: filterBody(filters) }),
  dropReport: (id: string) => call<{ reports: Report[] }>("DELETE", `reports/${id}`),

  accounts: () => call<{ accounts: Account[]; shortest_password: number }>("GET", "accounts"),
  addAccount: (name: string, role: string, password: string) =>
    call<{ account: Account }>("POST", "accounts", { name, role, password }),
  setRole: ({ id, role: was }: Account, role: string) =>
    call<{ account: Account }>("POST", `accounts/${id}/role`, { role, was }),
  resetPassword: ({ id }: Account, password: string) =>
    call<{ account: Account }>("POST", `accounts/${id}/password`, { password }),
  disable: ({ id }: Account) => call<{ account: Account }>("POST", `accounts/${id}/disable`),
  enable: ({ id }: Account) => call<{ account: Account }>("POST", `accounts/${id}/enable`),

  taxonomy: () => call<Taxonomy>("GET", "taxonomy"),
  runs: () => call<{ runs: Run[] }>("GET", "runs"),
  statistics: (days: number) => call<Statistics>("GET", `statistics?days=${days}`),

  queue: (filters: Filters, order: Order, cursor: string | null, limit: number) =>
    call<QueuePage>(
      "GET",
      `queue?${filterQuery(filters)}&order=${order}&limit=${limit}${
        cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""
      }`,
    ),
  queueFilters: (filters: Filters) =>
    call<QueueFilters>("GET", `queue/filters?${filterQuery(filters)}`),
  lease: async (
    filters: Filters,
    n: number,
    keep: number[],
    release: number[],
    order: Order = "risk",
    /** For a contact sheet, which shows no other run: with pictures that look so. */
    sheet: Look | null = null,
  ) => {
    await releasing;
    const pictures = sheet && { max_side: sheet.maxSide, brighten: sheet.brighten };
    const brief = sheet !== null;
    const body = { filters: filterBody(filters), n, keep, release, order, brief, pictures };
    return call<LeasedSheet>("POST", "queue/lease", body);
  },
  /** Gives items back on leaving a page. */
  release: (ids: number[]) => {
    const body = { filters: {}, n: 0, keep: [], release: ids };
    const done = call<Leased>("POST", "queue/lease", body, true);
    releasing = done.catch(() => {});
    return done;
  },

  item: (id: number) => call<ItemDetail>("GET", `items/${id}`),
  decide: (id: number, choice: Choice) =>
    call<{ item: ItemDetail }>("POST", `items/${id}/decisions`, choice),
  decideAll: (decisions: ({ item: number } & Choice)[]) =>
    call<{ items: Item[] }>("POST", "decisions", { decisions }),
  undo: (id: number, version: number) =>
    call<{ item: ItemDetail }>("POST", `items/${id}/undo`, { version }),
  undoAll: (items: { item: number; version: number }[]) =>
    call<{ items: Item[] }>("POST", "undo", { items }),

  defects: (filters: DefectFilters, order: DefectOrder, cursor: string | null, limit: number) =>
    call<DefectPage>(
      "GET",
      `defects?${filterQuery(filters)}&order=${order}&limit=${limit}${
        cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""
      }`,
    ),
  defectFilters: (filters: DefectFilters) =>
    call<{ total: number; overdue: number; facets: Record<DefectFacet, Facet[]> }>(
      "GET",
      `defects/filters?${filterQuery(filters)}`,
    ),
  defect: (id: number) => call<DefectDetail>("GET", `defects/${id}`),
  step: (id: number, asked: StepAsked) =>
    call<{ defect: DefectDetail }>("POST", `defects/${id}/steps`, asked),

  frame: (id: number) => call<FrameDetail>("GET", `frames/${id}`),
  draw: (
    frame: number,
    drawn: { component: string; condition: string; grade?: number; box: Box; note?: string },
  ) => call<{ item: ItemDetail }>("POST", `frames/${frame}/findings`, drawn),
  /** Gives photographs of one run to another mast: by its number, or its name in full; or to none. */
  move: (frames: readonly number[], to_mast: string | null, why: string) =>
    call<{ moved: Moved[] }>("POST", "frames/move", { frames, to_mast, why }),
  masts: (query: { run: string; section?: string; q?: string }, cursor: string | null) => {
    const all = new URLSearchParams(
      Object.entries({ ...query, cursor: cursor ?? "" }).filter(([, value]) => value !== ""),
    );
    return call<{ masts: MastRow[]; next: string | null; total: number }>("GET", `masts?${all}`);
  },
  mast: (id: number) => call<MastDetail>("GET", `masts/${id}`),
};

/** The address of the picture of a part, in one view, at the context that `View.crop` tells. */
export function cropUrl(
  item: { id: number; version: number },
  view = 0,
  { maxSide = 0, brighten = false }: Partial<Look> = {},
): string {
  const size = maxSide ? `&max_side=${maxSide}` : "";
  return `api/items/${item.id}/crop?view=${view}&v=${item.version}${size}&brighten=${+brighten}`;
}

/** The address of a part of a photograph. */
export function frameCropUrl(
  frame: number,
  crop: Crop,
  { maxSide = 0, brighten = false } = {},
): string {
  const { x0, y0, width, height } = crop;
  const size = maxSide ? `&max_side=${maxSide}` : "";
  return `api/frames/${frame}/crop?x=${x0}&y=${y0}&width=${width}&height=${height}${size}&brighten=${+brighten}`;
}

export function reportUrl({ id }: Report): string {
  return `api/reports/${id}/file`;
}

export function tileUrl(frame: number, level: number, x: number, y: number): string {
  return `api/frames/${frame}/tiles/${level}/${x}_${y}.jpg`;
}
