// The frame around all pages: who is here, which page, language, theme, the help overlay.
import { useCallback, useEffect, useState } from "preact/hooks";
import { ApiError, api, onLoggedOut, type Right, type Session } from "./api";
import { Problem } from "./controls";
import { type Page, useKeys } from "./keys";
import { learnNames, roleName } from "./names";
import { Accounts } from "./pages/accounts";
import { DefectPage } from "./pages/defect";
import { Defects } from "./pages/defects";
import { Help, HelpOverlay } from "./pages/help";
import { Login } from "./pages/login";
import { MastPage, Masts } from "./pages/masts";
import { PasswordPage } from "./pages/password";
import { Queue } from "./pages/queue";
import { Reports } from "./pages/reports";
import { Sheet } from "./pages/sheet";
import { StatisticsPage } from "./pages/statistics";
import { Triage } from "./pages/triage";
import { type Place, usePlace } from "./place";
import { change, type Theme, useSettings } from "./settings";
import { curve } from "./tone";
import { NOBODY, SessionContext } from "./who";
import { t, type Word } from "./words";

const NAVIGATION: readonly { page: string; word: Word; right?: Right }[] = [
  { page: "queue", word: "queue" },
  { page: "triage", word: "triage" },
  { page: "sheet", word: "sheet" },
  { page: "masts", word: "masts" },
  { page: "defects", word: "defects" },
  { page: "reports", word: "reports", right: "export" },
  { page: "statistics", word: "statistics" },
  { page: "accounts", word: "accounts", right: "people" },
  { page: "help", word: "help" },
];
const WITH_KEYS: readonly Page[] = ["queue", "triage", "sheet", "picture", "defects", "defect"];
const AHEAD_MS = 3000; // after which code is fetched that the first page does not need
const THEMES: readonly Theme[] = ["system", "light", "dark"];

export function App() {
  const settings = useSettings();
  const place = usePlace();
  const [session, setSession] = useState<Session | null>(null);
  const [isReady, setReady] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const [isHelping, setHelping] = useState(false);

  const start = useCallback(async () => {
    try {
      const found = await api.session();
      if (found.user && !found.must_change) await readNames();
      setReady(found.user !== null);
      setSession(found);
      setError(null);
    } catch (refused) {
      if (!(refused instanceof ApiError)) throw refused;
      setError(refused);
    }
  }, []);
  useEffect(() => {
    onLoggedOut.call = () => void start();
    void start();
  }, [start]);
  useEffect(() => {
    document.title = t("title");
  });
  usePictureAhead(isReady);
  const where = `${place.page}?${place.query}`;
  useEffect(() => setHelping(false), [where]); // the keys shown were of another page

  const cycleTheme = () =>
    change({ theme: THEMES[(THEMES.indexOf(settings.theme) + 1) % THEMES.length] ?? "system" });
  const switchLanguage = () => change({ language: settings.language === "zh" ? "en" : "zh" });
  useKeys("everywhere", {
    help: () => setHelping(!isHelping),
    theme: cycleTheme,
    language: switchLanguage,
    ...(isHelping ? {} : { close: leaveField }), // an open dialog takes Escape itself
  });

  const logOut = async () => {
    setSession(await api.logOut());
    setReady(false);
  };
  const page = WITH_KEYS.find((one) => one === place.page) ?? "everywhere";
  const isIn = session?.user && isReady;
  const links = NAVIGATION.filter(({ right }) => !right || session?.can.includes(right));
  return (
    <SessionContext.Provider value={session ?? NOBODY}>
      <ToneFilter />
      <button
        type="button"
        class="skip"
        onClick={() => document.getElementById("content")?.focus()}
      >
        {t("skip_to_content")}
      </button>
      <header class="top">
        <strong class="brand">{t("title")}</strong>
        {isIn && !session.must_change && (
          <nav>
            {links.map(({ page: target, word }) => (
              <a
                key={target}
                href={`#/${target}`}
                aria-current={place.page === target ? "page" : undefined}
              >
                {t(word)}
              </a>
            ))}
          </nav>
        )}
        <span class="spacer" />
        {session?.user &&
          (session.accounts ? (
            <a class="user" href="#/password" title={t("change_password")}>
              {session.user.name} · {roleName(session.user.role)}
            </a>
          ) : (
            <span class="user">{t("local_user")}</span>
          ))}
        {session?.user && session.accounts && (
          <button type="button" onClick={() => void logOut()}>
            {t("log_out")}
          </button>
        )}
        <button type="button" onClick={cycleTheme} title={`${t("theme")} (Shift+T)`}>
          {t(`theme_${settings.theme}`)}
        </button>
        <button
          type="button"
          onClick={switchLanguage}
          lang={settings.language === "zh" ? "en" : "zh-CN"}
        >
          {t("language")}
        </button>
      </header>
      {isIn ? (
        <main id="content" tabIndex={-1}>
          {session.must_change ? (
            <PasswordPage onChanged={() => void start()} />
          ) : (
            <Shown place={place} restart={() => void start()} />
          )}
        </main>
      ) : session ? (
        <Login onSession={() => void start()} />
      ) : (
        <main id="content" class="empty">
          {error ? <Problem error={error} retry={() => void start()} /> : t("loading")}
        </main>
      )}
      {isHelping && <HelpOverlay page={page} onClose={() => setHelping(false)} />}
    </SessionContext.Provider>
  );
}

/** Leaves what has the focus; false where that was no field, so that Escape cancels in a page. */
function leaveField(): boolean {
  const focused = document.activeElement;
  if (!(focused instanceof HTMLElement)) return false;
  focused.blur();
  return focused.matches("input, select, textarea");
}

async function readNames(): Promise<void> {
  learnNames(await api.taxonomy());
}

interface ShownProps {
  place: Place;
  restart: () => void;
}

function Shown({ place: { page, query }, restart }: ShownProps) {
  switch (page) {
    case "queue":
      return <Queue query={query} />;
    case "triage":
      return <Triage query={query} />;
    case "sheet":
      return <Sheet query={query} />;
    case "picture":
      return <PicturePage query={query} />;
    case "masts":
      return <Masts query={query} />;
    case "mast":
      return <MastPage query={query} />;
    case "defects":
      return <Defects query={query} />;
    case "defect":
      return <DefectPage query={query} />;
    case "statistics":
      return <StatisticsPage />;
    case "reports":
      return <Reports query={query} />;
    case "accounts":
      return <Accounts />;
    case "password":
      return <PasswordPage onChanged={restart} />;
    case "help":
      return <Help />;
    default:
      return <p class="empty">{t("no_page")}</p>;
  }
}

const readPicturePage = () => import("./pages/picture");

/** OpenSeadragon is most of the code: it is fetched when the first page is long there. */
function usePictureAhead(isReady: boolean): void {
  useEffect(() => {
    if (!isReady) return;
    const ahead = setTimeout(() => void readPicturePage().catch(() => {}), AHEAD_MS);
    return () => clearTimeout(ahead);
  }, [isReady]);
}

function PicturePage({ query }: { query: URLSearchParams }) {
  const [page, setPage] = useState<Awaited<ReturnType<typeof readPicturePage>> | null>(null);
  const [isGone, setGone] = useState(false);
  useEffect(() => {
    readPicturePage().then(setPage, () => setGone(true));
  }, []);
  // A newer version was installed meanwhile.
  if (isGone) return <p class="empty">{t("error_csrf")}</p>;
  return page ? <page.Picture query={query} /> : <p class="empty">{t("loading")}</p>;
}

/** Brightness, contrast and gamma of every picture with class `toned`. */
function ToneFilter() {
  const { tone } = useSettings();
  const table = curve(tone)
    .map((level) => level.toFixed(4))
    .join(" ");
  const isPlain = tone.brightness === 0 && tone.contrast === 0 && tone.gamma === 1;
  useEffect(() => void document.documentElement.classList.toggle("is-toned", !isPlain), [isPlain]);
  return (
    <svg class="hidden" aria-hidden="true">
      <filter id="tone" color-interpolation-filters="sRGB">
        <feComponentTransfer>
          <feFuncR type="table" tableValues={table} />
          <feFuncG type="table" tableValues={table} />
          <feFuncB type="table" tableValues={table} />
        </feComponentTransfer>
      </filter>
    </svg>
  );
}
