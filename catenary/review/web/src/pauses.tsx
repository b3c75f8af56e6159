// The reminder to rest, the same for whoever decides one by one or by sheets.
import { dueAfter, type Pace, paced } from "./pace";
import { useSession } from "./who";
import { t } from "./words";

// As long as the page is open, whichever way one decides.
let pace: Pace | null = null;

/** Notes that a decision was made. */
export function breathe(pauseMinutes: number): void {
  pace = paced(pace, Date.now(), pauseMinutes * 60000);
}

export function Break() {
  const { break_after_minutes, break_minutes } = useSession();
  const due = dueAfter(pace, break_after_minutes * 60000);
  if (due === null) return null;
  return <span class="warn">{t("break_due", { minutes: due, pause: break_minutes })}</span>;
}
