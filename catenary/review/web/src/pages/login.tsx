// Name and password.
import { useState } from "preact/hooks";
import { ApiError, api, type Session } from "../api";
import { errorText } from "../controls";
import { t } from "../words";

export function Login({ onSession }: { onSession: (session: Session) => void }) {
  const [error, setError] = useState<ApiError | null>(null);
  const [isAsking, setAsking] = useState(false);
  const logIn = async (form: HTMLFormElement) => {
    const told = new FormData(form);
    setAsking(true);
    try {
      onSession(await api.logIn(String(told.get("name")), String(told.get("password"))));
    } catch (refused) {
      if (!(refused instanceof ApiError)) throw refused;
      setError(refused);
    } finally {
      setAsking(false);
    }
  };
  return (
    <main class="login" id="content">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void logIn(event.currentTarget);
        }}
      >
        <h1>{t("title")}</h1>
        <label>
          {t("name")}
          {/* The page has one task */}
          <input name="name" autocomplete="username" required autofocus />
        </label>
        <label>
          {t("password")}
          <input name="password" type="password" autocomplete="current-password" required />
        </label>
        {error && (
          <p class="problem" role="alert">
            {errorText(error)}
          </p>
        )}
        <button type="submit" class="primary" disabled={isAsking}>
          {t("log_in")}
        </button>
      </form>
    </main>
  );
}
