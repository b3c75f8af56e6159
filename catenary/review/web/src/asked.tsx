// A short form for what an action needs to be told.
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "./words";

interface AskedProps {
  label: string;
  onSend: (form: FormData) => Promise<void>;
  onCancel?: () => void;
  children: ComponentChildren;
}

/** A form that is sent once at a time; it begins with its first control. */
export function Asked({ label, onSend, onCancel, children }: AskedProps) {
  const form = useRef<HTMLFormElement>(null);
  const [isSending, setSending] = useState(false);
  // At once: whoever presses Enter again must not press the button that opened it
  useLayoutEffect(() => {
    if (onCancel) form.current?.querySelector<HTMLElement>("input, button")?.focus();
  }, []);
  const send = async (filled: FormData) => {
    setSending(true);
    await onSend(filled);
    setSending(false);
  };
  return (
    <form
      ref={form}
      class="asked"
      aria-label={label}
      onSubmit={(event) => {
        event.preventDefault();
        void send(new FormData(event.currentTarget));
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") onCancel?.();
      }}
    >
      {children}
      <button type="submit" class="primary" disabled={isSending}>
        {label}
      </button>
      {onCancel && (
        <button type="button" onClick={onCancel}>
          {t("cancel")}
        </button>
      )}
    </form>
  );
}
