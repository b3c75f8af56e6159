// Pictures that did not come are asked for again: the server may only have been away for a while.
import { useEffect, useState } from "preact/hooks";

const FIRST_MS = 3000; // doubled each time
const MOST = 6; // tries, over some three minutes

interface Retry {
  /** Whether the last try failed. */
  isBroken: boolean;
  /** Of the element: another one is another try. */
  key: string;
  onError: () => void;
}

export function useRetry(src: string): Retry {
  const [held, hold] = useState({ src, tries: 0, isBroken: false });
  const now = held.src === src ? held : { src, tries: 0, isBroken: false };
  useEffect(() => {
    if (!now.isBroken || now.tries >= MOST) return;
    const again = () => hold({ src, tries: now.tries + 1, isBroken: false });
    const waiting = setTimeout(again, FIRST_MS * 2 ** now.tries);
    return () => clearTimeout(waiting);
  }, [src, now.isBroken, now.tries]);
  return {
    isBroken: now.isBroken,
    key: `${src} ${now.tries}`,
    onError: () => hold({ ...now, isBroken: true }),
  };
}

interface PictureProps {
  src: string;
  alt?: string;
  width?: number;
  height?: number;
  loading?: "lazy";
}

/** A small picture, in the reader's tone. */
export function Small({ alt = "", ...props }: PictureProps) {
  const { key, onError } = useRetry(props.src);
  return <img key={key} class="toned" {...props} alt={alt} onError={onError} />;
}
