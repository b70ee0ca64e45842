/** Looks for tokens where none may be: any 12 characters of a secret or MAC, as text or as the bytes they stand for. */

const PIECE = 12;

/** Every 12-character piece of the secret and MAC of each token, and every 9-byte piece of what they decode to. */
export function secretPieces(tokens: readonly string[]): string[] {
  return tokens.flatMap((token) => {
    const segments = [token.slice(28, 71), token.slice(71)];
    return segments.flatMap((segment) => [
      ...windows(segment, PIECE),
      ...windows(Buffer.from(segment, "base64url").toString("latin1"), (PIECE * 3) / 4),
    ]);
  });
}

export function piecesFound(pieces: readonly string[], text: string): string[] {
  return pieces.filter((piece) => text.includes(piece));
}

function windows(text: string, length: number): string[] {
  return Array.from({ length: text.length - length + 1 }, (_, i) => text.slice(i, i + length));
}
