// Something read from the server while a component is shown.
import { useCallback, useEffect, useState } from "preact/hooks";
import { ApiError } from "./api";

export interface Loaded<T> {
  value: T | null;
  error: ApiError | null;
  isLoading: boolean;
  reload: () => void;
}

/** Reads again when `key` changes; the old value stays on the screen until the new one is there. */
export function useLoaded<T>(key: string, read: () => Promise<T>): Loaded<T> {
  const [turn, setTurn] = useState(0);
  const [state, setState] = useState<Omit<Loaded<T>, "reload">>({
    value: null,
    error: null,
    isLoading: true,
  });
  // Key stands for what read depends on
  useEffect(() => {
    let wanted = true;
    setState((old) => ({ ...old, isLoading: true }));
    read().then(
      (value) => wanted && setState({ value, error: null, isLoading: false }),
      (error: unknown) => {
        if (!(error instanceof ApiError)) throw error;
        if (wanted) setState((old) => ({ ...old, error, isLoading: false }));
      },
    );
    return () => {
      wanted = false;
    };
  }, [key, turn]);
  return { ...state, reload: useCallback(() => setTurn((n) => n + 1), []) };
}
