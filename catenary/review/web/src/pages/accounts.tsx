// The accounts of all people, for those who look after them.
import { useState } from "preact/hooks";
import { type Account, ApiError, api } from "../api";
import { Asked } from "../asked";
import { errorText, Problem } from "../controls";
import { useLoaded } from "../load";
import { moment, opened, roleName, roles } from "../names";
import { suggestedPassword } from "../suggest";
import { useSession } from "../who";
import { t, told, type Word } from "../words";
import { SHORTEST } from "./password";

/** Asks the server to change an account; tells what was done, or why not. */
type Change = (asked: () => Promise<unknown>, done: string) => Promise<void>;

export function Accounts() {
  const { accounts: hasAccounts } = useSession();
  const read = useLoaded("accounts", api.accounts);
  const [problem, setProblem] = useState("");
  const [done, setDone] = useState("");
  const change: Change = async (asked, said) => {
    setProblem("");
    setDone("");
    try {
      await asked();
      setDone(said);
    } catch (refused) {
      if (!(refused instanceof ApiError)) throw refused;
      setProblem(refused.code === "stale" ? t("account_stale") : errorText(refused));
    } finally {
      read.reload();
    }
  };
  return (
    <div class="page">
      <header class="results-head">
        <h1>{t("accounts")}</h1>
        <span role="status">{done}</span>
      </header>
      <Problem error={read.error} retry={read.reload} />
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {hasAccounts ? (
        <>
          <Table accounts={read.value?.accounts ?? []} change={change} />
          <NewAccount change={change} />
        </>
      ) : (
        <p>
          {t("no_accounts")} <code>catenary users add NAME --role admin</code>
        </p>
      )}
    </div>
  );
}

function Table({ accounts, change }: { accounts: Account[]; change: Change }) {
  return (
    <table class="items accounts">
      <thead>
        <tr>
          <th scope="col">{t("name")}</th>
          <th scope="col">{t("role")}</th>
          <th scope="col">{t("state")}</th>
          <th scope="col">{t("since")}</th>
          <th scope="col">{t("actions")}</th>
        </tr>
      </thead>
      <tbody>
        {accounts.map((one) => (
          <AccountRow key={one.id} one={one} change={change} />
        ))}
      </tbody>
    </table>
  );
}

type Asking = "" | "disable" | "reset";

function AccountRow({ one, change }: { one: Account; change: Change }) {
  const { user } = useSession();
  const [asking, setAsking] = useState<Asking>("");
  const { name } = one;
  const made = async (asked: () => Promise<unknown>, done: Word) => {
    setAsking("");
    await change(asked, t(done, { name }));
  };
  return (
    <>
      <tr class={one.disabled_at ? "muted" : ""}>
        <th scope="row">{name}</th>
        <td>
          <select
            aria-label={t("role_of", { name })}
            value={one.role}
            onChange={(event) => {
              const role = event.currentTarget.value;
              event.currentTarget.value = one.role; // until the server has taken it
              const done = t("role_changed", { name, role: roleName(role) });
              void change(() => api.setRole(one, role), done);
            }}
          >
            <RoleOptions chosen={one.role} />
          </select>
        </td>
        <td>{stateOf(one)}</td>
        <td>{moment(one.created_at)}</td>
        <td>
          {one.disabled_at ? (
            <button
              type="button"
              aria-label={t("enable_named", { name })}
              onClick={() => void made(() => api.enable(one), "account_enabled_done")}
            >
              {t("enable")}
            </button>
          ) : (
            <button
              type="button"
              aria-label={t("disable_named", { name })}
              aria-expanded={asking === "disable"}
              onClick={() => setAsking(asking === "disable" ? "" : "disable")}
            >
              {t("disable")}
            </button>
          )}{" "}
          {name === user?.name ? (
            <a class="button" href="#/password">
              {t("change_password")}
            </a>
          ) : (
            <button
              type="button"
              aria-label={t("reset_named", { name })}
              aria-expanded={asking === "reset"}
              onClick={() => setAsking(asking === "reset" ? "" : "reset")}
            >
              {t("reset_password")}
            </button>
          )}
        </td>
      </tr>
      {asking !== "" && (
        <tr>
          <td colSpan={5}>
            {asking === "disable" ? (
              <Asked
                label={t("disable_named", { name })}
                onSend={() => made(() => api.disable(one), "account_disabled_done")}
                onCancel={() => setAsking("")}
              >
                <p>{t("disable_asked", { name })}</p>
              </Asked>
            ) : (
              <Asked
                label={t("reset_named", { name })}
                onSend={(form) => {
                  const password = String(form.get("password"));
                  return made(() => api.resetPassword(one, password), "password_reset_done");
                }}
                onCancel={() => setAsking("")}
              >
                <FirstPassword />
              </Asked>
            )}
          </td>
        </tr>
      )}
    </>
  );
}

function stateOf(one: Account): string {
  if (one.disabled_at) return `${t("account_disabled")} ${moment(one.disabled_at)}`;
  return one.must_change ? t("account_must_change") : t("account_active");
}

function RoleOptions({ chosen }: { chosen: string }) {
  return (
    <>
      {roles().map(({ id, label }) => (
        <option key={id} value={id} selected={id === chosen}>
          {opened(told(label))}
        </option>
      ))}
    </>
  );
}

/** Not hidden: whoever chooses it has to tell it. */
function FirstPassword() {
  const [password, setPassword] = useState(suggestedPassword);
  return (
    <>
      <label>
        {t("first_password")}
        <input
          name="password"
          class="first-password"
          minLength={SHORTEST}
          maxLength={200}
          autocomplete="off"
          spellcheck={false}
          required
          value={password}
          onInput={(event) => setPassword(event.currentTarget.value)}
        />
      </label>
      <p class="hint small">{t("first_password_hint")}</p>
    </>
  );
}

function NewAccount({ change }: { change: Change }) {
  const [turn, setTurn] = useState(0); // another form, with another password, after each account
  return (
    <section>
      <h2>{t("add_account")}</h2>
      <Asked
        key={turn}
        label={t("add_account")}
        onSend={async (form) => {
          const [name, role, password] = ["name", "role", "password"].map((each) =>
            String(form.get(each)),
          );
          if (name === undefined || role === undefined || password === undefined) return;
          await change(
            async () => {
              await api.addAccount(name.trim(), role, password);
              setTurn((n) => n + 1);
            },
            t("account_added", { name: name.trim() }),
          );
        }}
      >
        <label>
          {t("name")}
          <input name="name" maxLength={50} autocomplete="off" required />
        </label>
        <label>
          {t("role")}
          <select name="role">
            <RoleOptions chosen="reviewer" />
          </select>
        </label>
        <FirstPassword />
      </Asked>
    </section>
  );
}
