// How much was decided, by whom and how well, and how far each run is.
import { useState } from "preact/hooks";
import { type Agreement, api, type Run, type Statistics } from "../api";
import { Problem } from "../controls";
import { useLoaded } from "../load";
import { decisionName, stateName } from "../names";
import { to } from "../place";
import { t } from "../words";
import { Breakdown } from "./breakdown";

const SPANS = [7, 30, 90];
const KINDS = ["confirm", "reject", "observe", "cannot_judge"];

export function StatisticsPage() {
  const [days, setDays] = useState(30);
  const figures = useLoaded(`statistics ${days}`, () => api.statistics(days));
  const runs = useLoaded("runs", () => api.runs());
  return (
    <div class="page">
      <header class="results-head">
        <h1>{t("statistics")}</h1>
        <select
          aria-label={t("day")}
          value={days}
          onChange={(event) => setDays(Number(event.currentTarget.value))}
        >
          {SPANS.map((span) => (
            <option key={span} value={span}>
              {t("last_days", { days: span })}
            </option>
          ))}
        </select>
      </header>
      <Problem error={figures.error ?? runs.error} retry={figures.reload} />
      {figures.value && <Reviewers figures={figures.value} />}
      {runs.value && <Runs runs={runs.value.runs} />}
      {runs.value && runs.value.runs.length > 0 && <Breakdown runs={runs.value.runs} />}
    </div>
  );
}

function Reviewers({ figures }: { figures: Statistics }) {
  return (
    <section>
      <h2>{t("reviewers")}</h2>
      {figures.reviewers.length === 0 && <p class="muted">{t("no_figures")}</p>}
      {figures.reviewers.length > 0 && (
        <table class="items">
          <thead>
            <tr>
              <th scope="col">{t("reviewer")}</th>
              <th scope="col" class="number">
                {t("decided")}
              </th>
              {KINDS.map((kind) => (
                <th scope="col" class="number" key={kind}>
                  {decisionName(kind)}
                </th>
              ))}
              <th scope="col">{t("second_reading")}</th>
              <th scope="col" class="number">
                {t("unblind")}
              </th>
              <th scope="col">{t("vigilance")}</th>
              <th scope="col">{t("by_day")}</th>
            </tr>
          </thead>
          <tbody>
            {figures.reviewers.map((one) => (
              <tr key={one.name}>
                <th scope="row">{one.name}</th>
                <td class="number">{one.decisions}</td>
                {KINDS.map((kind) => (
                  <td class="number" key={kind}>
                    {one.by_decision[kind] ?? 0}
                  </td>
                ))}
                <td>
                  <Share of={one.second_reading} />
                </td>
                <td class="number">{one.not_blind}</td>
                <td>
                  <Share of={one.vigilance} />
                </td>
                <td>
                  <Days days={one.days} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Share({ of }: { of: Agreement }) {
  if (of.total === 0) return <span class="muted">{t("no_figures")}</span>;
  const whole = (share: number) => Math.round(100 * share);
  return (
    <>
      {t("of_total", { agreed: of.agreed, total: of.total })}
      <div class="muted small">{t("interval", { low: whole(of.low), high: whole(of.high) })}</div>
    </>
  );
}

function Days({ days }: { days: { day: string; count: number }[] }) {
  const most = Math.max(1, ...days.map(({ count }) => count));
  const told = days.map(({ day, count }) => `${day}: ${count}`).join(", ");
  return (
    <svg
      class="days"
      viewBox={`0 0 ${Math.max(days.length, 14) * 8} 28`}
      role="img"
      aria-label={told}
    >
      {days.map(({ day, count }, i) => (
        <rect
          key={day}
          x={i * 8}
          y={28 - (26 * count) / most}
          width="6"
          height={(26 * count) / most}
        >
          <title>{`${day}: ${count}`}</title>
        </rect>
      ))}
    </svg>
  );
}

function Runs({ runs }: { runs: Run[] }) {
  const states = [...new Set(runs.flatMap(({ items }) => Object.keys(items)))];
  return (
    <section>
      <h2>{t("runs")}</h2>
      <table class="items">
        <thead>
          <tr>
            <th scope="col">{t("run")}</th>
            <th scope="col" class="number">
              {t("images")}
            </th>
            <th scope="col" class="number">
              {t("unusable")}
            </th>
            <th scope="col" class="number">
              {t("failed")}
            </th>
            {states.map((state) => (
              <th scope="col" class="number" key={state}>
                {stateName(state)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <tr key={run.id}>
              <th scope="row">
                <a href={to("queue", {}, { run: [run.name] })}>{run.name}</a>
                <div class="muted small">
                  {t("versions", { model: run.model, rules: run.rules, taxonomy: run.taxonomy })}
                </div>
              </th>
              <td class="number">
                {run.done}/{run.images}
              </td>
              <td class="number">{run.unusable}</td>
              <td class="number">{run.failed}</td>
              {states.map((state) => (
                <td class="number" key={state}>
                  <a href={to("queue", {}, { run: [run.name], state: [state] })}>
                    {run.items[state] ?? 0}
                  </a>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
