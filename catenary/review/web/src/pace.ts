// How long somebody has been deciding without a pause; attention falls after some minutes.

export interface Pace {
  since: number;
  last: number;
}

/** The pace after a decision; a pause of `pauseMs` begins anew. */
export function paced(pace: Pace | null, now: number, pauseMs: number): Pace {
  if (!pace || now - pace.last >= pauseMs) return { since: now, last: now };
  return { since: pace.since, last: now };
}

/** Minutes without a pause, when a break is due; else null. */
export function dueAfter(pace: Pace | null, afterMs: number): number | null {
  if (!pace || pace.last - pace.since < afterMs) return null;
  return Math.round((pace.last - pace.since) / 60000);
}
