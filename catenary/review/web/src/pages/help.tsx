// What a reviewer needs to know, and every key; the overlay shows the keys of one page.
import { useEffect, useRef } from "preact/hooks";
import { KEYS, keyName, type Page } from "../keys";
import { t, type Word } from "../words";

const PAGES: readonly Page[] = [
  "triage",
  "sheet",
  "picture",
  "queue",
  "defects",
  "defect",
  "everywhere",
];
const SENTENCES: readonly Word[] = [
  "help_intro",
  "help_queue",
  "help_lease",
  "help_tone",
  "help_loop",
  "help_reports",
  "help_accounts",
  "help_windows",
  "help_screens",
];
const DECISIONS: readonly Word[] = [
  "help_confirm",
  "help_reject",
  "help_observe",
  "help_cannot_judge",
];

export function Help() {
  return (
    <div class="page help">
      <h1>{t("help")}</h1>
      {SENTENCES.map((word) => (
        <p key={word}>{t(word)}</p>
      ))}
      <ul>
        {DECISIONS.map((word) => (
          <li key={word}>{t(word)}</li>
        ))}
      </ul>
      <p>
        <a href="#/picture?follow=1" target="_blank" rel="noopener">
          {t("follow_window")}
        </a>
      </p>
      <h2>{t("keys")}</h2>
      <div class="key-tables">
        {PAGES.map((page) => (
          <KeyTable key={page} page={page} />
        ))}
      </div>
    </div>
  );
}

export function KeyTable({ page }: { page: Page }) {
  return (
    <table class="keys">
      <caption>{t(page)}</caption>
      <tbody>
        {KEYS[page].map((binding) => (
          <tr key={binding.action}>
            <th scope="row">
              {binding.keys.map((key) => (
                <kbd key={key}>{keyName(key)}</kbd>
              ))}
            </th>
            <td>{t(binding.word)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The keys of the page that is open, over it. */
export function HelpOverlay({ page, onClose }: { page: Page; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="help-overlay" aria-label={t("keys")} onClose={onClose}>
      <div class="key-tables">
        {page !== "everywhere" && <KeyTable page={page} />}
        <KeyTable page="everywhere" />
      </div>
      {/* A dialog puts the focus on what closes it */}
      <button type="button" autofocus onClick={() => dialog.current?.close()}>
        {t("close")} <kbd>Esc</kbd>
      </button>
    </dialog>
  );
}
