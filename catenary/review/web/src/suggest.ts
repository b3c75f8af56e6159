// A password for somebody else's first login: easy to read out, hard to guess.

// No letters or digits that look alike.
const LETTERS = "abcdefghjkmnpqrstuvwxyz23456789";
const GROUPS = 4;
const GROUP = 4; // characters; 16 of 31 kinds are 79 bits

export function suggestedPassword(): string {
  const groups = Array.from({ length: GROUPS }, () =>
    Array.from({ length: GROUP }, () => LETTERS[below(LETTERS.length)]).join(""),
  );
  return groups.join("-");
}

/** An even random number in [0, most), by throwing away what would make some more likely. */
function below(most: number): number {
  const byte = new Uint8Array(1);
  for (;;) {
    crypto.getRandomValues(byte);
    const drawn = byte[0] ?? 0;
    if (drawn < 256 - (256 % most)) return drawn % most;
  }
}
