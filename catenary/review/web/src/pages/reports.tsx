// Reports of a run, or of what the filters of the address let pass: asked for, waited for, downloaded.
import { useEffect, useState } from "preact/hooks";
import {
  ApiError,
  api,
  FACETS,
  type Facet,
  type FacetName,
  type Filters,
  REPORT_FORMATS,
  type Report,
  type ReportFormat,
  type Run,
  reportUrl,
} from "../api";
import { errorText, Problem } from "../controls";
import { facetName } from "../facets";
import { useLoaded } from "../load";
import { moment } from "../names";
import { filtersOf, settle, to } from "../place";
import { t, told } from "../words";

const LOOK_MS = 1000; // between two looks at a report that is being made
const NOTICES: readonly ReportFormat[] = ["docx", "pdf"]; // of what people confirmed

export function Reports({ query }: { query: URLSearchParams }) {
  const filters = filtersOf(query);
  const runs = useLoaded("runs", api.runs);
  const [reports, setReports] = useState<Report[]>([]);
  const [error, setError] = useState<ApiError | null>(null);
  const isWaiting = reports.some(isUnderWay);
  const asked = async (call: () => Promise<{ reports: Report[] }>) => {
    try {
      setReports((await call()).reports);
      setError(null);
    } catch (refused) {
      if (!(refused instanceof ApiError)) throw refused;
      setError(refused);
    }
  };
  useEffect(() => void asked(api.reports), []);
  useEffect(() => {
    if (!isWaiting) return;
    const looking = setInterval(() => void asked(api.reports), LOOK_MS);
    return () => clearInterval(looking);
  }, [isWaiting]);
  const newest = (runs.value?.runs ?? []).toSorted((a, b) => b.date.localeCompare(a.date));
  return (
    <div class="page">
      <header class="results-head">
        <h1>{t("reports")}</h1>
        <span role="status" class="unseen">
          {reports.filter((one) => !isUnderWay(one)).map(ending)[0]}
        </span>
      </header>
      <Problem error={runs.error ?? error} retry={() => void asked(api.reports)} />
      {runs.value && newest.length === 0 && <p class="muted">{t("no_runs")}</p>}
      {newest[0] && (
        <NewReport
          key={query.toString()}
          runs={newest}
          filters={filters}
          onAsk={(run_id, format, decided) =>
            asked(() => api.askReport({ run_id, format, decided }, filters))
          }
        />
      )}
      <section>
        <h2>{t("reports_own")}</h2>
        {reports.length === 0 && <p class="muted">{t("reports_none")}</p>}
        {reports.length > 0 && (
          <Table reports={reports} onDrop={(id) => void asked(() => api.dropReport(id))} />
        )}
        <p class="muted small">{t("reports_kept")}</p>
      </section>
    </div>
  );
}

function isUnderWay({ stage }: Report): boolean {
  return stage === "waiting" || stage === "making";
}

/** How a report ended, for those who do not see the table. */
function ending(one: Report): string {
  return `${one.file_name}: ${one.stage === "done" ? t("report_done") : problemOf(one)}`;
}

interface NewProps {
  runs: Run[];
  filters: Filters;
  onAsk: (run: number, format: ReportFormat, decided: boolean) => Promise<void>;
}

function NewReport({ runs, filters, onAsk }: NewProps) {
  const wanted = runs.find(({ name }) => filters.run?.includes(name)) ?? runs[0];
  const [run, setRun] = useState(wanted?.id ?? 0);
  const [format, setFormat] = useState<ReportFormat>("xlsx");
  const [isDecided, setDecided] = useState(false);
  const [isAsking, setAsking] = useState(false);
  const ask = async () => {
    setAsking(true);
    await onAsk(run, format, isDecided);
    setAsking(false);
  };
  return (
    <form
      class="report-form"
      aria-label={t("report_new")}
      onSubmit={(event) => {
        event.preventDefault();
        void ask();
      }}
    >
      <label>
        <span class="muted">{t("run")}</span>
        <select value={run} onChange={(event) => setRun(Number(event.currentTarget.value))}>
          {runs.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <Selected run={runs.find(({ id }) => id === run)?.name ?? ""} filters={filters} />
      <fieldset>
        <legend>{t("report_format")}</legend>
        {REPORT_FORMATS.map((one) => (
          <Choice
            key={one}
            name="format"
            label={t(`report_${one}`)}
            isChosen={one === format}
            onChoose={() => {
              setFormat(one);
              setDecided(NOTICES.includes(one));
            }}
          />
        ))}
      </fieldset>
      <fieldset>
        <legend>{t("report_content")}</legend>
        {[false, true].map((one) => (
          <Choice
            key={String(one)}
            name="content"
            label={t(one ? "report_decided" : "report_all")}
            isChosen={one === isDecided}
            onChoose={() => setDecided(one)}
          />
        ))}
      </fieldset>
      <button type="submit" class="primary" disabled={isAsking}>
        {t("report_ask")}
      </button>
    </form>
  );
}

interface ChoiceProps {
  name: string;
  label: string;
  isChosen: boolean;
  onChoose: () => void;
}

function Choice({ name, label, isChosen, onChoose }: ChoiceProps) {
  return (
    <label>
      <input type="radio" name={name} checked={isChosen} onChange={onChoose} />
      {label}
    </label>
  );
}

/** To what the report is limited, in the words of the queue, and how many items that are. */
function Selected({ run, filters }: { run: string; filters: Filters }) {
  const { run: _run, ...rest } = filters;
  const key = JSON.stringify([run, filters]);
  const read = useLoaded(`selected ${key}`, () => api.queueFilters({ ...rest, run: [run] }));
  if (Object.keys(rest).length === 0) {
    return (
      <p>
        {t("report_whole")} <span class="muted small">{t("report_filter_hint")}</span>
      </p>
    );
  }
  const told = FACETS.filter((name) => name !== "run" && filters[name]).map((name) => {
    const values = filters[name] ?? [];
    const facets = read.value?.facets[name];
    const list = values.map((one) => valueName(name, facets, one)).join(", ");
    return name === "grade" ? list : `${t(name)}: ${list}`; // a grade says that it is one
  });
  for (const name of ["km_from", "km_to"] as const) {
    if (rest[name] !== undefined) told.push(`${t(name)} ${rest[name]}`);
  }
  return (
    <p>
      {t("report_selection", { filters: told.join("; ") })}{" "}
      {read.value && <b>{t("report_items", { count: read.value.total })}</b>}{" "}
      <button type="button" class="link" onClick={() => settle(to("reports", {}, { run: [run] }))}>
        {t("report_no_filter")}
      </button>
    </p>
  );
}

function valueName(name: FacetName, facets: Facet[] = [], value: string): string {
  const found = facets.find((one) => String(one.value) === value);
  return found ? facetName(name, found) : value;
}

function Table({ reports, onDrop }: { reports: Report[]; onDrop: (id: string) => void }) {
  return (
    <table class="items">
      <thead>
        <tr>
          <th scope="col">{t("report_file")}</th>
          <th scope="col">{t("report_asked")}</th>
          <th scope="col">{t("state")}</th>
          <th scope="col">{t("actions")}</th>
        </tr>
      </thead>
      <tbody>
        {reports.map((one) => (
          <tr key={one.id}>
            <th scope="row" class="long-name">
              {one.file_name}
              <div class="muted small">
                {[
                  one.decided === null ? "" : t(one.decided ? "report_decided" : "report_all"),
                  one.selection ? told(one.selection) : "",
                ]
                  .filter(Boolean)
                  .join(" · ")}
              </div>
              {one.sha256 && <div class="muted small digest">SHA-256 {one.sha256}</div>}
            </th>
            <td>{moment(one.asked_at)}</td>
            <td>
              <Stage one={one} />
            </td>
            <td class="row-buttons">
              {one.stage === "done" && (
                <a
                  class="button primary"
                  href={reportUrl(one)}
                  download={one.file_name}
                  aria-label={t("download_named", { file: one.file_name })}
                >
                  {t("download")}
                </a>
              )}
              <button
                type="button"
                aria-label={t(isUnderWay(one) ? "cancel_named" : "remove_named", {
                  file: one.file_name,
                })}
                onClick={() => onDrop(one.id)}
              >
                {t(isUnderWay(one) ? "cancel" : "remove")}
              </button>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Stage({ one }: { one: Report }) {
  switch (one.stage) {
    case "waiting":
      return <>{t("report_waiting", { count: one.before })}</>;
    case "making":
      return (
        <>
          <progress
            aria-label={one.file_name}
            max={one.total || undefined}
            value={one.total ? one.made : undefined}
          />{" "}
          {one.total > 0 && `${t("report_made", { made: one.made, total: one.total })} · `}
          {t("report_making", { seconds: secondsSince(one.asked_at) })}
        </>
      );
    case "done":
      return (
        <>
          {t("report_done")} <span class="muted">{sizeOf(one.size)}</span>
        </>
      );
    case "failed":
      return <span class="warn">{problemOf(one)}</span>;
  }
}

function problemOf({ problem }: Report): string {
  const { code, message } = problem ?? { code: "internal", message: "" };
  if (code === "nothing") return t("report_nothing");
  if (code === "stopped") return t("report_stopped");
  if (code === "gave_up") return t("report_gave_up", { message });
  return errorText(new ApiError(0, code, message, [], []));
}

function secondsSince(time: string): number {
  return Math.max(0, Math.round((Date.now() - Date.parse(time)) / 1000));
}

function sizeOf(bytes: number): string {
  return bytes < 1e6
    ? `${Math.max(1, Math.round(bytes / 1e3))} kB`
    : `${(bytes / 1e6).toFixed(1)} MB`;
}
