// One's own password.
import { useState } from "preact/hooks";
import { ApiError, api } from "../api";
import { errorText } from "../controls";
import { useSession } from "../who";
import { t } from "../words";

export const SHORTEST = 10; // characters; the server decides

/** `onChanged` after the server took it: the session has changed. */
export function PasswordPage({ onChanged }: { onChanged: () => void }) {
  const { user, must_change } = useSession();
  const [problem, setProblem] = useState("");
  const [isDone, setDone] = useState(false);
  const [isAsking, setAsking] = useState(false);
  const change = async (form: HTMLFormElement) => {
    const told = new FormData(form);
    const [old, chosen, again] = ["old", "new", "again"].map((name) => String(told.get(name)));
    setDone(false);
    setProblem(chosen === again ? "" : t("password_differs"));
    if (chosen !== again || old === undefined || chosen === undefined) return;
    setAsking(true);
    try {
      await api.changePassword(old, chosen);
      form.reset();
      setDone(true);
      onChanged();
    } catch (refused) {
      if (!(refused instanceof ApiError)) throw refused;
      setProblem(errorText(refused));
    } finally {
      setAsking(false);
    }
  };
  return (
    <div class="login">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void change(event.currentTarget);
        }}
      >
        <h1>{t("change_password")}</h1>
        {must_change && <p role="status">{t("password_forced")}</p>}
        {/* For password managers, which else do not know whose it is */}
        <input
          class="unseen"
          autocomplete="username"
          aria-hidden="true"
          value={user?.name}
          tabIndex={-1}
          readOnly
        />
        <label>
          {t("password_old")}
          <input name="old" type="password" autocomplete="current-password" required autofocus />
        </label>
        <label>
          {t("password_new")}
          <input
            name="new"
            type="password"
            autocomplete="new-password"
            minLength={SHORTEST}
            aria-describedby="password-rule"
            required
          />
        </label>
        <label>
          {t("password_again")}
          <input name="again" type="password" autocomplete="new-password" required />
        </label>
        <p id="password-rule" class="hint small">
          {t("password_short", { count: SHORTEST })}
        </p>
        {problem && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        {isDone && <p role="status">{t("password_changed")}</p>}
        <button type="submit" class="primary" disabled={isAsking}>
          {t("change_password")}
        </button>
      </form>
    </div>
  );
}
