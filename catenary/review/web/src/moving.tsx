// Photographs that were matched to the wrong mast are given to the right one, with a trace.
import { useState } from "preact/hooks";
import { ApiError, api, type MastDetail, type Moved } from "./api";
import { Asked } from "./asked";
import { errorText } from "./controls";
import { useLoaded } from "./load";
import { mastName, moment } from "./names";
import { go, to } from "./place";
import { t } from "./words";

interface MoveProps {
  mast: MastDetail;
  /** Photographs to move; none chosen yet, none sent. */
  chosen: ReadonlySet<number>;
  onDone: () => void;
}

/** Asks which mast the chosen photographs show, and why one thinks so. */
export function MoveForm({ mast, chosen, onDone }: MoveProps) {
  const [typed, setTyped] = useState("");
  const [isOfNone, setOfNone] = useState(false);
  const [problem, setProblem] = useState("");
  const [isSending, setSending] = useState(false);
  const found = useLoaded(`masts ${mast.run} ${typed}`, () =>
    api.masts({ run: mast.run, q: typed.split("/").at(-1) ?? "" }, null),
  );
  const send = async (form: FormData) => {
    const [first] = chosen;
    if (first === undefined) return;
    setProblem("");
    setSending(true);
    try {
      await api.move([...chosen], isOfNone ? null : typed.trim(), String(form.get("why")));
      onDone();
      // The photograph names the mast that has it now.
      go(isOfNone ? to("picture", { frame: first }) : to("mast", { id: first }));
    } catch (refused) {
      if (!(refused instanceof ApiError)) throw refused;
      setProblem(errorText(refused));
      setSending(false);
    }
  };
  return (
    <Asked label={t("move_some", { count: chosen.size })} onSend={send} onCancel={onDone}>
      <p class="hint">{t("move_hint")}</p>
      <label>
        {t("move_to")}
        <input
          name="to"
          list="masts-to-move-to"
          autocomplete="off"
          required
          disabled={isOfNone}
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
      </label>
      <datalist id="masts-to-move-to">
        {(found.value?.masts ?? [])
          .filter(({ id }) => id !== mast.id)
          .map((one) => (
            <option
              key={one.id}
              value={`${one.line}/${one.direction}/${one.section}/${one.number}`}
              label={[one.number, one.section, one.kilometre].filter(Boolean).join(" · ")}
            />
          ))}
      </datalist>
      <label class="tick">
        <input
          type="checkbox"
          checked={isOfNone}
          onChange={(event) => setOfNone(event.currentTarget.checked)}
        />
        {t("move_to_none")}
      </label>
      <label>
        {t("move_why")}
        <input name="why" maxLength={2000} required />
      </label>
      {isSending && <p role="status">{t("moving")}</p>}
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </Asked>
  );
}

/** What a mast got and gave away, who decided it and why. */
export function Trace({ moved }: { moved: readonly Moved[] }) {
  if (moved.length === 0) return null;
  return (
    <section>
      <h2>{t("moved")}</h2>
      <table class="items">
        <tbody>
          {moved.map((one) => (
            <tr key={`${one.frame_id} ${one.made_at}`}>
              <td>
                <a href={to("picture", { frame: one.frame_id })}>{one.file_name}</a>
              </td>
              <td>
                {mastName(one.before)} → {mastName(one.after)}
              </td>
              <td>{one.why}</td>
              <td>{one.made_by}</td>
              <td>{moment(one.made_at)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
