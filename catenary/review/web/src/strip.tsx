// The photographs that show one part, as small pictures to choose from.
import type { ItemDetail } from "./api";
import { percent, verdictName } from "./names";
import { thumbUrl } from "./stage";
import { t } from "./words";

interface Props {
  item: ItemDetail;
  /** The view that is looked at; -1 for none. */
  view: number;
  onView: (view: number) => void;
}

/** All views of a part that several photographs show. */
export function Strip({ item, view, onView }: Props) {
  if (item.seen_in.length < 2) return null;
  return (
    <div class="strip">
      {item.seen_in.map((one, i) => (
        <button
          type="button"
          key={one.frame_id}
          class="thumb"
          aria-pressed={i === view}
          onClick={(event) => {
            event.currentTarget.blur();
            onView(i);
          }}
        >
          <img class="toned" src={thumbUrl(item, i)} alt="" />
          <span>
            {t("camera")} {one.camera}
            <br />
            {verdictName(one.verdict)} {percent(one.probability)}
          </span>
        </button>
      ))}
    </div>
  );
}
