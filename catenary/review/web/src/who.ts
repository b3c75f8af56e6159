// Who is logged in, for every page.
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Right, Session } from "./api";

export const NOBODY: Session = {
  user: null,
  accounts: true,
  csrf_token: "",
  can: [],
  must_change: false,
  break_after_minutes: 20,
  break_minutes: 5,
  lease_minutes: 10,
  version: "",
};

export const SessionContext = createContext<Session>(NOBODY);

export function useSession(): Session {
  return useContext(SessionContext);
}

export function useRight(right: Right): boolean {
  return useSession().can.includes(right);
}
