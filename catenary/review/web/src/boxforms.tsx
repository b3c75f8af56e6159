// What is asked for once a box was dragged over a photograph: a missed defect, or a corrected box.
import { useState } from "preact/hooks";
import { ApiError, api, type Box, type FrameDetail, type ItemDetail } from "./api";
import { errorText } from "./controls";
import {
  componentName,
  components,
  conditionName,
  conditionsOf,
  gradeName,
  grades,
  kindName,
  opened,
} from "./names";
import { t } from "./words";

export type FrameItem = FrameDetail["items"][number];

interface FormProps {
  box: Box | null;
  onSaved: (item: ItemDetail) => void;
  onCancel: () => void;
}

function BoxSize({ box, hint }: { box: Box | null; hint: "draw_hint" | "correct_hint" }) {
  if (!box) return <p class="hint">{t(hint)}</p>;
  return <p class="hint">{t("box_px", { width: box[2] - box[0], height: box[3] - box[1] })}</p>;
}

export function DrawForm({ frame, box, onSaved, onCancel }: FormProps & { frame: FrameDetail }) {
  const [component, setComponent] = useState(components()[0]?.id ?? "");
  const conditions = conditionsOf(component);
  const [condition, setCondition] = useState("");
  const [grade, setGrade] = useState("");
  const [note, setNote] = useState("");
  const [error, setError] = useState<ApiError | null>(null);
  const standing = conditions.find(({ id }) => id === condition) ?? conditions[0];
  const save = async () => {
    if (!box || !standing) return;
    try {
      const drawn = {
        component,
        condition: standing.id,
        grade: Number(grade || standing.grade),
        box,
        note,
      };
      onSaved((await api.draw(frame.id, drawn)).item);
    } catch (refused) {
      if (!(refused instanceof ApiError)) throw refused;
      setError(refused);
    }
  };
  return (
    <form
      class="changes"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <h2>{t("draw")}</h2>
      <BoxSize box={box} hint="draw_hint" />
      <label>
        {t("component")}
        <select
          value={component}
          onChange={(event) => {
            setComponent(event.currentTarget.value);
            setCondition("");
            setGrade("");
          }}
        >
          {components()
            .filter((one) => one.conditions.length)
            .map(({ id }) => (
              <option key={id} value={id}>
                {componentName(id)}
              </option>
            ))}
        </select>
      </label>
      <label>
        {t("condition")}
        <select
          value={standing?.id}
          onChange={(event) => {
            setCondition(event.currentTarget.value);
            setGrade("");
          }}
        >
          {conditions.map(({ id }) => (
            <option key={id} value={id}>
              {opened(conditionName(component, id))}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t("grade")}
        <select
          value={grade || String(standing?.grade ?? "")}
          onChange={(event) => setGrade(event.currentTarget.value)}
        >
          {grades().map((one) => (
            <option key={one.grade} value={one.grade}>
              {gradeName(one.grade)}
            </option>
          ))}
        </select>
      </label>
      <label class="wide">
        {t("note")}
        <textarea
          rows={2}
          maxLength={2000}
          value={note}
          onInput={(event) => setNote(event.currentTarget.value)}
        />
      </label>
      {error && (
        <p class="problem" role="alert">
          {errorText(error)}
        </p>
      )}
      <div class="form-foot">
        <button type="submit" class="primary" disabled={!box}>
          {t("save_drawn")}
        </button>
        <button type="button" onClick={onCancel}>
          {t("cancel")}
        </button>
      </div>
    </form>
  );
}

export function CorrectForm({ item, box, onSaved, onCancel }: FormProps & { item: FrameItem }) {
  const [error, setError] = useState<ApiError | null>(null);
  const save = async () => {
    if (!box) return;
    try {
      onSaved(
        (await api.decide(item.id, { decision: "confirm", version: item.version, box })).item,
      );
    } catch (refused) {
      if (!(refused instanceof ApiError)) throw refused;
      setError(refused);
    }
  };
  return (
    <section class="changes">
      <h2>{t("correct")}</h2>
      <p class="wide">{kindName(item)}</p>
      <BoxSize box={box} hint="correct_hint" />
      {error && (
        <p class="problem" role="alert">
          {errorText(error)}
        </p>
      )}
      <div class="form-foot">
        <button
          type="button"
          class="primary"
          disabled={!box || !item.allowed.includes("confirm")}
          onClick={() => void save()}
        >
          {t("save_box")}
        </button>
        <button type="button" onClick={onCancel}>
          {t("cancel")}
        </button>
      </div>
    </section>
  );
}
