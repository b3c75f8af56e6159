// The photographs that show one part, as small pictures to choose from.

import type { ComponentChildren } from "preact";
import type { ItemDetail } from "./api";
import { keysOf } from "./keys";
import { percent, verdictName } from "./names";
import { Small } from "./retry";
import { thumbUrl } from "./stage";
import { t } from "./words";

interface Props {
  item: ItemDetail;
  /** The view that is looked at; -1 for none. */
  view: number;
  onView: (view: number) => void;
  /** Whether the page takes the keys that choose a view. */
  hasKeys?: boolean;
  /** Behind the pictures. */
  children?: ComponentChildren;
}

/** All views of a part that several photographs show. */
export function Strip({ item, view, onView, hasKeys = false, children }: Props) {
  if (item.seen_in.length < 2) return null;
  const keyOfView = (i: number) => (hasKeys && keysOf("triage", `view${i + 1}`)) || undefined;
  return (
    <div class="strip">
      {item.seen_in.map((one, i) => (
        <button
          type="button"
          key={one.frame_id}
          class="thumb"
          aria-pressed={i === view}
          aria-keyshortcuts={keyOfView(i)}
          onClick={(event) => {
            event.currentTarget.blur();
            onView(i);
          }}
        >
          <Small src={thumbUrl(item, i)} />
          <span>
            {t("camera")} {one.camera} {keyOfView(i) && <kbd>{keyOfView(i)}</kbd>}
            <br />
            {verdictName(one.verdict)} {percent(one.probability)}
          </span>
        </button>
      ))}
      {children && (
        <>
          <span class="spacer" />
          {children}
        </>
      )}
    </div>
  );
}
