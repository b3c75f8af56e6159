// The pictures of a defect: each item that shows it, with what the machine saw drawn in.
import { useRef } from "preact/hooks";
import { api, cropUrl, type DefectDetail, type Item } from "./api";
import { Grade, Problem } from "./controls";
import { CropPicture, Legend } from "./crop";
import { useLoaded } from "./load";
import { itemName, kindName } from "./names";
import { to } from "./place";
import { type Room, scaleFor, scaleName } from "./scale";
import { useSettings } from "./settings";
import { useRoom } from "./size";
import { linesOf } from "./stage";
import { t } from "./words";

const GAP = 12; // px between pictures
const OTHERS = 620; // px of the height for all else on the page

/** The newest run first, as the server tells them. */
export function Sightings({ defect }: { defect: DefectDetail }) {
  const place = useRef<HTMLUListElement>(null);
  const { width } = useRoom(place);
  const beside = Math.min(defect.sightings_of.length, 3);
  const room = {
    width: width / beside - GAP,
    height: Math.max(innerHeight / 2, innerHeight - OTHERS),
  };
  return (
    <section>
      <h2>{t("sightings")}</h2>
      <ul class="sightings" ref={place}>
        {width > 0 &&
          defect.sightings_of.map(({ defect_id, item }) => (
            <li key={item.id}>
              <Picture item={item} room={room} />
              <p>
                <b>{kindName(item)}</b> <Grade grade={item.grade} />
              </p>
              <p class="muted small">
                {item.run} · {t("camera")} {item.camera} ·{" "}
                {defect_id === defect.id ? t("this_defect") : <DefectLink id={defect_id} />}
              </p>
            </li>
          ))}
      </ul>
    </section>
  );
}

export function DefectLink({ id }: { id: number }) {
  return <a href={to("defect", { id })}>{t("defect_number", { id })}</a>;
}

function Picture({ item, room }: { item: Item; room: Room }) {
  const { evidence, brighten, tone } = useSettings();
  const read = useLoaded(`sighting ${item.id} ${item.version}`, () => api.item(item.id));
  const seen = read.value?.seen_in[0];
  if (!seen) return <Problem error={read.error} retry={read.reload} />;
  const scale = scaleFor(seen.crop, room, "fit");
  const lines = evidence ? linesOf(seen) : [];
  return (
    <figure>
      <a class="sighting" href={to("picture", { frame: item.frame_id, item: item.id })}>
        <CropPicture
          src={cropUrl(item, 0, { brighten })}
          crop={seen.crop}
          scale={scale}
          label={t("crop_of", { what: itemName(item) })}
          box={evidence ? seen.box : null}
          isEven={tone.even}
          lines={lines}
        />
      </a>
      <figcaption>
        <span class="scale">
          {scale >= 1 ? scaleName(scale) : t("scale_fit", { scale: scaleName(scale) })}
        </span>
        <Legend lines={lines} />
      </figcaption>
    </figure>
  );
}
