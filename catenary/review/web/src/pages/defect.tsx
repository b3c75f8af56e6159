// One defect of the closed loop: its pictures, what later runs say, what was done and what comes next.

import { useEffect, useRef, useState } from "preact/hooks";
import {
  type AllowedStep,
  ApiError,
  api,
  type Defect,
  type DefectDetail,
  type Item,
  type LaterRun,
  type StepMade,
} from "../api";
import {
  Deadline,
  errorText,
  Grade,
  KeyButton,
  LoopState,
  PlaceRows,
  Problem,
  Row,
  State,
} from "../controls";
import { useKeys } from "../keys";
import { useLoaded } from "../load";
import { type Change, changesOf, stepAsked } from "../loop";
import {
  conclusionName,
  conditionName,
  gradeName,
  kindName,
  loopStateName,
  moment,
  opened,
  roleName,
} from "../names";
import { defectFiltersOf, defectOrderOf, go, to } from "../place";
import { Small } from "../retry";
import { change, useSettings } from "../settings";
import { DefectLink, Sightings } from "../sightings";
import { thumbUrl } from "../stage";
import { EMPTY_FORM, StepFields } from "../stepform";
import { isPlain } from "../tone";
import { PlainButton, ShownButtons, useToneKeys } from "../tonepanel";
import { t, told } from "../words";
import { pictureOf } from "./defects";

export function DefectPage({ query }: { query: URLSearchParams }) {
  const id = Number(query.get("id"));
  const read = useLoaded(`defect ${id}`, () => api.defect(id));
  const [made, setMade] = useState<DefectDetail | null>(null);
  const list = to("defects", { order: defectOrderOf(query), at: id }, defectFiltersOf(query));
  const defect = [made, read.value].find((one) => one?.id === id);
  useKeys("defect", { list: () => go(list) });
  return (
    <div class="defect-page">
      <header class="picture-head">
        <a class="button" href={list}>
          {t("back_to_defects")} <kbd>Q</kbd>
        </a>
        <span>{t("defect_number", { id })}</span>
        {defect && <span class="muted">{defect.run}</span>}
      </header>
      <Problem error={read.error} retry={read.reload} />
      {defect && (
        <Shown
          key={id}
          defect={defect}
          onMade={setMade}
          onStale={() => {
            setMade(null);
            read.reload();
          }}
        />
      )}
    </div>
  );
}

interface ShownProps {
  defect: DefectDetail;
  onMade: (defect: DefectDetail) => void;
  onStale: () => void;
}

function Shown({ defect, onMade, onStale }: ShownProps) {
  const { evidence, brighten, tone } = useSettings();
  const picture = to("picture", { frame: defect.frame_id, item: defect.item_id });
  const item = to("triage", { item: defect.item_id });
  useKeys("defect", {
    evidence: () => change({ evidence: !evidence }),
    brighten: () => change({ brighten: !brighten }),
    triage: () => go(item),
    picture: () => go(picture),
    mast: () => defect.mast && go(to("mast", { id: defect.mast.id })),
  });
  useToneKeys("defect");
  return (
    <>
      <div class="defect-left">
        <div class="defect-scroll">
          <Sightings defect={defect} />
          <Later runs={defect.later} />
          <Suspects defect={defect} />
        </div>
        <div class="stage-tools">
          <ShownButtons page="defect" />
          {!isPlain(tone) && <PlainButton page="defect" />}
          <span class="spacer" />
          <a class="button" href={item}>
            {t("open_item")} <kbd>T</kbd>
          </a>
          <a class="button" href={picture}>
            {t("open_picture")} <kbd>P</kbd>
          </a>
        </div>
      </div>
      <aside class="panel" aria-label={t("defect_number", { id: defect.id })}>
        <div class="panel-scroll">
          <Facts defect={defect} />
          <StepsMade defect={defect} />
        </div>
        <div class="panel-foot">
          <Steps defect={defect} onMade={onMade} onStale={onStale} />
        </div>
      </aside>
    </>
  );
}

function Facts({ defect }: { defect: DefectDetail }) {
  return (
    <>
      <h1 class="kind">{kindName(defect)}</h1>
      <p class="badges">
        <Grade grade={defect.grade} />
        <LoopState defect={defect} />
      </p>
      <dl class="facts">
        <Row name={t("deadline")}>
          <Deadline defect={defect} />
        </Row>
        <Row name={t("registered_at")}>{moment(defect.registered_at)}</Row>
        <Row name={t("repair_by")}>{moment(defect.repair_by)}</Row>
        {defect.reinspect_by && <Row name={t("reinspect_by")}>{moment(defect.reinspect_by)}</Row>}
        {defect.conclusion && <Row name={t("conclusion")}>{conclusionName(defect.conclusion)}</Row>}
        {defect.suspected_of !== null && defect.joined_to === null && (
          <Row name={t("suspected_of")}>
            <DefectLink id={defect.suspected_of} />
          </Row>
        )}
        {defect.joined_to !== null && (
          <Row name={t("joined_to")}>
            <DefectLink id={defect.joined_to} />
          </Row>
        )}
        <PlaceRows of={defect} item={defect.item_id} />
      </dl>
    </>
  );
}

function Later({ runs }: { runs: LaterRun[] }) {
  return (
    <section>
      <h2>{t("later_runs")}</h2>
      {runs.length === 0 && <p class="muted">{t("no_later_runs")}</p>}
      <ul class="later">
        {runs.map((one) => (
          <li key={one.run_id}>
            <p class="badges">
              <b>{opened(told(one.label))}</b>
              <span>{one.date || one.run}</span>
              <span class="muted small">{one.run}</span>
              {one.mast_id === null ? (
                <span>{t("photographs_count", { count: one.photographs })}</span>
              ) : (
                <a href={to("mast", { id: one.mast_id })}>
                  {t("photographs_count", { count: one.photographs })}
                </a>
              )}
            </p>
            {one.items.map((item) => (
              <LaterItem key={item.id} item={item} />
            ))}
          </li>
        ))}
      </ul>
    </section>
  );
}

function LaterItem({ item }: { item: Item }) {
  return (
    <a class="thumb button" href={to("triage", { item: item.id })}>
      <Small src={thumbUrl(item)} />
      <span>
        {kindName(item)}
        <br />
        <State item={item} />
      </span>
    </a>
  );
}

/** Earlier defects that this may be the same as. */
function Suspects({ defect }: { defect: DefectDetail }) {
  if (defect.suspects.length === 0) return null;
  return (
    <section>
      <h2>{t("suspects")}</h2>
      <ul class="later">
        {defect.suspects.map((one) => (
          <li key={one.id}>
            <Suspect one={one} isLikely={one.id === defect.suspected_of} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Suspect({ one, isLikely }: { one: Defect; isLikely: boolean }) {
  return (
    <a class="thumb button" href={to("defect", { id: one.id })}>
      <Small src={pictureOf(one)} />
      <span>
        {t("defect_number", { id: one.id })} {kindName(one)} {isLikely && <b>{t("suspected")}</b>}
        <br />
        <LoopState defect={one} /> <span class="muted">{one.run}</span>
      </span>
    </a>
  );
}

function StepsMade({ defect }: { defect: DefectDetail }) {
  return (
    <section>
      <h2>{t("steps_made")}</h2>
      <ol class="trail steps-made">
        {defect.steps.map((one) => (
          <li key={one.id}>
            <b>{opened(told(one.label))}</b> · {one.made_by} ({roleName(one.role)}) ·{" "}
            {moment(one.made_at)}
            {one.other !== null && (
              <>
                {" · "}
                <DefectLink id={one.other} />
              </>
            )}
            {one.decision_id !== null && <span class="muted small"> · {t("by_decision")}</span>}
            <Changes component={defect.component} one={one} />
            {one.note && <q>{one.note}</q>}
          </li>
        ))}
      </ol>
    </section>
  );
}

function Changes({ component, one }: { component: string; one: StepMade }) {
  const value = (name: Change["name"], value: string | number | null) =>
    value === null ? "–" : valueName(component, name, value);
  return (
    <ul class="muted small">
      {changesOf(one.before, one.after).map(({ name, before, after }) => (
        <li key={name}>
          {t(name)}: {one.before && `${value(name, before)} → `}
          {value(name, after)}
        </li>
      ))}
    </ul>
  );
}

function valueName(component: string, name: Change["name"], value: string | number): string {
  switch (name) {
    case "state":
      return loopStateName(String(value));
    case "condition":
      return conditionName(component, String(value));
    case "grade":
      return gradeName(Number(value));
    case "conclusion":
      return conclusionName(String(value));
    case "repair_by":
    case "reinspect_by":
      return moment(String(value));
    default:
      return t("defect_number", { id: value });
  }
}

/** A button for each step that may be made; pressing one asks for what the step needs. */
function Steps({ defect, onMade, onStale }: ShownProps) {
  const [open, setOpen] = useState("");
  const [form, setForm] = useState(EMPTY_FORM);
  const [problem, setProblem] = useState("");
  const [done, setDone] = useState("");
  const [isSending, setSending] = useState(false);
  const place = useRef<HTMLFormElement>(null);
  const step = defect.allowed.find((one) => one.step === open);
  useEffect(() => {
    // The form begins with the field that has to be filled in.
    if (step) place.current?.querySelector<HTMLElement>("select, input, textarea, button")?.focus();
  }, [step?.step]);

  const choose = (one: AllowedStep) => {
    setOpen(one.step);
    setForm({ ...EMPTY_FORM, of: String(defect.suspected_of ?? "") });
    setProblem("");
    setDone("");
  };
  const cancel = () => {
    setOpen("");
    setProblem("");
  };
  const send = async (one: AllowedStep) => {
    setSending(true);
    setProblem("");
    try {
      const answer = await api.step(defect.id, stepAsked(one, defect.version, form));
      onMade(answer.defect);
      setOpen("");
      setDone(t("step_done", { step: opened(told(one.label)) }));
    } catch (refused) {
      if (!(refused instanceof ApiError)) throw refused;
      setProblem(refused.code === "stale" ? t("step_stale") : errorText(refused));
      if (refused.status === 409) onStale();
    } finally {
      setSending(false);
    }
  };
  useKeys("defect", {
    ...Object.fromEntries(defect.allowed.map((one) => [one.step, () => choose(one)])),
    ...(step ? { cancel } : {}),
  });

  return (
    <>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <p class="hint small" role="status">
        {done}
      </p>
      {step && (
        <form
          ref={place}
          class="changes"
          aria-label={opened(told(step.label))}
          onSubmit={(event) => {
            event.preventDefault();
            if (!isSending) void send(step);
          }}
          onKeyDown={(event) => {
            if (event.key === "Enter" && event.ctrlKey) event.currentTarget.requestSubmit();
          }}
        >
          <StepFields step={step} defect={defect} form={form} onForm={setForm} />
          <div class="form-foot">
            <button type="submit" class="primary" disabled={isSending || isStuck(step, defect)}>
              {opened(told(step.label))} <kbd>Ctrl+↵</kbd>
            </button>
            <button type="button" onClick={cancel}>
              {t("cancel")} <kbd>Esc</kbd>
            </button>
          </div>
        </form>
      )}
      <fieldset class="steps" aria-label={t("steps")}>
        {defect.allowed.map((one) => (
          <KeyButton
            key={one.step}
            page="defect"
            action={one.step}
            label={opened(told(one.label))}
            pressed={one.step === open}
            onPress={() => choose(one)}
          />
        ))}
      </fieldset>
      {defect.allowed.length === 0 && <p class="muted small">{t("no_steps")}</p>}
    </>
  );
}

/** Another defect has to be named, and there is none. */
function isStuck(step: AllowedStep, defect: DefectDetail): boolean {
  return step.needs.includes("of") && defect.suspects.length === 0;
}
