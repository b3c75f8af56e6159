// The masts of all runs, and one mast with all its photographs.

import { useState } from "preact/hooks";
import { api, type MastDetail, type MastRow, type Photograph } from "../api";
import { Problem } from "../controls";
import { useLoaded } from "../load";
import { MoveForm, Trace } from "../moving";
import { directionName, mastName } from "../names";
import { settle, to } from "../place";
import { Small } from "../retry";
import { wholeUrl } from "../stage";
import { useRight } from "../who";
import { t } from "../words";

export function Masts({ query }: { query: URLSearchParams }) {
  const q = query.get("q") ?? "";
  const runs = useLoaded("runs", () => api.runs());
  // Without a run in the address, the newest.
  const run = query.get("run") ?? runs.value?.runs[0]?.name ?? "";
  const key = `masts ${run} ${q}`;
  const first = useLoaded(key, () => (run ? api.masts({ run, q }, null) : Promise.resolve(null)));
  const [more, setMore] = useState<{ key: string; masts: MastRow[]; next: string | null } | null>(
    null,
  );
  const added = more?.key === key ? more : null;
  const masts = [...(first.value?.masts ?? []), ...(added?.masts ?? [])];
  const next = added ? added.next : (first.value?.next ?? null);
  const addPage = async () => {
    const page = await api.masts({ run, q }, next);
    setMore({ key, masts: [...(added?.masts ?? []), ...page.masts], next: page.next });
  };
  return (
    <div class="page">
      <form class="results-head" onSubmit={(event) => event.preventDefault()}>
        <h1>{t("masts")}</h1>
        <label>
          {t("run")}{" "}
          <select
            value={run}
            onChange={(event) => settle(to("masts", { run: event.currentTarget.value, q }))}
          >
            {(runs.value?.runs ?? []).map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label>
          {t("search_mast")}{" "}
          <input
            type="search"
            value={q}
            onInput={(event) => settle(to("masts", { run, q: event.currentTarget.value }))}
          />
        </label>
        <strong role="status">
          {first.value && t("masts_total", { count: first.value.total })}
        </strong>
      </form>
      <Problem error={first.error} retry={first.reload} />
      {first.value?.total === 0 && <p class="empty">{t("no_masts")}</p>}
      {masts.length > 0 && (
        <table class="items">
          <thead>
            <tr>
              <th scope="col">{t("mast")}</th>
              <th scope="col" class="number">
                {t("kilometre")}
              </th>
              <th scope="col">{t("section")}</th>
              <th scope="col">{t("line")}</th>
              <th scope="col">{t("run")}</th>
              <th scope="col" class="number">
                {t("photographs")}
              </th>
              <th scope="col" class="number">
                {t("findings")}
              </th>
              <th scope="col" class="number">
                {t("waiting")}
              </th>
            </tr>
          </thead>
          <tbody>
            {masts.map((one) => (
              <tr key={one.id}>
                <td>
                  <a href={to("mast", { id: one.id })}>{one.number}</a>
                </td>
                <td class="number">{one.kilometre || "–"}</td>
                <td>{one.section}</td>
                <td>
                  {one.line} {directionName(one.direction)}
                </td>
                <td>{one.run}</td>
                <td class="number">{one.frames}</td>
                <td class="number">{one.items}</td>
                <td class="number">{one.waiting > 0 ? <b>{one.waiting}</b> : 0}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {next && (
        <button type="button" class="more" onClick={() => void addPage()}>
          {t("more")}
        </button>
      )}
    </div>
  );
}

export function MastPage({ query }: { query: URLSearchParams }) {
  const id = Number(query.get("id"));
  const mast = useLoaded(`mast ${id}`, () => api.mast(id));
  return (
    <div class="page">
      <Problem error={mast.error} retry={mast.reload} />
      {mast.value && <Overview key={mast.value.id} mast={mast.value} reload={mast.reload} />}
    </div>
  );
}

function Overview({ mast, reload }: { mast: MastDetail; reload: () => void }) {
  const canMove = useRight("assign");
  /** Photographs to move; null while none are asked for. */
  const [chosen, choose] = useState<ReadonlySet<number> | null>(null);
  const toggle = (id: number) => {
    const changed = new Set(chosen);
    if (!changed.delete(id)) changed.add(id);
    choose(changed);
  };
  const filters = { run: [mast.run], mast: [mast.number], section: [mast.section] };
  return (
    <>
      <header class="results-head">
        <h1>{mastName(mast)}</h1>
        <span>{mast.kilometre}</span>
        <span class="muted">{mast.run}</span>
        <span class="spacer" />
        {canMove && (
          <button
            type="button"
            aria-expanded={chosen !== null}
            onClick={() => choose(chosen ? null : new Set())}
          >
            {t("move_mast")}
          </button>
        )}
        <a class="button" href={to("queue", {}, filters)}>
          {t("show_in_queue")} ({mast.items})
        </a>
        <Neighbour mast={mast.previous} word="previous_mast" />
        <Neighbour mast={mast.next} word="next_mast" />
      </header>
      {mast.other_runs.length > 0 && (
        <p>
          {t("other_runs")}:{" "}
          {mast.other_runs.map((one) => (
            <a key={one.mast_id} class="listed" href={to("mast", { id: one.mast_id })}>
              {one.date} {one.run}
            </a>
          ))}
        </p>
      )}
      {chosen && (
        <MoveForm
          mast={mast}
          chosen={chosen}
          onDone={() => {
            choose(null);
            reload();
          }}
        />
      )}
      <ul class="photographs">
        {byCamera(mast.photographs).map((one) => (
          <Shot
            key={one.frame_id}
            one={one}
            isChosen={chosen?.has(one.frame_id) ?? false}
            onChoose={chosen && (() => toggle(one.frame_id))}
          />
        ))}
      </ul>
      <Trace moved={mast.moved} />
    </>
  );
}

/** Photographs in the order of their cameras, whatever order they were taken in. */
export function byCamera(all: Photograph[]): Photograph[] {
  return all.toSorted((a, b) => a.camera.localeCompare(b.camera, "en", { numeric: true }));
}

function Neighbour({ mast, word }: { mast: number | null; word: "previous_mast" | "next_mast" }) {
  if (mast === null) {
    return (
      <button type="button" disabled>
        {t(word)}
      </button>
    );
  }
  return (
    <a class="button" href={to("mast", { id: mast })}>
      {t(word)}
    </a>
  );
}

interface ShotProps {
  one: Photograph;
  isChosen: boolean;
  /** Null where a press opens the photograph. */
  onChoose: (() => void) | null;
}

function Shot({ one, isChosen, onChoose }: ShotProps) {
  const size = { frame_id: one.frame_id, frame_width: one.width, frame_height: one.height };
  const isShown = one.outcome !== "failed" && one.width > 0;
  const shown = (
    <>
      <span class="photograph">
        {isShown ? <Small src={wholeUrl(size)} loading="lazy" /> : t("picture_missing")}
      </span>
      <span class="cell-text">
        <b>
          {t("camera")} {one.camera}
        </b>
        <span>{one.view}</span>
        {one.outcome !== "done" && (
          <span class="warn">{t(`outcome_${one.outcome ?? "pending"}`)}</span>
        )}
        {one.items > 0 && (
          <span class="state state-open">
            {t("findings")} {one.items}
          </span>
        )}
      </span>
    </>
  );
  return (
    <li>
      {onChoose ? (
        <button type="button" class="shot" aria-pressed={isChosen} onClick={onChoose}>
          {shown}
        </button>
      ) : (
        <a class="shot" href={to("picture", { frame: one.frame_id })}>
          {shown}
        </a>
      )}
    </li>
  );
}
