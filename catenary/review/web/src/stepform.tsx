// The fields of one step of a defect: those that it takes, and no other.
import { type AllowedStep, type DefectDetail, STEP_FIELDS, type StepField } from "./api";
import { dayOf, type StepForm } from "./loop";
import { kindName, opened } from "./names";
import { t, told } from "./words";

export const EMPTY_FORM: StepForm = { note: "", conclusion: "", due: "", of: "" };

interface Props {
  step: AllowedStep;
  defect: DefectDetail;
  form: StepForm;
  onForm: (form: StepForm) => void;
}

export function StepFields({ step, defect, form, onForm }: Props) {
  const fields = STEP_FIELDS.filter((one) => [...step.needs, ...step.may_have].includes(one));
  return (
    <>
      {fields.map((field) => {
        const isNeeded = step.needs.includes(field);
        return (
          <div key={field} class="wide step-field">
            <label htmlFor={`step-${field}`}>
              {field === "note" && isNeeded ? t("reason") : t(field)}{" "}
              <span class="small">({isNeeded ? t("needed") : t("optional")})</span>
            </label>
            <Field
              field={field}
              isNeeded={isNeeded}
              defect={defect}
              value={form[field]}
              onValue={(value) => onForm({ ...form, [field]: value })}
            />
          </div>
        );
      })}
    </>
  );
}

interface FieldProps {
  field: StepField;
  isNeeded: boolean;
  defect: DefectDetail;
  value: string;
  onValue: (value: string) => void;
}

function Field({ field, isNeeded, defect, value, onValue }: FieldProps) {
  const common = { id: `step-${field}`, required: isNeeded, value };
  switch (field) {
    case "note":
      return (
        <textarea
          {...common}
          rows={2}
          maxLength={2000}
          onInput={(event) => onValue(event.currentTarget.value)}
        />
      );
    case "due":
      return (
        <input
          {...common}
          type="date"
          min={earliest(defect)}
          onInput={(event) => onValue(event.currentTarget.value)}
        />
      );
    case "conclusion":
      return (
        <Choice
          {...common}
          onValue={onValue}
          options={defect.conclusions.map(({ id, label }) => [id, opened(told(label))])}
        />
      );
    case "of":
      return (
        <>
          <Choice
            {...common}
            onValue={onValue}
            options={defect.suspects.map((one) => [
              String(one.id),
              `${t("defect_number", { id: one.id })} ${kindName(one)} ${one.run}`,
            ])}
          />
          {defect.suspects.length === 0 && <p class="hint small">{t("no_suspects")}</p>}
        </>
      );
  }
}

interface ChoiceProps {
  id: string;
  required: boolean;
  value: string;
  onValue: (value: string) => void;
  options: (readonly [value: string, text: string])[];
}

function Choice({ id, required, value, onValue, options }: ChoiceProps) {
  return (
    <select
      id={id}
      required={required}
      value={value}
      onChange={(event) => onValue(event.currentTarget.value)}
    >
      <option value="">{t("choose")}</option>
      {options.map(([name, text]) => (
        <option key={name} value={name}>
          {text}
        </option>
      ))}
    </select>
  );
}

/** A deadline only moves later, and not into the past. */
function earliest({ due }: DefectDetail): string {
  const now = new Date();
  return dayOf(due !== null && new Date(due) > now ? new Date(due) : now);
}
